# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Versions of a family of images: which belong to it, in which order, and which is the newest good one. Pure.

A version is an image that bears the properties ``cloudimage_family`` and ``cloudimage_version``. The newest good one has the
name of the family; the others are called after their version, see :func:`versioned_name`.
"""

from __future__ import annotations

import datetime
import functools
import typing as t

from ._observed import END_OF_LIFE, EXCLUDED, FAMILY, GONE, INCOMING_FOR, SUPERSEDED_AT, VERSION, Image
from ._version_order import version_key

_NAME_LIMIT = 255


def versions_of(images: t.Iterable[Image], family: str) -> list[Image]:
    """The versions of a family, the newest first; no snapshots, which inherit the properties, and none that was replaced."""
    return sorted((image for image in images if family_of(image) == family), key=age, reverse=True)


def family_of(image: Image) -> str | None:
    """The family that an image is a version of, or None."""
    if image.status in GONE or image.retired or not version_of(image):
        return None
    return image.stamp(FAMILY)


def version_of(image: Image) -> str | None:
    """Which version of its family an image is."""
    return image.stamp(VERSION)


def age(image: Image) -> tuple[t.Any, ...]:
    """What versions are sorted by: the version itself, then the time at which the image was made."""
    return (version_key(version_of(image) or ""), image.created_at, image.id)


def is_good(image: Image, now: datetime.datetime) -> bool:
    """Whether a version may have the name of its family: active, whole, not excluded, and not past its end of life."""
    if image.status != "active" or image.stamp(INCOMING_FOR) or is_excluded(image):
        return False
    return not has_ended(image, now)


def is_excluded(image: Image) -> bool:
    """Whether a version is never to be the newest one."""
    return (image.stamp(EXCLUDED) or "").lower() == "true"


def has_ended(image: Image, now: datetime.datetime) -> bool:
    """Whether the last day of an image's life is over; see :func:`is_over`."""
    return is_over(image.stamp(END_OF_LIFE) or "", now)


def is_over(day: str, now: datetime.datetime) -> bool:
    """Whether a day, such as ``2027-06-30``, is over in UTC. What is no date is never over."""
    try:
        last = datetime.date.fromisoformat(day)
    except ValueError:
        return False
    return now.astimezone(datetime.UTC).date() > last


def newest_good(images: t.Iterable[Image], family: str, now: datetime.datetime) -> Image | None:
    """The version that ought to have the name of the family."""
    return next((image for image in versions_of(images, family) if is_good(image, now)), None)


def newest_of_one_family(images: t.Sequence[Image]) -> Image | None:
    """The newest of images that are all versions of the same family, as it can be in the moment of a promotion, or None."""
    families, versions = ({tell(image) for image in images} for tell in (family_of, version_of))
    if len(families) > 1 or None in families or len(versions) < len(images):
        return None
    return best(images)


def best(images: t.Iterable[Image]) -> Image | None:
    """The version that keeps a name which several have while none of them ought to have it."""

    def merit(image: Image) -> tuple[t.Any, ...]:
        return (not image.hidden, image.status == "active", not is_excluded(image), age(image))

    return max(images, key=merit, default=None)


def dated_name(image: Image) -> str:
    """The name of an image that was replaced, or has lost its own to a version: it tells when the image was made."""
    suffix = _date_of(image)
    return (image.name or "")[: _NAME_LIMIT - len(suffix)] + suffix


def renamed_from(image: Image) -> str | None:
    """The name that an image had before it got its :func:`dated_name`; None if it did not. A long one has lost its end."""
    suffix, gave_way = _date_of(image), image.hidden or image.stamp(SUPERSEDED_AT)
    if gave_way and not image.snapshot and image.name and image.name.endswith(suffix):
        return image.name.removesuffix(suffix)
    return None


def was_called(image: Image, name: str) -> bool:
    """Whether an image had this name before it got its :func:`dated_name`."""
    former = renamed_from(image)
    if former is None or not name.startswith(former):
        return False
    return name == former or len(image.name or "") == _NAME_LIMIT


def _date_of(image: Image) -> str:
    return f" ({image.created_at or image.id})"


def is_called_after_version(image: Image) -> bool:
    """Whether a version has the name of one that does not have the name of its family."""
    version = version_of(image)
    return bool(version) and (image.name or "").endswith(versioned_name("", version or ""))


def name_of_family(versions: t.Collection[Image]) -> str | None:
    """The name that the versions of one family pass on, if one of them has it; None if none has.

    It is the one that others are called after, else that of the family itself. Somebody may have given another name to a version by
    hand; where no other version shows what is what, that counts.
    """
    named = [image for image in versions if image.name and not is_called_after_version(image)]
    evident = [image for image in named if _names_others(image, versions)]
    evident = evident or [image for image in named if image.name == family_of(image)]
    if not evident and len(named) == len(versions):
        evident = named
    bearer = best(evident)
    return bearer.name if bearer else None


def has_former_name(image: Image, versions: t.Iterable[Image], name: str) -> bool:
    """Whether a version is called, or called after, what its family was called before it got this name."""
    if image.name in (None, "", name):
        return False
    if is_called_after_version(image):
        return not _is_called_after(name, image)
    return image.name == family_of(image) or _names_others(image, versions)


def _names_others(image: Image, versions: t.Iterable[Image]) -> bool:
    return any(map(functools.partial(_is_called_after, image.name or ""), versions))


def _is_called_after(name: str, image: Image) -> bool:
    return image.name == versioned_name(name, version_of(image) or "")


def versioned_name(name: str, version: str) -> str:
    """The name of a version that does not have the name of its family."""
    suffix = f" ({version})"
    return name[: _NAME_LIMIT - len(suffix)] + suffix
