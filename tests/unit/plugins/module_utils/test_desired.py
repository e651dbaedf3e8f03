# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task may say about an image, and what becomes of it."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _desired as desired
from ansible_collections.cloudimage.glance.plugins.module_utils._argspec import image_spec, wait_spec
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import InvalidOption
from ansible_collections.cloudimage.glance.plugins.module_utils._observed import BASE_ATTRIBUTES
from hypothesis import given, settings
from hypothesis import strategies as st

QUICK = settings(max_examples=100, deadline=None, derandomize=True, database=None)
ASTRAL = "\N{SNAKE}"


def declared(**options: t.Any) -> desired.Desired:
    """The declaration that a task with these options makes."""
    spec = image_spec() | wait_spec()
    return desired.desired_image({key: each.get("default") for key, each in spec.items()} | {"name": "n"} | options)


@pytest.mark.parametrize(
    ("value", "held"),
    [
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-7, "-7"),
        (1.5, "1.5"),
        ("", ""),
        ("yes", "yes"),
        ("äöü ☃", "äöü ☃"),
        ("x" * 65535, "x" * 65535),
        (None, None),
    ],
)
def test_property_values_become_texts(value: t.Any, held: str | None) -> None:
    assert desired.desired_properties({"p": value}) == {"p": held}


@pytest.mark.parametrize(
    "value", [[], ["a"], {}, {"a": 1}, b"bytes", "x" * 65536, ASTRAL, "a\0b", "\udc80", "☃" * 30000]
)
def test_values_that_glance_cannot_hold_are_refused(value: t.Any) -> None:
    with pytest.raises(InvalidOption, match="properties"):
        desired.desired_properties({"p": value})


@pytest.mark.parametrize("key", ["p", "os_distro", "a b", "a/b", "a~b", "é", ":", "x" * 255, "hw:cpu", "os_hash"])
def test_good_keys(key: str) -> None:
    assert desired.desired_properties({key: "v"}) == {key: "v"}


@pytest.mark.parametrize(
    "key",
    [
        "",
        " p",
        "p ",
        "\tp",
        "x" * 256,
        ASTRAL,
        "\0",
        1,
        None,
        "cloudimage_content_key",
        "cloudimage_x",
        "os_glance_x",
        "os_glancex",
        "owner_specified.openstack.md5",
        "location",
        "deleted",
        "deleted_at",
        *sorted(BASE_ATTRIBUTES),
    ],
)
def test_bad_keys(key: t.Any) -> None:
    with pytest.raises(InvalidOption, match="properties"):
        desired.desired_properties({key: "v"})


@pytest.mark.parametrize(
    ("key", "option"), [("protected", "is_protected"), ("os_hidden", "is_hidden"), ("min_disk", "min_disk")]
)
def test_the_right_option_is_named(key: str, option: str) -> None:
    with pytest.raises(InvalidOption, match=option):
        desired.desired_properties({key: "v"})


@pytest.mark.parametrize(
    "name", ["n", "a:b", "a/b", "[a]", "日本語", "имя", "x" * 255, " a ", "a,b", "eq:a", "\u202ea"]
)
def test_good_names(name: str) -> None:
    assert declared(name=name).name == name


@pytest.mark.parametrize("name", ["", "x" * 256, ASTRAL, "a\0", "a\udc80"])
def test_bad_names(name: str) -> None:
    with pytest.raises(InvalidOption, match=r"^name: "):
        declared(name=name)


@pytest.mark.parametrize(
    ("tags", "held"),
    [(None, None), ([], frozenset()), (["b", "a", "b"], frozenset("ab")), (["a/b"], frozenset(["a/b"]))],
)
def test_tags_are_a_set(tags: list[str] | None, held: frozenset[str] | None) -> None:
    assert declared(tags=tags).tags == held


@pytest.mark.parametrize("tag", ["", "x" * 256, ASTRAL])
def test_bad_tags(tag: str) -> None:
    with pytest.raises(InvalidOption, match="tag"):
        declared(tags=["a", tag])


def test_members_are_a_set() -> None:
    assert (declared().members, declared().purge_members) == (None, False)
    assert declared(members=["b", "a", "b"]).members == frozenset("ab")
    empty = declared(members=[], purge_members=True)
    assert (empty.members, empty.purge_members) == (frozenset(), True)


