# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Archives: known by their bytes, whole or refused, bounded in memory."""

from __future__ import annotations

import bz2
import functools
import gzip
import io
import lzma
import random
import subprocess
import tracemalloc
import typing as t

import pytest
import zstandard
from ansible_collections.cloudimage.glance.plugins.module_utils import _archive, _unpack, _xz_blocks
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import FileProblem
from hypothesis import given, settings
from hypothesis import strategies as st

MIB = 1024 * 1024
PACKERS: dict[str, t.Callable[[bytes], bytes]] = {
    "xz": lambda content: lzma.compress(content, preset=0),
    "gz": lambda content: gzip.compress(content, 1),
    "bz2": lambda content: bz2.compress(content, 1),
    "zst": zstandard.ZstdCompressor(level=1, write_checksum=True).compress,
}
kinds = st.sampled_from(list(PACKERS))
contents = st.binary(max_size=3000) | st.builds(
    lambda part, count: part * count, st.binary(max_size=9), st.integers(0, 50_000)
)


def blocks(content: bytes, size: int) -> t.Iterator[bytes]:
    stream = io.BytesIO(content)
    return iter(lambda: stream.read(size), b"")


def unpack(kind: str, packed: bytes, size: int = 4096) -> bytes:
    return b"".join(_unpack.unpacked(_archive.Reader(blocks(packed, size)), kind, _archive.Archive("archive")))


@settings(deadline=None)
@given(kinds, st.lists(contents, min_size=1, max_size=3), st.integers(1, 5000))
def test_members_of_any_content_in_blocks_of_any_size(kind: str, members: list[bytes], size: int) -> None:
    packed = b"".join(map(PACKERS[kind], members))
    assert _unpack.sniff(packed[: _unpack.HEAD_SIZE]) == kind
    assert unpack(kind, packed, size) == b"".join(members)


@settings(deadline=None)
@given(kinds, contents, st.data())
def test_a_cut_archive_is_refused_wherever_it_is_cut(kind: str, content: bytes, data: st.DataObject) -> None:
    packed = PACKERS[kind](content)
    cut = data.draw(st.integers(1, len(packed) - 1))
    with pytest.raises(FileProblem, match=f"^The {kind} archive archive is corrupt"):
        unpack(kind, packed[:cut])


@pytest.mark.parametrize("kind", PACKERS)
def test_bombs_come_in_small_pieces(kind: str) -> None:
    packed = PACKERS[kind](bytes(64 * MIB))
    tracemalloc.start()
    try:
        sizes = [
            len(piece)
            for piece in _unpack.unpacked(_archive.Reader(blocks(packed, MIB)), kind, _archive.Archive("bomb"))
        ]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sum(sizes) == 64 * MIB and max(sizes) <= _archive.BLOCK_SIZE
    assert peak < 16 * MIB


@pytest.mark.parametrize("options", [{}, {"write_checksum": True}, {"write_content_size": False}])
@pytest.mark.parametrize("size", [0, 1, 300, 70_000, 3_000_000])
def test_zstd_frames_of_every_make(options: dict[str, bool], size: int) -> None:
    content = bytes(index * index % 251 for index in range(size))
    skipped = b"\x5a\x2a\x4d\x18\x04\0\0\0skip"
    streamed = zstandard.ZstdCompressor(**options).compressobj()
    frames = [zstandard.ZstdCompressor(**options).compress(content), streamed.compress(content) + streamed.flush()]
    assert unpack("zst", skipped + frames[0] + skipped + frames[1] + skipped, 777) == content * 2
    with pytest.raises(FileProblem):
        unpack("zst", frames[1][:-1])


@given(st.binary(max_size=32))
def test_what_is_no_archive_is_not_taken_for_one(head: bytes) -> None:
    magics = (b"\xfd7z", b"\x1f\x8b", b"BZh", b"\x28\xb5\x2f\xfd")
    if not head.startswith(magics) and head[1:4] != b"\x2a\x4d\x18":
        assert _unpack.sniff(head) is None


def test_a_reader_looks_ahead() -> None:
    reader = _archive.Reader([b"ab", b"", b"never"])
    assert reader.peek(1) == b"ab"[:1] and reader.peek(10) == b"ab"
    assert reader.read(1) == b"a" and reader.read(5) == b"b" and reader.read() in (b"never", b"")


# xz archives in blocks, unpacked by several threads


def xz_blocks(content: bytes, *options: str) -> bytes:
    """Pack as ``xz -T`` does."""
    command = ["xz", "-T2", "-0", "--block-size=65536", *options, "-c"]
    return subprocess.run(command, input=content, capture_output=True, check=True, timeout=60).stdout


def unpack_blocks(packed: bytes, size: int = 4096) -> tuple[bytes, bytes]:
    """What the threads unpack, and what they leave to others."""
    output = bytearray()

    def reserve(size: int) -> None:
        output.extend(bytes(size - len(output)))

    def write(offset: int, piece: bytes) -> None:
        output[offset : offset + len(piece)] = piece

    reader = _archive.Reader(blocks(packed, size))
    assert _xz_blocks.unpack(reader, _archive.Archive("archive"), write, reserve) == len(output)
    return bytes(output), b"".join(reader)


@pytest.mark.parametrize("check", ["none", "crc32", "crc64", "sha256"])
@pytest.mark.parametrize("size", [1, 65536, 300_001])
def test_blocks_of_every_make(check: str, size: int) -> None:
    content = random.Random(size).randbytes(size // 2) + bytes(size - size // 2)
    packed = xz_blocks(content, f"--check={check}")
    for read in (777, MIB):
        assert unpack_blocks(packed, read) == (content, b"")
    assert unpack_blocks(packed + bytes(8) + packed) == (content * 2, b"")


def test_what_has_no_sizes_is_left_to_the_sequential_way() -> None:
    content = bytes(range(256)) * 1000
    plain = PACKERS["xz"](content)
    assert unpack_blocks(plain) == (b"", plain)
    assert unpack_blocks(xz_blocks(content) + plain) == (content, plain)
    assert unpack_blocks(b"") == (b"", b"")


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_damage_to_blocks_is_found(data: st.DataObject) -> None:
    content = random.Random(1).randbytes(150_000)
    packed = xz_blocks_once(content)
    cut = data.draw(st.integers(1, len(packed) - 1))
    flip = data.draw(st.integers(1, 255))
    damaged = packed[:cut] + bytes([packed[cut] ^ flip]) + packed[cut + 1 :]
    for bad in (packed[:cut], damaged):
        try:
            _output, rest = unpack_blocks(bad)
        except FileProblem:
            continue
        # What is no archive in blocks any more is refused by the one who gets the rest
        assert rest
        with pytest.raises(FileProblem):
            unpack("xz", rest)


@functools.cache
def xz_blocks_once(content: bytes) -> bytes:
    return xz_blocks(content)
