# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which images of a catalogue it no longer names, and in which order they go."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import ServerRefusal
from ansible_collections.cloudimage.glance.plugins.module_utils._glance import Glance
from ansible_collections.cloudimage.glance.plugins.module_utils._named import unnamed
from ansible_collections.cloudimage.glance.plugins.module_utils._observed import Image
from ansible_collections.cloudimage.glance.plugins.module_utils._presence import Presence
from ansible_collections.cloudimage.glance.plugins.module_utils._prune import Pruning, turns, unneeded
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.glance_model import signed


@dataclasses.dataclass
class Entry:
    scope: str = "p"
    id: str | None = None
    names: set[str] = dataclasses.field(default_factory=set)
    family: str | None = None
    found_id: str | None = None
    seen: tuple[Image, ...] = ()

    @property
    def name(self) -> str:
        return min(self.names, default="")


def image(image_id: str, name: str, owner: str = "p", **more: t.Any) -> Image:
    marked = {"cloudimage_catalog": "c", "status": "active", "os_hidden": False}
    return Image({"id": image_id, "name": name, "owner": owner, **signed(image_id, marked | more)})


UNSIGNED = Image({"id": "1", "name": "a", "owner": "p", "status": "active", "cloudimage_catalog": "c"})
MADE = "2026-11-21T08:00:00Z"
REPLACED = {"os_hidden": True, "cloudimage_replaced_by": "1"}
RENAMED = {"os_hidden": True, "created_at": MADE}
OUTSHONE = {"created_at": MADE, "cloudimage_superseded_at": "2026-11-22T08:00:00Z"}
ROWS = [
    ("named", [image("1", "a")], [Entry(names={"a"})], []),
    ("not named", [image("1", "a")], [Entry(names={"b"})], ["1"]),
    ("named in another project", [image("1", "a", "q")], [Entry(names={"a"})], ["1"]),
    ("named by its id", [image("1", "a")], [Entry(id="1")], []),
    ("named by its id in place of its name", [image("1", "a")], [Entry(names={"1"})], []),
    (
        "of the family of one that is named without its version",
        [image("1", "a", cloudimage_family="a"), image("2", "a (1)", cloudimage_family="a")],
        [Entry(names={"a"})],
        [],
    ),
    ("of a named family", [image("1", "a (1)", cloudimage_family="a")], [Entry(names={"a"}, family="a")], []),
    (
        "of the family of one named by its id",
        [image("1", "a (1)", cloudimage_family="a")],
        [Entry(id="2", family="a")],
        [],
    ),
    ("of another family", [image("1", "a (1)", cloudimage_family="b")], [Entry(names={"a"}, family="a")], ["1"]),
    ("replaced and hidden", [image("1", "a"), image("2", "a", **REPLACED)], [Entry(names={"a"})], []),
    ("replaced and renamed", [image("1", "a"), image("2", f"a ({MADE})", **RENAMED)], [Entry(names={"a"})], []),
    (
        "replaced and renamed, a version",
        [
            image("1", "a", cloudimage_family="a"),
            image("2", f"a ({MADE})", **RENAMED | REPLACED, cloudimage_family="a"),
        ],
        [Entry(family="a")],
        [],
    ),
    ("renamed, of a long name", [image("2", f"{'a' * 232} ({MADE})", **RENAMED)], [Entry(names={"a" * 240})], []),
    ("renamed, of a longer name", [image("2", f"a ({MADE})", **RENAMED)], [Entry(names={"ab"})], ["2"]),
    ("renamed, of another name", [image("2", f"a ({MADE})", **RENAMED)], [Entry(names={"b"})], ["2"]),
    ("renamed, named in another project", [image("2", f"a ({MADE})", "q", **RENAMED)], [Entry(names={"a"})], ["2"]),
    ("renamed after another time", [image("2", "a (2026-01-01T00:00:00Z)", **RENAMED)], [Entry(names={"a"})], ["2"]),
    ("called so, and in sight", [image("2", f"a ({MADE})", created_at=MADE)], [Entry(names={"a"})], ["2"]),
    (
        "replaced by one that was renamed",
        [image("1", f"a ({MADE})", **RENAMED), image("2", "x", **REPLACED)],
        [Entry(names={"a"})],
        [],
    ),
    ("lost its name, and kept in sight", [image("2", f"a ({MADE})", **OUTSHONE)], [Entry(names={"a"})], []),
    ("replaced by one that goes", [image("1", "a"), image("2", "a", **REPLACED)], [Entry(names={"b"})], ["1", "2"]),
    ("a circle", [image("1", "x", **REPLACED)], [Entry(names={"b"})], ["1"]),
    ("a snapshot", [image("1", "a", image_type="snapshot")], [Entry(names={"b"})], []),
    ("made of a volume", [image("1", "a", cloudimage_image_id="2")], [Entry(names={"b"})], []),
    ("not signed", [UNSIGNED], [Entry(names={"b"})], []),
    ("signed", [image("1", "a", cloudimage_image_id="1")], [Entry(names={"b"})], ["1"]),
]


