# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Image files that are cut off, or build on another disk, are told from whole ones: real ones, cut at many points."""

from __future__ import annotations

import random
import struct
import subprocess
import tracemalloc
import typing as t
import zlib
from pathlib import Path

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _completeness, _disk, _layout

KIB = 1024
MIB = 1024 * KIB
SIZE = 6 * MIB
SECTORS = SIZE // 512

#: Glance's name, qemu's name, options of a conversion.
VARIANTS = {
    "qcow2": ("qcow2", "qcow2", []),
    "qcow2 version 2": ("qcow2", "qcow2", ["-o", "compat=0.10"]),
    "qcow2 zlib": ("qcow2", "qcow2", ["-c"]),
    "qcow2 zstd": ("qcow2", "qcow2", ["-c", "-o", "compression_type=zstd"]),
    "qcow2 zlib, small clusters": ("qcow2", "qcow2", ["-c", "-o", "cluster_size=4k"]),
    "qcow2 clusters of 512": ("qcow2", "qcow2", ["-o", "cluster_size=512"]),
    "qcow2 clusters of 2M": ("qcow2", "qcow2", ["-o", "cluster_size=2M"]),
    "qcow2 metadata": ("qcow2", "qcow2", ["-o", "preallocation=metadata"]),
    "qcow2 falloc": ("qcow2", "qcow2", ["-o", "preallocation=falloc"]),
    "qcow2 full": ("qcow2", "qcow2", ["-o", "preallocation=full"]),
    "qcow2 lazy": ("qcow2", "qcow2", ["-o", "lazy_refcounts=on,refcount_bits=1"]),
    "vmdk monolithicSparse": ("vmdk", "vmdk", []),
    "vmdk zeroed grains": ("vmdk", "vmdk", ["-o", "zeroed_grain=on"]),
    "vmdk streamOptimized": ("vmdk", "vmdk", ["-o", "subformat=streamOptimized"]),
    "vdi": ("vdi", "vdi", []),
    "vdi static": ("vdi", "vdi", ["-o", "static=on"]),
    "vhd": ("vhd", "vpc", []),
    "vhd exact": ("vhd", "vpc", ["-o", "force_size=on"]),
    "vhdx": ("vhdx", "vhdx", []),
    "vhdx small blocks": ("vhdx", "vhdx", ["-o", "block_size=1M"]),
    "vhdx fixed": ("vhdx", "vhdx", ["-o", "subformat=fixed"]),
}


def qemu_img(*arguments: object) -> None:
    subprocess.run(["qemu-img", *map(str, arguments)], check=True, capture_output=True, timeout=600)


def disk(size: int = SIZE) -> bytes:
    """Data here and there, at the very end, too; they can be packed to somewhat more than a half."""
    content, chance = bytearray(size), random.Random(7)
    for place in (0, 2 * MIB + 4 * KIB, size - 90 * KIB):
        content[place : place + 90 * KIB] = chance.randbytes(90 * KIB).translate(
            bytes(byte & 31 | 32 for byte in range(256))
        )
    return bytes(content)


