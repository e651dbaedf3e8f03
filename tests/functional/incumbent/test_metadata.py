# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What openstack.cloud does wrong, done right: properties, tags, visibility, protection, and what runs report."""

from __future__ import annotations

import cloud_support
import pytest
from incumbent_support import shows

#: Keys that openstacksdk does not know, or knows under another name, or gives another type.
EVERYDAY = {
    "auto_disk_config": "true",
    "hw_boot_menu": "true",
    "hw_cpu_cores": "2",
    "hw_disk_bus": "virtio",
    "hw_firmware_type": "uefi",
    "hw_qemu_guest_agent": "yes",
    "hw_vif_multiqueue_enabled": "true",
    "hw_video_ram": "16",
    "img_config_drive": "mandatory",
    "my_own": "text",
    "os_distro": "debian",
    "os_require_quiesce": "yes",
    "os_secure_boot": "required",
    "os_shutdown_timeout": "30",
}


@shows("image: properties: values")
def test_any_custom_property_makes_every_run_changed(succeed, member, name, disk):
    options = {"name": name, "filename": disk(), "properties": EVERYDAY}
    assert succeed("image", **options)["changed"]
    image = member.only(name)
    assert image.items() >= EVERYDAY.items()
    with cloud_support.calls() as calls:
        assert not succeed("image", **options)["changed"]
    assert not calls.writes and member.only(name) == image


@shows("image: properties: values")
def test_numbers_and_booleans_fail_after_the_upload(succeed, member, name, disk):
    values = {"n": 2, "hw_cpu_cores": 2, "hw_qemu_guest_agent": True, "off": False, "share": 0.5}
    options = {"name": name, "filename": disk(), "properties": values}
    succeed("image", **options)
    texts = {"n": "2", "hw_cpu_cores": "2", "hw_qemu_guest_agent": "true", "off": "false", "share": "0.5"}
    assert member.only(name).items() >= texts.items()
    assert not succeed("image", **options)["changed"]


@shows("image: properties: null")
def test_null_does_not_remove_a_property(succeed, member, name):
    member.create(name, b"data", a="1", b="2")
    assert succeed("image", name=name, properties={"a": None, "c": None})["changed"]
    image = member.only(name)
    assert "a" not in image and "c" not in image and image["b"] == "2"


@shows("image: properties: others")
def test_properties_cannot_be_purged(succeed, member, name):
    member.create(name, b"data", a="1", b="2")
    assert not succeed("image", name=name, properties={"a": "1"})["changed"]
    assert member.only(name)["b"] == "2", "unasked they stay"
    assert succeed("image", name=name, properties={"a": "1"}, purge_properties=True)["changed"]
    image = member.only(name)
    assert image["a"] == "1" and "b" not in image


@shows("image: properties: others")
def test_properties_of_the_server_are_a_difference_for_ever(succeed, member, name):
    image = member.create(name, disk_format="raw", container_format="bare", a="1")
    path = f"/v2/images/{image['id']}"
    member.http("PUT", f"{path}/stage", data=b"data", headers={"Content-Type": "application/octet-stream"})
    member.http("POST", f"{path}/import", json={"method": {"name": "glance-direct"}})
    while member.only(name)["status"] != "active" or member.only(name).get("os_glance_import_task"):
        assert not (member.only(name).get("os_glance_failed_import"))
    before = member.only(name)
    assert "stores" in before and [key for key in before if key.startswith("os_glance")]
    assert not succeed("image", name=name, properties={"a": "1"}, purge_properties=True)["changed"]
    assert member.only(name) == before


@shows("image: properties: attributes")
@pytest.mark.parametrize("key", ["protected", "os_glance_import_task"])
def test_attributes_pass_as_properties(fail, member, name, disk, key):
    assert key in fail("image", name=name, filename=disk(), properties={key: "x"})
    assert member.named(name) == []


