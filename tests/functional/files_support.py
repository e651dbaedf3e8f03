# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Helpers of the tests of image files: modules as real processes, real images and archives, an HTTP server with faults."""

from __future__ import annotations

import atexit
import bz2
import contextlib
import dataclasses
import functools
import gzip
import hashlib
import http.server
import inspect
import json
import lzma
import os
import random
import re
import subprocess
import sys
import threading
import typing as t
from pathlib import Path

from ansible.module_utils import basic
from patience import PATIENCE

MODULES = "ansible_collections.cloudimage.glance.plugins.modules"
MIB = 1024 * 1024
#: Since ansible-core 2.21 a result has the invocation only where it is asked for (ANSIBLE_INJECT_INVOCATION).
_INJECTS_INVOCATION = "_ansible_inject_invocation" in inspect.getsource(basic)


def start_module(
    name: str, folder: Path, options: dict[str, t.Any], *, check: bool = False, **popen: t.Any
) -> subprocess.Popen[str]:
    """Start a module as Ansible does; its options lie in a file of their own below ``folder``."""
    environment = {**os.environ, "PYTHONPATH": _python_path(), **_cache(folder), **popen.pop("env", {})}
    return subprocess.Popen(
        [sys.executable, "-m", f"{MODULES}.{name}", _arguments(folder, options, check)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        **popen,
    )


def finish_module(process: subprocess.Popen[str]) -> dict[str, t.Any]:
    """The result that a module prints."""
    output, complaints = process.communicate(timeout=PATIENCE)
    return _parsed(output, complaints)


def run_module(
    name: str,
    folder: Path,
    options: dict[str, t.Any],
    *,
    check: bool = False,
    user: int | None = None,
    **popen: t.Any,
) -> dict[str, t.Any]:
    """Run a module to its end; whatever it tells, it is one JSON object and no traceback.

    Without further arguments the process is forked off one that has the imports behind it, which saves half a second.
    """
    if popen:
        result = finish_module(start_module(name, folder, options, check=check, **popen))
    else:
        result = _nursery().run(name, _arguments(folder, options, check), _cache(folder), user)
    assert "Traceback" not in result.get("msg", "")
    return result


def _arguments(folder: Path, options: dict[str, t.Any], check: bool) -> str:
    hidden = {"_ansible_check_mode": check, "_ansible_diff": True, "_ansible_remote_tmp": str(folder / "tmp")}
    if _INJECTS_INVOCATION:
        hidden["_ansible_inject_invocation"] = True
    path = folder / f"arguments-{random.randrange(10**9)}.json"
    path.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": {**hidden, **_plain(options)}}))
    return str(path)


def _cache(folder: Path) -> dict[str, str]:
    return {"XDG_CACHE_HOME": str(folder / "cache")}


def _python_path() -> str:
    return os.pathsep.join(entry for entry in sys.path if entry)


def _parsed(output: str, complaints: str) -> dict[str, t.Any]:
    try:
        result = json.loads(output)
    except ValueError as problem:
        raise AssertionError(f"no result: {output!r} {complaints!r}") from problem
    # Since ansible-core 2.22 the controller takes secrets out.
    secrets = result.pop("_ansible_new_secrets", [])
    text = json.dumps(result)
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(json.dumps(secret)[1:-1], "$REDACTED$")
    return json.loads(text)


#: What a nursery begins with: the imports, and the search for keystoneauth's plugins, which takes as long as a run.
NURSERY_IMPORTS = """
import gc, importlib, json, os, sys, traceback
import ansible.module_utils.urls, concurrent.futures.thread, ctypes, oslo_utils.imageutils.format_inspector
import keystoneauth1.loading, openstack.connection, openstack.image.v2.image
keystoneauth1.loading.get_plugin_loader("password")
gc.freeze()
"""

_NURSERY_CODE = (
    NURSERY_IMPORTS
    + """
for line in sys.stdin:
    order = json.loads(line)
    module = importlib.import_module(order["module"])
    child = os.fork()
    if not child:
        os.environ.update(order["environment"])
        output = [os.open(order["output"] + end, os.O_RDWR | os.O_CREAT, 0o600) for end in ("", ".err")]
        if order["user"]:
            os.setgroups([])
            os.setgid(order["user"])
            os.setuid(order["user"])
        sys.argv = [order["module"], order["arguments"]]
        for number, descriptor in enumerate((os.open(os.devnull, os.O_RDONLY), *output)):
            os.dup2(descriptor, number)
        status = 0
        try:
            module.main()
        except SystemExit as end:
            status = end.code or 0
        except BaseException:
            traceback.print_exc()
            status = 70
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    os.waitpid(child, 0)
    print("done", flush=True)
"""
)


class _Nursery:
    """A process that has done the imports of the modules, and forks off one process for each run."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _NURSERY_CODE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": _python_path()},
        )
        atexit.register(self._end)

    def run(self, name: str, arguments: str, environment: dict[str, str], user: int | None) -> dict[str, t.Any]:
        """Run a module in a process of its own."""
        order = {
            "module": f"{MODULES}.{name}",
            "arguments": arguments,
            "output": arguments + ".out",
            "environment": environment,
            "user": user,
        }
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "done\n"
        output = Path(order["output"])
        return _parsed(output.read_text(), output.with_name(output.name + ".err").read_text())

    def _end(self) -> None:
        self._process.communicate()


@functools.cache
def _nursery() -> _Nursery:
    return _Nursery()


def _plain(options: dict[str, t.Any]) -> dict[str, t.Any]:
    return {name: str(value) if isinstance(value, Path) else value for name, value in options.items()}


def disk_bytes(size: int = 2 * MIB, seed: int = 1) -> bytes:
    """A disk with a partition table: something, then zeros, then something; deterministic."""
    filled = random.Random(seed).randbytes(size // 4)
    partition = b"\0\0\2\0\x83\0\0\0" + (1).to_bytes(4, "little") + (size // 512 - 1).to_bytes(4, "little")
    record = b"disk" + filled[4:446] + partition + bytes(48) + b"\x55\xaa"
    return record + filled[512:] + bytes(size // 2) + filled


def unknown_bytes(size: int = 2 * MIB, seed: int = 1) -> bytes:
    """Bytes in which nothing is to be recognised, as in an encrypted disk; deterministic."""
    return b"disk" + random.Random(seed).randbytes(size - 4)


def qemu_img(*arguments: object) -> None:
    """Run qemu-img."""
    subprocess.run(["qemu-img", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL, timeout=PATIENCE)


def convert(source: Path, target: Path, qemu_format: str, *options: str) -> Path:
    """Make an image in another format out of a raw one."""
    qemu_img("convert", "-f", "raw", "-O", qemu_format, *options, source, target)
    return target


def raw_content(path: Path, qemu_format: str, folder: Path) -> bytes:
    """The disk in an image, as qemu-img reads it."""
    target = folder / f"check-{random.randrange(10**9)}.raw"
    qemu_img("convert", "-f", qemu_format, "-O", "raw", path, target)
    content = target.read_bytes()
    target.unlink()
    return content


def pack(kind: str, content: bytes) -> bytes:
    """Pack in one of the known ways."""
    if kind == "zst":
        import zstandard

        return zstandard.ZstdCompressor(level=1).compress(content)
    return {
        "xz": lambda: lzma.compress(content, preset=0),
        "gz": lambda: gzip.compress(content, 1),
        "bz2": lambda: bz2.compress(content, 1),
    }[kind]()


def sha256(content: bytes) -> str:
    """A digest as it stands in a file of checksums."""
    return hashlib.sha256(content).hexdigest()


@dataclasses.dataclass
class Faults:
    """What goes wrong with an address, in the order of the requests for it.

    :param statuses: answered one after the other; then the file is sent.
    :param cuts: after how many bytes the connection is dropped, one after the other; then the whole is sent.
    :param gate: the second half of the file is not sent before.
    :param headers: sent with the file.
    """

    statuses: list[int] = dataclasses.field(default_factory=list)
    cuts: list[int] = dataclasses.field(default_factory=list)
    ranges: bool = True
    redirect: str | None = None
    login: str | None = None
    bytes_per_second: int | None = None
    gate: threading.Event | None = None
    headers: dict[str, str] = dataclasses.field(default_factory=dict)


class Server(http.server.ThreadingHTTPServer):
    """Serves bytes from memory on loopback, with faults, and remembers the requests."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, Faults] = {}
        self.requests: list[tuple[str, str, dict[str, str]]] = []

    @property
    def url(self) -> str:
        """Address without a slash at its end."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def asked(self, path: str) -> int:
        """How often a path was asked for."""
        return sum(1 for _method, asked, _headers in self.requests if asked == path)

    def handle_error(self, request: t.Any, client_address: t.Any) -> None:
        """A client that goes away is no news."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer with the file, or with what is to go wrong."""
        path = self.path.partition("?")[0]
        self.server.requests.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
        faults = self.server.faults.get(path, Faults())
        if faults.statuses:
            return self._answer(faults.statuses.pop(0), b"fault")
        if faults.redirect:
            return self._answer(302, b"", {"Location": faults.redirect})
        if faults.login and self.headers.get("Authorization") != faults.login:
            return self._answer(401, b"who?", {"WWW-Authenticate": 'Basic realm="x"'})
        if path not in self.server.files:
            return self._answer(404, b"nothing here")
        return self._send_file(self.server.files[path], faults)

    def _send_file(self, content: bytes, faults: Faults) -> None:
        etag = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
        headers = {"ETag": etag, **faults.headers}
        status, begin = 200, 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked and faults.ranges and self.headers.get("If-Range", etag) == etag:
            status, begin = 206, int(asked[1])
            headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        end = min(len(content), begin + faults.cuts.pop(0)) if faults.cuts else len(content)
        self._answer(status, content[begin:end], headers, length=len(content) - begin, faults=faults)
        if end < len(content):
            self.close_connection = True

    def _answer(
        self,
        status: int,
        content: bytes,
        headers: dict[str, str] | None = None,
        length: int | None = None,
        faults: Faults | None = None,
    ) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Length": str(len(content) if length is None else length),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        rate, gate = (faults.bytes_per_second, faults.gate) if faults else (None, None)
        if gate:
            half = len(content) // 2
            self.wfile.write(content[:half])
            gate.wait(PATIENCE)
            content = content[half:]
        step = rate // 20 if rate else len(content) or 1
        for begin in range(0, len(content), step):
            self.wfile.write(content[begin : begin + step])
            if rate:
                threading.Event().wait(0.05)

    def log_message(self, format: str, *arguments: t.Any) -> None:
        """Keep quiet."""


@contextlib.contextmanager
def serving() -> t.Iterator[Server]:
    """A server for the length of a test."""
    server = Server()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
