# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""From a source to a finished image file: fetch, hash and unpack in one pass, inspect, convert, check.

Nothing but finished files ever bears the target's name, and nothing else is left behind. Sizes are bytes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import typing as t

from . import _archive, _checksum, _content, _disk, _fetch, _qemu, _unpack, _workfile, _xz_blocks
from ._ahead import ahead
from ._content_type import misgiving
from ._errors import FileProblem, UnsafeImage

#: The format of a source that is taken whatever it is.
ANY = "any"

#: A step towards the target: the path of an image, and what it is.
_Image = tuple[str, _disk.Inspection]


@dataclasses.dataclass(frozen=True)
class Source:
    """Where the bytes come from, and what they must be.

    :param name: path or address as it may be shown.
    :param file: the local file; None for a download.
    :param address: of the download, with credentials if it has any; None for a local file.
    :param checksum: of the source as it is, packed or not. A local file was held against it already.
    :param option: the option that names the source, for messages.
    """

    name: str
    file: _content.LocalFile | None
    address: str | None
    checksum: _checksum.Checksum
    http: _fetch.HttpOptions = dataclasses.field(default_factory=_fetch.HttpOptions)
    option: str = "src"


@dataclasses.dataclass(frozen=True)
class Target:
    """What is to be made.

    :param format: Glance's name of the format; None to keep that of the source.
    :param source_format: what the unpacked source must be; None for any disk image that is safe, ``any`` for any file.
    :param max_unpack_memory: bytes that the dictionary or window of a packed source may have.
    :param warn: told what the user should know although nothing fails.
    """

    path: str
    format: str | None = None
    compression_type: str | None = None
    unpack: bool = True
    source_format: str | None = None
    max_virtual_size: int = _disk.MAX_VIRTUAL_SIZE
    max_unpack_memory: int = _archive.MEMORY
    warn: t.Callable[[str], None] = dataclasses.field(default=_archive.no_warning, compare=False)


@dataclasses.dataclass(frozen=True)
class Built:
    """What was made.

    :param received: bytes of the source that were fetched or read.
    :param is_source: whether the file has the very bytes of the source.
    """

    inspection: _disk.Inspection
    received: int
    is_source: bool


def inspect_source(path: str, source: Source, target: Target) -> _disk.Inspection:
    """Look into the unpacked source, which lies in ``path``.

    :raises UnsafeImage: if it is unsafe, or not what it must be.
    """
    inspection = _disk.inspect(path)
    declared = None if target.source_format == ANY else target.source_format
    _disk.require_safe(
        inspection,
        source.name,
        disk_format=declared,
        max_virtual_size=target.max_virtual_size,
        option=source.option,
        accept_fixed_vhd=True,
    )
    if target.source_format is None and _is_to_be_shown(inspection, target):
        _disk.require_disk(inspection, source.name, source.option, declared="source_format")
    if declared == "raw" and (doubt := misgiving(inspection.other, f"{source.option}: {source.name}")):
        target.warn(doubt)
    if not is_finished(inspection, target):
        _qemu.require_source(_readable_as(inspection, target), source.option)
    return inspection


def _is_to_be_shown(inspection: _disk.Inspection, target: Target) -> bool:
    """Whether a source of which nothing is declared has to be seen to be a disk; without a conversion it may be unknown."""
    if target.format is not None:
        return True
    return inspection.other is not None and (target.unpack or inspection.other.kind != "packed")


def _readable_as(inspection: _disk.Inspection, target: Target) -> str:
    """The format as which qemu-img reads a source: its own, or the one that is declared in spite of what it looks like."""
    is_raw = target.source_format == "raw" and inspection.disk_format == "raw"
    return "raw" if is_raw else inspection.format


def require_tools(target: Target) -> None:
    """Miss a library or program before the download rather than after it.

    :raises MissingDependency: if one is missing.
    """
    _disk.require_library()
    if target.format:
        _qemu.require_program()


def build(source: Source, target: Target, install: t.Callable[[str], None]) -> Built:
    """Make the target.

    :param install: moves the finished file, whose path it gets, to its place.
    :raises CollectionError: with the old file untouched and nothing left behind.
    """
    _workfile.sweep(target.path)
    with contextlib.ExitStack() as stack:
        if source.file is not None and not (target.unpack and _unpack.packed_with(source.file)):
            inspection = inspect_source(source.file.path, source, target)
            if not is_finished(inspection, target):
                work, inspection = _converted(stack, (source.file.path, inspection), source, target)
                _content.require_unchanged(source.file)
                work.finish()
                install(work.path)
                return Built(inspection, source.file.size, is_source=False)
        fetched, received, is_source = _fetched(stack, source, target)
        work, inspection = shaped(stack, fetched, source, target)
        work.finish()
        install(work.path)
        return Built(inspection, received, is_source and work is fetched)


def shaped(
    stack: contextlib.ExitStack, work: _workfile.WorkFile, source: Source, target: Target
) -> tuple[_workfile.WorkFile, _disk.Inspection]:
    """Inspect a file in the making that holds the source, and convert it unless it is as it must be.

    :returns: the same file, or the converted one that takes its place.
    :raises CollectionError: if the image is unsafe, not what it must be, or cannot be converted.
    """
    inspection = inspect_source(work.path, source, target)
    if is_finished(inspection, target):
        return work, inspection
    made = _converted(stack, (work.path, inspection), source, target)
    work.discard()
    return made


