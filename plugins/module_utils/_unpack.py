# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Packed files: known by their first bytes, unpacked as a stream, refused when damaged.

Memory stays flat whatever the archive holds: no step puts out more than a block at a time.
"""

from __future__ import annotations

import bz2
import contextlib
import lzma
import typing as t
import zlib

from . import _content, _xz_format, _zstd
from ._archive import BLOCK_SIZE, ZSTD_MAGIC, ZSTD_SKIPPABLE, Archive, Reader, begins, corrupt
from ._errors import FileProblem

#: Ways of packing that are unpacked here.
KINDS = ("xz", "gz", "bz2", "zst")

#: How many bytes :func:`sniff` wants to see.
HEAD_SIZE = 16

#: What xz needs beside its dictionary.
_XZ_OVERHEAD = 1024**2


def sniff(head: bytes) -> str | None:
    """How a file is packed (``xz``, ``gz``, ``bz2``, ``zst``), told by its first HEAD_SIZE bytes; None if it is not."""
    if head.startswith(_xz_format.MAGIC):
        return "xz"
    if head.startswith(b"\x1f\x8b\x08"):
        return "gz"
    if head[:3] == b"BZh" and head[3:4].isdigit() and head[4:10] in (b"1AY&SY", b"\x17rE8P\x90"):
        return "bz2"
    if int.from_bytes(head[:4], "little") in (ZSTD_MAGIC, *ZSTD_SKIPPABLE) and len(head) >= 4:
        return "zst"
    return None


def packed_with(file: _content.LocalFile) -> str | None:
    """How a local file is packed (:func:`sniff`); None if it is not."""
    with contextlib.closing(_content.read_blocks(file)) as blocks:
        return sniff(next(blocks, b"")[:HEAD_SIZE])


def unpacked(source: Reader, kind: str, archive: Archive) -> t.Iterator[bytes]:
    """The unpacked bytes of an archive of one or more members, in blocks of at most BLOCK_SIZE.

    Zeros may pad an archive. What else follows it, such as the maker's metadata, is left out with a warning, as gzip and
    bzip2 do, if checksums have shown that the archive is whole.

    :param kind: what :func:`sniff` told.
    :raises FileProblem: if the archive is damaged, cut, needs too much memory, or if something follows it.
    :raises MissingDependency: for zst without the Python library zstandard.
    """
    while True:
        if archive.verified is not None:
            archive.padding += source.skip_zeros()
        head = source.peek(HEAD_SIZE)
        if not head:
            return
        if archive.verified is not None and not begins(head, kind):
            return _leave_out(source, kind, archive)
        try:
            yield from _zstd.unpacked(source, archive) if kind == "zst" else _member(source, kind, archive)
        except MemoryError as problem:
            raise FileProblem(f"There is not enough memory to unpack the {kind} archive {archive.name}.") from problem


def _leave_out(source: Reader, kind: str, archive: Archive) -> None:
    if not archive.verified:
        raise corrupt(
            archive.name, kind, "something else follows it, and it has no checksum that would show that it is whole"
        )
    count = archive.padding + sum(map(len, source))
    archive.warn(
        f"The {kind} archive {archive.name} is whole, as its checksum shows, and {count} bytes follow it that do not belong to "
        "it; they are left out."
    )


class _GzipDecoder:
    """zlib's decoder in the shape of those of lzma and bz2."""

    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(wbits=31)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        piece = self._decoder.decompress(self._decoder.unconsumed_tail + data, max_length)
        self.needs_input = not self._decoder.unconsumed_tail and len(piece) < max_length
        return piece


def _decoder(source: Reader, kind: str, archive: Archive) -> t.Any:
    """A decoder for the member that comes next."""
    if kind == "gz":
        return _GzipDecoder()
    if kind == "bz2":
        return bz2.BZ2Decompressor()
    archive.require_memory(_xz_format.dictionary(source.peek(_xz_format.HEAD)), kind, "dictionary")
    return xz_decoder(archive.memory)


def xz_decoder(memory: int) -> lzma.LZMADecompressor:
    """A decoder for a dictionary of at most so many bytes."""
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=memory + _XZ_OVERHEAD)


def xz_problem(archive: Archive, problem: Exception) -> FileProblem:
    """What to raise for something that the decoder of xz raised."""
    if "limit" in str(problem):
        return archive.too_large("xz", "more memory for its dictionary")
    if "nsupported" in str(problem) and "format not supported" not in str(problem):
        return FileProblem(
            f"The xz archive {archive.name} needs a newer xz library (liblzma) to be unpacked: {problem}."
        )
    return corrupt(archive.name, "xz", str(problem))


def _member(source: Reader, kind: str, archive: Archive) -> t.Iterator[bytes]:
    decoder = _decoder(source, kind, archive)
    data = b""
    while not decoder.eof:
        if decoder.needs_input and not (data := source.read()):
            raise corrupt(archive.name, kind, "it ends early")
        try:
            piece = decoder.decompress(data, max_length=BLOCK_SIZE)
        except lzma.LZMAError as problem:
            raise xz_problem(archive, problem) from problem
        except (zlib.error, OSError, EOFError, ValueError) as problem:
            raise corrupt(archive.name, kind, str(problem)) from problem
        data = b""
        if piece:
            yield piece
    source.put_back(decoder.unused_data)
    archive.add_member(kind != "xz" or decoder.check != lzma.CHECK_NONE)
