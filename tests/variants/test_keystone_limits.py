# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cloud whose Keystone limits what a project may have: number of images, and mebibytes stored and staged."""

from __future__ import annotations

import files_support
import pytest
import variant_support

VARIANT = {"local_cloud_keystone_limits": {"image_count_total": 2, "image_size_total": 3, "image_stage_total": 2}}
MIB = files_support.MIB


def test_cloud_is_what_it_is_meant_to_be(member):
    usage = member.http("GET", "/v2/info/usage").json()["usage"]
    assert {name: each["limit"] for name, each in usage.items()} == {
        "image_count_total": 2,
        "image_count_uploading": -1,
        "image_size_total": 3,
        "image_stage_total": 2,
    }


def test_one_image_too_many(succeed, fail, member, name, disk, nothing_new):
    for number in range(2):
        member.create(f"{name}-{number}", b"data")
    message = fail("image", name=name, filename=disk())
    assert "image_count_total" in message and "413" in message
    assert member.named(name) == []
    succeed("image", name=f"{name}-1", state="absent")
    assert succeed("image", name=name, filename=disk())["changed"]
    member.remove_all()


def test_replacement_needs_room_for_both(fail, succeed, member, name, disk):
    """There is never a moment without an image, so a project at its limit has no room for a successor."""
    succeed("image", name=name, filename=disk(1))
    member.create(f"{name}-other", b"data")
    before, files = member.named(name), variant_support.files()
    message = fail("image", name=name, filename=disk(2), retire="delete")
    assert "image_count_total" in message and "413" in message
    assert member.named(name) == before and variant_support.files() == files
    assert succeed("image", name=name, filename=disk(1), properties={"a": "b"})["changed"]
    assert not succeed("image", name=name, filename=disk(1))["changed"]


@pytest.mark.parametrize(("use_import", "step"), [(False, "upload data"), (True, "import")], ids=["upload", "import"])
def test_full_project(succeed, fail, member, name, disk, nothing_new, use_import, step):
    member.create(f"{name}-large", bytes(3 * MIB))
    message = fail("image", name=name, filename=disk(), use_import=use_import)
    assert "image_size_total" in message and step in message
    assert member.named(name) == []
    succeed("image", name=f"{name}-large", state="absent")
    assert succeed("image", name=name, filename=disk(), use_import=use_import)["changed"]
    member.remove_all()


def test_file_larger_than_what_may_be_staged(fail, member, name, disk, nothing_new):
    message = fail("image", name=name, filename=disk(size=3 * MIB), use_import=True)
    assert "image_stage_total" in message and "413" in message
    assert member.named(name) == []
