# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sources of image_file on real servers: redirects, encodings, files of checksums, servers that keep silent."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import json
import socket
import threading
import typing as t
from pathlib import Path

import files_support as support
import pytest
from cloud_support import Project
from files_support import Faults


def run(folder: Path, *, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
    """Run image_file."""
    return support.run_module("image_file", folder, {"path": folder / "out/image", **options}, check=check)


def test_a_login_stays_on_the_server_that_it_is_for(folder: Path, server: support.Server) -> None:
    """As Nexus, Artifactory and GitLab redirect, to a path and to an address."""
    login = "Basic " + base64.b64encode(b"kim:s3cret-word").decode()
    headers = {"PRIVATE-TOKEN": "hu5h-token", "Cookie": "session=hu5h"}
    disk = support.disk_bytes()
    server.files = {"/store/disk.raw": disk, "/store/SUMS": f"{support.sha256(disk)}  disk.raw\n".encode()}
    server.faults = {
        "/disk.raw": Faults(redirect="/moved/disk.raw"),
        "/moved/disk.raw": Faults(redirect=f"{server.url}/store/disk.raw"),
        "/store/disk.raw": Faults(login=login),
        "/SUMS": Faults(redirect=f"{server.url}/store/SUMS"),
        "/store/SUMS": Faults(login=login),
    }
    options = {"src": f"{server.url}/disk.raw", "checksum": f"{server.url}/SUMS", "headers": headers}
    done = run(folder, **options, url_username="kim", url_password="s3cret-word")
    assert done["changed"], done
    for _method, path, sent in server.requests:
        assert (sent["private-token"], sent["cookie"]) == ("hu5h-token", "session=hu5h"), path
    assert "hu5h" not in json.dumps(done) and "s3cret" not in json.dumps(done)


def test_an_encoding_that_nobody_asked_for_is_undone(folder: Path, server: support.Server) -> None:
    disk = support.disk_bytes()
    sums = f"{support.sha256(disk)}  disk.raw\n{support.sha256(gzip.compress(disk, mtime=0))}  disk.raw.gz\n".encode()
    server.files = {
        "/disk.raw": gzip.compress(disk),
        "/disk.raw.gz": gzip.compress(disk, mtime=0),
        "/SUMS": gzip.compress(sums),
    }
    encoded = {"Content-Encoding": "gzip"}
    server.faults = {
        "/disk.raw": Faults(headers=encoded, cuts=[100_000]),
        "/disk.raw.gz": Faults(headers=encoded),
        "/SUMS": Faults(headers=encoded),
    }
    for name, unpack, content in (
        ("disk.raw", False, disk),
        ("disk.raw.gz", False, server.files["/disk.raw.gz"]),
        ("disk.raw.gz", True, disk),
    ):
        done = run(folder, src=f"{server.url}/{name}", checksum=f"{server.url}/SUMS", unpack=unpack)
        assert done["changed"], done
        assert (folder / "out/image").read_bytes() == content
    asked = [headers.get("range") for _method, path, headers in server.requests if path == "/disk.raw"]
    assert asked == [None, "bytes=100000-"]


def test_files_of_checksums_as_distributions_publish_them(folder: Path, server: support.Server) -> None:
    disk, other = support.disk_bytes(), support.disk_bytes(seed=2)
    digest, wrong = support.sha256(disk), support.sha256(other)
    server.files = {
        "/Leap.qcow2": disk,
        "/Leap.qcow2.sha256": f"{digest}  Leap-Build1.2.qcow2\n".encode(),
        "/13/arm64/disk.raw": disk,
        "/13/SHA256SUMS": f"{wrong} *amd64/disk.raw\n{digest} *arm64/disk.raw\n".encode(),
        "/win/disk.raw": disk,
        "/win/SUMS": f"{wrong} *.\\other.raw\r\n{digest} *.\\disk.raw\r\n".encode("utf-16"),
    }
    for source, sums in (
        ("Leap.qcow2", "Leap.qcow2.sha256"),
        ("13/arm64/disk.raw", "13/SHA256SUMS"),
        ("win/disk.raw", "win/SUMS"),
    ):
        done = run(folder, src=f"{server.url}/{source}", checksum=f"sha256:{server.url}/{sums}")
        assert (folder / "out/image").read_bytes() == disk, done
    sums = {"src": f"{server.url}/elsewhere/disk.raw", "checksum": f"{server.url}/13/SHA256SUMS"}
    failed = run(folder, **sums, check=True)
    assert (
        failed["reason"] == "checksum_mismatch"
        and "amd64/disk.raw: " in failed["msg"]
        and "arm64/disk.raw: " in failed["msg"]
    )


@pytest.mark.parametrize("module", ["image", "images"])
def test_blanks_and_umlauts_in_an_address_that_glance_fetches_from(
    member: Project, succeed: t.Callable[..., dict[str, t.Any]], name: str, server: support.Server, module: str
) -> None:
    disk = support.disk_bytes()
    path = "/B%C3%A4r%20disk.raw"
    server.files = {path: disk, "/SUMS": f"{support.sha256(disk)}  Bär disk.raw\n".encode()}
    entry = {"name": name, "uri": f"{server.url}/Bär disk.raw?für=a b", "disk_format": "raw"}
    others = [{}, {"uri": f"{server.url}{path}?f%C3%BCr=a%20b"}, {"checksum": f"{server.url}/SUMS"}]
    changed = []
    for other in others:
        options = entry | other
        changed.append(succeed(module, **(options if module == "image" else {"images": [options]}))["changed"])
    assert changed == [True, False, True], "the same address in another spelling is no change; a checksum is one, once"
    image = member.only(name)
    assert image["status"] == "active" and member.sha512(image["id"]) == hashlib.sha512(disk).hexdigest()
    assert {asked for _method, asked, _headers in server.requests} == {f"{path}?f%C3%BCr=a%20b", "/SUMS"}


# Servers that do not end what they began. The timeout is short; nothing here measures time.


@contextlib.contextmanager
def silent(first: bytes = b"", then: bytes = b"", every: float = 0.05) -> t.Iterator[tuple[str, list[socket.socket]]]:
    """A server that takes connections and sends ``first``, then ``then`` for ever."""
    accepted: list[socket.socket] = []
    over = threading.Event()

    def serve(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(first)
            while then and not over.wait(every):
                connection.sendall(then)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _peer = listener.accept()
                accepted.append(connection)
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", accepted
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
    for connection in accepted:
        connection.close()


@contextlib.contextmanager
def black_hole() -> t.Iterator[tuple[str, list[socket.socket]]]:
    """An address at which no connection comes about: the queue of a socket that nobody accepts from is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _number in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", []


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
STALLS: dict[str, t.Callable[[], t.ContextManager[tuple[str, list[socket.socket]]]]] = {
    "no answer": silent,
    "an endless head": lambda: silent(b"HTTP/1.1 200 OK\r\nX-A: ", b"a"),
    "no content": lambda: silent(HEAD),
    "byte by byte": lambda: silent(HEAD, b"\n"),
    "no connection": black_hole,
}


def stalled(folder: Path, **options: t.Any) -> dict[str, tuple[str, int, dict[str, t.Any]]]:
    """Run image_file once for each kind of stall, all at a time: the address, how many connections there were, the result.

    :param options: ``{url}`` in them is the address.
    """
    with contextlib.ExitStack() as stack:
        servers = {kind: stack.enter_context(stall()) for kind, stall in STALLS.items()}
        processes = {}
        for kind, (url, _accepted) in servers.items():
            told = {key: value.format(url=url) if isinstance(value, str) else value for key, value in options.items()}
            target = {"path": folder / "out" / kind, "timeout": 1}
            processes[kind] = support.start_module("image_file", folder, target | told)
        results = {kind: support.finish_module(process) for kind, process in processes.items()}
        return {kind: (url, len(accepted), results[kind]) for kind, (url, accepted) in servers.items()}


def test_a_server_of_checksums_that_stalls_is_given_up(folder: Path) -> None:
    for kind, (url, _count, failed) in stalled(folder, src="{url}/disk.raw", checksum="{url}/SUMS").items():
        assert failed["reason"] == "transfer_problem", kind
        told = f"checksum: {url}/SUMS could not be read within 2 seconds (twice the timeout)."
        assert failed["msg"] == told, kind


def test_a_source_that_stalls_is_given_up(folder: Path) -> None:
    for kind, (_url, count, failed) in stalled(folder, src="{url}/disk.raw", checksum="0" * 64).items():
        assert failed["reason"] == "transfer_problem" and "(after 5 attempts)" in failed["msg"], (kind, failed)
        assert count == (0 if kind == "no connection" else 5), kind
    assert list((folder / "out").iterdir()) == []


def test_credentials_of_a_source_do_not_go_to_another_server_of_checksums(folder: Path, server: support.Server) -> None:
    disk = support.disk_bytes()
    server.files = {"/disk.raw": disk, "/SUMS": f"{support.sha256(disk)}  disk.raw\n".encode()}
    other = server.url.replace("127.0.0.1", "localhost")
    assert other != server.url
    credentials = {"headers": {"PRIVATE-TOKEN": "hu5h-hu5h"}, "url_username": "kim", "url_password": "s3cret-s3cret"}

    def sent(sums: str, src: str) -> list[bool]:
        server.requests.clear()
        done = run(folder, src=src, checksum=sums, **credentials)
        assert (folder / "out/image").read_bytes() == disk, done
        return [
            "private-token" in headers and "authorization" in headers
            for _method, path, headers in server.requests
            if path == "/SUMS"
        ]

    assert sent(f"{server.url}/SUMS", f"{server.url}/disk.raw") == [True]
    assert sent(f"{other}/SUMS", f"{server.url}/disk.raw") == [False]
    (folder / "disk.raw").write_bytes(disk)
    assert sent(f"{other}/SUMS", str(folder / "disk.raw")) == [True]
