# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What is to be done about a local image file: pure, without a look at the world."""

from __future__ import annotations

import dataclasses
import typing as t

from . import _steps


@dataclasses.dataclass(frozen=True)
class Wanted:
    """The declared state of a file.

    :param source: path or address of the source as it may be shown; None for ``state: absent``.
    :param content_key: what the file must hold; None for ``state: absent``.
    :param format: Glance's name of the format; None to keep that of the source.
    :param compression_type: of a compressed qcow2; None for one that is not compressed.
    """

    path: str
    source: str | None = None
    content_key: str | None = None
    format: str | None = None
    compression_type: str | None = None


@dataclasses.dataclass(frozen=True)
class Found:
    """The file as it is.

    :param content_key: what it is known to hold; None if nothing is known.
    :param attributes_differ: whether owner, group, mode or the like are not the declared ones.
    """

    exists: bool
    format: str | None = None
    size: int | None = None
    content_key: str | None = None
    attributes_differ: bool = False


@dataclasses.dataclass(frozen=True)
class Build:
    """Make the content and put it in its place in one stroke."""

    wanted: Wanted
    replaces: bool

    def __str__(self) -> str:
        form = f" as {self.wanted.format}" if self.wanted.format else ""
        compressed = f" compressed with {self.wanted.compression_type}" if self.wanted.compression_type else ""
        verb = "replace" if self.replaces else "write"
        return f"{verb} {self.wanted.path} with the content of {self.wanted.source}{form}{compressed}"


@dataclasses.dataclass(frozen=True)
class SetAttributes:
    """Change owner, group, mode or the like of a file whose content is right."""

    path: str

    def __str__(self) -> str:
        return f"change owner, group or mode of {self.path}"


@dataclasses.dataclass(frozen=True)
class Remove:
    """Remove the file."""

    path: str

    def __str__(self) -> str:
        return f"remove {self.path}"


def recipe(disk_format: str | None, compression_type: str | None, unpack: bool) -> str | None:
    """What is done to a source, for its content key; None if it stays as it is.

    It tells what the options ask for, not what the source turns out to need: the key must be known before a byte of
    the source is here.
    """
    if disk_format:
        return f"{disk_format},compression_type={compression_type}" if compression_type else disk_format
    return "unpacked" if unpack else None


def plan(wanted: Wanted, found: Found) -> _steps.Plan:
    """The steps from the file as it is to the declared state."""
    before = _picture(found)
    if wanted.content_key is None:
        steps: tuple[t.Any, ...] = (Remove(wanted.path),) if found.exists else ()
        return _steps.Plan(before, {"exists": False}, steps)
    if not found.exists or found.content_key != wanted.content_key:
        after = {"exists": True, "format": wanted.format, "content_key": wanted.content_key, "size": None}
        return _steps.Plan(before, after, (Build(wanted, found.exists),))
    return _steps.Plan(before, before, (SetAttributes(wanted.path),) if found.attributes_differ else ())


def _picture(found: Found) -> dict[str, t.Any]:
    if not found.exists:
        return {"exists": False}
    return {"exists": True, "format": found.format, "content_key": found.content_key, "size": found.size}
