# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The faults that the proxy knows, and which requests meet with them; data, but for a hold."""

from __future__ import annotations

import dataclasses
import json
import re
import threading
import typing as t

from patience import PATIENCE
from wire import BLOCK, Gone


@dataclasses.dataclass(frozen=True)
class Answer:
    """Answer in place of the server, which sees nothing.

    :param early: answer before the body of the request was read, and close the connection.
    """

    status: int
    body: bytes = b""
    headers: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    early: bool = False


def refusal(status: int, words: str, *, early: bool = False) -> Answer:
    """An answer as Glance words its refusals."""
    body = json.dumps({"message": words, "code": f"{status} Refused", "title": "Refused"}).encode()
    return Answer(status, body, {"Content-Type": "application/json"}, early)


@dataclasses.dataclass(frozen=True)
class CutRequest:
    """Close both connections after so many bytes of the body were passed on; a negative number counts from the end.

    :param status: what the client is answered, as a gateway would; None to close the connection without a word.
    :param linger: for so many seconds the server does not notice that the client's connection is closed.
    """

    after: int
    status: int | None = None
    linger: float = 0.0


@dataclasses.dataclass(frozen=True)
class LoseReply:
    """Let the server act and answer, and keep the answer back.

    :param status: what the client is answered instead; None to close the connection without a word.
    """

    status: int | None = None


@dataclasses.dataclass(frozen=True)
class CutReply:
    """Close the connection after so many bytes of the body of the answer."""

    after: int


@dataclasses.dataclass(frozen=True)
class Delay:
    """Wait before the request is passed on, and before the answer is."""

    request: float = 0.0
    reply: float = 0.0


@dataclasses.dataclass(frozen=True)
class Drop:
    """Close the connection as soon as the head of the request is read."""


@dataclasses.dataclass(frozen=True)
class Refuse:
    """Close the connection, and refuse new ones for some seconds."""

    seconds: float


@dataclasses.dataclass(frozen=True)
class Throttle:
    """Pass the body of the request on at so many bytes a second."""

    rate: int


@dataclasses.dataclass(frozen=True)
class EditRequest:
    """Replace headers of the request on its way to the server; None removes one."""

    headers: t.Mapping[str, str | None]


class Hold:
    """Stop at a point until the test lets go.

    :param after: bytes of the body of the request that are passed on before; None for nothing, not even the head.
    :param reply: stop before the answer instead, when the server has acted.
    :param edit: headers that are replaced when the request goes on, if nothing was passed on before.
    """

    def __init__(
        self, after: int | None = 0, reply: bool = False, edit: t.Mapping[str, str | None] | None = None
    ) -> None:
        self.after = after
        self.reply = reply
        self.edit = edit or {}
        self._reached = threading.Event()
        self._released = threading.Event()
        self._severed = False

    def reached(self) -> None:
        """Wait until a request stands at the point."""
        assert self._reached.wait(PATIENCE), "no request has come to the point of the hold"

    def release(self) -> None:
        """Let the request go on; later ones are not stopped."""
        self._released.set()

    def sever(self) -> None:
        """Close both connections instead, and lose whatever the client has sent already."""
        self._severed = True
        self._released.set()

    def wait(self) -> None:
        """Stand still; for the proxy."""
        self._reached.set()
        # Longer than a test waits for a run: one that only goes on because the hold has ended is one that hangs.
        self._released.wait(2 * PATIENCE)
        if self._severed:
            raise Gone


Act = Answer | CutRequest | LoseReply | CutReply | Delay | Drop | Refuse | Throttle | EditRequest | Hold


@dataclasses.dataclass
class Rule:
    """Which requests meet with which fault.

    :param path: regular expression, searched in path and query.
    :param first: the first request concerned, counted among those that match, from 1.
    :param times: how many of them are concerned; None for all that follow.
    """

    method: str
    path: str
    act: Act
    first: int = 1
    times: int | None = 1
    #: How many requests have matched, and how many of them met with the fault.
    matched: int = 0
    fired: int = 0

    def concerns(self, method: str, path: str) -> bool:
        """Count a request, and tell whether it is to meet with the fault."""
        if method != self.method or not re.search(self.path, path):
            return False
        self.matched += 1
        if self.matched < self.first or (self.times is not None and self.matched >= self.first + self.times):
            return False
        self.fired += 1
        return True


@dataclasses.dataclass
class Seen:
    """A request that came by.

    :param status: what the client was told; None if nothing.
    :param served: what the server has answered; None if nothing.
    """

    method: str
    path: str
    rule: Rule | None
    status: int | None = None
    served: int | None = None
    #: Bytes of the body that were passed on to the server.
    sent: int = 0
    #: Headers of the request, by their names in small letters.
    headers: dict[str, str] = dataclasses.field(default_factory=dict, repr=False)


class CutOff(Exception):
    """The request is to be cut here."""

    def __init__(self, act: CutRequest) -> None:
        super().__init__()
        self.act = act


@dataclasses.dataclass
class Stop:
    """The byte of a request at which a hold or a cut takes effect, if it is to meet with one."""

    act: Act | None = None
    at: int | None = None

    @classmethod
    def of(cls, act: Act | None, length: int) -> Stop:
        if isinstance(act, CutRequest):
            return cls(act, act.after if act.after >= 0 else length + act.after)
        if isinstance(act, Hold) and not act.reply:
            # A request without a body is acted upon as soon as its head is there
            return cls(act, -1 if act.after is None or not length else act.after)
        return cls()

    def room(self, sent: int) -> int:
        """How many bytes may be read next, so that the stop is met to the byte."""
        return BLOCK if self.at is None or sent >= self.at else min(BLOCK, self.at - sent)

    @property
    def comes_first(self) -> bool:
        """Whether it takes effect before anything is passed on."""
        return self.at == -1

    def take_effect(self) -> None:
        """Hold, or raise; once."""
        if self.at is None:
            return
        self.at = None
        if isinstance(self.act, Hold):
            self.act.wait()
        if isinstance(self.act, CutRequest):
            raise CutOff(self.act)
