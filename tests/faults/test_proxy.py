# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fault-injecting proxy itself, in front of a small server that remembers what reached it."""

from __future__ import annotations

import concurrent.futures
import http.server
import socket
import threading
import time
import types
import typing as t

import proxy as p
import pytest
import requests
from patience import PATIENCE

MIB = 1024 * 1024
#: What a client makes of a connection that breaks.
BROKEN = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)


class Upstream(http.server.ThreadingHTTPServer):
    """Counts bytes of bodies, and whether they came whole."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        #: Method, path, bytes of the body and the headers of each request, once its body has come to an end.
        self.served: list[tuple[str, str, int, dict[str, str]]] = []
        self.ended = threading.Event()
        self.connected = 0

    def process_request(self, request: t.Any, client_address: t.Any) -> None:
        self.connected += 1
        super().process_request(request, client_address)

    def handle_error(self, request: t.Any, client_address: t.Any) -> None:
        """A client that goes away is no news."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Upstream
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._reply(b"0123456789" * 10)

    def do_PUT(self) -> None:
        size = self._read_chunks() if "chunked" in self.headers.get("Transfer-Encoding", "") else self._read_length()
        self.server.served.append((self.command, self.path, size, dict(self.headers)))
        self.server.ended.set()
        if size == int(self.headers.get("Content-Length", size)):
            self._reply(str(size).encode())

    def do_POST(self) -> None:
        """Refuses without reading the body."""
        self.close_connection = True
        self.send_response(413)
        self.send_header("Content-Length", "4")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"full")

    def _read_length(self) -> int:
        left = wanted = int(self.headers.get("Content-Length", 0))
        while left and (data := self.rfile.read1(min(left, 65536))):
            left -= len(data)
        return wanted - left

    def _read_chunks(self) -> int:
        total = 0
        while size := int(self.rfile.readline(), 16):
            self.rfile.read(size + 2)
            total += size
        self.rfile.readline()
        return total

    def _reply(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: t.Any) -> None:
        """Keep quiet."""


@pytest.fixture
def upstream() -> t.Iterator[Upstream]:
    with Upstream() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def proxy(upstream: Upstream) -> t.Iterator[p.Proxy]:
    with p.Proxy(("127.0.0.1", upstream.server_address[1])) as proxy:
        yield proxy


def get(proxy: p.Proxy, path: str = "/a") -> requests.Response:
    return requests.get(proxy.url + path, timeout=PATIENCE)


def put(proxy: p.Proxy, data: t.Any, path: str = "/a") -> requests.Response:
    return requests.put(proxy.url + path, data=data, timeout=PATIENCE)


def test_without_rules_everything_passes(proxy, upstream):
    with requests.Session() as session:
        for size in (0, 1, MIB):
            assert session.put(f"{proxy.url}/x?y=z", data=bytes(size), timeout=PATIENCE).text == str(size)
        assert session.get(f"{proxy.url}/g", timeout=PATIENCE).content == b"0123456789" * 10
    assert [(seen.method, seen.path, seen.status, seen.served, seen.sent) for seen in proxy.calls("PUT")] == [
        ("PUT", "/x?y=z", 200, 200, size) for size in (0, 1, MIB)
    ]
    assert [served[2] for served in upstream.served] == [0, 1, MIB]


def test_chunked_bodies_pass(proxy, upstream):
    assert put(proxy, iter([b"a" * 10, b"b" * 100_000])).text == "100010"
    assert proxy.calls()[0].sent == upstream.served[0][2] == 100_010


def test_connections_of_clients_stay_open(proxy):
    with requests.Session() as session:
        proxy.rule("GET", "/second", p.Answer(503))
        for path, status in (("/first", 200), ("/second", 503), ("/third", 200)):
            assert session.get(proxy.url + path, timeout=PATIENCE).status_code == status
        (pool,) = session.get_adapter(proxy.url).poolmanager.pools._container.values()
        assert pool.num_connections == 1


def test_answers_the_kth_match_only(proxy):
    rule = proxy.rule("GET", r"^/a\?", p.Answer(503, b"away", {"Retry-After": "1"}), first=2, times=2)
    answers = [get(proxy, path) for path in ("/a?1", "/b", "/a?2", "/a?3", "/a?4")]
    assert [answer.status_code for answer in answers] == [200, 200, 503, 503, 200]
    assert (answers[2].text, answers[2].headers["Retry-After"]) == ("away", "1")
    assert (rule.matched, rule.fired) == (4, 2)
    assert [seen.rule is rule for seen in proxy.calls()] == [False, False, True, True, False]


def test_rules_come_in_turn_and_can_last(proxy):
    for status in (502, 504):
        proxy.rule("GET", "/", p.Answer(status))
    proxy.rule("GET", "/", p.Answer(500), times=None)
    assert [get(proxy).status_code for each in range(5)] == [502, 504, 500, 500, 500]
    proxy.rules()
    assert get(proxy).status_code == 200 and len(proxy.calls()) == 1


@pytest.mark.parametrize("early", [True, False], ids=["before the body", "after the body"])
def test_answer_to_a_body(proxy, upstream, early):
    proxy.rule("PUT", "/", p.Answer(401, b"who?", early=early))
    assert put(proxy, bytes(8 * MIB)).text == "who?"
    assert not upstream.served
    assert put(proxy, b"again").text == "5"


