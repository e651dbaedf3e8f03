# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Archives that are sound, and yet not plain: something follows them, or they need more memory than others."""

from __future__ import annotations

import lzma
import random
import subprocess
import typing as t
import zlib

import pytest
import zstandard
from ansible_collections.cloudimage.glance.plugins.module_utils import _archive, _unpack, _xz_blocks, _xz_format
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import FileProblem
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.test_unpack import PACKERS, blocks

MIB = 1024 * 1024


def unpack(packed: bytes, kind: str, size: int = 4096, memory: int = _archive.MEMORY) -> tuple[bytes, list[str]]:
    """What comes out of an archive, and the warnings."""
    told: list[str] = []
    archive = _archive.Archive("/srv/disk", memory, told.append)
    reader, output = _archive.Reader(blocks(packed, size)), bytearray()

    def write(offset: int, piece: bytes) -> None:
        output[offset : offset + len(piece)] = piece

    if kind == "xz":
        _xz_blocks.unpack(reader, archive, write, lambda size: output.extend(bytes(size - len(output))))
    for piece in _unpack.unpacked(reader, kind, archive):
        output.extend(piece)
    assert not reader.read(), "a digest of all that is read would be wrong"
    return bytes(output), told


def xz(content: bytes, *options: str) -> bytes:
    return subprocess.run(["xz", *options, "-c"], input=content, capture_output=True, check=True, timeout=60).stdout


# What follows an archive

TRAILERS = [
    b"g",
    b"garbage",
    b"\n",
    b'{"metadata_version": "1.1"}' * 500,
    bytes(512) + b"garbage",
    b"\xfd8zXZ\0 and more",
]
MAKERS: dict[str, t.Callable[[bytes], bytes]] = {
    **PACKERS,
    "xz -T2": lambda content: xz(content, "-T2", "-0", "--block-size=4096"),
    "two of gz": lambda content: PACKERS["gz"](content[:9]) + bytes(100) + PACKERS["gz"](content[9:]),
    "two of zst": lambda content: PACKERS["zst"](content[:9]) + bytes(100) + PACKERS["zst"](content[9:]),
}
CONTENT = random.Random(1).randbytes(20_000)


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("size", [1, 7, 4096])
def test_zeros_are_left_out_silently_and_all_else_with_a_warning(maker: str, size: int) -> None:
    kind, packed = maker.split()[-1] if maker.startswith("two") else maker.split()[0], MAKERS[maker](CONTENT)
    assert unpack(packed, kind, size) == (CONTENT, [])
    assert unpack(packed + bytes(10_000), kind, size) == (CONTENT, [])
    for trailer in TRAILERS:
        content, (warning,) = unpack(packed + trailer, kind, size)
        assert content == CONTENT
        assert f" {len(trailer)} bytes follow it" in warning and "/srv/disk" in warning


@pytest.mark.parametrize(
    ("kind", "packed"),
    [
        ("zst", zstandard.ZstdCompressor().compress(CONTENT)),
        (
            "zst",
            zstandard.ZstdCompressor(write_checksum=True).compress(CONTENT)
            + zstandard.ZstdCompressor().compress(CONTENT),
        ),
        ("xz", lzma.compress(CONTENT, check=lzma.CHECK_NONE)),
        ("xz", xz(CONTENT, "-T2", "--block-size=4096", "--check=none")),
    ],
)
def test_what_has_no_checksum_is_not_known_to_be_whole(kind: str, packed: bytes) -> None:
    unpack(packed, kind)
    with pytest.raises(FileProblem, match=r"corrupt: something else follows it, and it has no checksum"):
        unpack(packed + b"garbage", kind)


