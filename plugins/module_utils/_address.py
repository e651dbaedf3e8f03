# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Addresses of files: what they say, and what of it may be shown. Pure."""

from __future__ import annotations

import re
import string
import urllib.parse

#: Blanking out shorter texts would spoil everything else.
_SECRET_LENGTH = 8
_ADDRESS = re.compile(r"(?P<algorithm>\s*[\w-]+\s*:\s*)??(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>.*)", re.DOTALL)
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
    return beside | long_ones({query, *alone, *map(urllib.parse.unquote, alone)})


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


def without_login(address: str) -> tuple[str, tuple[str | None, str | None]]:
    """An address as it is sent, without user, password and fragment; and user and password."""
    parts = urllib.parse.urlsplit(address)
    authority = parts.netloc.rpartition("@")[2]
    # A path may be written down as people read it.
    path, query = (urllib.parse.quote(part, safe="%/:=&?~+!$,;'@()*[]") for part in (parts.path, parts.query))
    bare = urllib.parse.urlunsplit(parts._replace(netloc=authority, path=path, query=query, fragment=""))
    if not parts.username:
        return bare, (None, None)
    return bare, (urllib.parse.unquote(parts.username), urllib.parse.unquote(parts.password or ""))


def beyond(address: str, location: str) -> tuple[str, str]:
    """Where a redirect leads: an address and its scheme.

    :raises ValueError: if that is no address.
    """
    target = urllib.parse.urljoin(address, urllib.parse.quote(location, safe=string.punctuation, encoding="iso-8859-1"))
    return target, urllib.parse.urlsplit(target).scheme.lower()


def _login(rest: str) -> str:
    """User and password of an address without its scheme, as they are written; empty if there are none."""
    authority = rest.partition("/")[0]
    if "@" not in authority and not _HOST.fullmatch(authority):
        authority = rest  # what looks like a port is a part of a password with a slash
    return authority.rpartition("@")[0]
