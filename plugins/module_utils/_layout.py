# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Reading the headers and tables of an image file, which may be cut and may lie."""

from __future__ import annotations

import array
import os
import sys
import typing as t

#: Bytes of tables that are looked through: those of a qcow2 of 16 TiB that is full. More would take minutes.
MOST_TABLE_BYTES = 2 * 1024**3

#: Tables of one file that are looked through. Bounds what is remembered of them.
MOST_TABLES = 512 * 1024

_CHUNK = 64 * 1024


class Fault(Exception):
    """Why an image file is no whole disk, in words that follow "the image is not safe:"."""


class File:
    """An image file.

    :param size: its bytes.
    """

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self.size = size
        self._table_bytes = 0
        self._tables: set[int] = set()

    def require(self, end: int, what: str) -> None:
        """:raises Fault: if the file ends before the byte ``end``, where ``what`` ("its data") ends."""
        if end > self.size:
            raise Fault(f"it is cut off: {what} would end at byte {end}, and the file has {self.size} bytes")

    def read(self, offset: int, length: int, what: str = "its header") -> bytes:
        """Exactly so many bytes.

        :raises Fault: if the file ends before.
        """
        self.require(offset + length, what)
        data = os.pread(self._descriptor, length, offset)
        if len(data) < length:  # it became shorter meanwhile
            raise Fault(f"it is cut off in {what}")
        return data

    def numbers(self, offset: int, count: int, code: str, what: str) -> t.Iterator[tuple[int, array.array[int]]]:
        """A table of numbers, chunk by chunk, each with the index of its first number.

        :param code: as those of ``struct``: ``<I``, ``>I``, ``<Q`` or ``>Q``.
        :raises Fault: if the file ends before the table does, or if there is more than can be looked through.
        """
        width = array.array(code[1]).itemsize
        self.require(offset + count * width, what)
        self._table_bytes += count * width
        if self._table_bytes > MOST_TABLE_BYTES:
            raise Fault(f"its tables have more than {MOST_TABLE_BYTES} bytes, too many to be looked through")
        step = _CHUNK // width
        for start in range(0, count, step):
            data = self.read(offset + start * width, min(step, count - start) * width, what)
            numbers = array.array(code[1], data)
            if (code[0] == "<") != (sys.byteorder == "little"):
                numbers.byteswap()
            yield start, numbers

    def is_new_table(self, offset: int) -> bool:
        """Whether a table at this place has not been asked about yet: several may point to the same one.

        :raises Fault: if there are more than can be looked through.
        """
        if offset in self._tables:
            return False
        if len(self._tables) >= MOST_TABLES:
            raise Fault(f"it has more than {MOST_TABLES} tables, too many to be looked through")
        self._tables.add(offset)
        return True


def has_parent(what: str) -> Fault:
    """What to raise for a disk that holds nothing but what differs from another one."""
    return Fault(f"it has a parent: {what}, and holds only what differs from that other disk")
