# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checksums: the forms that an option takes, and files of checksums of every make."""

from __future__ import annotations

import hashlib
import string
from pathlib import Path

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _checksum, _content
from ansible_collections.cloudimage.glance.plugins.module_utils._checksum import Checksum, ChecksumAddress
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import (
    ChecksumMismatch,
    CollectionError,
    FileProblem,
    InvalidOption,
)
from hypothesis import given
from hypothesis import strategies as st

ALGORITHMS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
SHA256 = "ab" * 32

algorithms = st.sampled_from(ALGORITHMS)


def digest_of(algorithm: str, content: str = "") -> str:
    return hashlib.new(algorithm, content.encode(), usedforsecurity=False).hexdigest()


@given(algorithms, st.booleans(), st.booleans())
def test_digests_with_and_without_algorithm(algorithm: str, named: bool, upper: bool) -> None:
    digest = digest_of(algorithm)
    value = (f"{algorithm}:" if named else "") + digest
    assert _checksum.parse(f" {value.upper() if upper else value} ") == Checksum(algorithm, digest)


@pytest.mark.parametrize(
    ("value", "address", "algorithm"),
    [
        ("https://example.com/SHA256SUMS", "https://example.com/SHA256SUMS", None),
        ("sha512:http://example.com:8080/S?a=b", "http://example.com:8080/S?a=b", "sha512"),
        ("sha256:file:///tmp/S", "file:///tmp/S", "sha256"),
        ("/srv/SUMS", "/srv/SUMS", None),
        ("sha-256:./SUMS", "./SUMS", "sha256"),
    ],
)
def test_addresses(value: str, address: str, algorithm: str | None) -> None:
    assert _checksum.parse(value) == ChecksumAddress(address, algorithm)


@pytest.mark.parametrize(
    "value", ["", "x", "SHA256SUMS", "sha256:", "sha256:xyz", "abc", "sha3-256:" + SHA256, "ftp://a/b", "http://", "a/"]
)
def test_nonsense_is_refused_by_name(value: str) -> None:
    with pytest.raises(InvalidOption, match=r"^sum: .*\.$"):
        _checksum.parse(value, "sum")


def test_a_file_beside_is_named_with_a_slash() -> None:
    with pytest.raises(InvalidOption, match=r"path .with a slash, as in ./SHA256SUMS. of a file of checksums"):
        _checksum.parse("SHA256SUMS")
    assert _checksum.parse("./SHA256SUMS") == _checksum.ChecksumAddress("./SHA256SUMS")


def test_credentials_do_not_get_into_messages() -> None:
    for value in ("ftp://kim:hush@example.com/S", "sha9:https://kim:hush@example.com/S"):
        with pytest.raises(InvalidOption) as problem:
            _checksum.parse(value)
        assert "hush" not in problem.value.message


@given(st.text(string.printable + "é漢"))
def test_whatever_is_said_gets_an_answer_or_a_sentence(value: str) -> None:
    try:
        _checksum.parse(value)
    except InvalidOption as problem:
        assert problem.message.startswith("checksum: ")


def test_resolving_a_local_file_of_checksums(tmp_path: Path) -> None:
    sums = tmp_path / "SUMS"
    sums.write_text(f"{SHA256}  a b.img\n")
    for value in (str(sums), f"sha256:{sums}", f"file://{sums}"):
        for name in ("a b.img", "/x/a b.img", "https://example.com/x/a%20b.img?token=1"):
            assert _checksum.resolve(value, name) == Checksum("sha256", SHA256)
    sums.write_bytes(bytes(100))
    with pytest.raises(CollectionError, match="not text"):
        _checksum.resolve(str(sums), "a")
    sums.write_bytes(b"x" * (1024 * 1024 + 1))
    with pytest.raises(FileProblem, match="larger"):
        _checksum.resolve(str(sums), "a")


def test_verifying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "a").write_text("content")
    file = _content.open_local(str(tmp_path / "a"))
    _checksum.verify(file, Checksum("sha256", digest_of("sha256", "content")))
    with pytest.raises(ChecksumMismatch, match=r"^sum: .*/a has the sha256 digest") as problem:
        _checksum.verify(file, Checksum("sha256", SHA256), "sum")
    assert problem.value.details["expected"] == f"sha256:{SHA256}"