def is_finished(inspection: _disk.Inspection, target: Target) -> bool:
    """Whether an image needs no conversion."""
    if target.format is None:
        return True
    # An ISO file is a raw disk already.
    same = target.format == _readable_as(inspection, target) or (inspection.format, target.format) == ("iso", "raw")
    return same and target.compression_type is None and inspection.variant is None


def _fetched(stack: contextlib.ExitStack, source: Source, target: Target) -> tuple[_workfile.WorkFile, int, bool]:
    """One pass over the source: fetch, hash, unpack, write. The bytes are verified when this returns."""
    work = _workfile.WorkFile(stack, target.path)
    archive = _archive.Archive(source.name, target.max_unpack_memory, target.warn)
    flow = _Flow(source)
    with contextlib.closing(ahead(flow)) as blocks:
        reader = _archive.Reader(blocks)
        kind = _unpack.sniff(reader.peek(_unpack.HEAD_SIZE)) if target.unpack else None
        if kind and flow.length:
            # An archive never gets smaller by unpacking it; how much larger, its zeros not counted, nobody knows.
            _workfile.require_space(target.path, flow.length, f"The content of {source.name}")
        _write_out(work, reader, kind, archive, target)
    flow.verify()
    if not work.size:
        raise FileProblem(f"src: {source.name} holds nothing.")
    work.finish(sync=False)
    return work, flow.received, kind is None


def _write_out(
    work: _workfile.WorkFile, reader: _archive.Reader, kind: str | None, archive: _archive.Archive, target: Target
) -> None:
    def reserve(size: int) -> None:
        if size > target.max_virtual_size:
            raise UnsafeImage(
                f"src: {archive.name} holds more than {target.max_virtual_size} bytes, the limit (max_virtual_size)."
            )

    if kind == "xz":
        work.size = _xz_blocks.unpack(reader, archive, work.write_at, reserve)
    for piece in _unpack.unpacked(reader, kind, archive) if kind else reader:
        reserve(work.size + len(piece))
        work.write(piece)


def _converted(
    stack: contextlib.ExitStack, image: _Image, source: Source, target: Target
) -> tuple[_workfile.WorkFile, _disk.Inspection]:
    path, inspection = image
    source_format = _readable_as(inspection, target)
    wanted = target.format or source_format
    _qemu.require_program()
    _require_readable(path, inspection, source, target)
    _qemu.require_sound(path, source_format, source.name, source.option)
    if not target.compression_type and wanted != "vmdk":
        # What is written compressed needs less, and how much less is not known beforehand.
        needed = _qemu.measure(path, source_format, wanted)
        _workfile.require_space(target.path, needed, f"The {wanted} image")
    work = _workfile.WorkFile(stack, target.path)
    _qemu.convert(
        path,
        source_format,
        work.path,
        wanted,
        compression_type=target.compression_type,
        virtual_size=inspection.virtual_size,
        name=source.name,
    )
    made = _disk.inspect(work.path)
    _require_as_ordered(made, inspection, source, target)
    _qemu.check(work.path, wanted)
    return work, made


def _require_readable(path: str, inspection: _disk.Inspection, source: Source, target: Target) -> None:
    told = _qemu.info(path, _readable_as(inspection, target), source.option)
    if told["virtual-size"] > target.max_virtual_size:
        raise UnsafeImage(
            f"{source.option}: the image {source.name} claims a virtual size of {told['virtual-size']} bytes, and "
            f"{target.max_virtual_size} is the limit (max_virtual_size)."
        )


def _require_as_ordered(made: _disk.Inspection, inspection: _disk.Inspection, source: Source, target: Target) -> None:
    """Hold the result of a conversion against its source.

    A disk may hold a second image behind its first bytes, which would be taken for the format of the result.
    """
    iso_as_raw = (made.format, inspection.format, target.format) == ("iso", "iso", "raw")
    if made.unsafe or not (made.disk_format == target.format or iso_as_raw):
        told = "; ".join(made.unsafe) or f"the result would be taken for {made.format}"
        raise UnsafeImage(f"{source.option}: the disk in {source.name} cannot be used as {target.format}: {told}.")
    # Formats round sizes up, and what comes on top is zeros.
    if made.virtual_size < inspection.virtual_size:
        raise FileProblem(
            f"{source.option}: the disk in {source.name} has {inspection.virtual_size} bytes, and qemu-img made one of "
            f"{made.virtual_size} bytes of it."
        )


class _Flow:
    """The packed bytes of a source, hashed as they pass unless they were before."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._hasher = hashlib.new(source.checksum.algorithm) if source.file is None else None
        self._download: _fetch.Download | None = None
        #: Bytes so far.
        self.received = 0

    @property
    def length(self) -> int | None:
        """Bytes in all; None if that is not known."""
        if self._source.file is not None:
            return self._source.file.size
        return self._download.length if self._download else None

    def __iter__(self) -> t.Iterator[bytes]:
        for block in self._blocks():
            if self._hasher is not None:
                self._hasher.update(block)
            self.received += len(block)
            yield block

    def _blocks(self) -> t.Iterable[bytes]:
        if self._source.file is not None:
            return _content.read_blocks(self._source.file)
        self._download = _fetch.Download(self._source.address or "", self._source.http, "src")
        return self._download

    def verify(self) -> None:
        """:raises ChecksumMismatch: if the bytes that passed are not the declared ones."""
        if self._hasher is not None:
            _checksum.require_equal(self._source.name, self._hasher.hexdigest(), self._source.checksum)
