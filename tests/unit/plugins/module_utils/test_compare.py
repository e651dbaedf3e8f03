# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Metadata compared and patched."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _compare as compare
from ansible_collections.cloudimage.glance.plugins.module_utils._desired import Desired
from ansible_collections.cloudimage.glance.plugins.module_utils._observed import Image
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils import glance_model as model
from hypothesis import given, settings
from hypothesis import strategies as st

KEYS = st.text(st.sampled_from("ab/~"), min_size=1, max_size=3)
VALUES = st.text(st.characters(max_codepoint=0x2FF), max_size=3)
FLAT = st.builds(
    lambda properties, min_disk, tags: properties | {"min_disk": min_disk, "tags": sorted(tags)},
    st.dictionaries(KEYS, VALUES, max_size=4),
    st.integers(0, 2),
    st.frozensets(VALUES.filter(bool), max_size=2),
)


@pytest.mark.parametrize(
    ("have", "want", "operations"),
    [
        ({"p": "x"}, {"p": "x"}, []),
        ({"p": "x"}, {"p": "y"}, [("add", "/p")]),
        ({}, {"p": ""}, [("add", "/p")]),
        ({"p": "x"}, {}, [("remove", "/p")]),
        ({"a/b~c": "x"}, {}, [("remove", "/a~1b~0c")]),
        ({"min_disk": 0}, {"min_disk": 1}, [("replace", "/min_disk")]),
        ({"min_disk": 0}, {}, []),
        ({"protected": True}, {"protected": False}, [("replace", "/protected")]),
    ],
)
def test_patch(have: compare.Flat, want: compare.Flat, operations: list[tuple[str, str]]) -> None:
    assert [(each["op"], each["path"]) for each in compare.patch(have, want)] == operations


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(FLAT, FLAT)
def test_a_patch_turns_one_into_the_other(have: compare.Flat, want: compare.Flat) -> None:
    cloud = model.Cloud()
    image_id = cloud.put(1, **have)
    operations = compare.patch(have, want)
    assert bool(operations) == (have != want)
    if operations:
        cloud.patch(image_id, operations)
    assert {key: cloud.images[image_id].get(key) for key in have | want} == {key: want.get(key) for key in have | want}


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(FLAT, st.dictionaries(KEYS, st.none() | VALUES, max_size=3), st.booleans())
def test_what_is_declared_twice_is_declared_once(have: compare.Flat, properties: dict[str, t.Any], purge: bool) -> None:
    declaration = Desired("n", properties=properties, purge_properties=purge)
    once = compare.declared(declaration, have)
    assert compare.declared(declaration, once) == once
    assert (once["min_disk"], once["tags"]) == (have["min_disk"], have["tags"])


@pytest.mark.parametrize(
    ("stamp", "wanted"),
    [
        (None, set()),
        (f"sha256:{'0' * 64}", {"sha256"}),
        (f"sha256:{'0' * 64}+raw", set()),
        (f"uri-sha256:{'0' * 64}", set()),
        ("build:42", set()),
        ("sha256:v1", set()),
        ("k", set()),
    ],
)
def test_only_digests_that_tell_something_are_asked_for(stamp: str | None, wanted: set[str]) -> None:
    """The size differs, so Glance's own digest tells nothing."""
    image = Image({"id": "a", "status": "active", "cloudimage_content_key": stamp} | model.holding(model.LONG))
    assert compare.digests_wanted(Desired("n", source=model.upload("/img/one")), image) == wanted


STAMPED = {"cloudimage_content_key": f"sha512:{model.digest(model.ONE)}"}


@pytest.mark.parametrize(
    ("raw", "imported", "verdict"),
    [
        pytest.param(STAMPED, True, compare.Verdict.SAME, id="converted by an import"),
        pytest.param(STAMPED | {"stores": "a,b"}, False, compare.Verdict.SAME, id="several stores: imported unasked"),
        pytest.param(STAMPED | {"stores": "a"}, False, compare.Verdict.DIFFERENT, id="uploaded: other format"),
        pytest.param({}, True, compare.Verdict.DIFFERENT, id="no stamp"),
        pytest.param({"cloudimage_content_key": "k"}, True, compare.Verdict.DIFFERENT, id="a stamp that tells nothing"),
    ],
)
def test_a_stamp_tells_what_an_image_was_made_of(
    raw: dict[str, t.Any], imported: bool, verdict: compare.Verdict
) -> None:
    """The format in Glance is not the declared one."""
    held = {"id": "a", "status": "active", "disk_format": "raw"} | model.holding(model.LONG)
    declaration = Desired("n", source=model.upload("/img/one"), disk_format="qcow2", imported=imported)
    digests = {"sha512": model.digest(model.ONE)}
    assert compare.content_verdict(declaration, Image(held | raw), digests) is verdict


@pytest.mark.parametrize(
    ("size", "gibibytes"), [(0, 0), (1, 1), (model.GIB - 1, 1), (model.GIB, 1), (model.GIB + 1, 2), (3 * model.GIB, 3)]
)
def test_gibibytes_are_rounded_up(size: int, gibibytes: int) -> None:
    assert compare.gib(size) == gibibytes


def test_a_picture_of_an_image_shows_its_stores() -> None:
    assert compare.picture_of(Image({"id": "a", "status": "active", "stores": "b,a"}))["stores"] == ["a", "b"]
    assert "stores" not in compare.picture_of(Image({"id": "a", "status": "active"}))


def test_a_picture_leaves_out_what_is_not_known() -> None:
    shown = compare.picture({"name": "n", "owner": None, "p": "x"}, size=None, status="active")
    assert shown == {"name": "n", "status": "active", "properties": {"p": "x"}}
