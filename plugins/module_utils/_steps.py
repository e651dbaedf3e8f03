# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Plans as data, shared by everything that declares a state: what was, what will be, and the steps between."""

from __future__ import annotations

import dataclasses
import typing as t

from ._harmless import harmless

Value = t.TypeVar("Value")


def certain(value: Value | None) -> Value:
    """A value that cannot be None where this is called, whatever its type says."""
    if value is None:
        raise AssertionError("a value that must be there is missing")
    return value


class Step(t.Protocol):
    """One act of a plan. ``str(step)`` is the short sentence that ``actions`` shows to the user."""

    def __str__(self) -> str: ...


def sentence(step: Step) -> str:
    """What the user reads of a step, whatever images are called."""
    return harmless(step)


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a task found, what it wants, and how to get there.

    :param before: JSON-able picture of the observed state; ``{}`` for "not there".
    :param after: the same picture once all steps are done; equal to ``before`` when there are no steps.
    :param steps: in the order in which they are applied.
    :param warnings: sentences that the user should read although nothing fails.
    :param confirm: whether to observe and plan once more when all steps are done, because of what others do at the same moment.
    """

    before: dict[str, t.Any]
    after: dict[str, t.Any]
    steps: tuple[Step, ...] = ()
    warnings: tuple[str, ...] = ()
    confirm: bool = False

    @property
    def changed(self) -> bool:
        """Whether applying the plan would change anything."""
        return bool(self.steps)

    @property
    def actions(self) -> list[str]:
        """The steps as sentences."""
        return [sentence(step) for step in self.steps]
