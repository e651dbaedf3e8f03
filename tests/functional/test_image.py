# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module image, its everyday life: create, compare, change, replace, retire, remove."""

from __future__ import annotations

import hashlib
import threading
import time
import typing as t
from pathlib import Path

import cloud_support
import pytest


def sha512(path: Path) -> str:
    return hashlib.sha512(path.read_bytes()).hexdigest()


def test_create_then_nothing_to_do(succeed, member, name, disk):
    file = disk(disk_format="qcow2")
    options = {"name": name, "filename": file, "tags": ["b", "a"], "min_disk": 1, "min_ram": 64}
    options["properties"] = {"os_distro": "debian", "hw_cpu_cores": 2, "hw_qemu_guest_agent": True, "empty": ""}

    with cloud_support.calls() as calls:
        foretold = succeed("image", check=True, **options)
    assert foretold["changed"] and not calls.writes and member.named(name) == []

    result = succeed("image", **options)
    image = member.only(name)
    assert result["changed"] and result["image"]["id"] == image["id"]
    assert result["actions"] == foretold["actions"]
    assert (image["status"], image["size"], image["disk_format"]) == ("active", file.stat().st_size, "qcow2")
    assert member.sha512(image["id"]) == image["os_hash_value"] == sha512(file)
    assert (image["min_disk"], image["min_ram"], sorted(image["tags"])) == (1, 64, ["a", "b"])
    assert (image["hw_cpu_cores"], image["hw_qemu_guest_agent"], image["empty"]) == ("2", "true", "")
    assert image["visibility"] == "shared", "Glance's own default"
    assert not [key for key in image if key.startswith(("owner_specified", "cloudimage"))]
    assert result["transfer"]["bytes"] == file.stat().st_size

    with cloud_support.calls() as calls:
        again = succeed("image", **options)
    assert not again["changed"] and again["diff"]["before"] == again["diff"]["after"]
    assert again["transfer"]["bytes"] == 0
    assert not calls.writes
    assert len(calls.glance) <= 4, calls.glance
    assert member.only(name) == image


def test_everything_goes_into_the_post_and_is_verified_by_one_get(succeed, name, disk):
    with cloud_support.calls() as calls:
        succeed("image", name=name, filename=disk(), properties={"a": "b"}, tags=["x"], visibility="private")
    assert [call.method for call in calls.writes] == ["POST", "PUT"]
    assert calls.glance[-1].method == "GET" and "/v2/images/" in calls.glance[-1].path