@pytest.mark.parametrize("after", [0, 1, 100_000, -1])
@pytest.mark.parametrize("status", [None, 502], ids=["silent", "gateway"])
def test_cut_request(proxy, upstream, after, status):
    proxy.rule("PUT", "/", p.CutRequest(after, status))
    if status:
        assert put(proxy, bytes(300_000)).status_code == status
    else:
        with pytest.raises(BROKEN):
            put(proxy, bytes(300_000))
    assert upstream.ended.wait(PATIENCE)
    assert proxy.calls()[0].sent == upstream.served[0][2] == after % 300_000
    assert put(proxy, bytes(300_000)).text == "300000"


def test_cut_of_a_chunked_request(proxy, upstream):
    proxy.rule("PUT", "/", p.CutRequest(100_000))
    with pytest.raises(BROKEN):
        put(proxy, iter([bytes(300_000)]))
    assert proxy.calls()[0].sent == 100_000


@pytest.mark.parametrize("status", [None, 504], ids=["silent", "gateway"])
def test_lost_reply(proxy, upstream, status):
    proxy.rule("PUT", "/", p.LoseReply(status))
    if status:
        assert put(proxy, b"data").status_code == status
    else:
        with pytest.raises(BROKEN):
            put(proxy, b"data")
    (seen,) = proxy.calls()
    assert (seen.served, seen.status) == (200, status) and upstream.served[0][2] == 4


def test_cut_reply(proxy):
    proxy.rule("GET", "/", p.CutReply(17))
    with requests.get(proxy.url, stream=True, timeout=PATIENCE) as answer:
        assert answer.raw.read(17) == b"01234567890123456"
        with pytest.raises(Exception, match=r"IncompleteRead|broken"):
            answer.raw.read(1)
    assert len(get(proxy).content) == 100


def test_drop(proxy, upstream):
    proxy.rule("PUT", "/", p.Drop())
    with pytest.raises(BROKEN):
        put(proxy, b"data")
    assert not upstream.served
    assert put(proxy, b"data").ok


def test_refuse(proxy, monkeypatch):
    over, address = threading.Event(), ("127.0.0.1", int(proxy.url.rpartition(":")[2]))
    monkeypatch.setattr(
        p, "time", types.SimpleNamespace(monotonic=time.monotonic, sleep=lambda _seconds: over.wait(PATIENCE))
    )
    proxy.rule("GET", "/", p.Refuse(0.5))
    with pytest.raises(BROKEN):
        get(proxy)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=PATIENCE)
    over.set()
    while True:
        try:
            socket.create_connection(address, timeout=PATIENCE).close()
            break
        except ConnectionRefusedError:
            threading.Event().wait(0.05)
    assert get(proxy).ok


@pytest.mark.parametrize("act", [p.Delay(request=0.05), p.Delay(reply=0.05), p.Throttle(MIB)], ids=str)
def test_slow_ways_lose_nothing(proxy, act):
    proxy.rule("PUT", "/", act)
    assert put(proxy, bytes(100_000)).text == "100000"


def test_edit_request(proxy, upstream):
    proxy.rule("PUT", "/", p.EditRequest({"X-One": "2", "x-two": None}))
    requests.put(proxy.url, data=b"data", headers={"x-one": "1", "X-Two": "2"}, timeout=PATIENCE)
    headers = upstream.served[0][3]
    assert headers["X-One"] == "2" and "X-Two" not in headers


def test_early_answer_of_the_server_arrives(proxy):
    assert requests.post(proxy.url, data=bytes(8 * MIB), timeout=PATIENCE).text == "full"


class _Counted:
    """A large body that knows how much of it was taken."""

    def __init__(self, size: int) -> None:
        self.taken = 0
        self._size = size

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> t.Iterator[bytes]:
        while self.taken < self._size:
            self.taken += 65536
            yield bytes(65536)


def test_hold_in_the_body_and_memory_stays_flat(proxy, upstream):
    body, hold = _Counted(64 * MIB), p.Hold(after=MIB)
    proxy.rule("PUT", "/", hold)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        answer = pool.submit(put, proxy, body)
        hold.reached()
        threading.Event().wait(0.3)
        assert proxy.calls()[0].sent == MIB and not upstream.served
        assert body.taken < 16 * MIB, "the rest waits at the client, beside what the kernel holds"
        hold.release()
        assert answer.result().text == str(64 * MIB)
    assert put(proxy, b"next").ok


@pytest.mark.parametrize(("method", "after"), [("PUT", None), ("GET", 0)], ids=["before the head", "without a body"])
def test_hold_before_the_server_knows(proxy, upstream, method, after):
    hold = p.Hold(after)
    proxy.rule(method, "/", hold)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        answer = pool.submit(requests.request, method, proxy.url, timeout=PATIENCE)
        hold.reached()
        threading.Event().wait(0.1)
        assert not upstream.connected
        hold.release()
        assert answer.result().ok


@pytest.mark.parametrize("hold", [p.Hold(), p.Hold(after=100_000), p.Hold(reply=True)], ids=["head", "body", "reply"])
def test_hold_that_is_severed(proxy, upstream, hold):
    proxy.rule("PUT", "/", hold)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        answer = pool.submit(put, proxy, bytes(200_000))
        hold.reached()
        assert bool(upstream.served) == hold.reply
        hold.sever()
        with pytest.raises(BROKEN):
            answer.result()
    assert upstream.ended.wait(PATIENCE)
    assert upstream.served[0][2] == (200_000 if hold.reply else hold.after)
