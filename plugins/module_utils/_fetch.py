# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Bytes from http and https addresses: bounded, retried where a fault passes, resumed where the server can.

Credentials come from options, from the address itself or from a netrc file. They are never put into a message or a
result (:func:`public_address`), and never sent on to another address by a redirect.
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import re
import socket
import ssl
import time
import typing as t
import urllib.error
import urllib.parse

from . import _address
from ._errors import InvalidOption, TransferProblem

#: How much is read at a time; a short read is handed on as it comes.
_BLOCK_SIZE = 256 * 1024

#: Faults in a row that are borne, and the pauses before the next attempt, in seconds.
_PAUSES = (0.3, 1.0, 2.0, 4.0)

#: An attempt that brought this much gives the download all its patience back.
_PROGRESS = 8 * 1024 * 1024

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 10
_PASSING_STATUS = frozenset({408, 429, 502, 503, 504})
_LONGEST_PAUSE = 15.0


@dataclasses.dataclass(frozen=True)
class HttpOptions:
    """How to speak to HTTP servers; the defaults are those of the module options of the same names.

    :param timeout: seconds without a byte after which a connection counts as broken.
    """

    timeout: int = 30
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    url_username: str | None = None
    url_password: str | None = None
    validate_certs: bool = True
    ca_path: str | None = None


def local_path(source: str, option: str) -> str | None:
    """The path that a source names, itself or as a file:// address; None for http and https.

    :raises InvalidOption: for other schemes, and addresses that cannot be taken apart.
    """
    if not _address.is_url(source):
        return source
    try:
        parts = urllib.parse.urlsplit(source)
        host, _port = parts.hostname, parts.port
    except ValueError as problem:
        # What Python says of it may quote a part of a password.
        raise InvalidOption(
            f"{option}: this is no valid address: its host or port cannot be read; write characters such as / and # in a user "
            "or password as %2F and %23."
        ) from problem
    scheme = parts.scheme.lower()
    if scheme == "file":
        if host not in (None, "localhost"):
            raise InvalidOption(f"{option}: a file:// address with a host ({host}) cannot be opened here.")
        return urllib.parse.unquote(parts.path)
    if scheme not in ("http", "https"):
        raise InvalidOption(f"{option}: {scheme}:// is not supported; give a path or a file, http or https address.")
    if not host:
        raise InvalidOption(f"{option}: the address {_address.public_address(source)} has no host.")
    return None


def read_small(address: str, options: HttpOptions, limit: int, option: str) -> bytes:
    """The whole content behind an http or https address, at most ``limit`` bytes.

    :raises TransferProblem: if it cannot be had, or is larger, or an https address redirects to http.
    """
    with contextlib.closing(Download(address, options, option, keep_https=True)) as download:
        content = bytearray()
        for block in download:
            content += block
            if len(content) > limit:
                raise TransferProblem(f"{option}: {download.name} is larger than {limit} bytes.")
    return bytes(content)


