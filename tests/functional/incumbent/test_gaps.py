# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What openstack.cloud lacks altogether: sharing, stores, downloads, and what a cloud offers."""

from __future__ import annotations

import incumbent_support
from incumbent_support import offering, shows


def members(project, image_id) -> dict[str, str]:
    listed = project.http("GET", f"/v2/images/{image_id}/members").json()["members"]
    return {member["member_id"]: member["status"] for member in listed}


@shows("more: Share with projects")
def test_no_option_shares_an_image(succeed, member, other, name, disk):
    succeed("image", name=name, filename=disk(), visibility="shared", members=[other.id])
    assert members(member, member.only(name)["id"]) == {other.id: "pending"}


@shows("more: Share with projects")
def test_no_option_stops_sharing_an_image(succeed, member, other, admin, name):
    image = member.create(name, b"data", visibility="shared")
    for project in (other, admin):
        member.http("POST", f"/v2/images/{image['id']}/members", json={"member": project.id})
    assert not succeed("image", name=name, members=[other.id])["changed"], "others stay"
    assert succeed("image", name=name, members=[other.id], purge_members=True)["changed"]
    assert members(member, image["id"]) == {other.id: "pending"}


@shows("more: Share with projects")
def test_no_module_proposes_and_accepts(succeed, member, other, name):
    image = member.create(name, b"data", visibility="shared")
    assert succeed("image_member", image=name, member_cloud="local-other", status="accepted")["changed"]
    assert members(member, image["id"]) == {other.id: "accepted"}
    assert succeed("image_member", cloud="local-other", image=name, status="rejected")["changed"]
    assert members(member, image["id"]) == {other.id: "rejected"}


@shows("more: Share with projects")
def test_share_that_changes_nothing_is_silent(fail, member, other, name):
    """Members of an image that is not shared see nothing of it."""
    image = member.create(name, b"data", visibility="private")
    assert "visibility" in fail("image", name=name, members=[other.id])
    assert member.image(image["id"]) == image


@shows("more: Choose stores")
def test_no_option_chooses_the_store(succeed, member, name, disk):
    assert succeed("image", name=name, filename=disk(), stores=["slow"])["changed"]
    assert member.only(name)["stores"] == "slow"


@shows("more: Choose stores")
def test_no_option_copies_to_a_store_or_removes_from_one(succeed, admin, name):
    image = admin.create(name, b"data")
    assert image["stores"] == "fast"
    for stores in (["fast", "slow"], ["slow"]):
        assert succeed("image", cloud="local-admin", name=name, stores=stores)["changed"]
        assert sorted(admin.only(name)["stores"].split(",")) == stores


@shows("more: Download")
def test_no_module_downloads_an_image(succeed, member, name, disk, tmp_path):
    member.create(name, disk().read_bytes())
    target = tmp_path / "download.raw"
    assert succeed("image_download", image=name, dest=target)["changed"]
    assert target.read_bytes() == disk().read_bytes()
    assert not succeed("image_download", image=name, dest=target)["changed"]


@shows("more: Ask what the cloud offers")
def test_no_module_tells_import_methods_stores_and_formats(succeed, member):
    service = succeed("image_service_info")["image_service"]
    offered = member.http("GET", "/v2/info/import").json()["import-methods"]["value"]
    stores = member.http("GET", "/v2/info/stores").json()["stores"]
    assert sorted(service["import_methods"]) == sorted(offered)
    assert [store["id"] for store in service["stores"]] == [store["id"] for store in stores]
    assert {"raw", "qcow2"} <= set(service["disk_formats"]) and service["usage"] is not None


@shows("image: import_method: glance-download")
def test_glance_download_does_not_take_the_remote_image(succeed, fail, member, name, disk):
    remote = member.create(f"{name}-remote", disk().read_bytes())
    options = {"name": name, "import_method": "glance-download", "remote_region": "RegionOne"}
    assert "remote_image_id" in fail("image", **options)
    succeed("image", remote_image_id=remote["id"], **options)
    assert member.only(name)["os_hash_value"] == remote["os_hash_value"]


@shows("image: use_import")
def test_import_method_has_to_be_known_beforehand(succeed, member, name, disk):
    ways = {("glance-direct", "copy-image"): "/stage", ("web-download",): "/file"}
    for number, (methods, way) in enumerate(ways.items()):
        with incumbent_support.proxied(offering(*methods)) as (proxy, cloud):
            succeed("image", cloud=cloud, name=f"{name}-{number}", filename=disk(), import_method="auto")
            (sent,) = proxy.calls("PUT")
        assert sent.path.endswith(way) and member.only(f"{name}-{number}")["status"] == "active"


@shows("image: properties: when they are set")
def test_part_of_a_signature_verifies_nothing_and_is_ok(fail, member, name, disk):
    told = fail("image", name=name, filename=disk(), properties={"img_signature": "c2lnbmF0dXJl"})
    assert "img_signature_certificate_uuid" in told and member.named(name) == []


@shows("image: min_disk, min_ram")
def test_min_disk_cannot_be_that_of_the_disk(succeed, member, name, disk):
    file = disk(disk_format="qcow2")
    assert succeed("image", name=name, filename=file, min_disk_from_virtual_size=True, min_ram=64)["changed"]
    image = member.only(name)
    assert (image["min_disk"], image["min_ram"]) == (1, 64)
