# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a membership: tables, and properties on a model of what Glance allows. And others who act meanwhile."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import (
    AmbiguousImage,
    InvalidOption,
    ServerRefusal,
    Superseded,
)
from ansible_collections.cloudimage.glance.plugins.module_utils._image_steps import Merge, Share, Unshare
from ansible_collections.cloudimage.glance.plugins.module_utils._member import MemberDeclaration
from ansible_collections.cloudimage.glance.plugins.module_utils._member_plan import (
    Answer,
    Caller,
    Found,
    Wanted,
    pick,
    plan,
)
from ansible_collections.cloudimage.glance.plugins.module_utils._observed import Image
from ansible_collections.cloudimage.glance.plugins.module_utils._steps import Plan
from hypothesis import example, given
from hypothesis import strategies as st

OWNER, MEMBER, THIRD = "owner", "member", "third"


def image(visibility: str = "shared", **raw: object) -> Image:
    return Image({"id": "i", "owner": OWNER, "status": "active", "os_hidden": False, "visibility": visibility, **raw})


def rows_of(status: str | None) -> tuple[str, ...]:
    """A membership as it ought to be, with one row."""
    return (status,) if status else ()


def applied(found: Found, caller: Caller, steps: Plan) -> tuple[str, ...]:
    """The statuses of the rows after the steps, none of which Glance may refuse."""
    rows = list(found.statuses)
    for step in steps.steps:
        assert found.image and found.image.raw["visibility"] == "shared"
        if isinstance(step, Answer):
            assert rows, "Glance: no such member"
            assert caller.admin or step.by_member or caller.project == MEMBER, "Glance: 403"
            assert caller.member_cloud or not step.by_member
            rows[0] = step.status
            continue
        assert caller.admin or caller.project == OWNER, "Glance: 403"
        if isinstance(step, Merge):
            assert len(rows) > 1
            assert caller.admin or step.status == rows[-1], "Glance: 403"
            rows = [step.status]
        else:
            assert bool(rows) != isinstance(step, Share)
            rows = ["pending"] if isinstance(step, Share) else []
    return tuple(rows)


answers = st.sampled_from(["pending", "accepted", "rejected"]) | st.none()
#: Glance changes the first row only; further ones are as they were made.
memberships = st.builds(lambda first, more: (first, *["pending"] * more) if first else (), answers, st.integers(0, 2))
images = st.sampled_from(["shared", "private", "public", "community"]).map(image) | st.none()
callers = st.builds(Caller, st.sampled_from([OWNER, MEMBER, THIRD]), st.booleans(), st.booleans())
wishes = st.builds(Wanted, st.just("x"), st.just(MEMBER), st.booleans(), answers)


@given(wishes, st.builds(Found, images, memberships), callers)
def test_what_is_not_refused_is_allowed_and_needs_one_apply(wanted: Wanted, found: Found, caller: Caller) -> None:
    try:
        first = plan(wanted, found, caller)
    except InvalidOption as refusal:
        assert (
            refusal.message.partition(":")[0] in ("image", "member", "status", "state") and "\n" not in refusal.message
        )
        return
    rows = applied(found, caller, first)
    status = Found(None, rows).status
    if found.image is None:
        assert not first.changed and not wanted.present
        return
    assert (status is not None) == wanted.present
    assert first.after == ({"image_id": "i", "member_id": MEMBER, "status": status} if status else {})
    assert status == wanted.status or not wanted.present or wanted.status is None
    assert len(rows) < 2 or caller.project == MEMBER or first.warnings
    second = plan(wanted, Found(found.image, rows), caller)
    assert not second.changed and second.before == second.after == first.after


@given(wishes, memberships, st.booleans())
@example(Wanted("x", MEMBER, True, "accepted"), (), False)
def test_who_may_do_everything_is_refused_nothing(wanted: Wanted, rows: tuple[str, ...], member_cloud: bool) -> None:
    made = plan(wanted, Found(image(), rows), Caller(THIRD, True, member_cloud))
    assert not made.warnings


BOTH = Caller(OWNER, member_cloud=True)
PLANS = [
    ("propose", Wanted("x", MEMBER), None, Caller(OWNER), [Share]),
    ("there is one already", Wanted("x", MEMBER), "rejected", Caller(OWNER), []),
    ("a new one is pending", Wanted("x", MEMBER, status="pending"), None, Caller(OWNER), [Share]),
    ("both ends", Wanted("x", MEMBER, status="accepted"), None, BOTH, [Share, Answer]),
    ("both ends, proposed before", Wanted("x", MEMBER, status="accepted"), "pending", BOTH, [Answer]),
    ("accept", Wanted("x", MEMBER, status="accepted"), "pending", Caller(MEMBER), [Answer]),
    ("accepted before", Wanted("x", MEMBER, status="accepted"), "accepted", Caller(MEMBER), []),
    ("nobody asks the owner", Wanted("x", MEMBER, status="accepted"), "accepted", Caller(OWNER), []),
    ("back", Wanted("x", MEMBER, status="pending"), "rejected", Caller(MEMBER), [Answer]),
    ("administrator", Wanted("x", MEMBER, status="accepted"), None, Caller(THIRD, True), [Share, Answer]),
    ("withdraw", Wanted("x", MEMBER, False), "accepted", Caller(OWNER), [Unshare]),
    ("withdrawn before", Wanted("x", MEMBER, False), None, Caller(OWNER), []),
    ("not shared with me", Wanted("x", MEMBER, False), None, Caller(MEMBER), []),
]