@pytest.mark.parametrize("kind", PACKERS)
def test_a_second_member_that_is_cut_or_damaged_is_no_trailer(kind: str) -> None:
    packed = PACKERS[kind](CONTENT)
    for length in (1, 2, 3, 5, 12, len(packed) // 2, len(packed) - 1):
        with pytest.raises(FileProblem, match="corrupt"):
            unpack(packed + packed[:length], kind)
    damaged = bytearray(packed)
    damaged[len(packed) // 2] ^= 0xFF
    for bad in (bytes(damaged) + b"garbage", packed + bytes(damaged)):
        with pytest.raises(FileProblem, match="corrupt"):
            unpack(bad, kind)


# What needs memory


def zstd_frame(window_log: int, content: bytes = CONTENT) -> bytes:
    """A frame that wants a window of so many bits, as ``zstd --long=`` makes it of a stream."""
    parameters = zstandard.ZstdCompressionParameters(
        window_log=window_log, write_content_size=False, write_checksum=True
    )
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return packer.compress(content) + packer.flush()


def xz_stream(dictionary: int, content: bytes = CONTENT) -> bytes:
    """A stream whose header asks for a dictionary of 2 to the power of ``dictionary`` bytes."""
    packed = bytearray(lzma.compress(content, preset=0))
    size = (packed[12] + 1) * 4
    place = packed.index(b"\x21\x01", 12) + 2
    packed[place] = (dictionary - 12) * 2
    packed[12 + size - 4 : 12 + size] = zlib.crc32(packed[12 : 12 + size - 4]).to_bytes(4, "little")
    return bytes(packed)


NEEDY = {"zst": zstd_frame, "xz": xz_stream}


@pytest.mark.parametrize("kind", NEEDY)
@pytest.mark.parametrize(
    ("bits", "memory", "enough"),
    [(28, None, True), (29, None, True), (30, None, False), (30, 1024, True), (24, 15, False), (24, 16, True)],
)
def test_memory_is_an_option(kind: str, bits: int, memory: int | None, enough: bool) -> None:
    limit = memory * MIB if memory else _archive.MEMORY
    for packed in (NEEDY[kind](bits), PACKERS[kind](CONTENT) + NEEDY[kind](bits)):
        if enough:
            assert unpack(packed, kind, memory=limit)[0].endswith(CONTENT)
            continue
        with pytest.raises(FileProblem) as problem:
            unpack(packed, kind, memory=limit)
        words = problem.value.message
        assert f"needs {2 ** (bits - 20)} MiB of memory" in words and f"and {limit // MIB} MiB is the limit" in words
        assert "max_unpack_memory" in words and "corrupt" not in words


def test_a_window_that_is_the_content_itself() -> None:
    content = bytes(24 * MIB)
    parameters = zstandard.ZstdCompressionParameters(window_log=25, write_checksum=True)
    packed = zstandard.ZstdCompressor(compression_params=parameters).compress(content)
    assert unpack(packed, "zst", memory=24 * MIB)[0] == content
    with pytest.raises(FileProblem, match="needs 24 MiB of memory for its window"):
        unpack(packed, "zst", memory=16 * MIB)


def test_threads_share_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    content = random.Random(2).randbytes(200_000)
    packed = xz(content, "-T2", "--block-size=65536", "--lzma2=preset=0,dict=8MiB")
    head = packed[: _xz_format.HEAD]
    assert _xz_format.dictionary(head) == 8 * MIB
    monkeypatch.setattr(_xz_blocks.os, "sched_getaffinity", lambda _process: range(4))
    assert [_xz_blocks._threads(head, memory * MIB) for memory in (7, 8, 16, 24, 32, 512)] == [0, 1, 2, 3, 4, 4]
    for memory in (8, 16, 24, 512):
        assert unpack(packed, "xz", memory=memory * MIB)[0] == content
    with pytest.raises(FileProblem, match="needs 8 MiB of memory for its dictionary"):
        unpack(packed, "xz", memory=7 * MIB)


def test_large_blocks_among_small_ones_are_no_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_xz_blocks, "_LARGEST_BLOCK", 100_000)
    content = random.Random(3).randbytes(1_000_000)
    packed = xz(content, "-T2", "-0", "--block-list=65536,300000,65536")
    assert unpack(packed, "xz", 777) == (content, [])
    damaged = bytearray(packed)
    damaged[150_000] ^= 1
    with pytest.raises(FileProblem, match="corrupt"):
        unpack(bytes(damaged), "xz")


def test_what_nothing_here_can_unpack_is_no_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    words = zstandard.train_dictionary(1000, [random.Random(number).randbytes(200) * 4 for number in range(100)])
    with pytest.raises(FileProblem, match=r"was made with a dictionary, without which"):
        unpack(zstandard.ZstdCompressor(dict_data=words).compress(CONTENT), "zst")
    packed = bytearray(PACKERS["xz"](CONTENT))
    packed[14] = 0x3F  # a filter that nobody knows
    end = (packed[12] + 1) * 4 + 12
    packed[end - 4 : end] = zlib.crc32(packed[12 : end - 4]).to_bytes(4, "little")
    with pytest.raises(FileProblem, match=r"needs a newer xz library"):
        unpack(bytes(packed), "xz")


def test_no_memory_at_all_is_no_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object, **_options: object) -> t.NoReturn:
        raise MemoryError

    monkeypatch.setattr(_unpack, "xz_decoder", fail)
    with pytest.raises(FileProblem, match=r"^There is not enough memory to unpack the xz archive /srv/disk\.$"):
        unpack(PACKERS["xz"](CONTENT), "xz")
