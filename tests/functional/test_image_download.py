# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module image_download as a real process: what lies in the file afterwards, and what else is left behind."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import typing as t
import urllib.parse
from pathlib import Path

import cloud_support
import files_support
import pytest
import yaml
from cloud_support import Project
from files_support import MIB

sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))

from patience import PATIENCE, wait_until
from proxy import Answer, CutReply, EditRequest, Hold, Proxy, Rule

DATA = r"/v2/images/[0-9a-f-]+/file"
STORES = cloud_support.CLOUD_DIR / "data" / "glance" / "stores"
MODULE = "image_download"
Json = dict[str, t.Any]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """The folder of the file."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture
def dest(out: Path) -> Path:
    """The file."""
    return out / "image"


@pytest.fixture
def faulty() -> t.Iterator[Proxy]:
    """A proxy before Glance."""
    parts = urllib.parse.urlsplit(cloud_support.project("local").url)
    assert parts.hostname and parts.port
    with Proxy((parts.hostname, parts.port)) as proxy:
        yield proxy


def behind(proxy: Proxy) -> Json:
    """The cloud as a whole configuration, with Glance behind a proxy."""
    clouds = yaml.safe_load(cloud_support.CLOUDS_YAML.read_text())["clouds"]
    return {"cloud": {**clouds["local"], "image_endpoint_override": proxy.url}}


def listing(folder: Path) -> list[str]:
    """Everything in a folder, hidden files too."""
    return sorted(path.name for path in folder.iterdir())


def stored(image: Json) -> Path:
    """The file in which the store of the cloud keeps the data of an image."""
    (path,) = STORES.rglob(image["id"])
    return path


def replaced_qemu_img(folder: Path, script: str) -> dict[str, str]:
    """An environment with a script in the place of qemu-img."""
    program = folder / "bin" / "qemu-img"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return {"PATH": f"{program.parent}:{os.environ['PATH']}"}


def random_bytes(size: int = MIB) -> bytes:
    """Content without zeros to leave out."""
    return os.urandom(size - 1) + b"\xff"


# The file, and that it stays


def test_an_image_comes_whole_and_once(succeed, member: Project, name, out: Path, dest: Path) -> None:
    data = files_support.disk_bytes(3 * MIB)
    image = member.create(name, data)
    foretold = succeed(MODULE, check=True, image=name, dest=dest)
    assert foretold["changed"] and listing(out) == [] and foretold["size"] == len(data)
    assert foretold["diff"] == {"before": {"exists": False}, "after": foretold["diff"]["after"]}
    done = succeed(MODULE, image=name, dest=dest, mode="0640")
    assert dest.read_bytes() == data and listing(out) == ["image"]
    assert dest.stat().st_mode & 0o777 == 0o640
    assert dest.stat().st_blocks * 512 < len(data), "zeros became no holes"
    assert done["changed"] and done["actions"] == foretold["actions"] and done["diff"]["after"]["size"] == len(data)
    assert done["file"] == str(dest) and done["size"] == len(data) and done["format"] == "raw"
    assert done["image"]["id"] == image["id"]
    assert done["checksum"] == {"sha512": image["os_hash_value"]} and done["verified_by"] == "sha512"
    assert done["transfer"]["bytes"] == len(data) and done["transfer"]["resumed_from"] == 0
    with cloud_support.calls() as calls:
        again = succeed(MODULE, image=name, dest=dest, mode="0640")
    assert not again["changed"] and again["actions"] == [] and again["transfer"]["bytes"] == 0
    assert again["diff"]["before"] == again["diff"]["after"] == done["diff"]["after"]
    assert not [call for call in calls.glance if call.path.endswith("/file")] and not calls.writes


def test_by_id_and_what_was_there_before_is_replaced(succeed, member: Project, name, out: Path, dest: Path) -> None:
    data = random_bytes()
    image = member.create(name, data)
    dest.write_bytes(b"x" * len(data))
    dest.chmod(0o600)
    done = succeed(MODULE, image=image["id"], dest=dest)
    assert done["changed"] and done["diff"]["before"]["exists"] and "replace" in done["actions"][-1]
    assert dest.read_bytes() == data and dest.stat().st_mode & 0o777 == 0o600
    changed = bytearray(data)
    changed[5] ^= 1
    dest.write_bytes(changed)
    assert succeed(MODULE, image=name, dest=dest)["changed"]
    assert dest.read_bytes() == data and listing(out) == ["image"]


def test_a_file_with_the_right_bytes_is_taken_over(succeed, member: Project, name, dest: Path) -> None:
    data = random_bytes()
    member.create(name, data)
    dest.write_bytes(data)
    before = dest.stat()
    with cloud_support.calls() as calls:
        done = succeed(MODULE, image=name, dest=dest)
    assert not done["changed"] and not [call for call in calls.glance if call.path.endswith("/file")]
    assert dest.stat().st_ino == before.st_ino
    moded = succeed(MODULE, image=name, dest=dest, mode="0604")
    assert moded["changed"] and "mode" in moded["actions"][0] and moded["transfer"]["bytes"] == 0
    assert dest.stat().st_ino == before.st_ino and dest.stat().st_mode & 0o777 == 0o604
    assert not succeed(MODULE, image=name, dest=dest, mode="0604")["changed"]


def test_a_link_to_a_file_is_replaced(succeed, member: Project, name, out: Path, dest: Path, tmp_path: Path) -> None:
    data = random_bytes()
    member.create(name, data)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"precious")
    dest.symlink_to(elsewhere)
    assert succeed(MODULE, image=name, dest=dest)["changed"]
    assert not dest.is_symlink() and dest.read_bytes() == data and elsewhere.read_bytes() == b"precious"


def test_a_new_image_under_the_name_is_downloaded(succeed, member: Project, name, disk, out: Path, dest: Path) -> None:
    succeed("image", name=name, filename=disk(1), disk_format="raw")
    succeed(MODULE, image=name, dest=dest)
    succeed("image", name=name, filename=disk(2), disk_format="raw")
    # The image that was replaced is hidden, and still bears the name.
    assert len(member.named(name)) == 2
    assert succeed(MODULE, image=name, dest=dest)["changed"]
    assert dest.read_bytes() == disk(2).read_bytes() and listing(out) == ["image"]


def test_images_of_others(succeed, fail, member: Project, other: Project, name, dest: Path) -> None:
    theirs = random_bytes()
    image = other.create(name, theirs, visibility="community")
    assert "no image" in fail(MODULE, image=name, dest=dest)
    succeed(MODULE, image=image["id"], dest=dest)
    assert dest.read_bytes() == theirs
    assert "no image" in fail(MODULE, image=image["id"], dest=dest, project=member.id)
    assert not succeed(MODULE, image=image["id"], dest=dest, project=other.id)["changed"]


# Formats


@pytest.mark.parametrize("form", ["raw", "vmdk", "vpc"])
def test_another_format_is_made_once(succeed, member: Project, name, disk, tmp_path, out, dest, form) -> None:
    qcow2 = disk(disk_format="qcow2")
    member.create(name, qcow2.read_bytes(), disk_format="qcow2")
    foretold = succeed(MODULE, check=True, image=name, dest=dest, format=form)
    assert foretold["size"] is None and listing(out) == []
    done = succeed(MODULE, image=name, dest=dest, format=form)
    assert done["actions"] == foretold["actions"] and "convert it from qcow2" in done["actions"][1]
    assert done["format"] == {"vpc": "vhd"}.get(form, form) and done["size"] == dest.stat().st_size
    assert done["content_key"].endswith("+" + done["format"])
    assert files_support.raw_content(dest, form, tmp_path)[:MIB] == disk().read_bytes()
    assert listing(out) == ["image"]
    with cloud_support.calls() as calls:
        again = succeed(MODULE, image=name, dest=dest, format=form)
    assert not again["changed"] and not [call for call in calls.glance if call.path.endswith("/file")]
    assert succeed(MODULE, image=name, dest=dest)["changed"]
    assert dest.read_bytes() == qcow2.read_bytes()
    assert not succeed(MODULE, image=name, dest=dest, format="qcow2")["changed"]


@pytest.mark.parametrize("compression", ["zlib", "zstd"])
def test_a_compressed_qcow2_is_made_once(
    succeed, fail, member: Project, name, disk, tmp_path, dest, compression
) -> None:
    qcow2 = disk(disk_format="qcow2")
    member.create(name, qcow2.read_bytes(), disk_format="qcow2")
    options = {"image": name, "dest": dest, "compression_type": compression}
    foretold = succeed(MODULE, check=True, format="qcow2", **options)
    done = succeed(MODULE, format="qcow2", **options)
    assert done["actions"] == foretold["actions"]
    assert f"convert it from qcow2 to qcow2 compressed with {compression}" in done["actions"]
    assert done["content_key"].endswith(f"+qcow2,compression_type={compression}")
    command = ["qemu-img", "info", "-f", "qcow2", "--output=json", dest]
    told = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert told["format-specific"]["data"]["compression-type"] == compression
    assert files_support.raw_content(dest, "qcow2", tmp_path)[:MIB] == disk().read_bytes()
    assert not succeed(MODULE, format="qcow2", **options)["changed"]
    for form in ({}, {"format": "raw"}):
        assert fail(MODULE, **options, **form) == "compression_type: is for the format qcow2 only."
    succeed(MODULE, image=name, dest=dest, format="qcow2")
    assert dest.read_bytes() == qcow2.read_bytes()


def test_a_converted_file_that_was_touched_is_made_anew(succeed, member: Project, name, disk, tmp_path, dest) -> None:
    member.create(name, disk(disk_format="qcow2").read_bytes(), disk_format="qcow2")
    succeed(MODULE, image=name, dest=dest, format="raw")
    with dest.open("r+b") as file:
        file.write(b"other")
    assert succeed(MODULE, image=name, dest=dest, format="raw")["changed"]
    assert dest.read_bytes() == disk().read_bytes()


def test_the_format_is_what_it_is(succeed, fail, member: Project, name, disk, out, dest) -> None:
    # Glance takes a qcow2 that is declared raw.
    member.create(name, disk(disk_format="qcow2").read_bytes(), disk_format="raw")
    for form in ("raw", "qcow2"):
        assert "declared to be raw, and it is qcow2" in fail(MODULE, image=name, dest=dest, format=form)
        assert listing(out) == []
    # What nobody asked about is delivered as it is, and does not count as raw afterwards.
    assert succeed(MODULE, image=name, dest=dest)["changed"]
    assert "declared to be raw, and it is qcow2" in fail(MODULE, image=name, dest=dest, format="raw")
    assert dest.read_bytes() == disk(disk_format="qcow2").read_bytes()


def test_formats_that_cannot_be_converted(fail, member: Project, name, out, dest) -> None:
    member.create(name, random_bytes(), disk_format="ami", container_format="ami")
    assert "container of the format ami" in fail(MODULE, image=name, dest=dest, format="raw")
    member.create(name + "2", random_bytes(), disk_format="ploop")
    assert "ploop cannot be converted" in fail(MODULE, check=True, image=name + "2", dest=dest, format="raw")
    member.create(name + "3", files_support.disk_bytes(2 * MIB))
    told = fail(MODULE, image=name + "3", dest=dest, format="raw", max_virtual_size="1MiB")
    assert "max_virtual_size" in told and told.startswith("image:")
    assert listing(out) == []


# What is refused, before anything is written


def test_images_that_cannot_be_had(fail, run, succeed, member: Project, name, out: Path, dest: Path) -> None:
    dest.write_bytes(b"old")
    assert f"no image '{name}'" in fail(MODULE, image=name, dest=dest)
    absent = "00000000-0000-4000-8000-000000000000"
    assert f"no image '{absent}'" in fail(MODULE, image=absent, dest=dest)
    queued = member.create(name)
    for check in (True, False):
        assert "status queued" in fail(MODULE, check=check, image=name, dest=dest)
    member.upload(queued["id"], random_bytes())
    second = member.create(name, random_bytes())
    result = run(MODULE, image=name, dest=dest)
    assert result["reason"] == "ambiguous_image" and sorted(result["ids"]) == sorted([queued["id"], second["id"]])
    assert all(each in result["msg"] for each in result["ids"])
    assert listing(out) == ["image"] and dest.read_bytes() == b"old"


def test_a_deactivated_image(succeed, run, member: Project, name, out: Path, dest: Path) -> None:
    data = random_bytes()
    image = member.create(name, data)
    member.http("POST", f"/v2/images/{image['id']}/actions/deactivate")
    for check in (True, False):
        result = run(MODULE, check=check, image=name, dest=dest)
        assert result["reason"] == "server_refusal" and result["status"] == 403
        assert "has been deactivated" in result["msg"] and "\n" not in result["msg"]
        assert listing(out) == []
    assert succeed(MODULE, cloud="local-admin", image=image["id"], dest=dest)["changed"]
    assert dest.read_bytes() == data
    # A file that is right needs no download.
    assert not succeed(MODULE, image=name, dest=dest)["changed"]


def test_places_where_no_file_can_be(fail, run, member: Project, name, out: Path, tmp_path: Path) -> None:
    member.create(name, random_bytes())
    (out / "dangling").symlink_to(out / "nothing")
    os.mkfifo(out / "pipe")
    (out / "link to a device").symlink_to("/dev/null")
    (out / "link to a pipe").symlink_to("pipe")
    (out / "devices").symlink_to("/dev")
    before = listing(out)
    for place, words in {
        tmp_path / "missing" / "image": "dest: the folder",
        out: "is a directory",
        f"{out}/new/": "name of a folder",
        f"{out}/a\0b": "NUL",
        out / "dangling": "symbolic link to something that does not exist",
        out / "pipe": "named pipe",
        "/dev/null": "character device",
        out / "link to a device": "character device",
        out / "link to a pipe": "named pipe",
        # Root may write there, as far as access(2) tells.
        f"/proc/{name}": "file system of the kernel (proc)",
    }.items():
        for check in (True, False):
            told = fail(MODULE, check=check, image=name, dest=place)
            assert words in told and "dest" in told
    # Nothing but check mode, as a fault would change this host.
    for place in (f"/dev/{name}", out / "devices" / name):
        assert "lies in /dev" in fail(MODULE, check=True, image=name, dest=place)
    assert listing(out) == before
    assert "image" in fail(MODULE, image="", dest=out / "image")
    assert "project" in run(MODULE, image=name, dest=out / "image", project_domain="default")["msg"]
    assert listing(out) == before


def test_attributes_that_cannot_be(run, succeed, member: Project, name, out: Path, dest: Path) -> None:
    member.create(name, random_bytes())
    for option, value in (
        *(("mode", mode) for mode in ("rubbish", "0999", "77777", "-644", 0o10000, "u=rubbish", "ua+x", "u", "")),
        *(("owner", owner) for owner in ("nobody-of-this-name", "-1", "4294967295", "a\0b", "")),
        ("group", "99999999999"),
        ("group", "nobody-of-this-name"),
        ("max_virtual_size", "-1"),
    ):
        for check in (True, False):
            result = run(MODULE, check=check, image=name, dest=dest, **{option: value})
            assert result.get("reason") == "invalid_option", (option, value, result)
            assert result["msg"].startswith(option) and listing(out) == []
    own = {"owner": str(os.geteuid()), "group": str(os.getegid())}
    for mode, means in (("u=rw,g=r,o=", 0o640), ("u=rwX,go-rwx", 0o600), ("0644", 0o644), ("600", 0o600), (420, 0o644)):
        assert succeed(MODULE, image=name, dest=dest, mode=mode, **own)["changed"]
        assert dest.stat().st_mode & 0o7777 == means
        assert not succeed(MODULE, image=name, dest=dest, mode=mode, **own)["changed"]


@contextlib.contextmanager
def set_up(command: list[t.Any], back: list[t.Any]) -> t.Iterator[None]:
    """A change to the host that is taken back."""
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip(f"cannot {command[0]} here")
    try:
        yield
    finally:
        subprocess.run(back, check=True)


def mounted(folder: Path, options: str) -> contextlib.AbstractContextManager[None]:
    """A small file system of its own."""
    return set_up(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], ["umount", folder])


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root to mount something")
def test_a_mount_point_cannot_be_replaced(fail, member: Project, name, out: Path, tmp_path: Path) -> None:
    member.create(name, random_bytes())
    dest, elsewhere = out / "an image", tmp_path / "elsewhere"
    dest.touch()
    elsewhere.write_bytes(b"precious")
    (tmp_path / "link").symlink_to(out)
    with set_up(["mount", "--bind", elsewhere, dest], ["umount", dest]):
        for check in (True, False):
            for place in (dest, tmp_path / "link" / dest.name):
                assert "is a mount point" in fail(MODULE, check=check, image=name, dest=place)
    assert elsewhere.read_bytes() == b"precious" and listing(out) == [dest.name]


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root to make a file immutable")
def test_an_immutable_file(run, member: Project, name, out: Path, dest: Path) -> None:
    member.create(name, random_bytes())
    dest.write_bytes(b"old")
    with set_up(["chattr", "+i", dest], ["chattr", "-i", dest]):
        result = run(MODULE, image=name, dest=dest)
    assert result["reason"] == "file_problem" and "Operation not permitted; it may be immutable" in result["msg"]
    assert listing(out) == ["image"] and dest.read_bytes() == b"old"


@pytest.mark.parametrize(
    ("damage", "words", "left"),
    [
        ('mkdir "{out}/image"', "image has become a folder", ["image"]),
        ('rm "$4"', "was removed before it was in its place", []),
        ('rm -r "{out}"', "does not exist any more", None),
    ],
)
def test_what_others_do_meanwhile(
    member, name, disk, out: Path, dest: Path, tmp_path: Path, damage, words, left
) -> None:
    member.create(name, disk().read_bytes())
    # The last that is done before the file is put in its place: qemu-img check -f qcow2 <file>
    script = f'"{shutil.which("qemu-img")}" "$@"; [ "$1" != check ] || {damage.format(out=out)}'
    options = {"cloud": "local", "image": name, "dest": dest, "format": "qcow2"}
    result = files_support.run_module(MODULE, tmp_path, options, env=replaced_qemu_img(tmp_path, script))
    assert result["reason"] == "file_problem" and words in result["msg"] and "\n" not in result["msg"], result
    assert not out.exists() if left is None else listing(out) == left


@pytest.mark.parametrize("kind", ["file", "loop", "folder of another user"])
def test_a_cache_that_cannot_be_used(succeed, member: Project, name, disk, out, dest, tmp_path, kind) -> None:
    cache = tmp_path / "run" / "cache"
    if kind == "file":
        cache.write_text("in the way")
    elif kind == "loop":
        cache.symlink_to(cache)
    elif os.geteuid() == 0:
        (cache / "cloudimage.glance" / "files").mkdir(parents=True)
        os.chown(cache / "cloudimage.glance" / "files", 65534, 65534)
    else:
        pytest.skip("takes root to make a folder of another user")
    member.create(name, disk().read_bytes())
    for _again in range(2):
        done = succeed(MODULE, image=name, dest=dest, format="qcow2")
        (warning,) = done["warnings"]
        assert done["changed"] and "cannot be remembered" in str(warning) and f"{cache}/cloudimage" in str(warning)
        assert "warnings" not in succeed(MODULE, check=True, image=name, dest=dest, format="qcow2")
    # The very bytes of the image tell for themselves.
    assert "warnings" not in succeed(MODULE, image=name, dest=dest)
    assert "warnings" not in succeed(MODULE, image=name, dest=dest, mode="0604")
    assert not succeed(MODULE, image=name, dest=dest)["changed"]


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root to mount a file system that cannot be written")
def test_no_right_to_write(fail, member: Project, name, out: Path, dest: Path) -> None:
    member.create(name, random_bytes())
    with mounted(out, "ro"):
        for check in (True, False):
            told = fail(MODULE, check=check, image=name, dest=dest)
            assert "dest" in told and f"{out} is not writable" in told


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root to mount a small file system")
def test_a_full_disk(fail, member: Project, name, out: Path, dest: Path) -> None:
    big = random_bytes(2 * MIB)
    member.create(name, big, disk_format="ploop")
    member.create(name + "2", big)
    with mounted(out, "size=1m"):
        for check in (True, False):
            told = fail(MODULE, check=check, image=name, dest=dest)
            assert told.startswith("dest: the data of image") and "needs 2097152 bytes, and" in told
        # A raw disk might have been full of zeros.
        assert f"dest: the disk that holds {out} is full." == fail(MODULE, image=name + "2", dest=dest)
        assert listing(out) == []
    with mounted(out, "size=3m"):
        # There is room for the download, and none for the conversion, which qemu-img may call an invalid argument.
        assert f"dest: the disk that holds {out} is full." == fail(MODULE, image=name + "2", dest=dest, format="vmdk")
        assert listing(out) == []


def test_a_limit_on_file_sizes(member: Project, name, out: Path, dest: Path, tmp_path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (MIB // 2, MIB // 2))

    member.create(name, random_bytes())
    options = {"cloud": "local", "image": name, "dest": dest}
    result = files_support.run_module(MODULE, tmp_path, options, preexec_fn=limit)
    assert result["failed"] and "no larger file" in result["msg"] and "\n" not in result["msg"]
    assert listing(out) == []


# Data that is not what it must be


def test_corrupt_data_is_refused_and_not_kept(run, succeed, member: Project, name, out: Path, dest: Path) -> None:
    data = random_bytes()
    path = stored(member.create(name, data))
    path.write_bytes(data[:-1] + b"\x00")
    result = run(MODULE, image=name, dest=dest)
    assert result["reason"] == "checksum_mismatch" and listing(out) == []
    assert hashlib.sha512(data).hexdigest() in result["msg"]
    dest.write_bytes(b"old")
    assert run(MODULE, image=name, dest=dest)["failed"]
    assert listing(out) == ["image"] and dest.read_bytes() == b"old"
    path.write_bytes(data)
    assert succeed(MODULE, image=name, dest=dest)["transfer"]["resumed_from"] == 0
    assert dest.read_bytes() == data


def forget(image: Json, *columns: str) -> None:
    """Make Glance forget digests of an image, as if it had come by way of an old version or a location."""
    changes = ", ".join(f"{column} = NULL" for column in columns)
    cloud_support.write_database(f"UPDATE images SET {changes} WHERE id = ?", image["id"])


def test_images_of_which_glance_knows_md5_alone(run, succeed, member: Project, name, out: Path, dest: Path) -> None:
    data = random_bytes()
    forget(member.create(name, data), "os_hash_algo", "os_hash_value")
    done = succeed(MODULE, image=name, dest=dest)
    assert done["verified_by"] == "md5" and dest.read_bytes() == data
    assert done["checksum"] == {"md5": hashlib.md5(data, usedforsecurity=False).hexdigest()}
    assert not succeed(MODULE, image=name, dest=dest)["changed"]
    dest.unlink()
    corrupt = member.create(name + "2", data)
    forget(corrupt, "os_hash_algo", "os_hash_value")
    stored(corrupt).write_bytes(data[:-1] + b"\x00")
    assert run(MODULE, image=name + "2", dest=dest)["reason"] == "checksum_mismatch" and listing(out) == []


def test_images_of_which_glance_knows_the_size_alone(
    run, succeed, faulty: Proxy, member: Project, name, out: Path, dest: Path
) -> None:
    data = random_bytes()
    forget(member.create(name, data), "os_hash_algo", "os_hash_value", "checksum")
    # What is there of it could not be verified later.
    faulty.rules(Rule("GET", DATA, CutReply(700_000)), Rule("GET", DATA, Answer(500, b"oops"), times=None))
    assert run(MODULE, **behind(faulty), image=name, dest=dest)["failed"] and listing(out) == []
    # The right size proves nothing.
    dest.write_bytes(b"x" * len(data))
    done = succeed(MODULE, image=name, dest=dest)
    assert done["changed"] and done["verified_by"] == "size" and done["checksum"] == {}
    assert "nothing but its size" in json.dumps(done["warnings"]) and dest.read_bytes() == data
    assert not succeed(MODULE, image=name, dest=dest)["changed"]


def test_the_snapshot_of_a_volume_has_no_data(fail, member: Project, name, out: Path, dest: Path) -> None:
    member.create(name, b"")
    told = fail(MODULE, image=name, dest=dest)
    assert "no data of its own" in told and listing(out) == []


def test_data_that_the_store_has_lost(fail, member: Project, name, out: Path, dest: Path) -> None:
    stored(member.create(name, random_bytes())).unlink()
    told = fail(MODULE, image=name, dest=dest)
    assert "no data" in told and "204" in told and listing(out) == []


def test_data_that_the_store_has_cut_short(
    run, succeed, faulty: Proxy, member: Project, name, out: Path, dest: Path
) -> None:
    data = random_bytes()
    path = stored(member.create(name, data))
    path.write_bytes(data[: MIB // 2])
    # The proxy saves waiting for the end of a connection that Glance would keep alive.
    result = run(MODULE, **behind(faulty), image=name, dest=dest)
    assert result["reason"] == "transfer_problem" and f"of {MIB} bytes" in result["msg"]
    assert not dest.exists()
    path.write_bytes(data)
    assert succeed(MODULE, image=name, dest=dest)["transfer"]["resumed_from"] == MIB // 2
    assert dest.read_bytes() == data and listing(out) == ["image"]


def test_a_page_in_place_of_the_data(run, faulty: Proxy, member: Project, name, out: Path, dest: Path) -> None:
    member.create(name, random_bytes())
    for answer in (
        Answer(200, b"<html>Please log in</html>"),
        Answer(200, b"<html>" + b"x" * (2 * MIB) + b"</html>"),
        Answer(500, b"<html>oops</html>"),
    ):
        faulty.rules(Rule("GET", DATA, answer, times=None))
        result = run(MODULE, **behind(faulty), image=name, dest=dest)
        assert result["failed"] and "\n" not in result["msg"] and listing(out) == [], result


# Broken connections, interruptions


def test_a_dropped_connection_goes_on_by_range(succeed, faulty: Proxy, member: Project, name, out, dest) -> None:
    data = random_bytes(4 * MIB)
    member.create(name, data)
    faulty.rules(
        Rule("GET", DATA, CutReply(1_500_000)),
        Rule("GET", DATA, CutReply(700_000)),
        Rule("GET", DATA, Answer(503, b"busy")),
    )
    done = succeed(MODULE, **behind(faulty), image=name, dest=dest)
    assert dest.read_bytes() == data and listing(out) == ["image"]
    statuses = [seen.status for seen in faulty.calls("GET") if seen.path.endswith("/file")]
    assert statuses == [200, 206, 503, 206]
    assert done["transfer"]["resumed_from"] == 0 and len(data) <= done["transfer"]["bytes"] < 1.2 * len(data)


@pytest.mark.parametrize("status", [200, 400, 416])
def test_a_store_without_ranges(succeed, faulty: Proxy, member: Project, name, out, dest, status) -> None:
    data = random_bytes(2 * MIB)
    member.create(name, data)
    no_range: t.Any = EditRequest({"Range": None}) if status == 200 else Answer(status, b"no random access")
    faulty.rules(
        Rule("GET", DATA, CutReply(1_500_000)),
        Rule("GET", DATA, no_range),
    )
    done = succeed(MODULE, **behind(faulty), image=name, dest=dest)
    assert dest.read_bytes() == data and listing(out) == ["image"]
    statuses = [seen.status for seen in faulty.calls("GET") if seen.path.endswith("/file")]
    assert statuses == ([200, 200] if status == 200 else [200, status, 200])
    assert done["transfer"]["bytes"] > len(data)


def test_a_lasting_fault_leaves_its_part_to_the_next_run(
    run, succeed, faulty: Proxy, member: Project, name, out, dest
) -> None:
    data = random_bytes(4 * MIB)
    member.create(name, data)
    dest.write_bytes(b"old")
    faulty.rules(Rule("GET", DATA, CutReply(3 * MIB)), Rule("GET", DATA, Answer(500, b"oops"), times=None))
    result = run(MODULE, **behind(faulty), image=name, dest=dest)
    assert result["reason"] == "server_refusal" and dest.read_bytes() == b"old"
    (left,) = set(listing(out)) - {"image"}
    part = (out / left).read_bytes()
    assert left.startswith(".image.cloudimage-") and data.startswith(part) and len(part) > 2 * MIB
    foretold = succeed(MODULE, check=True, image=name, dest=dest)
    assert f"going on at byte {len(part)}" in foretold["actions"][0] and left in listing(out)
    faulty.rules()
    done = succeed(MODULE, **behind(faulty), image=name, dest=dest)
    assert dest.read_bytes() == data and listing(out) == ["image"]
    assert done["transfer"]["resumed_from"] == len(part) and done["transfer"]["bytes"] == len(data) - len(part)
    assert [seen.status for seen in faulty.calls("GET") if seen.path.endswith("/file")] == [206]


def left_behind(run: t.Any, faulty: Proxy, name: str, out: Path, dest: Path) -> Path:
    """The partial file of a run that failed after some bytes."""
    faulty.rules(Rule("GET", DATA, CutReply(700_000)), Rule("GET", DATA, Answer(500, b"oops"), times=None))
    assert run(MODULE, **behind(faulty), image=name, dest=dest)["failed"]
    faulty.rules()
    (left,) = (out / each for each in listing(out) if each != dest.name)
    return left


def test_a_damaged_part_is_noticed(run, succeed, faulty: Proxy, member: Project, name, out, dest) -> None:
    data = random_bytes()
    member.create(name, data)
    left = left_behind(run, faulty, name, out, dest)
    left.write_bytes(b"\x00" * 100 + left.read_bytes()[100:])
    done = succeed(MODULE, image=name, dest=dest)
    assert dest.read_bytes() == data and listing(out) == ["image"]
    assert "damaged" in json.dumps(done["warnings"]) and done["transfer"]["resumed_from"] == 0


@pytest.mark.parametrize("size", ["whole", "too long"])
def test_a_part_that_is_no_mere_part(run, succeed, faulty: Proxy, member: Project, name, out, dest, size) -> None:
    data = random_bytes()
    member.create(name, data)
    left = left_behind(run, faulty, name, out, dest)
    left.write_bytes(data if size == "whole" else data + b"more")
    done = succeed(MODULE, **behind(faulty), image=name, dest=dest)
    assert dest.read_bytes() == data and listing(out) == ["image"] and done["size"] == len(data)
    assert done["transfer"]["bytes"] == (0 if size == "whole" else len(data))
    assert "warnings" not in done
    assert not succeed(MODULE, image=name, dest=dest)["changed"]


@pytest.mark.parametrize("kind", ["link", "hard link", "others may write", "pipe"])
def test_a_part_that_others_may_have_laid_there(run, succeed, faulty, member, name, out, dest, tmp_path, kind) -> None:
    data = random_bytes()
    member.create(name, data)
    left = left_behind(run, faulty, name, out, dest)
    part = left.read_bytes()
    elsewhere = tmp_path / "elsewhere"
    if kind == "others may write":
        left.chmod(0o622)
    elif kind == "hard link":
        os.link(left, elsewhere)
    else:
        left.unlink()
        elsewhere.write_bytes(part)
        left.symlink_to(elsewhere) if kind == "link" else os.mkfifo(left, 0o600)
    done = succeed(MODULE, image=name, dest=dest)
    assert dest.read_bytes() == data and done["transfer"]["resumed_from"] == 0
    assert not elsewhere.exists() or elsewhere.read_bytes() == part
    assert not dest.is_symlink() and dest.stat().st_nlink == 1
    assert listing(out) == (["image"] if kind != "link" else sorted(["image", left.name]))


def test_the_part_of_an_image_that_was_replaced_is_removed(run, succeed, faulty, member, name, out, dest) -> None:
    image = member.create(name, random_bytes())
    left = left_behind(run, faulty, name, out, dest)
    member.http("DELETE", f"/v2/images/{image['id']}")
    data = random_bytes()
    member.create(name, data)
    done = succeed(MODULE, image=name, dest=dest)
    assert done["transfer"]["resumed_from"] == 0 and dest.read_bytes() == data
    assert not left.exists() and listing(out) == ["image"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_download_is_finished_by_the_next(
    succeed, faulty: Proxy, member: Project, name, out, dest, tmp_path, number
) -> None:
    data = random_bytes(2 * MIB)
    member.create(name, data)
    hold = Hold()
    faulty.rules(Rule("GET", DATA, CutReply(MIB)), Rule("GET", DATA, hold))
    process = files_support.start_module(MODULE, tmp_path, {**behind(faulty), "image": name, "dest": dest})
    hold.reached()
    process.send_signal(number)
    output, _complaints = process.communicate(timeout=PATIENCE)
    hold.sever()
    if number == signal.SIGTERM:
        assert json.loads(output)["reason"] == "interrupted"
    (left,) = listing(out)
    size = (out / left).stat().st_size
    assert size > MIB // 2 and not dest.exists()
    done = succeed(MODULE, image=name, dest=dest, format="qcow2")
    assert done["transfer"]["resumed_from"] == size and listing(out) == ["image"]
    assert files_support.raw_content(dest, "qcow2", tmp_path) == data


def test_a_conversion_that_was_interrupted_needs_no_second_download(
    succeed, member: Project, name, disk, out: Path, dest: Path, tmp_path: Path
) -> None:
    qcow2 = disk(disk_format="qcow2").read_bytes()
    member.create(name, qcow2, disk_format="qcow2")
    begun, real = tmp_path / "begun", shutil.which("qemu-img")
    script = f'if [ "$1" = convert ]; then touch {begun}; exec sleep 60; fi\nexec {real} "$@"'
    options = {"cloud": "local", "image": name, "dest": dest, "format": "raw"}
    process = files_support.start_module(MODULE, tmp_path, options, env=replaced_qemu_img(tmp_path, script))
    wait_until(begun.exists)
    process.send_signal(signal.SIGTERM)
    assert files_support.finish_module(process)["reason"] == "interrupted"
    (left,) = listing(out)
    assert (out / left).read_bytes() == qcow2
    done = succeed(MODULE, image=name, dest=dest, format="raw")
    assert done["transfer"]["bytes"] == 0 and done["transfer"]["resumed_from"] == len(qcow2)
    assert dest.read_bytes() == disk().read_bytes() and listing(out) == ["image"]


def test_a_conversion_that_fails_leaves_nothing(run, member, name, disk, out: Path, dest: Path, tmp_path: Path) -> None:
    member.create(name, disk(disk_format="qcow2").read_bytes(), disk_format="qcow2")
    real = shutil.which("qemu-img")
    script = f'if [ "$1" = convert ]; then echo "no luck" >&2; exit 1; fi\nexec {real} "$@"'
    options = {"cloud": "local", "image": name, "dest": dest, "format": "raw"}
    result = files_support.run_module(MODULE, tmp_path, options, env=replaced_qemu_img(tmp_path, script))
    assert result["reason"] == "file_problem" and "no luck" in result["msg"] and listing(out) == []
    assert f"cannot convert '{name}'" in result["msg"] and ".cloudimage-" not in result["msg"]
    environment = {"PATH": str(tmp_path)}
    for check in (True, False):
        with cloud_support.calls() as calls:
            result = files_support.run_module(MODULE, tmp_path, options, check=check, env=environment)
        assert result["reason"] == "missing_dependency" and listing(out) == []
        assert not [call for call in calls.glance if call.path.endswith("/file")]


def test_two_at_once(succeed, member: Project, name, out: Path, dest: Path, tmp_path: Path) -> None:
    data = random_bytes(40 * MIB)
    member.create(name, data)
    options = {"cloud": "local", "image": name, "dest": dest}
    runs = [files_support.start_module(MODULE, tmp_path, options) for _each in range(3)]
    results = [files_support.finish_module(each) for each in runs]
    assert [each.get("failed", False) for each in results] == [False] * 3, results
    assert hashlib.sha512(dest.read_bytes()).digest() == hashlib.sha512(data).digest() and listing(out) == ["image"]
    assert not succeed(MODULE, image=name, dest=dest)["changed"]


def test_memory_stays_flat(member: Project, name, out: Path, dest: Path, tmp_path: Path) -> None:
    size = 200 * MIB
    block = random_bytes()
    image = member.create(name)
    headers = {"Content-Type": "application/octet-stream"}
    member.http("PUT", f"/v2/images/{image['id']}/file", data=iter([block] * (size // MIB)), headers=headers)
    status = tmp_path / "status"
    run_and_tell = (
        "import atexit, sys\n"
        f"from {files_support.MODULES} import {MODULE} as module\n"
        f"atexit.register(lambda: open({str(status)!r}, 'w').write(open('/proc/self/status').read()))\n"
        "module.main()\n"
    )
    arguments = files_support._arguments(tmp_path, {"cloud": "local", "image": name, "dest": dest}, False)
    environment = {**os.environ, "PYTHONPATH": files_support._python_path(), "XDG_CACHE_HOME": str(tmp_path)}
    command = [sys.executable, "-c", run_and_tell, arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)
    result = json.loads(done.stdout)
    assert result.get("changed"), result
    assert result["transfer"]["bytes"] == dest.stat().st_size == size
    shown = member.image(image["id"])
    assert shown and hashlib.sha512(block * (size // MIB)).hexdigest() == shown["os_hash_value"]
    (peak,) = (int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    assert peak < 100 * 1024, f"{peak} KiB at the peak"
    shutil.rmtree(out)
