# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Old images that are hidden and not deleted, because others still boot with them. Pure."""

from __future__ import annotations

import dataclasses

from ._desired import Desired
from ._image_steps import Retire, Supersede, deletes_old
from ._needs import NEEDS
from ._observed import FAMILY, GONE, VERSION, Image, Observed
from ._steps import Plan, Step

_BOOT_FORMATS = ("aki", "ari")


def doubted(plan: Plan, observed: Observed) -> frozenset[str]:
    """Old images that a plan deletes, and that others may need as kernel or ramdisk, going by their formats."""
    candidates = {image.id for image in observed.images if _may_boot_others(image)}
    return frozenset(step.image for step in plan.steps if deletes_old(step) and step.image in candidates)


def spared(desired: Desired, observed: Observed, plan: Plan) -> Plan:
    """The plan without the deletion of old images that others need; those are hidden, with a warning each."""
    steps, warnings = list[Step](), list(plan.warnings)
    for step in plan.steps:
        if not deletes_old(step) or not (needing := _needing(step.image, desired, observed)):
            steps.append(step)
            continue
        old, who = ("replaced", "superseded")[isinstance(step, Supersede)], f"{len(needing)} images still boot"
        who = "1 image still boots" if len(needing) == 1 else who
        warnings.append(f"The {old} image {step.image} is hidden and not deleted, for {who} with it.")
        steps.append(_hiding(step))
    return dataclasses.replace(plan, steps=tuple(steps), warnings=tuple(warnings))


def _may_boot_others(image: Image) -> bool:
    formats = image.raw.get("disk_format"), image.raw.get("container_format")
    return formats[0] == "raw" or any(each in _BOOT_FORMATS for each in formats)


def _needing(old: str, desired: Desired, observed: Observed) -> list[Image]:
    found = observed.needing.get(old, ())
    return [image for image in found if image.status not in GONE and not _follows(image, old, desired)]


def _follows(image: Image, old: str, desired: Desired) -> bool:
    """Whether an image is declared beside this one, and is told there what it boots with from now on."""
    if image.retired:
        return False
    owner = image.owner or ""
    identities: set[tuple[str, ...]] = {("id", image.id), (owner, image.name or "")}
    if image.stamp(VERSION):
        identities = {("id", image.id), (owner, image.stamp(FAMILY) or "", image.stamp(VERSION) or "")}
    keys = [key for key in NEEDS if image.raw.get(key) == old]
    return all(any((key, *identity) in desired.followers for identity in identities) for key in keys)


def _hiding(step: Retire | Supersede) -> Step:
    if isinstance(step, Retire):
        return dataclasses.replace(step, how="hide", unprotect=False)
    return dataclasses.replace(step, delete=False)
