# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""One request to an http or https address, and its answer behind redirects.

Credentials come from options, from the address itself or from a netrc file. They are never put into a message or a
result (:func:`public_address`). Redirects take them along to the same scheme, host and port only, as curl does, and
no longer once one has led elsewhere.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import http.client
import re
import socket
import ssl
import typing as t
import urllib.error

from . import _address
from ._errors import CollectionError, TransferProblem
from ._within import within

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

    @property
    def patience(self) -> float:
        """Seconds for an answer in all: a host may have an address that is dead, or send its answer bit by bit."""
        return 2.0 * self.timeout

    def beside(self, home: str, address: str) -> HttpOptions:
        """The options for another address than the one that they are declared for: login and headers do not leave its server.

        :param home: path or address that they are declared for; a path has no server, and they are for the other one then.
        """
        if not (_address.is_url(home) and _address.is_url(address)):
            return self
        with contextlib.suppress(ValueError):  # what is no address gets nothing
            if _address.origin(home) == _address.origin(address):
                return self
        return dataclasses.replace(self, headers={}, url_username=None, url_password=None)


class PassingFault(Exception):
    """A fault that may be gone at the next attempt.

    :param pause: seconds for which the server wants to be left alone.
    """

    def __init__(self, told: str, pause: float = 0.0) -> None:
        super().__init__(told)
        self.pause = pause


class Requests:
    """Requests for one address.

    :param option: the option that names it, for messages.
    :param keep_https: whether a redirect from https to http is an error.
    """

    def __init__(self, address: str, options: HttpOptions, option: str, *, keep_https: bool = False) -> None:
        self._address, login = _address.without_login(address)
        self._login = (options.url_username, options.url_password) if options.url_username or not login[0] else login
        self._options = options
        self._option = option
        self._keep_https = keep_https
        #: The address as it may be shown.
        self.name = _address.public_address(address)

    def ask(self, headers: dict[str, str]) -> t.Any:
        """The answer to a GET, behind as many redirects as it takes.

        :raises PassingFault: if another attempt may help.
        :raises TransferProblem: if it would not.
        """
        address, is_at_home = self._address, True
        for _redirects in range(_MOST_REDIRECTS + 1):
            try:
                return within(self._options.patience, functools.partial(self._open, address, headers, is_at_home))
            except urllib.error.HTTPError as answer:
                with contextlib.closing(answer):
                    if answer.code not in _REDIRECTS or not answer.headers.get("Location"):
                        self._refuse(answer)
                    address, stays = self._redirected(address, answer.headers["Location"])
                    is_at_home = is_at_home and stays
            except CollectionError:  # a signal, as it is
                raise
            except Exception as problem:  # open_url raises whatever its layers raise
                self._refuse_connection(problem)
        raise self.problem(f"redirects more than {_MOST_REDIRECTS} times")

    def problem(self, told: str, **details: t.Any) -> TransferProblem:
        """What to raise; ``told`` goes on after the address."""
        return TransferProblem(f"{self._option}: {self.name} {told}.", address=self.name, **details)

    def _open(self, address: str, headers: dict[str, str], is_at_home: bool) -> t.Any:
        from ansible.module_utils.urls import open_url

        user, password = self._login if is_at_home else (None, None)
        return open_url(
            address,
            headers={**(self._options.headers if is_at_home else {}), **headers},
            timeout=self._options.timeout,
            validate_certs=self._options.validate_certs,
            ca_path=self._options.ca_path,
            url_username=user,
            url_password=password,
            force_basic_auth=bool(user),
            use_netrc=is_at_home,
            http_agent="cloudimage.glance",
            follow_redirects="none",
            decompress=False,
        )

    def _redirected(self, address: str, location: str) -> tuple[str, bool]:
        """Where a redirect leads, and whether that is where credentials are for. urllib itself would follow one to ftp, and would wait for it."""
        try:
            target, scheme = _address.beyond(address, location)
            is_home = _address.origin(target) == _address.origin(self._address)
        except ValueError as problem:
            raise self.problem("redirects to something that is no address") from problem
        if scheme not in ("http", "https"):
            raise self.problem(f"redirects to {scheme}://, and only http:// and https:// are followed")
        if self._keep_https and scheme != "https" and address.lower().startswith("https:"):
            raise self.problem("redirects from https:// to http://, which is not followed")
        return target, is_home

    def _refuse(self, answer: urllib.error.HTTPError) -> t.NoReturn:
        told = f"answered {answer.code} {answer.reason}"
        if answer.code in _PASSING_STATUS:
            pause = natural(answer.headers.get("Retry-After")) or 0
            raise PassingFault(told, min(float(pause), _LONGEST_PAUSE)) from answer
        raise self.problem(told, status=answer.code) from answer

    def _refuse_connection(self, problem: Exception) -> t.NoReturn:
        cause = problem.reason if isinstance(problem, urllib.error.URLError) else problem
        if _is_passing(cause):
            raise PassingFault(words(cause)) from problem
        raise self.problem(words(cause)) from problem


def _is_passing(cause: object) -> bool:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return False
    if isinstance(cause, socket.gaierror):
        return cause.errno == socket.EAI_AGAIN
    passing = (ConnectionError, TimeoutError, http.client.BadStatusLine, http.client.IncompleteRead, ssl.SSLEOFError)
    return isinstance(cause, passing)


def words(cause: object) -> str:
    """Why a connection did not bring what it should, as a sentence about a server goes on."""
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


def natural(text: str | None) -> int | None:
    """The number in a header; None if there is none."""
    return int(text) if text and re.fullmatch(r"[0-9]{1,18}", text.strip()) else None
