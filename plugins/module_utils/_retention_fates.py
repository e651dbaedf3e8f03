# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The fate of each old image, with the reason. Pure.

Reasons to keep an image come first; one that has none goes through the stages of the rule.
"""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from . import _retention_groups as groups
from ._image_steps import Change, Deactivate, Delete
from ._needs import needed_by
from ._observed import CATALOG, Image
from ._retention_groups import Group, Key
from ._retention_rule import Rule
from ._steps import Step

KEEP, DELETE = "keep", "delete"


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A selected image, and what is known of it beyond its metadata; None where that has not been asked for.

    :param shared_with: number of its members.
    :param needed_by: ids of images, selected or not, that name it as their kernel or ramdisk.
    :param used: whether servers or volumes are made of it; nobody can tell so far.
    :param failed: whether an attempt has failed, so that nothing more is tried.
    """

    image: Image
    shared_with: int | None = None
    needed_by: frozenset[str] | None = None
    used: bool | None = None
    failed: bool = False


@dataclasses.dataclass(frozen=True)
class Stock:
    """All selected images."""

    candidates: tuple[Candidate, ...]
    now: datetime.datetime


@dataclasses.dataclass(frozen=True)
class Fate:
    """What becomes of one image.

    :param fate: ``keep``, or the furthest stage that it has reached.
    :param why: a sentence without its full stop.
    :param age: time since it was superseded or created, as the rule counts; None if it was not superseded.
    :param withheld: whether it is not deleted for nothing but that it is not known whether it is in use.
    :param remade_by: the catalogue whose next run undoes it if it still declares the image; None if there is none.
    :param waits_for: ids of images that need this one, and are deleted before it.
    """

    candidate: Candidate
    group: Key
    fate: str = KEEP
    why: str = ""
    superseded_at: datetime.datetime | None = None
    age: datetime.timedelta | None = None
    withheld: bool = False
    remade_by: str | None = None
    steps: tuple[Step, ...] = ()
    waits_for: frozenset[str] = frozenset()

    @property
    def image(self) -> Image:
        return self.candidate.image


def fates_of(rule: Rule, stock: Stock) -> tuple[Fate, ...]:
    """The fate of each image: by groups, the newest first."""
    candidates = {each.image.id: each for each in stock.candidates}
    fates: list[Fate] = []
    for group in groups.groups_of(each.image for each in stock.candidates):
        judge = _Judge(rule, group, stock.now)
        fates += [judge.fate(candidates[image.id]) for image in group.images]
    return tuple(_with_needed(fates))


class _Judge:
    """Decides about the images of one group."""

    def __init__(self, rule: Rule, group: Group, now: datetime.datetime) -> None:
        self._rule = rule
        self._group = group
        self._now = now
        self._newest_good = group.newest_good(now)
        self._last, self._passed_over = group.last(rule.keep_last, now)

    def fate(self, candidate: Candidate) -> Fate:
        """What becomes of an image, as far as it can be told without looking at those that need it."""
        image = candidate.image
        why = self._out_of_bounds(image)
        superseded_at = None if why or image.id in self._group.current else self._group.superseded_at(image)
        base = groups.read_time(image.created_at) if self._rule.by_creation else superseded_at
        age = max(self._now - base, datetime.timedelta()) if base else None
        told = Fate(candidate, self._group.key, superseded_at=superseded_at, age=age)
        if why := why or self._precious(image):
            return dataclasses.replace(told, why=why)
        return self._staged(told)

    def _out_of_bounds(self, image: Image) -> str | None:
        """Why an image is none that a rule is about."""
        if image.snapshot and not self._rule.include_snapshots:
            return "it is a snapshot of a server, and include_snapshots is not set"
        if not groups.is_whole(image):
            return f"it is {image.status}, or somebody is at work on it"
        return None

    def _precious(self, image: Image) -> str | None:
        """Why an image is kept, whatever its age."""
        rule, within = self._rule, self._rule.keep_within
        if image.protected:
            return "it is protected"
        if image.id in self._group.current:
            return f"it is the image that the name {self._group.current[image.id]!r} means"
        if groups.is_nameless(image):
            return "it has no name, so that no other image can have taken its place"
        if image.id == self._newest_good:
            return "it is the newest good version of its family"
        if image.id in self._last:
            return f"it is one of the newest {rule.keep_last} (keep_last)"
        made = groups.read_time(image.created_at)
        if within and (made is None or self._now - made < within.length):
            return f"it was created less than {within.text} ago (keep_within)"
        return None

    def _staged(self, told: Fate) -> Fate:
        """The fate of an image that nothing keeps but its age."""
        if told.age is None:
            return dataclasses.replace(told, why="nothing has superseded it, as far as can be seen")
        age, rule = told.age, self._rule
        since = f"{'created' if rule.by_creation else 'superseded'} {_words(age)} ago"
        reached = [(stage, after.text) for stage, after in rule.stages if age >= after.length]
        if not reached:
            stage, after = rule.stages[0]
            return dataclasses.replace(told, why=f"{since}, and {stage}_after is {after.text}{self._not_counted(told)}")
        if shared := _shared(told.candidate, rule):
            return dataclasses.replace(told, why=f"{shared}, and include_shared is not set")
        why = f"{since}, and {reached[-1][0]}_after is {reached[-1][1]}"
        if reached[-1][0] == DELETE and (in_use := _in_use(told.candidate, rule)):
            told = dataclasses.replace(told, withheld=told.candidate.used is None)
            why = f"{why}; not deleted, because {in_use}"
            del reached[-1]
        stages = tuple(stage for stage, _after in reached)
        told = dataclasses.replace(told, remade_by=_remade_by(told.image, stages))
        return _decided(told, stages, why + self._not_counted(told) + _consequence(told.remade_by))

    def _not_counted(self, told: Fate) -> str:
        """Why keep_last does not keep an image that is new enough for it, to be added to a reason."""
        because = self._passed_over.get(told.image.id)
        return f"; keep_last does not count it, because {because}" if because else ""


