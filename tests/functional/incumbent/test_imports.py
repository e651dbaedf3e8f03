# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What openstack.cloud does wrong, done right: interrupted runs, imports, time-outs, and images in no good state."""

from __future__ import annotations

import contextlib
import hashlib
import signal
import subprocess
import threading
import typing as t

import cloud_support
import files_support
import incumbent_support
import pytest
from incumbent_support import faults, shows
from patience import PATIENCE, wait_until

Starter = t.Callable[..., contextlib.AbstractContextManager[subprocess.Popen[str]]]


@pytest.fixture
def web(disk) -> t.Iterator[files_support.Server]:
    """Serves a disk as /disk.raw."""
    with files_support.serving() as server:
        server.files["/disk.raw"] = disk().read_bytes()
        yield server


@pytest.fixture
def held(name, disk, tmp_path) -> Starter:
    """Start a task that is held at a request, and hand it out while it stands there; afterwards the request is lost."""

    @contextlib.contextmanager
    def start(method: str, path: str, hold: faults.Hold, **options: t.Any) -> t.Iterator[subprocess.Popen[str]]:
        with incumbent_support.proxied(faults.Rule(method, path, hold)) as (_proxy, cloud):
            arguments = {"cloud": cloud, "name": name, "filename": disk(), **options}
            process = files_support.start_module("image", tmp_path, arguments)
            try:
                hold.reached()
                yield process
            finally:
                hold.sever()
                process.kill()
                process.communicate(timeout=PATIENCE)

    return start


@pytest.fixture
def whole(member, name, disk) -> t.Callable[[], bool]:
    """Whether the one image of the name, hidden ones counted, is active with the bytes of the file."""

    def look() -> bool:
        (image,) = member.named(name)
        wanted = hashlib.sha512(disk().read_bytes()).hexdigest()
        return image["status"] == "active" and member.sha512(image["id"]) == wanted

    return look


def stage(member: cloud_support.Project, image_id: str, data: bytes) -> None:
    member.http("PUT", f"/v2/images/{image_id}/stage", data=data, headers={"Content-Type": "application/octet-stream"})


@shows("image: Interrupted runs")
def test_queued_image_stays_queued_for_ever(succeed, member, name, disk, whole):
    slot = member.create(name)
    assert succeed("image", name=name, filename=disk())["image"]["id"] == slot["id"]
    assert whole()


@shows("image: Interrupted runs")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["terminated", "killed"])
def test_interrupted_upload_is_never_repaired(succeed, member, name, disk, held, whole, number):
    with held("PUT", "/file$", faults.Hold(after=1000)) as process:
        assert len(member.named(name)) == 1
        process.send_signal(number)
        output, _complaints = process.communicate(timeout=PATIENCE)
    if number == signal.SIGTERM:
        assert '"interrupted"' in output and member.named(name) == [], "nothing is left behind"
    assert succeed("image", name=name, filename=disk())["changed"]
    assert whole()


@shows("image: Interrupted runs")
def test_staged_data_is_never_imported(succeed, member, name, disk, held, whole):
    with held("POST", "/import$", faults.Hold(), use_import=True) as process:
        process.kill()
    assert member.only(name)["status"] == "uploading"
    assert succeed("image", name=name, filename=disk(), use_import=True, timeout=10)["changed"]
    assert whole()


@shows("image: Interrupted runs")
def test_staged_data_of_others_is_reported_as_ok(run, member, name, disk):
    """Somebody may be at work on it, so it is not touched; but nobody is told that all is well."""
    image = member.create(name)
    stage(member, image["id"], b"data")
    result = run("image", name=name, filename=disk(), timeout=1)
    assert result.get("failed") and result["reason"] == "image_fault"
    assert image["id"] in result["msg"] and "uploading" in result["msg"]
    assert member.only(name)["status"] == "uploading"


@shows("image: Interrupted runs", "image: Images in a bad state")
def test_failed_import_stays_importing_for_ever(succeed, member, name, disk, whole):
    image = member.create(name, disk_format="qcow2")
    stage(member, image["id"], b"no qcow2")
    path = f"/v2/images/{image['id']}"
    member.http("POST", f"{path}/import", json={"method": {"name": "glance-direct"}})
    wait_until(lambda: member.only(name).get("os_glance_failed_import"))
    assert succeed("image", name=name, filename=disk(), timeout=10)["changed"]
    assert whole()


@shows("image: use_import")
def test_import_is_still_running_when_the_task_ends(succeed, name, disk, whole):
    assert succeed("image", name=name, filename=disk(), use_import=True)["image"]["status"] == "active"
    assert whole()


@shows("image: use_import")
def test_failed_import_is_not_noticed(member, name, held):
    """The staged data is lost before it is imported."""
    hold = faults.Hold()
    with held("POST", "/import$", hold, use_import=True, timeout=3600) as process:
        staging = cloud_support.CLOUD_DIR / "data" / "glance" / "staging"
        (staging / member.only(name)["id"]).unlink()
        hold.release()
        result = files_support.finish_module(process)
    assert result.get("failed") and result["reason"] == "image_fault"
    assert member.named(name) == []


@shows("image: import_method: glance-direct")
def test_glance_direct_is_not_an_import_method(succeed, name, disk, whole):
    with cloud_support.calls() as calls:
        succeed("image", name=name, filename=disk(), import_method="glance-direct")
    assert [call.path.rpartition("/")[2] for call in calls.writes][1:] == ["stage", "import"] and whole()


