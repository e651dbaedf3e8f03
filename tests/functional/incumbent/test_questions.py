# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What openstack.cloud does wrong, done right: how often the cloud is asked, and what image_info finds."""

from __future__ import annotations

import typing as t
import urllib.parse
import uuid

import cloud_support
import pytest
from incumbent_support import shows

#: More than a page of a list holds.
CROWD = 30


@pytest.fixture(scope="module")
def crowd() -> t.Iterator[list[cloud_support.Json]]:
    """Images that everybody sees; the last one has data."""
    admin = cloud_support.project("local-admin")
    called = f"crowd-{uuid.uuid4().hex[:8]}"
    yield [
        admin.create(f"{called}-{number}", b"data" if number == CROWD - 1 else None, visibility="public", crowd=called)
        for number in range(CROWD)
    ]
    admin.remove_all()


def asked_for(calls: cloud_support.Calls) -> list[str]:
    """The questions that were answered by a list of images."""
    return [call.path for call in calls.glance if call.method == "GET" and call.path.startswith("/v2/images?")]


@shows("image: Calls")
@pytest.mark.usefixtures("crowd")
def test_each_lookup_lists_every_visible_image(succeed, member, name, disk):
    member.create(name, disk().read_bytes())
    with cloud_support.calls() as calls:
        assert not succeed("image", name=name, filename=disk())["changed"]
        assert not succeed("image", name=f"{name}-gone", state="absent")["changed"]
    assert asked_for(calls) and all("name=eq" in path for path in asked_for(calls))
    assert len(calls.glance) <= 8, "4 for each run, whatever the cloud holds"


@shows("image: Calls", "image: id")
@pytest.mark.usefixtures("crowd")
def test_lookup_of_an_id_lists_every_visible_image(succeed, member, name, disk):
    image = member.create(name, disk().read_bytes())
    with cloud_support.calls() as calls:
        assert not succeed("image", name=name, id=image["id"], filename=disk())["changed"]
        assert not succeed("image", name=image["id"], filename=disk())["changed"]
    assert all("name=eq" in path for path in asked_for(calls))
    assert len(calls.glance) <= 8


@shows("image: Calls")
@pytest.mark.usefixtures("crowd")
def test_run_that_changes_nothing_gets_the_image_once_more(succeed, member, name, disk):
    image = member.create(name, disk().read_bytes(), a="b")
    with cloud_support.calls() as calls:
        assert not succeed("image", name=name, filename=disk(), properties={"a": "b"})["changed"]
    assert f"/v2/images/{image['id']}" not in [call.path for call in calls.glance]
    assert len(calls.glance) <= 4


@shows("image: kernel, ramdisk")
@pytest.mark.usefixtures("crowd")
def test_missing_kernel_costs_a_list_of_all_images(run, member, name, disk):
    with cloud_support.calls() as calls:
        result = run("image", name=name, filename=disk(), kernel=f"{name}-kernel")
    assert result.get("failed") and "kernel" in result["msg"] and f"{name}-kernel" in result["msg"]
    assert all("name=eq" in path for path in asked_for(calls)) and not calls.writes
    assert len(calls.glance) <= 8


@shows("image_info: Calls")
def test_image_info_lists_every_visible_image(succeed, crowd):
    wanted = crowd[7]
    for options in ({"name": wanted["name"]}, {"name": wanted["id"]}, {"filters": {"name": wanted["name"]}}):
        with cloud_support.calls() as calls:
            assert [image["id"] for image in succeed("image_info", **options)["images"]] == [wanted["id"]]
        assert len(calls.glance) <= 4 and all("name=" in path for path in asked_for(calls))


@shows("image_info: name, image")
def test_image_info_takes_a_glob(succeed, crowd):
    called = crowd[7]["name"]
    for pattern in (f"{called[:-1]}[7]", crowd[7]["id"][:-1] + "?"):
        assert succeed("image_info", name=pattern)["images"] == []


@shows("image_info: filters")
def test_image_info_filters_what_it_has_listed(succeed, crowd):
    """Owner, status, visibility, tag: none of them reaches the server."""
    last = crowd[-1]
    filters = {"owner": last["owner"], "status": "active", "visibility": "public", "crowd": last["crowd"]}
    with cloud_support.calls() as calls:
        assert [image["id"] for image in succeed("image_info", filters=filters)["images"]] == [last["id"]]
        assert succeed("image_info", filters={**filters, "tag": "none"})["images"] == []
    assert len(calls.glance) == 2
    for call in calls.glance:
        asked = dict(urllib.parse.parse_qsl(call.path.partition("?")[2]))
        assert {key: asked[key].removeprefix("eq:") for key in filters} == filters


@shows("image_info: Order and number")
def test_image_info_can_neither_sort_nor_limit(succeed, crowd):
    filters = {"crowd": crowd[0]["crowd"]}
    with cloud_support.calls() as calls:
        images = succeed("image_info", filters=filters, sort="name:asc", limit=2)["images"]
    assert [image["name"] for image in images] == sorted(image["name"] for image in crowd)[:2]
    assert len(calls.glance) == 1


@shows("image_info: filters: properties")
def test_image_info_fails_at_a_filter_on_a_property(succeed, crowd):
    called, wanted = crowd[0]["crowd"], {image["id"] for image in crowd}
    for filters in ({"crowd": called}, {"properties": {"crowd": called}}):
        assert {image["id"] for image in succeed("image_info", filters=filters)["images"]} == wanted


@shows("image_info: filters: values")
def test_image_info_compares_what_the_sdk_makes_of_values(succeed, member, name):
    member.create(name, b"data", hw_cpu_cores="2", plain="2", min_disk=3)
    filters = {"hw_cpu_cores": 2, "plain": 2, "min_disk": 3, "size": 4}
    assert len(succeed("image_info", name=name, filters=filters)["images"]) == 1
    assert succeed("image_info", name=name, filters={"plain": "02", "size_max": 4})["images"] == []


@shows("image_info: Hidden images, pending shares, others' community images")
def test_image_info_never_finds_hidden_images(succeed, member, name):
    hidden = member.create(name, b"data", os_hidden=True, mine=name)
    for options in ({"name": name}, {"filters": {"is_hidden": True, "mine": name}}):
        assert [image["id"] for image in succeed("image_info", **options)["images"]] == [hidden["id"]]
    assert succeed("image_info", filters={"mine": name})["images"] == []


@shows("image_info: Hidden images, pending shares, others' community images")
def test_image_info_never_finds_community_images_of_others(succeed, other, name):
    theirs = other.create(name, b"data", visibility="community")
    images = succeed("image_info", filters={"visibility": "community", "name": name})["images"]
    assert [image["id"] for image in images] == [theirs["id"]]


@shows("image_info: Hidden images, pending shares, others' community images")
def test_image_info_never_finds_shares_that_are_pending(succeed, member, other, name):
    theirs = other.create(name, b"data")
    other.http("POST", f"/v2/images/{theirs['id']}/members", json={"member": member.id})
    filters = {"visibility": "shared", "member_status": "pending", "owner": other.id}
    images = succeed("image_info", filters=filters)["images"]
    assert [image["id"] for image in images] == [theirs["id"]]


@shows("image_info: Result")
def test_image_info_hides_properties_in_two_places(succeed, member, name):
    member.create(name, b"data", os_distro="debian", own="yes")
    (image,) = succeed("image_info", name=name)["images"]
    assert image["properties"] == {"os_distro": "debian", "own": "yes"} and image["os_distro"] == "debian"
