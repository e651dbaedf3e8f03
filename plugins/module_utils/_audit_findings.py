# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What somebody ought to look at: one function for each kind of finding. Pure."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import functools
import typing as t

from ._audit_drift import Entry
from ._observed import END_OF_LIFE, GONE, IN_MOTION, INCOMING_FOR, SUPERSEDED_AT, Image
from ._versions import family_of, has_ended, newest_good, version_of

Json = dict[str, t.Any]

#: How much each kind of finding matters.
SEVERITY = {
    "missing": "problem",
    "broken": "problem",
    "stuck": "problem",
    "unchecked": "problem",
    "drift": "warning",
    "unwanted": "warning",
    "end_of_life": "warning",
    "not_newest": "warning",
    "duplicate_name": "warning",
    "leftover": "warning",
    "undeclared": "note",
    "duplicate_content": "note",
}
CODES = tuple(SEVERITY)


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that somebody ought to look at.

    :param images: ids.
    :param text: a sentence for people.
    """

    code: str
    text: str
    images: tuple[str, ...] = ()

    @property
    def severity(self) -> str:
        return SEVERITY[self.code]

    def shown(self) -> Json:
        """As a result has it."""
        return {"code": self.code, "severity": self.severity, "images": list(self.images), "text": self.text}


@dataclasses.dataclass(frozen=True)
class Facts:
    """All that an audit is made from.

    :param entries: what is declared; None without a catalogue.
    :param project: the project whose catalogue it is.
    :param stuck_after: how long an image may be on its way.
    """

    images: tuple[Image, ...]
    now: datetime.datetime
    stuck_after: datetime.timedelta
    entries: tuple[Entry, ...] | None = None
    project: str | None = None

    @functools.cached_property
    def by_id(self) -> dict[str, Image]:
        return {image.id: image for image in self.images}

    @functools.cached_property
    def _drift(self) -> dict[str, list[Json]]:
        drift: dict[str, list[Json]] = collections.defaultdict(list)
        for entry in self.entries or ():
            if entry.image_id:
                drift[entry.image_id] += entry.drift
        return dict(drift)

    @functools.cached_property
    def _declared_ids(self) -> frozenset[str]:
        return frozenset(entry.image_id for entry in self.entries or () if entry.image_id)

    @functools.cached_property
    def _declared_names(self) -> frozenset[str]:
        """Names of entries that failed, so that nobody knows which image they mean."""
        failed = (entry for entry in self.entries or () if entry.state == "failed" or entry.message)
        return frozenset(entry.name for entry in failed if not entry.image_id)

    @functools.cached_property
    def _declared_families(self) -> frozenset[str]:
        return frozenset(entry.family for entry in self.entries or () if entry.family)

    @functools.cached_property
    def _declared_owners(self) -> frozenset[str | None]:
        """Projects that the catalogue speaks of: what others have in their own need not be declared in it."""
        known = (self.by_id[image_id].owner for image_id in self._declared_ids if image_id in self.by_id)
        return frozenset({self.project, *known})

    def drift_of(self, image_id: str) -> list[Json]:
        return self._drift.get(image_id, [])

    def is_superseded(self, image: Image) -> bool:
        """Whether another image has taken its place."""
        return image.retired or bool(image.stamp(SUPERSEDED_AT))

    def is_declared(self, image: Image) -> bool | None:
        """Whether the catalogue names it; None where that says nothing.

        That is without a catalogue, and for what another project has, predecessors, and further versions of a declared family.
        """
        if self.entries is None:
            return None
        if image.id in self._declared_ids or image.name in self._declared_names:
            return True
        kept = self.is_superseded(image) or image.stamp(INCOMING_FOR) or family_of(image) in self._declared_families
        return None if kept or image.owner not in self._declared_owners else False

    def since(self, image: Image) -> datetime.datetime | None:
        """When it was last changed."""
        try:
            return datetime.datetime.fromisoformat(image.raw.get("updated_at") or image.created_at)
        except ValueError:
            return None

    def is_old(self, image: Image) -> bool:
        """Whether it has not changed for longer than an image may be on its way."""
        since = self.since(image)
        return since is not None and self.now - since > self.stuck_after


def find(facts: Facts) -> list[Finding]:
    """All findings, in no order."""
    finders = (_catalogue, _undeclared, _faults, _ended, _not_newest, _same_name, _same_content)
    return [finding for finder in finders for finding in finder(facts)]


def label(image: Image) -> str:
    """An image as sentences name it."""
    return f"{image.name!r} ({image.id})" if image.name else image.id


def _catalogue(facts: Facts) -> t.Iterator[Finding]:
    for entry in facts.entries or ():
        ids = (entry.image_id,) if entry.image_id in facts.by_id else ()
        if entry.state == "missing":
            yield Finding("missing", f"{entry.title} is declared, and there is no such image.")
        elif entry.state == "failed":
            yield Finding("unchecked", f"{entry.title} could not be compared: {entry.message}", ids)
        elif entry.state == "unwanted":
            yield Finding("unwanted", f"{entry.title} is declared to be absent, and is there.", ids)
        elif entry.state == "differs":
            keys = ", ".join(each["key"] for each in entry.drift)
            yield Finding("drift", f"{entry.title} differs from what is declared: {keys}.", ids)


def _undeclared(facts: Facts) -> t.Iterator[Finding]:
    for image in facts.images:
        if facts.is_declared(image) is False:
            yield Finding("undeclared", f"{label(image)} is in no entry of the catalogue.", (image.id,))


def _faults(facts: Facts) -> t.Iterator[Finding]:
    """An image that is not well has one finding: the one that says most."""
    for image in facts.images:
        reason = fault(image)
        if is_leftover(image, facts):
            text = f"{label(image)} was made to replace another image, and was left behind ({image.status})."
            yield Finding("leftover", text, (image.id,))
        elif reason:
            yield Finding("broken", f"{label(image)} is broken: {reason}.", (image.id,))
        elif _waits(image) and facts.is_old(image):
            what = "held by a task of an import" if image.usable else image.status
            yield Finding("stuck", f"{label(image)} is {what} since {image.raw.get('updated_at')}.", (image.id,))


def is_leftover(image: Image, facts: Facts) -> bool:
    """Whether this collection made it to take the place of another image, and did not come to that."""
    return bool(image.stamp(INCOMING_FOR)) and image.status not in GONE and facts.is_old(image)


def fault(image: Image) -> str | None:
    """Why nobody can use an image, if time will not mend it."""
    failed = image.raw.get("os_glance_failed_import")
    busy = bool(image.raw.get("os_glance_import_task"))
    if image.status == "killed":
        return "its upload was given up (killed)"
    if failed and not busy:
        return f"a copy into {failed} failed" if image.usable else f"its import into {failed} failed"
    if image.status == "queued" and not image.is_slot and not busy:
        return "queued, and an upload that failed has left something behind, so that none can be tried again"
    if image.status == "active" and not image.size and not _is_of_a_volume(image):
        return "active, and has no data"
    return None


def _is_of_a_volume(image: Image) -> bool:
    """A snapshot of a server that boots from a volume is an image without data, by design."""
    return bool(image.raw.get("block_device_mapping"))


def _waits(image: Image) -> bool:
    return image.status == "queued" or image.status in IN_MOTION or image.copying


def _ended(facts: Facts) -> t.Iterator[Finding]:
    for image in facts.images:
        in_sight = image.status == "active" and not image.hidden and not image.stamp(INCOMING_FOR)
        if in_sight and not _has_own_name(image) and has_ended(image, facts.now):
            text = f"{label(image)} is still offered, and its life ended on {image.stamp(END_OF_LIFE)}."
            yield Finding("end_of_life", text, (image.id,))


def _has_own_name(image: Image) -> bool:
    """Whether a version is called after its version, and so is not the one that its family's name means."""
    version = version_of(image)
    return bool(version) and (image.name or "").endswith(f" ({version})")


