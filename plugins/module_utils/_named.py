# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Which images of a catalogue it still names: by what its entries say, what they were found to mean, and what was replaced by that. Pure."""

from __future__ import annotations

import collections
import dataclasses
import functools
import typing as t

from ._observed import CATALOG, FAMILY, REPLACED_BY, REPLACES, Image
from ._versions import family_of, is_called_after_version, renamed_from, was_called


class Named(t.Protocol):
    """What an entry of the catalogue names."""

    scope: str

    @property
    def id(self) -> str | None: ...

    @property
    def name(self) -> str: ...

    @property
    def names(self) -> set[str]: ...

    @property
    def family(self) -> str | None: ...

    @property
    def found_id(self) -> str | None: ...

    @property
    def seen(self) -> t.Sequence[Image]:
        """All images that it was found among, with the mark of the catalogue or without."""


@dataclasses.dataclass(frozen=True)
class Unnamed:
    """Images that bear the mark and are not named.

    :param doubtful: those of them that may have been replaced by one that is named, which is to be told, by id.
    """

    images: tuple[Image, ...] = ()
    doubtful: t.Mapping[str, Image] = dataclasses.field(default_factory=dict)


def unnamed(marked: t.Sequence[Image], entries: t.Sequence[Named]) -> Unnamed:
    """The images that no entry names.

    Versions of a family that is named, and images that were replaced by one that is named, are the business of
    image_retention. Copies inherit the mark, as snapshots do, and are never pruned.
    """
    naming = _Naming(marked, entries)
    found = [image for image in marked if image.stamp(CATALOG) and not naming.keeps(image)]
    doubts = {image.id: heir for image in found if (heir := naming.possible_heir(image))}
    return Unnamed(tuple(image for image in found if image.id not in doubts), doubts)


class _Naming:
    """What all entries name together."""

    def __init__(self, marked: t.Sequence[Image], entries: t.Sequence[Named]) -> None:
        self._marked = marked
        seen = {image.id: image for entry in entries for image in entry.seen}
        self._known = {image.id: image for image in marked} | seen
        self._names = {(entry.scope, name) for entry in entries for name in entry.names}
        # A name may hold an id, too
        self._ids = {entry.id for entry in entries} | {entry.found_id for entry in entries}
        self._ids |= {name for _scope, name in self._names}
        #: Names that predecessors of what is named may have: those that entries give, and those that they take away.
        self._former = self._names | {(entry.scope, entry.name) for entry in entries}
        found = [self._known[entry.found_id] for entry in entries if entry.found_id in self._known]
        self._former |= {(image.owner or "", image.name or "") for image in found}
        # A family usually has the name of its images, and may have lost the one that an entry would be found to mean
        self._families: set[tuple[str, str | None]] = {(each.scope, each.family) for each in entries if each.family}
        self._families |= self._names
        self._families |= {_family(image) for image in self._named if image.stamp(FAMILY)}

    @functools.cached_property
    def _successors(self) -> t.Mapping[str, set[str]]:
        """Ids of those that took the place of each, going by what either says; some of them may be gone."""
        successors = collections.defaultdict[str, set[str]](set)
        for image in self._known.values():
            if image.retired:
                successors[image.id].add(image.raw[REPLACED_BY])
            if replaced := image.stamp(REPLACES):
                successors[replaced].add(image.id)
        return dict(successors)

    @functools.cached_property
    def _named(self) -> list[Image]:
        """Those that are named by themselves, or have been replaced by one that is."""
        return [image for image in self._known.values() if any(map(self._is_named, self._line(image)))]

    def keeps(self, image: Image) -> bool:
        """Whether it is named, has been replaced by one that is, or belongs to a family that is named."""
        line = self._line(image)
        return any(map(self._is_named, line)) or any(_family(each) in self._families for each in line)

    def possible_heir(self, image: Image) -> Image | None:
        """A named image that may have taken the place of one that is not: what came between them is gone."""
        ends = [each for each in self._line(image) if len(self._line(each)) == 1 and self._is_orphan(each)]
        heirs = [each for each in self._named if each.owner == image.owner and ends]
        return next((each for each in heirs if any(self._may_follow(each, end) for end in ends)), None)

    def _is_named(self, image: Image) -> bool:
        owner = image.owner or ""
        if image.id in self._ids or (owner, image.name) in self._names:
            return True
        if image.retired and (owner, image.name) in self._former:
            return True
        return any(scope == owner and was_called(image, name) for scope, name in self._former)

    def _line(self, image: Image) -> list[Image]:
        """An image with all that have taken its place since, one after the other, as far as they are there."""
        line, waiting = dict.fromkeys([image.id]), [image.id]
        while waiting:
            for successor in sorted(self._successors.get(waiting.pop(), set()) - line.keys()):
                line[successor] = None
                waiting.append(successor)
        return [self._known[each] for each in line if each in self._known]

    def _is_orphan(self, image: Image) -> bool:
        """Whether another image has taken its place, or the name of its family, and is gone."""
        if image.retired or renamed_from(image) is not None:
            return True
        relatives = [each for each in self._known.values() if family_of(each) and _family(each) == _family(image)]
        return bool(relatives) and all(map(is_called_after_version, relatives))

    def _may_follow(self, heir: Image, image: Image) -> bool:
        """Whether it cannot be told that an image did not take the place of another one, or the name of its family."""
        replaced = heir.stamp(REPLACES)
        if replaced and replaced not in self._known and not family_of(image):
            return heir.created_at >= image.created_at
        return image.stamp(FAMILY) is not None and family_of(heir) is not None


def _family(image: Image) -> tuple[str, str | None]:
    return (image.owner or "", image.stamp(FAMILY))
