# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module image_info: the server filters, sorts and limits."""

from __future__ import annotations

import cloud_support
import pytest


@pytest.fixture
def three(member, name):
    """Three small images: one of them hidden, all with a property of their own."""
    for number in range(3):
        member.create(
            f"{name}-{number}",
            b"data" * (number + 1),
            family=name,
            number=str(number),
            tags=["all", f"t{number}"],
            os_hidden=number == 2,
            min_disk=number,
        )
    return name


FILTERS = [
    ({}, [1, 0]),
    ({"is_hidden": True}, [2]),
    ({"os_hidden": False}, [1, 0]),
    ({"number": 1}, [1]),
    ({"properties": {"number": "0"}}, [0]),
    ({"tag": "t1"}, [1]),
    ({"tag": ["all", "t0"]}, [0]),
    ({"status": "active"}, [1, 0]),
    ({"status": ["queued", "active"]}, [1, 0]),
    ({"status": "queued"}, []),
    ({"size_min": 8}, [1]),
    ({"size_max": 4}, [0]),
    ({"size": 8}, [1]),
    ({"min_disk": 1}, [1]),
    ({"is_protected": False}, [1, 0]),
    ({"protected": True}, []),
    ({"visibility": "shared"}, [1, 0]),
    ({"visibility": "public"}, []),
    ({"created_at": "gte:2020-01-01T00:00:00Z"}, [1, 0]),
    ({"created_at": "lt:2020-01-01T00:00:00Z"}, []),
    ({"disk_format": ["raw", "iso"]}, [1, 0]),
    ({"checksum": "8d777f385d3dfec8815d20f7496026dc"}, [0]),
]


@pytest.mark.parametrize(("filters", "numbers"), FILTERS, ids=[str(row[0]) for row in FILTERS])
def test_filters(succeed, three, filters, numbers):
    images = succeed("image_info", filters={"family": three, **filters})["images"]
    assert [image["name"] for image in images] == [f"{three}-{number}" for number in numbers]


def test_sort_and_limit_are_the_servers_work(succeed, three):
    with cloud_support.calls() as calls:
        images = succeed("image_info", filters={"family": three}, sort="name:asc", limit=1)["images"]
    assert [image["name"] for image in images] == [f"{three}-0"]
    assert len(calls.glance) == 1 and "limit=1" in calls.glance[0].path and "sort=name" in calls.glance[0].path


def test_by_name_finds_hidden_ones_and_ids(succeed, member, three):
    hidden = member.named(f"{three}-2")[0]
    for name in (f"{three}-2", hidden["id"]):
        assert [image["id"] for image in succeed("image_info", name=name)["images"]] == [hidden["id"]]
    assert succeed("image_info", name=hidden["id"], filters={"number": 2})["images"]
    assert not succeed("image_info", name=hidden["id"], filters={"number": 1})["images"]
    assert not succeed("image_info", name=f"{three}-2", filters={"is_hidden": False})["images"]


def test_nothing_found_is_no_failure(succeed, name):
    assert succeed("image_info", name=name)["images"] == []
    assert succeed("image_info", name="00000000-0000-0000-0000-000000000000")["images"] == []
    assert succeed("image_info", filters={"no_such_property": name})["images"] == []


def test_names_are_no_patterns(succeed, three):
    assert succeed("image_info", name=three + "*")["images"] == []


def test_shares_that_wait_to_be_accepted(succeed, member, other, three):
    image = member.only(f"{three}-0")
    member.http("POST", f"/v2/images/{image['id']}/members", json={"member": other.id})
    options = {"cloud": "local-other", "filters": {"visibility": "shared", "family": three}}
    assert succeed("image_info", **options)["images"] == []
    options["filters"]["member_status"] = "pending"
    assert [each["id"] for each in succeed("image_info", **options)["images"]] == [image["id"]]


def test_calls_do_not_grow_with_the_cloud(succeed, member, name):
    for number in range(30):
        member.create(f"{name}-{number}")
    with cloud_support.calls() as calls:
        assert len(succeed("image_info", name=f"{name}-7")["images"]) == 1
        assert len(succeed("image_info", filters={"owner": member.id})["images"]) == 30
    assert len(calls.glance) == 3 and not calls.writes


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"filters": {"created_at": "yesterday"}}, "created_at"),
        ({"filters": {"family": ["a", "b"]}}, "family"),
        ({"filters": {"family": None}}, "family"),
        ({"filters": {"properties": "x"}}, "properties"),
        ({"filters": {"sort": "name"}}, "option sort"),
        ({"filters": {"tags": 5}}, "tag"),
        ({"filters": {"": "x"}}, "name"),
        ({"filters": {"name": ['a"b', "c"]}}, "quotation"),
        ({"sort": "beauty"}, "beauty"),
        ({"limit": 0}, "limit"),
    ],
)
def test_bad_questions(fail, options, named):
    assert named in fail("image_info", **options)