def _not_newest(facts: Facts) -> t.Iterator[Finding]:
    families: dict[tuple[str | None, str], list[Image]] = collections.defaultdict(list)
    for image in facts.images:
        family = family_of(image)
        if family:
            families[image.owner, family].append(image)
    for (_owner, family), images in families.items():
        newest = newest_good(images, family, facts.now)
        bearers = [image for image in images if not image.hidden and not _has_own_name(image)]
        if newest and bearers and newest not in bearers:
            text = (
                f"{label(newest)} is the newest good version of {family!r} ({version_of(newest)}), and "
                f"{label(bearers[0])} has its name ({version_of(bearers[0])})."
            )
            yield Finding("not_newest", text, (newest.id, bearers[0].id))


def _same_name(facts: Facts) -> t.Iterator[Finding]:
    named: dict[tuple[str | None, str], list[Image]] = collections.defaultdict(list)
    for image in facts.images:
        if image.name and not image.hidden and image.status not in GONE and not image.stamp(INCOMING_FOR):
            named[image.owner, image.name].append(image)
    for (_owner, name), images in named.items():
        if len(images) > 1:
            ids = tuple(image.id for image in images)
            yield Finding("duplicate_name", f"{len(images)} images are called {name!r}: {', '.join(ids)}.", ids)


def content_groups(images: t.Iterable[Image]) -> list[list[Image]]:
    """Images of the same content, by Glance's own digest of it; groups of two and more."""
    groups: dict[tuple[t.Any, ...], list[Image]] = collections.defaultdict(list)
    for image in images:
        algorithm = image.hash_algorithm
        if image.size and algorithm and image.status not in GONE:
            groups[algorithm, image.digest(algorithm), image.size].append(image)
    return [group for group in groups.values() if len(group) > 1]


def _same_content(facts: Facts) -> t.Iterator[Finding]:
    for group in content_groups(facts.images):
        names = ", ".join(label(image) for image in group)
        text = f"{len(group)} images have the same content of {group[0].size} bytes: {names}."
        yield Finding("duplicate_content", text, tuple(image.id for image in group))
