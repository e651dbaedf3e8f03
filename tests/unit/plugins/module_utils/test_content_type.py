# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What files are by their content: real archives, file systems made by their tools, and heads as the specifications have them."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import shutil
import struct
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _content_type as content_type
from ansible_collections.cloudimage.glance.plugins.module_utils import _disk, _signatures
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import UnsafeImage
from hypothesis import given
from hypothesis import strategies as st

KIB = 1024
MIB = 1024 * KIB


def recognised(content: bytes) -> content_type.Content | None:
    """What a file with this content is."""
    head, tail = content[: content_type.HEAD_SIZE], content[-content_type.TAIL_SIZE :]
    return content_type.recognised(head, tail, len(content))


def told(content: bytes) -> tuple[str, str] | None:
    """Name and kind of it."""
    found = recognised(content)
    return (found.name, found.kind) if found else None


def tar(*members: str, form: int = tarfile.GNU_FORMAT, kind: bytes = tarfile.REGTYPE) -> bytes:
    """A tar archive."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as archive:
        for name in members:
            member = tarfile.TarInfo(name)
            member.type, member.size = kind, 700
            archive.addfile(member, io.BytesIO(b"\7" * 700))
    return stream.getvalue()


def v7_tar(name: str) -> bytes:
    """As tar wrote it before there was a magic number."""
    header = bytearray(tar(name, form=tarfile.USTAR_FORMAT))
    header[257:512] = bytes(255)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header[:512])
    return bytes(header)


def zipped(*members: str) -> bytes:
    """A zip archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in members:
            archive.writestr(name, b"\7" * 700)
    return stream.getvalue()


LONG = "long/" * 40


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (("disk.raw",), "tar"),
        (("box.ovf", "box-disk1.vmdk"), "ova"),
        (("BOX.OVF",), "ova"),
        (("ova.xml", "Ref:4/00000000"), "xva"),
        (("manifest.json", "box.ovf"), "tar"),
        (("größe.ovf",), "ova"),
        (("some/where/" * 12 + "box.ovf",), "ova"),
    ],
)
def test_tar(members: tuple[str, ...], expected: str, form: int) -> None:
    archive = tar(*members, form=form)
    assert told(archive) == (expected, "archive")
    if len(members[0]) < 50 and form != tarfile.PAX_FORMAT:
        assert (recognised(archive) or pytest.fail()).member == members[0]


def test_tar_without_magic_and_with_what_is_rare() -> None:
    assert told(v7_tar("disk.raw")) == ("tar", "archive")
    assert told(tar(LONG + "disk.raw")) == ("tar", "archive")
    assert told(tar("folder", kind=tarfile.DIRTYPE)) == ("tar", "archive")
    damaged = bytearray(tar("disk.raw"))
    damaged[10] ^= 1
    assert told(bytes(damaged)) is None, "the checksum is wrong"


def old_cpio(order: str) -> bytes:
    """The binary format of cpio, of a machine of either kind."""
    name = b"init\0"
    return struct.pack(order + "13H", 0o070707, 1, 2, 0o100644, 0, 0, 1, 0, 0, 0, len(name), 0, 7) + name + bytes(495)


def gpt(sector: int) -> bytes:
    """A disk with a GUID partition table, with sectors of a size."""
    entry = struct.pack("<B3BB3BII", 0, 0, 2, 0, 0xEE, 0, 0, 0, 1, 2047)
    record = bytes(446) + entry + bytes(48) + b"\x55\xaa"
    return record + bytes(sector - 512) + b"EFI PART" + bytes(MIB)