@pytest.fixture(name="images", scope="module")
def _images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file for each variant, and the disk that is in all of them."""
    folder = tmp_path_factory.mktemp("images")
    (folder / "disk").write_bytes(disk())
    for name, (_format, qemu_format, options) in VARIANTS.items():
        qemu_img("convert", "-f", "raw", "-O", qemu_format, *options, folder / "disk", folder / name)
    return folder


def fault(path: Path, disk_format: str, content: bytes | None = None) -> str | None:
    """What is wrong with a file, which gets this content before."""
    if content is not None:
        path.write_bytes(content)
    return _completeness.fault(str(path), disk_format)


def loses_data(path: Path, qemu_format: str) -> bool:
    """Whether qemu-img reads another disk out of a file than the one that was put into it, or none at all."""
    target = path.with_name("read")
    command = ["qemu-img", "convert", "-f", qemu_format, "-O", "raw", path, target]
    done = subprocess.run(command, capture_output=True, timeout=600, check=False)
    return bool(done.returncode) or not target.read_bytes().startswith(disk())


# Cut files


@pytest.mark.parametrize("name", VARIANTS)
def test_whole_files_pass_padded_or_not(images: Path, tmp_path: Path, name: str) -> None:
    content = (images / name).read_bytes()
    for padding in (b"", b"x", bytes(512), b"y" * 70_000):
        assert fault(tmp_path / "image", VARIANTS[name][0], content + padding) is None


@pytest.mark.parametrize("name", VARIANTS)
def test_cut_files_are_refused_wherever_they_are_cut(images: Path, tmp_path: Path, name: str) -> None:
    disk_format, qemu_format, _options = VARIANTS[name]
    content, chance = (images / name).read_bytes(), random.Random(name)
    size = len(content)
    near_the_end = [size - missing for missing in (1, 2, 511, 512, 513, 4096, 65536, 90 * KIB)]
    cuts = [*near_the_end, size * 6 // 10, size // 2, 600, 100, 1, *(chance.randrange(size) for _cut in range(40))]
    path, passed = tmp_path / "image", []
    for cut in cuts:
        if fault(path, disk_format, content[:cut]) is None:
            assert not loses_data(path, qemu_format), f"{size - cut} bytes are missing"
            passed.append(cut)
    assert size * 6 // 10 not in passed and size - 90 * KIB not in passed
    assert "is cut off" in str(fault(path, disk_format, content[: size * 6 // 10]))


def test_a_last_cluster_that_ends_with_the_disk_may_be_there_in_part(tmp_path: Path) -> None:
    content = disk(SIZE + 1536)
    (tmp_path / "disk").write_bytes(content)
    for options in ([], ["-o", "preallocation=metadata"]):
        qemu_img("convert", "-O", "qcow2", "-f", "raw", *options, tmp_path / "disk", tmp_path / "image")
        assert fault(tmp_path / "image", "qcow2") is None
    # The disk ends 1536 bytes into the cluster that was written last.
    whole = (tmp_path / "image").read_bytes()
    end = max(place for place in range(0, len(whole), 512) if whole[place : place + 512] == content[-512:]) + 512
    assert fault(tmp_path / "image", "qcow2", whole[:end]) is None
    assert fault(tmp_path / "image", "qcow2", whole[: end - 1]) is not None


def test_compressed_clusters_need_not_fill_their_last_sector(images: Path, tmp_path: Path) -> None:
    content = (images / "qcow2 zlib").read_bytes()
    used = len(content.rstrip(b"\0"))
    assert used < len(content), "nothing to cut off"
    assert fault(tmp_path / "image", "qcow2", content[:used]) is None
    assert fault(tmp_path / "image", "qcow2", content[: used - 2]) is not None


def test_snapshots_and_bitmaps_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "disk").write_bytes(disk())
    path = tmp_path / "image"
    qemu_img("convert", "-f", "raw", "-O", "qcow2", tmp_path / "disk", path)
    qemu_img("snapshot", "-c", "one", path)
    qemu_img("resize", "-f", "qcow2", path, SIZE)
    qemu_img("bitmap", "--add", "-f", "qcow2", path, "b0")
    assert fault(path, "qcow2") is None
    whole = path.read_bytes()
    extension = whole.index(struct.pack(">II", 0x23852875, 24))
    (directory,) = struct.unpack_from(">Q", whole, extension + 24)
    assert "list of bitmaps" in str(fault(path, "qcow2", whole[: directory + 8] + bytes(9)))
    assert "list of snapshots" in str(fault(path, "qcow2", broken_snapshot(whole)))


def test_nothing_need_follow_the_last_snapshot(tmp_path: Path) -> None:
    """QEMU writes the list of snapshots anew when one is deleted; it may be the end of the file, at no multiple of 8 bytes."""
    (tmp_path / "disk").write_bytes(disk())
    path = tmp_path / "image"
    qemu_img("convert", "-f", "raw", "-O", "qcow2", tmp_path / "disk", path)
    qemu_img("snapshot", "-c", "four", path)
    content = path.read_bytes()
    (place,) = struct.unpack_from(">Q", content, 64)
    id_size, name_size, extra_size = (
        *struct.unpack_from(">HH", content, place + 12),
        *struct.unpack_from(">I", content, place + 36),
    )
    entry = content[place : place + 40 + extra_size + id_size + name_size]
    assert len(entry) % 8, "nothing to leave out"
    moved = broken_snapshot(content) + entry
    assert fault(path, "qcow2", moved) is None
    assert "list of snapshots" in str(fault(path, "qcow2", moved[:-1]))


def broken_snapshot(content: bytes) -> bytes:
    """A qcow2 whose list of snapshots lies behind the end."""
    return content[:64] + struct.pack(">Q", len(content)) + content[72:]


def test_images_that_were_resized_pass(images: Path, tmp_path: Path) -> None:
    for name, (disk_format, qemu_format, _options) in VARIANTS.items():
        if qemu_format != "qcow2" or "zstd" in name:
            continue
        path = tmp_path / "image"
        path.write_bytes((images / name).read_bytes())
        qemu_img("resize", "-q", "-f", qemu_format, path, "20M")
        assert fault(path, disk_format) is None, name
        qemu_img("resize", "-q", "--shrink", "-f", qemu_format, path, SIZE - 64 * KIB)
        assert fault(path, disk_format) is None, name


@pytest.mark.parametrize("size", ["512", "1536", "100G"])
@pytest.mark.parametrize("qemu_format", ["qcow2", "vmdk", "vdi", "vpc", "vhdx"])
def test_empty_disks_of_any_size_pass(tmp_path: Path, qemu_format: str, size: str) -> None:
    qemu_img("create", "-q", "-f", qemu_format, tmp_path / "image", size)
    assert fault(tmp_path / "image", {"vpc": "vhd"}.get(qemu_format, qemu_format)) is None


def test_inspection_tells_it_and_a_look_at_the_header_does_not(images: Path, tmp_path: Path) -> None:
    content = (images / "qcow2").read_bytes()
    path = tmp_path / "image"
    path.write_bytes(content[: len(content) * 6 // 10])
    (reason,) = _disk.inspect(str(path)).unsafe
    assert reason.startswith("it is cut off: ") and str(path.stat().st_size) in reason
    assert _disk.inspect(str(path), in_full=False).unsafe == ()


# VMDK with its directory at the end, as VMware writes it


def stream_optimized(descriptor: bytes = b"") -> bytes:
    """Two compressed grains, a table, a directory, the footer, and the end-of-stream marker."""
    text = b'# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\ncreateType="streamOptimized"\n'
    text += b'RW 256 SPARSE "disk.vmdk"\n' + descriptor

    def header(directory: int) -> bytes:
        head = struct.pack("<4sIIQQQQIQQQ", b"KDMV", 3, 0x30001, 256, 128, 1, 1, 512, 0, directory, 128)
        return (head + b"\0\n \r\n" + struct.pack("<H", 1)).ljust(512, b"\0")

    def marker(count: int, kind: int) -> bytes:
        return struct.pack("<QII", count, 0, kind).ljust(512, b"\0")

    grains = b""
    for number in range(2):
        packed = zlib.compress(random.Random(number).randbytes(64 * KIB))
        grain = struct.pack("<QI", number * 128, len(packed)) + packed
        grains += grain + bytes(-len(grain) % 512)
    begin = header(0xFFFFFFFFFFFFFFFF) + text.ljust(512, b"\0") + bytes(126 * 512)
    content = begin + grains
    second = (len(begin) + len(grains) // 2) // 512
    table_at = len(content) // 512 + 1
    content += marker(4, 1) + struct.pack("<II", 128, second).ljust(2048, b"\0")
    directory_at = len(content) // 512 + 1
    content += marker(1, 2) + struct.pack("<I", table_at).ljust(512, b"\0")
    return content + marker(1, 3) + header(directory_at) + marker(0, 0)


def test_a_vmdk_with_a_footer(tmp_path: Path) -> None:
    content = stream_optimized()
    path = tmp_path / "image"
    assert fault(path, "vmdk", content) is None
    assert _disk.inspect(str(path)).unsafe == ()
    for missing in (1, 511, 512, 1024, 1536, 2048, 60_000, len(content) - 600):
        assert "cut off" in str(fault(path, "vmdk", content[:-missing])), missing
        assert _disk.inspect(str(path)).unsafe != ()


# Disks that build on others


def patched(content: bytes, *changes: tuple[int, bytes]) -> bytes:
    for place, new in changes:
        content = content[:place] + new + content[place + len(new) :]
    return content


def test_what_has_a_parent_is_no_whole_disk(images: Path, tmp_path: Path) -> None:
    path = tmp_path / "image"
    contents = {name: (images / name).read_bytes() for name in ("vdi", "vhd", "vhdx", "vmdk monolithicSparse")}
    vhdx = contents["vhdx"]
    parameters = vhdx.index(b"metadata") + 64 * KIB  # the first item, behind the table of items
    cases = {
        "vdi type": ("vdi", patched(contents["vdi"], (0x4C, struct.pack("<I", 4)))),
        "vdi link": ("vdi", patched(contents["vdi"], (0x1A8, b"\1"))),
        "vhd": ("vhd", patched(contents["vhd"], (60, struct.pack(">I", 4)))),
        "vhdx": ("vhdx", patched(vhdx, (parameters + 4, struct.pack("<I", 2)))),
        "hint": ("vmdk", stream_optimized(b'parentFileNameHint="base.vmdk"\n')),
        "id": ("vmdk", stream_optimized(b"parentCID=1234ABCD\n")),
    }
    for name, (disk_format, content) in cases.items():
        assert "it has a parent" in str(fault(path, disk_format, content)), name
        assert any("it has a parent" in reason for reason in _disk.inspect(str(path)).unsafe), name
    qemu_img("create", "-q", "-f", "vmdk", "-b", images / "vmdk monolithicSparse", "-F", "vmdk", path)
    assert "it has a parent" in str(fault(path, "vmdk"))


# Disks as they are


def gpt_disk(sector: int = 512, sectors: int = 8192) -> bytes:
    """A disk with GPT, a partition, and the second GPT at its end."""
    entries = (bytes(range(1, 33)) + struct.pack("<QQ", 64, sectors - 64)).ljust(128 * 128, b"\0")
    room = -(-len(entries) // sector)

    def header(own: int, other: int, table: int) -> bytes:
        head = struct.pack(
            "<8sIII4xQQQQ16sQIII",
            b"EFI PART",
            0x10000,
            92,
            0,
            own,
            other,
            34,
            sectors - 34,
            b"id" * 8,
            table,
            128,
            128,
            zlib.crc32(entries),
        )
        return (head[:16] + struct.pack("<I", zlib.crc32(head)) + head[20:]).ljust(sector, b"\0")

    mbr = partition(0xEE, 1, 0xFFFFFFFF).ljust(sector, b"\0")
    first = mbr + header(1, sectors - 1, 2) + entries
    second = entries.ljust(room * sector, b"\0") + header(sectors - 1, 1, sectors - 1 - room)
    return first + bytes(sectors * sector - len(first) - len(second)) + second


def partition(kind: int, first: int, sectors: int) -> bytes:
    """The first sector of a disk with one partition."""
    entry = struct.pack("<B3sB3sII", 0, bytes(3), kind, bytes(3), first, sectors)
    return bytes(446) + entry + bytes(48) + b"\x55\xaa"


def ext4(blocks: int) -> bytes:
    """A file system of blocks of 4 KiB, as far as its superblock."""
    superblock = bytearray(1024)
    superblock[4:8], superblock[24:28], superblock[56:58] = struct.pack("<I", blocks), struct.pack("<I", 2), b"\x53\xef"
    return (bytes(1024) + superblock).ljust(4096 * blocks, b"\0")


def fat(sectors: int, kind: bytes, place: int) -> bytes:
    """A FAT, as far as its boot sector: few sectors are told in 16 bits, many in 32."""
    few, many = (sectors, 0) if place == 54 else (0, sectors)
    parameters = struct.pack("<HBHBHH", 512, 4, 1, 2, 512, few) + b"\xf8" + bytes(10) + struct.pack("<I", many)
    head = b"\xeb\x3c\x90mkfs.fat" + parameters
    return (head.ljust(place, b"\0") + kind).ljust(510, b"\0") + b"\x55\xaa" + bytes((sectors - 1) * 512)


WHOLE_DISKS = {
    "FAT12": fat(2880, b"FAT12   ", 54),
    "FAT32": fat(4096, b"FAT32   ", 82),
    "GPT": gpt_disk(),
    "GPT, sectors of 4096": gpt_disk(4096, 1024),
    "MBR": partition(0x83, 2048, 2048) + bytes(4095 * 512),
    "MBR, over what was a larger FAT": patched(fat(8192, b"FAT16   ", 54), (446, partition(0x83, 2048, 2048)[446:]))[
        : 4096 * 512
    ],
    "MBR, over what was a larger ext4": patched(ext4(1024), (0, partition(0x83, 2048, 2048)))[: 4096 * 512],
    "ext4": ext4(256),
    "XFS": struct.pack(">4sIQ", b"XFSB", 4096, 256).ljust(MIB, b"\0"),
    "SquashFS": b"hsqs".ljust(40, b"\0") + struct.pack("<Q", MIB) + bytes(MIB - 48),
}
NO_TABLES = {
    "boot sector of a file system": patched(partition(0x83, 2048, 2**31), (446, b"Missing operating system")),
    "kernel": patched(partition(1, 5, 0xFFFF) + bytes(512), (0x202, b"HdrS")),
    "only the protective partition": partition(0xEE, 1, 0xFFFFFFFF),
    "GPT with a wrong checksum": patched(gpt_disk(), (512 + 32, b"\xff" * 8)),
    "data": random.Random(1).randbytes(512 * 4),
}


@pytest.mark.parametrize("name", WHOLE_DISKS)
def test_disks_as_they_are(tmp_path: Path, name: str) -> None:
    path, content = tmp_path / "image", WHOLE_DISKS[name]
    assert fault(path, "raw", content) is None
    assert fault(path, "raw", content + bytes(MIB)) is None, "enlarged"
    for cut in (len(content) * 6 // 10, len(content) // 2):
        assert "is cut off: its" in str(fault(path, "raw", content[:cut]))
    missing = 1
    assert "is cut off: its" in str(fault(path, "raw", content[:-missing]))


def test_the_rest_of_a_vhd_is_no_raw_disk(tmp_path: Path) -> None:
    path = tmp_path / "image"
    (tmp_path / "disk").write_bytes(disk())
    for options in ("subformat=fixed,force_size=on", "subformat=dynamic"):
        qemu_img("convert", "-f", "raw", "-O", "vpc", "-o", options, tmp_path / "disk", path)
        assert _disk.inspect(str(path)).unsafe == ()
        path.write_bytes(path.read_bytes()[MIB:])
        inspection = _disk.inspect(str(path))
        assert inspection.format == "raw" and "footer of a VHD" in str(inspection.unsafe)


@pytest.mark.parametrize("name", NO_TABLES)
def test_what_is_no_partition_table_says_nothing(tmp_path: Path, name: str) -> None:
    assert fault(tmp_path / "image", "raw", NO_TABLES[name] + bytes(4096)) is None


def test_iso_files_hold_their_volume(tmp_path: Path) -> None:
    descriptor = bytearray(2048)
    descriptor[:6], descriptor[80:84], descriptor[128:130] = b"\1CD001", struct.pack("<I", 300), struct.pack("<H", 2048)
    content = (bytes(32 * KIB) + descriptor).ljust(300 * 2048, b"\0")
    assert fault(tmp_path / "image", "iso", content) is None
    assert fault(tmp_path / "image", "iso", content + bytes(512)) is None
    assert "its volume would end at byte 614400" in str(fault(tmp_path / "image", "iso", content[:-1]))
    assert _disk.inspect(str(tmp_path / "image")).unsafe != ()


# Files that lie


def hostile_qcow2(path: Path, cluster_bits: int = 16, entries: int = 4 * MIB) -> None:
    """The largest L1 table there can be, each entry with another table, in a file without data."""
    head = struct.pack(">4sIQIIQIIQQIIQ", b"QFI\xfb", 2, 0, 0, cluster_bits, 2**60, 0, entries, MIB, 0, 0, 0, 0)
    with path.open("wb") as stream:
        stream.write(head)
        stream.seek(MIB)
        for start in range(0, entries, 65536):
            numbers = ((64 * MIB + (number << cluster_bits)) for number in range(start, start + 65536))
            stream.write(struct.pack(">65536Q", *numbers))
        stream.truncate(64 * MIB + (entries << cluster_bits))


def test_tables_without_end_are_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "image"
    hostile_qcow2(path, entries=128 * KIB)
    monkeypatch.setattr(_layout, "MOST_TABLES", 1000)
    tracemalloc.start()
    try:
        assert "1000 tables, too many" in str(fault(path, "qcow2"))
        monkeypatch.setattr(_layout, "MOST_TABLE_BYTES", 8 * MIB)
        assert "8388608 bytes, too many" in str(fault(path, "qcow2"))
        assert tracemalloc.get_traced_memory()[1] < 4 * MIB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["qcow2", "qcow2 zlib", "vmdk monolithicSparse", "vdi", "vhd", "vhdx small blocks"])
def test_damaged_headers_are_no_traceback(images: Path, tmp_path: Path, name: str) -> None:
    content, chance = bytearray((images / name).read_bytes()), random.Random(name)
    path = tmp_path / "image"
    for _number in range(20):
        damaged = bytearray(content[: 300 * KIB])
        for _byte in range(3):
            damaged[chance.choice([chance.randrange(8, 200), chance.randrange(8, len(damaged))])] = chance.choice(
                [0, 1, 255]
            )
        told: t.Any = fault(path, VARIANTS[name][0], bytes(damaged) + bytes(content[300 * KIB :]))
        assert told is None or "\n" not in told
