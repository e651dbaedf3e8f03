# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Imports that Glance carries out: from another region, as the cloud offers, and what they do to metadata."""

from __future__ import annotations

import json

import cloud_support
import pytest

#: The cloud's own region, which Glance may fetch from as well as from another.
REGION = "RegionOne"


def test_an_image_of_another_region(succeed, member, name, disk):
    remote = member.create(f"{name}-remote", disk(1, "qcow2").read_bytes(), disk_format="qcow2", hw_disk_bus="scsi")
    options = {"name": name, "remote_region": REGION, "remote_image_id": remote["id"], "properties": {"mine": "yes"}}
    foretold = succeed("image", check=True, **options)
    assert foretold["changed"] and member.named(name) == []
    assert succeed("image", **options)["changed"]
    image = member.only(name)
    assert (image["os_hash_value"], image["disk_format"]) == (remote["os_hash_value"], "qcow2")
    assert (image["status"], image["mine"], image["hw_disk_bus"]) == ("active", "yes", "scsi")
    with cloud_support.calls() as calls:
        assert not succeed("image", **options)["changed"]
    assert not calls.writes and len(calls.glance) == 2


def test_declared_properties_prevail_over_the_remote_ones(succeed, member, name, disk):
    remote = member.create(f"{name}-remote", disk().read_bytes(), hw_disk_bus="scsi", os_distro="debian")
    options = {
        "name": name,
        "remote_region": REGION,
        "remote_image_id": remote["id"],
        "import_method": "glance-download",
    }
    options |= {"properties": {"hw_disk_bus": "virtio"}, "purge_properties": True}
    succeed("image", **options)
    image = member.only(name)
    assert image["hw_disk_bus"] == "virtio" and "os_distro" not in image
    assert not succeed("image", **options)["changed"]


def test_another_remote_image_replaces_and_the_old_one_stays_until_then(succeed, fail, member, name, disk):
    first = member.create(f"{name}-one", disk(1).read_bytes())
    second = member.create(f"{name}-two", disk(2).read_bytes())
    succeed("image", name=name, remote_region=REGION, remote_image_id=first["id"])
    old = member.only(name)
    lost = "00000000-0000-4000-8000-000000000000"
    told = fail("image", name=name, remote_region=REGION, remote_image_id=lost)
    assert lost in told and "glance-download" in told
    assert [image["id"] for image in member.named(name)] == [old["id"]]
    succeed("image", name=name, remote_region=REGION, remote_image_id=second["id"])
    assert member.only(name)["os_hash_value"] == second["os_hash_value"]


def test_a_declared_checksum_of_a_remote_image(succeed, fail, member, name, disk):
    remote = member.create(f"{name}-remote", disk().read_bytes())
    options = {"name": name, "remote_region": REGION, "remote_image_id": remote["id"]}
    assert "digest" in fail("image", checksum="sha512:" + "0" * 128, **options)
    assert member.named(name) == []
    succeed("image", checksum="sha512:" + remote["os_hash_value"], **options)
    assert not succeed("image", checksum="sha512:" + remote["os_hash_value"], **options)["changed"]


def test_a_region_that_does_not_exist(fail, member, name, disk):
    remote = member.create(f"{name}-remote", disk().read_bytes())
    told = fail("image", name=name, remote_region="Atlantis", remote_image_id=remote["id"])
    assert "Atlantis" in told and member.named(name) == []


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"remote_region": REGION}, "remote_region"),
        ({"remote_image_id": "00000000-0000-4000-8000-000000000000"}, "remote_region"),
        ({"remote_region": REGION, "remote_image_id": "debian"}, "remote_image_id"),
        (
            {"remote_region": REGION, "remote_image_id": "00000000-0000-4000-8000-000000000000", "disk_format": "raw"},
            "disk_format",
        ),
        ({"import_method": "glance-download"}, "import_method"),
        ({"import_method": "glance-download", "uri": "http://127.0.0.1/x"}, "import_method"),
        ({"import_method": "web-download"}, "import_method"),
        ({"import_method": "glance-direct", "uri": "http://127.0.0.1/x"}, "import_method"),
    ],
)
def test_options_that_do_not_go_together(fail, name, options, option):
    with cloud_support.calls() as calls:
        assert fail("image", name=name, **options).startswith(option)
    assert not calls.glance


def test_auto_imports_a_file_where_the_cloud_can(succeed, member, name, disk):
    done = succeed("image", name=name, filename=disk(), import_method="auto")
    assert any("glance-direct" in action for action in done["actions"])
    assert member.only(name)["status"] == "active"
    assert not succeed("image", name=name, filename=disk(), import_method="auto")["changed"]


def test_min_disk_of_a_file_is_in_place_before_the_data(succeed, member, name, disk):
    with cloud_support.calls() as calls:
        done = succeed("image", name=name, filename=disk(1, "qcow2"), min_disk_from_virtual_size=True)
    assert member.only(name)["min_disk"] == 1 == done["diff"]["after"]["min_disk"]
    assert not [call for call in calls.writes if call.method == "PATCH"]
    assert not succeed("image", name=name, min_disk_from_virtual_size=True)["changed"]


def test_min_disk_of_what_glance_fetched(succeed, member, name, disk):
    remote = member.create(f"{name}-remote", disk(1, "qcow2").read_bytes(), disk_format="qcow2")
    options = {"name": name, "remote_region": REGION, "remote_image_id": remote["id"]}
    succeed("image", min_disk_from_virtual_size=True, **options)
    assert member.only(name)["min_disk"] == 1
    assert not succeed("image", min_disk_from_virtual_size=True, **options)["changed"]


def test_min_disk_cannot_be_said_twice(fail, name):
    assert fail("image", name=name, min_disk=1, min_disk_from_virtual_size=True).startswith("min_disk")


SIGNATURE = {
    "img_signature": "c2lnbmF0dXJl",
    "img_signature_hash_method": "SHA-256",
    "img_signature_key_type": "RSA-PSS",
    "img_signature_certificate_uuid": "00000000-0000-4000-8000-000000000000",
}


@pytest.mark.parametrize("left_out", sorted(SIGNATURE))
def test_a_part_of_a_signature_is_refused(fail, member, name, disk, left_out):
    properties = {key: value for key, value in SIGNATURE.items() if key != left_out}
    told = fail("image", name=name, filename=disk(), properties=properties)
    assert told.startswith("properties: ") and left_out in told
    assert member.named(name) == []


def test_a_whole_signature_is_there_before_the_data(fail, member, name, disk):
    """This cloud has no key manager: that Glance asks for the certificate shows that it was about to verify."""
    told = fail("image", name=name, filename=disk(), properties=SIGNATURE)
    assert "400" in told and member.named(name) == [], json.dumps(told)
