# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Whether a VMDK file is whole: directory, tables and grains lie inside the file, and no parent is named.

Follows VMware's "Virtual Disk Format 5.0", for sparse extents with the magic KDMV.
"""

from __future__ import annotations

import re
import struct

from ._layout import Fault, File, has_parent

_SECTOR = 512
_MAGIC = b"KDMV"
_DIRECTORY_AT_END = 0xFFFFFFFFFFFFFFFF
_COMPRESSED_GRAINS = 1 << 16
#: A table entry that stands for zeros.
_ZEROED = 1
_MOST_PER_TABLE = 4096
#: 128 MiB; VMware's own have 128 sectors.
_LARGEST_GRAIN = 256 * 1024
_LARGEST_DESCRIPTOR = 1024 * 1024
_NO_PARENT = "ffffffff"
_PARENT = re.compile(
    rb'^[ \t]*parent(?:CID[ \t]*=[ \t]*"?([0-9a-f]+)|FileNameHint[ \t]*=)', re.IGNORECASE | re.MULTILINE
)


def require_whole(file: File) -> None:
    """:raises Fault: if something is cut off, if there is a parent, or if the header makes no sense."""
    head = file.read(0, _SECTOR)
    descriptor, descriptor_size = struct.unpack_from("<QQ", head, 28)
    _require_no_parent(file, descriptor * _SECTOR, min(descriptor_size * _SECTOR, _LARGEST_DESCRIPTOR))
    if _directory(head) == _DIRECTORY_AT_END:
        # Footer and end-of-stream marker are the last two sectors.
        head = file.read(file.size - 2 * _SECTOR, _SECTOR) if file.size >= 2 * _SECTOR else b""
        if not head.startswith(_MAGIC) or _directory(head) == _DIRECTORY_AT_END:
            raise Fault("it is cut off: the footer at its end is missing")
    _require_grains(file, head)


def _directory(head: bytes) -> int:
    return int(struct.unpack_from("<Q", head, 56)[0])


def _require_no_parent(file: File, offset: int, size: int) -> None:
    text = file.read(offset, size, "its descriptor") if offset else b""
    for found in _PARENT.finditer(text):
        if found[1] is None or found[1].lower() != _NO_PARENT.encode():
            raise has_parent("it is a VMDK that names one (parentCID, parentFileNameHint)")


def _require_grains(file: File, head: bytes) -> None:
    flags, capacity, grain = struct.unpack_from("<IQQ", head, 8)
    (per_table,) = struct.unpack_from("<I", head, 44)
    if not 0 < per_table <= _MOST_PER_TABLE or not 0 < grain <= _LARGEST_GRAIN:
        raise Fault("its VMDK header is damaged: grains or tables have no size that is allowed")
    tables = -(-capacity // (grain * per_table))
    for start, directory in file.numbers(_directory(head) * _SECTOR, tables, "<I", "its grain directory"):
        for index, table in enumerate(directory, start):
            if table and file.is_new_table(table):
                rest = capacity - index * per_table * grain
                _require_table(file, table * _SECTOR, min(per_table, -(-rest // grain)), (grain, rest, flags))


def _require_table(file: File, offset: int, entries: int, shape: tuple[int, int, int]) -> None:
    """The grains that a table leads to.

    :param shape: sectors of a grain, sectors of the disk from the first of these grains on, and flags of the header.
    """
    grain, rest, flags = shape
    safe = file.size // _SECTOR - 2 * grain - 1  # what begins here ends inside
    for start, table in file.numbers(offset, entries, "<I", "a grain table"):
        for index in [index for index, entry in enumerate(table) if entry > safe]:
            if table[index] <= _ZEROED:
                continue
            place = table[index] * _SECTOR
            if flags & _COMPRESSED_GRAINS:
                (size,) = struct.unpack_from("<I", file.read(place, 12, "its data"), 8)
            else:
                size = min(grain, rest - (start + index) * grain) * _SECTOR - 12
            file.require(place + 12 + size, "its data")
