# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of checksums of every make: what is read in them, and which line is that of a file."""

from __future__ import annotations

import base64
import hashlib
import string
import subprocess
from pathlib import Path

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _checksum_choice, _checksum_file
from ansible_collections.cloudimage.glance.plugins.module_utils._checksum_file import Entry
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import ChecksumMismatch
from hypothesis import given
from hypothesis import strategies as st

ALGORITHMS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
SHA256, OTHER = "ab" * 32, "cd" * 32

algorithms = st.sampled_from(ALGORITHMS)
names = st.text(string.ascii_letters + string.digits + "._-+ ()=*\\é\n", min_size=1, max_size=30).filter(
    lambda name: name.strip() == name and name != "-"
)


def digest_of(algorithm: str, content: str = "") -> str:
    return hashlib.new(algorithm, content.encode(), usedforsecurity=False).hexdigest()


def chosen(text: str, source: str, address: str = "SUMS", algorithm: str | None = None) -> tuple[str, str]:
    """Algorithm and digest of a source in a file of checksums with this text."""
    found = _checksum_file.entries(text, address.rpartition("/")[2])
    entry = _checksum_choice.choose(found, source, address, algorithm=algorithm)
    return entry.algorithm, entry.digest


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
    found = _checksum_file.entries(end.join(lines))
    assert [entry.name for entry in found] == ["another", name]
    if name != "another":
        assert _checksum_choice.choose(found, name, "SUMS") == Entry(name, algorithm, digest_of(algorithm))


@given(
    names.filter(lambda name: "\n" not in name and "\\" not in name),
    algorithms,
    st.sampled_from(["{} ({}) = {}", "{}({})= {}"]),
)
def test_bsd_lines(name: str, algorithm: str, form: str) -> None:
    line = form.format(algorithm.upper(), name, digest_of(algorithm))
    assert _checksum_file.entries(line) == [Entry(name, algorithm, digest_of(algorithm))]


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
        found = _checksum_file.entries(output)
        assert found == [Entry(name, algorithm, digest_of(algorithm, name)) for name in paths]


def test_a_lone_digest_is_for_any_name() -> None:
    for text in (SHA256, f"{SHA256.upper()}\r\n", f"\ufeff{SHA256}\n"):
        assert chosen(text, "any") == ("sha256", SHA256)
    with pytest.raises(ChecksumMismatch, match="no checksum for 'any'"):
        _checksum_choice.choose(_checksum_file.entries(f"{SHA256}\n{OTHER}\n"), "any", "SUMS")


def test_the_strongest_algorithm_wins_unless_one_is_named() -> None:
    found = [Entry("a", name, digest_of(name)) for name in ("sha512", "md5", "sha256")]
    assert _checksum_choice.choose(found, "a", "SUMS").algorithm == "sha512"
    assert _checksum_choice.choose(found, "a", "SUMS", algorithm="md5").algorithm == "md5"
    with pytest.raises(ChecksumMismatch, match="holds no sha1 checksum"):
        _checksum_choice.choose(found, "a", "SUMS", algorithm="sha1")


def test_names_in_folders() -> None:
    found = _checksum_file.entries(f"{SHA256}  ./a\n{OTHER}  old/a\n{OTHER}  new/b\n")
    assert _checksum_choice.choose(found, "a", "SUMS").digest == SHA256
    assert _checksum_choice.choose(found, "b", "SUMS").digest == OTHER
    twice = _checksum_file.entries(f"{SHA256}  x/a\n{OTHER}  y/a\n")
    with pytest.raises(ChecksumMismatch, match=r"SUMS has 2 different sha256 checksums for 'a'"):
        _checksum_choice.choose(twice, "a", "SUMS")


def test_what_is_no_file_of_checksums() -> None:
    for text in ("", "<html>no such page</html>", f"{SHA256[:-1]}  a", f"SHA1 (a) = {SHA256}"):
        with pytest.raises(ChecksumMismatch, match="holds no checksum"):
            _checksum_choice.choose(_checksum_file.entries(text), "a", "SUMS")


