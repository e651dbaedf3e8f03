# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Members of an image, as the module image declares them; read back by plain HTTP."""

from __future__ import annotations

import cloud_support
import pytest

#: Ids of projects that nobody has: Glance does not look.
ONE, TWO, THREE = ("1" * 32, "2" * 32, "3" * 32)


def members(project, image):
    """Member id to status, as Glance tells it."""
    found = project.http("GET", f"/v2/images/{image['id']}/members").json()["members"]
    return {each["member_id"]: each["status"] for each in found}


def test_members_are_added_and_others_stay(succeed, member, name, disk):
    first = succeed("image", name=name, filename=disk(), members=[ONE, TWO])
    assert set(members(member, member.only(name))) == {ONE, TWO}
    assert first["diff"]["after"]["members"] == [ONE, TWO]
    again = succeed("image", name=name, filename=disk(), members=[TWO, ONE])
    assert not again["changed"] and again["diff"]["before"] == again["diff"]["after"]

    assert succeed("image", name=name, members=[THREE])["changed"]
    assert set(members(member, member.only(name))) == {ONE, TWO, THREE}


def test_purged_members_are_withdrawn(succeed, member, name, disk):
    succeed("image", name=name, filename=disk(), members=[ONE, TWO])
    foretold = succeed("image", name=name, members=[THREE, TWO], purge_members=True, check=True)
    assert set(members(member, member.only(name))) == {ONE, TWO}
    done = succeed("image", name=name, members=[THREE, TWO], purge_members=True)
    assert done["actions"] == foretold["actions"] and len(done["actions"]) == 2
    assert done["diff"] == foretold["diff"]
    assert set(members(member, member.only(name))) == {TWO, THREE}
    assert not succeed("image", name=name, members=[THREE, TWO], purge_members=True)["changed"]

    assert succeed("image", name=name, members=[], purge_members=True)["changed"]
    assert members(member, member.only(name)) == {}


def test_a_member_of_which_glance_has_two_rows(succeed, member, other, name, disk):
    declared = {"name": name, "filename": disk(), "members": [other.id], "purge_members": True}
    succeed("image", **declared)
    image = member.only(name)
    other.http("PUT", f"/v2/images/{image['id']}/members/{other.id}", json={"status": "accepted"})
    cloud_support.double_membership(image["id"], other.id)
    assert not succeed("image", **declared)["changed"]
    assert succeed("image", name=name, members=[], purge_members=True)["changed"]
    assert members(member, image) == {}
    assert other.http("GET", f"/v2/images/{image['id']}", ok=False).status_code == 404


def test_a_member_keeps_its_answer(succeed, member, other, name, disk):
    succeed("image", name=name, filename=disk(), members=[other.id])
    image = member.only(name)
    other.http("PUT", f"/v2/images/{image['id']}/members/{other.id}", json={"status": "accepted"})
    assert not succeed("image", name=name, members=[other.id], purge_members=True)["changed"]
    assert members(member, image) == {other.id: "accepted"}


def test_members_by_name(succeed, fail, admin, other, name, disk):
    succeed("image", cloud="local-admin", name=name, filename=disk(), members=["other"], members_domain="Default")
    assert set(members(admin, admin.only(name))) == {other.id}
    assert not succeed("image", cloud="local-admin", name=name, members=["other"])["changed"]
    told = fail("image", cloud="local-admin", name=name, members=["nobody-of-that-name"])
    assert told.startswith("members: ") and "nobody-of-that-name" in told
    for domain in ("no such domain", "nowhere"):
        told = fail("image", cloud="local-admin", name=name, members=["other"], members_domain=domain)
        assert told.startswith("members: ") and "other" in told
    told = fail("image", name=name, members=["other"])
    assert told.startswith("members: ") and "id" in told


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("visibility", ["private", "community", "public"])
def test_members_of_an_image_that_is_not_shared(fail, admin, name, disk, visibility, check):
    admin.create(name, disk().read_bytes(), visibility=visibility)
    with cloud_support.calls() as calls:
        told = fail("image", cloud="local-admin", name=name, members=[ONE], check=check)
    assert told.startswith("members: ") and visibility in told and "visibility: shared" in told
    assert not calls.writes
    assert admin.only(name)["visibility"] == visibility


