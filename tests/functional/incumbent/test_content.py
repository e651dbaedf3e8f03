# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What openstack.cloud does wrong, done right: content, its digest, its format, and uploads that go wrong."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import threading
import typing as t

import cloud_support
import files_support
import incumbent_support
import pytest
import requests
from incumbent_support import faults, shows
from patience import PATIENCE


def digest(data: bytes, algorithm: str = "sha512") -> str:
    return hashlib.new(algorithm, data).hexdigest()


@shows("image: filename, content", "image: The old image after a replacement")
def test_file_content_is_never_compared(succeed, member, name, disk):
    old = member.create(name, disk(1).read_bytes())
    assert disk(2).stat().st_size == old["size"]
    assert succeed("image", name=name, filename=disk(2))["changed"]
    new = member.only(name)
    assert member.sha512(new["id"]) == digest(disk(2).read_bytes()) and new["id"] != old["id"]
    assert (member.image(old["id"]) or {})["os_hidden"], "the old image is not lost"


@shows("image: filename, content")
def test_content_that_is_there_is_not_recognised(succeed, member, name, disk):
    image = member.create(name, disk().read_bytes())
    with cloud_support.calls() as calls:
        assert not succeed("image", name=name, filename=disk())["changed"]
    assert not calls.writes and member.named(name) == [image]


@shows("image: state: absent after replacements")
def test_image_that_was_replaced_is_lost(succeed, member, name, disk):
    old = member.create(name, disk(1).read_bytes())
    succeed("image", name=name, filename=disk(2))
    succeed("image", name=name, state="absent")
    (left,) = member.named(name)
    assert left["id"] == old["id"] and left["os_hidden"] and left["status"] == "active"


@shows("image: filename, content", "image: The old image after a replacement")
@pytest.mark.parametrize("policy", [{"retire": "delete"}, {"on_content_change": "keep"}], ids=str)
def test_changed_content_knows_no_policy(succeed, member, name, disk, policy):
    old = member.create(name, disk(1).read_bytes())
    succeed("image", name=name, filename=disk(2), **policy)
    left, current = member.image(old["id"]), member.only(name)
    if policy == {"retire": "delete"}:
        assert left is None and len(member.named(name)) == 1
    else:
        assert current == old
    assert (current["os_hash_value"] == digest(disk(2).read_bytes())) == ("retire" in policy)


@shows("image: checksum")
@pytest.mark.parametrize("algorithm", ["md5", "sha256", "sha512"])
def test_checksum_of_another_algorithm_makes_a_duplicate(succeed, member, name, disk, algorithm):
    options = {"name": name, "filename": disk(), "checksum": digest(disk().read_bytes(), algorithm)}
    assert succeed("image", **options)["changed"]
    assert not succeed("image", **options)["changed"]
    assert len(member.named(name)) == 1


@shows("image: checksum")
def test_checksum_of_a_changed_file_makes_a_second_image_of_the_name(succeed, member, name, disk):
    member.create(name, disk(1).read_bytes())
    checksum = digest(disk(2).read_bytes(), "md5")
    assert succeed("image", name=name, filename=disk(2), checksum=checksum)["changed"]
    assert member.only(name)["checksum"] == checksum, "the only one that is not hidden"
    assert not succeed("image", name=name)["changed"], "no multiple matches without checksum either"


@shows("image: checksum")
def test_checksum_is_never_verified(fail, member, name, disk):
    assert "checksum" in fail("image", name=name, filename=disk(), checksum="sha256:" + "0" * 64)
    assert member.named(name) == []


@shows("image: checksum")
def test_checksum_of_an_import_is_never_verified(fail, member, name, disk):
    with files_support.serving() as web:
        web.files["/disk.raw"] = disk().read_bytes()
        options = {"name": name, "uri": f"{web.url}/disk.raw", "disk_format": "raw"}
        assert "0" * 64 in fail("image", checksum="sha256:" + "0" * 64, **options)
    assert member.named(name) == []


@shows("image: checksum")
def test_files_of_checksums_are_not_read(succeed, fail, member, name, disk, tmp_path):
    sums = tmp_path / "SHA256SUMS"
    sums.write_text(f"{digest(disk(1).read_bytes(), 'sha256')}  {disk(2).name}\n")
    assert disk(2).name in fail("image", name=name, filename=disk(2), checksum=sums)
    sums.write_text(f"{digest(disk(2).read_bytes(), 'sha256')}  {disk(2).name}\n")
    assert succeed("image", name=name, filename=disk(2), checksum=sums)["changed"]


@shows("image: checksum")
def test_image_is_not_found_by_its_content(succeed, member, name):
    one, two = (member.create(name, data) for data in (b"one", b"two"))
    assert succeed("image", name=name, checksum=two["checksum"], min_ram=1)["image"]["id"] == two["id"]
    assert succeed("image", name=name, checksum=one["checksum"], state="absent")["changed"]
    assert [image["id"] for image in member.named(name)] == [two["id"]]


