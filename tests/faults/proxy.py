# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A reverse proxy on loopback that does what networks and servers do on bad days, by rules that are data.

It streams: a body is passed on block by block and never held. Each request gets a connection of its own to the server, so
that cutting one cuts nothing else; connections of clients are kept alive, as those of real servers are. Every wait is bounded.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time

from rules import (
    Act,
    Answer,
    CutOff,
    CutReply,
    CutRequest,
    Delay,
    Drop,
    EditRequest,
    Hold,
    LoseReply,
    Refuse,
    Rule,
    Seen,
    Stop,
    Throttle,
    refusal,
)
from wire import BLOCK, Gone, Head, Side, body, close, connected, drain

__all__ = [
    "Answer",
    "CutReply",
    "CutRequest",
    "Delay",
    "Drop",
    "EditRequest",
    "Hold",
    "LoseReply",
    "Proxy",
    "Refuse",
    "Rule",
    "Seen",
    "Throttle",
    "refusal",
]


class Proxy:
    """Passes requests on to ``upstream``, a host and a port, unless the first rule that concerns them says otherwise."""

    def __init__(self, upstream: tuple[str, int]) -> None:
        self._upstream = upstream
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self.seen: list[Seen] = []
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self._port = 0
        self._closed = False
        self._listen()

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://127.0.0.1:{self._port}"

    def rules(self, *rules: Rule) -> None:
        """Replace the rules, and forget what was seen."""
        with self._lock:
            self._rules = list(rules)
            self.seen.clear()

    def rule(self, method: str, path: str, act: Act, *, first: int = 1, times: int | None = 1) -> Rule:
        """Add a rule behind the others."""
        rule = Rule(method, path, act, first, times)
        with self._lock:
            self._rules.append(rule)
        return rule

    def calls(self, method: str | None = None) -> list[Seen]:
        """The requests that came by, in order."""
        with self._lock:
            return [seen for seen in self.seen if method in (None, seen.method)]

    def close(self) -> None:
        """Stop, and close all connections; what is held is let go."""
        self._closed = True
        with self._lock:
            connections = list(self._open)
            for rule in self._rules:
                if isinstance(rule.act, Hold):
                    rule.act.sever()
        self._refuse()
        for connection in connections:
            close(connection)

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_fault: object) -> None:
        self.close()

    # --- connections

    def _listen(self) -> None:
        listener = socket.create_server(("127.0.0.1", self._port), backlog=64)
        # A client must not be able to send far ahead of what was passed on
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * BLOCK)
        self._port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _refuse(self) -> None:
        if self._listener:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None

    def _refuse_for(self, seconds: float) -> None:
        self._refuse()
        with self._lock:
            idle = list(self._open)
        for connection in idle:
            close(connection)
        time.sleep(seconds)
        if not self._closed:
            self._listen()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _address = listener.accept()
            except OSError:
                return
            with self._lock:
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        client = Side(connection)
        try:
            while self._exchange(client):
                pass
        except (Gone, OSError):
            pass
        finally:
            with self._lock:
                self._open.discard(connection)
            close(connection)

    # --- one request

    def _exchange(self, client: Side) -> bool:
        """Serve one request; whether the connection of the client can be used for another."""
        head = Head.read(client)
        method, path = head.first[0], head.first[1]
        with self._lock:
            rule = next((rule for rule in self._rules if rule.concerns(method, path)), None)
            seen = Seen(method, path, rule, headers={key.lower(): value for key, value in head.fields})
            self.seen.append(seen)
        act = rule.act if rule else None
        if isinstance(act, Drop):
            return False
        if isinstance(act, Refuse):
            self._refuse_for(act.seconds)
            return False
        if isinstance(act, Answer):
            return _answer(client, head, act, seen)
        if isinstance(act, Delay):
            time.sleep(act.request)
        if isinstance(act, EditRequest):
            head.edit(act.headers)
        head.edit({"Connection": "close"})
        stop = Stop.of(act, head.length() or (1 if head.chunked() else 0))
        if stop.comes_first:
            stop.take_effect()
        if isinstance(act, Hold):
            head.edit(act.edit)
        with connected(self._upstream) as server:
            try:
                server.send(head.raw())
                self._pass_request(client, server, head, stop, seen)
            except CutOff as cut:
                if cut.act.linger:
                    client.close()
                    time.sleep(cut.act.linger)
                server.close()
                return _answer(client, head, Answer(cut.act.status, early=True), seen) if cut.act.status else False
            return self._pass_reply(client, server, method, act, seen)

    def _pass_request(self, client: Side, server: Side, head: Head, stop: Stop, seen: Seen) -> None:
        length = head.length() or 0
        started = time.monotonic()
        for framing, payload in body(client, head.chunked(), length, lambda: stop.room(seen.sent)):
            if stop.at is not None and seen.sent >= stop.at:
                stop.take_effect()
            if server.readable():
                # The server does not want the rest
                client.spent = True
                return
            try:
                server.send(framing[0] + payload + framing[1])
            except OSError:
                client.spent = True
                return
            seen.sent += len(payload)
            if seen.rule and isinstance(seen.rule.act, Throttle):
                time.sleep(max(0.0, seen.sent / seen.rule.act.rate - (time.monotonic() - started)))
        stop.take_effect()

    @staticmethod
    def _pass_reply(client: Side, server: Side, method: str, act: Act | None, seen: Seen) -> bool:
        reply = Head.read(server)
        seen.served = int(reply.first[1])
        bodiless = method == "HEAD" or seen.served in (204, 304)
        length = 0 if bodiless else reply.length()
        if isinstance(act, LoseReply):
            for _framing, _payload in body(server, reply.chunked(), length):
                pass
            return _answer(client, None, Answer(act.status), seen) if act.status else False
        if isinstance(act, Hold) and act.reply:
            act.wait()
        if isinstance(act, Delay):
            time.sleep(act.reply)
        whole = length is not None or reply.chunked()
        reply.edit({"Connection": None if whole and not client.spent else "close"})
        seen.status = seen.served
        client.send(reply.raw())
        left = act.after if isinstance(act, CutReply) else None
        for framing, payload in body(server, reply.chunked() and not bodiless, length):
            if left is not None and len(payload) >= left:
                client.send(framing[0] + payload[:left])
                return False
            client.send(framing[0] + payload + framing[1])
            left = left - len(payload) if left is not None else None
        return whole and not client.spent


def _answer(client: Side, head: Head | None, answer: Answer, seen: Seen) -> bool:
    """Answer in place of the server; whether the connection can be used for another request."""
    if head and not answer.early:
        drain(client, head)
    seen.status = answer.status
    length = {} if answer.status == 204 else {"Content-Length": str(len(answer.body))}
    fields = {**length, **answer.headers, **({"Connection": "close"} if answer.early else {})}
    reply = Head(["HTTP/1.1", str(answer.status), "By-Proxy"], list(fields.items()))
    client.send(reply.raw() + answer.body)
    if head and answer.early:
        drain(client, head)
    return not answer.early
