# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cloud that does not mind data of another format than the image's; this collection does all the same."""

from __future__ import annotations

import cloud_support
import files_support
import pytest
import variant_support

VARIANT = variant_support.LENIENT


def test_cloud_is_what_it_is_meant_to_be(member, name, disk):
    image = member.create(name, disk().read_bytes(), disk_format="qcow2")
    assert (image["status"], image["disk_format"]) == ("active", "qcow2")


@pytest.mark.parametrize("use_import", [False, True], ids=["upload", "import"])
@pytest.mark.parametrize(("real", "declared"), [("raw", "qcow2"), ("vmdk", "qcow2"), ("qcow2", "raw")])
def test_file_of_another_format_is_refused_here(fail, member, name, disk, use_import, real, declared):
    with cloud_support.calls() as calls:
        message = fail("image", name=name, filename=disk(1, real), disk_format=declared, use_import=use_import)
    assert str(disk(1, real)) in message and declared in message
    assert calls.writes == [] and member.named(name) == []


def test_file_of_the_declared_format_goes_in(succeed, member, name, disk):
    succeed("image", name=name, filename=disk(1, "qcow2"), disk_format="qcow2")
    assert member.only(name)["status"] == "active"
    assert not succeed("image", name=name, filename=disk(1, "qcow2"), disk_format="qcow2")["changed"]


def test_unsafe_file_is_refused_by_the_cloud_and_leaves_nothing(run, member, name, disk, tmp_path):
    """What the cloud itself fetches is not looked at here; that it does not match is all that this cloud overlooks."""
    backed = tmp_path / "backed.qcow2"
    files_support.qemu_img("create", "-f", "qcow2", "-F", "raw", "-b", disk(), backed)
    with files_support.serving() as server:
        server.files["/backed"] = backed.read_bytes()
        result = run("image", name=name, uri=f"{server.url}/backed", disk_format="qcow2")
    assert result["failed"] and "\n" not in result["msg"]
    assert member.named(name) == []
    # Glance itself forgets the file in the store after a failed check of the format.
    assert not any(path.startswith("staging") for path in variant_support.files())


def test_image_comes_from_another_region(succeed, member, name, disk):
    source = member.create(f"{name}-source", disk().read_bytes(), os_distro="debian")
    options = {"name": name, "remote_image_id": source["id"], "remote_region": "RegionTwo"}
    assert succeed("image", **options)["changed"]
    image = member.only(name)
    assert (image["status"], image["os_hash_value"]) == ("active", source["os_hash_value"])
    assert not succeed("image", **options)["changed"]
