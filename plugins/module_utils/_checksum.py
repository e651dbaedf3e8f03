# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Declared checksums: read from an option, looked up in a file of checksums, held against a file."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from . import _address, _content, _fetch
from ._errors import ChecksumMismatch, FileProblem, InvalidOption, TransferProblem

#: Hexadecimal digits of a digest, the strongest algorithm last.
_LENGTHS = {"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128}
_ALGORITHM_OF_LENGTH = {length: algorithm for algorithm, length in _LENGTHS.items()}
_STRENGTH = {algorithm: strength for strength, algorithm in enumerate(_LENGTHS)}

#: A file of checksums is never larger than this.
_LARGEST_FILE = 1024 * 1024

_FORMS = (
    "give 'sha256:<64 hexadecimal digits>' (or md5, sha1, sha224, sha384, sha512 in the same way), the bare digits, or "
    "the address (http, https, file) or path (with a slash) of a file of checksums, alone or after 'sha256:'"
)


@dataclasses.dataclass(frozen=True)
class Checksum:
    """A digest that bytes must have.

    :param algorithm: a name that :mod:`hashlib` knows, for instance ``sha256``.
    :param digest: lower case hexadecimal.
    """

    algorithm: str
    digest: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.digest}"


@dataclasses.dataclass(frozen=True)
class ChecksumAddress:
    """Where a file of checksums is.

    :param address: URL (http, https, file) or path; may hold credentials.
    :param algorithm: the algorithm that was asked for; None for the strongest that the file has.
    """

    address: str
    algorithm: str | None = None


class Entry(t.NamedTuple):
    """One line of a file of checksums; ``name`` is None for a digest that stands alone."""

    name: str | None
    algorithm: str
    digest: str


def parse(value: str, option: str = "checksum") -> Checksum | ChecksumAddress:
    """Understand the value of a checksum option.

    :raises InvalidOption: if it is neither a checksum nor the address of a file of checksums.
    """
    text = value.strip()
    prefix, colon, rest = text.partition(":")
    algorithm = prefix.strip().lower().replace("-", "") if colon else ""
    if algorithm not in _LENGTHS:
        algorithm, rest = "", text
    rest = rest.strip()
    if re.fullmatch(r"[0-9A-Fa-f]+", rest):
        named = algorithm or _ALGORITHM_OF_LENGTH.get(len(rest), "")
        if not named:
            raise InvalidOption(f"{option}: no algorithm has digests of {len(rest)} hexadecimal digits; {_FORMS}.")
        if len(rest) != _LENGTHS[named]:
            count = f"{_LENGTHS[named]} hexadecimal digits, not {len(rest)}"
            raise InvalidOption(f"{option}: a {named} digest has {count}.")
        return Checksum(named, rest.lower())
    if "://" in rest and not _address.is_url(rest):
        raise InvalidOption(f"{option}: the address has no known algorithm before it; {_FORMS}.")
    if _address.is_url(rest) or ("/" in rest and "\n" not in rest and not rest.endswith("/")):
        _fetch.local_path(rest, option)
        return ChecksumAddress(rest, algorithm or None)
    shown = text if len(text) <= 80 else text[:77] + "..."
    raise InvalidOption(f"{option}: {shown!r} is no checksum; {_FORMS}.")


def resolve(
    value: str, file_name: str, *, option: str = "checksum", http: _fetch.HttpOptions | None = None
) -> Checksum:
    """The checksum that an option declares for a file, looked up in a file of checksums if need be.

    :param file_name: name, path or address of the file whose checksum is wanted; its last part is looked for.
    :param http: how to fetch a file of checksums over http or https.
    :raises InvalidOption: if the value is no checksum.
    :raises FileProblem, TransferProblem: if the file of checksums cannot be read.
    :raises ChecksumMismatch: if it has no checksum for the file, or several that contradict each other.
    """
    declared = parse(value, option)
    if isinstance(declared, Checksum):
        return declared
    text = _read(declared.address, http or _fetch.HttpOptions(), option)
    shown = _address.public_address(declared.address)
    return choose(entries(text), _address.file_name_of(file_name), shown, option, declared.algorithm)


def verify(file: _content.LocalFile, checksum: Checksum, option: str = "checksum") -> None:
    """Hold a local file against a checksum; its digest is remembered.

    :raises ChecksumMismatch: if it has another one.
    :raises FileProblem: if the file changes while it is read.
    """
    require_equal(file.path, _content.digests(file, [checksum.algorithm])[checksum.algorithm], checksum, option)


def require_equal(name: str, digest: str, checksum: Checksum, option: str = "checksum") -> None:
    """Hold the digest of what ``name`` names against a checksum.

    :raises ChecksumMismatch: if they differ.
    """
    if digest != checksum.digest:
        raise ChecksumMismatch(
            f"{option}: {name} has the {checksum.algorithm} digest {digest}, and {checksum.digest} is expected.",
            expected=str(checksum),
            actual=f"{checksum.algorithm}:{digest}",
        )


