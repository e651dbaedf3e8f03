# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The wire as the proxy sees it: heads and bodies of HTTP/1.1, passed on piece by piece."""

from __future__ import annotations

import contextlib
import dataclasses
import select
import socket
import typing as t

from patience import PATIENCE

#: Bytes passed on at a time. Small, so that a hold or a cut is met to the byte without buffering.
BLOCK = 16 * 1024
_HEAD_LIMIT = 64 * 1024


class Gone(Exception):
    """A side has closed the connection, or it was cut on purpose."""


class Side:
    """One end of the wire: reads with a small buffer, and writes."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._connection.settimeout(PATIENCE)
        self._buffer = b""
        #: Whether bytes are left unread, so that no further request can follow.
        self.spent = False

    def send(self, data: bytes) -> None:
        if data:
            self._connection.sendall(data)

    def close(self) -> None:
        close(self._connection)

    def readable(self) -> bool:
        return bool(self._buffer or select.select([self._connection], [], [], 0)[0])

    def some(self, most: int) -> bytes:
        """At least one byte."""
        if not self._buffer:
            self._buffer = self._connection.recv(BLOCK)
        if not self._buffer:
            raise Gone
        data, self._buffer = self._buffer[:most], self._buffer[most:]
        return data

    def until(self, mark: bytes, limit: int = _HEAD_LIMIT) -> bytes:
        """Everything up to a mark, with the mark."""
        while mark not in self._buffer:
            more = self._connection.recv(BLOCK)
            if not more or len(self._buffer) > limit:
                raise Gone
            self._buffer += more
        end = self._buffer.index(mark) + len(mark)
        data, self._buffer = self._buffer[:end], self._buffer[end:]
        return data


@dataclasses.dataclass
class Head:
    """First line and headers of a request or an answer."""

    first: list[str]
    fields: list[tuple[str, str]]

    @classmethod
    def read(cls, side: Side) -> Head:
        lines = side.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        fields = [(name, value.strip()) for name, _colon, value in (line.partition(":") for line in lines[1:]) if name]
        return cls(lines[0].split(" ", 2), fields)

    def get(self, name: str) -> str | None:
        return next((value for key, value in self.fields if key.lower() == name.lower()), None)

    def edit(self, changes: t.Mapping[str, str | None]) -> None:
        """Set headers; None removes one."""
        names = {name.lower() for name in changes}
        self.fields = [field for field in self.fields if field[0].lower() not in names]
        self.fields += [(name, value) for name, value in changes.items() if value is not None]

    def chunked(self) -> bool:
        return "chunked" in (self.get("Transfer-Encoding") or "").lower()

    def length(self) -> int | None:
        value = self.get("Content-Length")
        return int(value) if value is not None else None

    def raw(self) -> bytes:
        lines = [" ".join(self.first), *(f"{name}: {value}" for name, value in self.fields)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


Piece = tuple[tuple[bytes, bytes], bytes]


def body(side: Side, chunked: bool, length: int | None, room: t.Callable[[], int] = lambda: BLOCK) -> t.Iterator[Piece]:
    """The pieces of a body, each with the framing before and after it; ends with the body, or with the connection
    where nothing tells the length.

    :param room: how large the next piece may be.
    """
    if chunked:
        yield from _chunks(side, room)
        return
    left = length
    while left is None or left > 0:
        try:
            data = side.some(min(room(), left or BLOCK))
        except Gone:
            if left is None:
                return
            raise
        left = left - len(data) if left is not None else None
        yield (b"", b""), data


def _chunks(side: Side, room: t.Callable[[], int]) -> t.Iterator[Piece]:
    """The pieces of a chunked body; chunks are framed anew, so that a cut can be made anywhere."""
    while size := int(side.until(b"\r\n").split(b";")[0], 16):
        while size:
            data = side.some(min(room(), size))
            size -= len(data)
            yield (b"%x\r\n" % len(data), b"\r\n"), data
        side.until(b"\r\n")
    while side.until(b"\r\n") != b"\r\n":
        pass
    yield (b"0\r\n\r\n", b""), b""


def drain(client: Side, head: Head) -> None:
    """Read what the client still sends; whoever closes before that resets the connection, and the answer may be lost."""
    with contextlib.suppress(Gone):
        for _framing, _payload in body(client, head.chunked(), head.length() or 0):
            pass


@contextlib.contextmanager
def connected(address: tuple[str, int]) -> t.Iterator[Side]:
    with socket.create_connection(address, timeout=PATIENCE) as connection:
        yield Side(connection)


def close(connection: socket.socket) -> None:
    """Close for both directions at once, also while another thread reads."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
