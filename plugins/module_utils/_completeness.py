# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Whether an image file is a whole disk: nothing of it is cut off, and it builds on no other disk.

Told by what the file says of itself, its headers and tables, which is all that is read. What lies behind the end of
an image is nobody's business here: files may be padded, or larger than they need to be.
"""

from __future__ import annotations

import os
import struct

from . import _whole_blocks, _whole_qcow2, _whole_raw, _whole_vmdk
from ._layout import Fault, File

_CHECKS = {
    "qcow2": _whole_qcow2.require_whole,
    "vmdk": _whole_vmdk.require_whole,
    "vdi": _whole_blocks.require_whole_vdi,
    "vhd": _whole_blocks.require_whole_vhd,
    "vhdx": _whole_blocks.require_whole_vhdx,
    "iso": _whole_raw.require_whole_iso,
    "raw": _whole_raw.require_whole,
}


def fault(path: str, disk_format: str) -> str | None:
    """Why an image file is no whole disk, for instance "it is cut off: ..."; None if it is one, as far as it tells.

    :param disk_format: what the file really is, under Glance's name. What is not known here counts as whole.
    :raises OSError: if the file cannot be read.
    """
    check = _CHECKS.get(disk_format)
    if check is None:
        return None
    with open(path, "rb") as stream:
        try:
            check(File(stream.fileno(), os.fstat(stream.fileno()).st_size))
        except Fault as found:
            return str(found)
        except (struct.error, ZeroDivisionError, OverflowError):
            return f"its {disk_format} header is damaged"
    return None
