# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Declared checksums: read from an option, fetched from a file of checksums, held against a file."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import re
import threading

from . import _address, _checksum_choice, _checksum_file, _content, _fetch
from ._errors import ChecksumMismatch, FileProblem, InvalidOption, TransferProblem

#: A file of checksums is never larger than this.
_LARGEST_FILE = 1024 * 1024

_FORMS = (
    "give 'sha256:<64 hexadecimal digits>' (or md5, sha1, sha224, sha384, sha512 in the same way), the bare digits, or "
    "the address (http, https, file) or path (with a slash, as in ./SHA256SUMS) of a file of checksums, alone or after 'sha256:'"
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


def parse(value: str, option: str = "checksum") -> Checksum | ChecksumAddress:
    """Understand the value of a checksum option.

    :raises InvalidOption: if it is neither a checksum nor the address of a file of checksums.
    """
    text = value.strip()
    prefix, colon, rest = text.partition(":")
    algorithm = prefix.strip().lower().replace("-", "") if colon else ""
    if algorithm not in _checksum_file.LENGTHS:
        algorithm, rest = "", text
    rest = rest.strip()
    if re.fullmatch(r"[0-9A-Fa-f]+", rest):
        named = algorithm or _checksum_file.ALGORITHM_OF_LENGTH.get(len(rest), "")
        if not named:
            raise InvalidOption(f"{option}: no algorithm has digests of {len(rest)} hexadecimal digits; {_FORMS}.")
        if len(rest) != _checksum_file.LENGTHS[named]:
            count = f"{_checksum_file.LENGTHS[named]} hexadecimal digits, not {len(rest)}"
            raise InvalidOption(f"{option}: a {named} digest has {count}.")
        return Checksum(named, rest.lower())
    if "://" in rest and not _address.is_url(rest):
        raise InvalidOption(f"{option}: the address has no known algorithm before it; {_FORMS}.")
    if _address.is_url(rest) or ("/" in rest and "\n" not in rest and not rest.endswith("/")):
        _fetch.local_path(rest, option)
        return ChecksumAddress(rest, algorithm or None)
    shown = text if len(text) <= 80 else text[:77] + "..."
    raise InvalidOption(f"{option}: {shown!r} is no checksum; {_FORMS}.")


def resolve(value: str, source: str, *, option: str = "checksum", http: _fetch.HttpOptions | None = None) -> Checksum:
    """The checksum that an option declares for a file, looked up in a file of checksums if need be.

    :param source: path or address of the file whose checksum is wanted, or its name alone.
    :param http: how to speak to the server of the source; one of checksums elsewhere gets neither login nor headers.
    :raises InvalidOption: if the value is no checksum.
    :raises FileProblem, TransferProblem: if the file of checksums cannot be read.
    :raises ChecksumMismatch: if it has no checksum for the file, or several that contradict each other.
    """
    declared = parse(value, option)
    if isinstance(declared, Checksum):
        return declared
    http = (http or _fetch.HttpOptions()).beside(source, declared.address)
    address, text = _read(declared.address, http, option)
    found = _checksum_file.entries(text, _address.file_name_of(address))
    chosen = _checksum_choice.choose(found, source, address, option, declared.algorithm)
    return Checksum(chosen.algorithm, chosen.digest)


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


def _read(address: str, http: _fetch.HttpOptions, option: str) -> tuple[str, str]:
    """A file of checksums: its address, or absolute path, and its text."""
    path = _fetch.local_path(address, option)
    if path is None:
        content = _FETCHED.content(address, http, option)
    else:
        file = _content.open_local(path, option)
        if file.size > _LARGEST_FILE:
            raise FileProblem(f"{option}: {file.path} is larger than {_LARGEST_FILE} bytes.", path=file.path)
        address, content = file.path, b"".join(_content.read_blocks(file))
    text = _checksum_file.decoded(content)
    if text is None or _checksum_file.is_page(text):
        shown, what = _address.public_address(address), "is not text" if text is None else "is a web page"
        raise TransferProblem(f"{option}: {shown} is no file of checksums: it {what}.", address=shown)
    return address, text


class _Fetched:
    """Files of checksums that this process has asked servers for, and what came of it.

    Many images may name one file. It is asked for once, and where it cannot be had, it is waited for once.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[tuple[str, str], concurrent.futures.Future[bytes]] = {}

    def content(self, address: str, http: _fetch.HttpOptions, option: str) -> bytes:
        """The content of a file of checksums, at most :data:`_LARGEST_FILE` bytes.

        :raises TransferProblem: if it could not be had, now or when it was asked for first.
        """
        with self._lock:
            key = (address, repr(http))
            is_first = key not in self._answers
            answer = self._answers.setdefault(key, concurrent.futures.Future())
        if is_first:
            try:
                answer.set_result(_fetch.read_small(address, http, _LARGEST_FILE, option))
            except BaseException as problem:  # all who wait for it have to know
                answer.set_exception(problem)
        return answer.result()


_FETCHED = _Fetched()
