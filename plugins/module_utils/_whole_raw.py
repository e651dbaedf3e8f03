# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Whether a disk as it is (raw, ISO) is whole: partitions and file systems end where the file does, or before.

Follows the UEFI specification (GPT), ECMA-119 (ISO 9660), and the superblocks of ext2 to ext4, XFS, FAT and SquashFS.
"""

from __future__ import annotations

import struct
import zlib

from . import _vhd
from ._layout import Fault, File

_SECTOR = 512
_SECTOR_SIZES = (512, 4096)
_GPT_MAGIC = b"EFI PART"
#: The one partition of a disk with GPT, for programs that do not know GPT; it may claim any size.
_PROTECTIVE = 0xEE
#: The setup header of an x86 kernel, which begins with a boot sector.
_KERNEL_MAGIC = b"HdrS"
_LARGEST_ENTRIES = 1024 * 1024
_ISO_DESCRIPTOR = 16 * 2048


def require_whole_iso(file: File) -> None:
    """:raises Fault: if an ISO file is smaller than the volume in it."""
    descriptor = file.read(_ISO_DESCRIPTOR, 2048)
    (blocks,), (block,) = struct.unpack_from("<I", descriptor, 80), struct.unpack_from("<H", descriptor, 128)
    file.require(blocks * block, "its volume")


def require_whole(file: File) -> None:
    """:raises Fault: if a partition, the second GPT, or a file system without partitions ends behind the end."""
    if file.size < 4 * _SECTOR:
        return
    _require_no_rest_of_a_vhd(file)
    if _is_gpt(file):
        return
    head = file.read(0, 2048)
    # A disk that has been partitioned keeps what the boot sector of an earlier file system says of itself
    if not _has_partitions(file, head):
        _require_filesystem(file, head)


def _require_no_rest_of_a_vhd(file: File) -> None:
    """What ends as a VHD does, and is none, has lost something before its footer."""
    footer = _vhd.Footer.of(file.read(file.size - _SECTOR, _SECTOR))
    if footer and footer.is_sound:
        raise Fault("it is cut off: it ends with the footer of a VHD, the rest of which is not there")


def _is_gpt(file: File) -> bool:
    """Whether there is a GPT, which is whole then. The second one may lie before the end: the disk has grown."""
    for sector in _SECTOR_SIZES:
        if file.size < 2 * sector:
            continue
        head = file.read(sector, 92)
        size, checksum = struct.unpack_from("<II", head, 12)
        if not head.startswith(_GPT_MAGIC) or not len(head) <= size <= sector:
            continue
        whole = file.read(sector, size)
        if zlib.crc32(whole[:16] + bytes(4) + whole[20:]) != checksum:
            continue
        (second,) = struct.unpack_from("<Q", head, 32)
        file.require((second + 1) * sector, "its partition table (the second GPT)")
        _require_entries(file, head, sector)
        return True
    return False


def _require_entries(file: File, head: bytes, sector: int) -> None:
    place, count, width = struct.unpack_from("<QII", head, 72)
    if width < 128 or count * width > _LARGEST_ENTRIES:
        return
    table = file.read(place * sector, count * width, "its partition table")
    for offset in range(0, len(table), width):
        if any(table[offset : offset + 16]):
            (last,) = struct.unpack_from("<Q", table, offset + 40)
            file.require((last + 1) * sector, f"its partition {offset // width + 1}")


def _has_partitions(file: File, head: bytes) -> bool:
    """Whether there is a table with partitions, which are all there then.

    Boot sectors of file systems, and Linux kernels, have other things in its place.
    """
    if head[510:512] != b"\x55\xaa" or head[0x202:0x206] == _KERNEL_MAGIC:
        return False
    entries = [struct.unpack_from("<B3xB3xII", head, 446 + 16 * number) for number in range(4)]
    if any(status not in (0, 0x80) for status, *_rest in entries):
        return False
    found = False
    for number, (_status, kind, first, sectors) in enumerate(entries, 1):
        if kind not in (0, _PROTECTIVE) and first and sectors:
            file.require((first + sectors) * _SECTOR, f"its partition {number}")
            found = True
    return found


def _require_filesystem(file: File, head: bytes) -> None:
    """A file system that fills the disk."""
    end = 0
    if head[0x438:0x43A] == b"\x53\xef":
        blocks, scale = struct.unpack_from("<I", head, 0x404)[0], struct.unpack_from("<I", head, 0x418)[0]
        if struct.unpack_from("<I", head, 0x460)[0] & 0x80:
            blocks += struct.unpack_from("<I", head, 0x550)[0] << 32
        end = blocks << (10 + scale) if scale <= 6 else 0
    elif head.startswith(b"XFSB"):
        block, blocks = struct.unpack_from(">IQ", head, 4)
        end = block * blocks
    elif head.startswith(b"hsqs"):
        (end,) = struct.unpack_from("<Q", head, 40)
    elif _is_fat(head):
        (sector,), (few,), (many,) = (
            struct.unpack_from(code, head, at) for code, at in (("<H", 11), ("<H", 19), ("<I", 32))
        )
        end = sector * (few or many)
    file.require(end, "its file system")


def _is_fat(head: bytes) -> bool:
    """The boot sector of a FAT with its name, by the parameters that it needs (Microsoft's FAT specification)."""
    (sector,) = struct.unpack_from("<H", head, 11)
    return sector in (512, 1024, 2048, 4096) and (head[54:57] == b"FAT" or head[82:87] == b"FAT32")
