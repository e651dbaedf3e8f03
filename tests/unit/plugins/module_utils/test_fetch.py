# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Downloads: which addresses they take, where redirects lead, which faults are borne."""

from __future__ import annotations

import gzip
import http.client
import socket
import ssl
import typing as t
import urllib.error
import zlib
from email.message import Message

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _fetch, _http
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import (
    FileProblem,
    InvalidOption,
    TransferProblem,
)
from hypothesis import given
from hypothesis import strategies as st

DATA = bytes(range(250)) * 40


class Answer:
    """What open_url returns: a status, headers, and bytes up to a cut."""

    def __init__(self, content: bytes, status: int = 200, cut: int | None = None, **headers: str) -> None:
        self.status, self.reason = status, "reason"
        self.headers = {
            "Content-Length": str(len(content)),
            **{key.replace("_", "-"): text for key, text in headers.items()},
        }
        self._content = content if cut is None else content[:cut]

    def read1(self, size: int) -> bytes:
        part, self._content = self._content[:size], self._content[size:]
        return part

    def close(self) -> None:
        """Nothing to close."""


@pytest.fixture(name="answers")
def _answers(monkeypatch: pytest.MonkeyPatch) -> list[t.Any]:
    """Answers, one for each request, or exceptions to raise; requests are appended to ``answers.asked``."""
    answers: list[t.Any] = []

    def open_url(_address: str, **options: t.Any) -> Answer:
        answer = answers.pop(0)
        if callable(answer):
            answer = answer(options["headers"])
        if isinstance(answer, BaseException):
            raise answer
        return answer

    monkeypatch.setattr("ansible.module_utils.urls.open_url", open_url)
    monkeypatch.setattr(_fetch, "_PAUSES", (0.0, 0.0, 0.0, 0.0))
    return answers


def refusal(status: int, **headers: str) -> urllib.error.HTTPError:
    message = Message()
    for name, text in headers.items():
        message[name] = text
    return urllib.error.HTTPError("http://example.com/a", status, "reason", message, None)


def fetched() -> bytes:
    return b"".join(_fetch.Download("http://kim:hush@example.com/a?token=hush", _fetch.HttpOptions(), "src"))


PASSING = [
    urllib.error.URLError(ConnectionRefusedError(111, "refused")),
    urllib.error.URLError(socket.gaierror(socket.EAI_AGAIN, "try again")),
    ConnectionResetError(104, "reset"),
    http.client.RemoteDisconnected("gone"),
    TimeoutError(),
    refusal(502),
    refusal(503),
    refusal(504),
    refusal(429),
]
LASTING = [
    urllib.error.URLError(socket.gaierror(socket.EAI_NONAME, "unknown")),
    urllib.error.URLError(ssl.SSLCertVerificationError("no")),
    refusal(404),
    refusal(401),
    refusal(500),
    ValueError("unknown url type"),
]


@pytest.mark.parametrize("fault", PASSING, ids=repr)
def test_passing_faults_are_borne_and_end(answers: list[t.Any], fault: Exception) -> None:
    answers += [fault, fault, Answer(DATA)]
    assert fetched() == DATA
    answers += [fault] * 9
    with pytest.raises(TransferProblem, match=r"^src: http://example.com/a .*5 attempts\)\.$"):
        fetched()
    assert len(answers) == 4


@pytest.mark.parametrize("fault", LASTING, ids=repr)
def test_lasting_faults_end_at_once(answers: list[t.Any], fault: Exception) -> None:
    answers += [fault, fault]
    with pytest.raises(TransferProblem, match=r"^src: http://example.com/a ") as problem:
        fetched()
    assert len(answers) == 1 and "hush" not in problem.value.message + str(problem.value.details)


def test_an_early_end_is_told(answers: list[t.Any]) -> None:
    answers += [Answer(DATA, cut=100), *[Answer(DATA, cut=100)] * 9]
    with pytest.raises(TransferProblem, match=f"ended early, after 100 of {len(DATA)} bytes"):
        fetched()


