# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module image, ways in: direct upload, glance-direct, web-download; what fails, and what is cut off."""

from __future__ import annotations

import contextlib
import hashlib
import signal
import subprocess
import threading
import typing as t
from pathlib import Path

import cloud_support
import files_support
import pytest
from patience import PATIENCE, wait_until


@pytest.fixture
def web() -> t.Iterator[files_support.Server]:
    with files_support.serving() as server:
        yield server


@pytest.mark.parametrize("way", [{"use_import": True}, {"import_method": "glance-direct"}])
def test_glance_direct(succeed, member, name, disk, way):
    options = {"name": name, "filename": disk(disk_format="qcow2"), "properties": {"a": "b"}, **way}
    with cloud_support.calls() as calls:
        result = succeed("image", **options)
    image = member.only(name)
    assert image["status"] == "active" and result["image"]["status"] == "active" and image["a"] == "b"
    assert image["os_hash_value"] == hashlib.sha512(disk(disk_format="qcow2").read_bytes()).hexdigest()
    paths = [call.path for call in calls.writes]
    assert paths[1:] == [f"/v2/images/{image['id']}/stage", f"/v2/images/{image['id']}/import"]
    assert not succeed("image", **options)["changed"]
    assert not succeed("image", name=name, filename=disk(disk_format="qcow2"))["changed"]


@pytest.mark.parametrize("method", [None, "web-download"])
def test_web_download(succeed, member, name, disk, web, method):
    content = disk().read_bytes()
    web.files["/disk.raw"] = content
    options: dict[str, t.Any] = {
        "name": name,
        "uri": f"{web.url}/disk.raw",
        "disk_format": "raw",
        "properties": {"a": 1},
    }
    if method:
        options["import_method"] = method
    with cloud_support.calls() as calls:
        assert succeed("image", check=True, **options)["changed"]
    assert not calls.writes and not web.requests
    result = succeed("image", **options)
    image = member.only(name)
    assert (image["status"], image["size"], image["a"]) == ("active", len(content), "1")
    assert member.sha512(image["id"]) == hashlib.sha512(content).hexdigest()
    assert result["transfer"]["bytes"] == 0
    fetched = len(web.requests)
    assert not succeed("image", **options)["changed"] and len(web.requests) == fetched


def test_web_download_of_another_address_is_other_content(succeed, member, name, disk, web):
    web.files |= {"/1.raw": disk(1).read_bytes(), "/2.raw": disk(2).read_bytes()}
    for number in (1, 2):
        succeed("image", name=name, uri=f"{web.url}/{number}.raw", disk_format="raw", retire="delete")
        assert member.only(name)["os_hash_value"] == hashlib.sha512(disk(number).read_bytes()).hexdigest()
    assert len(member.named(name)) == 1
    old = member.only(name)
    succeed("image", name=name, uri=f"{web.url}/1.raw", disk_format="raw", tags=["t"])
    assert member.only(name)["id"] != old["id"] and (member.image(old["id"]) or {})["os_hidden"]


@pytest.mark.parametrize("algorithm", ["sha256", "sha512", "md5"])
def test_web_download_is_held_against_the_checksum(succeed, fail, member, name, disk, web, algorithm):
    content = disk().read_bytes()
    web.files["/disk.raw"] = content
    options = {"name": name, "uri": f"{web.url}/disk.raw", "disk_format": "raw"}
    wrong = hashlib.new(algorithm, b"something else").hexdigest()
    told = fail("image", checksum=f"{algorithm}:{wrong}", **options)
    assert wrong in told and member.named(name) == []
    options["checksum"] = f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"
    succeed("image", **options)
    assert member.only(name)["status"] == "active"
    assert not succeed("image", **options)["changed"]


def test_web_download_without_waiting_drops_nothing(succeed, member, name, disk, web):
    web.files["/disk.raw"] = disk().read_bytes()
    gate = threading.Event()
    web.faults["/disk.raw"] = files_support.Faults(gate=gate)
    options = {"name": name, "uri": f"{web.url}/disk.raw", "disk_format": "raw", "wait": False, "tags": ["t"]}
    options |= {"properties": {"a": "b"}, "is_protected": True, "visibility": "community", "min_ram": 3}
    assert succeed("image", **options)["image"]["status"] in ("queued", "importing")
    gate.set()
    wait_until(lambda: member.only(name)["status"] == "active")
    image = member.only(name)
    assert (image["a"], image["protected"], image["visibility"], image["min_ram"]) == ("b", True, "community", 3)
    assert not succeed("image", **options | {"wait": True})["changed"]


@pytest.mark.parametrize("fault", ["404", "cut", "refused host"])
def test_failed_import_ends_soon_with_the_servers_words(fail, member, name, disk, web, fault):
    web.files["/disk.raw"] = disk().read_bytes()
    address = web.url
    if fault == "404":
        del web.files["/disk.raw"]
    elif fault == "cut":
        web.faults["/disk.raw"] = files_support.Faults(statuses=[500] * 50)
    else:
        address = web.url.replace("127.0.0.1", "127.0.0.2")
    told = fail("image", name=name, uri=f"{address}/disk.raw", disk_format="raw")
    assert "disk.raw" in told or "URI" in told or "uri" in told
    assert member.named(name) == []


