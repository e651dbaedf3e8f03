# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Whether a VDI, VHD or VHDX file is whole: formats that have one table of large blocks.

Follows VDICore.h of VirtualBox, Microsoft's "Virtual Hard Disk Image Format Specification" and [MS-VHDX].
"""

from __future__ import annotations

import struct
import typing as t
import uuid

from . import _vhd
from ._layout import Fault, File, has_parent

_TABLE = "its block table"
_DATA = "its data"
_MIB = 1024**2


def _blocks(virtual_size: int, block: int, largest: int) -> int:
    """How many blocks a disk has."""
    if not 0 < block <= largest:
        raise Fault("its header is damaged: its blocks have no size that is allowed")
    return -(-virtual_size // block)


# VDI

_VDI_DIFFERENCING = 4
#: What stands for a block without data begins here.
_VDI_NOTHING = 0xFFFFFFFE


def require_whole_vdi(file: File) -> None:
    """:raises Fault: if something is cut off, or if there is a parent."""
    head = file.read(0, 512)
    (kind,) = struct.unpack_from("<I", head, 0x4C)
    if kind == _VDI_DIFFERENCING or any(head[0x1A8:0x1B8]):
        raise has_parent("it is a differencing VDI")
    table, data = struct.unpack_from("<II", head, 0x154)
    virtual_size, block, extra, blocks = struct.unpack_from("<QIII", head, 0x170)
    for _start, entries in file.numbers(table, min(blocks, _blocks(virtual_size, block, 2**31)), "<I", _TABLE):
        used = [entry for entry in entries if entry < _VDI_NOTHING]
        if used:
            file.require(data + (max(used) + 1) * (block + extra), _DATA)


# VHD

_VHD_UNUSED = 0xFFFFFFFF


def require_whole_vhd(file: File) -> None:
    """A VHD with a header, which is dynamic. One of fixed size has a footer, by which alone it is known as a VHD.

    :raises Fault: if something is cut off, or if there is a parent.
    """
    head = file.read(0, _vhd.SECTOR)
    footer = _vhd.Footer.of(head)
    if footer is None:
        return
    if footer.kind == _vhd.DIFFERENCING:
        raise has_parent("it is a differencing VHD")
    if footer.kind != _vhd.DYNAMIC:
        raise Fault("its VHD header is damaged: it is of no known type")
    sparse = file.read(footer.data_offset, 1024)
    if not sparse.startswith(b"cxsparse"):
        raise Fault("its VHD header is damaged: it leads to no header of a dynamic disk")
    table, _version, entries, block = struct.unpack_from(">QIII", sparse, 16)
    if not block:
        raise Fault("its VHD header is damaged: its blocks have no size that is allowed")
    bitmap = -(-block // (_vhd.SECTOR * 8 * _vhd.SECTOR)) * _vhd.SECTOR
    end = table + entries * 4
    for _start, offsets in file.numbers(table, entries, ">I", _TABLE):
        used = [offset for offset in offsets if offset != _VHD_UNUSED]
        if used:
            end = max(end, max(used) * _vhd.SECTOR + bitmap + block)
            file.require(end, _DATA)
    _require_vhd_footer(file, -(-end // _vhd.SECTOR) * _vhd.SECTOR)


def _require_vhd_footer(file: File, end: int) -> None:
    """The footer stands behind the last block; in files that were padded, not at their end. Old ones have 511 bytes."""
    places = (end, file.size - _vhd.SECTOR, file.size - _vhd.SECTOR + 1)
    cookies = [place for place in places if 0 < place <= file.size - _vhd.SECTOR + 1]
    if not any(file.read(place, len(_vhd.COOKIE)) == _vhd.COOKIE for place in cookies):
        raise Fault("it is cut off: the footer at its end is missing")


# VHDX

_BAT = uuid.UUID("2DC27766-F623-4200-9D64-115E9BFD4A08")
_METADATA = uuid.UUID("8B7CA206-4790-4B9A-B8FE-575F050F886E")
_FILE_PARAMETERS = uuid.UUID("CAA16737-FA36-4D43-B3B6-33F0AA44E76B")
_VIRTUAL_SIZE = uuid.UUID("2FA54224-CD1B-4876-B211-5DBED83BF4B8")
_SECTOR_SIZE = uuid.UUID("8141BF1D-A96F-4709-BA47-F233A8FAAB5F")
_PARENT_LOCATOR = uuid.UUID("A8D35F2D-B30B-454D-ABF7-D3D84834AB0C")
_REGION_TABLES = (192 * 1024, 256 * 1024)
_MOST_ITEMS = 2047
_HAS_PARENT = 2
_PRESENT = (6, 7)


def require_whole_vhdx(file: File) -> None:
    """:raises Fault: if something is cut off, or if there is a parent."""
    regions = _vhdx_regions(file)
    items = _vhdx_items(file, regions[_METADATA][0])
    block, flags = struct.unpack("<II", file.read(items[_FILE_PARAMETERS], 8))
    if flags & _HAS_PARENT or _PARENT_LOCATOR in items:
        raise has_parent("it is a differencing VHDX")
    (virtual_size,) = struct.unpack("<Q", file.read(items[_VIRTUAL_SIZE], 8))
    (sector,) = struct.unpack("<I", file.read(items[_SECTOR_SIZE], 4))
    blocks = _blocks(virtual_size, block, 256 * _MIB)
    ratio = (sector << 23) // block
    # After each so many blocks an entry is about their sectors, which only a disk with a parent needs.
    count = blocks + (blocks - 1) // ratio if blocks else 0
    for start, entries in file.numbers(regions[_BAT][0], count, "<Q", _TABLE):
        for index, entry in enumerate(entries, start):
            if entry & 7 in _PRESENT and (index + 1) % (ratio + 1):
                file.require((entry >> 20) * _MIB + block, _DATA)


def _vhdx_regions(file: File) -> dict[uuid.UUID, tuple[int, int]]:
    """Offset and length of each region, which lie inside the file."""
    for place in _REGION_TABLES:
        signature, _checksum, count = struct.unpack("<4sII", file.read(place, 12))
        if signature == b"regi" and count <= _MOST_ITEMS:
            table = file.read(place + 16, count * 32)
            entries = t.cast("t.Iterator[tuple[bytes, int, int, int]]", struct.iter_unpack("<16sQII", table))
            regions = {uuid.UUID(bytes_le=kind): (offset, length) for kind, offset, length, _required in entries}
            for offset, length in regions.values():
                file.require(offset + length, "a region of it")
            if _BAT in regions and _METADATA in regions:
                return regions
    raise Fault("its VHDX header is damaged: it has no table of regions")


def _vhdx_items(file: File, table: int) -> dict[uuid.UUID, int]:
    """Where each item of metadata is."""
    signature, _reserved, count = struct.unpack("<8sHH", file.read(table, 12))
    if signature != b"metadata" or count > _MOST_ITEMS:
        raise Fault("its VHDX header is damaged: it has no metadata")
    entries = struct.iter_unpack("<16sIIII", file.read(table + 32, count * 32))
    items = {uuid.UUID(bytes_le=kind): table + offset for kind, offset, _length, _flags, _reserved in entries}
    if not {_FILE_PARAMETERS, _VIRTUAL_SIZE, _SECTOR_SIZE} <= set(items):
        raise Fault("its VHDX header is damaged: its metadata are incomplete")
    return items
