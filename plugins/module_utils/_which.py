# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Which of the images that somebody may see is meant by a name, or by a family. Pure."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from . import _versions
from ._cast import meant
from ._errors import InvalidOption
from ._observed import INCOMING_FOR, Image


@dataclasses.dataclass(frozen=True)
class Wish:
    """Which versions of a family are asked for.

    :param version: this one, whatever has become of it; None for no particular one.
    :param latest: whether one is to be chosen, the newest good one if ``version`` does not say; else all of them.
    """

    family: str
    version: str | None = None
    latest: bool = True

    def __post_init__(self) -> None:
        for option in ("family", "version"):
            if getattr(self, option) == "":
                raise InvalidOption(f"{option}: must not be empty.")


def is_offered(image: Image, projects: t.Collection[str]) -> bool:
    """Whether an image is one of some projects, or of one that offers it to all; for an administrator, who is shown all there are.

    Anybody can give an image of their own any name and any family. Which of the others' shared images an administrator's project
    has accepted is not told with them.
    """
    return image.owner in projects or image.raw.get("visibility") == "public"


def choose(images: t.Iterable[Image], name: str, project_id: str) -> Image | None:
    """The one image that a name means; None if there is none.

    Of several, those of the own project count, then those that have data; of these the one that the module ``image`` means.

    :raises AmbiguousImage: if several are left.
    """
    found = _own_first(images, project_id)
    found = [image for image in found if image.usable] or found
    return found[0] if len(found) == 1 else meant(found, name)


def versions(images: t.Iterable[Image], wish: Wish, project_id: str, now: datetime.datetime) -> list[Image]:
    """What is asked for of a family, the newest first; with ``latest`` at most one.

    If the own project has the family, versions of others do not count. Snapshots are sorted out before that: those of a public
    image would otherwise make the family one's own.
    """
    known = (each for each in _versions.versions_of(images, wish.family) if not each.stamp(INCOMING_FOR))
    found = _own_first(known, project_id)
    if wish.version is not None:
        found = [image for image in found if _versions.version_of(image) == wish.version]
        return sorted(found, key=_readiness, reverse=True)[:1] if wish.latest else found
    if not wish.latest:
        return found
    newest = _versions.newest_good(found, wish.family, now)
    return [newest] if newest else []


def _own_first(images: t.Iterable[Image], project_id: str) -> list[Image]:
    found = list(images)
    return [image for image in found if image.owner == project_id] or found


def _readiness(image: Image) -> tuple[bool, bool]:
    return (image.status == "active", image.usable)