@shows("image: properties: when they are set")
def test_properties_are_set_after_the_image_is_active(succeed, member, name, disk):
    with cloud_support.calls() as calls:
        succeed("image", name=name, filename=disk(), properties={"hw_disk_bus": "scsi"}, tags=["t"], min_disk=1)
    assert [call.method for call in calls.writes] == ["POST", "PUT"]
    image = member.only(name)
    assert (image["hw_disk_bus"], image["tags"], image["min_disk"]) == ("scsi", ["t"], 1)


@shows("image: properties: when they are set")
def test_signature_properties_come_too_late_to_be_verified(run, member, name, disk):
    """This Glance has no key manager: it refuses the data, since it knows of the signature before."""
    signature = {
        "img_signature": "c2lnbmF0dXJl",
        "img_signature_hash_method": "SHA-256",
        "img_signature_key_type": "RSA-PSS",
        "img_signature_certificate_uuid": "5e1f2c3d-0000-4000-8000-000000000000",
    }
    with cloud_support.calls() as calls:
        result = run("image", name=name, filename=disk(), properties=signature)
    assert result.get("failed") and result["reason"] != "unexpected"
    assert [call.status for call in calls.glance if call.method == "PUT"] == [400]
    assert member.named(name) == []


@shows("image: visibility: public on a new image")
def test_image_is_public_before_its_properties_are_set(succeed, admin, name, disk):
    with cloud_support.calls() as calls:
        succeed("image", cloud="local-admin", name=name, filename=disk(), visibility="public", properties={"a": "b"})
    image = admin.only(name)
    assert (image["visibility"], image["a"]) == ("public", "b")
    path = f"/v2/images/{image['id']}"
    data = calls.index("PUT", f"{path}/file")
    assert calls.glance[data + 1 :] == [("GET", path, 200), ("PATCH", path, 200)], "opened once it is verified"


@shows("image: tags: []")
def test_empty_list_does_not_clear_tags(succeed, member, name):
    member.create(name, b"data", tags=["a", "b"])
    assert succeed("image", name=name, tags=[])["changed"]
    assert member.only(name)["tags"] == []


@shows("image: tags: []")
def test_task_without_tags_changes_tags(succeed, member, name):
    member.create(name, b"data", tags=["a"])
    assert not succeed("image", name=name)["changed"]
    assert member.only(name)["tags"] == ["a"]


@shows("image: visibility, is_public")
def test_default_visibility_unshares_a_shared_image(succeed, member, other, name, disk):
    image = member.create(name, disk().read_bytes(), visibility="shared")
    member.http("POST", f"/v2/images/{image['id']}/members", json={"member": other.id})
    assert not succeed("image", name=name, filename=disk())["changed"]
    assert member.only(name)["visibility"] == "shared"
    assert other.image(image["id"]), "the consumer still has access"


@shows("image: visibility, is_public")
def test_visibility_that_is_not_said_is_private(succeed, member, name, disk):
    succeed("image", name=name, filename=disk())
    assert member.only(name)["visibility"] == "shared", "what Glance itself gives to new images"


@shows("image: visibility, is_public")
def test_public_flag_is_ignored_on_an_image_that_is_there(succeed, admin, name):
    admin.create(name, b"data")
    for flag, visibility in ((True, "public"), (False, "private")):
        assert succeed("image", cloud="local-admin", name=name, is_public=flag)["changed"]
        assert admin.only(name)["visibility"] == visibility


@shows("image: visibility, is_public")
def test_is_public_is_left_as_a_stray_property(succeed, member, name, disk):
    succeed("image", name=name, filename=disk(), is_public=False)
    image = member.only(name)
    assert image["visibility"] == "private" and "is_public" not in image


@shows("image: state: absent of a protected image")
def test_protected_image_cannot_be_removed_in_one_task(succeed, fail, member, name):
    member.create(name, b"data", protected=True)
    assert "force" in fail("image", name=name, state="absent")
    assert len(member.named(name)) == 1
    assert succeed("image", name=name, state="absent", force=True)["changed"]
    assert member.named(name) == []


