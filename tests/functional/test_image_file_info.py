# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module image_file_info as a real process."""

from __future__ import annotations

import hashlib
import os
import typing as t
from pathlib import Path

import files_support as support
import pytest

QEMU_NAMES = {"raw": "raw", "qcow2": "qcow2", "vmdk": "vmdk", "vdi": "vdi", "vhd": "vpc", "vhdx": "vhdx"}


@pytest.fixture(name="disk")
def _disk(tmp_path: Path) -> Path:
    path = tmp_path / "disk.raw"
    path.write_bytes(support.disk_bytes())
    return path


def run(folder: Path, path: object, **options: t.Any) -> dict[str, t.Any]:
    """Ask the module."""
    result = support.run_module("image_file_info", folder, {"path": str(path), **options})
    assert not result.get("changed")
    return result


@pytest.mark.parametrize("name", QEMU_NAMES)
def test_real_formats_and_sizes(tmp_path: Path, disk: Path, name: str) -> None:
    sized = ["-o", "force_size=on"] if name == "vhd" else []
    path = support.convert(disk, tmp_path / "image.txt", QEMU_NAMES[name], *sized)
    told = run(tmp_path, path, checksum_algorithms=["sha256", "md5"])["image_file"]
    assert told["format"] == name and told["safe"] and told["reasons"] == [] and told["exists"]
    assert told["virtual_size"] == disk.stat().st_size
    assert told["size"] == path.stat().st_size and told["actual_size"] == path.stat().st_blocks * 512
    assert told["checksums"] == {
        name: hashlib.new(name, path.read_bytes(), usedforsecurity=False).hexdigest() for name in ("sha256", "md5")
    }


def test_what_is_not_there_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "missing"
    assert run(tmp_path, path)["image_file"] == {"path": str(path), "exists": False}


def test_what_is_no_file_is_one(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").touch()
    for path, word in ((tmp_path, "directory"), (tmp_path / "pipe", "pipe"), (tmp_path / "empty", "empty")):
        told = run(tmp_path, path)
        assert told["failed"] and told["reason"] == "file_problem" and word in told["msg"]


def test_the_verdict_has_reasons(tmp_path: Path, disk: Path) -> None:
    path = tmp_path / "backed"
    support.qemu_img("create", "-q", "-f", "qcow2", "-b", disk, "-F", "raw", path)
    told = run(tmp_path, path, max_virtual_size="1MiB")["image_file"]
    assert not told["safe"] and told["reasons"][0] == "it has a backing file" and "1048576" in told["reasons"][1]


def test_packed_files_and_made_ones(tmp_path: Path, disk: Path) -> None:
    packed = tmp_path / "packed"
    packed.write_bytes(support.pack("zst", disk.read_bytes()))
    assert run(tmp_path, packed)["image_file"]["packed"] == "zst"
    made = support.run_module("image_file", tmp_path, {"src": packed, "path": tmp_path / "made", "format": "qcow2"})
    told = run(tmp_path, tmp_path / "made")["image_file"]
    assert told["packed"] is None and told["content_key"] == made["content_key"]


def test_unknown_algorithms_are_refused(tmp_path: Path, disk: Path) -> None:
    told = run(tmp_path, disk, checksum_algorithms=["crc7"])
    assert told["failed"] and "crc7" in told["msg"] and told["reason"] == "invalid_option"