@shows("image: disk_format")
def test_another_disk_format_is_silently_ok(succeed, fail, member, name, disk):
    member.create(name, disk().read_bytes())
    assert "format" in fail("image", name=name, disk_format="qcow2")
    assert succeed("image", name=name, filename=disk(disk_format="qcow2"), disk_format="qcow2")["changed"]
    assert member.only(name)["disk_format"] == "qcow2"


@shows("image: disk_format", "image: filename, form of the data")
def test_raw_file_is_uploaded_as_qcow2(succeed, fail, member, name, disk):
    told = fail("image", name=name, filename=disk(), disk_format="qcow2")
    assert "raw" in told and "qcow2" in told and member.named(name) == []
    succeed("image", name=name, filename=disk())
    assert member.only(name)["disk_format"] == "raw", "unasked, it is the real format"


@shows("image: container_format")
def test_another_container_format_is_silently_ok(fail, member, name):
    image = member.create(name, b"data")
    assert "format" in fail("image", name=name, container_format="ovf")
    assert member.named(name) == [image]


@shows("image: filename, form of the data")
def test_packed_file_is_uploaded_as_a_disk(fail, member, name, disk):
    packed = disk().with_name("disk.qcow2.xz")
    packed.write_bytes(files_support.pack("xz", disk(disk_format="qcow2").read_bytes()))
    assert "packed" in fail("image", name=name, filename=packed)
    assert member.named(name) == []


@shows("image: filename, form of the data")
def test_file_that_refers_to_another_file_is_uploaded(fail, member, name, disk, tmp_path):
    backed = tmp_path / "backed.qcow2"
    files_support.qemu_img("create", "-f", "qcow2", "-b", disk(disk_format="qcow2"), "-F", "qcow2", backed)
    assert str(backed) in fail("image", name=name, filename=backed)
    assert member.named(name) == []


class Forger(http.server.BaseHTTPRequestHandler):
    """Passes requests on to Glance, and turns the last byte of image data over on the way."""

    def pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.endswith("/file"):
            body = body[:-1] + bytes([body[-1] ^ 255])
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
        address = cloud_support.project("local").url + self.path
        answer = requests.request(self.command, address, data=body, headers=headers, timeout=PATIENCE)
        self.send_response(answer.status_code)
        if answer.status_code != 204:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = pass_on

    def log_message(self, format: str, *arguments: t.Any) -> None:
        """Keep quiet."""


@pytest.fixture
def forged() -> t.Iterator[dict[str, t.Any]]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Forger) as server, contextlib.ExitStack() as stack:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        stack.callback(server.shutdown)
        yield incumbent_support.through(f"http://127.0.0.1:{server.server_address[1]}")


@shows("image: Bytes that change on the way")
def test_upload_is_never_verified(run, member, name, disk, forged):
    result = run("image", cloud=forged, name=name, filename=disk())
    assert result.get("failed") and result["reason"] == "checksum_mismatch"
    assert member.named(name) == []


@shows("image: Bytes that change on the way", "image: The old image after a replacement")
def test_failed_upload_costs_the_image_that_was_there(run, member, name, disk, forged):
    """The way to replace content there: delete first."""
    old = member.create(name, disk(1).read_bytes())
    assert run("image", cloud=forged, name=name, filename=disk(2))["reason"] == "checksum_mismatch"
    assert member.named(name) == [old]


@shows("image: Passing faults (401, 502, 503, 504, dropped connections)")
@pytest.mark.parametrize(("status", "early"), [(401, True), (503, False)], ids=["401", "503"])
def test_upload_that_is_sent_again_is_empty(succeed, member, name, disk, status, early):
    answer = faults.Answer(status, b"not now", {"WWW-Authenticate": "Keystone"}, early=early)
    with incumbent_support.proxied(faults.Rule("PUT", "/file$", answer)) as (proxy, cloud):
        succeed("image", cloud=cloud, name=name, filename=disk())
        assert [seen.status for seen in proxy.calls("PUT")] == [status, 204]
    (image,) = member.named(name)
    assert image["status"] == "active" and member.sha512(image["id"]) == digest(disk().read_bytes())


@shows("image: Passing faults (401, 502, 503, 504, dropped connections)")
@pytest.mark.parametrize("act", [faults.Answer(504), faults.Drop()], ids=["504", "dropped"])
def test_passing_fault_ends_the_task(succeed, member, name, act):
    member.create(name, b"data")
    rules = [faults.Rule(method, "/images", act) for method in ("GET", "PATCH")]
    with incumbent_support.proxied(*rules) as (_proxy, cloud):
        assert succeed("image", cloud=cloud, name=name, min_ram=1)["changed"]
    assert [rule.fired for rule in rules] == [1, 1] and member.only(name)["min_ram"] == 1
