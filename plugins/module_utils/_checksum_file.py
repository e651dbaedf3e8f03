# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Files of checksums: which lines hold a checksum, and which of them is that of a file. Pure.

Where GNU coreutils have a rule (``sha256sum --check``, ``cksum --check``) it holds: leading blanks, one character for
text or binary, names as they are, a backslash at the head of a line with an escaped name, ``-`` for standard input.
What other tools write beside that is read, too, as long as it is not ambiguous.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import posixpath
import re
import typing as t
import unicodedata
import urllib.parse

from . import _address
from ._errors import ChecksumMismatch

#: Hexadecimal digits of a digest, the strongest algorithm last.
LENGTHS = {"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128}
ALGORITHM_OF_LENGTH = {length: algorithm for algorithm, length in LENGTHS.items()}
_STRENGTH = {algorithm: strength for strength, algorithm in enumerate(LENGTHS)}

#: The longer mark first: that of UTF-16 is the beginning of that of UTF-32.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

#: What names a hash algorithm, whether it is supported or not: a digest of another algorithm may have the same length.
_ALGORITHM = (
    r"(?:(?:md-?\d|sha[-_]?\d(?:[\d/_-]*\d)?|blake[-_]?[23][a-z]{0,2}(?:[-_]?\d+)?|b[23]|whirlpool|(?:ripemd|rmd)-?\d*|sm3"
    r"|(?:tiger|gost|streebog|skein|keccak|shake|crc)[-_]?\d*(?:[-_]\d+)*)(?:sums?)?)"
)
_WORDS = r"(?:hash(?:es)?|sums?|checksums?|digests?|algorithm|with|of|in)"
_DIGEST = r"(?P<digest>[0-9A-Fa-f]{32,128})"
_HEADING = re.compile(
    rf"[\s#*=\[_;/-]*(?:{_WORDS}\s*:?\s+)*\(?(?P<algorithm>{_ALGORITHM})[\s_-]*{_WORDS}?[\s:\])=*_#-]*", re.IGNORECASE
)
_TAGGED = re.compile(
    r"(?P<escaped>\\?)(?P<algorithm>[A-Za-z0-9][A-Za-z0-9/_-]{1,20}) ?\((?P<name>.+)\) ?= ?(?P<digest>[0-9A-Za-z+/]{22,128}={0,2})\s*"
)
_GNU = re.compile(r"(?P<escaped>\\?)(?P<digest>[0-9A-Za-z+/]{22,128}={0,2})(?: [ *]|[ \t]+)(?P<name>.+)")
_ALONE = re.compile(rf"{_DIGEST}\s*")
_BEFORE = rf"(?P<algorithm>{_ALGORITHM})(?:\s*[:=]\s*|\s+)"
_PREFIXED = re.compile(rf"{_BEFORE}{_DIGEST}(?:\s+[*]?(?P<name>\S.*))?\s*", re.IGNORECASE)
_NAME_FIRST = re.compile(rf"(?P<name>\S.*?)(?:\s*[:=]\s*|\s+)[\"']?(?:{_BEFORE})?{_DIGEST}[\"']?\s*", re.IGNORECASE)
#: What stands before a digest, and is the name of no file.
_LABEL = re.compile(r"(?:hash|digest|checksum|sum)", re.IGNORECASE)
_SIGNED = r"(?:\.(?:txt|asc|sign|sig|gpg))*"
_IN_ITS_NAME = re.compile(rf"(?:.*[._-])?(?P<algorithm>{_ALGORITHM}){_SIGNED}", re.IGNORECASE)
#: What is behind the name of a file in that of the file with its checksum.
_SUFFIX = re.compile(rf"[._-](?:{_ALGORITHM}|{_WORDS}){_SIGNED}", re.IGNORECASE)

#: Candidates that a message lists.
_MOST_LISTED = 6


class Entry(t.NamedTuple):
    """One checksum in a file of them.

    :param name: of the file; None for a digest that stands alone, or is that of standard input.
    :param algorithm: lower case, as :mod:`hashlib` spells it; may be one that is not in :data:`LENGTHS`.
    :param digest: lower case hexadecimal.
    """

    name: str | None
    algorithm: str
    digest: str


def decoded(content: bytes) -> str | None:
    """The text of a file of checksums, by its byte order mark if it has one, else UTF-8; None if it is no text."""
    encoding = next((encoding for mark, encoding in _MARKS if content.startswith(mark)), "utf-8")
    errors = "surrogateescape" if encoding == "utf-8" else "replace"
    text = content.decode(encoding, errors).removeprefix("\ufeff")
    return None if "\0" in text else text


def is_page(text: str) -> bool:
    """Whether a text is a web page or the like, as servers answer in place of a file."""
    return text.lstrip("\ufeff \t\r\n").startswith("<")


def entries(text: str, file_name: str = "") -> list[Entry]:
    """The checksums in a file of them, those of algorithms that are not supported included.

    A heading says which algorithm untagged digests below it have. A PGP clear signature round them is taken off and not
    verified. Other lines are passed over.

    :param file_name: of the file of checksums; it, too, may tell the algorithm, as ``B2SUMS`` does.
    """
    if is_page(text):
        return []
    found = []
    current = _told_by_name(file_name)
    for line in _signed_part(re.split(r"\r\n|\n|\r", text.removeprefix("\ufeff"))):
        line = line.lstrip(" \t\ufeff")
        heading = _HEADING.fullmatch(line)
        if heading:
            current = _normalized(heading["algorithm"])
        elif not line.startswith("#") and (entry := _entry(line, current)):
            found.append(entry)
    return found


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
    usable = [entry for entry in found if entry.algorithm in (LENGTHS if algorithm is None else (algorithm,))]
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
    """A name without what tools, editors and systems add or change."""
    name = urllib.parse.unquote(name.strip().strip("\"'").replace("\\", "/"))
    return unicodedata.normalize("NFC", name)


def _entry(line: str, current: str | None) -> Entry | None:
    """The checksum in a line.

    :param current: the algorithm that a heading has told.
    """
    if matched := _TAGGED.fullmatch(line):
        algorithm = _normalized(matched["algorithm"])
        return _made(_name(matched), algorithm, _hexadecimal(matched["digest"], algorithm))
    if matched := _ALONE.fullmatch(line):
        return _made(None, current, matched["digest"])
    if matched := _GNU.fullmatch(line):
        digest = _hexadecimal(matched["digest"], current)
        if digest:
            return _made(_name(matched), current, digest)
    if matched := _PREFIXED.fullmatch(line):
        return _made(matched["name"], _normalized(matched["algorithm"]), matched["digest"])
    if matched := _NAME_FIRST.fullmatch(line):
        named = matched["algorithm"]
        name = None if _LABEL.fullmatch(matched["name"]) else matched["name"]
        return _made(name, _normalized(named) if named else current, matched["digest"])
    return None


def _name(matched: re.Match[str]) -> str:
    """The name in a line; empty if its escapes are wrong, which GNU coreutils refuse."""
    return _unescaped(matched["name"]) if matched["escaped"] else matched["name"]


def _made(name: str | None, algorithm: str | None, digest: str) -> Entry | None:
    """An entry, unless its digest cannot be one of its algorithm; without an algorithm the length tells it."""
    algorithm = algorithm or ALGORITHM_OF_LENGTH.get(len(digest), "")
    if not algorithm or name == "" or LENGTHS.get(algorithm, len(digest)) != len(digest):
        return None
    return Entry(None if name == "-" else name, algorithm, digest.lower())


def _hexadecimal(digest: str, algorithm: str | None) -> str:
    """A digest in hexadecimal digits, which may be written in base64; empty if it is neither."""
    lengths = {LENGTHS[algorithm]} if algorithm in LENGTHS else set(ALGORITHM_OF_LENGTH)
    if len(digest) in lengths and re.fullmatch(r"[0-9A-Fa-f]+", digest):
        return digest
    try:
        plain = base64.b64decode(digest, validate=True).hex()
    except binascii.Error:
        return ""
    return plain if len(plain) in lengths else ""


def _normalized(algorithm: str) -> str:
    """An algorithm as :mod:`hashlib` spells it."""
    text = algorithm.lower().removesuffix("sums").removesuffix("sum").strip("-_")
    found = re.fullmatch(r"sha(?:2[-_]|[-_])?(224|256|384|512)", text)
    return f"sha{found[1]}" if found else {"sha-1": "sha1", "md-5": "md5"}.get(text, text)


def _told_by_name(file_name: str) -> str | None:
    """The algorithm in the name of a file of checksums, unless the length of its digests will tell it."""
    found = _IN_ITS_NAME.fullmatch(file_name)
    algorithm = _normalized(found["algorithm"]) if found else None
    return None if algorithm in LENGTHS else algorithm


def _signed_part(lines: list[str]) -> list[str]:
    """What a PGP clear signature covers; all lines where there is none."""
    marks = [line.rstrip() for line in lines]
    if "-----BEGIN PGP SIGNED MESSAGE-----" not in marks:
        return lines
    begin = marks.index("-----BEGIN PGP SIGNED MESSAGE-----") + 1
    body, marks = lines[begin:], marks[begin:]
    start = marks.index("") + 1 if "" in marks else len(marks)
    end = marks.index("-----BEGIN PGP SIGNATURE-----") if "-----BEGIN PGP SIGNATURE-----" in marks else len(marks)
    return [line[2:] if line.startswith("- ") else line for line in body[start:end]]


def _unescaped(name: str) -> str:
    """The name behind one that GNU coreutils wrote with a backslash at the head of its line; empty if it is none."""
    if re.search(r"\\(?![\\nr])", re.sub(r"\\\\", "", name)):
        return ""
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "r": "\r"}.get(found[1], found[1]), name)
