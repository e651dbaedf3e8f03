# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cloud that unpacks, marks and converts what is imported."""

from __future__ import annotations

import hashlib

import files_support

VARIANT = {
    "local_cloud_import_plugins": ["image_decompression", "inject_image_metadata", "image_conversion"],
    "local_cloud_injected_properties": {"operator_note": "seen here", "operator_count": 3},
}
INJECTED = {"operator_note": "seen here", "operator_count": "3"}


def _converted(disk, seed: int) -> str:
    """Digest of what the cloud makes of the qcow2 file with this seed."""
    return hashlib.sha512(disk(seed).read_bytes()).hexdigest()


def _stamp(path) -> str:
    return f"sha512:{hashlib.sha512(path.read_bytes()).hexdigest()}"


def _injected(image) -> dict[str, str]:
    return {key: value for key, value in image.items() if key.startswith("operator_")}


def test_converted_file_is_told_by_its_stamp(succeed, member, name, disk):
    for seed, declared in ((1, {}), (2, {"disk_format": "qcow2"})):
        options = {"name": name, "filename": disk(seed, "qcow2"), "use_import": True, "retire": "delete", **declared}
        result = succeed("image", **options)
        image = member.only(name)
        assert result["changed"] and image["status"] == "active"
        assert (image["disk_format"], image["os_hash_value"]) == ("raw", _converted(disk, seed))
        assert image["cloudimage_content_key"] == _stamp(disk(seed, "qcow2"))
        assert _injected(image) == INJECTED
        again = succeed("image", **options)
        assert not again["changed"] and again["transfer"]["bytes"] == 0
        assert succeed("image", check=True, **options)["actions"] == []
    assert [image["id"] for image in member.named(name)] == [image["id"]]


def test_stamp_survives_changes_of_metadata(succeed, member, name, disk):
    options = {"name": name, "filename": disk(1, "qcow2"), "use_import": True}
    succeed("image", properties={"a": "1", "b": "2"}, **options)
    before = member.only(name)
    assert succeed("image", properties={"a": "3"}, min_disk=1, **options)["changed"]
    after = member.only(name)
    assert (after["id"], after["a"], after["b"], after["min_disk"]) == (before["id"], "3", "2", 1)
    assert _injected(after) == INJECTED
    assert not succeed("image", properties={"a": "3"}, **options)["changed"]


def test_purge_removes_what_was_injected_and_keeps_the_stamp(succeed, member, name, disk):
    options = {"name": name, "filename": disk(1, "qcow2"), "use_import": True}
    wanted = {"properties": {"a": "1"}, "purge_properties": True}
    succeed("image", **options)
    before = member.only(name)
    assert succeed("image", **options, **wanted)["changed"]
    after = member.only(name)
    assert after["id"] == before["id"] and after["a"] == "1" and not _injected(after)
    assert after["cloudimage_content_key"] == before["cloudimage_content_key"]
    assert not succeed("image", **options, **wanted)["changed"]
    assert not succeed("image", **options)["changed"]


def test_purge_at_creation_is_as_stable_as_later(succeed, member, name, disk):
    options = {"name": name, "use_import": True, "retire": "delete", "properties": {"a": "1"}, "purge_properties": True}
    for seed in (1, 2):
        succeed("image", filename=disk(seed, "qcow2"), **options)
        assert not _injected(member.only(name)), "purge_properties means these properties and no others"
        assert not succeed("image", filename=disk(seed, "qcow2"), **options)["changed"]


def test_declared_property_wins_over_an_injected_one(succeed, member, name, disk):
    options = {"name": name, "filename": disk(1, "qcow2"), "use_import": True, "properties": {"operator_note": "mine"}}
    succeed("image", **options)
    assert member.only(name)["operator_note"] == "mine"
    assert not succeed("image", **options)["changed"]


def test_administrator_gets_nothing_injected(succeed, admin, name, disk):
    options = {"cloud": "local-admin", "name": name, "filename": disk(1, "qcow2"), "use_import": True}
    succeed("image", **options)
    assert not _injected(admin.only(name))
    assert not succeed("image", **options)["changed"]


def test_direct_upload_stays_as_it_is(succeed, member, name, disk):
    file = disk(1, "qcow2")
    succeed("image", name=name, filename=file)
    image = member.only(name)
    assert image["disk_format"] == "qcow2" and not _injected(image)
    assert image["os_hash_value"] == hashlib.sha512(file.read_bytes()).hexdigest()
    assert not succeed("image", name=name, filename=file)["changed"]
    assert not succeed("image", name=name, filename=file, use_import=True)["changed"], "it has that content"


def test_imported_image_is_known_without_import_too(succeed, member, name, disk):
    file = disk(1, "qcow2")
    succeed("image", name=name, filename=file, use_import=True)
    assert not succeed("image", name=name, filename=file)["changed"]


def test_file_for_several_stores_is_converted_and_known(succeed, member, name, disk):
    options = {"name": name, "filename": disk(1, "qcow2"), "stores": ["fast", "slow"]}
    succeed("image", **options)
    image = member.only(name)
    assert sorted(image["stores"].split(",")) == ["fast", "slow"]
    assert (image["disk_format"], image["os_hash_value"]) == ("raw", _converted(disk, 1))
    assert not succeed("image", **options)["changed"]


def test_raw_file_passes_unconverted(succeed, member, name, disk):
    options = {"name": name, "filename": disk(1), "use_import": True}
    succeed("image", **options)
    image = member.only(name)
    assert image["os_hash_value"] == _converted(disk, 1)
    assert not succeed("image", **options)["changed"]


def test_cloud_unpacks_what_is_declared_to_go_in_packed(succeed, fail, member, name, disk, tmp_path):
    file = tmp_path / "disk.raw.gz"
    file.write_bytes(files_support.pack("gz", disk(1).read_bytes()))
    options = {"name": name, "filename": file, "use_import": True}
    assert "packed with" in fail("image", **options)
    assert member.named(name) == []
    assert succeed("image", disk_format="raw", **options)["changed"]
    image = member.only(name)
    assert (image["size"], image["os_hash_value"]) == (disk(1).stat().st_size, _converted(disk, 1))
    assert image["cloudimage_content_key"] == _stamp(file)
    assert not succeed("image", disk_format="raw", **options)["changed"]


def test_web_download_is_converted_and_known(succeed, member, name, disk):
    with files_support.serving() as server:
        server.files["/disk.qcow2"] = disk(1, "qcow2").read_bytes()
        options = {"name": name, "uri": f"{server.url}/disk.qcow2", "disk_format": "qcow2"}
        assert succeed("image", **options)["changed"]
        image = member.only(name)
        assert (image["disk_format"], image["os_hash_value"]) == ("raw", _converted(disk, 1))
        assert not succeed("image", **options)["changed"]
        assert server.asked("/disk.qcow2") == 1


def test_file_that_the_cloud_refuses_to_convert_leaves_nothing(run, member, name, disk, nothing_new):
    """The container "ova" is not inspected before it is sent, and its content is no disk of the declared format."""
    options = {"name": name, "filename": disk(1), "use_import": True, "disk_format": "qcow2", "container_format": "ova"}
    result = run("image", **options)
    assert result["failed"] and "import" in result["msg"] and "\n" not in result["msg"]
    assert member.named(name) == []
