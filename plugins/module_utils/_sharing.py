# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Who shares an image: members declared, members there, and the steps between. Pure."""

from __future__ import annotations

import typing as t

from ._desired import Desired
from ._image_steps import Share, Unshare
from ._observed import Image, Observed
from ._steps import Step


def members_of(desired: Desired, observed: Observed, image: Image | None, fills: bool) -> str | None:
    """The id of the image whose members a plan has to know, or None. Only those of shared images can be read.

    :param fills: whether the image is going to be replaced, so that its members pass to another.
    """
    if image is None or not image.usable or image.raw.get("visibility") != "shared" or observed.members is not None:
        return None
    return image.id if fills or desired.members is not None else None


def members_after(desired: Desired, there: t.Collection[str]) -> frozenset[str]:
    """The members in the end, where these are there, or pass on from the image that is replaced."""
    if desired.members is None:
        return frozenset(there)
    return desired.members if desired.purge_members else desired.members.union(there)


def sharing(desired: Desired, target: str, there: t.Collection[str], wanted: t.Collection[str]) -> list[Step]:
    """Steps that make the members of a shared image those that are wanted.

    :param there: its members now; those that nobody could read yet are left out.
    """
    steps: list[Step] = []
    if desired.purge_members:  # first, for Glance limits their number
        steps += [Unshare(target, member) for member in sorted(set(there) - set(wanted))]
    return steps + [Share(target, member) for member in sorted(set(wanted) - set(there))]
