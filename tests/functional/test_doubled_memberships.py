# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Memberships of which Glance has two rows, made in its database: who may set them right, and that the image can go away."""

from __future__ import annotations

import cloud_support
import pytest


def rows(owner, image):
    """The statuses of all rows, as Glance lists them."""
    return [each["status"] for each in owner.http("GET", f"/v2/images/{image}/members").json()["members"]]


def is_listed(receiver, image):
    images = receiver.http("GET", "/v2/images", params={"visibility": "shared"}).json()["images"]
    return image in [each["id"] for each in images]


@pytest.fixture
def shared(member, other, name, request):
    """Id of an image whose membership is there twice; the project has accepted it unless the test says otherwise."""
    image = member.create(name, b"data", visibility="shared")["id"]
    member.http("POST", f"/v2/images/{image}/members", json={"member": other.id})
    status = getattr(request, "param", "accepted")
    other.http("PUT", f"/v2/images/{image}/members/{other.id}", json={"status": status})
    cloud_support.double_membership(image, other.id)
    assert rows(member, image) == [status, "pending"]
    yield image
    # or the image could not be removed
    for _row in range(2):
        member.http("DELETE", f"/v2/images/{image}/members/{other.id}", ok=False)


@pytest.mark.parametrize("shared", ["accepted", "rejected"], indirect=True)
def test_an_administrator_leaves_one_with_its_answer(succeed, member, other, shared):
    before = rows(member, shared)[0]
    declared = {"cloud": "local-admin", "image": shared, "member": other.id}
    with cloud_support.calls() as calls:
        foretold = succeed("image_member", check=True, **declared)
    assert foretold["changed"] and not calls.writes
    done = succeed("image_member", **declared)
    assert done["changed"] and done["actions"] == foretold["actions"] and not done.get("warnings")
    assert rows(member, shared) == [before] == [done["member"]["status"]]
    assert is_listed(other, shared) == (before == "accepted")
    assert not succeed("image_member", **declared)["changed"]


def test_owner_and_member_together_leave_one(succeed, member, other, shared):
    declared = {"image": shared, "member_cloud": "local-other"}
    assert succeed("image_member", **declared)["changed"]
    assert rows(member, shared) == ["accepted"] and is_listed(other, shared)
    assert not succeed("image_member", **declared)["changed"]


def test_the_owner_alone_takes_no_answer_away_and_is_told_what_to_do(succeed, member, other, shared):
    for more in ({}, {"status": "accepted"}):
        kept = succeed("image_member", image=shared, member=other.id, **more)
        assert not kept["changed"] and rows(member, shared) == ["accepted", "pending"]
        assert len(kept["warnings"]) == 1
        warning = str(kept["warnings"])
        assert shared in warning and other.id in warning and "state: absent" in warning and "administrator" in warning
    # what the warning says
    assert succeed("image_member", image=shared, member=other.id, state="absent")["changed"]
    assert rows(member, shared) == [] and not is_listed(other, shared)
    assert succeed("image_member", image=shared, member=other.id)["changed"]
    assert rows(member, shared) == ["pending"]


def test_the_owner_may_ask_anew(succeed, member, other, shared):
    declared = {"image": shared, "member": other.id, "status": "pending"}
    assert succeed("image_member", **declared)["changed"]
    assert rows(member, shared) == ["pending"] and not succeed("image_member", **declared)["changed"]


@pytest.mark.parametrize("shared", ["pending"], indirect=True)
@pytest.mark.parametrize("module", ["image_member", "image"])
def test_where_nobody_has_answered_the_owner_leaves_one(succeed, member, other, shared, name, module):
    names = {"image": name, "member": other.id} if module == "image_member" else {"name": name, "members": [other.id]}
    done = succeed(module, **names)
    assert done["changed"] and len(done["actions"]) == 1 and not done.get("warnings")
    assert rows(member, shared) == ["pending"]
    assert not succeed(module, **names)["changed"]


def test_the_member_itself_answers_for_what_counts(succeed, other, shared):
    declined = succeed("image_member", cloud="local-other", image=shared, status="rejected")
    assert declined["changed"] and not is_listed(other, shared)
    assert not succeed("image_member", cloud="local-other", image=shared, status="rejected")["changed"]


@pytest.mark.parametrize("module", ["image", "images"])
def test_declared_members_of_an_image(succeed, member, other, shared, name, module):
    """The owner is told, an administrator sets it right."""
    entry = {"name": name, "members": [other.id]}
    options = {"images": [entry]} if module == "images" else entry
    told = succeed(module, **options)
    assert not told["changed"] and "state: absent" in str(told["warnings"])
    assert rows(member, shared) == ["accepted", "pending"]
    entry["owner"] = member.id
    assert succeed(module, cloud="local-admin", **options)["changed"]
    assert rows(member, shared) == ["accepted"] and is_listed(other, shared)
    assert not succeed(module, cloud="local-admin", **options)["changed"]


@pytest.mark.parametrize("way", ["image", "images", "prune", "retire"])
def test_such_an_image_is_deleted_whole(succeed, member, shared, name, way, disk):
    """Glance alone would set its status, answer 500, and list it for ever."""
    declared = {"name": name, "state": "absent"}
    if way == "image":
        succeed("image", **declared)
    elif way == "images":
        succeed("images", images=[declared])
    elif way == "prune":
        member.patch(
            shared,
            {"op": "add", "path": "/cloudimage_catalog", "value": "test"},
            {"op": "add", "path": "/cloudimage_image_id", "value": shared},
        )
        member.create(f"{name}-stays", b"data")
        succeed("images", images=[{"name": f"{name}-stays"}], catalog="test", prune=True)
    else:
        succeed("image", name=name, filename=disk(), disk_format="raw", retire="delete")
    assert member.http("GET", f"/v2/images/{shared}", ok=False).status_code == 404
