# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Which checksum of a file of them is that of a source. Pure."""

from __future__ import annotations

import posixpath
import re
import typing as t
import unicodedata
import urllib.parse

from . import _address, _checksum_file
from ._checksum_file import Entry
from ._errors import ChecksumMismatch

_STRENGTH = {algorithm: strength for strength, algorithm in enumerate(_checksum_file.LENGTHS)}

#: What is behind the name of a file in that of the file with its checksum.
_SUFFIX = re.compile(
    rf"[._-](?:{_checksum_file.ALGORITHM}|{_checksum_file.WORDS}){_checksum_file.SIGNED}", re.IGNORECASE
)

#: Candidates that a message lists.
_MOST_LISTED = 6


def choose(
    found: t.Sequence[Entry], source: str, address: str, option: str = "checksum", algorithm: str | None = None
) -> Entry:
    """The one checksum for a file; of several algorithms the strongest.

    :param source: path or address of the file, or its name alone.
    :param address: path or address of the file of checksums.
    :param algorithm: the only one that counts; None for any.
    :raises ChecksumMismatch: if there is none, or if two contradict each other.
    """
    shown, file_name = _address.public_address(address), _address.file_name_of(source)
    usable = [
        entry for entry in found if entry.algorithm in (_checksum_file.LENGTHS if algorithm is None else (algorithm,))
    ]
    wanted = f"{algorithm} checksum" if algorithm else "checksum"
    mine = _of_source(usable, source, address)
    if not mine:
        what = f"has no {wanted} for {file_name!r}" if usable else f"holds no {wanted}"
        others = sorted({entry.algorithm for entry in _of_source(found, source, address)})
        but = f", only {', '.join(others)}" if others else ""
        raise ChecksumMismatch(f"{option}: {shown} {what}{but}.", address=shown)
    strongest = max((entry.algorithm for entry in mine), key=_STRENGTH.__getitem__)
    candidates = [entry for entry in mine if entry.algorithm == strongest]
    digests = {entry.digest for entry in candidates}
    if len(digests) > 1:
        listed = "; ".join(f"{entry.name or 'without a name'}: {entry.digest}" for entry in candidates[:_MOST_LISTED])
        raise ChecksumMismatch(
            f"{option}: {shown} has {len(digests)} different {strongest} checksums for {file_name!r} ({listed}); give the one that is meant.",
            address=shown,
        )
    return candidates[0]


def _of_source(found: t.Sequence[Entry], source: str, address: str) -> list[Entry]:
    """The entries of a file.

    That is, the first of these that there are: those with its place beside the file of checksums; those with its name,
    and most of the folders above it. Else the only ones in a file that is about nothing else: a digest without a name, or
    whatever name ``NAME.sha256`` gives to what lies behind the link ``NAME``.
    """
    path, beside = _path_of(source), _place_beside(source, address)
    for spelled in (_as_it_is, _loosely):
        named = [(entry, _parts(spelled(entry.name))) for entry in found if entry.name is not None]
        own = _parts(spelled(path))
        if exact := [entry for entry, parts in named if beside and parts == _parts(spelled(beside))]:
            return exact
        likeness = [(_likeness(parts, own), entry) for entry, parts in named if parts[-1:] == own[-1:]]
        if likeness:
            best = max(like for like, _entry in likeness)
            return [entry for like, entry in likeness if like == best]
    names, digests = {entry.name for entry in found}, {entry[1:] for entry in found}
    is_about_one = len(names) == 1 and len(digests) == len({entry.algorithm for entry in found})
    return list(found) if is_about_one and (names == {None} or _is_named_after(address, source)) else []


def _likeness(parts: list[str], own: list[str]) -> tuple[int, bool]:
    """How many parts two paths have in common at their end, and whether that is all of the first."""
    common = 0
    for one, other in zip(reversed(parts), reversed(own), strict=False):
        if one != other:
            break
        common += 1
    return common, common == len(parts)


def _is_named_after(address: str, source: str) -> bool:
    """Whether a file of checksums is called as the file is, and then ``.sha256`` or the like."""
    name, own = _address.file_name_of(address), _address.file_name_of(source)
    return bool(own) and name.startswith(own) and _SUFFIX.fullmatch(name[len(own) :]) is not None


def _place_beside(source: str, address: str) -> str | None:
    """The path of a file as seen from the folder of the file of checksums; None if nothing tells where it is from there."""
    if "/" not in source or _origin(source) != _origin(address):
        return None
    return posixpath.relpath(_path_of(source), posixpath.dirname(_path_of(address)) or ".")


def _origin(source: str) -> str:
    """The host of an address; empty for what is local."""
    if not _address.is_url(source):
        return ""
    parts = urllib.parse.urlsplit(source)
    return "" if parts.scheme.lower() == "file" else parts.netloc.rpartition("@")[2].lower()


def _path_of(source: str) -> str:
    return urllib.parse.unquote(urllib.parse.urlsplit(source).path) if _address.is_url(source) else source


def _parts(path: str) -> list[str]:
    """The folders and the name of a path; where an absolute one begins does not count."""
    return [part for part in posixpath.normpath(path).split("/") if part not in ("", ".")]


def _as_it_is(name: str) -> str:
    return name


def _loosely(name: str) -> str:
    """A name without what tools, editors and systems add or change; Debian's have the size in front."""
    name = re.sub(r"\A\d+\s+", "", name.strip(_checksum_file.AROUND)).replace("\\", "/")
    return unicodedata.normalize("NFC", urllib.parse.unquote(name))