def test_web_download_adopts_an_image_that_bears_no_key(succeed, member, name, disk):
    """Nobody can tell whether it holds what the address has; it is taken as it is, aloud."""
    image = member.create(name, disk().read_bytes())
    result = succeed("image", name=name, uri="http://127.0.0.1:1/disk.raw", disk_format="raw")
    assert not result["changed"] and "cannot be told" in str(result["warnings"])
    assert member.image(image["id"]) == image


def test_stores_pass_to_the_new_image(succeed, admin, name, disk):
    def copy_to(store: str) -> None:
        body = {"method": {"name": "copy-image"}, "stores": [store]}
        admin.http("POST", f"/v2/images/{admin.only(name)['id']}/import", json=body)
        # The task saves the image once more after the copy is listed
        wait_until(lambda: store in admin.only(name)["stores"] and not admin.only(name).get("os_glance_import_task"))

    def stores() -> list[str]:
        return sorted(admin.only(name)["stores"].split(","))

    succeed("image", cloud="local-admin", name=name, filename=disk(1))
    copy_to("slow")
    admin.http("DELETE", f"/v2/stores/fast/{admin.only(name)['id']}")
    assert stores() == ["slow"]
    succeed("image", cloud="local-admin", name=name, filename=disk(2), retire="delete")
    assert stores() == ["slow"]
    copy_to("fast")
    succeed("image", cloud="local-admin", name=name, filename=disk(3), retire="delete")
    assert stores() == ["fast", "slow"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("replaces", [False, True], ids=["create", "replace"])
def test_killed_upload_is_mended_by_the_next_run(succeed, member, name, disk, tmp_path, number, replaces):
    if replaces:
        succeed("image", name=name, filename=disk())
    file = tmp_path / "large.raw"
    with file.open("wb") as stream:
        stream.write(b"begin")
        stream.truncate(150 * files_support.MIB)
    options = {"cloud": "local", "name": name, "filename": file, "disk_format": "raw", "retire": "delete"}
    process = files_support.start_module("image", tmp_path, options)
    wait_until(lambda: any(image["status"] == "saving" for image in member.named(name)))
    process.send_signal(number)
    output, _complaints = process.communicate(timeout=PATIENCE)
    if number == signal.SIGTERM:
        assert "SIGTERM" in output and "Traceback" not in output
        assert len(member.named(name)) == replaces, "what was begun is removed"
    assert sum(image["status"] == "active" for image in member.named(name)) == replaces
    result = succeed("image", name=name, filename=file, disk_format="raw", retire="delete")
    (image,) = member.named(name)
    assert result["changed"] and image["status"] == "active" and not image["os_hidden"]
    assert image["size"] == file.stat().st_size
    assert not succeed("image", name=name, filename=file)["changed"]


def test_several_that_create_the_same_leave_one(member, name, disk, tmp_path):
    results = _together(tmp_path, [{"name": name, "filename": disk(1)}] * 4)
    assert not [result for result in results if result.get("failed")], results
    (image,) = member.named(name)
    assert image["status"] == "active" and sum(result["changed"] for result in results) >= 1


def test_two_that_replace_leave_one(succeed, member, name, disk, tmp_path):
    succeed("image", name=name, filename=disk(1))
    orders = [{"name": name, "filename": disk(seed), "retire": "delete"} for seed in (2, 3)]
    results = _together(tmp_path, orders)
    assert not [result for result in results if result.get("failed")], results
    (image,) = member.named(name)
    digests = {hashlib.sha512(disk(seed).read_bytes()).hexdigest() for seed in (2, 3)}
    assert image["status"] == "active" and image["os_hash_value"] in digests


def test_metadata_waits_for_an_upload_that_runs(succeed, member, name, tmp_path):
    file = tmp_path / "large.raw"
    with file.open("wb") as stream:
        stream.truncate(120 * files_support.MIB)
    options = {"cloud": "local", "name": name, "filename": file, "disk_format": "raw"}
    process = files_support.start_module("image", tmp_path, options)
    wait_until(lambda: any(image["status"] == "saving" for image in member.named(name)))
    result = succeed("image", name=name, properties={"late": "yes"})
    assert not files_support.finish_module(process).get("failed")
    image = member.only(name)
    assert result["changed"] and image["status"] == "active" and image["late"] == "yes"


def test_file_that_changes_while_it_is_sent(member, name, tmp_path):
    file = tmp_path / "large.raw"
    with file.open("wb") as stream:
        stream.truncate(150 * files_support.MIB)
    options = {"cloud": "local", "name": name, "filename": file, "disk_format": "raw"}
    process = files_support.start_module("image", tmp_path, options)
    wait_until(lambda: any(image["status"] == "saving" for image in member.named(name)))
    with file.open("r+b") as stream:
        stream.truncate(20 * files_support.MIB)
    result = files_support.finish_module(process)
    assert result["failed"] and "chang" in result["msg"] and str(file) in result["msg"]
    assert member.named(name) == []


def _together(tmp_path: Path, orders: list[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    with contextlib.ExitStack() as stack:
        processes: list[subprocess.Popen[str]] = []
        for number, order in enumerate(orders):
            folder = tmp_path / str(number)
            folder.mkdir()
            processes.append(files_support.start_module("image", folder, {"cloud": "local", **order}))
            stack.callback(processes[-1].kill)
        return [files_support.finish_module(process) for process in processes]
