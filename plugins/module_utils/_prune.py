# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Removing what a catalogue no longer names: only images that bear its mark, in the projects that it speaks of."""

from __future__ import annotations

import functools
import graphlib
import typing as t

from ._converge import Convergence, Outcome
from ._errors import CollectionError, ImageFault
from ._farewell import Departure, Farewell, name_leavers
from ._finding import Finder
from ._foretold import Foretold, World
from ._glance import Glance, Json
from ._harmless import harmless
from ._named import Named, unnamed
from ._needs import images_needing, needed_by, why_it_stays
from ._observed import CATALOG, FAMILY, Image
from ._pool import run_all
from ._presence import Presence

#: Visibilities that let every project use an image.
_OPEN = ("public", "community")


class Pruning:
    """The images of a catalogue that it no longer names.

    :param mark: what the images of the catalogue bear.
    :param timeout: seconds for which others who are at work on an image are waited for.
    """

    def __init__(
        self, glance: Glance, presence: Presence, mark: str, timeout: int, warn: t.Callable[[str], None]
    ) -> None:
        self._glance = glance
        self._presence = presence
        self._mark = mark
        self._timeout = timeout
        self._warn = warn
        self._scopes: list[str] = []
        self._marked: list[Json] = []
        self._doomed: list[Image] = []
        #: What became of those that were begun with, by id: why they could not be deleted, or what was done instead of that.
        self._faults: dict[str, Exception] = {}
        self._outcomes: dict[str, Outcome] = {}

    def plan(self, scopes: t.Iterable[str], entries: t.Sequence[Named]) -> None:
        """Look for images that bear the mark and are not named."""
        self._scopes = sorted(scopes)
        self._marked = self._look()
        found = unnamed(list(map(Image, self._marked)), entries)
        self._doomed = list(found.images)
        for image in (image for image in map(Image, self._marked) if image.id in found.doubtful):
            heir = found.doubtful[image.id]
            self._warn(
                f"The catalogue no longer names {_label(image)}, which stays: what replaced it is gone, so it may be a "
                f"predecessor of {_label(heir)}. To delete it, declare it absent by its id."
            )
        for image in [image for image in self._doomed if image.protected or image.in_motion]:
            why = "protected" if image.protected else image.status
            self._warn(f"The catalogue no longer names {_label(image)}, which is {why} and stays.")
            self._doomed.remove(image)

    def finish(self, workers: int, world: World | None) -> None:
        """Delete them, but not what images need that stay.

        :param world: what the catalogue would have left, in check mode; then nothing is deleted.
        """
        if not self._doomed:
            return
        try:
            marked = world.over(self._marked, self._bears_mark) if world else self._look()
            needing = images_needing(self._glance, [image.id for image in self._doomed])
        except CollectionError as fault:
            self._presence.doubt(fault)
            self._faults = {image.id: fault for image in self._doomed}
            return
        known = {raw["id"] for raw in self._marked}
        others = [image for image in needing if image.id not in known]
        self._doomed = unneeded(self._doomed, others + list(map(Image, marked)))
        for image in (image for image in self._doomed if image.raw.get("visibility") in _OPEN):
            what = f"{_label(image)}, which is {image.raw['visibility']}: other projects can use it, too"
            self._warn(f"The catalogue no longer names {what}.")
        finder = Foretold(_Listed(self._glance, self._marked), world) if world else Finder(self._glance)
        after = turns(self._doomed)
        going, leavers = frozenset(image.id for image in self._doomed), name_leavers(self._doomed)

        def remove(number: int) -> None:
            image, before = self._doomed[number], {self._doomed[other].id for other in after[number]}
            departure = Departure(image, self._mark, going, image.id in leavers)
            farewell = Farewell(self._glance, finder, departure, self._timeout, self._warn)
            self._remove(image, farewell, before, foretells=world is not None)

        run_all([functools.partial(remove, number) for number in range(len(after))], workers, after)

    def report(self) -> list[dict[str, t.Any]]:
        """What became of each; not of those that somebody else has taken over, or away."""
        return [self._report(image) for image in self._doomed if image.id in self._faults or self._is_done(image)]

    def outcomes(self) -> dict[str, Outcome]:
        """For the diff, by label."""
        done = filter(self._is_done, self._doomed)
        return {harmless(f"{image.name or 'without a name'} [{image.id}]"): self._outcomes[image.id] for image in done}

    def _look(self) -> list[Json]:
        found: list[Json] = []
        for scope in self._scopes:
            found += self._glance.hidden_too({CATALOG: self._mark, "owner": scope})
        return [raw for raw in found if self._bears_mark(raw)]

    def _bears_mark(self, raw: Json) -> bool:
        return Image(raw).stamp(CATALOG) == self._mark and raw["owner"] in self._scopes

    def _remove(self, image: Image, farewell: Farewell, needing: set[str], foretells: bool) -> None:
        """Delete an image, unless one stays that needs it.

        :param needing: ids of those that had to go before, because they need it.
        """
        try:
            self._presence.require()
            if failed := needing & self._faults.keys():
                raise ImageFault(why_it_stays(failed))
            if not any(map(self._has_stayed, needing)):
                self._outcomes[image.id] = Convergence(farewell, self._warn).finish(foretells)
        except Exception as fault:  # what becomes of one image does not stop the others
            self._faults[image.id] = fault
            self._presence.doubt(fault)

    def _is_done(self, image: Image) -> bool:
        return image.id in self._outcomes and bool(self._outcomes[image.id].actions)

    def _has_stayed(self, image_id: str) -> bool:
        """Whether an image was begun with, and left alone: somebody else has taken it over, or something that needs it."""
        return image_id not in self._outcomes or bool(self._outcomes[image_id].after)

    def _report(self, image: Image) -> dict[str, t.Any]:
        fault, about = self._faults.get(image.id), {"name": image.name, "id": image.id}
        if not fault:
            return about | {"changed": True, "failed": False, "actions": self._outcomes[image.id].actions}
        told: dict[str, t.Any] = {"msg": f"Unexpected {type(fault).__name__}: {fault}", "reason": "unexpected"}
        if isinstance(fault, CollectionError):
            told = {"msg": fault.message, "reason": fault.reason}
        actions = getattr(fault, "details", {}).get("actions", [])
        return about | {"changed": bool(actions), "failed": True, "actions": actions, **told}


