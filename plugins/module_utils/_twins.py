# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Several images that are one and the same version of a family, as two hands can make them. Pure."""

from __future__ import annotations

import datetime
import typing as t

from ._errors import AmbiguousImage
from ._observed import CONTENT_KEY, INCOMING_FOR, REPLACES, Image
from ._versions import age, family_of, is_good, version_of


def twins_of(images: t.Iterable[Image], now: datetime.datetime) -> frozenset[str]:
    """Ids of those among the images of one version that give way to another one with the same content.

    The one that stays is the one that everybody gives the name to: of good ones the one that was made last. Images that are
    being made, and those whose successor is there, are none of them.

    :raises AmbiguousImage: if their contents differ.
    """
    images = list(images)
    replaced = {image.stamp(REPLACES) for image in images}
    whole = [each for each in images if each.usable and not each.stamp(INCOMING_FOR) and each.id not in replaced]
    if len(whole) < 2:
        return frozenset()
    kept, *others = sorted(whole, key=lambda image: (is_good(image, now), age(image)), reverse=True)
    if not all(have_same_content(kept, each) for each in others):
        ids = sorted(image.id for image in whole)
        raise AmbiguousImage(
            f"{len(ids)} images with different content are version {version_of(kept)} of the family {family_of(kept)!r}: "
            f"{', '.join(ids)}. Delete those that are not meant, or remove the property cloudimage_version from them.",
            ids=ids,
        )
    return frozenset(image.id for image in others)


def have_same_content(one: Image, other: Image) -> bool:
    """Whether it is known that two images hold the same content in the same format."""
    key = one.stamp(CONTENT_KEY)
    if key is not None and key == other.stamp(CONTENT_KEY):
        return True
    algorithm = one.hash_algorithm
    if algorithm is None or one.digest(algorithm) != other.digest(algorithm):
        return False
    return all(one.raw.get(each) == other.raw.get(each) for each in ("size", "disk_format", "container_format"))


def without_twins(images: t.Iterable[Image]) -> list[Image]:
    """One image of each version that several of them are with the same content; all of the others."""
    kept: list[Image] = []
    for image in sorted(images, key=age, reverse=True):
        identity = family_of(image), version_of(image)
        same = (each for each in kept if None not in identity and identity == (family_of(each), version_of(each)))
        if not any(have_same_content(image, each) for each in same):
            kept.append(image)
    return kept
