# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Footers of VHD files, and what they say about the size of the disk.

Follows Microsoft's "Virtual Hard Disk Image Format Specification". Sizes are bytes.
"""

from __future__ import annotations

import dataclasses
import struct

SECTOR = 512
COOKIE = b"conectix"
DYNAMIC, DIFFERENCING = 3, 4


@dataclasses.dataclass(frozen=True)
class Footer:
    """A footer, or its copy at the beginning of a dynamic disk.

    :param kind: DYNAMIC, DIFFERENCING, or something else.
    :param data_offset: where the header of a dynamic disk is.
    :param current_size: of the disk. The footer also tells a geometry, which cannot express every size: programs
        round it up or down.
    :param is_sound: whether its checksum is right.
    """

    kind: int
    data_offset: int
    current_size: int
    is_sound: bool

    @classmethod
    def of(cls, sector: bytes) -> Footer | None:
        """Read a sector; None if it is no footer."""
        if len(sector) < SECTOR - 1 or not sector.startswith(COOKIE):
            return None
        (data_offset,) = struct.unpack_from(">Q", sector, 16)
        current_size, kind = struct.unpack_from(">Q4xI", sector, 48)
        (checksum,) = struct.unpack_from(">I", sector, 64)
        total = ~(sum(sector) - sum(sector[64:68])) & 0xFFFFFFFF
        return cls(kind, data_offset, current_size, checksum == total)
