# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The part that each image plays under a name. Pure."""

from __future__ import annotations

import dataclasses
import typing as t

from . import _versions
from ._errors import AmbiguousImage
from ._observed import GONE, INCOMING_FOR, REPLACES, Image
from ._twins import without_twins


@dataclasses.dataclass(frozen=True)
class Cast:
    """The images under one name in one project, each in its part."""

    #: The image that the name means; None if there is none.
    current: Image | None = None
    #: Images on their way to take the place of ``current``, or of one that is gone.
    incoming: tuple[Image, ...] = ()
    #: Images that were replaced, and not yet put out of sight; the oldest first.
    outgoing: tuple[Image, ...] = ()
    #: Hidden images that bear the name beside ``current``, for reasons of their own.
    bystanders: tuple[Image, ...] = ()


def cast(images: t.Iterable[Image], name: str, twins: frozenset[str] = frozenset()) -> Cast:
    """Give each image under a name its part.

    :param twins: see :func:`._twins.twins_of`; they are as good as replaced.
    :raises AmbiguousImage: if several images could be meant; the message lists their ids.
    """
    alive = [image for image in images if image.status not in GONE and not image.retired]
    ready = {image.id for image in alive if image.usable}
    incoming = [image for image in alive if image.stamp(INCOMING_FOR) or _is_broken_successor(image, ready)]
    settled = [image for image in alive if image not in incoming]
    replaced = ({image.stamp(REPLACES) for image in settled} - {None}) | twins
    places = [image for image in settled if image.id not in replaced]
    outgoing = [image for image in settled if image.id in replaced]
    meant = [image for image in places if not image.hidden] or places
    if len(meant) > 1 and (newest := _versions.newest_of_one_family(without_twins(meant))):
        meant = [newest]  # the others are about to lose the name to it
    if len(meant) > 1:
        raise ambiguous(name, meant)
    bystanders = [image for image in places if image not in meant and image.hidden]
    return Cast(meant[0] if meant else None, tuple(incoming), tuple(_oldest_first(outgoing)), tuple(bystanders))


def meant(images: t.Iterable[Image], name: str, option: str = "image") -> Image | None:
    """The image that a name means; for options that take an id in its place.

    :param option: where the name was given.
    :raises AmbiguousImage: if several could be meant.
    """
    try:
        return cast(images, name).current
    except AmbiguousImage as problem:
        ids = problem.details["ids"]
        raise AmbiguousImage(
            f"{option}: {len(ids)} images bear the name {name!r}: {', '.join(ids)}. Say which one by its id.", ids=ids
        ) from problem


def ambiguous(name: str, images: t.Iterable[Image]) -> AmbiguousImage:
    """The refusal to choose among images."""
    ids = sorted(image.id for image in images)
    return AmbiguousImage(
        f"{len(ids)} images bear the name {name!r}: {', '.join(ids)}. Say which one with the option id.", ids=ids
    )


def _is_broken_successor(image: Image, ready: set[str]) -> bool:
    """Whether it took a place and then lost its data, while its predecessor is still there."""
    return not image.usable and image.stamp(REPLACES) in ready


def _oldest_first(images: list[Image]) -> list[Image]:
    """Order by what replaced what: that one was replaced is known by its successor only, which has to go later."""
    ordered: list[Image] = []
    waiting = list(images)
    while waiting:
        ids = {image.id for image in waiting}
        first = next((image for image in waiting if image.stamp(REPLACES) not in ids), waiting[0])
        ordered.append(first)
        waiting.remove(first)
    return ordered
