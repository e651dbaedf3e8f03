# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What somebody ought to look at: one function for each kind of finding. Pure."""

from __future__ import annotations

import collections
import typing as t

from ._audit_facts import Facts, Finding, label
from ._audit_families import has_own_name, name_of_each_family
from ._cast import cast
from ._errors import AmbiguousImage
from ._observed import END_OF_LIFE, GONE, IN_MOTION, INCOMING_FOR, Image
from ._versions import has_ended, newest_of_one_family

_HALF_DELETED = (
    "Nobody can delete it by the API of Glance any more. Ask the operator of the cloud to mark it as deleted in Glance's database "
    "(table images, columns deleted and deleted_at)."
)
_COPY_AGAIN = "Copy it again with the module image (name: its id, option stores)."
_WAIT_FOR_TASK = (
    "Look at the task (openstack image task list) and wait for it. If it does not run any more, only the operator of the cloud "
    "can release the image."
)
_ONE_FAMILY = (
    "Run the module image or images with one version of the family (options name and version): the newest good version keeps the "
    "name, and the others are renamed."
)
_UNFINISHED = "Run the task that declares this name again: it finishes the replacement of one by the other."


def find(facts: Facts) -> list[Finding]:
    """All findings, in no order."""
    finders = (_catalogue, _undeclared, _faults, _ended, name_of_each_family, _same_name, _shared_twice, _same_content)
    return [finding for finder in finders for finding in finder(facts)]


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
        broken = fault(image)
        if is_leftover(image, facts):
            text = f"{label(image)} was made to replace another image, and was left behind ({image.status})."
            yield Finding("leftover", text, (image.id,))
        elif broken:
            reason, advice = broken
            yield Finding("broken", f"{label(image)} is broken: {reason}.", (image.id,), advice)
        elif _waits(image) and facts.is_old(image):
            what = "held by a task of an import" if image.usable else image.status
            text = f"{label(image)} is {what} since {image.raw.get('updated_at')}."
            yield Finding("stuck", text, (image.id,), _WAIT_FOR_TASK if image.usable else "")


def is_leftover(image: Image, facts: Facts) -> bool:
    """Whether this collection made it to take the place of another image, and did not come to that."""
    return bool(image.stamp(INCOMING_FOR)) and image.status not in GONE and facts.is_old(image)


def fault(image: Image) -> tuple[str, str] | None:
    """Why nobody can use an image, if time will not mend it, and what to do if that is not to delete it and begin anew."""
    failed = image.raw.get("os_glance_failed_import")
    busy = bool(image.raw.get("os_glance_import_task"))
    if image.status == "killed":
        return "its upload was given up (killed)", ""
    if image.status == "deleted":
        return "Glance began to delete it and did not come to an end", _HALF_DELETED
    if failed and not busy and image.usable:
        return f"a copy into {failed} failed", _COPY_AGAIN
    if failed and not busy:
        return f"its import into {failed} failed", ""
    if image.status == "queued" and not image.is_slot and not busy:
        return "queued, and an upload that failed has left something behind, so that none can be tried again", ""
    if image.status == "active" and not image.size and not _is_of_a_volume(image):
        return "active, and has no data", ""
    return None


def _is_of_a_volume(image: Image) -> bool:
    """A snapshot of a server that boots from a volume is an image without data, by design."""
    return bool(image.raw.get("block_device_mapping"))


def _waits(image: Image) -> bool:
    return image.status == "queued" or image.status in IN_MOTION or image.copying


def _ended(facts: Facts) -> t.Iterator[Finding]:
    for image in facts.images:
        in_sight = image.status == "active" and not image.hidden and not image.stamp(INCOMING_FOR)
        if in_sight and not has_own_name(image) and has_ended(image, facts.now):
            text = f"{label(image)} is still offered, and its life ended on {image.stamp(END_OF_LIFE)}."
            yield Finding("end_of_life", text, (image.id,))


def _same_name(facts: Facts) -> t.Iterator[Finding]:
    named: dict[tuple[str | None, str], list[Image]] = collections.defaultdict(list)
    for image in facts.images:
        if image.name and not image.hidden and image.status not in GONE and not image.stamp(INCOMING_FOR):
            named[image.owner, image.name].append(image)
    for (_owner, name), images in named.items():
        if len(images) > 1:
            ids = tuple(image.id for image in images)
            text = f"{len(images)} images are called {name!r}: {', '.join(ids)}."
            yield Finding("duplicate_name", text, ids, _way_out(images, name))


def _way_out(images: list[Image], name: str) -> str:
    """What to do about several images of one name, where the module image knows which one is meant."""
    if newest_of_one_family(images):
        return _ONE_FAMILY
    try:
        return _UNFINISHED if cast(images, name).current else ""
    except AmbiguousImage:
        return ""


def _shared_twice(facts: Facts) -> t.Iterator[Finding]:
    """Memberships of which Glance has several rows; it cannot delete such an image."""
    for image in facts.images:
        rows = collections.Counter(row["member_id"] for row in (facts.members or {}).get(image.id) or ())
        for project in (project for project, number in rows.items() if number > 1):
            text = (
                f"{label(image)} is shared with project {facts.project_title(project)} twice, and Glance cannot delete an image "
                "of which that is so."
            )
            yield Finding("duplicate_member", text, (image.id,))


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
