# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module image_file as a real process: its sources, formats, archives, faults, and what it leaves behind."""

from __future__ import annotations

import base64
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import typing as t
from pathlib import Path

import files_support as support
import pytest
from files_support import MIB, Faults
from patience import PATIENCE, wait_until

QEMU_NAMES = {"raw": "raw", "qcow2": "qcow2", "vmdk": "vmdk", "vdi": "vdi", "vhd": "vpc", "vhdx": "vhdx"}
NOT_ROOT = 65534


@pytest.fixture(name="disk", scope="session")
def _disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("disk") / "disk.raw"
    path.write_bytes(support.disk_bytes())
    return path


@pytest.fixture(name="qcow2", scope="session")
def _qcow2(disk: Path) -> Path:
    return support.convert(disk, disk.with_name("disk.qcow2"), "qcow2")


def run(folder: Path, **options: t.Any) -> dict[str, t.Any]:
    """Run the module on ``out/image`` below the folder."""
    popen = {name: options.pop(name) for name in ("check", "env", "user", "preexec_fn") if name in options}
    return support.run_module("image_file", folder, {"path": folder / "out" / "image", **options}, **popen)


def refused(folder: Path, *words: str, reason: str | None = None, **options: t.Any) -> dict[str, t.Any]:
    """Run the module, and expect one sentence with these words, and nothing left behind."""
    before = listing(folder)
    result = run(folder, **options)
    assert result.get("failed"), result
    for word in words:
        assert word in result["msg"], result["msg"]
    assert "\n" not in result["msg"]
    assert reason is None or result["reason"] == reason, result
    assert listing(folder) == before
    return result


def listing(folder: Path) -> list[str]:
    """Everything in the folder of the target, hidden files too."""
    return sorted(path.name for path in (folder / "out").iterdir())


def image(folder: Path) -> Path:
    """The target."""
    return folder / "out" / "image"


# Sources and formats


@pytest.mark.parametrize("target", QEMU_NAMES)
def test_every_format(folder: Path, disk: Path, qcow2: Path, target: str) -> None:
    result = run(folder, src=qcow2, format=target)
    assert result["changed"] and result["format"] == target, result
    assert support.raw_content(image(folder), QEMU_NAMES[target], folder) == disk.read_bytes()
    assert listing(folder) == ["image"]
    assert result["virtual_size"] == disk.stat().st_size
    assert result["size"] == image(folder).stat().st_size
    again = run(folder, src=qcow2, format=target)
    assert not again["changed"] and again["actions"] == [] and again["transfer"]["bytes"] == 0
    assert again["content_key"] == result["content_key"] == f"sha256:{support.sha256(qcow2.read_bytes())}+{target}"


@pytest.mark.parametrize("source", [*QEMU_NAMES, "fixed vhd"])
def test_every_source_format(folder: Path, disk: Path, source: str) -> None:
    fixed = ["-o", "subformat=fixed,force_size=on"] if source == "fixed vhd" else []
    name = source.split()[-1]
    sized = ["-o", "force_size=on"] if source == "vhd" else []
    path = support.convert(disk, folder / "source", QEMU_NAMES[name], *fixed, *sized)
    result = run(folder, src=path, format="qcow2", source_format=name)
    assert result["changed"], result
    assert support.raw_content(image(folder), "qcow2", folder) == disk.read_bytes()


@pytest.mark.parametrize("kind", ["xz", "gz", "bz2", "zst"])
def test_every_archive_under_a_wrong_suffix(folder: Path, disk: Path, kind: str) -> None:
    path = folder / "source.zip"
    path.write_bytes(support.pack(kind, disk.read_bytes()))
    result = run(folder, src=path)
    assert result["changed"] and result["format"] == "raw", result
    assert image(folder).read_bytes() == disk.read_bytes()
    assert image(folder).stat().st_blocks * 512 < disk.stat().st_size, "zeros became no holes"
    assert not run(folder, src=path)["changed"]