LINES = {
    "leading blanks": "  {digest}  disk.raw",
    "leading tab": "\t{digest}  disk.raw",
    "binary": "{digest} *disk.raw",
    "one blank": "{digest} disk.raw",
    "tab": "{digest}\tdisk.raw",
    "many blanks": "{digest}      disk.raw",
    "trailing blanks": "{digest}  disk.raw  ",
    "upper case": "{upper}  disk.raw",
    "in this folder": "{digest}  ./disk.raw",
    "absolute": "{digest}  /srv/build/disk.raw",
    "above": "{digest}  ../disk.raw",
    "Windows": "{digest} *C:\\build\\disk.raw",
    "Windows, relative": "{digest}  .\\disk.raw",
    "quoted": '{digest}  "disk.raw"',
    "percent": "{digest}  disk%2Eraw",
    "algorithm before": "sha256:{digest}  disk.raw",
    "algorithm before, with blanks": "SHA256 {digest}  C:\\build\\disk.raw",
    "name first": "disk.raw {digest}",
    "name first, with a colon": "disk.raw: {digest}",
    "name first, with tab": "disk.raw\t{digest}",
    "name first, equal sign": "disk.raw = {digest}",
    "name first and algorithm": "disk.raw sha256:{digest}",
    "YAML": "  disk.raw: 'sha256:{digest}'",
    "YAML, quoted": "  disk.raw: '{digest}'",
    "JSON": '  "disk.raw": "{digest}",',
    "JSON, with algorithm": '"disk.raw": "sha256:{digest}"',
    "Markdown": "disk.raw: `{digest}`",
    "Debian's Release": "SHA256:\n {digest}     1234 disk.raw",
    "algorithm and sum": "disk.raw  SHA-256: {digest}",
    "BSD": "SHA256 (disk.raw) = {digest}",
    "BSD, leading blank": "  SHA256 (disk.raw) = {digest}",
    "BSD, with folder": "SHA256 (./disk.raw) = {digest}",
    "OpenSSL": "SHA256(disk.raw)= {digest}",
    "OpenSSL 3": "SHA2-256(disk.raw)= {digest}",
    "base64": "SHA256 (disk.raw) = {base64}",
    "base64, untagged": "{base64}  disk.raw",
    "NFD": "{digest}  disk.raw",
    "alone": "{digest}",
    "alone, with algorithm": "sha256:{digest}",
    "alone, labelled": "SHA256 = {digest}",
    "standard input": "{digest}  -",
    "standard input, binary": "{digest} *-",
    "standard input, tagged": "SHA256 (-) = {digest}",
    "CertUtil": "SHA256 hash of C:\\build\\disk.raw:\r\n{digest}\r\nCertUtil: -hashfile command completed successfully.",
    "Get-FileHash": "\nAlgorithm : SHA256\nHash      : {upper}\nPath      : C:\\build\\disk.raw\n",
    "Get-FileHash, table": "Algorithm  Hash  Path\n---------  ----  ----\nSHA256     {upper}   C:\\build\\disk.raw",
}


@pytest.mark.parametrize("form", LINES.values(), ids=list(LINES))
@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\r"], ids=repr)
def test_every_form_of_a_line(form: str, end: str) -> None:
    sixtyfour = base64.b64encode(bytes.fromhex(SHA256)).decode()
    line = form.format(digest=SHA256, upper=SHA256.upper(), base64=sixtyfour)
    assert chosen(line.replace("\n", end or "\n") + end, "/x/disk.raw") == ("sha256", SHA256)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_encodings_that_tools_write(encoding: str) -> None:
    mark = "\ufeff" if encoding.endswith(("le", "be")) else ""
    text = _checksum_file.decoded((mark + f"{SHA256}  bär.raw\r\n").encode(encoding))
    assert text is not None and chosen(text, "bär.raw") == ("sha256", SHA256)


def test_bytes_that_are_no_text() -> None:
    assert _checksum_file.decoded(bytes(100)) is None
    assert _checksum_file.decoded(f"{SHA256}  a".encode("utf-16-le")) is None
    assert chosen(_checksum_file.decoded(f"{SHA256}  b\xe4r\n{OTHER}  a\n".encode("iso-8859-1")) or "", "a") == (
        "sha256",
        OTHER,
    )


@pytest.mark.parametrize(
    "line",
    [
        "# {digest}  disk.raw",
        "{digest}  Disk.raw",
        "{digest}  disk.raw.xz",
        "\\{digest}  disk\\.raw",
        "BLAKE2b-256 (disk.raw) = {digest}",
        "SHA512-256(disk.raw)= {digest}",
        "SHA2-512/256(disk.raw)= {digest}",
        "SHA512/256 (disk.raw) = {digest}",
        "SHA3-256 (disk.raw) = {digest}",
        "HMAC-SHA256(disk.raw)= {digest}",
        "blake2s:{digest}  disk.raw",
        "disk.raw sha3-256:{digest}",
        "blake3: {digest}",
        "{digest}  disk.raw and more",
        "<pre>\n{digest}  disk.raw\n</pre>",
        "# SHA512 HASH\n{digest}  disk.raw",
    ],
)
def test_what_is_not_the_checksum_of_the_file(line: str) -> None:
    with pytest.raises(ChecksumMismatch, match=r"^checksum: SUMS h.* no checksum.*\.$"):
        chosen(line.format(digest=SHA256), "disk.raw")


