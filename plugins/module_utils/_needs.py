# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Which images need others to boot."""

from __future__ import annotations

import typing as t

from ._glance import Glance, Json
from ._observed import Image

#: Properties with which an image names others that it needs: its kernel and its ramdisk. Those may have any format.
NEEDS = ("kernel_id", "ramdisk_id")
#: For so many images Glance is asked one by one what needs them. It filters by one value of one property at a time, so that
#: takes four small calls for each. For more, all images are listed, which takes two calls, and one for every further thousand
#: images: five times four small calls take about as long as 300 listed images.
_ASKED_SINGLY = 5


def needed_by(ids: t.Iterable[str], images: t.Iterable[Image]) -> dict[str, frozenset[str]]:
    """Which of some images name each of these ids as their kernel or ramdisk: ids by id. Nothing needs itself."""
    found: dict[str, set[str]] = {each: set() for each in ids}
    for image in images:
        for needed in {image.raw.get(key) for key in NEEDS} - {image.id}:
            if needed in found:
                found[needed].add(image.id)
    return {each: frozenset(needing) for each, needing in found.items()}


def needing_each(glance: Glance, ids: t.Collection[str]) -> dict[str, tuple[Image, ...]]:
    """The images that need each of these, as far as one may see them."""
    found = {image.id: image for image in images_needing(glance, ids)}
    needing = needed_by(ids, found.values())
    return {each: tuple(found[image_id] for image_id in sorted(needing[each])) for each in needing}


def images_needing(glance: Glance, ids: t.Collection[str]) -> list[Image]:
    """The images that need some of these, as far as one may see them; others may be among them."""
    queries: list[Json] = [{key: image_id} for image_id in sorted(ids) for key in NEEDS]
    if len(ids) > _ASKED_SINGLY:
        queries = [{}]
    return [Image(raw) for query in queries for raw in glance.hidden_too({**query, "visibility": "all"})]


def why_it_stays(failed: t.Collection[str]) -> str:
    """Why an image was left alone although it was to be deleted.

    :param failed: ids of images that need it, and could not be deleted.
    """
    return f"The image {min(failed)}, which needs it, could not be deleted."
