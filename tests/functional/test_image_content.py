# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a file is by its content, in every way in: image, images, image_file, uri. What is no disk becomes none without a word."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import typing as t
import zipfile
from pathlib import Path

import files_support as support
import pytest

# Heads of files that no tool here makes.
FOREIGN = {
    "lz4": b"\x04\x22\x4d\x18\x64\x40\xa7" + bytes(2041),
    "lzip": b"LZIP\1\x0c" + bytes(2042),
    "7z": b"7z\xbc\xaf\x27\x1c\0\4" + bytes(2040),
    "cpio": b"0707010000000100008180" + bytes(2026),
    "dmg": b"\x78\xda" + b"\7" * 1534 + b"koly\0\0\0\4" + bytes(504),
    "ewf": b"EVF\x09\x0d\x0a\xff\0" + bytes(2040),
}


def archive(*members: str, content: bytes = b"\7" * 2048) -> bytes:
    """A tar archive."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as made:
        for name in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            made.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def zipped(name: str) -> bytes:
    """A zip archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        made.writestr(name, b"\7" * 2048)
    return stream.getvalue()


#: What is no disk, by the name that it has.
OTHERS: dict[str, bytes] = {
    **FOREIGN,
    "tar": archive("disk.raw"),
    "ova": archive("box.ovf", "box-disk1.vmdk"),
    "zip": zipped("disk.img"),
    "gz": support.pack("gz", archive("disk.raw")),
    "xz": support.pack("xz", support.disk_bytes(support.MIB)),
    "html": b"<!DOCTYPE html><title>404</title>\n" + b" " * 990,
    "plain": (b"0" * 64 + b"  disk.img\n") * 100,
    "elf": b"\x7fELF\2\1\1" + bytes(2041),
}


@pytest.fixture
def web() -> t.Iterator[support.Server]:
    with support.serving() as server:
        yield server


@pytest.fixture
def kept(tmp_path: Path) -> t.Callable[[bytes, str], Path]:
    """Put content into a file."""

    def keep(content: bytes, name: str = "disk.raw") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return keep


def said(result: dict[str, t.Any]) -> str:
    """All warnings of a result."""
    return json.dumps(result.get("warnings", []))


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_no_disk_is_none_unless_it_is_declared(succeed, fail, member, name, kept, kind):
    file = kept(OTHERS[kind])
    for check in (True, False):
        message = fail("image", check, name=name, filename=file)
        assert "no disk image" in message and kind in message and str(file) in message and "raw (" not in message
        assert kind in fail("image", check, name=name, filename=file, disk_format="qcow2")
    assert member.named(name) == []
    foretold = succeed("image", True, name=name, filename=file, disk_format="raw")
    done = succeed("image", name=name, filename=file, disk_format="raw")
    for result in (foretold, done):
        assert kind in said(result) and "no server boots from it" in said(result), said(result)
    assert member.only(name)["size"] == file.stat().st_size
    again = succeed("image", name=name, filename=file, disk_format="raw")
    assert not again["changed"] and said(again) == "[]"


@pytest.mark.parametrize("content", [bytes(support.MIB), support.unknown_bytes(support.MIB), b"x" * 512])
def test_what_nothing_is_recognised_in_has_to_be_declared(succeed, fail, member, name, kept, content):
    file = kept(content)
    for check in (True, False):
        assert "say disk_format: raw" in fail("image", check, name=name, filename=file)
    assert member.named(name) == []
    assert said(succeed("image", name=name, filename=file, disk_format="raw")) == "[]"


def test_disks_need_no_declaration_and_no_warning(succeed, member, name, disk):
    assert said(succeed("image", name=name, filename=disk())) == "[]"
    assert member.only(name)["disk_format"] == "raw"
    assert said(succeed("image", name=name + "q", filename=disk(disk_format="qcow2"))) == "[]"


def test_archive_is_what_its_container_is_for(succeed, member, name, kept):
    result = succeed("image", name=name, filename=kept(OTHERS["ova"]), container_format="ova", disk_format="vmdk")
    assert member.only(name)["container_format"] == "ova" and said(result) == "[]"


def test_ploop_is_a_format_of_glance(succeed, member, name, kept):
    succeed("image", name=name, filename=kept(b"WithouFreSpacExt\2" + bytes(2031)))
    assert member.only(name)["disk_format"] == "ploop"


