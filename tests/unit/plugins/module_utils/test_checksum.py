# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checksums: the forms that an option takes, and files of checksums of every make."""

from __future__ import annotations

import hashlib
import string
import subprocess
from pathlib import Path

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _checksum, _content
from ansible_collections.cloudimage.glance.plugins.module_utils._checksum import Checksum, ChecksumAddress, Entry
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import (
    ChecksumMismatch,
    CollectionError,
    FileProblem,
    InvalidOption,
)
from hypothesis import given
from hypothesis import strategies as st

ALGORITHMS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
SHA256, OTHER = "ab" * 32, "cd" * 32

algorithms = st.sampled_from(ALGORITHMS)
names = st.text(string.ascii_letters + string.digits + "._-+ ()=*\\é\n", min_size=1, max_size=30).filter(
    lambda name: name.strip() == name
)


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


def gnu(name: str, digest: str, mode: str = " ") -> str:
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n")
    head = "\\" if escaped != name else ""
    return f"{head}{digest} {mode}{escaped}"


@given(names, algorithms, st.sampled_from([" ", "*"]), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_gnu_lines(name: str, algorithm: str, mode: str, end: str, signed: bool) -> None:
    lines = [gnu("another", digest_of(algorithm, "x")), gnu(name, digest_of(algorithm), mode), "# remark", ""]
    if signed:
        lines = [
            "-----BEGIN PGP SIGNED MESSAGE-----",
            "Hash: SHA512",
            "",
            *lines,
            "-----BEGIN PGP SIGNATURE-----",
            f"{digest_of(algorithm, 'forged')}  {name}",
            "-----END PGP SIGNATURE-----",
        ]
    found = _checksum.entries(end.join(lines))
    assert [entry.name for entry in found] == ["another", name]
    if name != "another":
        assert _checksum.choose(found, name, "SUMS") == Checksum(algorithm, digest_of(algorithm))


@given(
    names.filter(lambda name: "\n" not in name and "\\" not in name),
    algorithms,
    st.sampled_from(["{} ({}) = {}", "{}({})= {}"]),
)
def test_bsd_lines(name: str, algorithm: str, form: str) -> None:
    line = form.format(algorithm.upper(), name, digest_of(algorithm))
    assert _checksum.entries(line) == [Entry(name, algorithm, digest_of(algorithm))]


def test_what_coreutils_write(tmp_path: Path) -> None:
    for name in ("plain", "with space", "back\\slash", "line\nbreak"):
        (tmp_path / name).write_text(name)
    for command, algorithm in (
        (["sha256sum"], "sha256"),
        (["sha256sum", "-b"], "sha256"),
        (["sha512sum", "--tag"], "sha512"),
    ):
        paths = sorted(path.name for path in tmp_path.iterdir())
        output = subprocess.run(
            [*command, "--", *paths], cwd=tmp_path, capture_output=True, check=True, text=True
        ).stdout
        found = _checksum.entries(output)
        assert found == [Entry(name, algorithm, digest_of(algorithm, name)) for name in paths]


def test_a_lone_digest_is_for_any_name() -> None:
    for text in (SHA256, f"{SHA256.upper()}\r\n", f"\ufeff{SHA256}\n"):
        assert _checksum.choose(_checksum.entries(text), "any", "SUMS") == Checksum("sha256", SHA256)
    with pytest.raises(ChecksumMismatch, match="no checksum for 'any'"):
        _checksum.choose(_checksum.entries(f"{SHA256}\n{OTHER}\n"), "any", "SUMS")


def test_the_strongest_algorithm_wins_unless_one_is_named() -> None:
    found = [Entry("a", name, digest_of(name)) for name in ("sha512", "md5", "sha256")]
    assert _checksum.choose(found, "a", "SUMS").algorithm == "sha512"
    assert _checksum.choose(found, "a", "SUMS", algorithm="md5").algorithm == "md5"
    with pytest.raises(ChecksumMismatch, match="holds no sha1 checksum"):
        _checksum.choose(found, "a", "SUMS", algorithm="sha1")


def test_names_in_folders() -> None:
    found = _checksum.entries(f"{SHA256}  ./a\n{OTHER}  old/a\n{OTHER}  new/b\n")
    assert _checksum.choose(found, "a", "SUMS").digest == SHA256
    assert _checksum.choose(found, "b", "SUMS").digest == OTHER
    twice = _checksum.entries(f"{SHA256}  x/a\n{OTHER}  y/a\n")
    with pytest.raises(ChecksumMismatch, match=r"SUMS has 2 different sha256 checksums for 'a'"):
        _checksum.choose(twice, "a", "SUMS")


def test_what_is_no_file_of_checksums() -> None:
    for text in ("", "<html>no such page</html>", f"{SHA256[:-1]}  a", f"SHA1 (a) = {SHA256}"):
        with pytest.raises(ChecksumMismatch, match="holds no checksum"):
            _checksum.choose(_checksum.entries(text), "a", "SUMS")


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
