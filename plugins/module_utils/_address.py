# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Addresses of files: what they say, and what of it may be shown. Pure."""

from __future__ import annotations

import re
import string
import typing as t
import urllib.parse

#: Blanking out shorter texts would spoil everything else.
_SECRET_LENGTH = 8
_ADDRESS = re.compile(r"(?P<algorithm>\s*[\w-]+\s*:\s*)??(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>.*)", re.DOTALL)
_PARTS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<authority>[^/?#]*)(?P<rest>.*)", re.DOTALL)
#: A percent sign that begins no code.
_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOST = re.compile(r"(\[.*\]|[^:]*)(:\d*)?")
#: Names of headers, and of parameters in a query, that stand before credentials.
_BEARS_CREDENTIALS = re.compile(
    r"auth|cookie|token|key|secret|pass|pwd|signature|(?:\b|_)sig\b|credential|session|hmac|jwt|art-api", re.IGNORECASE
)
#: A user without a password that is as long is a token.
_TOKEN_LENGTH = 16


def is_url(source: str) -> bool:
    """Whether the source is an address (``scheme://...``) rather than a path."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", source) is not None


def public_address(source: str) -> str:
    """The source as it may be shown: without user, password, query and fragment, which may hold secrets.

    The name of an algorithm and a colon may stand before an address, as in ``sha256:https://...``.
    """
    address = _ADDRESS.fullmatch(source)
    if not address:
        return source
    rest = address["rest"].removeprefix(f"{_login(address['rest'])}@")
    return f"{address['algorithm'] or ''}{address['scheme']}://{re.split(r'[?#]', rest, maxsplit=1)[0]}"


def secrets_of(source: str) -> set[str]:
    """What a text with an address in it holds that must not be shown: user and password, and the query.

    Ansible blanks these texts out wherever they occur, in numbers, too. A short one is therefore only given together
    with what stands beside it in the address.
    """
    _scheme, marker, rest = source.partition("://")
    if not marker:
        return set()
    login, query = _login(rest), rest.partition("?")[2]
    user, colon, password = login.partition(":")
    if not colon and len(user) >= _TOKEN_LENGTH:
        password = user
    beside = {f"//{login}@" if login else "", f"?{query}" if query else ""} - {""}
    parameters = (each.partition("=") for each in re.split(r"[&#;]", query))
    signs = {value for name, _equals, value in parameters if bears_credentials(name)}
    alone = {password, *signs}
    return beside | long_ones({query, _as_sent(query), *alone, *map(urllib.parse.unquote, alone)})


def bears_credentials(name: str) -> bool:
    """Whether a header, or a parameter of a query, bears credentials, by its name."""
    return _BEARS_CREDENTIALS.search(name) is not None


def long_ones(texts: set[str]) -> set[str]:
    """Texts that are long enough to be blanked out wherever they occur."""
    return {text for text in texts if len(text) >= _SECRET_LENGTH}


def file_name_of(source: str) -> str:
    """The last part of a path or address, percent-decoded where it is an address."""
    if is_url(source):
        source = urllib.parse.unquote(urllib.parse.urlsplit(source).path)
    return source.rstrip("/").rpartition("/")[2]


def encoded(address: str) -> str:
    """An address as it is sent: what people may write down, but no server takes, is encoded.

    Blanks and letters beyond ASCII are percent-encoded as UTF-8 (RFC 3986), in the name of a host by IDNA. What is encoded
    already, user and password stay as they are.

    :raises ValueError: if it has a host that no name can be.
    """
    found = _PARTS.fullmatch(address.strip())
    if not found:
        raise ValueError("this is no address")
    login, at, place = found["authority"].rpartition("@")
    host, port = t.cast("re.Match[str]", re.fullmatch(r"(?s)(.*?)(:\d*)?", place)).groups(default="")
    if re.search(r"[\s\x00-\x20\x7f]", host):
        raise ValueError("this is no name of a host")
    host = host if host.isascii() else host.encode("idna").decode("ascii")
    return f"{found['scheme']}{login}{at}{host}{port}{_as_sent(found['rest'])}"


def without_login(address: str) -> tuple[str, tuple[str | None, str | None]]:
    """An address as it is sent, without user, password and fragment; and user and password.

    :raises ValueError: as :func:`encoded` does.
    """
    parts = urllib.parse.urlsplit(encoded(address))
    bare = urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))
    if not parts.username:
        return bare, (None, None)
    return bare, (urllib.parse.unquote(parts.username), urllib.parse.unquote(parts.password or ""))


def origin(address: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of an address: what has to be the same for credentials to be meant for another one, too."""
    parts = urllib.parse.urlsplit(encoded(address))
    scheme = parts.scheme.lower()
    return scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(scheme)


def beyond(address: str, location: str) -> tuple[str, str]:
    """Where a redirect leads: an address and its scheme.

    :raises ValueError: if that is no address.
    """
    target = urllib.parse.urljoin(address, urllib.parse.quote(location, safe=string.punctuation, encoding="iso-8859-1"))
    return target, urllib.parse.urlsplit(target).scheme.lower()


def _as_sent(rest: str) -> str:
    """What is behind the host of an address, percent-encoded where it has to be."""
    return urllib.parse.quote(_BARE_PERCENT.sub("%25", rest), safe="%/:=&?~+!$,;'@()*[]#", errors="replace")


def _login(rest: str) -> str:
    """User and password of an address without its scheme, as they are written; empty if there are none."""
    authority = rest.partition("/")[0]
    if "@" not in authority and not _HOST.fullmatch(authority):
        authority = rest  # what looks like a port is a part of a password with a slash
    return authority.rpartition("@")[0]