@pytest.mark.parametrize(("wanted", "status", "caller", "kinds"), [r[1:] for r in PLANS], ids=[r[0] for r in PLANS])
def test_steps(wanted: Wanted, status: str | None, caller: Caller, kinds: list[type]) -> None:
    steps = plan(wanted, Found(image(), rows_of(status)), caller)
    assert [type(step) for step in steps.steps] == kinds
    assert all(" i " in action and MEMBER in action for action in steps.actions)


TWICE = [
    ("administrator", Wanted("x", MEMBER), ("accepted", "pending"), Caller(THIRD, True), [Merge], "accepted"),
    ("both ends", Wanted("x", MEMBER), ("rejected", "pending"), BOTH, [Merge, Answer], "rejected"),
    ("owner", Wanted("x", MEMBER), ("accepted", "pending"), Caller(OWNER), [], "accepted"),
    ("owner, nobody has answered", Wanted("x", MEMBER), ("pending", "pending"), Caller(OWNER), [Merge], "pending"),
    ("owner, the last one is left", Wanted("x", MEMBER), ("pending", "accepted"), Caller(OWNER), [Merge], "accepted"),
    ("member", Wanted("x", MEMBER), ("accepted", "pending"), Caller(MEMBER), [], "accepted"),
    ("withdraw", Wanted("x", MEMBER, False), ("accepted", "pending"), Caller(OWNER), [Unshare], None),
]


@pytest.mark.parametrize(
    ("wanted", "rows", "caller", "kinds", "status"), [r[1:] for r in TWICE], ids=[r[0] for r in TWICE]
)
def test_a_membership_that_is_there_twice(
    wanted: Wanted, rows: tuple[str, ...], caller: Caller, kinds: list[type], status: str | None
) -> None:
    steps = plan(wanted, Found(image(), rows), caller)
    assert [type(step) for step in steps.steps] == kinds
    assert steps.after.get("status") == status
    assert bool(steps.warnings) == (caller == Caller(OWNER) and wanted.present and not kinds)


REFUSALS = [
    ("owner accepts", Wanted("x", MEMBER, status="accepted"), "pending", Caller(OWNER), "status", "member_cloud"),
    ("owner resets", Wanted("x", MEMBER, status="pending"), "accepted", Caller(OWNER), "status", "withdraw"),
    ("half a job", Wanted("x", MEMBER, status="accepted"), None, Caller(OWNER), "status", "member_cloud"),
    ("member leaves", Wanted("x", MEMBER, False), "accepted", Caller(MEMBER), "state", "rejected"),
    ("member invites itself", Wanted("x", MEMBER), None, Caller(MEMBER), "image", "does not share"),
    ("a third one looks", Wanted("x", MEMBER), None, Caller(THIRD), "member", THIRD),
    ("a third one withdraws", Wanted("x", MEMBER, False), None, Caller(THIRD), "member", THIRD),
    ("the owner itself", Wanted("x", OWNER), None, Caller(OWNER), "member", "belongs"),
    ("the owner itself, by an administrator", Wanted("x", OWNER), None, Caller(THIRD, True), "member", "belongs"),
]


@pytest.mark.parametrize(
    ("wanted", "status", "caller", "option", "word"), [r[1:] for r in REFUSALS], ids=[r[0] for r in REFUSALS]
)
def test_refusals(wanted: Wanted, status: str | None, caller: Caller, option: str, word: str) -> None:
    with pytest.raises(InvalidOption, match=word) as refusal:
        plan(wanted, Found(image(), rows_of(status)), caller)
    assert refusal.value.message.startswith(f"{option}: ")


def test_a_foreign_membership_of_the_owner_can_go() -> None:
    assert plan(Wanted("x", OWNER, False), Found(image(), "pending"), Caller(OWNER)).changed


@pytest.mark.parametrize("present", [True, False])
@pytest.mark.parametrize("visibility", ["private", "public", "community"])
def test_only_shared_images_have_members(visibility: str, present: bool) -> None:
    with pytest.raises(InvalidOption, match=f"visibility of image i is {visibility}"):
        plan(Wanted("x", MEMBER, present), Found(image(visibility)), Caller(OWNER, True))


@pytest.mark.parametrize(("project", "word"), [(OWNER, "with owner"), (MEMBER, "with member")])
def test_no_image(project: str, word: str) -> None:
    with pytest.raises(InvalidOption, match=f"no image 'x'.*{word}"):
        plan(Wanted("x", MEMBER), Found(None), Caller(project))


