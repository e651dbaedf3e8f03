# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What is to be done about old images: a pure function of a rule and of what is there.

``questions`` tells what else has to be known of those that are to be touched; ``plan`` then decides. Applying a plan and
planning again at the same moment gives the empty plan.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ._errors import InvalidOption
from ._image_steps import Change, Deactivate, Delete
from ._observed import Image
from ._retention_fates import DELETE, Candidate, Fate, Stock, fates_of
from ._retention_groups import Key, is_whole, label_of
from ._retention_rule import Rule
from ._steps import Plan, Step

#: Images of each group that a refusal names.
_IMAGES_TOLD = 3


@dataclasses.dataclass(frozen=True)
class Questions:
    """Ids of images of which more has to be known."""

    members_of: frozenset[str] = frozenset()
    needed_by: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return self != Questions()


@dataclasses.dataclass(frozen=True)
class RetentionPlan(Plan):
    """A plan for many images; ``steps`` are those of all fates in the order in which they are carried out."""

    fates: tuple[Fate, ...] = ()


def questions(rule: Rule, stock: Stock) -> Questions:
    """What has to be found out before :func:`plan` can decide; ask again until nothing is left."""
    touched = [fate for fate in fates_of(rule, stock) if fate.steps]
    # One after the other: nobody needs to know what needs an image that is kept because it is shared.
    if members_of := frozenset(fate.image.id for fate in touched if _may_be_shared(fate.candidate, rule)):
        return Questions(members_of=members_of)
    return Questions(needed_by=frozenset(fate.image.id for fate in touched if fate.candidate.needed_by is None))


def plan(rule: Rule, stock: Stock) -> RetentionPlan:
    """Decide what becomes of each image.

    :raises InvalidOption: if nothing would be left of a group, and the rule does not allow that.
    """
    fates = fates_of(rule, stock)
    if not rule.allow_delete_all:
        _require_remainder(fates)
    return RetentionPlan(
        before={fate.image.id: _picture(fate.image, ()) for fate in fates},
        after={fate.image.id: _picture(fate.image, fate.steps) for fate in fates if not _ends(fate)},
        steps=tuple(step for fate in in_order_of_work(fates) for step in fate.steps),
        warnings=_warnings(fates),
        fates=fates,
    )


def in_order_of_work(fates: t.Sequence[Fate]) -> list[Fate]:
    """The fates in the order in which they are carried out: the oldest image first, and what others need after them."""
    oldest_first = fates[::-1]
    return sorted(oldest_first, key=lambda fate: bool(fate.waits_for))


def _warnings(fates: t.Iterable[Fate]) -> tuple[str, ...]:
    fates = list(fates)
    warnings = []
    if number := sum(fate.withheld for fate in fates):
        warnings.append(
            f"require_unused: {number} images are old enough to be deleted and were not, because it is not known whether "
            "servers or volumes use them."
        )
    if remade := [fate for fate in fates if fate.steps and fate.remade_by]:
        catalogues = ", ".join(sorted({repr(fate.remade_by) for fate in remade}))
        warnings.append(
            f"Some that go bear the mark of a catalogue ({catalogues}): {_named(remade)}. Its next run makes or activates "
            "those again that it still declares; take them out of the catalogue first."
        )
    return tuple(warnings)


def _may_be_shared(candidate: Candidate, rule: Rule) -> bool:
    shares = candidate.image.raw.get("visibility") == "shared"
    return shares and candidate.shared_with is None and not rule.include_shared


def _require_remainder(fates: t.Sequence[Fate]) -> None:
    """:raises InvalidOption: if of a group all would be deleted that is of use."""
    left: dict[Key, list[Fate]] = {}
    for fate in fates:
        if is_whole(fate.image):
            left.setdefault(fate.group, []).append(fate)
    emptied = [group for group, members in left.items() if all(fate.fate == DELETE for fate in members)]
    if emptied:
        listed = "; ".join(f"{label_of(group)!r} ({len(left[group])}): {_named(left[group])}" for group in emptied)
        raise InvalidOption(
            f"allow_delete_all: the rule would delete every selected image of {listed}. Nothing was done. Keep some with "
            "keep_last, or set allow_delete_all if that is meant.",
            ids=[fate.image.id for group in emptied for fate in left[group]],
        )


def _named(fates: t.Sequence[Fate]) -> str:
    """A few images, for a message."""
    named = [repr(fate.image.name) if fate.image.name else fate.image.id for fate in fates[:_IMAGES_TOLD]]
    return ", ".join(named) + (f" and {len(fates) - len(named)} more" if len(fates) > len(named) else "")


def _ends(fate: Fate) -> bool:
    return any(isinstance(step, Delete) for step in fate.steps)


def _picture(image: Image, steps: t.Sequence[Step]) -> dict[str, t.Any]:
    return {
        "name": image.name,
        "status": "deactivated" if any(isinstance(step, Deactivate) for step in steps) else image.status,
        "hidden": image.hidden or any(isinstance(step, Change) for step in steps),
    }
