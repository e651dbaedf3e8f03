# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images as read from Glance's JSON, and their parts under a name."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils._cast import Cast, cast
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import AmbiguousImage
from ansible_collections.cloudimage.glance.plugins.module_utils._observed import Image

SOON, AFTER, BEFORE = "cloudimage_incoming_for", "cloudimage_replaces", "cloudimage_replaced_by"
HIDDEN = {"os_hidden": True}
SNAPSHOT = {"image_type": "snapshot"}
COPY = {"cloudimage_image_id": "another"}


def image(image_id: str, **raw: t.Any) -> Image:
    """An active image."""
    return Image({"id": image_id, "name": "n", "status": "active"} | raw)


def parts(found: Cast) -> str:
    """The parts as ids: current, incoming, outgoing."""
    current = found.current.id if found.current else "-"
    return f"{current} {''.join(each.id for each in found.incoming)}/{''.join(each.id for each in found.outgoing)}"


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        ([], "- /"),
        ([{}], "a /"),
        ([HIDDEN], "a /"),
        ([HIDDEN, {}], "b /"),
        ([{"status": "queued"}], "a /"),
        ([{"status": "pending_delete"}, {}], "b /"),
        ([{"status": "deleted"}], "- /"),
        ([{}, HIDDEN | {SOON: "a"}], "a b/"),
        ([HIDDEN | {SOON: "gone"}], "- a/"),
        ([{}, {AFTER: "a"}], "b /a"),
        ([{}, {AFTER: "a"}, {AFTER: "b"}], "c /ab"),
        ([HIDDEN | {BEFORE: "b"}, {AFTER: "a"}], "b /"),
        ([HIDDEN | {BEFORE: "gone"}], "- /"),
        ([{BEFORE: "gone"}], "a /"),
        ([{}, SNAPSHOT | HIDDEN | {SOON: "a"}], "a /"),
        ([{}, SNAPSHOT | HIDDEN | {AFTER: "a"}], "a /"),
        ([{}, COPY | HIDDEN | {SOON: "a"}], "a /"),
        ([{}, COPY | HIDDEN | {AFTER: "a"}], "a /"),
        ([COPY | HIDDEN | {BEFORE: "gone"}], "a /"),
        ([{"cloudimage_image_id": "a"}, {AFTER: "a", "cloudimage_image_id": "b"}], "b /a"),
        ([SNAPSHOT | HIDDEN | {BEFORE: "b"}, {AFTER: "a"}], "b /"),
        ([SNAPSHOT | HIDDEN | {BEFORE: "gone"}], "- /"),
        ([{}, {SOON: "a"}, {SOON: "b"}], "a bc/"),
    ],
)
def test_parts(images: list[dict[str, t.Any]], expected: str) -> None:
    found = [image(image_id, **raw) for image_id, raw in zip("abcd", images, strict=False)]
    assert parts(cast(found, "n")) == expected
    assert parts(cast(reversed(found), "n")).split()[0] == expected.split()[0]


@pytest.mark.parametrize(
    "raw",
    [
        {},
        HIDDEN,
        {BEFORE: "x"},
        SNAPSHOT | {AFTER: "a"},
        SNAPSHOT | {SOON: "a"},
        COPY | {SOON: "a"},
        {"status": "queued"},
    ],
)
def test_two_that_could_be_meant(raw: dict[str, t.Any]) -> None:
    first = HIDDEN if raw == HIDDEN else {}
    with pytest.raises(AmbiguousImage, match="a, b") as caught:
        cast([image("b", **raw), image("a", **first)], "n")
    assert caught.value.details == {"ids": ["a", "b"]}


@pytest.mark.parametrize(
    ("raw", "slot", "motion", "usable"),
    [
        ({"status": "queued"}, True, False, False),
        ({"status": "queued", "os_glance_failed_import": "x"}, True, False, False),
        ({"status": "queued", "checksum": "0"}, False, False, False),
        ({"status": "queued", "stores": "fast"}, False, False, False),
        ({"status": "saving"}, False, True, False),
        ({"status": "uploading"}, False, True, False),
        ({"status": "importing"}, False, True, False),
        ({"status": "importing", "os_glance_failed_import": ""}, False, True, False),
        ({"status": "importing", "os_glance_failed_import": "x"}, False, False, False),
        ({"status": "importing", "os_glance_failed_import": "x", "os_glance_import_task": "t"}, False, True, False),
        ({"status": "active"}, False, False, True),
        ({"status": "deactivated"}, False, False, True),
        ({"status": "killed"}, False, False, False),
    ],
)
def test_states(raw: dict[str, t.Any], slot: bool, motion: bool, usable: bool) -> None:
    found = image("a", **raw)
    assert (found.is_slot, found.in_motion, found.usable) == (slot, motion, usable)


@pytest.mark.parametrize(
    ("raw", "copying"),
    [
        ({}, False),
        ({"os_glance_import_task": ""}, False),
        ({"os_glance_import_task": "t"}, True),
        ({"os_glance_import_task": "t", "status": "deactivated"}, True),
        ({"os_glance_import_task": "t", "status": "importing"}, False),
        ({"os_glance_import_task": "t", "status": "queued"}, False),
    ],
)
def test_a_usable_image_that_a_task_holds_is_being_copied(raw: dict[str, t.Any], copying: bool) -> None:
    assert image("a", **raw).copying is copying


@pytest.mark.parametrize(
    ("raw", "size"),
    [
        ({}, None),
        ({"virtual_size": 7, "size": 3, "disk_format": "qcow2"}, 7),
        ({"virtual_size": None, "size": 3, "disk_format": "qcow2"}, None),
        ({"virtual_size": 0, "size": 3, "disk_format": "qcow2"}, None),
        ({"virtual_size": None, "size": 3, "disk_format": "raw"}, 3),
        ({"virtual_size": None, "size": None, "disk_format": "raw"}, None),
        ({"virtual_size": None, "size": 3, "disk_format": "raw", "container_format": "ova"}, None),
    ],
)
def test_virtual_size(raw: dict[str, t.Any], size: int | None) -> None:
    assert image("a", **raw).virtual_size == size


def test_properties_are_what_no_schema_and_no_tool_has_written() -> None:
    raw = {
        "p": "x",
        "os_glance_x": "",
        "owner_specified.openstack.md5": "",
        "cloudimage_content_key": "k",
        "stores": "a",
    }
    assert image("a", **raw).properties == {"p": "x"}
    assert set(image("a", **raw).custom) == set(raw) - {"stores"}


def test_stores() -> None:
    assert [image("a", **raw).stores for raw in ({}, {"stores": ""}, {"stores": "a,b"})] == [(), (), ("a", "b")]


@pytest.mark.parametrize(
    ("raw", "strongest", "md5"),
    [
        ({}, None, None),
        ({"checksum": "0"}, "md5", "0"),
        ({"checksum": "0", "os_hash_algo": "sha512", "os_hash_value": "1"}, "sha512", "0"),
        ({"checksum": "0", "os_hash_algo": "sha512", "os_hash_value": None}, "md5", "0"),
        ({"checksum": None, "os_hash_algo": "md5", "os_hash_value": "1"}, "md5", "1"),
    ],
)
def test_digests(raw: dict[str, t.Any], strongest: str | None, md5: str | None) -> None:
    assert (image("a", **raw).hash_algorithm, image("a", **raw).digest("md5")) == (strongest, md5)