def test_many_at_once_are_told_one_by_one(run, member, name, kept, disk):
    entries = [
        {"name": f"{name}-{kind}", "filename": str(kept(OTHERS[kind], kind)), **declared}
        for kind in ("tar", "ova")
        for declared in ({}, {"disk_format": "raw"})
    ]
    entries = [{**entry, "name": f"{entry['name']}-{number}"} for number, entry in enumerate(entries)]
    entries.append({"name": f"{name}-disk", "filename": str(disk())})
    result = run("images", images=entries)
    assert [each["failed"] for each in result["results"]] == [True, False, True, False, False]
    assert "(tar)" in result["results"][0]["msg"] and "(ova)" in result["results"][2]["msg"]
    assert (
        f"{name}-tar-1: " in said(result) and f"{name}-ova-3: " in said(result) and f"{name}-disk" not in said(result)
    )


# Kernels and ramdisks


@pytest.mark.parametrize("kind", ["gz", "xz", "bz2", "zst"])
def test_kernels_and_ramdisks_are_taken_as_they_are(succeed, member, name, kept, kind):
    file = kept(support.pack(kind, OTHERS["cpio"]), "initrd")
    for disk_format in ("ari", "aki", "ami"):
        called = f"{name}-{disk_format}"
        entry = {"name": called, "filename": str(file), "disk_format": disk_format}
        assert said(succeed("image", True, **entry)) == "[]"
        assert said(succeed("image", **entry)) == "[]"
        assert member.sha512(member.only(called)["id"]) == hashlib.sha512(file.read_bytes()).hexdigest()
        assert not succeed("images", images=[entry])["changed"]
    kept(support.pack(kind, OTHERS["cpio"] * 2), "initrd")
    succeed("image", name=f"{name}-ari", filename=file)
    image = member.only(f"{name}-ari")
    assert (image["disk_format"], image["size"]) == ("ari", file.stat().st_size), "the format passes on"


def test_many_ramdisks_and_what_is_none(run, member, name, kept, disk):
    packed, qcow2 = str(kept(OTHERS["gz"], "initrd.gz")), str(disk(disk_format="qcow2"))
    entries = [
        {"name": f"{name}-0", "filename": packed, "disk_format": "ari", "container_format": "ari"},
        {"name": f"{name}-1", "filename": packed, "disk_format": "ari"},
        {"name": f"{name}-2", "filename": qcow2, "disk_format": "ari"},
    ]
    result = run("images", images=entries)
    assert [each["failed"] for each in result["results"]] == [False, False, True] and said(result) == "[]"
    assert "declared to be ari, and it is qcow2" in result["results"][2]["msg"]


def test_kernel_with_the_mark_of_a_boot_record(succeed, fail, member, name, kept):
    """Glance refuses it in the container bare, as a disk with a partition table."""
    file = kept(b"MZ" + b"\1" * 508 + b"\x55\xaa\xeb\x66HdrS" + bytes(2048), "vmlinuz")
    assert "disk_format: aki" in fail("image", name=name, filename=file)
    assert "container_format: aki" in fail("image", name=name, filename=file, disk_format="aki")
    succeed("image", name=name, filename=file, disk_format="aki", container_format="aki")
    with file.open("ab") as stream:
        stream.write(b"more")
    succeed("image", name=name, filename=file)
    image = member.only(name)
    assert (image["container_format"], image["size"]) == ("aki", file.stat().st_size), "both formats pass on"


# What Glance fetches


@pytest.mark.parametrize("kind", ["tar", "gz", "lz4", "dmg", "html", "qcow2"])
def test_what_glance_has_fetched_is_told(succeed, member, name, web, disk, kind):
    content = OTHERS[kind] if kind in OTHERS else disk(disk_format="qcow2").read_bytes()
    web.files["/a.raw"] = content
    options = {"uri": f"{web.url}/a.raw", "disk_format": "raw"}
    assert "no server boots from it" in (told := said(succeed("image", name=name, **options)))
    assert kind in told and f"uri: {web.url}/a.raw" in told
    assert member.only(name)["size"] == len(content)
    assert said(succeed("image", name=name, **options)) == "[]"
    digest = f"sha256:{support.sha256(content)}"
    entry = {"name": f"{name}-read-back", "checksum": digest, **options}
    assert f"{name}-read-back: uri: " in said(succeed("images", images=[entry]))


def test_what_may_be_a_disk_is_no_news(succeed, web, name, disk):
    web.files |= {"/disk": disk().read_bytes(), "/unknown": support.unknown_bytes(support.MIB), "/initrd": OTHERS["gz"]}
    for path, disk_format in (("disk", "raw"), ("unknown", "raw"), ("initrd", "ari")):
        result = succeed("image", name=f"{name}-{path}", uri=f"{web.url}/{path}", disk_format=disk_format)
        assert said(result) == "[]"


