# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""xz archives that were packed in blocks of known size (``xz -T``), unpacked by several threads.

Sequential unpacking of xz is what making an image takes most of its time for. Blocks are independent of each other, and
their headers tell how long they are and where their content belongs, so that they need not even wait for each other.
Follows the specification of the .xz file format, version 1.2.
"""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import lzma
import os
import typing as t
import zlib

from . import _content, _unpack

_MOST_THREADS = 4

#: Larger blocks are left to the sequential way, for the sake of memory.
_LARGEST_BLOCK = 64 * 1024**2

#: Packed bytes that may be under way, one block apart.
_MOST_WAITING = 24 * 1024**2

_STREAM_HEADER = 12
_HEAD = _STREAM_HEADER + 20
_CHECK_SIZES = (0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64)
_MAGIC = b"\xfd7zXZ\0"

#: Takes the offset and the bytes of a piece; called by several threads.
_Write = t.Callable[[int, bytes], None]


@dataclasses.dataclass(frozen=True)
class _Sizes:
    """What a block header tells: bytes of the header, of the packed data, and of their content."""

    header: int
    packed: int
    unpacked: int


def unpack(source: _unpack.Reader, name: str, write: _Write, reserve: t.Callable[[int], None]) -> int:
    """Unpack the leading streams of an archive that are made of blocks of known size.

    What is left in ``source`` then is another kind of stream, or nothing. Memory stays below the largest block size
    times the number of threads.

    :param reserve: is told the size that the output will have before a block is unpacked; may raise.
    :returns: the bytes that were written.
    :raises FileProblem: if the archive is damaged or cut.
    """
    offset = 0
    while _threads() > 1 and _is_divisible(source.peek(_HEAD)):
        with concurrent.futures.ThreadPoolExecutor(_threads()) as pool:
            offset = _Stream(source, name, pool, write, reserve).unpack(offset)
        while source.peek(4) == bytes(4):
            source.take(4)
    return offset


def _threads() -> int:
    return min(len(os.sched_getaffinity(0)), _MOST_THREADS)


def _is_divisible(head: bytes) -> bool:
    if len(head) < _HEAD or not head.startswith(_MAGIC):
        return False
    sizes = _sizes(head[_STREAM_HEADER:])
    return sizes is not None and sizes.unpacked <= _LARGEST_BLOCK


class _Stream:
    """One stream of an archive: header, blocks, index, footer."""

    def __init__(
        self,
        source: _unpack.Reader,
        name: str,
        pool: concurrent.futures.ThreadPoolExecutor,
        write: _Write,
        reserve: t.Callable[[int], None],
    ) -> None:
        self._source = source
        self._name = name
        self._pool = pool
        self._write = write
        self._reserve = reserve
        self._header = b""
        #: Blocks under way, and how many packed bytes each has.
        self._waiting: collections.deque[tuple[concurrent.futures.Future[None], int]] = collections.deque()
        #: What the index must tell: unpadded and unpacked size of each block.
        self._records: list[tuple[int, int]] = []

    def unpack(self, offset: int) -> int:
        """Unpack the stream to ``offset``, and return where its content ends."""
        try:
            self._header = self._take(_STREAM_HEADER)
            while self._source.peek(1) not in (b"\0", b""):
                offset = self._start_block(offset)
            while self._waiting:
                self._wait()
            self._check_end()
        except BaseException:
            self._pool.shutdown(wait=True, cancel_futures=True)
            raise
        return offset

    def _start_block(self, offset: int) -> int:
        sizes = _sizes(self._source.peek(_HEAD))
        if sizes is None or sizes.unpacked > _LARGEST_BLOCK or sizes.packed > 2 * _LARGEST_BLOCK:
            raise _unpack.corrupt(self._name, "xz", "its blocks do not all tell a size that can be borne")
        unpadded = sizes.header + sizes.packed + _CHECK_SIZES[self._header[7] & 15]
        padding = -sizes.packed % 4
        self._reserve(offset + sizes.unpacked)
        while self._waiting and self._is_full(sizes.packed):
            self._wait()
        block = self._take(unpadded + padding)
        with _content.uninterrupted():
            future = self._pool.submit(self._unpack_block, block, offset, sizes.unpacked)
        self._waiting.append((future, sizes.packed))
        self._records.append((unpadded, sizes.unpacked))
        return offset + sizes.unpacked

    def _is_full(self, coming: int) -> bool:
        under_way = sum(size for _future, size in self._waiting)
        return len(self._waiting) >= _threads() or under_way + coming > _MOST_WAITING

    def _wait(self) -> None:
        future, _size = self._waiting.popleft()
        future.result()

    def _unpack_block(self, block: bytes, offset: int, expected: int) -> None:
        decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_unpack.XZ_MEMORY)
        end = offset + expected
        try:
            decoder.decompress(self._header)
            data = block
            while not decoder.needs_input or data:
                piece = decoder.decompress(data, max_length=_unpack.BLOCK_SIZE)
                data = b""
                if offset + len(piece) > end:
                    break
                self._write(offset, piece)
                offset += len(piece)
        except (lzma.LZMAError, EOFError) as problem:
            raise _unpack.corrupt(self._name, "xz", str(problem)) from problem
        if offset != end:
            raise _unpack.corrupt(self._name, "xz", "a block has not the size that it tells")

    def _check_end(self) -> None:
        """Hold index and footer against the blocks that were seen."""
        index = b"\0" + _number(len(self._records))
        index += b"".join(_number(unpadded) + _number(unpacked) for unpadded, unpacked in self._records)
        index += bytes(-len(index) % 4)
        index += zlib.crc32(index).to_bytes(4, "little")
        tail = (len(index) // 4 - 1).to_bytes(4, "little") + self._header[6:8]
        footer = zlib.crc32(tail).to_bytes(4, "little") + tail + b"YZ"
        if self._take(len(index) + len(footer)) != index + footer:
            raise _unpack.corrupt(self._name, "xz", "its index does not fit its blocks")

    def _take(self, size: int) -> bytes:
        taken = self._source.take(size)
        if len(taken) != size:
            raise _unpack.corrupt(self._name, "xz", "it ends early")
        return taken


def _sizes(head: bytes) -> _Sizes | None:
    """Read the first bytes of a block header; None if it does not tell both sizes."""
    if len(head) < 2 or head[0] == 0 or head[1] & 0xC0 != 0xC0:
        return None
    packed, position = _read_number(head, 2)
    unpacked, _position = _read_number(head, position)
    return _Sizes((head[0] + 1) * 4, packed, unpacked) if packed and unpacked else None


def _read_number(data: bytes, position: int) -> tuple[int, int]:
    """A number in groups of seven bits, the lowest first, and where it ends; 0 if it does not end."""
    number = 0
    for shift in range(0, 63, 7):
        if position >= len(data):
            break
        byte = data[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, position
    return 0, position


def _number(number: int) -> bytes:
    """A number in groups of seven bits, the lowest first."""
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