@shows("image: uri, import_method: web-download")
@pytest.mark.parametrize("method", [None, "web-download"], ids=["uri alone", "no use_import"])
def test_web_download_without_use_import_makes_an_empty_image(succeed, name, web, whole, method):
    options = {"import_method": method} if method else {}
    result = succeed("image", name=name, uri=f"{web.url}/disk.raw", disk_format="raw", **options)
    assert whole() and result["image"]["size"] == len(web.files["/disk.raw"])


@shows("image: uri, import_method: web-download")
def test_another_uri_is_silently_ok(succeed, member, name, web, disk):
    web.files["/2.raw"] = disk(2).read_bytes()
    succeed("image", name=name, uri=f"{web.url}/disk.raw", disk_format="raw")
    assert succeed("image", name=name, uri=f"{web.url}/2.raw", disk_format="raw")["changed"]
    assert member.sha512(member.only(name)["id"]) == hashlib.sha512(disk(2).read_bytes()).hexdigest()


@shows("image: Failed imports")
def test_refused_import_is_waited_for_until_timeout(run, member, name, web):
    """The cloud's filter lets no other address of this machine pass."""
    address = web.url.replace("127.0.0.1", "127.0.0.2")
    with cloud_support.calls() as calls:
        result = run("image", name=name, uri=f"{address}/disk.raw", disk_format="raw", timeout=3600)
    assert result.get("failed") and result["reason"] == "server_refusal" and result["status"] == 400
    assert "127.0.0.2" in result["msg"] or "URI" in result["msg"], "the server's own words"
    assert [call.status for call in calls.writes if call.path.endswith("/import")] == [400]
    assert member.named(name) == []


@shows("image: Failed imports")
def test_import_that_fails_is_waited_for_until_timeout(run, member, name, web):
    result = run("image", name=name, uri=f"{web.url}/nothing.raw", disk_format="raw", timeout=3600)
    assert result.get("failed") and result["reason"] == "image_fault"
    assert "Timeout" not in result["msg"] and "timeout" not in result["msg"]
    assert "/nothing.raw" in result["msg"] and member.named(name) == []


@shows("image: Failed imports")
def test_import_method_that_the_cloud_lacks_is_tried(run, member, name, disk, web):
    for options in ({"uri": f"{web.url}/disk.raw", "disk_format": "raw"}, {"filename": disk(), "use_import": True}):
        with incumbent_support.proxied(incumbent_support.offering("copy-image")) as (proxy, cloud):
            result = run("image", cloud=cloud, name=name, **options)
            assert {seen.method for seen in proxy.calls()} == {"GET"}
        assert result.get("failed") and "copy-image" in result["msg"] and member.named(name) == []


@shows("image: No source, no image")
@pytest.mark.parametrize("wait", [True, False])
def test_no_data_source_polls_until_timeout_and_deletes(run, member, name, wait):
    with cloud_support.calls() as calls:
        result = run("image", name=name, timeout=3600, wait=wait)
    assert result.get("failed") and result["reason"] == "content_missing"
    assert not calls.writes and member.named(name) == []


@shows("image: timeout")
def test_timeout_deletes_the_image(run, succeed, member, name, web, whole):
    gate = threading.Event()
    web.faults["/disk.raw"] = files_support.Faults(gate=gate)
    options = {"name": name, "uri": f"{web.url}/disk.raw", "disk_format": "raw"}
    result = run("image", timeout=1, **options)
    assert result.get("failed") and "timeout" in result["msg"]
    assert member.only(name)["status"] in ("queued", "importing")
    gate.set()
    assert succeed("image", **options)["image"]["status"] == "active"
    assert whole() and web.asked("/disk.raw") <= 2, "the import of the first run was waited for"


@shows("image: timeout")
def test_timeout_is_too_short_for_a_large_file(succeed, name, disk, whole):
    slow = faults.Rule("PUT", "/file$", faults.Throttle(disk().stat().st_size * 4 // 5))
    with incumbent_support.proxied(slow) as (_proxy, cloud):
        succeed("image", cloud=cloud, name=name, filename=disk(), timeout=1)
    assert slow.fired == 1 and whole()


@shows("image: state: inactive")
def test_refused_deactivation_is_reported_as_changed(run, succeed, member, name):
    image = member.create(name, b"data")
    rule = faults.Rule("POST", "/deactivate$", faults.Answer(403, b"no"))
    with incumbent_support.proxied(rule) as (_proxy, cloud):
        result = run("image", cloud=cloud, name=name, state="inactive")
    assert rule.fired == 1 and result.get("failed") and result["status"] == 403
    assert member.only(name) == image
    assert succeed("image", name=name, state="inactive")["changed"]
    assert member.only(name)["status"] == "deactivated"


@shows("image: state: inactive")
def test_inactive_without_an_image_is_ok(fail, member, name):
    assert "no image" in fail("image", name=name, state="inactive")
    member.create(name)
    assert "with data" in fail("image", name=name, state="inactive")


@shows("image: Images in a bad state")
def test_image_that_glance_has_killed_is_returned_as_success(run, member, name, disk):
    """No request leads to this status any more, so it is written into the database."""
    image = member.create(name)
    cloud_support.write_database("UPDATE images SET status = 'killed' WHERE id = ?", image["id"])
    assert (member.image(image["id"]) or {})["status"] == "killed"
    result = run("image", name=name, id=image["id"], filename=disk())
    member.http("DELETE", f"/v2/images/{image['id']}")
    assert result.get("failed") and "killed" in result["msg"]


@shows("image: volume")
def test_volume_becomes_an_image_without_its_metadata(fail, member, name):
    with cloud_support.calls() as calls:
        assert "Cinder" in fail("image", name=name, volume="data", properties={"a": "b"})
    assert not calls.writes
