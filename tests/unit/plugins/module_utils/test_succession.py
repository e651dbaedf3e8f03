# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the name of a family passes on while others are at work, or the store refuses."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _image_steps as steps
from ansible_collections.cloudimage.glance.plugins.module_utils._apply import Applier
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import ServerRefusal, Superseded
from ansible_collections.cloudimage.glance.plugins.module_utils._patching import Patches
from ansible_collections.cloudimage.glance.plugins.module_utils._source import Source
from ansible_collections.cloudimage.glance.plugins.module_utils._steps import Plan, Step
from ansible_collections.cloudimage.glance.plugins.module_utils._succession import Succession

NAMED = ({"op": "replace", "path": "/name", "value": "n"},)
GIVE = steps.GiveName("i", "2", "n", NAMED, frozenset({"old"}))
AWAY = ({"op": "replace", "path": "/name", "value": "n (1)"}, {"op": "replace", "path": "/os_hidden", "value": True})


class Fake:
    """A Glance in which each patch lasts, and others may give the name away at the same moment."""

    def __init__(self, *bearers: dict[str, t.Any], refuses: int | None = None) -> None:
        self.bearers = list(bearers)
        self.refuses = refuses
        self.raw: dict[str, t.Any] = {"id": "i", "status": "active", "owner": "p"}
        self.log: list[str] = []

    def patch(self, image_id: str, operations: t.Any) -> dict[str, t.Any]:
        self.log.append(f"patch {image_id}")
        self.raw |= {"id": image_id} | {each["path"][1:]: each["value"] for each in operations}
        return dict(self.raw)

    def image(self, _image_id: str) -> dict[str, t.Any]:
        return dict(self.raw)

    def named(self, _name: str, query: dict[str, str]) -> list[dict[str, t.Any]]:
        assert query == {"owner": "p", "os_hidden": "false"}
        return [dict(self.raw), *self.bearers]

    def delete(self, image_id: str) -> None:
        if self.refuses:
            raise ServerRefusal("in use", status=self.refuses)
        self.log.append(f"delete {image_id}")


def succession(glance: Fake, warn: t.Callable[[str], None] = pytest.fail) -> Succession:
    """What is tested, with a Glance of its own."""
    return Succession(t.cast(t.Any, glance), Patches(t.cast(t.Any, glance)), warn)


def test_the_name_is_given_while_the_one_that_loses_it_has_it() -> None:
    incoming = {"id": "new", "cloudimage_incoming_for": "old"}
    assert succession(Fake({"id": "old"}, incoming)).give_name(GIVE)["name"] == "n"


def test_somebody_who_gives_the_name_to_another_at_the_same_moment_is_seen() -> None:
    with pytest.raises(Superseded) as news:
        succession(Fake({"id": "old"}, {"id": "stranger"})).give_name(GIVE)
    assert news.value.details["actions"] == ["give the name 'n' to version 2 (i)"]


@pytest.mark.parametrize("status", [403, 409])
def test_what_the_store_needs_is_hidden_instead_of_deleted(status: int) -> None:
    told: list[str] = []
    glance = Fake(refuses=status)
    succession(glance, told.append).supersede(steps.Supersede("old", "n (1)", AWAY, delete=True))
    assert (glance.raw["name"], glance.raw["os_hidden"]) == ("n (1)", True)
    assert told == ["The superseded image old is hidden instead of deleted: in use"]


def test_what_nobody_needs_is_deleted() -> None:
    glance = Fake()
    succession(glance).supersede(steps.Supersede("old", "n (1)", AWAY, delete=True))
    assert glance.log == ["delete old"]


class Filling:
    """A transfer that works at once."""

    def fill(self, _image_id: str, _step: t.Any) -> None:
        pass


@pytest.mark.parametrize(
    "step",
    [GIVE, steps.Supersede("i", "n (1)", AWAY), steps.Exclude("i", "3", NAMED)],
    ids=lambda step: type(step).__name__,
)
def test_after_an_upload_it_is_looked_again_who_is_to_have_the_name(step: Step) -> None:
    def run(*all_steps: Step) -> Fake:
        glance = Fake()
        plan = Plan({"id": "i"}, {"id": "i"}, all_steps)
        Applier(t.cast(t.Any, glance), t.cast(t.Any, Filling()), set(), pytest.fail).run(plan)
        return glance

    assert run(step).log == ["patch i"]
    fill = steps.Fill("i", Source(method=None, path="/f", size=1))
    with pytest.raises(Superseded) as news:
        run(fill, step)
    assert news.value.details["actions"] == [str(fill)]