def test_changed_content_replaces_without_a_gap(succeed, member, name, disk):
    succeed("image", name=name, filename=disk(1), properties={"kept": "1"}, tags=["kept"], visibility="private")
    old = member.only(name)
    seen: list[int] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            seen.append(sum(image["status"] == "active" and not image["os_hidden"] for image in member.named(name)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        foretold = succeed("image", check=True, name=name, filename=disk(2))
        result = succeed("image", name=name, filename=disk(2))
    finally:
        done.set()
        watcher.join()

    new = member.only(name)
    assert min(seen) >= 1
    assert foretold["actions"][0] == result["actions"][0] and len(foretold["actions"]) == len(result["actions"])
    assert new["id"] != old["id"] and new["os_hash_value"] == sha512(disk(2))
    assert (new["kept"], new["tags"], new["visibility"]) == ("1", ["kept"], "private")
    retired = member.image(old["id"])
    assert retired and retired["os_hidden"] and retired["status"] == "active", "nothing is lost by default"
    assert not succeed("image", name=name, filename=disk(2))["changed"]


def test_retire_delete_and_rename(succeed, member, name, disk):
    succeed("image", name=name, filename=disk(1))
    first = member.only(name)
    succeed("image", name=name, filename=disk(2), retire="delete")
    assert member.image(first["id"]) is None and len(member.named(name)) == 1

    second = member.only(name)
    succeed("image", name=name, filename=disk(3), retire="rename")
    renamed = member.image(second["id"])
    assert renamed and renamed["name"] == f"{name} ({second['created_at']})"
    assert not succeed("image", name=renamed["name"])["changed"], "it goes by its new name"
    assert len(member.named(name)) == 1
    assert not succeed("image", name=name, filename=disk(3), retire="rename")["changed"]


def test_back_and_forth_between_contents(succeed, member, name, disk):
    for seed in (1, 2, 1, 2):
        assert succeed("image", name=name, filename=disk(seed), retire="delete")["changed"]
        assert member.only(name)["os_hash_value"] == sha512(disk(seed))
        assert len(member.named(name)) == 1


def test_a_name_that_comes_and_goes(succeed, member, name, disk):
    """A deleted id is burnt: each deletion of the same day costs one probe, and no more."""
    for _time in range(3):
        succeed("image", name=name, filename=disk())
        succeed("image", name=name, state="absent")
    with cloud_support.calls() as calls:
        succeed("image", name=name, filename=disk())
    assert [call.status for call in calls.glance if call.method == "POST"] == [409, 409, 409, 201]
    assert len(member.named(name)) == 1


@pytest.mark.parametrize("choice", ["keep", "fail"])
def test_content_is_not_replaced_where_that_is_not_wanted(run, member, name, disk, choice):
    run("image", name=name, filename=disk(1))
    result = run("image", name=name, filename=disk(2), on_content_change=choice, min_ram=5)
    image = member.only(name)
    assert image["os_hash_value"] == sha512(disk(1))
    assert bool(result.get("failed")) == (choice == "fail")
    assert image["min_ram"] == (5 if choice == "keep" else 0)


def test_metadata_is_set_removed_and_purged(succeed, member, name, disk):
    succeed("image", name=name, filename=disk(), properties={"a": "1", "b": "2", "x/y~z": "3"}, tags=["t"])
    assert succeed("image", name=name, properties={"a": None, "b": 3, "gone": None})["changed"]
    image = member.only(name)
    assert "a" not in image and image["b"] == "3" and image["x/y~z"] == "3" and image["tags"] == ["t"]
    assert not succeed("image", name=name, properties={"a": None, "b": 3})["changed"]

    result = succeed("image", name=name, properties={"c": "4"}, purge_properties=True, tags=[])
    image = member.only(name)
    assert result["diff"]["before"]["properties"] == {"b": "3", "x/y~z": "3"}
    assert result["diff"]["after"]["properties"] == result["image"]["properties"] == {"c": "4"}
    assert "b" not in image and "x/y~z" not in image and image["tags"] == []
    assert not succeed("image", name=name, properties={"c": "4"}, purge_properties=True, tags=[])["changed"]


def test_what_is_not_said_is_left_alone(succeed, member, other, name, disk):
    file = disk()
    image = member.create(name, file.read_bytes(), visibility="shared", min_disk=3, tags=["t"], p="q", protected=True)
    member.http("POST", f"/v2/images/{image['id']}/members", json={"member": other.id})
    before = member.image(image["id"])
    assert not succeed("image", name=name, filename=file)["changed"]
    assert member.image(image["id"]) == before
    assert other.image(image["id"]), "the consumer still has access"


def test_members_pass_to_the_new_image(succeed, member, other, name, disk):
    succeed("image", name=name, filename=disk(1), visibility="shared")
    old = member.only(name)
    member.http("POST", f"/v2/images/{old['id']}/members", json={"member": other.id})
    other.http("PUT", f"/v2/images/{old['id']}/members/{other.id}", json={"status": "accepted"})
    result = succeed("image", name=name, filename=disk(2))
    new = member.only(name)
    assert new["id"] != old["id"] and other.image(new["id"])
    sentence = f"The project {other.id} has to accept the new image '{name}' again before listing it."
    assert sentence in str(result["warnings"])


def test_an_image_of_another_tool_is_adopted_without_a_transfer(succeed, member, name, disk):
    file = disk()
    image = member.create(name, file.read_bytes(), **{"owner_specified.openstack.md5": "", "os_hidden": True})
    with cloud_support.calls() as calls:
        result = succeed("image", name=name, filename=file, properties={"a": "b"})
    assert result["changed"] and result["image"]["id"] == image["id"]
    assert [call.method for call in calls.writes] == ["PATCH"]
    assert "owner_specified.openstack.md5" in (member.image(image["id"]) or {})


@pytest.mark.parametrize("visibility", ["public", "community"])
def test_an_image_is_opened_only_once_it_is_verified(succeed, admin, name, disk, visibility):
    options = {"cloud": "local-admin", "name": name, "filename": disk(), "visibility": visibility, "is_protected": True}
    with cloud_support.calls() as calls:
        succeed("image", **options)
    image = admin.only(name)
    assert image["visibility"] == visibility and image["protected"]
    path = f"/v2/images/{image['id']}"
    assert calls.glance[-1] == ("PATCH", path, 200) and calls.glance[-2] == ("GET", path, 200)
    assert not succeed("image", **options)["changed"]


def test_a_visibility_that_policy_forbids_is_refused_before_data_moves(fail, member, name, disk):
    with cloud_support.calls() as calls:
        told = fail("image", name=name, filename=disk(), visibility="public")
    assert "publicize_image" in told and "403" in told
    assert not [call for call in calls.glance if call.method == "PUT"]
    assert member.named(name) == []


def test_visibility_in_every_direction(succeed, admin, name, disk):
    succeed("image", cloud="local-admin", name=name, filename=disk())
    for wanted in ("public", "private", "community", "shared", "public", "shared", "private"):
        assert succeed("image", cloud="local-admin", name=name, visibility=wanted)["changed"]
        assert admin.only(name)["visibility"] == wanted
    assert succeed("image", cloud="local-admin", name=name, is_public=True)["changed"]
    assert admin.only(name)["visibility"] == "public"


def test_protection(succeed, fail, member, name, disk):
    succeed("image", name=name, filename=disk(1), is_protected=True)
    old = member.only(name)
    assert old["protected"]
    assert "protected" in fail("image", name=name, state="absent")
    assert "protected" in fail("image", name=name, state="absent", check=True)

    with cloud_support.calls() as calls:
        assert "protected" in fail("image", name=name, filename=disk(2), retire="delete")
    assert not calls.writes, "a protected image is replaced whole or not at all"

    succeed("image", name=name, filename=disk(2))
    new = member.only(name)
    assert new["id"] != old["id"] and new["protected"]

    succeed("image", name=name, filename=disk(3), retire="delete", is_protected=False)
    assert member.image(new["id"]) is None and not member.only(name)["protected"]

    succeed("image", name=name, is_protected=True)
    assert "force" in fail("image", name=name, state="absent", is_protected=False)
    assert succeed("image", name=name, state="absent", force=True)["changed"]
    assert [image["id"] for image in member.named(name)] == [old["id"]], "the one that was hidden stays"


def test_inactive_and_back(succeed, fail, member, name, disk):
    assert "no image" in fail("image", name=name, state="inactive")
    assert "no image" in fail("image", name=name, state="inactive", check=True)
    succeed("image", name=name, filename=disk())
    for check in (True, False):
        result = succeed("image", check=check, name=name, state="inactive", min_ram=7)
        assert result["changed"] and result["image"]["status"] == "deactivated"
    assert (member.only(name)["status"], member.only(name)["min_ram"]) == ("deactivated", 7)
    assert not succeed("image", name=name, state="inactive")["changed"]
    assert succeed("image", name=name, filename=disk())["changed"]
    assert member.only(name)["status"] == "active"


def test_absent(succeed, member, name, disk):
    assert not succeed("image", name=name, state="absent")["changed"]
    succeed("image", name=name, filename=disk(), is_hidden=True)
    with cloud_support.calls() as calls:
        foretold = succeed("image", check=True, name=name, state="absent")
    assert foretold["changed"] and not calls.writes and len(member.named(name)) == 1
    result = succeed("image", name=name, state="absent")
    assert result["changed"] and "image" not in result and result["diff"]["after"] == {}
    assert member.named(name) == []
    assert not succeed("image", name=name, state="absent")["changed"]


def test_absent_leaves_what_was_replaced(succeed, member, name, disk):
    succeed("image", name=name, filename=disk(1))
    succeed("image", name=name, filename=disk(2))
    succeed("image", name=name, state="absent")
    (retired,) = member.named(name)
    assert retired["os_hidden"] and retired["os_hash_value"] == sha512(disk(1))
    assert not succeed("image", name=name, state="absent")["changed"]
    assert succeed("image", name=name, filename=disk(1))["changed"], (
        "a retired image is not taken for the one that is meant"
    )
    assert not succeed("image", name=name, filename=disk(1))["changed"]


@pytest.mark.parametrize(
    "suffix", ["img[1]*?", "a:b", "eq:x", 'in:"a,b"', "a/b c", " spaces ", "Ж中ñ", "%41", "a&b=c#d"]
)
def test_any_character_is_plain_in_a_name(succeed, member, name, disk, suffix):
    bystander = member.create(name + "1")
    special = name + suffix
    assert succeed("image", name=special, filename=disk())["changed"]
    assert not succeed("image", name=special, filename=disk())["changed"]
    assert member.only(special)["status"] == "active"
    assert len(succeed("image_info", name=special)["images"]) == 1
    assert succeed("image", name=special, state="absent")["changed"]
    assert member.named(special) == [] and member.image(bystander["id"])


def test_images_of_others_are_no_business_of_ours(succeed, member, admin, name, disk):
    theirs = admin.create(name, disk(1).read_bytes(), visibility="public")
    assert not succeed("image", name=name, state="absent")["changed"]
    assert succeed("image", name=name, filename=disk(2))["changed"]
    assert member.only(name)["os_hash_value"] == sha512(disk(2))
    assert admin.image(theirs["id"]) == theirs
    succeed("image", cloud="local-admin", name=name, filename=disk(1), min_ram=1)
    assert admin.only(name)["min_ram"] == 1 and member.only(name)["min_ram"] == 0


def test_several_images_under_one_name(succeed, fail, member, name, disk):
    ids = sorted(member.create(name, disk().read_bytes())["id"] for _time in range(2))
    for options in ({"filename": disk()}, {"state": "absent"}, {"min_ram": 1}):
        told = fail("image", name=name, **options)
        assert all(image_id in told for image_id in ids)
    assert succeed("image", name=name, id=ids[0], min_ram=1)["changed"]
    assert succeed("image", name=name, id=ids[0], state="absent")["changed"]
    assert succeed("image", name=name, state="absent", checksum=hashlib.md5(disk().read_bytes()).hexdigest())["changed"]
    assert member.named(name) == []


def test_by_id(succeed, fail, member, name, disk):
    chosen = "0c9d1e6a-9a7c-4f5e-8f9e-" + hashlib.md5(name.encode()).hexdigest()[:12]
    succeed("image", name=name, id=chosen, filename=disk(1))
    assert member.only(name)["id"] == chosen
    assert not succeed("image", name=name, id=chosen, filename=disk(1))["changed"]
    assert succeed("image", name=name + "-new", id=chosen)["changed"]
    assert member.only(name + "-new")["id"] == chosen
    assert not succeed("image", name=chosen, filename=disk(1))["changed"], "a name may be an id"
    assert member.only(name + "-new")["id"] == chosen, "and then it is not a new name"
    assert "never get new content" in fail("image", name=name, id=chosen, filename=disk(2))
    assert succeed("image", name=chosen, state="absent")["changed"]
    assert "deleted" in fail("image", name=name, id=chosen, filename=disk(1))
    assert member.named(name) == []


def test_content_key_stands_for_the_content(succeed, run, member, name, disk):
    wanted = run("image", name=name, content_key="sha256:1+raw")
    assert wanted["failed"] and wanted["reason"] == "content_missing" and member.named(name) == []
    succeed("image", name=name, content_key="sha256:1+raw", filename=disk(1))
    assert member.only(name)["cloudimage_content_key"] == "sha256:1+raw"
    assert not succeed("image", name=name, content_key="sha256:1+raw", filename=disk(2))["changed"]
    assert not succeed("image", name=name, content_key="sha256:1+raw")["changed"]
    assert run("image", name=name, content_key="sha256:2+raw")["reason"] == "content_missing"
    succeed("image", name=name, content_key="sha256:2+raw", filename=disk(1))
    assert member.only(name)["cloudimage_content_key"] == "sha256:2+raw", "equal bytes are adopted"
    assert len(member.named(name)) == 1
    succeed("image", name=name, content_key="sha256:3+raw", filename=disk(2))
    assert member.only(name)["os_hash_value"] == sha512(disk(2))
    succeed("image", name=name, properties={}, purge_properties=True)
    assert "cloudimage_content_key" in member.only(name)


def test_format_of_the_file_is_found_out(succeed, member, name, disk):
    for disk_format in ("raw", "qcow2", "vmdk", "vdi", "vhdx"):
        succeed("image", name=name + disk_format, filename=disk(disk_format=disk_format))
        assert member.only(name + disk_format)["disk_format"] == disk_format


def test_another_format_is_other_content(succeed, fail, member, name, disk):
    succeed("image", name=name, filename=disk())
    assert "format" in fail("image", name=name, disk_format="qcow2")
    result = succeed("image", name=name, filename=disk(disk_format="qcow2"), disk_format="qcow2")
    assert result["changed"] and member.only(name)["disk_format"] == "qcow2"


def test_kernel_and_ramdisk_by_name(succeed, fail, member, admin, name, disk):
    kernel = member.create(name + "-kernel", b"vmlinuz", disk_format="aki", container_format="aki")
    ramdisk = admin.create(name + "-ramdisk", b"initrd", disk_format="ari", container_format="ari", visibility="public")
    options = {"name": name, "filename": disk(), "kernel": name + "-kernel", "ramdisk": name + "-ramdisk"}
    succeed("image", **options)
    image = member.only(name)
    assert (image["kernel_id"], image["ramdisk_id"]) == (kernel["id"], ramdisk["id"])
    assert not succeed("image", **options)["changed"]
    assert "kernel" in fail("image", name=name, kernel=name + "-nothing")
    succeed("image", name=name + "-kernel", filename=disk(2))
    assert len(member.named(name + "-kernel")) == 2
    assert succeed("image", **options)["image"]["properties"]["kernel_id"] != kernel["id"], (
        "the old one is out of sight"
    )


@pytest.mark.parametrize("visibility", ["private", "community"])
def test_an_administrator_makes_images_for_others(succeed, fail, member, other, name, disk, visibility):
    options = {"cloud": "local-admin", "name": name, "filename": disk(), "owner": "demo", "visibility": visibility}
    succeed("image", **options)
    assert member.only(name)["owner"] == member.id
    assert not succeed("image", **options)["changed"]
    image_id = member.only(name)["id"]
    assert succeed("image", cloud="local-admin", name=name, id=image_id, owner=other.id)["changed"]
    assert other.only(name)["id"] == image_id
    assert "owner" in fail("image", **options | {"owner": "no such project"})


def test_checksum_is_verified_before_anything_is_sent(succeed, fail, member, name, disk, tmp_path):
    file = disk()
    content = file.read_bytes()
    wrong = "sha256:" + "0" * 64
    for check in (True, False):
        with cloud_support.calls() as calls:
            told = fail("image", check=check, name=name, filename=file, checksum=wrong)
        assert "checksum" in told and str(file) in told and not calls.writes
    sums = tmp_path / "SHA256SUMS"
    sums.write_text(f"{'0' * 64}  other.img\n{hashlib.sha256(content).hexdigest()} *{file.name}\n")
    for good in (
        "sha256:" + hashlib.sha256(content).hexdigest(),
        hashlib.sha512(content).hexdigest(),
        hashlib.md5(content).hexdigest(),
        str(sums),
        f"file://{sums}",
    ):
        succeed("image", name=name, filename=file, checksum=good)
    assert len(member.named(name)) == 1
    assert member.only(name)["os_hash_value"] == sha512(file)


def test_slot_of_another_tool_is_filled(succeed, fail, member, name, disk):
    slot = member.http("POST", "/v2/images", json={"name": name, "reserved": "yes"}).json()
    assert "queued" in fail("image", name=name)
    result = succeed("image", name=name, filename=disk(), is_protected=True)
    image = member.only(name)
    assert result["changed"] and image["id"] == slot["id"] and image["reserved"] == "yes" and image["protected"]
    assert image["os_hash_value"] == sha512(disk())


def test_poisoned_image_is_replaced(succeed, member, name, disk):
    """After a refused format Glance keeps data and digest on a queued image, and never takes data for it again."""
    poisoned = member.create(name, disk_format="vmdk")
    assert member.upload(poisoned["id"], disk(disk_format="qcow2").read_bytes(), ok=False).status_code == 415
    assert member.only(name)["status"] == "queued" and member.only(name)["checksum"]
    succeed("image", name=name, filename=disk())
    assert member.only(name)["status"] == "active" and len(member.named(name)) == 1


def test_returned_image_has_the_keys_that_playbooks_know(succeed, name, disk):
    image = succeed("image", name=name, filename=disk(), properties={"os_distro": "debian"})["image"]
    known = (
        "id name status architecture created_at container_format direct_url min_ram disk_format file hash_algo hash_value "
        "hw_cpu_cores is_hidden is_protected kernel_id locations metadata os_distro os_type owner owner_id ramdisk_id schema "
        "store updated_at url virtual_size filters min_disk checksum visibility size tags properties"
    )
    missing = set(known.split()) - set(image) - {"filters"}
    assert not missing
    assert image["os_distro"] == "debian" and image["properties"] == {"os_distro": "debian"}


def test_large_file_is_sent_in_blocks(succeed, member, name, tmp_path):
    file = tmp_path / "large.raw"
    with file.open("wb") as stream:
        stream.write(b"begin")
        stream.truncate(40 * 1024 * 1024 + 7)
    started = time.monotonic()
    result = succeed("image", name=name, filename=file, disk_format="raw")
    assert member.only(name)["size"] == file.stat().st_size
    assert 0 < result["transfer"]["seconds"] <= time.monotonic() - started


def test_diff_tells_before_and_after(succeed, name, disk: t.Callable[..., Path]):
    succeed("image", name=name, filename=disk())
    diff = succeed("image", check=True, name=name, min_ram=9)["diff"]
    changed = {key for key in diff["after"] if diff["after"][key] != diff["before"].get(key)}
    assert changed == {"min_ram"}