@given(st.lists(st.integers(0, len(DATA)), max_size=4), st.booleans())
def test_the_parts_make_the_whole(cuts: list[int], ranges: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        answers: list[t.Any] = []
        patch.setattr(_fetch, "_PAUSES", (0.0, 0.0, 0.0, 0.0))

        def answer(_address: str, headers: dict[str, str], **_options: t.Any) -> Answer:
            cut = answers.pop(0)
            begin = int(headers.get("Range", "bytes=0-")[6:-1]) if ranges else 0
            if "Range" in headers:
                assert headers["If-Range"] == '"v1"'
            told = {"Content_Range": f"bytes {begin}-{len(DATA) - 1}/{len(DATA)}"} if begin else {}
            return Answer(DATA[begin:], 206 if begin else 200, cut, ETag='"v1"', **told)

        patch.setattr("ansible.module_utils.urls.open_url", answer)
        answers += [*cuts, None]
        assert fetched() == DATA


def test_a_file_that_changes_on_the_server_is_refused(answers: list[t.Any]) -> None:
    answers += [Answer(DATA, cut=100, ETag='"1"'), Answer(DATA, ETag='"2"')]
    with pytest.raises(TransferProblem, match="changed while"):
        fetched()
    answers[:] = [Answer(DATA, cut=100), Answer(DATA[50:], 206, Content_Range=f"bytes 50-{len(DATA) - 1}/{len(DATA)}")]
    with pytest.raises(TransferProblem, match="not asked for"):
        fetched()


def test_small_reads_are_bounded(answers: list[t.Any]) -> None:
    answers += [Answer(DATA), Answer(DATA)]
    assert _fetch.read_small("http://example.com/a", _fetch.HttpOptions(), len(DATA), "checksum") == DATA
    with pytest.raises(TransferProblem, match="larger"):
        _fetch.read_small("http://example.com/a", _fetch.HttpOptions(), len(DATA) - 1, "checksum")


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("ftp://kim:hush@example.com/a", "redirects to ftp://, and only http:// and https:// are followed"),
        ("file:///etc/passwd", "redirects to file://, and only"),
        ("http://[x/", "redirects to something that is no address"),
    ],
)
def test_where_redirects_must_not_lead(answers: list[t.Any], location: str, words: str) -> None:
    answers += [refusal(302, Location=location), Answer(DATA)]
    with pytest.raises(TransferProblem, match=f"^src: http://example.com/a {words}") as problem:
        fetched()
    assert len(answers) == 1 and "hush" not in problem.value.message


def sent_along(monkeypatch: pytest.MonkeyPatch, address: str, *locations: str) -> list[tuple[str, bool]]:
    """The addresses that a download asks for, and whether credentials are sent there: login, headers and netrc, or none."""
    steps: list[t.Any] = [*(refusal(302, Location=location) for location in locations), Answer(DATA)]
    asked: list[tuple[str, bool]] = []

    def open_url(address: str, **options: t.Any) -> Answer:
        login = (
            options["url_username"],
            options["url_password"],
            options["headers"].get("X-Token"),
            options["use_netrc"],
        )
        assert login in {("kim", "hush", "t", True), (None, None, None, False)}
        asked.append((address, options["use_netrc"]))
        step = steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    monkeypatch.setattr("ansible.module_utils.urls.open_url", open_url)
    options = _fetch.HttpOptions(headers={"X-Token": "t"})
    assert b"".join(_fetch.Download(address, options, "src")) == DATA
    return asked


