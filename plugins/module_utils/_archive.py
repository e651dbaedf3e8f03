# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""An archive that is being unpacked: its bytes as they come, what it may need, and how to say what is wrong with it."""

from __future__ import annotations

import dataclasses
import typing as t

from . import _xz_format
from ._errors import FileProblem

#: How much is put out at a time.
BLOCK_SIZE = 1024 * 1024

#: The dictionary of xz -9 has 64 MiB, the window of zstd --ultra -22 has 128 MiB. Files that were made with more than that
#: (xz --lzma2=dict=, zstd --long=) need as much memory as this when they are unpacked.
MEMORY = 512 * 1024**2

ZSTD_MAGIC = 0xFD2FB528
ZSTD_SKIPPABLE = range(0x184D2A50, 0x184D2A60)

#: What a member begins with: enough to tell it from what is no member of an archive any more.
_MAGICS = {
    "xz": [_xz_format.MAGIC],
    "gz": [b"\x1f\x8b"],
    "bz2": [b"BZh"],
    "zst": [number.to_bytes(4, "little") for number in (ZSTD_MAGIC, *ZSTD_SKIPPABLE)],
}


def no_warning(_text: str) -> None:
    """For those who do not want to hear it."""


@dataclasses.dataclass
class Archive:
    """An archive that is being unpacked.

    :param name: path or address, for messages.
    :param memory: bytes that a dictionary or window may have, and those of several threads together.
    :param warn: is told what an archive has behind its end.
    :param verified: whether all that was unpacked so far had checksums, which were right; None at the beginning.
    :param padding: zeros that were left out since then.
    """

    name: str
    memory: int = MEMORY
    warn: t.Callable[[str], None] = no_warning
    verified: bool | None = None
    padding: int = 0

    def add_member(self, is_verified: bool) -> None:
        """Take down that one more member was unpacked."""
        self.verified = is_verified and self.verified is not False
        self.padding = 0

    def require_memory(self, needed: int, kind: str, what: str) -> None:
        """:raises FileProblem: if a dictionary or window is larger than may be."""
        if needed > self.memory:
            raise self.too_large(kind, f"{_mebibytes(needed)} of memory for its {what}")

    def too_large(self, kind: str, needs: str) -> FileProblem:
        """What to raise for an archive that needs more memory than it may have."""
        return FileProblem(
            f"The {kind} archive {self.name} needs {needs} to be unpacked, and {_mebibytes(self.memory)} is the limit; "
            "raise max_unpack_memory if there is so much."
        )


def _mebibytes(size: int) -> str:
    return f"{-(-size // 1024**2)} MiB"


class Reader:
    """The bytes of an iterable of blocks, with a look ahead."""

    def __init__(self, blocks: t.Iterable[bytes]) -> None:
        self._blocks = iter(blocks)
        self._ready = b""

    def peek(self, size: int) -> bytes:
        """The next bytes without taking them; fewer only at the end."""
        while len(self._ready) < size and (block := next(self._blocks, b"")):
            self._ready += block
        return self._ready[:size]

    def read(self, size: int = BLOCK_SIZE) -> bytes:
        """Take at least one and at most ``size`` bytes; empty at the end."""
        ready = self._ready or next(self._blocks, b"")
        self._ready = ready[size:]
        return ready[:size]

    def put_back(self, data: bytes) -> None:
        """Undo the last reading."""
        self._ready = data + self._ready

    def skip_zeros(self) -> int:
        """Take zeros, and return how many there were."""
        skipped = 0
        while block := self.read():
            rest = block.lstrip(b"\0")
            skipped += len(block) - len(rest)
            if rest:
                self.put_back(rest)
                break
        return skipped

    def take(self, size: int) -> bytes:
        """Take exactly ``size`` bytes; fewer only at the end."""
        parts = []
        while size and (part := self.read(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def __iter__(self) -> t.Iterator[bytes]:
        while block := self.read():
            yield block


def begins(head: bytes, kind: str) -> bool:
    """Whether this is the beginning of a member, as far as there is anything."""
    return any(head[: len(magic)] == magic[: len(head)] for magic in _MAGICS[kind])


def corrupt(name: str, kind: str, why: str) -> FileProblem:
    """What to raise for a damaged archive."""
    return FileProblem(f"The {kind} archive {name} is corrupt: {why.rstrip('.')}.")