@shows("image: is_protected")
def test_image_is_protected_before_it_is_whole(succeed, member, name, disk):
    with cloud_support.calls() as calls:
        succeed("image", name=name, filename=disk(), is_protected=True)
    image = member.only(name)
    assert image["protected"] and calls.index("GET", image["id"]) < calls.index("PATCH", image["id"])


@shows("image: kernel, ramdisk")
def test_kernel_and_ramdisk_are_set_after_the_upload(succeed, member, name, disk):
    kernel = member.create(f"{name}-kernel", b"vmlinuz", disk_format="aki", container_format="aki")
    ramdisk = member.create(f"{name}-ramdisk", b"initrd", disk_format="ari", container_format="ari")
    with cloud_support.calls() as calls:
        succeed("image", name=name, filename=disk(), kernel=kernel["name"], ramdisk=ramdisk["id"])
    assert [call.method for call in calls.writes] == ["POST", "PUT"]
    image = member.only(name)
    assert (image["kernel_id"], image["ramdisk_id"]) == (kernel["id"], ramdisk["id"])


@shows("image: wait: false")
def test_wait_false_drops_properties_kernel_and_ramdisk(succeed, member, name, disk):
    parts = {
        part: member.create(f"{name}-{part}", b"part", disk_format=kind, container_format=kind)["id"]
        for part, kind in (("kernel", "aki"), ("ramdisk", "ari"))
    }
    succeed("image", name=name, filename=disk(), properties={"a": "b"}, tags=["t"], wait=False, **parts)
    image = member.only(name)
    assert (image["a"], image["tags"]) == ("b", ["t"])
    assert (image["kernel_id"], image["ramdisk_id"]) == (parts["kernel"], parts["ramdisk"])


@shows("image: owner_specified.openstack.*")
def test_three_properties_are_written_on_each_image(succeed, member, name, disk):
    succeed("image", name=name, filename=disk())
    assert not [key for key in member.only(name) if key.startswith("owner_specified")]
    kept = member.create(f"{name}-kept", b"data", **{"owner_specified.openstack.md5": ""})
    assert not succeed("image", name=kept["name"], properties={}, purge_properties=True)["changed"]
    assert member.image(kept["id"]) == kept


@shows("image: Check mode, --diff")
def test_check_mode_is_skipped(succeed, member, name, disk):
    with cloud_support.calls() as calls:
        created = succeed("image", check=True, name=name, filename=disk())
    assert created["changed"] and not created.get("skipped")
    assert not calls.writes and member.named(name) == []
    assert succeed("image", name=name, filename=disk())["actions"] == created["actions"]
    before = member.only(name)
    for options in ({"filename": disk(2), "tags": ["t"]}, {"state": "absent"}):
        assert succeed("image", check=True, name=name, **options)["changed"]
    assert member.named(name) == [before]


@shows("image: Check mode, --diff", "image: Other results")
def test_no_diff_tells_what_changed(succeed, member, name):
    member.create(name, b"data", tags=["old"])
    result = succeed("image", name=name, tags=["new"], min_ram=64)
    before, after = result["diff"]["before"], result["diff"]["after"]
    changed = {key: (before.get(key), after[key]) for key in after if before.get(key) != after[key]}
    assert changed == {"tags": (["old"], ["new"]), "min_ram": (0, 64)}
    assert len(result["actions"]) == 1 and result["transfer"]["bytes"] == 0


@shows("image: Result image")
def test_result_hides_properties_in_two_places(succeed, name, disk):
    values = {"os_distro": "debian", "hw_cpu_cores": "2", "own": "yes"}
    image = succeed("image", name=name, filename=disk(), properties=values)["image"]
    assert image["properties"] == values
    assert image["os_distro"] == "debian" and isinstance(image["stores"], list)
    for key in ("id", "is_protected", "is_hidden", "owner_id", "hash_value", "visibility", "created_at"):
        assert image[key] is not None
