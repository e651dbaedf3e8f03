# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Families whose name nobody has, as a run that was killed or two at the same moment can leave them. Pure.

A run that only knows the name, or that brings data in, which can take hours, gives the name to the newest good version first.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ._desired import Desired
from ._image_steps import GiveName, key_of
from ._observed import GONE, INCOMING_FOR, SUPERSEDED_AT, Image, Observed
from ._steps import certain
from ._versions import newest_good, version_of


def bearing(images: t.Iterable[Image], name: str) -> list[Image]:
    """The images that bear a name, but for those that were replaced, or that are to replace another one."""
    alive = [image for image in images if image.name == name and image.status not in GONE]
    return [image for image in alive if not image.retired and not image.stamp(INCOMING_FOR)]


def asks_for_relatives(desired: Desired, observed: Observed) -> bool:
    """Whether it has to be known if a declared name is that of a family, since no image bears it."""
    if desired.version is not None or desired.id is not None or desired.state == "absent":
        return False
    is_id = any(image.id == desired.name for image in observed.images)
    return observed.relatives is None and not is_id and not bearing(observed.images, desired.name)


def heir_of(desired: Desired, observed: Observed) -> Image | None:
    """The version that gets a name which nobody has, before anything else is done; None if somebody has it, or no version is good."""
    if desired.promote is False or not desired.moves_name or bearing(observed.images, desired.name):
        return None
    family = desired.name if desired.version is None else certain(desired.family)
    return newest_good((*observed.images, *(observed.relatives or ())), family, observed.now)


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
