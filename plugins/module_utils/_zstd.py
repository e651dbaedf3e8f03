# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""zstd archives, unpacked as a stream by the Python library zstandard."""

from __future__ import annotations

import traceback
import typing as t

from ._archive import BLOCK_SIZE, ZSTD_SKIPPABLE, Archive, Reader, begins, corrupt
from ._errors import FileProblem, MissingDependency

#: The largest window that the library can be told to allow.
_LARGEST_WINDOW = 2**31


def unpacked(source: Reader, archive: Archive) -> t.Iterator[bytes]:
    """The content of the frames that come next.

    :raises FileProblem: if one is damaged, cut, or needs too much memory.
    :raises MissingDependency: without the Python library zstandard.
    """
    from ansible.module_utils.basic import missing_required_lib

    try:
        import zstandard
    except ImportError as problem:
        message = missing_required_lib("zstandard", reason="to unpack zst files")
        raise MissingDependency(message, exception=traceback.format_exc()) from problem
    frames = _Source(source, archive)
    window = min(max(archive.memory, 1024), _LARGEST_WINDOW)
    decoder = zstandard.ZstdDecompressor(max_window_size=window)
    reader = decoder.stream_reader(t.cast("t.Any", frames), read_across_frames=True, closefd=False)
    try:
        while piece := reader.read(BLOCK_SIZE):
            yield piece
    except zstandard.ZstdError as problem:
        if "not enough memory" in str(problem):
            raise MemoryError from problem
        raise corrupt(archive.name, "zst", str(problem).removeprefix("zstd decompress error: ")) from problem
    # The library takes a cut archive for a complete one.
    if not frames.is_complete:
        raise corrupt(archive.name, "zst", "it ends early")
    archive.add_member(frames.is_verified)


class _Source:
    """A source of zstd frames that ends behind the last one, and notices whether that is complete (RFC 8878, section 3.1)."""

    def __init__(self, source: Reader, archive: Archive) -> None:
        self._source = source
        self._archive = archive
        self._steps = self._frames()
        self._wanted = next(self._steps)
        self._part = b""
        #: Whether each frame so far has a checksum.
        self.is_verified = True

    @property
    def is_complete(self) -> bool:
        """Whether the archive may end here."""
        return self._wanted[2] and not self._part

    def read(self, size: int = -1) -> bytes:
        """The next bytes of frames; empty at their end."""
        block = self._source.read(size if size > 0 else BLOCK_SIZE)
        position = 0
        while position < len(block):
            if self.is_complete and not self._goes_on(block[position : position + 4]):
                self._source.put_back(block[position:])
                return block[:position]
            position += self._follow(block, position)
        return block

    def _goes_on(self, head: bytes) -> bool:
        return begins(head + self._source.peek(4 - len(head)), "zst")

    def _follow(self, block: bytes, position: int) -> int:
        """Take what is wanted next as far as it is there, and return how many bytes that was."""
        keep, length, _boundary = self._wanted
        step = min(length, len(block) - position)
        self._part += block[position : position + step] if keep else b""
        if step < length:
            self._wanted = (keep, length - step, False)
        else:
            self._wanted, self._part = self._steps.send(self._part), b""
        return step

    def _frames(self) -> t.Generator[_Want, bytes, None]:
        while True:
            magic = int.from_bytes((yield (True, 4, True)), "little")
            if magic in ZSTD_SKIPPABLE:
                size = int.from_bytes((yield (True, 4, False)), "little")
                if size:
                    yield (False, size, False)
                continue
            descriptor = (yield (True, 1, False))[0]
            rest = yield (True, _header_rest(descriptor), False)
            if descriptor & 3:
                raise FileProblem(
                    f"The zst archive {self._archive.name} was made with a dictionary, without which it cannot be unpacked."
                )
            self._archive.require_memory(_window(descriptor, rest), "zst", "window")
            last = False
            while not last:
                header = int.from_bytes((yield (True, 3, False)), "little")
                last, kind, size = bool(header & 1), header >> 1 & 3, header >> 3
                size = 1 if kind == 1 else size
                if size:
                    yield (False, size, False)
            if descriptor & 4:
                yield (False, 4, False)
            self.is_verified &= bool(descriptor & 4)


#: Whether the next bytes are of interest, how many they are, and whether an archive may end before them.
_Want = tuple[bool, int, bool]


def _header_rest(descriptor: int) -> int:
    """Bytes of a frame header behind its descriptor: window, dictionary, content size."""
    single = descriptor >> 5 & 1
    content = (0, 2, 4, 8)[descriptor >> 6] or single
    return (1 - single) + (0, 1, 2, 4)[descriptor & 3] + content


def _window(descriptor: int, rest: bytes) -> int:
    """The bytes of a frame's window, which is its content where that is in a single segment."""
    if descriptor >> 5 & 1:
        begin = (0, 1, 2, 4)[descriptor & 3]
        return int.from_bytes(rest[begin:], "little") + (256 if descriptor >> 6 == 1 else 0)
    base = 1 << (10 + (rest[0] >> 3))
    return base + base // 8 * (rest[0] & 7)
