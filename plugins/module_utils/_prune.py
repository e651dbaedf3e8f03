# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Removing what a catalogue no longer names: only images that bear its mark, in the projects that it speaks of."""

from __future__ import annotations

import functools
import typing as t

from ._apply import run_step
from ._compare import picture_of
from ._converge import Outcome
from ._errors import CollectionError
from ._foretold import World
from ._glance import Glance, Json
from ._image_steps import Delete
from ._needs import images_needing, needed_by
from ._observed import CATALOG, FAMILY, REPLACED_BY, Image
from ._pool import run_all
from ._presence import Presence
from ._versions import was_called

#: Visibilities that let every project use an image.
_OPEN = ("public", "community")


class Named(t.Protocol):
    """What an entry of the catalogue names."""

    scope: str

    @property
    def id(self) -> str | None: ...
    @property
    def names(self) -> set[str]: ...
    @property
    def family(self) -> str | None: ...


class Pruning:
    """The images of a catalogue that it no longer names.

    :param mark: what the images of the catalogue bear.
    """

    def __init__(self, glance: Glance, presence: Presence, mark: str, warn: t.Callable[[str], None]) -> None:
        self._glance = glance
        self._presence = presence
        self._mark = mark
        self._warn = warn
        self._scopes: list[str] = []
        self._marked: list[Json] = []
        self._doomed: list[Image] = []
        self._faults: dict[str, CollectionError] = {}
        self._spared: set[str] = set()
        self._begun = False

    def plan(self, scopes: t.Iterable[str], entries: t.Sequence[Named]) -> None:
        """Look for images that bear the mark and are not named."""
        self._scopes = sorted(scopes)
        self._marked = self._look()
        self._doomed = unnamed(list(map(Image, self._marked)), entries)
        for image in [image for image in self._doomed if image.protected or image.in_motion]:
            why = "protected" if image.protected else image.status
            self._warn(f"The catalogue no longer names {image.name!r} ({image.id}), which is {why} and stays.")
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
            self._begun = True
            self._presence.doubt(fault)
            self._faults = {image.id: fault for image in self._doomed}
            return
        known = {raw["id"] for raw in self._marked}
        others = [image for image in needing if image.id not in known]
        self._doomed = unneeded(self._doomed, others + list(map(Image, marked)))
        for image in (image for image in self._doomed if image.raw.get("visibility") in _OPEN):
            what = f"{image.name!r} ({image.id}), which is {image.raw['visibility']}: other projects can use it, too"
            self._warn(f"The catalogue no longer names {what}.")
        self._begun = True
        if world is None:
            run_all([functools.partial(self._remove, image) for image in self._doomed], workers)

    def report(self) -> list[dict[str, t.Any]]:
        """What became of each."""
        return [self._report(image) for image in self._doomed if self._begun and image.id not in self._spared]

    def outcomes(self) -> dict[str, Outcome]:
        """For the diff, by label."""
        done = [image for image in self._doomed if self._begun and image.id not in self._faults.keys() | self._spared]
        return {f"{image.name} [{image.id}]": Outcome({}, [str(_step(image))], picture_of(image), {}) for image in done}

    def _look(self) -> list[Json]:
        found: list[Json] = []
        for scope in self._scopes:
            found += self._glance.hidden_too({CATALOG: self._mark, "owner": scope})
        return [raw for raw in found if self._bears_mark(raw)]

    def _bears_mark(self, raw: Json) -> bool:
        return Image(raw).stamp(CATALOG) == self._mark and raw["owner"] in self._scopes

    def _remove(self, image: Image) -> None:
        try:
            self._presence.require()
            raw = self._glance.image(image.id)
            if raw is None or Image(raw).stamp(CATALOG) != self._mark or Image(raw).protected:
                self._spared.add(image.id)  # somebody has just taken it over, or away
                return
            run_step(self._glance, _step(image), self._warn)
        except CollectionError as fault:
            self._faults[image.id] = fault
            self._presence.doubt(fault)

    def _report(self, image: Image) -> dict[str, t.Any]:
        fault = self._faults.get(image.id)
        report = {"name": image.name, "id": image.id, "changed": not fault, "failed": bool(fault)}
        if fault:
            return report | {"actions": [], "msg": fault.message, "reason": fault.reason}
        return report | {"actions": [str(_step(image))]}


def unnamed(marked: t.Sequence[Image], entries: t.Iterable[Named]) -> list[Image]:
    """The images that no entry names. Pure.

    Versions of a family that is named, and images that were replaced by one that is named, are the business of
    image_retention. Copies inherit the mark, as snapshots do, and are never pruned.
    """
    entries = list(entries)
    names = {(entry.scope, name) for entry in entries for name in entry.names}
    # A name may hold an id, too
    ids = {entry.id for entry in entries} | {name for _scope, name in names}
    by_id = {image.id: image for image in marked}

    def is_named(image: Image) -> bool:
        image = _successor(image, by_id)
        owner = image.owner or ""
        if image.id in ids or (owner, image.name) in names:
            return True
        return any(scope == owner and was_called(image, name) for scope, name in names)

    families = {(entry.scope, entry.family) for entry in entries if entry.family} | _families(filter(is_named, marked))
    marked = [image for image in marked if image.stamp(CATALOG)]
    return [image for image in marked if not is_named(image) and _family(_successor(image, by_id)) not in families]


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


def _successor(image: Image, by_id: t.Mapping[str, Image]) -> Image:
    """The image that has replaced one in the end, or the image itself."""
    seen = set[str]()
    while image.retired and image.raw[REPLACED_BY] in by_id and image.id not in seen:
        seen.add(image.id)
        image = by_id[image.raw[REPLACED_BY]]
    return image


def _family(image: Image) -> tuple[str, str | None]:
    return (image.owner or "", image.stamp(FAMILY))


def _families(images: t.Iterable[Image]) -> set[tuple[str, str | None]]:
    return {_family(image) for image in images if image.stamp(FAMILY)}


def _step(image: Image) -> Delete:
    return Delete(image.id, "no longer in the catalogue")
