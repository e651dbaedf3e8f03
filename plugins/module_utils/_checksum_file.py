# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Files of checksums: what each of their lines says. Pure.

Where GNU coreutils have a rule (``sha256sum --check``, ``cksum --check``) it holds: leading blanks, one character for
text or binary, names as they are, a backslash at the head of a line with an escaped name, ``-`` for standard input.
What other tools write beside that is read, too, as long as it is not ambiguous.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import re
import typing as t

#: Hexadecimal digits of a digest, the strongest algorithm last.
LENGTHS = {"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128}
ALGORITHM_OF_LENGTH = {length: algorithm for algorithm, length in LENGTHS.items()}

#: The longer mark first: that of UTF-16 is the beginning of that of UTF-32.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

#: What names a hash algorithm, whether it is supported or not: a digest of another algorithm may have the same length.
ALGORITHM = (
    r"(?:(?:md-?\d|sha[-_]?\d(?:[\d/_-]*\d)?|blake[-_]?[23][a-z]{0,2}(?:[-_]?\d+)?|b[23]|whirlpool|(?:ripemd|rmd)-?\d*|sm3"
    r"|(?:tiger|gost|streebog|skein|keccak|shake|crc)[-_]?\d*(?:[-_]\d+)*)(?:sums?)?)"
)
#: What may stand beside it.
WORDS = r"(?:hash(?:es)?|sums?|checksums?|digests?|algorithm|with|of|in)"
_DIGEST = r"(?P<digest>[0-9A-Fa-f]{32,128})"
_HEADING = re.compile(
    rf"[\s#*=\[_;/-]*(?:{WORDS}\s*:?\s+)*\(?(?P<algorithm>{ALGORITHM})[\s_-]*{WORDS}?(?:\s+(?:of|for)\s+\S.*)?[\s:\])=*_#-]*",
    re.IGNORECASE,
)
_TAGGED = re.compile(
    r"(?P<escaped>\\?)(?P<algorithm>[A-Za-z0-9][A-Za-z0-9/_-]{1,20}) ?\((?P<name>.+)\) ?= ?(?P<digest>[0-9A-Za-z+/]{22,128}={0,2})\s*"
)
_GNU = re.compile(r"(?P<escaped>\\?)(?P<digest>[0-9A-Za-z+/]{22,128}={0,2})(?: [ *]|[ \t]+)(?P<name>.+)")
_ALONE = re.compile(rf"{_DIGEST}\s*")
_BEFORE = rf"(?P<algorithm>{ALGORITHM})(?:\s*[:=]\s*|\s+)"
_PREFIXED = re.compile(rf"{_BEFORE}{_DIGEST}(?:\s+[*]?(?P<name>\S.*))?\s*", re.IGNORECASE)
_LAST = re.compile(rf"(?<=[\s:=\"'`]){_DIGEST}\Z")
_LAST_ALGORITHM = re.compile(rf"(?<=[\s:=\"'`])(?P<algorithm>{ALGORITHM})\Z", re.IGNORECASE)
#: What may stand round a name or digest.
AROUND = " \t:=\"'`"
#: What stands before a digest, and is the name of no file.
_LABEL = re.compile(r"(?:hash|digest|checksum|sum)", re.IGNORECASE)
#: What the name of a file of checksums may end with.
SIGNED = r"(?:\.(?:txt|asc|sign|sig|gpg))*"
_IN_ITS_NAME = re.compile(rf"(?:.*[._-])?(?P<algorithm>{ALGORITHM}){SIGNED}", re.IGNORECASE)
#: Characters of a line that may be a heading.
_LONGEST_HEADING = 200


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
        heading = _HEADING.fullmatch(line) if len(line) <= _LONGEST_HEADING else None
        if heading:
            current = _normalized(heading["algorithm"])
        elif not line.startswith("#") and (entry := _entry(line, current)):
            found.append(entry)
    return found


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
    return _name_first(line, current)


def _name_first(line: str, current: str | None) -> Entry | None:
    """The checksum in a line that ends with it; taken apart from its end, so that no line takes long."""
    line = line.rstrip(AROUND + ",")
    matched = _LAST.search(line)
    if not matched:
        return None
    name = line[: matched.start()].rstrip(AROUND)
    named = _LAST_ALGORITHM.search(name)
    if named:
        current, name = _normalized(named["algorithm"]), name[: named.start()].rstrip(AROUND)
    return _made(None if _LABEL.fullmatch(name) else name, current, matched["digest"])


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