#: What it is, and how it is packed; heads are those of files that the tools have written.
OTHERS: list[tuple[str, str, bytes]] = [
    ("zip", "archive", zipped("disk.img")),
    ("zip", "archive", zipped()),
    ("7z", "archive", b"7z\xbc\xaf\x27\x1c\0\4" + bytes(600)),
    ("cpio", "archive", b"0707010000000100008180" + bytes(600)),
    ("cpio", "archive", b"0707020000000100008180" + bytes(600)),
    ("cpio", "archive", b"070707000001000002100644" + bytes(600)),
    ("cpio", "archive", old_cpio("<")),
    ("cpio", "archive", old_cpio(">")),
    ("deb", "archive", b"!<arch>\ndebian-binary   1700000000  0     0     100644  4         `\n2.0\n" + bytes(600)),
    ("ar", "archive", b"!<arch>\nlib.o/          1700000000  0     0     100644  4         `\n" + bytes(600)),
    ("rpm", "archive", b"\xed\xab\xee\xdb\3\0" + bytes(600)),
    ("rar", "archive", b"Rar!\x1a\x07\1\0" + bytes(600)),
    ("rar", "archive", b"Rar!\x1a\x07\0" + bytes(600)),
    ("cab", "archive", b"MSCF\0\0\0\0" + bytes(600)),
    ("wim", "archive", b"MSWIM\0\0\0\xd0\0\0\0" + bytes(600)),
    ("vma", "archive", b"VMA\0\0\0\0\1" + bytes(600)),
    ("gz", "packed", gzip.compress(b"7" * 600)),
    ("xz", "packed", lzma.compress(b"7" * 600)),
    ("bz2", "packed", bz2.compress(b"7" * 600)),
    ("zst", "packed", b"\x28\xb5\x2f\xfd\x24\0\1\0\0" + bytes(600)),
    ("lzma", "packed", lzma.compress(b"7" * 600, format=lzma.FORMAT_ALONE)),
    ("lzma", "packed", lzma.compress(b"7" * 600, lzma.FORMAT_ALONE, filters=[{"id": lzma.FILTER_LZMA1, "preset": 9}])),
    ("lz4", "packed", b"\x04\x22\x4d\x18\x64\x40\xa7" + bytes(600)),
    ("lz4", "packed", b"\x02\x21\x4c\x18\x10\0\0\0" + bytes(600)),
    ("lzip", "packed", b"LZIP\1\x0c" + bytes(600)),
    ("lzop", "packed", b"\x89LZO\0\r\n\x1a\n\x10\x40" + bytes(600)),
    ("compress", "packed", b"\x1f\x9d\x90\x37\x6e" + bytes(600)),
    ("snappy", "packed", b"\xff\x06\0\0sNaPpY\0" + bytes(600)),
    ("bzip3", "packed", b"BZ3v1\0\0" + bytes(600)),
    ("lrzip", "packed", b"LRZI\0\6" + bytes(600)),
    ("html", "text", b"<!DOCTYPE html><title>404 Not Found</title>\n"),
    ("html", "text", b"<html><body>404</body></html>"),
    ("html", "text", b"<html><title>Zugriff f\xfcr Sie gesperrt</title>"),
    ("html", "text", b"<!-- Fehler -->\n<html><head><title>Zugriff ung\xfcltig</title></head></html>\n"),
    ("html", "text", b"<title>ung\xfcltig</title><body>"),
    ("html", "text", b"<body>ung\xfcltig"),
    ("html", "text", b"<!-- f\xfcr --><!DOCTYPE html>"),
    ("xml", "text", b"<Error><Code>\xfc</Code></Error>"),
    ("html", "text", b"\r\n<!DOCTYPE HTML><html><title>\xb4\xed\xce\xf3</title>"),
    ("xml", "text", b"<Error><Code>NoSuchKey</Code></Error>"),
    ("html", "text", b"\xef\xbb\xbf\n <!-- 1 -->\n<HTML lang=en>"),
    ("html", "text", b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN">\n'),
    ("xml", "text", b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>'),
    ("json", "text", b'{"error": {"code": 404}}'),
    ("json", "text", b'[\n  {"id": 1}\n]\n'),
    ("plain", "text", b"Not found"),
    ("plain", "text", ("0" * 64 + "  disk.img\n").encode() * 100),
    ("plain", "text", "größe ".encode() * 1000),
    ("plain", "text", "digest  disk.img\r\n".encode("utf-16")),
    ("pdf", "document", b"%PDF-1.7\n" + bytes(600)),
    ("torrent", "document", b"d8:announce30:udp://tracker.example.com:1337" + bytes(600)),
    ("elf", "program", b"\x7fELF\2\1\1" + bytes(600)),
    ("pe", "program", b"MZ" + bytes(58) + struct.pack("<I", 128) + bytes(64) + b"PE\0\0" + bytes(600)),
    ("script", "program", b"#!/bin/sh\necho\n" + bytes(600)),
    ("linux kernel", "kernel", b"MZ" + b"\1" * 508 + b"\x55\xaa\xeb\x66HdrS" + bytes(600)),
    ("linux kernel", "kernel", b"MZ" + bytes(54) + b"ARM\x64" + bytes(600)),
    ("linux kernel", "kernel", b"MZ\0\0zimg" + bytes(600)),
    ("u-boot image", "kernel", b"\x27\x05\x19\x56" + bytes(600)),
    ("dmg", "image", b"\x78\xda" + b"\7" * MIB + b"koly\0\0\0\4\0\0\2\0" + bytes(500)),
    ("ewf", "image", b"EVF\x09\x0d\x0a\xff\0\1\1\0\0\0" + bytes(600)),
    ("aff", "image", b"AFF10\r\n\0" + bytes(600)),
    ("partclone", "image", b"partclone-image\0" + b"0.3.20" + bytes(600)),
    ("ploop", "image", b"WithoutFreeSpace\2\0\0\0" + bytes(600)),
    ("ploop", "image", b"WithouFreSpacExt\2\0\0\0" + bytes(600)),
    ("cowd", "image", b"COWD\1\0\0\0" + bytes(600)),
    ("bochs", "image", b"Bochs Virtual HD Image\0" + bytes(600)),
    ("cloop", "image", b"#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0\n" + bytes(600)),
    ("android sparse", "image", b"\x3a\xff\x26\xed\1\0\0\0" + bytes(600)),
    ("vmware state", "image", b"\xd2\xbe\xd2\xbe\x08\0\0\0" + bytes(600)),
    ("libvirt state", "image", b"LibvirtQemudSave\2\0\0\0" + bytes(600)),
    ("xen state", "image", b"\xff" * 8 + b"XENF" + bytes(600)),
    ("nrg", "image", b"\7" * 5000 + b"NER5" + bytes(8)),
    ("chd", "image", b"MComprHD" + bytes(600)),
]


@pytest.mark.parametrize(("name", "kind", "content"), OTHERS, ids=[f"{row[0]}-{i}" for i, row in enumerate(OTHERS)])
def test_what_is_no_disk(tmp_path: Path, name: str, kind: str, content: bytes) -> None:
    assert told(content) == (name, kind)
    path = tmp_path / "disk.raw"
    path.write_bytes(content)
    inspection = _disk.inspect(str(path))
    assert (inspection.format, inspection.unsafe) == (name, ())
    with pytest.raises(UnsafeImage, match=f"declared to be qcow2, and it is .*{name}"):
        _disk.require_safe(inspection, "/disk", disk_format="qcow2")
    if name == "ploop":
        _disk.require_disk(inspection, "/disk")
        _disk.require_safe(inspection, "/disk", disk_format="ploop")
        return
    with pytest.raises(UnsafeImage, match=f"no disk image of a known format, but .*{name}") as problem:
        _disk.require_disk(inspection, "/disk")
    assert "raw" not in problem.value.message, "that would not be right"
    if not inspection.has_partition_table:
        for declared in ("raw", "aki", "ari", "ami"):
            _disk.require_safe(inspection, "/disk", disk_format=declared)
    assert content_type.misgiving(inspection.other, "filename: /disk")
    with pytest.raises(UnsafeImage, match="declared to be ploop"):
        _disk.require_safe(inspection, "/disk", disk_format="ploop")


def at(*marks: tuple[int, bytes], size: int = MIB) -> bytes:
    """Zeros with something in them."""
    content = bytearray(size)
    for offset, mark in marks:
        content[offset : offset + len(mark)] = mark
    return bytes(content)


VOLUMES: list[tuple[str, bytes]] = [
    ("gpt", gpt(512)),
    ("gpt", gpt(4096)),
    ("gpt", at((512, b"EFI PART"))),
    ("mbr", gpt(512)[:450] + b"\x83" + gpt(512)[451:512] + bytes(MIB)),
    ("apm", at((0, b"ER\2\0"), (512, b"PM\0\0"))),
    ("ext", at((1080, b"\x53\xef\1\0"))),
    ("xfs", at((0, b"XFSB"))),
    ("btrfs", at((65600, b"_BHRfS_M"))),
    ("f2fs", at((1024, b"\x10\x20\xf5\xf2"))),
    ("squashfs", at((0, b"hsqs"))),
    ("erofs", at((1024, b"\xe2\xe1\xf5\xe0"))),
    ("udf", at((32769, b"BEA01"), (34817, b"NSR03"))),
    ("hfs", at((1024, b"H+\0\4"))),
    ("apfs", at((32, b"NXSB"))),
    ("zfs", at((128 * KIB + 5 * KIB, b"\x0c\xb1\xba\0\0\0\0\0"))),
    ("lvm", at((512, b"LABELONE"))),
    ("md raid", at((4096, b"\xfc\x4e\x2b\xa9"))),
    ("md raid", at((MIB - 8192, b"\xfc\x4e\x2b\xa9"))),
    ("md raid", at((MIB - 65536, b"\xfc\x4e\x2b\xa9"))),
    ("swap", at((4086, b"SWAPSPACE2"))),
    ("swap", at((65526, b"SWAPSPACE2"))),
    ("jfs", at((32768, b"JFS1"))),
    ("ocfs2", at((8192, b"OCFSV2"))),
    ("ufs", at((65536 + 1372, b"\x19\x01\x54\x19"))),
    ("dasd", at((8192, b"\xe5\xd6\xd3\xf1"))),
    ("fat", at((16, b"\2"), (21, b"\xf8"), (510, b"\x55\xaa"))),
]


@pytest.mark.parametrize(("name", "content"), VOLUMES, ids=[f"{row[0]}-{i}" for i, row in enumerate(VOLUMES)])
def test_what_is_raw(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / "disk.qcow2"
    path.write_bytes(content)
    inspection = _disk.inspect(str(path))
    assert (inspection.format, inspection.disk_format, inspection.unsafe) == ("raw", "raw", ())
    assert str(inspection.content) == f"a disk with {name}"
    _disk.require_disk(inspection, "/disk")
    _disk.require_safe(inspection, "/disk", disk_format="raw")
    assert content_type.misgiving(inspection.content, "filename: /disk") is None


@pytest.mark.parametrize("command", [["mkfs.ext4", "-q", "-F"], ["mkswap", "-q"], ["mkfs.minix", "-3"], ["mkfs.bfs"]])
def test_what_tools_make(tmp_path: Path, command: list[str]) -> None:
    program = shutil.which(command[0], path="/usr/sbin:/sbin:/usr/bin:/bin")
    if program is None:
        pytest.skip(f"no {command[0]}")
    path = tmp_path / "volume"
    path.write_bytes(bytes(8 * MIB))
    subprocess.run([program, *command[1:], str(path)], check=True, capture_output=True, timeout=600)
    assert (recognised(path.read_bytes()) or pytest.fail()).is_volume


@pytest.mark.parametrize(
    "content", [bytes(MIB), b"x" * 512, random.Random(1).randbytes(MIB), b"\xff" * MIB, b"k" * 1001]
)
def test_what_nothing_is_recognised_in(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "disk.raw"
    path.write_bytes(content)
    inspection = _disk.inspect(str(path))
    assert (inspection.format, inspection.content, inspection.other) == ("raw", None, None)
    with pytest.raises(UnsafeImage, match="say disk_format: raw"):
        _disk.require_disk(inspection, "/disk")
    for declared in ("raw", "aki", "ari", "ami", "ploop"):
        _disk.require_safe(inspection, "/disk", disk_format=declared)


def test_kernel_with_the_mark_of_a_boot_record_needs_a_container_of_its_own(tmp_path: Path) -> None:
    """In the container bare Glance takes it for a disk with a partition table, and refuses it (HTTP 415)."""
    path = tmp_path / "vmlinuz"
    path.write_bytes(next(content for name, _kind, content in OTHERS if name == "linux kernel"))
    inspection = _disk.inspect(str(path))
    _disk.require_safe(inspection, "/vmlinuz", disk_format=None)
    with pytest.raises(UnsafeImage, match="container_format: aki"):
        _disk.require_safe(inspection, "/vmlinuz", disk_format="aki")


def test_what_glance_has_fetched_is_told_in_its_own_formats_too() -> None:
    for name, head in (
        ("qcow2", b"QFI\xfb\0\0\0\3"),
        ("qcow", b"QFI\xfb\0\0\0\1"),
        ("vmdk", b"KDMV\1"),
        ("vdi", bytes(64) + b"\x7f\x10\xda\xbe"),
    ):
        content = content_type.glimpsed(head + bytes(600), b"", MIB)
        assert str(content) == f"a disk image in the format {name}"
    assert content_type.glimpsed(b"", b"", MIB) is None
    dmg = next(content for name, _kind, content in OTHERS if name == "dmg")
    assert str(
        content_type.glimpsed(dmg[: content_type.HEAD_SIZE], dmg[-content_type.TAIL_SIZE :], len(dmg))
    ).startswith("a disk image in the format dmg")


def test_names_out_of_files_are_told_harmlessly() -> None:
    said = str(recognised(tar("disk\n\x1b[31m\u202e" + "x" * 60)))
    assert said.isprintable() and said.isascii() and said.endswith("'")


@given(st.binary(max_size=600))
def test_no_bytes_are_too_strange(content: bytes) -> None:
    for head in (content, b"\x71\xc7" + content, b"\x5d\0\0\1\0" + content, b"MZ" + content, b"\xff\xfe" + content):
        recognised(head)


def test_each_row_of_the_tables_is_found() -> None:
    """By some name: a file may bear marks of several."""
    for table in (_signatures.FIRST, _signatures.VOLUMES, _signatures.FORMATS):
        for name, _kind, pairs in table:
            found = content_type.glimpsed(at(*pairs, size=content_type.HEAD_SIZE), b"", MIB)
            assert found is not None and (found.name == name or (name, found.name) in {("deb", "ar")}), (name, found)