@pytest.mark.parametrize("kind", ["xz", "gz", "bz2", "zst"])
def test_archives_of_several_members(folder: Path, disk: Path, kind: str) -> None:
    content = disk.read_bytes()
    path = folder / "source"
    path.write_bytes(support.pack(kind, content[:MIB]) + support.pack(kind, content[MIB:]))
    run(folder, src=path)
    assert image(folder).read_bytes() == content


@pytest.mark.parametrize("kind", ["xz", "gz", "bz2", "zst"])
@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_corrupt_archives(folder: Path, disk: Path, kind: str, damage: str) -> None:
    packed = bytearray(support.pack(kind, disk.read_bytes()))
    if damage == "flipped":
        # zstd and gzip find some flips by their checksum alone; a header is always found
        packed[5 if kind == "zst" else len(packed) // 2] ^= 0xFF
    damaged = {"cut": packed[: len(packed) // 2], "flipped": packed}[damage]
    path = folder / "source"
    path.write_bytes(damaged)
    refused(folder, "corrupt", str(path), src=path, reason="file_problem")


def test_no_unpacking_on_demand(folder: Path, disk: Path) -> None:
    path = folder / "source"
    path.write_bytes(support.pack("xz", disk.read_bytes()))
    result = run(folder, src=path, unpack=False)
    assert image(folder).read_bytes() == path.read_bytes()
    assert result["content_key"] == f"sha256:{support.sha256(path.read_bytes())}"


@pytest.mark.parametrize("compression", ["zlib", "zstd"])
def test_compressed_qcow2(folder: Path, disk: Path, qcow2: Path, compression: str) -> None:
    result = run(folder, src=qcow2, format="qcow2", compression_type=compression)
    assert result["changed"] and result["content_key"].endswith(f"+qcow2,compression_type={compression}")
    told = subprocess.run(
        ["qemu-img", "info", "-f", "qcow2", "--output=json", image(folder)], capture_output=True, check=True
    )
    assert json.loads(told.stdout)["format-specific"]["data"]["compression-type"] == compression
    assert support.raw_content(image(folder), "qcow2", folder) == disk.read_bytes()
    assert not run(folder, src=qcow2, format="qcow2", compression_type=compression)["changed"]


# Idempotency, check mode, diff


def test_check_mode_writes_nothing_and_foretells(folder: Path, qcow2: Path) -> None:
    foretold = run(folder, src=qcow2, format="raw", check=True)
    assert foretold["changed"] and foretold["content_key"] and foretold["actions"]
    assert listing(folder) == []
    done = run(folder, src=qcow2, format="raw")
    assert {key: foretold[key] for key in ("content_key", "actions", "diff", "changed", "format")} == {
        key: done[key] for key in ("content_key", "actions", "diff", "changed", "format")
    }
    assert not run(folder, src=qcow2, format="raw", check=True)["changed"]
    assert done["diff"]["before"] == {"exists": False} and done["diff"]["after"]["format"] == "raw"


def test_changes_of_source_and_target_are_seen(folder: Path, disk: Path) -> None:
    source = folder / "source"
    shutil.copy(disk, source)
    first = run(folder, src=source, format="qcow2")
    with image(folder).open("r+b") as stream:
        stream.seek(-1, os.SEEK_END)
        stream.write(b"x")
    mended = run(folder, src=source, format="qcow2")
    assert mended["changed"] and mended["content_key"] == first["content_key"]
    source.write_bytes(support.disk_bytes(seed=2))
    rebuilt = run(folder, src=source, format="qcow2")
    assert rebuilt["changed"] and rebuilt["content_key"] != first["content_key"]
    assert support.raw_content(image(folder), "qcow2", folder) == source.read_bytes()
    assert not run(folder, src=source, format="qcow2")["changed"]


def test_a_file_that_has_the_bytes_already_is_adopted(folder: Path, qcow2: Path, server: support.Server) -> None:
    shutil.copy(qcow2, image(folder))
    assert not run(folder, src=qcow2)["changed"]
    digest = support.sha256(qcow2.read_bytes())
    assert not run(folder, src=f"{server.url}/a", checksum=digest, format="qcow2")["changed"]
    assert server.requests == []


def test_mode_is_part_of_the_state(folder: Path, qcow2: Path) -> None:
    run(folder, src=qcow2, mode="0600")
    assert image(folder).stat().st_mode & 0o777 == 0o600
    assert run(folder, src=qcow2, mode="0640", check=True)["changed"]
    changed = run(folder, src=qcow2, mode="0640")
    assert changed["changed"] and changed["transfer"]["bytes"] == 0
    assert image(folder).stat().st_mode & 0o777 == 0o640
    assert not run(folder, src=qcow2, mode="0640")["changed"]


def test_absent(folder: Path, qcow2: Path) -> None:
    run(folder, src=qcow2)
    assert run(folder, state="absent", check=True)["changed"] and listing(folder) == ["image"]
    assert run(folder, state="absent")["changed"] and listing(folder) == []
    assert not run(folder, state="absent")["changed"]


# Downloads


def test_a_download_is_verified_by_a_file_of_checksums(folder: Path, disk: Path, server: support.Server) -> None:
    packed = support.pack("xz", disk.read_bytes())
    server.files = {"/i/a%20b.xz": packed, "/SUMS": f"{support.sha256(packed)} *a b.xz\n".encode()}
    options = {"src": f"{server.url}/i/a b.xz", "checksum": f"sha256:{server.url}/SUMS", "format": "raw"}
    foretold = run(folder, **options, check=True)
    assert foretold["changed"] and server.asked("/i/a%20b.xz") == 0
    done = run(folder, **options)
    assert done["content_key"] == foretold["content_key"] == f"sha256:{support.sha256(packed)}+raw"
    assert done["transfer"]["bytes"] == done["source"]["size"] == len(packed)
    assert image(folder).read_bytes() == disk.read_bytes()
    assert not run(folder, **options)["changed"] and server.asked("/i/a%20b.xz") == 1


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_download_goes_on(folder: Path, disk: Path, server: support.Server, ranges: bool) -> None:
    content = disk.read_bytes()
    server.files["/a"] = content
    server.faults["/a"] = Faults(cuts=[MIB], ranges=ranges, statuses=[503])
    result = run(folder, src=f"{server.url}/a", checksum=support.sha256(content))
    assert result["changed"], result
    assert image(folder).read_bytes() == content
    asked = [headers.get("range") for _method, _path, headers in server.requests]
    assert asked == [None, None, f"bytes={MIB}-"]


def test_lasting_faults_end_soon(folder: Path, server: support.Server) -> None:
    digest = "0" * 64
    refused(folder, "404", f"{server.url}/no", src=f"{server.url}/no", checksum=digest, reason="transfer_problem")
    assert server.asked("/no") == 1
    server.faults["/down"] = Faults(statuses=[403])
    refused(folder, "403", src=f"{server.url}/down", checksum=digest)


def test_wrong_bytes_leave_the_old_file(folder: Path, disk: Path, server: support.Server) -> None:
    image(folder).write_bytes(b"old")
    server.files["/a"] = disk.read_bytes()
    refused(folder, "checksum", "1" * 64, src=f"{server.url}/a", checksum="1" * 64, reason="checksum_mismatch")
    assert image(folder).read_bytes() == b"old"
    refused(folder, str(disk), "1" * 64, src=disk, checksum="1" * 64, reason="checksum_mismatch")


def test_credentials_are_used_and_never_shown(folder: Path, disk: Path, server: support.Server) -> None:
    content = disk.read_bytes()
    server.files["/a"] = server.files["/b"] = content
    login = "Basic " + base64.b64encode(b"kim:s3cret/word").decode()
    server.faults["/a"] = Faults(login=login)
    address = server.url.replace("http://", "http://kim:s3cret%2Fword@")
    done = run(folder, src=f"{address}/a?token=hu5h", checksum=support.sha256(content))
    assert done["changed"], done
    failed = run(folder, src=f"{address}/c?token=hu5h", checksum="0" * 64)
    assert failed["failed"]
    for told in (json.dumps(done), json.dumps(failed)):
        assert "s3cret" not in told and "hu5h" not in told
    assert done["source"]["address"] == f"{server.url}/a"
    with support.serving() as other:
        other.files["/b"] = support.disk_bytes(seed=3)
        server.faults["/away"] = Faults(redirect=f"{other.url}/b", login=login)
        digest = support.sha256(other.files["/b"])
        headers = {"X-Token": "hu5h"}
        assert run(folder, src=f"{address}/away", checksum=digest, headers=headers)["changed"]
        sent = other.requests[0][2]
        assert "authorization" not in sent and "x-token" not in sent


def test_secrets_are_not_in_the_invocation(folder: Path, disk: Path, server: support.Server) -> None:
    server.files["/a"] = disk.read_bytes()
    server.files["/S"] = f"{support.sha256(server.files['/a'])}  a\n".encode()
    sums = server.url.replace("http://", "http://kim:s3cret-word@") + "/S?sig=hu5h-hu5h"
    accept = "application/octet-stream"
    for prefix in ("", "sha256:"):
        headers = {"Authorization": "Bearer hu5h-bearer", "X-Api-Key": "hu5h-key", "Accept": accept}
        options = {"src": f"{server.url}/a?t=1", "checksum": f"{prefix}{sums}", "headers": headers}
        done = run(folder, **options)
        again = run(folder, **options, check=True)
        failed = run(folder, **options | {"src": f"{server.url}/b?t=1"})
        assert (done["changed"], again["changed"], failed["failed"]) == (not prefix, False, True)
        sent = server.requests[0][2]
        assert sent["x-api-key"] == "hu5h-key"
        for told in (done, again, failed):
            assert "s3cret" not in json.dumps(told) and "hu5h" not in json.dumps(told)
            assert told["invocation"]["module_args"]["headers"]["Accept"] == accept
            assert told["invocation"]["module_args"]["timeout"] == 30, "no number is blanked out"


def test_redirects_lead_to_http_only(folder: Path, server: support.Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as ftp:
        server.faults["/a"] = Faults(redirect=f"ftp://127.0.0.1:{ftp.getsockname()[1]}/a")
        words = (f"src: {server.url}/a redirects to ftp://, and only http:// and https:// are followed.",)
        refused(folder, *words, src=f"{server.url}/a", checksum="0" * 64, reason="transfer_problem", timeout=1)
        ftp.settimeout(0)
        with pytest.raises(BlockingIOError):
            ftp.accept()
    assert server.asked("/a") == 1


# What bad input gets


def test_sources_that_are_no_files(folder: Path, qcow2: Path) -> None:
    out = folder / "strange"
    out.mkdir()
    (out / "empty").touch()
    (out / "folder").mkdir()
    (out / "dangling").symlink_to(out / "nowhere")
    (out / "link").symlink_to(qcow2)
    os.mkfifo(out / "pipe")
    refused(folder, "src", "does not exist", src=out / "missing", reason="file_problem")
    refused(folder, "src", "empty", src=out / "empty")
    refused(folder, "src", "directory", src=out / "folder")
    refused(folder, "src", "symbolic link", src=out / "dangling")
    refused(folder, "src", "named pipe", src=out / "pipe")
    refused(folder, "src", "character device", src="/dev/zero")
    assert run(folder, src=out / "link")["changed"]


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root to become somebody else")
@pytest.mark.skipif(
    not all(
        folder.stat().st_mode & 0o001 for place in (__file__, sys.prefix) for folder in Path(place).resolve().parents
    ),
    reason="the tests or their Python lie where only root may read",
)
def test_permissions(folder: Path, qcow2: Path) -> None:
    for path in (folder, *folder.parents[:3]):
        path.chmod(path.stat().st_mode | 0o755)
    source = folder / "source"
    shutil.copy(qcow2, source)
    source.chmod(0o600)
    refused(folder, "src", "not readable", src=source, user=NOT_ROOT)
    source.chmod(0o644)
    refused(folder, "path", "not writable", src=source, user=NOT_ROOT)


def test_options_that_make_no_sense(folder: Path, qcow2: Path) -> None:
    for value, words in {
        "nonsense": "no checksum",
        "sha256:abc": "64 hexadecimal digits",
        "abcdef": "no algorithm",
        "sha3:" + "0" * 64: "no checksum",
        "ftp://example.com/SUMS": "not supported",
    }.items():
        refused(folder, "checksum", words, src=qcow2, checksum=value, reason="invalid_option")
    refused(folder, "checksum", "is needed", src="http://127.0.0.1:1/a", reason="invalid_option")
    refused(folder, "src", "ftp", src="ftp://127.0.0.1/a", checksum="0" * 64)
    refused(folder, "max_virtual_size", src=qcow2, max_virtual_size="many")
    refused(folder, "compression_type", src=qcow2, format="raw", compression_type="zstd")
    refused(folder, "src", "same file", src=qcow2, path=qcow2)
    refused(folder, "path", "does not exist", src=qcow2, path=folder / "no" / "image")
    refused(folder, "path", "directory", src=qcow2, path=folder / "out")
    refused(folder, "src", state="present")


def test_checksum_files_that_do_not_help(folder: Path, qcow2: Path) -> None:
    sums = folder / "SUMS"
    sums.write_text(f"{'0' * 64}  other.img\n")
    refused(folder, str(sums), "disk.qcow2", src=qcow2, checksum=str(sums), reason="checksum_mismatch")
    sums.write_text(f"{'0' * 64}  disk.qcow2\n{'1' * 64}  disk.qcow2\n")
    refused(folder, str(sums), "different", "disk.qcow2", src=qcow2, checksum=str(sums))
    refused(folder, "does not exist", src=qcow2, checksum=f"sha256:{folder}/nothing")


def unsafe_images(folder: Path, disk: Path) -> dict[str, tuple[Path, str]]:
    """Files that no qemu-img and no hypervisor should see, and a word of the reason."""
    base = folder / "base.raw"
    shutil.copy(disk, base)
    made = {name: folder / name for name in ("backing", "data", "flat", "l2", "qed", "huge", "descriptor", "dirty")}
    support.qemu_img("create", "-q", "-f", "qcow2", "-b", base, "-F", "raw", made["backing"])
    support.qemu_img("create", "-q", "-f", "qcow2", "-o", f"data_file={folder}/data.raw", made["data"], "2M")
    support.qemu_img("create", "-q", "-f", "qcow2", "-o", "extended_l2=on", made["l2"], "2M")
    support.qemu_img("create", "-q", "-f", "qcow2", made["huge"], "16T")
    support.qemu_img("create", "-q", "-f", "qcow2", made["dirty"], "2M")
    with made["dirty"].open("r+b") as stream:
        stream.seek(79)
        stream.write(b"\1")
    support.convert(disk, made["flat"], "vmdk", "-o", "subformat=monolithicFlat")
    support.convert(disk, made["qed"], "qed")
    made["descriptor"].write_text(
        '# Disk DescriptorFile\nversion=1\ncreateType="monolithicFlat"\nRW 1 FLAT "/etc/passwd" 0\n'
    )
    words = {
        "backing": "backing file",
        "data": "another file",
        "flat": "other files",
        "l2": "features",
        "qed": "not allowed",
        "huge": "17592186044416",
        "descriptor": "other files",
        "dirty": "dirty",
    }
    return {name: (made[name], words[name]) for name in made}


def test_unsafe_images_are_refused_packed_or_not(folder: Path, disk: Path) -> None:
    for path, word in unsafe_images(folder, disk).values():
        refused(folder, "src", word, src=path, format="raw", reason="unsafe_image")
        refused(folder, "src", word, src=path, format="raw", reason="unsafe_image", check=True)
        packed = folder / "packed"
        packed.write_bytes(support.pack("gz", path.read_bytes()))
        refused(folder, "src", word, src=packed, reason="unsafe_image")


def test_web_page_is_not_converted(folder: Path) -> None:
    page = folder / "page.qcow2"
    page.write_text("<!DOCTYPE html><title>404 Not Found</title>\n")
    for target in ("qcow2", "raw"):
        refused(folder, "no disk image", "a text (html)", src=page, format=target, reason="unsafe_image")


def test_another_format_than_declared(folder: Path, qcow2: Path, disk: Path) -> None:
    refused(folder, "declared to be raw", "qcow2", src=qcow2, source_format="raw", reason="unsafe_image")
    refused(folder, "declared to be qcow2", "raw", src=disk, source_format="qcow2")
    refused(folder, "max_virtual_size", src=qcow2, max_virtual_size="1MiB")


def test_an_image_inside_the_image_is_found(folder: Path, disk: Path, qcow2: Path) -> None:
    nested = support.convert(qcow2, folder / "nested", "qcow2")
    refused(folder, "taken for qcow2", src=nested, format="raw", reason="unsafe_image")


def test_bombs_stop_at_the_limit(folder: Path) -> None:
    path = folder / "bomb"
    path.write_bytes(support.pack("gz", bytes(64 * MIB)))
    refused(folder, "max_virtual_size", src=path, max_virtual_size="8MiB", reason="unsafe_image")


def test_missing_tools(folder: Path, qcow2: Path, disk: Path) -> None:
    empty = folder / "bin"
    empty.mkdir()
    refused(folder, "qemu-utils", src=qcow2, format="raw", env={"PATH": str(empty)}, reason="missing_dependency")
    assert run(folder, src=qcow2, env={"PATH": str(empty)})["changed"]
    blocked = folder / "blocked"
    for name in ("oslo_utils", "zstandard"):
        (blocked / name).mkdir(parents=True)
        (blocked / name / "__init__.py").write_text("raise ImportError('blocked')\n")
    path = os.pathsep.join([str(blocked), *filter(None, support.sys.path)])
    image(folder).unlink()
    refused(folder, "oslo.utils", src=qcow2, env={"PYTHONPATH": path}, reason="missing_dependency")
    shutil.rmtree(blocked / "oslo_utils")
    packed = folder / "packed"
    packed.write_bytes(support.pack("zst", disk.read_bytes()))
    refused(folder, "zstandard", src=packed, env={"PYTHONPATH": path}, reason="missing_dependency")


# Full disks, signals, leftovers


def test_a_limit_on_file_sizes(folder: Path, disk: Path, qcow2: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (MIB // 4, MIB // 4))

    packed = folder / "packed"
    packed.write_bytes(support.pack("xz", disk.read_bytes()))
    refused(folder, "no larger file", src=packed, preexec_fn=limit, reason="file_problem")
    refused(folder, "qemu-img", src=qcow2, format="raw", preexec_fn=limit, reason="file_problem")


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root to mount a small file system")
def test_a_full_disk(folder: Path, disk: Path, qcow2: Path) -> None:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", folder / "out"], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("cannot mount a tmpfs here")
    try:
        refused(folder, "path: the ", "needs", "free", src=qcow2, format="raw", reason="file_problem")
        packed = folder / "packed"
        packed.write_bytes(support.pack("xz", support.disk_bytes()))
        refused(folder, "path: the content of", "needs", "free", src=packed, reason="file_problem")
        # Little when packed, and more than there is room for when unpacked
        packed.write_bytes(support.pack("xz", b"not zero" * 200_000))
        refused(folder, "path: the disk that holds", "is full", src=packed, reason="file_problem")
    finally:
        subprocess.run(["umount", folder / "out"], check=True)


def slow_server(server: support.Server, disk: Path, gate: threading.Event) -> dict[str, t.Any]:
    """Options for a download that does not come to its end before."""
    content = support.pack("xz", disk.read_bytes())
    server.files["/slow"] = content
    server.faults["/slow"] = Faults(gate=gate)
    return {"src": f"{server.url}/slow", "checksum": support.sha256(content), "format": "qcow2"}


def test_terminated_runs_leave_nothing(folder: Path, disk: Path, server: support.Server) -> None:
    image(folder).write_bytes(b"old")
    gate = threading.Event()
    options = {"path": image(folder), **slow_server(server, disk, gate)}
    process = support.start_module("image_file", folder, options)
    wait_until(lambda: len(listing(folder)) > 1)
    process.send_signal(signal.SIGTERM)
    result = support.finish_module(process)
    gate.set()
    assert result["failed"] and "SIGTERM" in result["msg"], result
    assert listing(folder) == ["image"] and image(folder).read_bytes() == b"old"


def test_killed_runs_are_cleaned_up_after(folder: Path, disk: Path, server: support.Server) -> None:
    gate = threading.Event()
    options = {"path": image(folder), **slow_server(server, disk, gate)}
    killed = support.start_module("image_file", folder, options)
    wait_until(lambda: len(listing(folder)) == 1)
    left = listing(folder)[0]
    assert re.fullmatch(r"\.image\.cloudimage-[0-9a-f]+", left)
    killed.kill()
    killed.communicate(timeout=PATIENCE)
    assert listing(folder) == [left]
    live = support.start_module("image_file", folder, options)
    wait_until(lambda: left not in listing(folder) and len(listing(folder)) == 1)
    (of_live,) = listing(folder)
    # A third run leaves the file of the second alone.
    assert run(folder, src=disk, format="raw")["changed"]
    assert of_live in listing(folder)
    gate.set()
    assert support.finish_module(live)["changed"]
    assert listing(folder) == ["image"]
    assert support.raw_content(image(folder), "qcow2", folder) == disk.read_bytes()


def test_an_unwritable_cache_is_no_problem(folder: Path, qcow2: Path) -> None:
    (folder / "cache").write_text("in the way")
    for _again in range(2):
        done = run(folder, src=qcow2, format="raw")
        (warning,) = done["warnings"]
        assert done["changed"] and "cannot be remembered" in str(warning) and str(folder / "cache") in str(warning)
    # A copy tells for itself.
    assert "warnings" not in run(folder, src=qcow2)
    assert not run(folder, src=qcow2)["changed"]


def test_places_that_are_not_for_files(folder: Path, qcow2: Path) -> None:
    (folder / "devices").symlink_to("/dev")
    for state in ({"src": qcow2}, {"state": "absent"}):
        # Nothing but check mode, as a fault would change this host.
        for path in ("/dev/stdout", folder / "devices" / "stdout"):
            refused(folder, "path:", path=path, check=True, reason="file_problem", **state)
        refused(folder, "path: /dev/fd-of-cloudimage lies in /dev", path="/dev/fd-of-cloudimage", check=True, **state)
    if os.access("/dev/shm", os.W_OK):
        assert run(folder, path=f"/dev/shm/{folder.name}", src=qcow2, check=True)["changed"]
    refused(folder, "mode:", src=qcow2, mode="0999", check=True, reason="invalid_option")
    refused(folder, "group:", src=qcow2, group="99999999999", check=True, reason="invalid_option")
