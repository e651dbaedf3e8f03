# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What entries were found to mean counts as named, and so does what was replaced by that; what is in doubt stays."""

from __future__ import annotations

import itertools
import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils._named import unnamed
from ansible_collections.cloudimage.glance.plugins.module_utils._observed import Image
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.test_prune import Entry, image

NONE: dict[str, t.Any] = {"cloudimage_catalog": None}
OTHER: dict[str, t.Any] = {"cloudimage_catalog": "other"}


def at(number: int) -> str:
    return f"2026-11-2{number}T08:00:00Z"


def generations(retire: str, number: int, name: str = "x", **current: t.Any) -> list[Image]:
    """Images that have replaced each other, the oldest first, as this collection leaves them."""
    made = []
    for each in range(1, number + 1):
        facts: dict[str, t.Any] = {"created_at": at(each), "name": "x"}
        if each > 1:
            facts["cloudimage_replaces"] = str(each - 1)
        if each < number:
            facts |= {"os_hidden": True, "cloudimage_superseded_at": at(each + 1)}
            facts |= {"cloudimage_replaced_by": str(each + 1)} if retire == "hide" else {"name": f"x ({at(each)})"}
        else:
            facts |= {"name": name} | current
        made.append(image(str(each), facts.pop("name"), **facts))
    return made


def version(number: int, name: str, family: str = "deb", **more: t.Any) -> Image:
    stamps = {"cloudimage_family": family, "cloudimage_version": str(number), "created_at": at(number)}
    return image(f"v{number}", name, **stamps | more)


def pruned(images: list[Image], *entries: Entry) -> tuple[list[str], list[str]]:
    """Ids of those that go, and of those that are in doubt."""
    marked = [each for each in images if each.raw.get("cloudimage_catalog") == "c"]
    found = unnamed(marked, entries)
    return [each.id for each in found.images], sorted(found.doubtful)


def entry(found: Image | None, **given: t.Any) -> Entry:
    """An entry that was found to mean an image."""
    return Entry(found_id=found.id if found else None, seen=(found,) if found else (), **given)


@pytest.mark.parametrize("retire", ["hide", "rename"])
@pytest.mark.parametrize("mark", [{}, NONE, OTHER], ids=["marked", "no mark", "another mark"])
@pytest.mark.parametrize("is_renamed", [False, True])
def test_predecessors_of_a_named_image(retire: str, mark: dict[str, t.Any], is_renamed: bool) -> None:
    """In the run that renames it, and in those after it, when only the images tell who replaced whom."""
    images = generations(retire, 3, name="y" if is_renamed else "x", **mark)
    for named in (entry(images[-1], names={"y"}), entry(images[-1], id="3")):
        assert pruned(images, named) == ([], [])
    gone = [each.id for each in images if each.raw["cloudimage_catalog"] == "c"]
    assert pruned(images, entry(None, names={"z"})) == (gone, [])


@pytest.mark.parametrize("retire", ["hide", "rename"])
@pytest.mark.parametrize("missing", [{2}, {2, 3}, {3}, {1, 2}, {1, 3}], ids=str)
def test_predecessors_whose_own_successor_is_gone(retire: str, missing: set[int]) -> None:
    images = [each for each in generations(retire, 4, name="y") if int(each.id) not in missing]
    gone, doubtful = pruned(images, entry(images[-1], names={"y"}))
    assert not gone
    told_by_itself = retire == "hide" and missing != {2, 3}
    assert bool(doubtful) is not (told_by_itself or missing == {1, 2}), "those are no doubt predecessors"


@pytest.mark.parametrize("retire", ["hide", "rename"])
def test_predecessors_of_what_is_not_named_go_with_it(retire: str) -> None:
    complete = image("7", "other", created_at=at(4))
    traceless = image("8", "web", created_at=at(4), cloudimage_replaces="gone")
    images = [*generations(retire, 3), complete]
    assert pruned(images, entry(complete, names={"other"})) == (["1", "2", "3"], [])
    assert pruned(images, entry(traceless, names={"web"})) == (["1", "2", "3", "7"], [])
    assert pruned(images[:1], entry(complete, names={"other"})) == (["1"], [])


def test_in_another_project_nothing_is_named() -> None:
    elsewhere = image("8", "x", owner="q", created_at=at(4), cloudimage_replaces="gone")
    images = generations("rename", 3)
    assert pruned(images, entry(elsewhere, scope="q", names={"x"})) == (["1", "2", "3"], [])


@pytest.mark.parametrize("mark", [{}, NONE, OTHER], ids=["marked", "no mark", "another mark"])
@pytest.mark.parametrize(
    "given",
    [{"names": {"deb"}}, {"id": "v3"}, {"names": {"v3"}}, {"names": {"gold"}}, {"names": {"x"}, "family": "deb"}],
    ids=str,
)
def test_versions_of_a_family_of_which_one_is_named(mark: dict[str, t.Any], given: dict[str, t.Any]) -> None:
    holder = version(3, "gold" if given.get("names") == {"gold"} else "deb", **mark)
    replaced = version(4, "deb", os_hidden=True, cloudimage_replaced_by="v3")
    images = [version(1, "deb (1)", os_hidden=True), version(2, "deb (2)"), replaced, holder]
    assert pruned(images, entry(holder, **given)) == ([], [])


def test_versions_of_a_family_that_is_not_named_go() -> None:
    images = [version(1, "deb (1)", os_hidden=True), version(2, "deb"), version(3, "web", family="web")]
    assert pruned(images, entry(images[-1], names={"web"}, family="web")) == (["v1", "v2"], [])


def test_versions_whose_family_has_lost_its_name_are_in_doubt() -> None:
    """The version that had it was renamed by its id, and is of another family by now."""
    images = [version(1, "deb (1)", os_hidden=True), version(2, "deb (2)"), version(3, "Debian", family="Debian")]
    assert pruned(images, entry(images[-1], names={"Debian"}, family="Debian")) == ([], ["v1", "v2"])
    assert pruned(images[:2], entry(image("9", "web"), names={"web"})) == (["v1", "v2"], [])


def test_a_version_replaced_by_a_named_one_of_another_family() -> None:
    old = version(1, "x", os_hidden=True, cloudimage_replaced_by="2")
    assert pruned([old], entry(image("2", "y"), names={"y"})) == ([], [])


def test_circles_end() -> None:
    facts: dict[str, t.Any] = {"os_hidden": True}
    circle = [image(one, one, **facts, cloudimage_replaced_by=two) for one, two in itertools.permutations("ab")]
    assert pruned(circle, entry(image("2", "y"), names={"y"})) == (["a", "b"], [])