def test_what_is_no_disk_does_not_take_the_place_of_a_disk(succeed, fail, member, web, name, disk):
    """Where the task says no format, that of the old image holds."""
    web.files |= {"/a": OTHERS["gz"], "/disk": disk().read_bytes()}
    succeed("image", name=name, uri=f"{web.url}/disk", disk_format="raw")
    old = member.only(name)
    message = fail("image", name=name, uri=f"{web.url}/a")
    assert "packed with gz" in message and "disk_format" in message
    assert [image["id"] for image in member.named(name)] == [old["id"]] and member.only(name) == old
    assert "packed with gz" in said(succeed("image", name=name, uri=f"{web.url}/a", disk_format="raw"))


# Local files


def made(folder: Path, src: Path, **options: t.Any) -> dict[str, t.Any]:
    """Make a local file."""
    check = options.pop("check", False)
    options = {key: value for key, value in options.items() if value is not None}
    return support.run_module("image_file", folder, {"path": folder / "made", "src": src, **options}, check=check)


@pytest.mark.parametrize("target", [None, "raw", "qcow2"])
@pytest.mark.parametrize("packer", ["gz", "xz", None])
@pytest.mark.parametrize("kind", ["tar", "ova", "lz4"])
def test_image_file_tells_what_was_packed(tmp_path, kept, kind, packer, target):
    source = kept(support.pack(packer, OTHERS[kind]) if packer else OTHERS[kind], "source")
    result = made(tmp_path, source, format=target)
    assert result["failed"] and result["reason"] == "unsafe_image" and result["real_format"] == kind
    assert (
        kind in result["msg"]
        and str(source) in result["msg"]
        and "raw" not in result["msg"].partition("whose first")[0]
    )
    assert not (tmp_path / "made").exists()
    if not packer:
        assert made(tmp_path, source, format=target, check=True)["msg"] == result["msg"]


def test_image_file_takes_what_is_declared(tmp_path, kept):
    source = kept(support.pack("gz", OTHERS["tar"]), "source.tar.gz")
    result = made(tmp_path, source, source_format="raw", format="raw")
    assert "(tar)" in said(result) and (result["format"], result["disk_format"]) == ("tar", "raw")
    assert (tmp_path / "made").read_bytes() == OTHERS["tar"]
    assert said(made(tmp_path, source, source_format="raw", format="raw")) == "[]"
    result = made(tmp_path, source, source_format="any")
    assert said(result) == "[]" and result["format"] == "tar"
    qcow2 = made(tmp_path, source, source_format="raw", format="qcow2")
    assert qcow2["format"] == qcow2["disk_format"] == "qcow2"
    assert support.raw_content(tmp_path / "made", "qcow2", tmp_path) == OTHERS["tar"]


def test_image_file_wants_to_be_told_what_the_unknown_is(tmp_path, kept):
    source = kept(support.pack("xz", support.unknown_bytes(support.MIB)), "source")
    for target in ("raw", "qcow2"):
        assert "say source_format: raw" in made(tmp_path, source, format=target)["msg"]
    result = made(tmp_path, source, format="raw", source_format="raw")
    assert not result.get("failed") and said(result) == "[]" and result["disk_format"] == "raw"


@pytest.mark.parametrize("disk_format", ["aki", "ari", "ami"])
def test_image_file_leaves_kernels_as_they_are(tmp_path, kept, disk_format):
    source = kept(support.pack("gz", OTHERS["cpio"]), "initrd")
    result = made(tmp_path, source, source_format=disk_format)
    assert (tmp_path / "made").read_bytes() == source.read_bytes()
    assert (result["disk_format"], result["content_key"]) == (
        disk_format,
        f"sha256:{support.sha256(source.read_bytes())}",
    )
    assert not made(tmp_path, source, source_format=disk_format)["changed"]
    made(tmp_path, source, source_format=disk_format, unpack=True)
    assert (tmp_path / "made").read_bytes() == OTHERS["cpio"]
    assert "format" in made(tmp_path, source, source_format=disk_format, format="raw")["msg"]


@pytest.mark.parametrize("kind", OTHERS)
def test_image_file_info_names_it(tmp_path, kept, kind):
    file = kept(OTHERS[kind])
    told = support.run_module("image_file_info", tmp_path, {"path": file})["image_file"]
    assert (told["format"], told["content"], told["safe"]) == (kind, kind, False)
    assert kind in told["reasons"][0] and told["size"] == file.stat().st_size
    assert told["packed"] == (kind if kind in ("gz", "xz") else None)


def test_image_file_info_tells_disks_from_the_unknown(tmp_path, kept, disk):
    for file, content in ((disk(), "mbr"), (kept(bytes(support.MIB)), None)):
        told = support.run_module("image_file_info", tmp_path, {"path": file})["image_file"]
        assert (told["format"], told["content"], told["safe"], told["reasons"]) == ("raw", content, True, [])