@pytest.mark.parametrize(
    ("address", "location", "asked"),
    [
        ("http://kim:hush@example.com/a", "/b c", "http://example.com/b%20c"),
        ("http://kim:hush@example.com/a", "http://EXAMPLE.com/b", "http://EXAMPLE.com/b"),
        ("http://kim:hush@example.com/a", "HTTP://example.com:80/b?c=d#e", "http://example.com:80/b?c=d#e"),
        ("https://kim:hush@example.com:443/a", "//example.com/b", "https://example.com/b"),
        ("https://kim:hush@example.com/a", "https://example.com:443/b", "https://example.com:443/b"),
        ("http://kim:hush@b\u00fccher.example/a", "http://xn--bcher-kva.example/b", "http://xn--bcher-kva.example/b"),
        ("http://kim:hush@[::1]:8080/a", "http://[::1]:8080/b", "http://[::1]:8080/b"),
    ],
)
def test_credentials_stay_on_scheme_host_and_port(
    monkeypatch: pytest.MonkeyPatch, address: str, location: str, asked: str
) -> None:
    assert sent_along(monkeypatch, address, location, location)[1:] == [(asked, True)] * 2


@pytest.mark.parametrize(
    "location",
    [
        "https://example.com/b",
        "http://example.com:8080/b",
        "http://example.com.evil.example/b",
        "http://example.comm/b",
        "http://www.example.com/b",
        "//other/b",
        "HTTPS://other/d?e=%2F",
        "http://example.com@other/b",
    ],
)
def test_credentials_never_go_elsewhere_nor_come_back(monkeypatch: pytest.MonkeyPatch, location: str) -> None:
    back = "http://example.com/c"
    asked = sent_along(monkeypatch, "http://kim:hush@example.com/a", "/b", location, back)
    assert [is_sent for _address, is_sent in asked] == [True, True, False, False]
    assert asked[-1][0] == back


def test_the_next_attempt_has_the_credentials_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_fetch, "_PAUSES", (0.0,))
    steps: list[t.Any] = [refusal(302, Location="http://other/a"), refusal(503), Answer(DATA)]
    sent = []

    def open_url(_address: str, **options: t.Any) -> Answer:
        sent.append(options["url_username"])
        step = steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    monkeypatch.setattr("ansible.module_utils.urls.open_url", open_url)
    assert fetched() == DATA and sent == ["kim", None, "kim"]


def test_redirects_come_to_an_end(answers: list[t.Any]) -> None:
    answers += [refusal(302, Location="/a")] * 20
    with pytest.raises(TransferProblem, match="redirects more than 10 times"):
        fetched()
    assert len(answers) == 9
    answers[:] = [refusal(302), Answer(DATA)]
    with pytest.raises(TransferProblem, match="answered 302 reason"):
        fetched()


def test_no_way_down_from_https_for_checksums(answers: list[t.Any]) -> None:
    down = refusal(302, Location="http://example.com/a")
    answers += [down, Answer(DATA)]
    with pytest.raises(TransferProblem, match="redirects from https:// to http://, which is not followed"):
        _fetch.read_small("https://example.com/a", _fetch.HttpOptions(), 10**6, "checksum")
    assert len(answers) == 1
    answers[:] = [down, Answer(DATA)]
    assert b"".join(_fetch.Download("https://example.com/a", _fetch.HttpOptions(), "src")) == DATA


def test_which_sources_are_local() -> None:
    assert _fetch.local_path("/a", "src") == "/a"
    assert _fetch.local_path("file:///a%20b", "src") == _fetch.local_path("file://localhost/a%20b", "src") == "/a b"
    assert _fetch.local_path("HTTP://h/a", "src") is None
    for source in ("ftp://h/a", "file://host/a", "http:///a", "http://h:x/a", "nbd://h"):
        with pytest.raises(InvalidOption, match=r"^src: "):
            _fetch.local_path(source, "src")
    with pytest.raises(InvalidOption, match="write characters such as / and # in a user or password") as problem:
        _fetch.local_path("http://kim:hush/word@h/a", "src")
    assert "hush" not in problem.value.message


