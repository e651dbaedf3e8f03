# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cloud with one store that has no name, whose API knows nothing of stores."""

from __future__ import annotations

import hashlib

import pytest
import variant_support

VARIANT = variant_support.SMALL


def test_cloud_is_what_it_is_meant_to_be(member):
    assert member.http("GET", "/v2/info/stores", ok=False).status_code == 404
    methods = member.http("GET", "/v2/info/import").json()["import-methods"]["value"]
    assert sorted(methods) == ["copy-image", "glance-direct", "glance-download", "web-download"]


@pytest.mark.parametrize("use_import", [False, True], ids=["upload", "import"])
def test_image_is_created_and_replaced(succeed, member, name, disk, use_import):
    options = {"name": name, "use_import": use_import, "retire": "delete"}
    for seed in (1, 2):
        result = succeed("image", filename=disk(seed), **options)
        image = member.only(name)
        assert result["changed"] and result["image"]["stores"] == []
        assert image["status"] == "active" and "stores" not in image
        assert member.sha512(image["id"]) == hashlib.sha512(disk(seed).read_bytes()).hexdigest()
        assert not succeed("image", filename=disk(seed), **options)["changed"]
    assert [image["id"] for image in member.named(name)] == [image["id"]]


def test_metadata_and_members_pass_on(succeed, member, other, name, disk):
    succeed("image", name=name, filename=disk(1), visibility="shared", properties={"a": "b"})
    member.http("POST", f"/v2/images/{member.only(name)['id']}/members", json={"member": other.id})
    succeed("image", name=name, filename=disk(2), retire="delete")
    image = member.only(name)
    members = member.http("GET", f"/v2/images/{image['id']}/members").json()["members"]
    assert image["a"] == "b" and [each["member_id"] for each in members] == [other.id]


def test_declared_stores_are_refused(fail, member, name, disk):
    message = fail("image", name=name, filename=disk(), stores=["fast"])
    assert message.startswith("stores:")
    assert member.named(name) == []