class Download:
    """The bytes behind an http or https address, as one stream over as many connections as it takes.

    Iterate once. A passing fault (a refused or dropped connection, an early end, 502, 503, 504) is retried a few
    times, and the download goes on where it broke off if the server can do that; else the bytes that are already
    here are skipped.
    """

    def __init__(self, address: str, options: HttpOptions, option: str, *, keep_https: bool = False) -> None:
        self._address, login = _address.without_login(address)
        self._login = (options.url_username, options.url_password) if options.url_username or not login[0] else login
        self._options = options
        self._option = option
        self._keep_https = keep_https
        self._response: t.Any = None
        self._validator: str | None = None
        #: The address as it may be shown.
        self.name = _address.public_address(address)
        #: Bytes received so far.
        self.received = 0
        #: Bytes in all; known after the first block, None if the server does not tell.
        self.length: int | None = None

    def __iter__(self) -> t.Iterator[bytes]:
        faults = 0
        while True:
            begun_at = self.received
            try:
                self._connect()
                yield from self._read()
                return
            except _PassingFault as fault:
                faults = 0 if self.received - begun_at >= _PROGRESS else faults
                if faults == len(_PAUSES):
                    raise self._problem(f"{fault} (after {faults + 1} attempts)") from fault
                time.sleep(max(_PAUSES[faults], fault.pause))
                faults += 1
            finally:
                self._disconnect()

    def close(self) -> None:
        """Give up the connection."""
        self._disconnect()

    def _connect(self) -> None:
        """Ask for what is missing, and get to the first missing byte."""
        response = self._response = self._request()
        if response.status == 206:
            self._check_range(response.headers.get("Content-Range", ""))
            return
        if response.status != 200:
            raise self._problem(f"answered {response.status} {response.reason}")
        length = _natural(response.headers.get("Content-Length"))
        validator = _validator(response.headers)
        if self.received:
            if (length, validator) != (self.length, self._validator):
                raise self._problem("changed while it was being downloaded")
            self._skip(self.received)
        self.length, self._validator = length, validator

    def _request(self) -> t.Any:
        """The answer to the request for what is missing, behind as many redirects as it takes."""
        address = self._address
        for redirects in range(_MOST_REDIRECTS + 1):
            try:
                return self._open(address, redirected=redirects > 0)
            except urllib.error.HTTPError as answer:
                with contextlib.closing(answer):
                    if answer.code not in _REDIRECTS or not answer.headers.get("Location"):
                        self._refuse(answer)
                    address = self._redirected(address, answer.headers["Location"])
            except Exception as problem:  # open_url raises whatever its layers raise
                self._refuse_connection(problem)
        raise self._problem(f"redirects more than {_MOST_REDIRECTS} times")

    def _open(self, address: str, redirected: bool) -> t.Any:
        from ansible.module_utils.urls import open_url

        headers = {**({} if redirected else self._options.headers), "Accept-Encoding": "identity"}
        user, password = (None, None) if redirected else self._login
        if self.received:
            headers["Range"] = f"bytes={self.received}-"
            if self._validator:
                headers["If-Range"] = self._validator
        return open_url(
            address,
            headers=headers,
            timeout=self._options.timeout,
            validate_certs=self._options.validate_certs,
            ca_path=self._options.ca_path,
            url_username=user,
            url_password=password,
            force_basic_auth=bool(user),
            use_netrc=not redirected,
            http_agent="cloudimage.glance",
            follow_redirects="none",
            decompress=False,
        )

    def _redirected(self, address: str, location: str) -> str:
        """Where a redirect leads. urllib itself would follow one to ftp, and would wait for it."""
        try:
            target, scheme = _address.beyond(address, location)
        except ValueError as problem:
            raise self._problem("redirects to something that is no address") from problem
        if scheme not in ("http", "https"):
            raise self._problem(f"redirects to {scheme}://, and only http:// and https:// are followed")
        if self._keep_https and scheme != "https" and address.lower().startswith("https:"):
            raise self._problem("redirects from https:// to http://, which is not followed")
        return target

    def _refuse(self, answer: urllib.error.HTTPError) -> t.NoReturn:
        told = f"answered {answer.code} {answer.reason}"
        if answer.code in _PASSING_STATUS:
            pause = _natural(answer.headers.get("Retry-After")) or 0
            raise _PassingFault(told, min(float(pause), _LONGEST_PAUSE)) from answer
        raise self._problem(told, status=answer.code) from answer

    def _refuse_connection(self, problem: Exception) -> t.NoReturn:
        cause = problem.reason if isinstance(problem, urllib.error.URLError) else problem
        if _is_passing(cause):
            raise _PassingFault(_words(cause)) from problem
        raise self._problem(_words(cause)) from problem

    def _check_range(self, content_range: str) -> None:
        found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", content_range.strip())
        if not found or int(found[1]) != self.received:
            raise self._problem("answered with a part of the file that was not asked for")
        if found[3] != "*" and self.length is not None and int(found[3]) != self.length:
            raise self._problem("changed while it was being downloaded")

    def _read(self) -> t.Iterator[bytes]:
        while self.length is None or self.received < self.length:
            block = self._receive(_BLOCK_SIZE)
            if not block:
                break
            self.received += len(block)
            yield block
        if self.length is not None and self.received != self.length:
            raise self._early_end()

    def _skip(self, count: int) -> None:
        while count:
            block = self._receive(min(count, _BLOCK_SIZE))
            if not block:
                raise self._early_end()
            count -= len(block)

    def _receive(self, most: int) -> bytes:
        try:
            return self._response.read1(most) if hasattr(self._response, "read1") else self._response.read(most)
        except (OSError, http.client.HTTPException) as problem:
            if isinstance(problem, http.client.IncompleteRead):
                raise self._early_end() from problem
            raise _PassingFault(_words(problem)) from problem

    def _disconnect(self) -> None:
        response, self._response = self._response, None
        if response is not None:
            with contextlib.suppress(Exception):
                response.close()

    def _early_end(self) -> _PassingFault:
        of_all = f" of {self.length}" if self.length is not None else ""
        return _PassingFault(f"ended early, after {self.received}{of_all} bytes")

    def _problem(self, told: str, **details: t.Any) -> TransferProblem:
        return TransferProblem(f"{self._option}: {self.name} {told}.", address=self.name, **details)


class _PassingFault(Exception):
    """A fault that may be gone at the next attempt.

    :param pause: seconds for which the server wants to be left alone.
    """

    def __init__(self, told: str, pause: float = 0.0) -> None:
        super().__init__(told)
        self.pause = pause


def _is_passing(cause: object) -> bool:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return False
    if isinstance(cause, socket.gaierror):
        return cause.errno == socket.EAI_AGAIN
    passing = (ConnectionError, TimeoutError, http.client.BadStatusLine, http.client.IncompleteRead, ssl.SSLEOFError)
    return isinstance(cause, passing)


def _words(cause: object) -> str:
    if isinstance(cause, TimeoutError):
        return "did not answer in time"
    if isinstance(cause, ConnectionRefusedError):
        return "refused the connection"
    if isinstance(cause, (ConnectionError, http.client.RemoteDisconnected)):
        return "dropped the connection"
    if isinstance(cause, socket.gaierror):
        return f"cannot be found: {cause.strerror}"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"has a certificate that cannot be verified: {getattr(cause, 'verify_message', cause)}"
    return f"cannot be fetched: {str(cause).rstrip('.') or type(cause).__name__}"


def _natural(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"[0-9]{1,18}", text.strip()) else None


def _validator(headers: t.Any) -> str | None:
    """What tells one version of the file from another: a strong ETag, else the date of its last change."""
    etag = headers.get("ETag")
    return etag if etag and not etag.startswith("W/") else headers.get("Last-Modified")
