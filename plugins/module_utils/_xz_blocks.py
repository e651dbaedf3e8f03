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
import lzma
import os
import typing as t
import zlib

from . import _content, _unpack, _xz_format
from ._archive import BLOCK_SIZE, Archive, Reader, corrupt
from ._errors import FileProblem

_MOST_THREADS = 4

#: Larger blocks are left to the sequential way, for the sake of memory.
_LARGEST_BLOCK = 64 * 1024**2

#: Packed bytes that may be under way, one block apart.
_MOST_WAITING = 24 * 1024**2

_STREAM_HEADER = _xz_format.STREAM_HEADER
_HEAD = _STREAM_HEADER + 20
_CHECK_SIZES = (0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64)

#: Takes the offset and the bytes of a piece; called by several threads.
_Write = t.Callable[[int, bytes], None]


def unpack(source: Reader, archive: Archive, write: _Write, reserve: t.Callable[[int], None]) -> int:
    """Unpack the leading streams of an archive that are made of blocks of known size.

    What is left in ``source`` then is another kind of stream, something that is none, or nothing. Memory stays below the
    largest block size times the number of threads, to which come their dictionaries.

    :param reserve: is told the size that the output will have before a block is unpacked; may raise.
    :returns: the bytes that were written.
    :raises FileProblem: if the archive is damaged or cut.
    """
    offset = 0
    while (threads := _threads(source.peek(_xz_format.HEAD), archive.memory)) > 1:
        check = source.peek(_STREAM_HEADER)[7] & 15
        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            offset = _Stream(source, archive, threads, pool, write, reserve).unpack(offset)
        archive.add_member(is_verified=bool(check))
        archive.padding = source.skip_zeros()
    return offset


def _threads(head: bytes, memory: int) -> int:
    """How many threads can unpack a stream that begins so; 1 or none if it is better left to the sequential way."""
    if len(head) < _HEAD or not head.startswith(_xz_format.MAGIC):
        return 0
    sizes = _xz_format.sizes(head[_STREAM_HEADER:])
    if sizes is None or sizes.unpacked > _LARGEST_BLOCK:
        return 0
    # Each thread has a dictionary of its own.
    bearable = memory // max(_xz_format.dictionary(head), 1)
    return min(len(os.sched_getaffinity(0)), _MOST_THREADS, bearable)


class _Stream:
    """One stream of an archive: header, blocks, index, footer."""

    def __init__(
        self,
        source: Reader,
        archive: Archive,
        threads: int,
        pool: concurrent.futures.ThreadPoolExecutor,
        write: _Write,
        reserve: t.Callable[[int], None],
    ) -> None:
        self._source = source
        self._archive = archive
        self._name = archive.name
        self._threads = threads
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
        head = self._source.peek(_xz_format.HEAD)
        sizes = _xz_format.sizes(head)
        if not _xz_format.is_sound(head):
            raise corrupt(self._name, "xz", "the header of a block is damaged")
        if sizes is None:
            raise FileProblem(
                f"The xz archive {self._name} has blocks that tell their sizes and others that do not, which cannot be unpacked "
                "here; unpack it with xz."
            )
        unpadded = sizes.header + sizes.packed + _CHECK_SIZES[self._header[7] & 15]
        padding = -sizes.packed % 4
        self._reserve(offset + sizes.unpacked)
        self._records.append((unpadded, sizes.unpacked))
        if max(sizes.unpacked, sizes.packed) > _LARGEST_BLOCK:
            self._unpack_block(self._pieces(unpadded + padding), offset, sizes.unpacked)
            return offset + sizes.unpacked
        while self._waiting and self._is_full(sizes.packed):
            self._wait()
        block = self._take(unpadded + padding)
        with _content.uninterrupted():
            future = self._pool.submit(self._unpack_block, [block], offset, sizes.unpacked)
        self._waiting.append((future, sizes.packed))
        return offset + sizes.unpacked

    def _pieces(self, size: int) -> t.Iterator[bytes]:
        """The packed bytes of a block that is too large to be held."""
        while size:
            piece = self._take(min(size, BLOCK_SIZE))
            size -= len(piece)
            yield piece

    def _is_full(self, coming: int) -> bool:
        under_way = sum(size for _future, size in self._waiting)
        return len(self._waiting) >= self._threads or under_way + coming > _MOST_WAITING

    def _wait(self) -> None:
        future, _size = self._waiting.popleft()
        future.result()

    def _unpack_block(self, pieces: t.Iterable[bytes], offset: int, expected: int) -> None:
        decoder = _unpack.xz_decoder(self._archive.memory // self._threads)
        end = offset + expected
        try:
            decoder.decompress(self._header)
            for data in pieces:
                while data or not decoder.needs_input:
                    piece = decoder.decompress(data, max_length=BLOCK_SIZE)
                    data = b""
                    if offset + len(piece) > end:
                        raise corrupt(self._name, "xz", "a block has not the size that it tells")
                    self._write(offset, piece)
                    offset += len(piece)
        except (lzma.LZMAError, EOFError) as problem:
            raise _unpack.xz_problem(self._archive, problem) from problem
        if offset != end:
            raise corrupt(self._name, "xz", "a block has not the size that it tells")

    def _check_end(self) -> None:
        """Hold index and footer against the blocks that were seen."""
        number = _xz_format.number
        index = b"\0" + number(len(self._records))
        index += b"".join(number(unpadded) + number(unpacked) for unpadded, unpacked in self._records)
        index += bytes(-len(index) % 4)
        index += zlib.crc32(index).to_bytes(4, "little")
        tail = (len(index) // 4 - 1).to_bytes(4, "little") + self._header[6:8]
        footer = zlib.crc32(tail).to_bytes(4, "little") + tail + b"YZ"
        if self._take(len(index) + len(footer)) != index + footer:
            raise corrupt(self._name, "xz", "its index does not fit its blocks")

    def _take(self, size: int) -> bytes:
        taken = self._source.take(size)
        if len(taken) != size:
            raise corrupt(self._name, "xz", "it ends early")
        return taken