@pytest.mark.parametrize(
    ("header", "encoded"),
    [
        ("gzip", gzip.compress(DATA)),
        ("x-gzip", gzip.compress(DATA)),
        (" GZIP ", gzip.compress(DATA[:100]) + gzip.compress(DATA[100:])),
        ("deflate", zlib.compress(DATA)),
        ("deflate", zlib.compress(DATA)[2:-4]),
        ("deflate, gzip", gzip.compress(zlib.compress(DATA))),
        ("identity", DATA),
        ("utf-8", DATA),
        ("aws-chunked", DATA),
        ("", DATA),
    ],
)
@pytest.mark.parametrize("cuts", [(), (50,), (10, 40)])
def test_what_the_server_did_to_the_file_is_undone(
    answers: list[t.Any], header: str, encoded: bytes, cuts: tuple[int, ...]
) -> None:
    begin = 0
    for cut in cuts:
        answers.append(partial(encoded, begin, begin + cut, header))
        begin += cut
    answers.append(partial(encoded, begin, len(encoded), header))
    assert fetched() == DATA


def partial(content: bytes, begin: int, end: int, encoding: str) -> Answer:
    """An answer with a part of a file, as it is encoded."""
    answer = Answer(content[begin:], 206 if begin else 200, cut=end - begin, Content_Encoding=encoding)
    answer.headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
    return answer


@pytest.mark.parametrize(
    ("name", "header", "is_undone"),
    [
        ("disk.raw", "gzip", True),
        ("disk.raw.GZ", "gzip", False),
        ("disk.tgz?token=.x", "x-gzip", False),
        ("disk?name=disk.gz", "gzip", True),
        ("disk.raw.xz", "gzip", True),
        ("disk.raw.gz", "gzip, gzip", True),
    ],
)
def test_a_packed_file_that_is_served_as_an_encoding_stays_packed(
    answers: list[t.Any], name: str, header: str, is_undone: bool
) -> None:
    packed = gzip.compress(DATA)
    sent = gzip.compress(packed) if header == "gzip, gzip" else packed
    answers.append(Answer(sent, Content_Encoding=header))
    content = b"".join(_fetch.Download(f"http://example.com/{name}", _fetch.HttpOptions(), "src"))
    assert content == (packed if header == "gzip, gzip" or not is_undone else DATA)


@pytest.mark.parametrize("header", ["br", "compress", "gzip, br"])
def test_an_encoding_that_cannot_be_undone_is_named(answers: list[t.Any], header: str) -> None:
    answers.append(Answer(DATA, Content_Encoding=header))
    with pytest.raises(
        TransferProblem, match=r"^src: http://example.com/a came with the Content-Encoding (br|compress), which"
    ):
        fetched()


@pytest.mark.parametrize("header", ["gzip", "deflate"])
@pytest.mark.parametrize("length", [1, 20, -5])
def test_a_damaged_encoding_is_told(answers: list[t.Any], header: str, length: int) -> None:
    content = gzip.compress(DATA) if header == "gzip" else zlib.compress(DATA)
    answers.append(Answer(content[:length], Content_Encoding=header))
    with pytest.raises(FileProblem, match=r"http://example.com/a "):
        fetched()


def test_an_encoding_that_comes_and_goes_is_another_file(answers: list[t.Any]) -> None:
    packed = gzip.compress(DATA)
    answers += [Answer(packed, cut=50, Content_Encoding="gzip"), partial(packed, 50, len(packed), "")]
    with pytest.raises(TransferProblem, match="changed while it was being downloaded"):
        fetched()


def test_the_limit_of_a_small_file_is_for_what_is_in_it(answers: list[t.Any]) -> None:
    answers.append(Answer(gzip.compress(bytes(10**7)), Content_Encoding="gzip"))
    with pytest.raises(TransferProblem, match="larger than 1000000 bytes"):
        _fetch.read_small("http://example.com/a", _fetch.HttpOptions(), 10**6, "checksum")


def test_a_slow_connection_is_borne_and_one_that_trickles_is_not() -> None:
    pace = _fetch._Pace(30)
    for _second in range(60):
        pace.require(2000, 1.0)
    pace.require(10, 29.0)
    pace.require(40_000, 1.0)
    pace.require(0, 40.0)
    with pytest.raises(_http.PassingFault, match="next to nothing, 300 bytes in 30 seconds"):
        for _second in range(30):
            pace.require(10, 1.0)