class _Listed(Finder):
    """Knows the images of the catalogue out of the first look, which is good enough for those who only foretell."""

    def __init__(self, glance: Glance, found: t.Iterable[Json]) -> None:
        super().__init__(glance)
        self._found = {raw["id"]: raw for raw in found}

    def by_id(self, image_id: str) -> list[Json]:
        return [self._found[image_id]] if image_id in self._found else super().by_id(image_id)


def unneeded(doomed: t.Iterable[Image], images: t.Collection[Image]) -> list[Image]:
    """Those that are the kernel or ramdisk of no image that stays; with one that is, its family stays. Pure.

    :param images: all images of the catalogue, and others that may need them.
    """
    going = {image.id: image for image in doomed}
    while True:
        needing = needed_by(going, (image for image in images if image.id not in going))
        needed = {each for each, others in needing.items() if others}
        families = _families(going[each] for each in needed)
        kept = [image for image in going.values() if image.id in needed or _family(image) in families]
        if not kept:
            return list(going.values())
        for image in kept:
            del going[image.id]


def turns(doomed: t.Sequence[Image]) -> list[set[int]]:
    """For each image the indices of those that go before it, because they need it. Pure.

    Where some need each other, one of them has to begin.
    """
    after = {each: set(needing) for each, needing in needed_by([image.id for image in doomed], doomed).items()}
    while circle := _circle(after):
        after[circle[1]].discard(circle[0])
    places = {image.id: place for place, image in enumerate(doomed)}
    return [{places[each] for each in after[image.id]} for image in doomed]


def _circle(after: t.Mapping[str, set[str]]) -> list[str]:
    """Some that wait for each other, each for the one before it; empty if there are none."""
    try:
        graphlib.TopologicalSorter(after).prepare()
    except graphlib.CycleError as found:
        return t.cast("list[str]", found.args[1])
    return []


def _label(image: Image) -> str:
    return f"{image.name!r} ({image.id})" if image.name else f"the image {image.id} without a name"


def _family(image: Image) -> tuple[str, str | None]:
    return (image.owner or "", image.stamp(FAMILY))


def _families(images: t.Iterable[Image]) -> set[tuple[str, str | None]]:
    return {_family(image) for image in images if image.stamp(FAMILY)}
