# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the applier does when somebody else is at work at the same moment. The rest is tested against a real Glance."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _image_steps as steps
from ansible_collections.cloudimage.glance.plugins.module_utils._apply import Applier
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import Superseded
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
