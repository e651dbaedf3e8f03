# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Bytes from http and https addresses: bounded, retried where a fault passes, resumed where the server can."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import re
import time
import typing as t
import urllib.parse

from . import _address, _content_encoding, _http
from ._errors import InvalidOption, TransferProblem
from ._http import PassingFault
from ._within import within

HttpOptions = _http.HttpOptions

#: How much is read at a time; a short read is handed on as it comes.
_BLOCK_SIZE = 256 * 1024

#: Faults in a row that are borne, and the pauses before the next attempt, in seconds.
_PAUSES = (0.3, 1.0, 2.0, 4.0)

#: An attempt that brought this much gives the download all its patience back.
_PROGRESS = 8 * 1024 * 1024

#: Bytes a second; a connection that stays below for the time that may pass without a byte counts as broken.
_SLOWEST = 1024


def local_path(source: str, option: str) -> str | None:
    """The path that a source names, itself or as a file:// address; None for http and https.

    :raises InvalidOption: for other schemes, and addresses that cannot be taken apart.
    """
    if not _address.is_url(source):
        return source
    try:
        parts = urllib.parse.urlsplit(source)
        host, _port, _encoded = parts.hostname, parts.port, _address.encoded(source)
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

    All attempts together get twice the time that may pass without a byte.

    :raises TransferProblem: if it cannot be had in time, or is larger, or an https address redirects to http.
    """
    download = Download(address, options, option, keep_https=True)

    def read() -> bytes:
        content = bytearray()
        for block in download:
            content += block
            if len(content) > limit:
                raise TransferProblem(f"{option}: {download.name} is larger than {limit} bytes.")
        return bytes(content)

    try:
        return within(options.patience, read)
    except TimeoutError as problem:
        told = f"{option}: {download.name} could not be read within {options.patience:g} seconds (twice the timeout)."
        raise TransferProblem(told, address=download.name) from problem
    finally:
        download.give_up()


class Download:
    """The bytes behind an http or https address, as one stream over as many connections as it takes.

    Iterate once. A passing fault (a refused or dropped connection, an early end, 502, 503, 504) is retried a few
    times, and the download goes on where it broke off if the server can do that; else the bytes that are already
    here are skipped. A ``Content-Encoding`` is undone.
    """

    def __init__(self, address: str, options: HttpOptions, option: str, *, keep_https: bool = False) -> None:
        self._requests = _http.Requests(address, options, option, keep_https=keep_https)
        self._address = address
        self._timeout = options.timeout
        self._response: t.Any = None
        self._pace = _Pace(options.timeout)
        self._validator: str | None = None
        self._encodings: tuple[str, ...] = ()
        self._is_given_up = False
        #: The address as it may be shown.
        self.name = self._requests.name
        #: Bytes received so far, encoded as they came.
        self.received = 0
        #: Bytes in all; known after the first block, None if the server does not tell.
        self.length: int | None = None

    def __iter__(self) -> t.Iterator[bytes]:
        blocks = self._blocks()
        first = next(blocks, b"")  # only then is it known what there is to undo
        return iter(
            _content_encoding.undone(itertools.chain([first] if first else [], blocks), self._encodings, self.name)
        )

    def give_up(self) -> None:
        """Make no further attempt."""
        self._is_given_up = True

    def _blocks(self) -> t.Iterator[bytes]:
        faults = 0
        while not self._is_given_up:
            begun_at = self.received
            try:
                self._connect()
                yield from self._read()
                return
            except PassingFault as fault:
                faults = 0 if self.received - begun_at >= _PROGRESS else faults
                if faults == len(_PAUSES):
                    raise self._problem(f"{fault} (after {faults + 1} attempts)") from fault
                time.sleep(max(_PAUSES[faults], fault.pause))
                faults += 1
            finally:
                self._disconnect()

    def _connect(self) -> None:
        """Ask for what is missing, and get to the first missing byte."""
        headers = {"Accept-Encoding": "identity"}
        if self.received:
            headers["Range"] = f"bytes={self.received}-"
            if self._validator:
                headers["If-Range"] = self._validator
        response = self._response = self._requests.ask(headers)
        self._pace = _Pace(self._timeout)
        encodings = self._told_encodings(response)
        if self.received and encodings != self._encodings:
            raise self._problem("changed while it was being downloaded")
        if response.status == 206:
            self._check_range(response.headers.get("Content-Range", ""))
            return
        if response.status != 200:
            raise self._problem(f"answered {response.status} {response.reason}")
        length = _http.natural(response.headers.get("Content-Length"))
        validator = _validator(response.headers)
        if self.received:
            if (length, validator) != (self.length, self._validator):
                raise self._problem("changed while it was being downloaded")
            self._skip(self.received)
        self.length, self._validator, self._encodings = length, validator, encodings

    def _told_encodings(self, response: t.Any) -> tuple[str, ...]:
        try:
            return _content_encoding.encodings(response.headers.get("Content-Encoding"), self._address)
        except _content_encoding.UnknownEncoding as unknown:
            told = f"came with the Content-Encoding {unknown}, which was not asked for and cannot be undone"
            raise self._problem(told) from unknown

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
        begun = time.monotonic()
        try:
            block = self._response.read1(most) if hasattr(self._response, "read1") else self._response.read(most)
        except (OSError, http.client.HTTPException) as problem:
            if isinstance(problem, http.client.IncompleteRead):
                raise self._early_end() from problem
            raise PassingFault(_http.words(problem)) from problem
        self._pace.require(len(block), time.monotonic() - begun)
        return t.cast("bytes", block)

    def _disconnect(self) -> None:
        response, self._response = self._response, None
        if response is not None:
            with contextlib.suppress(Exception):
                response.close()

    def _early_end(self) -> PassingFault:
        of_all = f" of {self.length}" if self.length is not None else ""
        return PassingFault(f"ended early, after {self.received}{of_all} bytes")

    def _problem(self, told: str) -> TransferProblem:
        return self._requests.problem(told)


class _Pace:
    """How fast a connection is while it is waited for.

    :param seconds: how long it may be slower than it must be.
    """

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._waited = 0.0
        self._brought = 0

    def require(self, size: int, waited: float) -> None:
        """Take notice of a block, and of the seconds for which it was waited.

        :raises PassingFault: if what the connection has brought of late is next to nothing.
        """
        self._waited += waited
        self._brought += size
        if self._waited >= self._seconds:
            if size and self._brought < _SLOWEST * self._waited:
                raise PassingFault(f"sends next to nothing, {self._brought} bytes in {self._waited:.0f} seconds")
            self._waited, self._brought = 0.0, 0


def _validator(headers: t.Any) -> str | None:
    """What tells one version of the file from another: a strong ETag, else the date of its last change."""
    etag = headers.get("ETag")
    return etag if etag and not etag.startswith("W/") else headers.get("Last-Modified")
