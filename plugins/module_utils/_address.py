# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Addresses of files: what they say, and what of it may be shown. Pure."""

from __future__ import annotations

import re
import urllib.parse


def is_url(source: str) -> bool:
    """Whether the source is an address (``scheme://...``) rather than a path."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", source) is not None


def public_address(source: str) -> str:
    """The source as it may be shown: without user, password, query and fragment, which may hold secrets."""
    if not is_url(source):
        return source
    scheme, rest = source.split("://", 1)
    authority, slash, path = re.split(r"[?#]", rest, maxsplit=1)[0].partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"


def secrets_of(source: str) -> set[str]:
    """What an address holds that must not be shown: its password and its query."""
    if not is_url(source):
        return set()
    authority, _slash, rest = source.split("://", 1)[1].partition("/")
    _user, _colon, password = authority.rpartition("@")[0].partition(":")
    query = rest.partition("#")[0].partition("?")[2]
    return {secret for secret in (password, urllib.parse.unquote(password), query) if secret}


def file_name_of(source: str) -> str:
    """The last part of a path or address, percent-decoded where it is an address."""
    if is_url(source):
        source = urllib.parse.unquote(urllib.parse.urlsplit(source).path)
    return source.rstrip("/").rpartition("/")[2]