def _decided(told: Fate, stages: tuple[str, ...], why: str) -> Fate:
    """The fate with the steps that it still needs."""
    image = told.image
    if not stages:
        return dataclasses.replace(told, why=why)
    steps: list[Step] = []
    if stages[-1] == DELETE:
        steps.append(Delete(image.id, f"{image.name or 'without a name'}: {why}"))
    else:
        if "hide" in stages and not image.hidden:
            steps.append(Change(image.id, ({"op": "replace", "path": "/os_hidden", "value": True},)))
        if "deactivate" in stages and image.status == "active":
            steps.append(Deactivate(image.id))
    done = () if told.candidate.failed else tuple(steps)
    return dataclasses.replace(told, fate=stages[-1], why=why, steps=done)


def _with_needed(fates: list[Fate]) -> list[Fate]:
    """Keep what an image that stays needs; let what goes with it wait until it is gone."""
    known = {fate.image.id: fate.candidate.needed_by or frozenset() for fate in fates}
    needing = {each: found | known[each] for each, found in needed_by(known, [fate.image for fate in fates]).items()}
    while held := _held(fates, needing):
        fates = [
            _kept(fate, f"the image {held[fate.image.id]} needs it") if fate.image.id in held else fate
            for fate in fates
        ]
    return [
        dataclasses.replace(fate, waits_for=needing[fate.image.id]) if fate.fate == DELETE else fate for fate in fates
    ]


def _held(fates: t.Sequence[Fate], needing: dict[str, frozenset[str]]) -> dict[str, str]:
    """Images that would be touched although one that stays needs them, with the id of that one."""
    going = {fate.image.id for fate in fates if fate.fate == DELETE}
    touched = [fate.image.id for fate in fates if fate.fate != KEEP]
    return {each: min(staying) for each in touched if (staying := needing[each] - going)}


def _kept(fate: Fate, why: str) -> Fate:
    return dataclasses.replace(fate, fate=KEEP, why=why, steps=())


def _remade_by(image: Image, stages: tuple[str, ...]) -> str | None:
    """The catalogue whose mark a version bears that is deactivated or deleted. One that was replaced is declared by nobody."""
    is_undone = bool(set(stages) - {"hide"}) and groups.version_of(image) and not image.retired
    return image.stamp(CATALOG) if is_undone else None


def _consequence(catalog: str | None) -> str:
    return f"; the next run of the catalogue {catalog!r} undoes it if it still declares this version" if catalog else ""


def _shared(candidate: Candidate, rule: Rule) -> str | None:
    """Who else can use an image, in words. Hidden or not: others use it by its id."""
    visibility = candidate.image.raw.get("visibility")
    if rule.include_shared:
        return None
    if visibility in ("public", "community"):
        return f"it is {visibility}"
    if visibility == "shared" and candidate.shared_with:
        return f"it is shared with {candidate.shared_with} projects" if candidate.shared_with > 1 else "it is shared"
    return None


def _in_use(candidate: Candidate, rule: Rule) -> str | None:
    """Why an image must not be deleted although it is old enough."""
    if candidate.used:
        return "servers or volumes use it"
    unknown = rule.require_unused and candidate.used is None
    return "it is not known whether servers or volumes use it (require_unused)" if unknown else None


def _words(age: datetime.timedelta) -> str:
    """An age for people."""
    hours = age // datetime.timedelta(hours=1)
    if not hours:
        return "less than an hour"
    number, unit = (hours // 24, "day") if hours >= 24 else (hours, "hour")
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
