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
import traceback
import typing as t
import zlib

from . import _content
from ._errors import FileProblem, MissingDependency

#: How much is put out at a time.
BLOCK_SIZE = 1024 * 1024

#: Ways of packing that are unpacked here.
KINDS = ("xz", "gz", "bz2", "zst")

#: How many bytes :func:`sniff` wants to see.
HEAD_SIZE = 16

#: xz -9 needs 65 MiB; more is asked for by files that were made with a dictionary of their own size.
XZ_MEMORY = 512 * 1024**2

_XZ_MAGIC = b"\xfd7zXZ\0"
_ZSTD_MAGIC = 0xFD2FB528
_ZSTD_SKIPPABLE = range(0x184D2A50, 0x184D2A60)


class Reader:
    """The bytes of an iterable of blocks, with a look ahead."""

    def __init__(self, blocks: t.Iterable[bytes]) -> None:
        self._blocks = iter(blocks)
        self._ready = b""

    def peek(self, size: int) -> bytes:
        """The next bytes without taking them; fewer only at the end."""
        while len(self._ready) < size and (block := next(self._blocks, b"")):
            self._ready += block
        return self._ready[:size]

    def read(self, size: int = BLOCK_SIZE) -> bytes:
        """Take at least one and at most ``size`` bytes; empty at the end."""
        ready = self._ready or next(self._blocks, b"")
        self._ready = ready[size:]
        return ready[:size]

    def take(self, size: int) -> bytes:
        """Take exactly ``size`` bytes; fewer only at the end."""
        parts = []
        while size and (part := self.read(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def __iter__(self) -> t.Iterator[bytes]:
        while block := self.read():
            yield block


def sniff(head: bytes) -> str | None:
    """How a file is packed (``xz``, ``gz``, ``bz2``, ``zst``), told by its first HEAD_SIZE bytes; None if it is not."""
    if head.startswith(_XZ_MAGIC):
        return "xz"
    if head.startswith(b"\x1f\x8b\x08"):
        return "gz"
    if head[:3] == b"BZh" and head[3:4].isdigit() and head[4:10] in (b"1AY&SY", b"\x17rE8P\x90"):
        return "bz2"
    if int.from_bytes(head[:4], "little") in (_ZSTD_MAGIC, *_ZSTD_SKIPPABLE) and len(head) >= 4:
        return "zst"
    return None


def packed_with(file: _content.LocalFile) -> str | None:
    """How a local file is packed (:func:`sniff`); None if it is not."""
    with contextlib.closing(_content.read_blocks(file)) as blocks:
        return sniff(next(blocks, b"")[:HEAD_SIZE])


def unpacked(source: Reader, kind: str, name: str) -> t.Iterator[bytes]:
    """The unpacked bytes of an archive of one or more members, in blocks of at most BLOCK_SIZE.

    :param kind: what :func:`sniff` told.
    :param name: of the archive, for messages.
    :raises FileProblem: if the archive is damaged, cut, or followed by something else.
    :raises MissingDependency: for zst without the Python library zstandard.
    """
    if kind == "zst":
        return _zstd(source, name)
    return _members(source, _DECODERS[kind], kind, name)


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


_DECODERS: dict[str, t.Callable[[], t.Any]] = {
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY),
    "gz": _GzipDecoder,
    "bz2": bz2.BZ2Decompressor,
}


def _members(source: Reader, make_decoder: t.Callable[[], t.Any], kind: str, name: str) -> t.Iterator[bytes]:
    data = source.read()
    first = True
    while data:
        decoder = make_decoder()
        while not decoder.eof:
            try:
                piece = decoder.decompress(data, max_length=BLOCK_SIZE)
            except (lzma.LZMAError, zlib.error, OSError, EOFError, ValueError) as problem:
                raise corrupt(name, kind, str(problem) if first else "something else follows it") from problem
            data = b""
            if piece:
                yield piece
            if not decoder.eof and decoder.needs_input and not (data := source.read()):
                raise corrupt(name, kind, "it ends early")
        first = False
        # Zeros may pad an archive to whole blocks.
        data = decoder.unused_data.lstrip(b"\0")
        while not data and (more := source.read()):
            data = more.lstrip(b"\0")


def _zstd(source: Reader, name: str) -> t.Iterator[bytes]:
    from ansible.module_utils.basic import missing_required_lib

    try:
        import zstandard
    except ImportError as problem:
        message = missing_required_lib("zstandard", reason="to unpack zst files")
        raise MissingDependency(message, exception=traceback.format_exc()) from problem
    watched = _ZstdSource(source)
    reader = zstandard.ZstdDecompressor().stream_reader(
        t.cast("t.Any", watched), read_across_frames=True, closefd=False
    )
    try:
        while piece := reader.read(BLOCK_SIZE):
            yield piece
    except zstandard.ZstdError as problem:
        raise corrupt(name, "zst", str(problem).removeprefix("zstd decompress error: ")) from problem
    # The library takes a cut archive for a complete one.
    if not watched.is_complete:
        raise corrupt(name, "zst", "it ends early")


class _ZstdSource:
    """A source of zstd frames that notices whether the last one is complete (RFC 8878, section 3.1)."""

    def __init__(self, source: Reader) -> None:
        self._source = source
        self._steps = _zstd_steps()
        self._wanted = next(self._steps)
        self._part = b""
        self.is_complete = True

    def read(self, size: int = -1) -> bytes:
        block = self._source.read(size if size > 0 else BLOCK_SIZE)
        self._follow(block)
        return block

    def _follow(self, block: bytes) -> None:
        position = 0
        while position < len(block):
            keep, length, _boundary = self._wanted
            taken = block[position : position + length] if keep else b""
            step = min(length, len(block) - position)
            position += step
            self._part += taken
            if step < length:
                self._wanted = (keep, length - step, False)
            else:
                self._wanted, self._part = self._steps.send(self._part), b""
        self.is_complete = self._wanted[2] and not self._part


#: Whether the next bytes are of interest, how many they are, and whether an archive may end before them.
_Want = tuple[bool, int, bool]


def _zstd_steps() -> t.Generator[_Want, bytes, None]:
    while True:
        magic = int.from_bytes((yield (True, 4, True)), "little")
        if magic in _ZSTD_SKIPPABLE:
            size = int.from_bytes((yield (True, 4, False)), "little")
            if size:
                yield (False, size, False)
            continue
        descriptor = (yield (True, 1, False))[0]
        yield (False, _zstd_header_rest(descriptor), False)
        last = False
        while not last:
            header = int.from_bytes((yield (True, 3, False)), "little")
            last, kind, size = bool(header & 1), header >> 1 & 3, header >> 3
            size = 1 if kind == 1 else size
            if size:
                yield (False, size, False)
        if descriptor & 4:
            yield (False, 4, False)


def _zstd_header_rest(descriptor: int) -> int:
    """Bytes of a frame header behind its descriptor: window, dictionary, content size."""
    single = descriptor >> 5 & 1
    content = (0, 2, 4, 8)[descriptor >> 6] or single
    return (1 - single) + (0, 1, 2, 4)[descriptor & 3] + content


def corrupt(name: str, kind: str, why: str) -> FileProblem:
    """What to raise for a damaged archive."""
    return FileProblem(f"The {kind} archive {name} is corrupt: {why.rstrip('.')}.")
