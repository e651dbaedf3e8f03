# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Families whose name nobody has, or several versions, as runs at the same moment or one that was killed can leave them. Pure."""

from __future__ import annotations

import dataclasses
import typing as t

from ._desired import Desired
from ._image_steps import GiveName, key_of
from ._observed import FAMILY, GONE, INCOMING_FOR, SUPERSEDED_AT, Image, Observed
from ._steps import certain
from ._versions import best, family_of, newest_good, version_of


def bearing(images: t.Iterable[Image], name: str) -> list[Image]:
    """The images that bear a name, but for those that were replaced, or that are to replace another one."""
    alive = [image for image in images if image.name == name and image.status not in GONE]
    return [image for image in alive if not image.retired and not image.stamp(INCOMING_FOR)]


def family_in_doubt(desired: Desired, observed: Observed) -> str | None:
    """The family of which all versions have to be known, because a name that is declared alone is that of none or of several.

    A run that was killed, or two at the same moment, can have left it so.
    """
    if (
        desired.version is not None
        or desired.id is not None
        or desired.state == "absent"
        or observed.relatives is not None
    ):
        return None
    named = bearing(observed.images, desired.name)
    if not named:
        return None if any(image.id == desired.name for image in observed.images) else desired.name
    families = {family_of(image) for image in named}
    return families.pop() if len(named) > 1 and len(families) == 1 else None


def as_version(desired: Desired, observed: Observed) -> tuple[Desired, Observed]:
    """The declaration of the version that ought to have a name which none or several have; everything else as it is."""
    if not observed.relatives or desired.version is not None:
        return desired, observed
    images = {image.id: image for image in (*observed.relatives, *observed.images)}
    known = observed.relatives[0].raw[FAMILY]
    heir = newest_good(images.values(), known, observed.now)
    heir = heir or best(image for image in bearing(observed.images, desired.name) if family_of(image) == known)
    if heir is None:
        return desired, observed
    task = dataclasses.replace(desired, family=known, version=version_of(heir))
    return task, dataclasses.replace(observed, images=tuple(images.values()))


def heir_of(desired: Desired, observed: Observed) -> Image | None:
    """The version that gets a name which nobody has before data comes in; None if somebody has it, or no version is good."""
    if desired.promote is False or not desired.moves_name or desired.version is None or desired.state == "absent":
        return None
    if bearing(observed.images, desired.name):
        return None
    return newest_good(observed.images, certain(desired.family), observed.now)


def named_first(desired: Desired, observed: Observed, heir: Image) -> tuple[GiveName, Observed]:
    """The step that gives a version the name, and what is there then."""
    operations = showing(heir, desired.name)
    raw = dict(heir.raw)
    for operation in operations:
        if operation["op"] == "remove":
            raw.pop(key_of(operation), None)
        else:
            raw[key_of(operation)] = operation["value"]
    step = GiveName(heir.id, certain(version_of(heir)), desired.name, operations)
    others = [image for image in observed.images if image.id != heir.id]
    return step, dataclasses.replace(observed, images=(*others, Image(raw)))


def showing(image: Image, name: str) -> tuple[dict[str, t.Any], ...]:
    """A JSON patch that gives a version the name of its family, and shows it."""
    operations: list[dict[str, t.Any]] = [{"op": "replace", "path": "/name", "value": name}]
    if image.stamp(SUPERSEDED_AT):
        operations.append({"op": "remove", "path": f"/{SUPERSEDED_AT}"})
    if image.hidden:
        operations.append({"op": "replace", "path": "/os_hidden", "value": False})
    return tuple(operations)
