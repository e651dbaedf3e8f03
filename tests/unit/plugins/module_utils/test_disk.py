# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What image files really are, and what is refused; files in the making; qemu-img under limits."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import subprocess
import sys
import threading
import time
import types
import typing as t
from pathlib import Path

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _disk, _qemu, _workfile
from ansible_collections.cloudimage.glance.plugins.module_utils._content_type import Content
from ansible_collections.cloudimage.glance.plugins.module_utils._disk import Inspection
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import (
    FileProblem,
    MissingDependency,
    UnsafeImage,
)
from hypothesis import given
from hypothesis import strategies as st

MIB = 1024 * 1024


def gpt_head(kind: int = 0xEE) -> bytes:
    """The first sector of a disk with one partition of a kind."""
    entry = struct.pack("<B3BB3BII", 0, 0, 2, 0, kind, 0, 0, 0, 1, 2047)
    return bytes(446) + entry + bytes(48) + b"\x55\xaa"


def iso(head: bytes = bytes(512)) -> bytes:
    """The least that counts as an ISO 9660 file."""
    descriptor = bytearray(2048)
    descriptor[:6] = b"\1CD001"
    descriptor[80:84], descriptor[128:130] = struct.pack("<L", 20), struct.pack("<H", 2048)
    return head + bytes(32 * 1024 - len(head)) + bytes(descriptor) + bytes(MIB)


def fixed_vhd(size: int = MIB, damage: int = 0) -> bytes:
    """A disk with the footer of a VHD of fixed size."""
    footer = bytearray(512)
    footer[:8], footer[48:56], footer[60:64] = b"conectix", struct.pack(">Q", size), struct.pack(">I", 2)
    footer[64:68] = struct.pack(">I", (~sum(footer) & 0xFFFFFFFF) - damage)
    return b"\1" * size + bytes(footer)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"x", ("raw", 1, ())),
        (b"x" * 100_000, ("raw", 100_000, ())),
        (gpt_head() + bytes(MIB), ("raw", 512 + MIB, ())),
        (gpt_head(0x83) + bytes(MIB), ("raw", 512 + MIB, ())),
        (iso(), ("iso", 34 * 1024 + MIB, ())),
        (iso(gpt_head()), ("iso", 34 * 1024 + MIB, ())),
        (iso(bytes(510) + b"\x55\xaa"), ("iso", 34 * 1024 + MIB, ())),
        (fixed_vhd(), ("vhd", MIB, ())),
        (fixed_vhd(damage=1), ("raw", MIB + 512, ())),
        (b"LUKS\xba\xbe\0\1" + bytes(5000), ("luks", 5008, ())),
    ],
)
def test_formats(tmp_path: Path, content: bytes, expected: tuple[str, int, tuple[str, ...]]) -> None:
    path = tmp_path / "image"
    path.write_bytes(content)
    found = _disk.inspect(str(path))
    assert (found.format, found.virtual_size) == expected[:2]
    assert found.actual_size == path.stat().st_blocks * 512
    if found.format != "luks":
        assert found.unsafe == expected[2]


def qcow2_head(version: int = 3, backing: int = 0, encryption: int = 0, features: int = 0) -> bytes:
    """A qcow2 header with what makes it unsafe."""
    head = bytearray(512)
    head[:32] = struct.pack(">4sIQIIQ", b"QFI\xfb", version, backing, 0, 16, MIB)
    head[32:36], head[72:80] = struct.pack(">I", encryption), struct.pack(">Q", features)
    return bytes(head)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (qcow2_head(backing=1000), "backing file"),
        (qcow2_head(encryption=2), "encrypted"),
        (qcow2_head(features=1), "dirty"),
        (qcow2_head(features=2), "corrupt"),
        (qcow2_head(features=4), "another file"),
        (qcow2_head(features=16), "features"),
        (qcow2_head(version=1), "format qcow, version 1"),
        (b"QED\0" + bytes(1000), "not allowed"),
        (b"# Disk DescriptorFile\n" + bytes(1000), "other files"),
        (b"KDMV" + bytes(1000), "VMDK"),
        (bytes(510) + b"\x55\xaa" + bytes(MIB), "partition table"),
        (iso(qcow2_head()), "several formats"),
        (iso(b"QED\0"), "several formats"),
    ],
)
def test_unsafe_files(tmp_path: Path, content: bytes, word: str) -> None:
    path = tmp_path / "image"
    path.write_bytes(content)
    found = _disk.inspect(str(path))
    assert any(word in reason for reason in found.unsafe), found
    with pytest.raises(UnsafeImage, match=r"^src: the image .* is not safe: ") as problem:
        _disk.require_safe(found, str(path), disk_format=None, option="src")
    assert str(path) in problem.value.message


SAFE = Inspection("qcow2", 100, 10)


