# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Whether a qcow2 file is whole: tables and clusters of the disk and of its snapshots lie inside the file.

Follows docs/interop/qcow2.txt of QEMU; limits are those of QEMU. Two things are finer than what ``qemu-img check`` looks at:
it lets the last cluster pass when a byte of it is there.
"""

from __future__ import annotations

import dataclasses
import struct
import typing as t
import zlib

from ._layout import Fault, File

_OFFSET = 0x00FFFFFFFFFFFE00
_COMPRESSED = 1 << 62
_SECTOR = 512
_CLUSTER_BITS = range(9, 22)
_LARGEST_L1 = 32 * 1024**2
_LARGEST_REFCOUNT_TABLE = 8 * 1024**2
_MOST_SNAPSHOTS = 65536
#: Incompatible features whose files are refused elsewhere, and whose tables mean something else: data file, extended_l2.
_OTHER_TABLES = 0b10100
_HAS_COMPRESSION_TYPE = 0b1000
_BITMAPS = 0x23852875
_DATA = "its data"


@dataclasses.dataclass(frozen=True)
class _Header:
    """What of a header matters here; sizes in bytes."""

    version: int
    cluster_bits: int
    virtual_size: int
    l1_entries: int
    l1_offset: int
    refcount_offset: int
    refcount_clusters: int
    snapshots: int
    snapshots_offset: int
    features: int = 0
    length: int = 72
    is_zstd: bool = False

    @property
    def cluster(self) -> int:
        """Bytes of a cluster."""
        return 1 << self.cluster_bits

    @property
    def compressed_bits(self) -> int:
        """How many bits of an entry tell where a compressed cluster begins."""
        return 62 - (self.cluster_bits - 8)


def require_whole(file: File) -> None:
    """:raises Fault: if something is cut off, or if the header makes no sense."""
    header = _header(file)
    if header.features & _OTHER_TABLES:
        return
    table_bytes = header.refcount_clusters * header.cluster
    if header.l1_entries * 8 > _LARGEST_L1 or table_bytes > _LARGEST_REFCOUNT_TABLE:
        raise Fault("its qcow2 header is damaged: its tables are too large")
    _require_tables(file, header, header.l1_offset, header.l1_entries, header.virtual_size)
    for _start, blocks in file.numbers(header.refcount_offset, table_bytes // 8, ">Q", "its refcount table"):
        last = max(blocks) & ~(_SECTOR - 1)
        # A last cluster may be there in part.
        file.require(last + 1 if last else 0, "its refcounts")
    _require_snapshots(file, header)
    _require_bitmaps(file, header)


def _header(file: File) -> _Header:
    head = file.read(0, 72)
    version, cluster_bits, virtual_size = *struct.unpack_from(">I", head, 4), *struct.unpack_from(">IQ", head, 20)
    if cluster_bits not in _CLUSTER_BITS:
        raise Fault("its qcow2 header is damaged: its clusters have no size that is allowed")
    header = _Header(version, cluster_bits, virtual_size, *struct.unpack_from(">IQQIIQ", head, 36))
    if version < 3:
        return header
    head = file.read(0, 104)
    features, length = *struct.unpack_from(">Q", head, 72), *struct.unpack_from(">I", head, 100)
    is_zstd = bool(features & _HAS_COMPRESSION_TYPE) and file.read(104, 1) == b"\1"
    return dataclasses.replace(header, features=features, length=length, is_zstd=is_zstd)


def _require_tables(file: File, header: _Header, offset: int, entries: int, virtual_size: int | None) -> None:
    """The clusters that an L1 table leads to.

    :param virtual_size: the last cluster need be there only as far as the disk goes; None if this is not known, and
        a byte of it will do.
    """
    per_table = header.cluster // 8
    for start, l1 in file.numbers(offset, entries, ">Q", "its L1 table"):
        for index, entry in enumerate(l1, start):
            table = entry & _OFFSET
            if table and file.is_new_table(table):
                room = None if virtual_size is None else virtual_size - index * per_table * header.cluster
                _require_clusters(file, header, table, room)


def _require_clusters(file: File, header: _Header, table: int, room: int | None) -> None:
    """The clusters that an L2 table leads to.

    :param room: bytes of the disk from the first of these clusters to the end of the disk.
    """
    place = (1 << header.compressed_bits) - 1
    safe = file.size - 2 * header.cluster  # no cluster that begins here, compressed or not, ends behind the end
    for start, l2 in file.numbers(table, header.cluster // 8, ">Q", "an L2 table"):
        if not any(l2):
            continue
        for index in [index for index, entry in enumerate(l2) if entry & place > safe]:
            entry = l2[index]
            if entry & _COMPRESSED:
                _require_compressed(file, header, entry)
            elif entry & _OFFSET:
                needed = 1 if room is None else min(header.cluster, room - (start + index) * header.cluster)
                file.require((entry & _OFFSET) + max(needed, 0), _DATA)


def _require_compressed(file: File, header: _Header, entry: int) -> None:
    """A compressed cluster tells its end in sectors; qemu-img fills the last one, other writers need not."""
    offset = entry & ((1 << header.compressed_bits) - 1)
    sectors = (entry >> header.compressed_bits & ((1 << (header.cluster_bits - 8)) - 1)) + 1
    end = offset // _SECTOR * _SECTOR + sectors * _SECTOR
    if file.size < end <= file.size + _SECTOR - 1:
        data = file.read(offset, file.size - offset, _DATA)
        if _unpacks(data, header):
            return
    file.require(end, _DATA)


def _unpacks(data: bytes, header: _Header) -> bool:
    try:
        if header.is_zstd:
            import zstandard

            reader = zstandard.ZstdDecompressor().stream_reader(data)
            return len(t.cast("bytes", reader.read(header.cluster))) == header.cluster
        return len(zlib.decompressobj(wbits=-12).decompress(data, header.cluster)) == header.cluster
    except Exception:  # zlib.error, zstandard.ZstdError, or no such library
        return False


def _require_snapshots(file: File, header: _Header) -> None:
    """Tables and clusters of snapshots that are kept inside the file."""
    if header.snapshots > _MOST_SNAPSHOTS:
        raise Fault("its qcow2 header is damaged: it has too many snapshots")
    position = end = header.snapshots_offset
    for _number in range(header.snapshots):
        head = file.read(position, 40, "its list of snapshots")
        l1_offset, l1_entries, id_size, name_size = struct.unpack_from(">QIHH", head)
        if l1_entries * 8 > _LARGEST_L1:
            raise Fault("a snapshot in it is damaged: its table is too large")
        _require_tables(file, header, l1_offset, l1_entries, None)
        (extra_size,) = struct.unpack_from(">I", head, 36)
        # Entries begin at multiples of 8 bytes; nothing need follow the last one, which may be that of the file, too
        end = position + 40 + extra_size + id_size + name_size
        position = -(-end // 8) * 8
    file.require(end if header.snapshots else 0, "its list of snapshots")


def _require_bitmaps(file: File, header: _Header) -> None:
    """The list of persistent bitmaps, which is written last. A header extension tells where it is."""
    position, end = header.length, header.cluster
    while header.version >= 3 and position + 8 <= min(end, file.size):
        kind, length = struct.unpack(">II", file.read(position, 8))
        if kind == 0:
            return
        if kind == _BITMAPS and length >= 24:
            size, offset = struct.unpack(">QQ", file.read(position + 16, 16))
            file.require(offset + size, "its list of bitmaps")
        position += 8 + -(-length // 8) * 8
