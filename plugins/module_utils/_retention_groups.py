# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Images that belong together over time: the versions of a family, the predecessors of a name, the snapshots of a server. Pure."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import itertools
import typing as t

from . import _version_order, _versions
from ._observed import END_OF_LIFE, EXCLUDED, FAMILY, INCOMING_FOR, REPLACED_BY, SUPERSEDED_AT, VERSION, Image

#: Kind and name of a group.
Key = tuple[str, str]


@dataclasses.dataclass(frozen=True)
class Group:
    """Images of which each newer one supersedes the older ones.

    :param images: the newest first.
    :param successors: images by the id of the one that they have replaced.
    """

    key: Key
    images: tuple[Image, ...]
    successors: dict[str, Image] = dataclasses.field(default_factory=dict)

    @functools.cached_property
    def whole(self) -> tuple[Image, ...]:
        """Those that have their data and nobody is at work on: the only ones that count."""
        return tuple(image for image in self.images if is_whole(image))

    @functools.cached_property
    def _next_newer(self) -> dict[str, Image]:
        return {older.id: newer for newer, older in itertools.pairwise(self.whole)}

    @functools.cached_property
    def current(self) -> dict[str, str]:
        """The images that a name means, with the name, by id: no version's own name, and not put away."""
        best: dict[str, Image] = {}
        for image in self.whole:
            name = image.name
            if not name or image.snapshot or is_put_away(image) or _versions.is_called_after_version(image):
                continue
            if name not in best or _claim(image) > _claim(best[name]):
                best[name] = image
        return {image.id: name for name, image in best.items()}

    def newest_good(self, now: datetime.datetime) -> str | None:
        """Id of the version that ought to have the name of the family; None if there is none."""
        good = (image for image in self.whole if version_of(image) and not image.retired)
        return next((image.id for image in good if _versions.is_good(image, now)), None)

    def last(self, number: int, now: datetime.datetime) -> tuple[frozenset[str], dict[str, str]]:
        """Ids of the newest images that one could go back to; and of those among them that one could not, with the reason."""
        last: set[str] = set()
        passed_over: dict[str, str] = {}
        for image in self.whole:
            if len(last) >= number:
                break
            if because := _unfit(image, now):
                passed_over[image.id] = because
            else:
                last.add(image.id)
        return frozenset(last), passed_over

    def superseded_at(self, image: Image) -> datetime.datetime | None:
        """When an image was superseded: as it says itself, or when the next newer one was made; None if it was not."""
        if told := read_time(image.stamp(SUPERSEDED_AT)):
            return told
        newer = self.successors.get(image.id) or self._next_newer.get(image.id)
        times = (_made(newer), read_time(image.created_at)) if newer else ()
        return max((time for time in times if time), default=None)


def groups_of(images: t.Iterable[Image]) -> list[Group]:
    """The groups that images belong to, in the order of their labels. One without a name is a group by itself."""
    known = {image.id: image for image in images}
    successors = {each.id: known[by] for each in known.values() if (by := _replaced_by(each)) in known}
    found: dict[Key, list[Image]] = {}
    for image in known.values():
        found.setdefault(_key(image, successors), []).append(image)
    return [
        Group(key, tuple(sorted(members, key=lambda image: _place(image, successors), reverse=True)), successors)
        for key, members in sorted(found.items(), key=lambda item: (item[0][1], item[0][0]))
    ]


def version_of(image: Image) -> str | None:
    """Which version of a family an image is; None if it is none."""
    return image.stamp(VERSION) if image.stamp(FAMILY) else None


def is_whole(image: Image) -> bool:
    """Whether an image has its data, and nobody is at work on it or about to put it in place."""
    return image.usable and not image.in_motion and not image.copying and not image.stamp(INCOMING_FOR)


def is_nameless(image: Image) -> bool:
    """Whether nothing can have superseded an image, because it has no name that another one could take."""
    return not (image.name or image.snapshot or version_of(image) or is_put_away(image))


def is_put_away(image: Image) -> bool:
    """Whether an image was taken out of sight when another one took its place."""
    marks = (REPLACED_BY, SUPERSEDED_AT)
    return image.hidden and (any(image.stamp(mark) for mark in marks) or _versions.renamed_from(image) is not None)


def read_time(text: str | None) -> datetime.datetime | None:
    """A time as Glance and this collection write it; None if it is none."""
    try:
        time = datetime.datetime.fromisoformat(text or "")
        return (time if time.tzinfo else time.replace(tzinfo=datetime.UTC)).astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        return None


def _made(image: Image) -> datetime.datetime | None:
    """When an image was there at the latest: one that was copied from elsewhere may be superseded for longer than it is here."""
    times = (read_time(image.created_at), read_time(image.stamp(SUPERSEDED_AT)))
    return min((time for time in times if time), default=None)


def _key(image: Image, successors: dict[str, Image]) -> Key:
    """Whoever was replaced belongs to where its successor belongs."""
    passed: set[str] = set()
    while not version_of(image) and image.id in successors and image.id not in passed:
        passed.add(image.id)
        image = successors[image.id]
    if version_of(image):
        return "family", image.stamp(FAMILY) or ""
    if image.snapshot:
        server = image.raw.get("instance_uuid")
        return ("server", server) if server else ("snapshot", image.name or image.id)
    former = _versions.renamed_from(image)
    name = image.name if former is None else former
    return ("name", name) if name else ("nameless", image.id)


def label_of(key: Key) -> str:
    """What users call a group."""
    kind, name = key
    return f"{kind} {name}" if kind in ("server", "snapshot") else name


def _unfit(image: Image, now: datetime.datetime) -> str | None:
    """Why nobody would go back to an image; None if one might."""
    if _versions.is_excluded(image):
        return "it is excluded from latest"
    if _versions.has_ended(image, now):
        return f"its end of life was {image.stamp(END_OF_LIFE)}"
    return None


def _replaced_by(image: Image) -> str | None:
    return image.stamp(REPLACED_BY) if image.hidden else None


def _claim(image: Image) -> tuple[t.Any, ...]:
    """Which of several images a name means, as for the module ``image``."""
    superseded = bool(image.stamp(SUPERSEDED_AT))
    excluded = (image.stamp(EXCLUDED) or "").lower() == "true"
    return (not image.hidden, image.status == "active", not superseded, not excluded, _order(image))


def _place(image: Image, successors: dict[str, Image]) -> tuple[t.Any, ...]:
    """What images are sorted by; of two that were made in the same second, one that has replaced the other is newer."""
    ahead, latest = set[str](), image
    while latest.id in successors and latest.id not in ahead:
        ahead.add(latest.id)
        latest = successors[latest.id]
    *times, last = _order(image)
    return (*times, -len(ahead), last)


def _order(image: Image) -> tuple[t.Any, ...]:
    """Their order by themselves. Glance counts in seconds, so the order in which they were superseded may have to decide."""
    superseded = image.stamp(SUPERSEDED_AT)
    version = _version_order.version_key(version_of(image) or "")
    return (version, image.created_at, superseded is None, superseded or "", image.id)