@pytest.mark.parametrize(
    ("inspection", "declared", "words"),
    [
        (SAFE, "raw", "declared to be raw, and it is qcow2"),
        (SAFE, "ami", "declared to be ami"),
        (Inspection("raw", 1, 1), "qcow2", "declared to be qcow2, and it is raw"),
        (Inspection("iso", 1, 1), "raw", "it is iso"),
        (Inspection("vhd", 1, 1, variant="fixed"), "vhd", "fixed size"),
        (Inspection("raw", 11 * 1024**4, 1), "raw", "max_virtual_size"),
    ],
)
def test_refusals(inspection: Inspection, declared: str, words: str) -> None:
    with pytest.raises(UnsafeImage, match=words):
        _disk.require_safe(inspection, "/image", disk_format=declared)


def test_what_is_as_declared_passes() -> None:
    _disk.require_safe(SAFE, "/image", disk_format="qcow2")
    _disk.require_safe(SAFE, "/image", disk_format=None, max_virtual_size=100)
    for declared in ("raw", "ami", "ari", "aki", "ploop"):
        _disk.require_safe(Inspection("raw", 1, 1), "/image", disk_format=declared)
    fixed = Inspection("vhd", 1, 1, variant="fixed")
    _disk.require_safe(fixed, "/image", disk_format="vhd", accept_fixed_vhd=True)


def test_what_is_taken_for_raw_for_want_of_anything_else() -> None:
    for inspection in (Inspection("raw", 1024, 10, content=Content("gpt", "volume")), Inspection("qcow2", 7, 10)):
        _disk.require_disk(inspection, "/image")
    with pytest.raises(UnsafeImage, match=r"^filename: the file /image is no disk image .* say disk_format: raw"):
        _disk.require_disk(Inspection("raw", 1024, 10), "/image")
    with pytest.raises(
        UnsafeImage, match=r"^src: the file /page is no disk image .* 88 bytes .* say source_format: raw"
    ):
        _disk.require_disk(Inspection("raw", 88, 88), "/page", "src", declared="source_format")


def test_the_first_version_of_qcow_has_its_own_name(tmp_path: Path) -> None:
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow", str(tmp_path / "disk"), "1M"], check=True, timeout=60)
    found = _disk.inspect(str(tmp_path / "disk"))
    assert (found.format, len(found.unsafe), found.virtual_size) == ("qcow", 1, MIB)


def test_encrypted_disk_is_raw_if_it_is_said(tmp_path: Path) -> None:
    """Glance takes version 1 as raw, and version 2 as nothing."""
    path = tmp_path / "disk"
    path.write_bytes(b"LUKS\xba\xbe\0\1" + bytes(5000))
    found = _disk.inspect(str(path))
    _disk.require_safe(found, "/disk", disk_format="raw")
    with pytest.raises(UnsafeImage, match="no disk image of a known format, but a disk image in the format luks"):
        _disk.require_disk(found, "/disk")
    for declared in ("aki", "qcow2", "ploop"):
        with pytest.raises(UnsafeImage, match=f"declared to be {declared}, and it is .*luks"):
            _disk.require_safe(found, "/disk", disk_format=declared)


@pytest.mark.parametrize("size", [4, 104, 300, 511])
@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("qcow2", qcow2_head(backing=72)),
        ("vmdk", b"KDMV\1\0\0\0"),
        ("vhdx", b"vhdxfile"),
        ("vhd", b"conectix"),
        ("qed", b"QED\0"),
        ("vdi", bytes(64) + b"\x7f\x10\xda\xbe"),
    ],
)
def test_a_header_that_is_cut_off_makes_no_raw_disk(tmp_path: Path, name: str, head: bytes, size: int) -> None:
    """The library does not know a format by less than its header, and qemu follows the backing file of such a qcow2."""
    path = tmp_path / "disk"
    path.write_bytes(head.ljust(1024, b"\0")[: max(size, len(head) if name == "vdi" else 8)])
    found = _disk.inspect(str(path))
    assert found.format == name and found.unsafe, found
    for declared in ("raw", "aki", name, None):
        with pytest.raises(UnsafeImage, match="is not safe"):
            _disk.require_safe(found, "/disk", disk_format=declared)


def test_an_old_library_is_a_missing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    package = types.ModuleType("oslo_utils.imageutils")
    package.format_inspector = types.ModuleType("format_inspector")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "oslo_utils.imageutils", package)
    with pytest.raises(MissingDependency, match=r"oslo\.utils >= 7\.3\.0"):
        _disk.inspect(__file__)
    monkeypatch.setitem(sys.modules, "oslo_utils.imageutils", None)
    with pytest.raises(MissingDependency, match=r"oslo\.utils"):
        _disk.inspect(__file__)


def test_an_unreadable_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="cannot be read"):
        _disk.inspect(str(tmp_path / "missing"))


# Files in the making


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 300_000)), max_size=8))
def test_holes_do_not_change_the_content(
    tmp_path_factory: pytest.TempPathFactory, runs: list[tuple[bool, int]]
) -> None:
    blocks = [(b"\7" if filled else b"\0") * length for filled, length in runs]
    target = tmp_path_factory.mktemp("holes") / "file"
    with contextlib.ExitStack() as stack:
        work = _workfile.WorkFile(stack, str(target))
        for block in blocks:
            work.write(block)
        work.finish()
        assert Path(work.path).read_bytes() == b"".join(blocks)
        assert Path(work.path).stat().st_mode & 0o777 == 0o600
    assert list(target.parent.iterdir()) == []


