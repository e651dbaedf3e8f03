# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What is to be done so that a local file holds the data of an image: pure, without a look at the world."""

from __future__ import annotations

import dataclasses
import typing as t

from ._errors import ContentMissing, FileProblem, ImageFault
from ._file_plan import SetAttributes
from ._observed import Image
from ._steps import Plan, Step

#: Formats whose files are full of holes as a rule, so that they need less room than their size tells.
_WITH_HOLES = frozenset({"raw"})


@dataclasses.dataclass(frozen=True)
class Check:
    """What the data of an image is held against.

    :param algorithm: a name that :mod:`hashlib` knows; None if Glance tells nothing but the size.
    """

    algorithm: str | None = None
    digest: str | None = None

    def __str__(self) -> str:
        return self.algorithm or "size"


@dataclasses.dataclass(frozen=True)
class Wanted:
    """The declared state of a file.

    :param image: name and id, for sentences.
    :param size: bytes of the data in Glance.
    :param content_key: what the file must hold.
    :param own_format: of the image, as Glance tells it.
    :param format: that the file must have; None for that of the image, whatever it is.
    :param compression_type: of a compressed qcow2; None for one that is as it comes.
    """

    path: str
    image: str
    size: int
    check: Check
    content_key: str
    own_format: str | None = None
    format: str | None = None
    compression_type: str | None = None

    @property
    def converts(self) -> bool:
        """Whether the file must have another format than the image, or be compressed."""
        return self.format not in (None, self.own_format) or self.compression_type is not None

    def resumable(self, partial: int) -> bool:
        """Whether so many bytes of an earlier run may be gone on with: not if nothing would show that they are damaged."""
        return self.check.algorithm is not None and partial <= self.size


@dataclasses.dataclass(frozen=True)
class Found:
    """The file as it is.

    :param content_key: what it is known to hold; None if nothing is known.
    :param attributes_differ: whether owner, group, mode or the like are not the declared ones.
    :param partial: bytes that an earlier run has left.
    :param free: bytes that are free where the file is to be; None if that is not known.
    """

    exists: bool
    size: int | None = None
    content_key: str | None = None
    attributes_differ: bool = False
    partial: int = 0
    free: int | None = None


@dataclasses.dataclass(frozen=True)
class Download:
    """Fetch the data, and hold it against what Glance tells."""

    wanted: Wanted
    begin: int = 0

    def __str__(self) -> str:
        on = f", going on at byte {self.begin}" if self.begin else ""
        return f"download image {self.wanted.image}, {self.wanted.size} bytes{on}, and verify its {self.wanted.check}"


@dataclasses.dataclass(frozen=True)
class Shape:
    """Inspect the data, and convert it if it has another format."""

    wanted: Wanted

    def __str__(self) -> str:
        if self.wanted.converts:
            compressed = f" compressed with {self.wanted.compression_type}" if self.wanted.compression_type else ""
            return f"convert it from {self.wanted.own_format} to {self.wanted.format}{compressed}"
        return f"inspect it, which must be {self.wanted.format}"


@dataclasses.dataclass(frozen=True)
class Install:
    """Put what was made in its place in one stroke."""

    path: str
    replaces: bool

    def __str__(self) -> str:
        return f"{'replace' if self.replaces else 'write'} {self.path}"


def told(image: Image) -> str:
    """An image in a sentence."""
    return f"{image.name!r} ({image.id})" if image.name else image.id


def data_size(image: Image) -> int:
    """The bytes of data that an image has.

    :raises ImageFault: if its status tells that there is nothing to download.
    :raises ContentMissing: if it is an image without data of its own.
    """
    if not image.usable:
        raise ImageFault(
            f"image: {told(image)} has the status {image.status}, so there is no data to download.",
            status=image.status,
        )
    if not image.size:
        raise ContentMissing(
            f"image: {told(image)} has no data of its own in Glance; the snapshot of a server that boots from a volume is "
            "one of the volume, for instance."
        )
    return image.size


def check_of(image: Image, available: t.Container[str]) -> Check:
    """What the data of an image is to be held against: its os_hash_value, else its checksum, else its size.

    :param available: hash algorithms of this host.
    """
    for algorithm in (image.raw.get("os_hash_algo"), "md5"):
        digest = image.digest(algorithm) if algorithm else None
        if algorithm and digest and algorithm in available:
            return Check(algorithm, digest.lower())
    return Check()


def plan(wanted: Wanted, found: Found) -> Plan:
    """The steps from the file as it is to the declared state.

    :raises FileProblem: if there is no room for the data.
    """
    before = _picture(found)
    if found.exists and found.content_key == wanted.content_key:
        return Plan(before, before, (SetAttributes(wanted.path),) if found.attributes_differ else ())
    size = None if wanted.converts else wanted.size
    after = {"exists": True, "content_key": wanted.content_key, "size": size}
    begin = found.partial if wanted.resumable(found.partial) else 0
    steps: tuple[Step, ...] = (
        Download(wanted, begin),
        *((Shape(wanted),) if wanted.format else ()),
        Install(wanted.path, found.exists),
    )
    return Plan(before, after, steps, _warnings(wanted, found, wanted.size - begin))


def _warnings(wanted: Wanted, found: Found, needed: int) -> tuple[str, ...]:
    warnings = []
    if wanted.check.algorithm is None:
        warnings.append(f"Glance tells no digest of image {wanted.image}: nothing but its size is verified.")
    if found.free is not None and needed > found.free:
        words = f"The data of image {wanted.image} needs {needed} bytes, and {found.free} are free for {wanted.path}"
        if wanted.own_format not in _WITH_HOLES:
            raise FileProblem(f"dest: {words[0].lower()}{words[1:]}.", needed=needed, free=found.free)
        warnings.append(f"{words}; it fits if enough of it is zeros.")
    return tuple(warnings)


def _picture(found: Found) -> dict[str, t.Any]:
    if not found.exists:
        return {"exists": False}
    return {"exists": True, "content_key": found.content_key, "size": found.size}
