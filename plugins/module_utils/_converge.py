# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""One declared state on its way: observed and planned, carried out or foretold, and planned anew when somebody was faster."""

from __future__ import annotations

import dataclasses
import typing as t

from ._errors import CollectionError, Superseded
from ._steps import Plan, Step, certain

#: How often a run observes and plans anew when others act on the same object at the same moment.
_ROUNDS = 50


class Declaration(t.Protocol):
    """A declared state: where it stands, what is to be done, and the doing."""

    def observe(self) -> t.Any:
        """Read the outside world. Sends and writes nothing."""

    def plan(self, observed: t.Any) -> Plan:
        """Compare; pure."""

    def apply(self, plan: Plan) -> dict[str, t.Any]:
        """Carry out the steps of a plan and return the result keys of the module.

        :raises Superseded: if somebody else acted meanwhile and the plan is out of date.
        """

    def predict(self, plan: Plan) -> dict[str, t.Any]:
        """The result keys of the module for a plan that is not carried out (check mode, or nothing to do)."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of a declaration, or would.

    :param result: the result keys of the module.
    :param before: picture of the state that was found, ``after`` of the one that is there now.
    """

    result: dict[str, t.Any]
    actions: list[str]
    before: dict[str, t.Any]
    after: dict[str, t.Any]
    #: Those of the plan that was the last.
    steps: tuple[Step, ...] = ()

    def report(self, with_diff: bool) -> dict[str, t.Any]:
        """The whole result of a module."""
        report = dict(self.result, changed=bool(self.actions), actions=self.actions)
        if with_diff:
            report["diff"] = {"before": self.before, "after": self.after}
        return report


class Convergence:
    """Brings one declaration about; what was planned before is carried out first.

    :param warn: told what the user should read although nothing fails.
    """

    def __init__(self, declaration: Declaration, warn: t.Callable[[str], None]) -> None:
        self._declaration = declaration
        self._warn = warn
        self._before: dict[str, t.Any] | None = None
        self._next: Plan | None = None

    @property
    def found_id(self) -> str | None:
        """The id of what was found at first; None if nothing was."""
        return (self._before or {}).get("id")

    @property
    def is_settled(self) -> bool:
        """Whether it is known that nothing is to be done."""
        return self._next is not None and not self._next.changed

    def plan(self) -> Plan:
        """Observe and plan."""
        plan = self._next = self._declaration.plan(self._declaration.observe())
        self._before = plan.before if self._before is None else self._before
        for warning in plan.warnings:
            self._warn(warning)
        return plan

    def finish(self, foretells: bool) -> Outcome:
        """Carry out plans until one has been carried out whole; the outcome is read off the plans.

        :param foretells: whether nothing is carried out.
        :raises CollectionError: if the declared state cannot be reached; the details say which ``actions`` were done and last.
        """
        actions: list[str] = []
        for round_left in reversed(range(_ROUNDS)):
            try:
                plan, self._next = self._next or self.plan(), None
                act = self._declaration.predict if foretells or not plan.changed else self._declaration.apply
                result = act(plan)
            except Superseded as news:
                actions += news.details.get("actions", [])
                if not round_left:
                    news.details["actions"] = actions
                    raise
                continue
            except CollectionError as fault:
                done = actions + fault.details.get("actions", [])
                fault.details |= {"actions": done} if done else {}
                raise
            return Outcome(result, actions + plan.actions, certain(self._before), plan.after, plan.steps)
        raise AssertionError("unreachable: the last round returns or raises")