def test_leftovers_are_swept_and_live_files_are_not(tmp_path: Path) -> None:
    target = str(tmp_path / ("long" * 60))
    with contextlib.ExitStack() as stack:
        live, left = _workfile.WorkFile(stack, target), _workfile.WorkFile(stack, target)
        fcntl.flock(left.descriptor, fcntl.LOCK_UN)
        (tmp_path / ".another.cloudimage-1").touch()
        _workfile.sweep(target)
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
            [Path(live.path).name, ".another.cloudimage-1"]
        )


def test_folders_that_cannot_take_files(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder, words in (("no", "does not exist"), ("file", "no folder")):
        with contextlib.ExitStack() as stack, pytest.raises(FileProblem, match=words):
            _workfile.WorkFile(stack, str(tmp_path / folder / "file"))
    with pytest.raises(FileProblem, match="free"):
        _workfile.require_space(str(tmp_path / "file"), 2**62, "It")


# qemu-img


def fake_program(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a qemu-img of our own into the way."""
    program = folder / "qemu-img"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_program(tmp_path, monkeypatch, f'echo "$LC_ALL $@" > {tmp_path}/said')
    _qemu.convert("/a:b", "vhdx", "/out", "qcow2", compression_type="zstd")
    assert (tmp_path / "said").read_text() == (
        "C convert -c -O qcow2 -o compat=1.1,compression_type=zstd -f vhdx /a:b /out\n"
    )
    _qemu.convert("/a,b", "vhd", "/out", "qcow2")
    assert (tmp_path / "said").read_text() == (
        "C convert -O qcow2 -o compat=1.1 --image-opts "
        "driver=vpc,force_size_calc=current_size,file.driver=file,file.filename=/a,,b /out\n"
    )
    _qemu.convert("/a", "iso", "/out", "raw")
    assert (tmp_path / "said").read_text() == "C convert -W -O raw -f raw /a /out\n"
    with pytest.raises(ValueError, match="relative"):
        _qemu.convert("json:{}", "raw", "/out", "raw")
    with pytest.raises(UnsafeImage):
        _qemu.require_source("luks")


@pytest.mark.parametrize("told", ['"backing-filename": "/etc/passwd"', '"encrypted": true', '"dirty-flag": true'])
def test_what_info_tells_is_heeded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    fake_program(tmp_path, monkeypatch, f"echo '{{\"virtual-size\": 1, {told}}}'; ulimit -t >&2")
    with pytest.raises(UnsafeImage, match="not safe"):
        _qemu.info("/a", "qcow2")


def test_failures_are_told_in_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_program(tmp_path, monkeypatch, "echo 'qemu-img: error while writing: No space left.' >&2; exit 1")
    with pytest.raises(FileProblem, match=r"from raw to qcow2: error while writing: No space left\.$"):
        _qemu.convert("/a", "raw", "/out", "qcow2")
    fake_program(tmp_path, monkeypatch, "kill -9 $$")
    with pytest.raises(UnsafeImage, match="signal 9"):
        _qemu.measure("/a", "raw", "qcow2")


@pytest.mark.parametrize(("status", "sound"), [(0, True), (1, False), (2, False), (3, True)])
def test_what_check_finds_in_a_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, sound: bool
) -> None:
    fake_program(tmp_path, monkeypatch, f"echo 'ERROR: cluster 7 is lost' >&2; echo 'sum' >&2; exit {status}")
    expected = (
        contextlib.nullcontext()
        if sound
        else pytest.raises(UnsafeImage, match=r"^src: .*/b is damaged.*\(cluster 7 is lost\)")
    )
    with expected:
        _qemu.require_sound("/a", "qcow2", "/b")
    _qemu.require_sound("/a", "vhd", "/b")


def test_time_runs_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_program(tmp_path, monkeypatch, f"sleep 60 & echo $! > {tmp_path}/child; wait")
    monkeypatch.setattr(_qemu, "_HEADER_TIME", 0.3)
    with pytest.raises(FileProblem, match="within"):
        _qemu.info("/a", "raw")
    child = int((tmp_path / "child").read_text())
    wait_for(lambda: not alive(child))


def test_it_dies_with_its_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_program(
        tmp_path,
        monkeypatch,
        f"echo $$ > {tmp_path}/child.tmp; mv {tmp_path}/child.tmp {tmp_path}/child; exec sleep 60",
    )
    code = f"import {_qemu.__name__} as q; q.info('/a', 'raw')"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen([sys.executable, "-c", code], env=environment) as parent:
        wait_for((tmp_path / "child").exists)
        parent.kill()
    child = int((tmp_path / "child").read_text())
    wait_for(lambda: not alive(child))


def alive(process: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for(condition: t.Callable[[], object]) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + 600
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        threading.Event().wait(0.01)
