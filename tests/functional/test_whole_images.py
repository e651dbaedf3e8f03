# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Image files that are cut off, differ from a parent only, or lose something when they are converted; archives with limits."""

from __future__ import annotations

import os
import random
import struct
import typing as t
import zlib
from pathlib import Path

import cloud_support
import files_support as support
import pytest
import zstandard

MIB = 1024 * 1024
DISK_SIZE = 20 * MIB
#: Cylinders, heads and sectors that VirtualBox and Virtual PC write for such a disk: 20959232 bytes.
GEOMETRY = (602, 4, 17)

#: Glance's name, qemu's name, options.
FORMATS = {
    "qcow2": ("qcow2", "qcow2", []),
    "qcow2 compressed": ("qcow2", "qcow2", ["-c"]),
    "vmdk": ("vmdk", "vmdk", []),
    "vmdk stream": ("vmdk", "vmdk", ["-o", "subformat=streamOptimized"]),
    "vdi": ("vdi", "vdi", []),
    "vhd": ("vhd", "vpc", ["-o", "force_size=on"]),
    "vhdx": ("vhdx", "vhdx", []),
}


def gpt(own: int, other: int, sectors: int) -> bytes:
    """A sector with the header of a partition table without partitions."""
    head = struct.pack(
        "<8sIII4xQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, own, other, 34, sectors - 34, b"", 2, 0, 128, 0
    )
    return (head[:16] + struct.pack("<I", zlib.crc32(head)) + head[20:]).ljust(512, b"\0")