@pytest.mark.parametrize(("marked", "entries", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_unnamed(marked: list[Image], entries: list[Entry], expected: list[str]) -> None:
    assert [image.id for image in unnamed(marked, entries).images] == expected


@pytest.mark.parametrize(
    ("doomed", "staying", "expected"),
    [
        ([image("k", "k")], [image("1", "a", kernel_id="k")], []),
        ([image("k", "k")], [image("1", "a", ramdisk_id="k")], []),
        ([image("k", "k")], [image("1", "a", kernel_id="other")], ["k"]),
        ([image("k", "k"), image("1", "a", kernel_id="k")], [], ["k", "1"]),
        ([image("k", "k"), image("r", "r", kernel_id="k")], [image("1", "a", ramdisk_id="r")], []),
        (
            [image("k", "k", cloudimage_family="k"), image("o", "k (1)", cloudimage_family="k"), image("x", "x")],
            [image("1", "a", kernel_id="k")],
            ["x"],
        ),
    ],
)
def test_unneeded(doomed: list[Image], staying: list[Image], expected: list[str]) -> None:
    assert [image.id for image in unneeded(doomed, doomed + staying)] == expected


KERNEL, RAMDISK, NEEDY = image("k", "k"), image("r", "r", kernel_id="k"), image("v", "v", ramdisk_id="r")
CIRCLE = [image("a", "a", kernel_id="b"), image("b", "b", kernel_id="a", ramdisk_id="k")]


@pytest.mark.parametrize(
    ("doomed", "expected"),
    [
        ([], []),
        ([KERNEL, image("x", "x")], [set(), set()]),
        ([KERNEL, RAMDISK, NEEDY], [{1}, {2}, set()]),
        ([image("v", "v", kernel_id="k", ramdisk_id="k"), KERNEL], [set(), {0}]),
        ([image("s", "s", kernel_id="s")], [set()]),
    ],
)
def test_who_needs_others_goes_first(doomed: list[Image], expected: list[set[int]]) -> None:
    assert turns(doomed) == expected


def test_one_of_those_that_need_each_other_begins() -> None:
    after = turns([*CIRCLE, KERNEL, image("v", "v", kernel_id="a", ramdisk_id="b")])
    assert sorted(map(sorted, after[:2])) in ([[0, 3], [3]], [[1, 3], [3]])
    assert after[2:] == [{1}, set()]


class FakeGlance:
    """Refuses to delete some images."""

    def __init__(self, images: list[Image], refuses: str, taken: str) -> None:
        self.images = {each.id: each.raw for each in images}
        self.refuses = refuses
        self.taken = taken

    def hidden_too(self, query: dict[str, t.Any]) -> list[dict[str, t.Any]]:
        return list(self.images.values())

    def image(self, image_id: str) -> dict[str, t.Any] | None:
        raw = self.images.get(image_id)
        return raw and (raw | {"cloudimage_catalog": "d"} if image_id in self.taken else raw)

    def delete(self, image_id: str) -> None:
        if image_id in self.refuses:
            raise ServerRefusal("No.", status=403)
        del self.images[image_id]


@pytest.mark.parametrize(
    ("doomed", "refuses", "taken", "left", "failed"),
    [
        ([KERNEL, RAMDISK, NEEDY], "", "", "", ""),
        ([KERNEL, RAMDISK, NEEDY], "v", "", "krv", "krv"),
        ([KERNEL, RAMDISK, NEEDY, image("x", "x")], "r", "", "kr", "kr"),
        ([KERNEL, RAMDISK, NEEDY, image("x", "x")], "", "v", "krv", ""),
        ([*CIRCLE, KERNEL], "", "", "", ""),
        ([*CIRCLE, KERNEL], "b", "", "abk", "abk"),
    ],
)
def test_what_is_needed_stays_with_what_could_not_be_deleted(
    doomed: list[Image], refuses: str, taken: str, left: str, failed: str
) -> None:
    kept = image("0", "kept")
    glance = t.cast(Glance, FakeGlance([kept, *doomed], refuses, taken))
    pruning = Pruning(glance, Presence(glance), "c", 1, pytest.fail)
    pruning.plan(["p"], [Entry(names={"kept"})])
    pruning.finish(2, None)
    report = {each["id"]: each for each in pruning.report()}
    assert sorted(glance.images) == sorted("0" + left)
    assert "".join(sorted(each for each in report if report[each]["failed"])) == failed
    assert {each for each in report if report[each]["changed"]} == {each.id for each in doomed} - set(left)
    for each in set(failed) - set(refuses):
        assert "which needs it, could not be deleted." in report[each]["msg"] and report[each]["actions"] == []


def test_images_without_a_name_are_told_by_their_ids() -> None:
    nameless = image("1", t.cast(str, None), visibility="public")
    told: list[str] = []
    glance = t.cast(Glance, FakeGlance([nameless, image("0", "kept")], "1", ""))
    pruning = Pruning(glance, Presence(glance), "c", 1, told.append)
    pruning.plan(["p"], [Entry(names={"kept"})])
    pruning.finish(2, None)
    assert [each["msg"] for each in pruning.report()] == ["No."]
    assert told == [
        "The catalogue no longer names the image 1 without a name, which is public: other projects can use it, too."
    ]
