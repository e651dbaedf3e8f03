# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Families in a state that no run alone leaves them in: nobody or two have the name, one version is there twice; images that are full."""

from __future__ import annotations

import cloud_support
import pytest

FAMILY = "cloudimage_family"
VERSION = "cloudimage_version"
SUPERSEDED_AT = "cloudimage_superseded_at"
DATA = b"data" * 256
#: Properties that an image may have (image_property_quota).
LIMIT = 128


@pytest.fixture
def version(member, name):
    """Make a version without the name, or with it."""

    def make(version: str, holds: bool = False, data: bytes = DATA) -> cloud_support.Json:
        lost = {} if holds else {"os_hidden": True, SUPERSEDED_AT: "2026-01-01T00:00:00Z"}
        called = name if holds else f"{name} ({version})"
        return member.create(called, data, **{FAMILY: name, VERSION: version}, **lost)

    return make


def shown(member, name):
    """The versions in sight, by name."""
    found = member.http("GET", f"/v2/images?{FAMILY}={name}&owner={member.id}").json()["images"]
    return [(image[VERSION], image["name"]) for image in found]


@pytest.mark.parametrize("holders", ["", "12"], ids=["nobody", "two"])
@pytest.mark.parametrize("way", ["name", "older version", "version that goes", "catalogue"])
def test_any_task_about_the_family_gives_the_name_to_the_newest_good_version(
    succeed, member, name, version, holders, way
):
    for each in "123":
        version(each, holds=each in holders)
    options = {
        "name": ("image", {"name": name, "min_ram": 5}),
        "older version": ("image", {"name": name, "version": "1"}),
        "version that goes": ("image", {"name": name, "version": "1", "state": "absent"}),
        "catalogue": ("images", {"images": [{"name": name, "version": "2"}]}),
    }
    module, task = options[way]
    with cloud_support.calls() as calls:
        foretold = succeed(module, check=True, **task)
    assert not calls.writes
    assert any("give the name" in action and "version 3" in action for action in foretold["actions"])
    succeed(module, **task)
    assert shown(member, name) == [("3", name)]
    assert not succeed(module, **task)["changed"]


@pytest.mark.parametrize("holds", [False, True], ids=["without the name", "with the name"])
def test_one_version_that_is_there_twice(succeed, member, name, version, holds):
    first, second = version("1", holds), version("1", holds)
    result = succeed("image", name=name, version="1", retire="delete")
    kept = result["image"]["id"]
    assert kept in (first["id"], second["id"])
    assert [image["id"] for image in member.named(name) if not image["os_hidden"]] == [kept]
    assert len(member.named(name) + member.named(f"{name} (1)")) == 2, "one that somebody else has made is not deleted"
    assert not succeed("image", name=name, version="1", retire="delete")["changed"]


def test_one_version_with_two_contents(fail, name, version):
    ids = sorted(version("1", data=data)["id"] for data in (b"one", b"two"))
    told = fail("image", name=name, version="1")
    assert all(image_id in told for image_id in ids) and "Delete those that are not meant" in told


def test_a_version_that_takes_no_further_property(succeed, member, name, disk):
    full = {f"p{number}": "x" for number in range(LIMIT - 3)}
    succeed("image", name=name, version="1", filename=disk(1), properties=full)
    options = {"name": name, "version": "2", "filename": disk(2), "properties": {"own": "1"}, "purge_properties": True}
    result = succeed("image", **options)
    assert shown(member, name) == [("2", name)]
    assert "as many properties as the cloud allows" in str(result["warnings"])
    assert not succeed("image", **options)["changed"]
    assert not succeed("image", name=name, version="1")["changed"]


def test_an_image_that_takes_no_further_property_is_replaced(succeed, member, name, disk):
    full = {f"p{number}": "x" for number in range(LIMIT - 2)}
    succeed("image", name=name, filename=disk(1), properties=full)
    succeed("image", name=name, filename=disk(2))
    (image,) = member.named(name)
    assert not image["os_hidden"]
    assert not succeed("image", name=name, filename=disk(2))["changed"]


def test_two_families_whose_long_names_end_differently(succeed, member, name, disk):
    names = [(name + "x" * 255)[:254] + end for end in "ab"]
    for each in names:
        succeed("image", name=each, version="1", filename=disk(1))
        assert [image["cloudimage_family"] for image in member.named(each)] == [each]
