# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The data of an image as one stream over as many connections as it takes.

What was received stays: after a broken connection the stream goes on by a Range request, where the store can. Where it
cannot, or answers with the whole, the stream begins at byte 0 again.
"""

from __future__ import annotations

import contextlib
import hashlib
import typing as t

from . import _pause
from ._connection import PAUSES
from ._errors import CollectionError, ServerRefusal, TransferProblem
from ._glance import Glance

#: How much is read at a time, and lost at most by a broken connection.
_BLOCK = 256 * 1024

#: Getting this much further gives the stream all its patience back.
_PROGRESS = 8 * 1024 * 1024

#: Answers of stores that cannot start in the middle, and of proxies that do not like the range.
_RANGE_REFUSED = (400, 416)

#: A block and where it lies.
Piece = tuple[int, bytes]


class Reception:
    """Iterate once, over pieces in their order; an offset of 0 in the middle means that all begins anew.

    :param label: the image, for messages.
    :param algorithm: what to hash with; None for nothing.
    """

    def __init__(self, glance: Glance, image_id: str, label: str, size: int, algorithm: str | None) -> None:
        self._glance = glance
        self._image_id = image_id
        self._label = label
        self._size = size
        self._algorithm = algorithm
        self._ranges = True
        self._offset = 0
        self._hasher = self._new_hasher()
        #: Bytes that came over the wire.
        self.received = 0

    def after(self, blocks: t.Iterable[bytes]) -> t.Iterator[Piece]:
        """The pieces that are missing behind bytes that are here already.

        :raises CollectionError: as the iteration.
        """
        for block in blocks:
            self._advance(block)
        yield from self

    def hexdigest(self) -> str | None:
        """The digest of the whole, after the iteration; None without an algorithm."""
        return self._hasher.hexdigest() if self._hasher else None

    def __iter__(self) -> t.Iterator[Piece]:
        """
        :raises TransferProblem: if the data ends early again and again, or is not of the size that Glance tells.
        :raises ServerRefusal, ConnectionProblem: as Glance.data.
        """
        furthest, faults = self._offset, 0
        while self._offset < self._size:
            try:
                yield from self._one_connection()
            except _Broken as fault:
                faults = 0 if self._offset - furthest >= _PROGRESS else faults
                furthest = max(furthest, self._offset)
                if faults == len(PAUSES):
                    raise self._problem(
                        f"cannot be read: {fault}, again and again, the last time after {self._offset} of {self._size} bytes"
                    ) from fault
                _pause.pause(PAUSES[faults])
                faults += 1

    def _one_connection(self) -> t.Iterator[Piece]:
        with contextlib.ExitStack() as stack:
            for block in _blocks(self._opened(stack)):
                if self._offset + len(block) > self._size:
                    raise self._problem(f"has more than the {self._size} bytes that Glance tells")
                piece = (self._offset, block)
                self.received += len(block)
                self._advance(block)
                yield piece
        if self._offset < self._size:
            raise _Broken("the data ended early")

    def _opened(self, stack: contextlib.ExitStack) -> t.Any:
        """An answer that begins at the first byte that is missing, or at byte 0."""
        if self._offset and self._ranges:
            if answer := self._ranged(stack):
                return answer
            self._ranges = False
            stack.close()
        self._begin_anew()
        return self._whole(stack.enter_context(self._glance.data(self._image_id)))

    def _ranged(self, stack: contextlib.ExitStack) -> t.Any:
        """The answer to a request for what is missing; None if it cannot be had that way."""
        try:
            answer = stack.enter_context(self._glance.data(self._image_id, self._offset))
        except ServerRefusal as refusal:
            if refusal.status in _RANGE_REFUSED:
                return None
            raise
        if answer.status_code == 200:
            self._begin_anew()
            return self._whole(answer)
        told = answer.headers.get("Content-Range", "").strip()
        return answer if told == f"bytes {self._offset}-{self._size - 1}/{self._size}" else None

    def _whole(self, answer: t.Any) -> t.Any:
        """Refuse an answer that cannot be the data, such as a page of a proxy."""
        length = answer.headers.get("Content-Length", str(self._size))
        if answer.status_code != 200 or (length != str(self._size) and "Content-Encoding" not in answer.headers):
            raise self._problem(
                f"was answered with {length} bytes (HTTP {answer.status_code}), and Glance tells {self._size}"
            )
        return answer

    def _advance(self, block: bytes) -> None:
        if self._hasher:
            self._hasher.update(block)
        self._offset += len(block)

    def _begin_anew(self) -> None:
        self._offset, self._hasher = 0, self._new_hasher()

    def _new_hasher(self) -> t.Any:
        return hashlib.new(self._algorithm) if self._algorithm else None

    def _problem(self, told: str) -> TransferProblem:
        return TransferProblem(f"image: the data of the image {self._label} {told}.")


def part_of(glance: Glance, image_id: str, begin: int, length: int) -> bytes:
    """Some bytes of the data of an image; empty if the store, or the policy of the cloud, does not give them."""
    part = b""
    with contextlib.suppress(CollectionError, OSError), glance.data(image_id, begin, length) as answer:
        blocks = answer.iter_content(length) if answer.status_code == 206 or begin == 0 else iter(())
        while len(part) < length and (block := next(blocks, b"")):
            part += block
    return part[:length]


class _Broken(Exception):
    """A connection that ended before the data did."""


def _blocks(answer: t.Any) -> t.Iterator[bytes]:
    """The bytes of an answer.

    :raises _Broken: if the connection is dropped, or nothing comes any more.
    """
    blocks = answer.iter_content(_BLOCK)
    while True:
        try:
            block = next(blocks, b"")
        except OSError as problem:  # the exceptions of requests are of this kind, too
            raise _Broken("the connection was broken") from problem
        if not block:
            return
        yield block
