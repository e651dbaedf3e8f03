# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans about the projects that share an image."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _errors as errors
from ansible_collections.cloudimage.glance.plugins.module_utils._image_steps import Merge
from ansible_collections.cloudimage.glance.plugins.module_utils._observed import Image, Observed
from ansible_collections.cloudimage.glance.plugins.module_utils._sharing import (
    members_after,
    members_of,
    memberships,
    merges,
    sharing,
    status_of,
)
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils import glance_model as model
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils import plan_hands as hands
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.glance_model import TWO, Cloud, number
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.plan_support import (
    AFTER,
    FILE,
    HERE,
    NEW,
    QUEUED,
    SOON,
    URI,
    clouded,
    planned,
    want,
)

MEMBERS = {"a": "accepted", "b": "pending"}
SHARED: dict[str, t.Any] = {"attributes": {"visibility": "shared"}}
PRIVATE = HERE | {"visibility": "private"}
LATER = "lookagain 1"


def shared(*images: dict[str, t.Any]) -> Cloud:
    """A cloud in which image 1 has members."""
    cloud = clouded(*images)
    cloud.members[number(1)] = dict(MEMBERS)
    return cloud


@pytest.mark.parametrize(
    ("image", "options", "expected"),
    [
        pytest.param(HERE, {"members": frozenset("ab")}, [], id="there already, whether or not accepted"),
        pytest.param(HERE, {"members": frozenset("a")}, [], id="others stay"),
        pytest.param(HERE, {"members": frozenset()}, [], id="none declared: others stay"),
        pytest.param(HERE, {"members": frozenset("dca")}, ["share 1 c", "share 1 d"], id="added in order"),
        pytest.param(HERE, {"members": frozenset("a"), "purge_members": True}, ["unshare 1 b"], id="purge"),
        pytest.param(
            HERE, {"members": frozenset(), "purge_members": True}, ["unshare 1 a", "unshare 1 b"], id="purge: all"
        ),
        pytest.param(
            HERE,
            {"members": frozenset("ac"), "purge_members": True},
            ["unshare 1 b", "share 1 c"],
            id="first withdrawn, for there is a limit",
        ),
        pytest.param(HERE, {"members": frozenset("ab"), "purge_members": True}, [], id="purge: nothing to purge"),
        pytest.param(HERE, {}, [], id="not declared"),
        pytest.param(PRIVATE, {}, [], id="private, not declared"),
        pytest.param(PRIVATE, {"members": frozenset()}, [], id="private: none declared"),
        pytest.param(
            PRIVATE, {"members": frozenset(), "purge_members": True}, [], id="private: nobody shares it, whatever rows"
        ),
        pytest.param(
            HERE,
            {"members": frozenset(), "purge_members": True, "attributes": {"visibility": "private"}},
            ["change 1"],
            id="becomes private",
        ),
        pytest.param(
            PRIVATE, {"members": frozenset("c"), **SHARED}, ["change 1", "share 1 c"], id="becomes shared: that first"
        ),
        pytest.param(
            PRIVATE,
            {"members": frozenset("c"), "purge_members": True, **SHARED},
            ["change 1", "share 1 c", LATER],
            id="becomes shared, purge: the rows from before come to light",
        ),
        pytest.param(
            HERE | {"status": "deactivated"},
            {"members": frozenset("c"), "state": "inactive"},
            ["share 1 c"],
            id="inactive and shared",
        ),
        pytest.param(
            QUEUED,
            {**FILE, "members": frozenset("c")},
            ["fill 1", "verify 1", "share 1 c"],
            id="a slot: after the data",
        ),
        pytest.param(
            QUEUED,
            {**FILE, "members": frozenset("c"), "purge_members": True},
            ["fill 1", "verify 1", "share 1 c", LATER],
            id="a slot may have been shared by an earlier run",
        ),
        pytest.param(
            QUEUED,
            {**URI, "wait": False, "members": frozenset("c")},
            ["change 1", "fill 1", "share 1 c"],
            id="wait false: what is declared is not dropped",
        ),
        pytest.param(
            {"data": TWO},
            {**FILE, "members": frozenset("c")},
            [*NEW, "share a", "share b", "share c", "change", "retire 1 hide"],
            id="replaced: members pass, with the declared ones",
        ),
        pytest.param(
            {"data": TWO},
            {**FILE, "members": frozenset("bc"), "purge_members": True},
            [*NEW, "share b", "share c", "change", "retire 1 hide"],
            id="replaced, purge: only the declared ones",
        ),
        pytest.param(HERE, {"state": "absent", "members": frozenset("c")}, ["delete 1"], id="absent"),
    ],
)
def test_steps(image: dict[str, t.Any], options: dict[str, t.Any], expected: list[str]) -> None:
    assert planned(shared(image), want(**options)) == expected


def test_a_new_image_is_shared_once_it_has_its_data() -> None:
    assert planned(Cloud(), want(**FILE, members=frozenset("ba"))) == [*NEW, "share a", "share b"]