@pytest.mark.parametrize(
    "names", [("SHA512", "BLAKE2B"), ("BLAKE2B", "SHA512"), ("WHIRLPOOL", "sha512"), ("SHA3-512", "SHA-512")]
)
@pytest.mark.parametrize(
    "form",
    [
        "# {} HASH",
        "{}:",
        "### {} checksums",
        "[{}]",
        "# Checksums ({})",
        "Algorithm: {}",
        "{}SUMS",
        "{} checksum of disk.raw:",
    ],
)
def test_headings_tell_algorithms_of_one_length(names: tuple[str, str], form: str) -> None:
    digests = {name: ("ab" if "512" in name and "3-" not in name else "cd") * 64 for name in names}
    text = "".join(f"{form.format(name)}\n{digests[name]}  disk.raw\n" for name in names)
    for algorithm in (None, "sha512"):
        assert chosen(text, "disk.raw", algorithm=algorithm) == ("sha512", "ab" * 64)


def test_an_algorithm_that_is_not_supported_is_named() -> None:
    with pytest.raises(ChecksumMismatch, match=r"has no checksum for 'disk\.raw', only blake2b"):
        chosen(f"{SHA256}  other\nBLAKE2b (disk.raw) = {'cd' * 64}\n", "disk.raw")
    for name in ("B2SUMS", "disk.raw.b2", "disk.raw.blake2b.asc", "SHA3-512SUMS", "WHIRLPOOL.txt"):
        with pytest.raises(ChecksumMismatch, match="holds no checksum"):
            chosen("ab" * 64 + "  disk.raw", "disk.raw", f"https://example.com/{name}")
    for name in ("SHA512SUMS", "sha512sum.txt", "Fedora-b2-CHECKSUM", "x-crc-1.sums", "disk.raw.sha-512"):
        assert chosen("ab" * 64 + "  disk.raw", "disk.raw", f"https://example.com/{name}") == ("sha512", "ab" * 64)


BUILT = f"{SHA256}  Leap-16.0-Minimal-VM.x86_64-Cloud-Build1.2.qcow2\n"


@pytest.mark.parametrize(
    "suffix",
    [
        ".sha256",
        ".SHA256",
        ".sha256sum",
        ".sha256sums",
        ".sha256.txt",
        ".sha256.asc",
        ".CHECKSUM",
        "-CHECKSUM",
        ".sha-256",
    ],
)
def test_what_is_named_after_a_link_may_name_what_is_behind_it(suffix: str) -> None:
    link = "https://example.com/leap/Leap-16.0-Minimal-VM.x86_64-Cloud.qcow2"
    assert chosen(BUILT, link, link + suffix) == ("sha256", SHA256)
    assert chosen(BUILT, link + "?token=1", link + suffix + "?token=2") == ("sha256", SHA256)
    assert chosen(BUILT, "/srv/Leap-16.0-Minimal-VM.x86_64-Cloud.qcow2", link + suffix) == ("sha256", SHA256)
    for text, source, address in (
        (BUILT + f"{OTHER}  other\n", link, link + suffix),
        (BUILT + f"{OTHER}  Leap-16.0-Minimal-VM.x86_64-Cloud-Build1.2.qcow2\n", link, link + suffix),
        (BUILT, link, "https://example.com/leap/SHA256SUMS"),
        (BUILT, link, link + ".old"),
        (BUILT, link + ".xz", link + suffix),
        (BUILT, link, link.replace("Leap-16.0", "Leap-15.6") + suffix),
    ):
        with pytest.raises(ChecksumMismatch, match="has no checksum for"):
            chosen(text, source, address)


TREE = f"{SHA256}  amd64/disk.raw\n{OTHER}  arm64/disk.raw\n"


