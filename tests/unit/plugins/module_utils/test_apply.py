# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the applier does when somebody else is at work at the same moment, and what becomes of what it has begun.

The rest is tested against a real Glance.
"""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _image_steps as steps
from ansible_collections.cloudimage.glance.plugins.module_utils._apply import Applier
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import ImageFault, Superseded
from ansible_collections.cloudimage.glance.plugins.module_utils._steps import Plan

BEFORE = {"id": "i", "status": "active", "tags": ["b", "a"], "old": "1"}
OPERATIONS = (
    {"op": "add", "path": "/a~1b", "value": "x"},
    {"op": "replace", "path": "/tags", "value": ["a", "c"]},
    {"op": "remove", "path": "/old"},
)
DONE = {"id": "i", "status": "active", "tags": ["c", "a"], "a/b": "x"}


class Fake:
    """Takes every patch, and shows what it is told to show afterwards."""

    def __init__(self, shown: dict[str, t.Any] | None) -> None:
        self.shown = shown

    def patch(self, _image_id: str, _operations: t.Any) -> dict[str, t.Any]:
        return DONE

    def image(self, _image_id: str) -> dict[str, t.Any] | None:
        return self.shown


def change(shown: dict[str, t.Any] | None) -> dict[str, t.Any] | None:
    plan = Plan({"id": "i"}, {"id": "i"}, (steps.Change("i", OPERATIONS),))
    return Applier(t.cast(t.Any, Fake(shown)), t.cast(t.Any, None), set(), pytest.fail).run(plan)


def test_a_change_that_lasts_is_shown() -> None:
    assert change(DONE | {"others": "too"}) == DONE | {"others": "too"}


@pytest.mark.parametrize("undone", [{"a/b": "y"}, {"tags": ["a"]}, {"old": "1"}], ids=str)
def test_a_change_that_is_undone_at_once_is_planned_anew(undone: dict[str, t.Any]) -> None:
    with pytest.raises(Superseded):
        change(DONE | undone)


def test_an_image_that_is_gone_is_planned_anew() -> None:
    with pytest.raises(Superseded):
        change(None)


class Recorder:
    """A Glance, and a transfer into it, that write down what they are told."""

    def __init__(self, failing: str = "", fault: BaseException | None = None) -> None:
        self.told: list[t.Any] = []
        self.failing = failing
        self.fault = fault

    def __getattr__(self, name: str) -> t.Any:
        def record(*args: t.Any) -> t.Any:
            self.told.append((name, *args))
            if name == self.failing and self.fault:
                raise self.fault
            return {"id": "i", "status": "active", "cloudimage_content_key": "k"}

        return record


def carried_out(*acts: t.Any, after: dict[str, t.Any] | None = None, fault: Exception | None = None) -> list[t.Any]:
    """What Glance and the transfer are told."""
    recorder = t.cast(t.Any, Recorder("copy", fault))
    applier = Applier(recorder, recorder, set(), pytest.fail)
    try:
        applier.run(Plan({}, after if after is not None else {"id": "i"}, acts))
    except (Superseded, ImageFault) as news:
        recorder.told.append(type(news).__name__)
        recorder.told += news.details.get("actions", [])
    return [each for each in recorder.told if each != ("image", "i")]


COPY = steps.CopyToStores("i", ("a", "b"))


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (steps.Share("i", "m"), ("add_member", "i", "m")),
        (steps.Unshare("i", "m"), ("remove_member", "i", "m")),
        (steps.Merge("i", "m", "accepted"), ("merge_member", "i", "m", "accepted")),
        (steps.RemoveFromStore("i", "a"), ("remove_from_store", "i", "a")),
        (COPY, ("copy", "i", COPY)),
    ],
)
def test_an_act_is_passed_on(act: t.Any, told: tuple[t.Any, ...]) -> None:
    assert carried_out(act) == [told]


def test_a_look_again_ends_a_plan_and_counts_what_was_done() -> None:
    acts = (steps.Share("i", "m"), steps.LookAgain("i", "why"))
    assert carried_out(*acts) == [
        ("add_member", "i", "m"),
        "Superseded",
        "share i with project m",
        "look at i again: why",
    ]


CREATE = steps.Create({"name": "n"}, ("i",))
NEW = {"id": steps.NEW}


def test_a_new_image_is_shared_and_copied_under_its_own_id() -> None:
    acts = (CREATE, steps.Share(steps.NEW, "m"), steps.RemoveFromStore(steps.NEW, "a"))
    assert carried_out(*acts, after=NEW)[1:] == [("add_member", "i", "m"), ("remove_from_store", "i", "a")]


def test_a_new_image_that_cannot_be_copied_is_removed() -> None:
    told = carried_out(CREATE, COPY, after=NEW, fault=ImageFault("no"))
    assert told[-2:] == [("delete", "i"), "ImageFault"]


def test_what_was_done_before_a_failure_is_told_unless_it_was_undone() -> None:
    acts = (steps.Share("i", "m"), COPY)
    assert carried_out(*acts, fault=ImageFault("no"))[-2:] == ["ImageFault", "share i with project m"]
    assert carried_out(CREATE, *acts, after=NEW, fault=ImageFault("no"))[-1] == "ImageFault"


def test_a_new_image_that_is_still_being_copied_is_left_alone() -> None:
    told = carried_out(CREATE, COPY, after=NEW, fault=ImageFault("not yet", unfinished=True))
    assert ("delete", "i") not in told


def test_a_new_image_that_is_looked_at_again_is_left_alone() -> None:
    told = carried_out(CREATE, steps.LookAgain(steps.NEW, "why"), after=NEW)
    assert told[1:] == ["Superseded", "create image 'n'", "look at (new) again: why"]


@pytest.mark.parametrize("fault", [ImageFault("broken"), KeyboardInterrupt()], ids=str)
def test_what_was_woken_for_a_copy_is_put_to_sleep_again(fault: BaseException) -> None:
    recorder = t.cast(t.Any, Recorder("copy", fault))
    with pytest.raises(type(fault)):
        Applier(recorder, recorder, set(), pytest.fail).run(
            Plan({}, {}, (steps.Reactivate("i"), COPY, steps.Deactivate("i")))
        )
    assert recorder.told == [("set_active", "i", True), ("copy", "i", COPY), ("set_active", "i", False)]


def test_what_cannot_be_deleted_is_protected_again() -> None:
    recorder = t.cast(t.Any, Recorder("delete", ImageFault("in use")))
    with pytest.raises(ImageFault):
        Applier(recorder, recorder, set(), pytest.fail).run(Plan({}, {}, (steps.Delete("i", unprotect=True),)))
    values = [each[2][0]["value"] for each in recorder.told if each[0] == "patch"]
    assert values == [False, True]