def test_stores_keep_their_order() -> None:
    """A direct upload goes into the first."""
    assert declared().stores is None
    assert declared(stores=["b", "a", "b"]).stores == ("b", "a")


def test_min_disk_may_be_what_the_disk_needs() -> None:
    assert (declared().fit_min_disk, declared(min_disk_from_virtual_size=True).fit_min_disk) == (False, True)
    assert declared(min_disk=1).fit_min_disk is False


def test_force_is_only_said_by_force() -> None:
    assert (declared(is_protected=False).force, declared(force=True).force) == (False, True)


@pytest.mark.parametrize(
    ("options", "imported"),
    [
        ({"filename": "/f"}, False),
        ({"filename": "/f", "use_import": True}, True),
        ({"filename": "/f", "import_method": "auto"}, True),
        ({"uri": "http://h/f"}, True),
        ({"remote_image_id": "0" * 32, "remote_region": "r"}, True),
    ],
)
def test_whether_the_cloud_may_change_the_data(options: dict[str, t.Any], imported: bool) -> None:
    assert declared(**options).imported is imported


@pytest.mark.parametrize(
    ("options", "attributes"),
    [
        ({}, {}),
        ({"visibility": "public"}, {"visibility": "public"}),
        ({"is_public": True}, {"visibility": "public"}),
        ({"is_public": False}, {"visibility": "private"}),
        ({"is_protected": False}, {"protected": False}),
        ({"is_hidden": True}, {"os_hidden": True}),
        ({"min_disk": 0, "min_ram": 2**31 - 1}, {"min_disk": 0, "min_ram": 2**31 - 1}),
    ],
)
def test_only_what_is_said_is_declared(options: dict[str, t.Any], attributes: dict[str, t.Any]) -> None:
    assert declared(**options).attributes == attributes


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"volume": "v"}, "volume"),
        ({"id": "x"}, "id"),
        ({"id": ""}, "id"),
        ({"min_disk": -1}, "min_disk"),
        ({"min_ram": 2**31}, "min_ram"),
        ({"disk_format": ""}, "disk_format"),
        ({"container_format": ""}, "container_format"),
        ({"content_key": ""}, "content_key"),
        ({"content_key": ASTRAL}, "content_key"),
        ({"min_disk": 1, "min_disk_from_virtual_size": True}, "min_disk"),
        ({"purge_members": True}, "purge_members"),
        ({"members": ["a", ""]}, "members"),
        ({"members": [" "]}, "members"),
        ({"stores": []}, "stores"),
        ({"stores": ["a", ""]}, "stores"),
    ],
)
def test_refusals_name_the_option(options: dict[str, t.Any], option: str) -> None:
    with pytest.raises(InvalidOption, match=f"^{option}: ") as caught:
        declared(**options)
    assert "\n" not in str(caught.value)


def test_ids_are_brought_into_their_usual_form() -> None:
    assert declared(id="00000000000040008000" + "A" * 12).id == "00000000-0000-4000-8000-" + "a" * 12


@QUICK
@given(
    st.dictionaries(
        st.text(), st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text()))
    )
)
def test_properties_are_held_or_refused(properties: dict[str, t.Any]) -> None:
    try:
        held = desired.desired_properties(properties)
    except InvalidOption as refusal:
        assert "properties" in str(refusal)
        return
    assert held.keys() == properties.keys()
    assert all(value is None or isinstance(value, str) for value in held.values())
    assert desired.desired_properties(held) == held


SOURCE = desired.Source("web-download", uri="http://h/f")


@pytest.mark.parametrize(
    ("options", "identity"),
    [
        ({}, None),
        ({"source": desired.Source(path="/f")}, None),
        ({"content_key": "k"}, "k"),
        ({"source": SOURCE, "content_key": "k", "checksum": ("md5", "0")}, "k"),
        ({"source": SOURCE, "checksum": ("md5", "0")}, "md5:0"),
        ({"checksum": ("md5", "0")}, None),
    ],
)
def test_identity(options: dict[str, t.Any], identity: str | None) -> None:
    assert desired.Desired("n", **options).identity == identity
