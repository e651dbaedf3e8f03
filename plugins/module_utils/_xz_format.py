# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Headers of xz archives: the sizes of a block, and the dictionary that it needs.

Follows the specification of the .xz file format, version 1.2. Sizes are bytes.
"""

from __future__ import annotations

import dataclasses
import zlib

#: What a stream begins with.
MAGIC = b"\xfd7zXZ\0"

STREAM_HEADER = 12

#: The header of a stream, and the largest one of its first block.
HEAD = STREAM_HEADER + 1024

_LZMA2 = 0x21
_LARGEST_DICTIONARY = 40


@dataclasses.dataclass(frozen=True)
class Sizes:
    """What a block header tells: bytes of the header, of the packed data, and of their content."""

    header: int
    packed: int
    unpacked: int


def is_sound(head: bytes) -> bool:
    """Whether the checksum of a block header is right."""
    end = (head[0] + 1) * 4 if head else 0
    return 8 <= end <= len(head) and zlib.crc32(head[: end - 4]) == int.from_bytes(head[end - 4 : end], "little")


def sizes(head: bytes) -> Sizes | None:
    """Read the first bytes of a block header; None if it does not tell both sizes."""
    if len(head) < 2 or head[0] == 0 or head[1] & 0xC0 != 0xC0:
        return None
    packed, position = read_number(head, 2)
    unpacked, _position = read_number(head, position)
    return Sizes((head[0] + 1) * 4, packed, unpacked) if packed and unpacked else None


def read_number(data: bytes, position: int) -> tuple[int, int]:
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


def number(number: int) -> bytes:
    """A number in groups of seven bits, the lowest first."""
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def dictionary(head: bytes) -> int:
    """The dictionary that the first block of a stream needs, told by the first HEAD bytes; 0 if it does not tell."""
    block = head[STREAM_HEADER:]
    if len(block) < 2 or not block[0]:
        return 0
    position = 2
    for flag in (0x40, 0x80):
        if block[1] & flag:
            _size, position = read_number(block, position)
    largest = 0
    for _filter in range((block[1] & 3) + 1):
        kind, position = read_number(block, position)
        length, position = read_number(block, position)
        if kind == _LZMA2 and length == 1 and position < len(block) and block[position] <= _LARGEST_DICTIONARY:
            largest = max(largest, (2 | block[position] & 1) << (block[position] // 2 + 11))
        position += length
    return largest