def entries(text: str) -> list[Entry]:
    """The checksums in a file of them: lines of GNU coreutils or BSD tools, or a digest that stands alone.

    A PGP clear signature round them is taken off and not verified. Other lines are passed over.
    """
    found = [_entry(line) for line in _signed_part(re.split(r"\r?\n", text.lstrip("\ufeff")))]
    return [entry for entry in found if entry]


def choose(
    found: t.Sequence[Entry], file_name: str, address: str, option: str = "checksum", algorithm: str | None = None
) -> Checksum:
    """The one checksum for a file; of several algorithms the strongest.

    :raises ChecksumMismatch: if there is none, or if two contradict each other.
    """
    if algorithm:
        found = [entry for entry in found if entry.algorithm == algorithm]
    wanted = f"{algorithm} checksum" if algorithm else "checksum"
    mine = _for_name(found, file_name)
    if not mine:
        what = f"has no {wanted} for {file_name!r}" if found else f"holds no {wanted}"
        raise ChecksumMismatch(f"{option}: {address} {what}.", address=address)
    strongest = max((entry.algorithm for entry in mine), key=_STRENGTH.__getitem__)
    candidates = {entry.digest for entry in mine if entry.algorithm == strongest}
    if len(candidates) > 1:
        raise ChecksumMismatch(
            f"{option}: {address} has {len(candidates)} different {strongest} checksums for {file_name!r}.",
            address=address,
        )
    return Checksum(strongest, candidates.pop())


def _for_name(found: t.Sequence[Entry], file_name: str) -> list[Entry]:
    """The entries of a name: those that bear it as it is, else in some folder; a lone digest is for any name."""
    exact = [entry for entry in found if entry.name is not None and _without_dot(entry.name) == file_name]
    if exact:
        return exact
    in_folder = [entry for entry in found if entry.name is not None and entry.name.rpartition("/")[2] == file_name]
    if in_folder:
        return in_folder
    return list(found) if len(found) == 1 and found[0].name is None else []


def _without_dot(name: str) -> str:
    return name[2:] if name.startswith("./") else name


def _read(address: str, http: _fetch.HttpOptions, option: str) -> str:
    path = _fetch.local_path(address, option)
    if path is None:
        content = _fetch.read_small(address, http, _LARGEST_FILE, option)
    else:
        file = _content.open_local(path, option)
        if file.size > _LARGEST_FILE:
            raise FileProblem(f"{option}: {file.path} is larger than {_LARGEST_FILE} bytes.", path=file.path)
        content = b"".join(_content.read_blocks(file))
    if b"\0" in content:
        shown = _address.public_address(address)
        raise TransferProblem(f"{option}: {shown} is no file of checksums: it is not text.", address=shown)
    return content.decode("utf-8", "surrogateescape")


def _signed_part(lines: list[str]) -> list[str]:
    """What a PGP clear signature covers; all lines where there is none."""
    if "-----BEGIN PGP SIGNED MESSAGE-----" not in lines:
        return lines
    body = lines[lines.index("-----BEGIN PGP SIGNED MESSAGE-----") + 1 :]
    body = body[body.index("") + 1 :] if "" in body else []
    if "-----BEGIN PGP SIGNATURE-----" in body:
        body = body[: body.index("-----BEGIN PGP SIGNATURE-----")]
    return [line[2:] if line.startswith("- ") else line for line in body]


_GNU = re.compile(r"(?P<escaped>\\?)(?P<digest>[0-9A-Fa-f]{32,128})(?: [ *]|[ \t]+)(?P<name>\S.*)")
_BSD = re.compile(
    r"(?P<escaped>\\?)(?P<algorithm>[A-Za-z0-9-]{3,10}) ?\((?P<name>.+)\) ?= ?(?P<digest>[0-9A-Fa-f]{32,128})\s*"
)
_ALONE = re.compile(r"\s*(?P<digest>[0-9A-Fa-f]{32,128})\s*")


def _entry(line: str) -> Entry | None:
    if matched := _BSD.fullmatch(line):
        algorithm = re.sub(r"-", "", matched["algorithm"].lower().replace("sha2-", "sha"))
        name: str | None = _unescaped(matched["name"]) if matched["escaped"] else matched["name"]
    elif matched := _GNU.fullmatch(line):
        algorithm = _ALGORITHM_OF_LENGTH.get(len(matched["digest"]), "")
        name = _unescaped(matched["name"]) if matched["escaped"] else matched["name"]
    elif matched := _ALONE.fullmatch(line):
        algorithm, name = _ALGORITHM_OF_LENGTH.get(len(matched["digest"]), ""), None
    else:
        return None
    if _LENGTHS.get(algorithm) != len(matched["digest"]):
        return None
    return Entry(name, algorithm, matched["digest"].lower())


def _unescaped(name: str) -> str:
    """The name behind one that GNU coreutils wrote with a backslash at the head of its line."""
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "r": "\r"}.get(found[1], found[1]), name)