@pytest.mark.parametrize(
    "text",
    [
        TREE,
        TREE.replace("  ", "  ./"),
        TREE.replace("/", "\\"),
        TREE.replace("  ", " */srv/build/"),
        TREE.replace("/", "\\").replace("  ", "  C:\\x\\"),
    ],
)
@pytest.mark.parametrize(
    ("folder", "address"),
    [
        ("https://example.com/13", "https://example.com/13/SHA256SUMS"),
        ("https://kim:hush@Example.com/13", "https://example.com/13/SHA256SUMS?token=hush"),
        ("https://mirror.example.org/debian", "https://example.com/13/SHA256SUMS"),
        ("/srv/images", "/srv/images/SHA256SUMS"),
        ("file:///srv/images", "/srv/images/SHA256SUMS"),
        ("/mnt/elsewhere", "https://example.com/13/SHA256SUMS"),
    ],
)
def test_its_place_tells_which_file_of_a_tree_is_meant(text: str, folder: str, address: str) -> None:
    assert chosen(text, f"{folder}/amd64/disk.raw", address) == ("sha256", SHA256)
    assert chosen(text, f"{folder}/arm64/d%69sk.raw" if "//" in folder else f"{folder}/arm64/disk.raw", address) == (
        "sha256",
        OTHER,
    )
    with pytest.raises(
        ChecksumMismatch, match=r"2 different sha256 checksums for 'disk.raw' \(.*amd64.*arm64"
    ) as problem:
        chosen(text, f"{folder}/riscv64/disk.raw", address)
    assert "hush" not in problem.value.message


def test_the_nearest_of_files_with_one_name() -> None:
    text = f"{SHA256}  disk.raw\n{OTHER}  old/disk.raw\n"
    assert chosen(text, "https://a/x/disk.raw", "https://a/x/SUMS") == ("sha256", SHA256)
    assert chosen(text, "https://a/x/old/disk.raw", "https://a/x/SUMS") == ("sha256", OTHER)
    assert chosen(text, "https://b/y/disk.raw", "https://a/x/SUMS") == ("sha256", SHA256)
    up = f"{SHA256}  ../img/disk.raw\n{OTHER}  disk.raw\n"
    assert chosen(up, "https://a/x/img/disk.raw", "https://a/x/sums/SUMS") == ("sha256", SHA256)


def test_names_as_they_are_come_first() -> None:
    text = f"{SHA256}   disk.raw\n{OTHER}  disk.raw\n"
    assert chosen(text, "disk.raw") == ("sha256", OTHER)
    assert chosen(text, " disk.raw") == ("sha256", SHA256)
    text = f"{SHA256}  a%20b\n{OTHER}  a b\n"
    assert chosen(text, "https://a/a%20b", "https://a/SUMS") == ("sha256", OTHER)
    assert chosen(text, "https://a/a%2520b", "https://a/SUMS") == ("sha256", SHA256)


def test_digests_without_a_name_in_several_algorithms() -> None:
    assert chosen(f"{SHA256}\n{'ab' * 64}\n", "any") == ("sha512", "ab" * 64)
    assert chosen(f"{SHA256}  -\n{SHA256}  -\n", "any") == ("sha256", SHA256)
    for text in (f"{SHA256}  -\n{OTHER}  -\n", f"{SHA256}  -\n{OTHER}  other\n"):
        with pytest.raises(ChecksumMismatch, match="no checksum for 'any'"):
            chosen(text, "any")


def test_what_coreutils_write_in_other_algorithms(tmp_path: Path) -> None:
    (tmp_path / "disk.raw").write_text("x")

    def said(*command: str) -> str:
        return subprocess.run([*command, "disk.raw"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    for algorithm in ALGORITHMS:
        assert _checksum_file.entries(said("cksum", "-a", algorithm)) == [
            Entry("disk.raw", algorithm, digest_of(algorithm, "x"))
        ]
    assert chosen(said("sha512sum") + said("b2sum", "--tag"), "disk.raw") == ("sha512", digest_of("sha512", "x"))
    with pytest.raises(ChecksumMismatch, match="only blake2b"):
        chosen(f"{SHA256}  x\n" + said("cksum", "-a", "blake2b"), "disk.raw")
    with pytest.raises(ChecksumMismatch, match="only b2"):
        chosen(said("b2sum"), "disk.raw", "https://example.com/B2SUMS")


@pytest.mark.parametrize(
    "unit", [" ", "a", "ab", "a ", ":", "sha256 ", "#", "(", ")=", "\\\\", "-", "hash ", "=a", "'", "ab" * 32 + " "]
)
def test_no_line_is_too_long_to_be_read(unit: str) -> None:
    """A quadratic rule would not come to its end."""
    for line in (
        unit * (200_000 // len(unit)),
        "x" + unit * (200_000 // len(unit)) + "x",
        "SHA256 (" + unit * (200_000 // len(unit)),
        SHA256 + unit * (200_000 // len(unit)),
    ):
        _checksum_file.entries(line)


@given(st.text(string.printable + "é漢\\"), names)
def test_whatever_is_in_a_file_gets_an_answer_or_a_sentence(text: str, name: str) -> None:
    try:
        chosen(text, name)
    except ChecksumMismatch as problem:
        assert problem.message.startswith("checksum: SUMS ")