def test_the_old_image_is_touched_after_the_new_one_is_shared() -> None:
    cloud = shared({"data": TWO, AFTER: number(9)}, HERE | {SOON: number(1), "os_hidden": True})
    assert planned(cloud, want(**FILE, members=frozenset("c"))) == [
        "share 2 a",
        "share 2 b",
        "share 2 c",
        "change 2",
        "retire 1 hide",
    ]


@pytest.mark.parametrize("visibility", ["private", "public", "community"])
@pytest.mark.parametrize("options", [{}, FILE], ids=["no source", "source"])
def test_members_of_an_image_that_is_not_shared_are_refused(visibility: str, options: dict[str, t.Any]) -> None:
    cloud = shared(HERE | {"visibility": visibility})
    before = cloud.copy()
    with pytest.raises(errors.InvalidOption, match=r"^members: .* is " + visibility + ".*visibility: shared"):
        hands.run(cloud, want(**options, members=frozenset("c")))
    assert (cloud.images, cloud.members) == (before.images, before.members)


@pytest.mark.parametrize("images", [[], [QUEUED], [{"data": TWO}]], ids=["new", "slot", "replaced"])
def test_members_beside_another_declared_visibility_are_refused_before_data_moves(images: list[t.Any]) -> None:
    declared = want(**FILE, members=frozenset("c"), attributes={"visibility": "private"})
    with pytest.raises(errors.InvalidOption, match=r"^members: "):
        planned(clouded(*images), declared)


def test_purge_finds_the_members_from_when_an_image_was_shared_before() -> None:
    cloud = shared(PRIVATE)
    declared = want(members=frozenset("bc"), purge_members=True, **SHARED)
    outcome = hands.run(cloud, declared)
    assert [plan.actions for plan in outcome.plans] == [
        [
            f"change metadata of {number(1)}: set visibility",
            f"share {number(1)} with project b",
            f"share {number(1)} with project c",
            f"look at {number(1)} again: it may have members from when it was shared before",
        ],
        [f"stop sharing {number(1)} with project a"],
    ]
    assert set(cloud.members[number(1)]) == {"b", "c"}
    assert planned(cloud, declared) == []


def test_the_picture_shows_members_that_are_declared() -> None:
    found = hands.plan(shared(HERE), want(members=frozenset("ac"), purge_members=True))
    assert (found.before["members"], found.after["members"]) == (["a", "b"], ["a", "c"])
    assert "members" not in hands.plan(shared(HERE), want(tags=frozenset("a"))).after


def test_members_who_had_accepted_are_named_when_content_is_replaced() -> None:
    found = hands.plan(shared({"data": TWO}), want(**FILE, members=frozenset("b"), purge_members=True))
    assert not any("accept" in each for each in found.warnings)
    found = hands.plan(shared({"data": TWO}), want(**FILE))
    assert [
        each
        for each in found.warnings
        if each == "The project a has to accept the new image 'debian-13' again before listing it."
    ]


@pytest.mark.parametrize(
    ("raw", "options", "fills", "asked"),
    [
        ({}, {"members": frozenset()}, False, True),
        ({}, {}, False, False),
        ({}, {}, True, True),
        ({"visibility": "private"}, {"members": frozenset("a")}, True, False),
        ({"status": "queued"}, {"members": frozenset("a")}, True, False),
    ],
)
def test_members_are_read_only_where_it_matters(
    raw: dict[str, t.Any], options: dict[str, t.Any], fills: bool, asked: bool
) -> None:
    image = Image({"id": "i", "status": "active", "visibility": "shared"} | raw)
    observed = Observed((image,), model.PROJECT, model.NOW)
    assert members_of(want(**options), observed, image, fills) == ("i" if asked else None)
    assert members_of(want(**options), observed, None, fills) is None


def test_who_shares_in_the_end() -> None:
    there = {"a": "pending"}
    assert members_after(want(), there) == {"a"}
    assert members_after(want(members=frozenset("b")), there) == {"a", "b"}
    assert members_after(want(members=frozenset("b"), purge_members=True), there) == {"b"}


def test_nobody_is_shut_out_unasked() -> None:
    assert [str(each) for each in sharing(want(members=frozenset("b")), "i", ["a"], ["b"])] == [
        "share i with project b"
    ]


def row(project: str, status: str) -> dict[str, str]:
    return {"member_id": project, "status": status}


def test_rows_of_memberships() -> None:
    found = memberships([row("a", "accepted"), row("b", "pending"), row("a", "pending")])
    assert found == {"a": ("accepted", "pending"), "b": ("pending",)}
    assert [status_of(each) for each in (*found.values(), ("rejected", "pending"))] == [
        "accepted",
        "pending",
        "rejected",
    ]


@pytest.mark.parametrize("admin", [True, False])
def test_a_membership_that_is_there_twice_is_merged_or_told(admin: bool) -> None:
    """Where it stays, and by whoever may keep its answer."""
    image = Image(HERE | {"id": "i"})
    doubled = {"a": ("accepted", "pending"), "b": ("pending", "pending"), "c": ("accepted", "pending")}
    seen = Observed((image,), "p", SOON, doubled=doubled, answers_for_members=admin)
    one, two = merges(seen, image, "ab")
    assert two == Merge("i", "b", "pending")
    assert one == Merge("i", "a", "accepted") if admin else isinstance(one, str) and "project a in image i twice" in one