@pytest.mark.parametrize(
    ("raws", "chosen"),
    [
        ([], None),
        ([{"id": "a"}], "a"),
        ([{"id": "a", "os_hidden": True}], "a"),
        ([{"id": "a", "os_hidden": True}, {"id": "b"}], "b"),
        ([{"id": "a", "status": "pending_delete"}, {"id": "b", "os_hidden": True}], "b"),
        ([{"id": "a", "status": "deleted"}], None),
        ([{"id": "a", "os_hidden": True, "cloudimage_replaced_by": "b"}, {"id": "b", "os_hidden": True}], "b"),
        ([{"id": "a"}, {"id": "b", "os_hidden": True, "cloudimage_incoming_for": "a"}], "a"),
        ([{"id": "a", "owner": MEMBER}, {"id": "b", "os_hidden": True}], "b"),
        ([{"id": "a", "owner": MEMBER}], "a"),
    ],
)
def test_pick(raws: list[dict[str, object]], chosen: str | None) -> None:
    found = pick((image(**raw) for raw in raws), "x", MEMBER)
    assert (found.id if found else None) == chosen


@pytest.mark.parametrize("hidden", [True, False])
def test_pick_of_several_lists_their_ids(hidden: bool) -> None:
    with pytest.raises(AmbiguousImage, match="a, b") as problem:
        pick([image(id="b", os_hidden=hidden), image(id="a", os_hidden=hidden)], "x")
    assert problem.value.details["ids"] == ["a", "b"]


class Hands:
    """Glance with one shared image, in which others act right after one of our calls.

    :param news: what others leave behind: a status, or None for no membership.
    :param after: the call after which they do.
    """

    def __init__(self, status: str | None, news: str | None, after: str) -> None:
        self.status, self._news, self._after = status, news, after

    def named(self, name: str, query: object) -> list[dict[str, t.Any]]:
        return [image(name=name).raw]

    def member(self, image_id: str, project: str) -> dict[str, str] | None:
        there = {"image_id": image_id, "member_id": project, "status": self.status, "schema": "/v2/schemas/member"}
        self._acted("member")
        return there if there["status"] else None

    def rows_of_member(self, image_id: str, project: str) -> list[dict[str, str]]:
        there = self.member(image_id, project)
        return [there] if there else []

    def add_member(self, image_id: str, project: str) -> None:
        self.status = self.status or "pending"
        self._acted("add_member")

    def set_member_status(self, image_id: str, project: str, status: str) -> None:
        if self.status is None:
            raise ServerRefusal("Glance refused to set it: not found (HTTP 404).", 404)
        self.status = status
        self._acted("set_member_status")

    def remove_member(self, image_id: str, project: str) -> None:
        self.status = None
        self._acted("remove_member")

    def _acted(self, call: str) -> None:
        if call == self._after:
            self.status, self._after = self._news, ""


RACES = [
    ("shared by others", None, "accepted", "member", Wanted("x", MEMBER), 1),
    ("accepted at once", None, "accepted", "add_member", Wanted("x", MEMBER), 1),
    ("withdrawn at once", None, None, "add_member", Wanted("x", MEMBER), 1),
    ("withdrawn before the answer", None, None, "add_member", Wanted("x", MEMBER, status="accepted"), 1),
    ("withdrawn after the answer", None, None, "set_member_status", Wanted("x", MEMBER, status="accepted"), 2),
    ("answered otherwise", "pending", "rejected", "set_member_status", Wanted("x", MEMBER, status="accepted"), 1),
]


@pytest.mark.parametrize(
    ("before", "news", "after", "wanted", "done"), [r[1:] for r in RACES], ids=[r[0] for r in RACES]
)
def test_others_who_act_meanwhile(before: str | None, news: str | None, after: str, wanted: Wanted, done: int) -> None:
    hands = t.cast(t.Any, Hands(before, news, after))
    declaration = MemberDeclaration(hands, None, wanted, Caller(THIRD, True), None)
    with pytest.raises(Superseded) as overtaken:
        declaration.apply(declaration.plan(declaration.observe()))
    assert len(overtaken.value.details["actions"]) == done and "\n" not in overtaken.value.message
    plan = declaration.plan(declaration.observe())
    result = declaration.apply(plan) if plan.changed else declaration.predict(plan)
    assert result["member"].keys() == {"image_id", "member_id", "status"}
    assert hands.status is not None
    assert result["member"]["status"] == hands.status == (wanted.status or hands.status)


def test_a_withdrawal_that_others_made_is_done() -> None:
    hands = t.cast(t.Any, Hands("accepted", None, "member"))
    declaration = MemberDeclaration(hands, None, Wanted("x", MEMBER, False), Caller(THIRD, True), None)
    assert declaration.apply(declaration.plan(declaration.observe())) == {} and hands.status is None


def test_other_refusals_are_told() -> None:
    class Limited(Hands):
        def add_member(self, image_id: str, project: str) -> None:
            raise ServerRefusal("Glance refused to share it: too many (HTTP 413).", 413)

    declaration = MemberDeclaration(
        t.cast(t.Any, Limited(None, None, "")), None, Wanted("x", MEMBER), Caller(OWNER), None
    )
    with pytest.raises(ServerRefusal, match="413"):
        declaration.apply(declaration.plan(declaration.observe()))
