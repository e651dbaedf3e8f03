# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The images that are declared, and their files."""

from __future__ import annotations

import functools
import hashlib
import os
import typing as t
from pathlib import Path

from settings import MIB, PREFIX

#: Compared by all, and one of those that openstack.cloud.image does not set anew on every run
PROPERTIES = {"os_distro": "debian"}


class Image(t.NamedTuple):
    """One declared image."""

    name: str
    file: Path
    properties: dict[str, str]


def make(folder: Path, kind: str, count: int, size: int) -> list[Image]:
    """So many images, each with a file of its own of that size."""
    folder.mkdir(exist_ok=True)
    images = [
        Image(f"{PREFIX}{kind}-{index:04}", folder / f"{kind}-{index:04}.raw", PROPERTIES) for index in range(count)
    ]
    for image in images:
        if not image.file.exists():
            write(image.file, size)
    os.sync()
    return images


def write(file: Path, size: int) -> None:
    """A file that does not compress, with no two blocks alike, and no file like another."""
    block = os.urandom(min(size, MIB))
    with file.open("wb") as stream:
        for offset in range(0, size, len(block)):
            stream.write((offset.to_bytes(8, "little") + block[8:])[: size - offset])


@functools.cache
def digest(file: Path) -> str:
    """As Glance shows it."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha512").hexdigest()