def test_a_new_image_that_is_declared_private_has_no_members(fail, member, name, disk):
    told = fail("image", name=name, filename=disk(), visibility="private", members=[ONE])
    assert "visibility: shared" in told and member.named(name) == []


def test_visibility_goes_first(succeed, member, name, disk):
    member.create(name, disk().read_bytes(), visibility="private")
    with cloud_support.calls() as calls:
        succeed("image", name=name, visibility="shared", members=[ONE])
    image = member.only(name)
    assert members(member, image) == {ONE: "pending"}
    assert calls.index("PATCH", image["id"]) < calls.index("POST", "/members")
    assert not succeed("image", name=name, visibility="shared", members=[ONE])["changed"]


def test_members_from_an_earlier_time_are_purged_too(succeed, member, name, disk):
    succeed("image", name=name, filename=disk(), members=[ONE, TWO])
    succeed("image", name=name, visibility="private")
    done = succeed("image", name=name, visibility="shared", members=[TWO], purge_members=True)
    assert done["changed"] and members(member, member.only(name)) == {TWO: "pending"}
    assert not succeed("image", name=name, visibility="shared", members=[TWO], purge_members=True)["changed"]


def test_members_pass_to_the_new_image(succeed, member, name, disk):
    succeed("image", name=name, filename=disk(1), members=[ONE])
    succeed("image", name=name, filename=disk(2), members=[TWO])
    assert set(members(member, member.only(name))) == {ONE, TWO}
    succeed("image", name=name, filename=disk(3), members=[TWO], purge_members=True)
    assert set(members(member, member.only(name))) == {TWO}


def test_a_private_image_that_is_replaced_and_shared(succeed, member, name, disk):
    succeed("image", name=name, filename=disk(1), visibility="private")
    succeed("image", name=name, filename=disk(2), visibility="shared", members=[ONE], purge_members=True)
    assert set(members(member, member.only(name))) == {ONE}
    assert not succeed("image", name=name, filename=disk(2), members=[ONE], purge_members=True)["changed"]


def test_members_do_not_matter_to_what_is_to_be_gone(succeed, member, name, disk):
    member.create(name, disk().read_bytes())
    assert succeed("image", name=name, state="absent", members=["nobody"], purge_members=True)["changed"]
    assert member.named(name) == []


def test_purging_needs_members(fail, name):
    assert fail("image", name=name, purge_members=True).startswith("purge_members: ")
    assert fail("image", name=name, members=[""]).startswith("members: ")


def test_members_that_are_right_cost_one_call(succeed, member, name, disk):
    succeed("image", name=name, filename=disk(), members=[ONE])
    with cloud_support.calls() as calls:
        assert not succeed("image", name=name, filename=disk(), members=[ONE], purge_members=True)["changed"]
    assert len(calls.glance) == 3, calls.glance


def test_one_of_many_is_exchanged(succeed, member, name, disk):
    image = member.create(name, disk().read_bytes())
    many = [f"{number:032x}" for number in range(128)]
    for each in many:
        member.http("POST", f"/v2/images/{image['id']}/members", json={"member": each})
    assert succeed("image", name=name, members=[*many[1:], ONE], purge_members=True)["changed"]
    assert set(members(member, image)) == {*many[1:], ONE}


def test_more_members_than_glance_takes(run, member, name, disk):
    many = [f"{number:032x}" for number in range(129)]
    member.create(name, disk().read_bytes())
    told = run("image", name=name, members=many)
    assert told["failed"] and "413" in told["msg"]