@pytest.fixture(name="whole", scope="module")
def _whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A disk of 20 MiB with a partition table at both ends, and data here and there."""
    path = tmp_path_factory.mktemp("whole") / "disk.raw"
    sectors = DISK_SIZE // 512
    chance = random.Random(4)
    with path.open("wb") as stream:
        entry = struct.pack("<B3sB3sII", 0, b"\0\2\0", 0xEE, b"\xff" * 3, 1, sectors - 1)
        stream.write(bytes(446) + entry + bytes(48) + b"\x55\xaa" + gpt(1, sectors - 1, sectors))
        for place in (MIB, 8 * MIB, DISK_SIZE - MIB):
            stream.seek(place)
            stream.write(chance.randbytes(300_000))
        stream.seek(DISK_SIZE - 512)
        stream.write(gpt(sectors - 1, 1, sectors))
    return path


def cut(path: Path, target: Path, percent: int = 60) -> Path:
    content = path.read_bytes()
    target.write_bytes(content[: len(content) * percent // 100])
    return target


def file_of(folder: Path, **options: t.Any) -> dict[str, t.Any]:
    (folder / "out").mkdir(exist_ok=True)
    return support.run_module("image_file", folder, {"path": folder / "out" / "image", **options})


def nothing_made(folder: Path) -> bool:
    return list((folder / "out").iterdir()) == []


# Cut off


@pytest.mark.parametrize("name", FORMATS)
def test_cut_files_are_not_converted_and_not_safe(tmp_path: Path, whole: Path, name: str) -> None:
    disk_format, qemu_format, flags = FORMATS[name]
    source = support.convert(whole, tmp_path / "source", qemu_format, *flags)
    told = support.run_module("image_file_info", tmp_path, {"path": source})["image_file"]
    assert told["safe"] and told["format"] == disk_format and told["virtual_size"] == DISK_SIZE
    damaged = cut(source, tmp_path / "damaged")
    told = support.run_module("image_file_info", tmp_path, {"path": damaged})["image_file"]
    assert not told["safe"] and any("cut off" in reason or "footer" in reason for reason in told["reasons"]), told
    packed = tmp_path / "packed"
    packed.write_bytes(support.pack("gz", damaged.read_bytes()))
    for src in (damaged, packed):
        for options in ({"format": "raw"}, {"format": "qcow2"}, {}):
            result = file_of(tmp_path, src=src, **options)
            assert result["reason"] == "unsafe_image" and str(src) in result["msg"] and nothing_made(tmp_path), result


def test_errors_that_only_qemu_img_finds(tmp_path: Path, whole: Path) -> None:
    source = support.convert(whole, tmp_path / "source", "qcow2")
    content = bytearray(source.read_bytes())
    (refcounts,) = struct.unpack_from(">Q", content, 48)
    (block,) = struct.unpack_from(">Q", content, refcounts)
    content[block : block + 65536] = bytes(65536)  # a hole, as broken downloads leave them
    source.write_bytes(content)
    result = file_of(tmp_path, src=source, format="raw")
    assert result["reason"] == "unsafe_image" and "qemu-img check found errors" in result["msg"], result
    assert nothing_made(tmp_path)


def test_a_cut_file_that_is_there_already_is_not_taken_for_made(tmp_path: Path, whole: Path) -> None:
    source = support.convert(whole, tmp_path / "source", "qcow2")
    damaged = cut(source, tmp_path / "damaged")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "image").write_bytes(damaged.read_bytes())
    result = file_of(tmp_path, src=damaged)
    assert result.get("failed") and "cut off" in result["msg"], result


def test_cut_files_are_not_uploaded(run, member, name, whole, tmp_path) -> None:
    source = support.convert(whole, tmp_path / "source", "qcow2")
    damaged = cut(source, tmp_path / "damaged")
    shrunk = cut(whole, tmp_path / "shrunk")
    for check in (True, False):
        for file in (damaged, shrunk):
            with cloud_support.calls() as calls:
                one = run("image", check, name=name, filename=file)
                many = run("images", check, images=[{"name": name, "filename": str(file)}])
            assert one["reason"] == "unsafe_image" and "cut off" in one["msg"], one
            assert "cut off" in many["results"][0]["msg"] and str(file) in many["results"][0]["msg"], many
            assert not calls.writes and member.named(name) == []
    assert not run("image", name=name, filename=source).get("failed")
    assert member.only(name)["status"] == "active"


# VHD as other programs write it


def vhd(whole: Path, target: Path, creator: bytes, subformat: str) -> Path:
    """A VHD whose footers tell another creator, and a geometry that is too small for the disk."""
    support.convert(whole, target, "vpc", "-o", f"subformat={subformat},force_size=on")
    content = bytearray(target.read_bytes())
    for place in (len(content) - 512, 0) if subformat == "dynamic" else (len(content) - 512,):
        footer = content[place : place + 512]
        footer[28:32], footer[56:60], footer[64:68] = creator, struct.pack(">HBB", *GEOMETRY), bytes(4)
        footer[64:68] = struct.pack(">I", ~sum(footer) & 0xFFFFFFFF)
        content[place : place + 512] = footer
    target.write_bytes(content)
    return target


@pytest.mark.parametrize("subformat", ["dynamic", "fixed"])
@pytest.mark.parametrize("creator", [b"vbox", b"vpc ", b"qemu", b"win "])
def test_a_vhd_keeps_its_size(tmp_path: Path, whole: Path, creator: bytes, subformat: str) -> None:
    source = vhd(whole, tmp_path / "disk, of a machine.vhd", creator, subformat)
    told = support.run_module("image_file_info", tmp_path, {"path": source})["image_file"]
    assert told["virtual_size"] == DISK_SIZE and told["safe"] and told["format"] == "vhd"
    result = file_of(tmp_path, src=source, format="raw")
    assert result.get("virtual_size") == DISK_SIZE, result
    assert (tmp_path / "out" / "image").read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("target", ["qcow2", "vmdk", "vdi", "vhdx"])
def test_a_vhd_keeps_its_size_in_every_format(tmp_path: Path, whole: Path, target: str) -> None:
    source = vhd(whole, tmp_path / "source", b"vbox", "dynamic")
    result = file_of(tmp_path, src=source, format=target)
    assert result.get("virtual_size") == DISK_SIZE, result
    assert support.raw_content(tmp_path / "out" / "image", target, tmp_path) == whole.read_bytes()


def test_a_result_that_is_smaller_than_its_source(tmp_path: Path) -> None:
    """With a qemu-img that does what it likes."""
    (tmp_path / "disk").write_bytes(support.unknown_bytes())
    source = support.convert(tmp_path / "disk", tmp_path / "source", "qcow2")
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "qemu-img"
    program.write_text('#!/bin/sh\n/usr/bin/env PATH="${PATH#*:}" qemu-img "$@" || exit\nfor last; do :; done\n'
                       '[ "$1" != convert ] || truncate -s -512 "$last"\n')  # fmt: skip
    program.chmod(0o755)
    (tmp_path / "out").mkdir()
    path = f"{folder}:{os.environ['PATH']}"
    options = {"src": source, "path": tmp_path / "out" / "image", "format": "raw"}
    result = support.run_module("image_file", tmp_path, options, env={"PATH": path})
    assert result.get("failed") and nothing_made(tmp_path), result
    assert "has 2097152 bytes, and qemu-img made one of 2096640 bytes" in result["msg"]


# Archives


@pytest.mark.parametrize("kind", ["gz", "xz", "bz2"])
def test_what_follows_an_archive_is_left_out_with_a_warning(tmp_path: Path, kind: str) -> None:
    disk = support.disk_bytes()
    source = tmp_path / "source"
    source.write_bytes(support.pack(kind, disk) + b'{"supported_devices": []}')
    result = file_of(tmp_path, src=source, checksum=f"sha256:{support.sha256(source.read_bytes())}")
    assert result["changed"] and (tmp_path / "out" / "image").read_bytes() == disk
    warning = str(result["warnings"])
    assert "25 bytes follow it" in warning and str(source) in warning
    again = file_of(tmp_path, src=source)
    assert not again["changed"] and not again.get("warnings")


def test_memory_for_an_archive_is_an_option(tmp_path: Path) -> None:
    disk = support.disk_bytes()
    parameters = zstandard.ZstdCompressionParameters(window_log=30, write_content_size=False, write_checksum=True)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    source = tmp_path / "source"
    source.write_bytes(packer.compress(disk) + packer.flush())
    result = file_of(tmp_path, src=source)
    assert result["reason"] == "file_problem" and nothing_made(tmp_path), result
    assert "needs 1024 MiB" in result["msg"] and "512 MiB is the limit" in result["msg"]
    assert "max_unpack_memory" in result["msg"] and "corrupt" not in result["msg"]
    assert file_of(tmp_path, src=source, max_unpack_memory="1GiB")["changed"]
    assert (tmp_path / "out" / "image").read_bytes() == disk
    assert "max_unpack_memory" in file_of(tmp_path, src=source, max_unpack_memory="much")["msg"]
