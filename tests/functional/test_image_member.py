# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module image_member: both ends of a share, read back by plain HTTP as both of them."""

from __future__ import annotations

import json
import typing as t
import uuid

import cloud_support
import files_support
import pytest
import yaml

#: Looks like the id of a project, and is none.
NOBODY = "0" * 32


def statuses(owner: cloud_support.Project, image_id: str) -> dict[str, str]:
    """What the members of an image have answered, by project."""
    members = owner.http("GET", f"/v2/images/{image_id}/members").json()["members"]
    return {member["member_id"]: member["status"] for member in members}


def share(
    image_id: str, owner: cloud_support.Project, receiver: cloud_support.Project, status: str = "pending"
) -> None:
    """A share made by somebody else's tool."""
    owner.http("POST", f"/v2/images/{image_id}/members", json={"member": receiver.id})
    receiver.http("PUT", f"/v2/images/{image_id}/members/{receiver.id}", json={"status": status})


def listed(receiver: cloud_support.Project, name: str) -> list[str]:
    """Ids of the images of others under a name that are in the project's ordinary list."""
    images = receiver.http("GET", "/v2/images", params={"name": f"eq:{name}"}).json()["images"]
    return [image["id"] for image in images if image["owner"] != receiver.id]


def configuration(cloud: str) -> dict[str, t.Any]:
    return yaml.safe_load(cloud_support.CLOUDS_YAML.read_text())["clouds"][cloud]


@pytest.fixture
def image(member, name):
    """The id of a shared image of the ordinary user."""
    return member.create(name, visibility="shared")["id"]


# --- the ways that are wanted


def test_owner_proposes_and_withdraws(succeed, member, other, image, name):
    declared = {"image": name, "member": other.id}
    with cloud_support.calls() as calls:
        foretold = succeed("image_member", check=True, **declared)
    assert not calls.writes and statuses(member, image) == {}
    done = succeed("image_member", **declared)
    assert statuses(member, image) == {other.id: "pending"}
    assert done["changed"] and foretold["changed"] and foretold["actions"] == done["actions"] and done["actions"]
    expected = {"image_id": image, "member_id": other.id, "status": "pending"}
    assert done["diff"] == foretold["diff"] == {"before": {}, "after": expected}
    assert foretold["member"] == expected == {key: done["member"][key] for key in expected}
    assert done["member"].keys() == expected.keys() | {"created_at", "updated_at"}

    with cloud_support.calls() as calls:
        again = succeed("image_member", **declared)
    assert not again["changed"] and again["actions"] == [] and again["member"] == done["member"]
    assert again["diff"]["before"] == again["diff"]["after"] == expected
    assert not calls.writes and len(calls.glance) == 3

    with cloud_support.calls() as calls:
        foretold = succeed("image_member", check=True, state="absent", **declared)
    assert not calls.writes and foretold["changed"] and statuses(member, image)
    gone = succeed("image_member", state="absent", **declared)
    assert gone["changed"] and gone["actions"] == foretold["actions"] and "member" not in gone
    assert gone["diff"] == {"before": expected, "after": {}} and statuses(member, image) == {}
    assert not succeed("image_member", state="absent", **declared)["changed"]


@pytest.mark.parametrize(
    ("there", "status"),
    [
        ("pending", "accepted"),
        ("pending", "rejected"),
        ("accepted", "rejected"),
        ("rejected", "pending"),
        ("pending", "pending"),
    ],
)
def test_member_answers_with_its_own_credentials_alone(succeed, member, other, image, name, there, status):
    share(image, member, other, there)
    declared = {"cloud": "local-other", "image": name, "status": status}
    foretold = succeed("image_member", check=True, **declared)
    assert statuses(member, image) == {other.id: there}
    done = succeed("image_member", **declared)
    assert statuses(member, image) == {other.id: status}
    assert done["changed"] == foretold["changed"] == (there != status)
    assert done["actions"] == foretold["actions"] and len(done["actions"]) == (there != status)
    assert done["diff"]["before"]["status"] == there and done["diff"]["after"]["status"] == status
    assert done["member"]["status"] == foretold["member"]["status"] == status
    assert listed(other, name) == ([image] if status == "accepted" else [])
    assert not succeed("image_member", **declared)["changed"]


@pytest.mark.parametrize("way", ["name", "id"])
@pytest.mark.parametrize("whole", [True, False])
def test_both_ends_in_one_task(succeed, member, other, image, name, whole, way):
    declared = {
        "image": name if way == "name" else image,
        "member_cloud": configuration("local-other") if whole else "local-other",
        "status": "accepted",
    }
    foretold = succeed("image_member", check=True, **declared)
    assert statuses(member, image) == {}
    done = succeed("image_member", **declared)
    assert statuses(member, image) == {other.id: "accepted"} and listed(other, name) == [image]
    assert done["actions"] == foretold["actions"] and len(done["actions"]) == 2
    assert done["member"]["status"] == foretold["member"]["status"] == "accepted"
    with cloud_support.calls() as calls:
        assert not succeed("image_member", **declared)["changed"]
    assert not calls.writes
    assert succeed("image_member", **declared | {"status": "pending"})["changed"]
    assert statuses(member, image) == {other.id: "pending"}
    withdrawn = {"image": name, "member_cloud": declared["member_cloud"], "state": "absent"}
    assert succeed("image_member", **withdrawn)["changed"] and statuses(member, image) == {}
    assert not succeed("image_member", **withdrawn)["changed"]


def test_an_answer_that_is_not_declared_is_left_alone(succeed, member, other, image, name):
    share(image, member, other, "rejected")
    for options in ({"member": other.id}, {"member_cloud": "local-other"}, {"cloud": "local-other"}):
        result = succeed("image_member", image=name, **options)
        assert not result["changed"] and result["member"]["status"] == "rejected"
    assert statuses(member, image) == {other.id: "rejected"}


def test_members_beside_it_are_left_alone(succeed, member, other, image, name):
    share(image, member, other, "accepted")
    assert succeed("image_member", image=name, member=NOBODY)["changed"]
    assert succeed("image_member", image=name, member=NOBODY, state="absent")["changed"]
    assert statuses(member, image) == {other.id: "accepted"}


@pytest.mark.parametrize("project", ["other", "id"])
def test_a_project_is_known_by_name_to_those_who_are_in_it(succeed, member, other, image, name, project):
    """Ordinary users may not look projects up; the token of the one that is meant says what it is called."""
    project = other.id if project == "id" else project
    succeed("image_member", image=name, member=project, member_cloud="local-other", status="accepted")
    succeed("image_member", image=name, project=project, project_domain="default", cloud="local-other")
    succeed("image_member", name=name, member=project, member_domain="Default", cloud="local-other", status="rejected")
    assert statuses(member, image) == {other.id: "rejected"}


def test_administrator_acts_for_both(succeed, member, other, admin, image, name):
    by_admin = {"cloud": "local-admin", "member": "other"}
    assert succeed("image_member", image=image, status="accepted", **by_admin)["changed"]
    assert statuses(member, image) == {other.id: "accepted"}
    named = {"image": name, "owner": "demo", "owner_domain": "default", **by_admin}
    assert not succeed("image_member", **named)["changed"]
    assert succeed("image_member", status="pending", **named)["changed"]
    assert statuses(member, image) == {other.id: "pending"}
    assert succeed("image_member", state="absent", **named)["changed"]
    assert statuses(member, image) == {}


def test_administrator_is_not_given_what_merely_bears_the_name(fail, succeed, member, admin, image, name):
    """The list of an administrator holds the shared images of everybody."""
    assert "no image" in fail("image_member", cloud="local-admin", image=name, status="accepted")
    share(image, member, admin)
    assert succeed("image_member", cloud="local-admin", image=name, status="accepted")["changed"]
    assert statuses(member, image) == {admin.id: "accepted"}


@pytest.mark.parametrize(
    "odd", ["a:b", "in:x,y", "eq:x", "a/b", "../images", "a b?c=d&e#f%20", '"quoted" [1]', "ünïcödé - 图像", "members"]
)
def test_odd_names(succeed, member, other, name, odd):
    odd = f"{odd} {name}"
    image = member.create(odd, visibility="shared")["id"]
    assert succeed("image_member", image=odd, member=other.id)["changed"]
    assert succeed("image_member", cloud="local-other", image=odd, status="accepted")["changed"]
    assert statuses(member, image) == {other.id: "accepted"}


def test_hidden_and_protected_images_and_those_without_data(succeed, member, other, name):
    image = member.create(name, visibility="shared", os_hidden=True, protected=True)["id"]
    succeed("image_member", image=name, member_cloud="local-other")
    succeed("image_member", image=name, cloud="local-other", status="accepted")
    assert statuses(member, image) == {other.id: "accepted"}
    assert succeed("image_member", image=name, member=other.id, state="absent")["changed"]


def test_the_image_that_replaced_another_is_meant(succeed, member, other, disk, name):
    """What the module image has replaced bears the same name, hidden, with the same members."""
    for seed in (1, 2):
        filename = str(disk(seed))
        succeed("image", name=name, filename=filename, disk_format="raw", visibility="shared", is_hidden=True)
        succeed("image_member", image=name, member=other.id)
    old, new = member.named(name)
    declared = {"image": name, "cloud": "local-other", "status": "accepted"}
    assert succeed("image_member", **declared)["member"]["image_id"] == new["id"]
    assert statuses(member, new["id"]) == {other.id: "accepted"} and statuses(member, old["id"]) == {
        other.id: "pending"
    }


def test_an_image_of_others_comes_before_one_of_the_own(succeed, member, other, image, name):
    other.create(name, visibility="shared")
    share(image, member, other)
    assert succeed("image_member", cloud="local-other", image=name, status="accepted")["member"]["image_id"] == image


# --- what cannot be


def refused(fail: t.Callable[..., str], **options: t.Any) -> str:
    """Refused, and in check mode with the same words; nothing is written."""
    with cloud_support.calls() as calls:
        message = fail("image_member", **options)
        assert fail("image_member", check=True, **options) == message
    assert not calls.writes
    return message


def test_owner_cannot_answer_for_the_member(fail, member, other, image, name):
    message = refused(fail, image=name, member=other.id, status="accepted")
    assert message.startswith("status: ") and "member_cloud" in message
    assert statuses(member, image) == {}, "nothing was done by half"
    share(image, member, other, "accepted")
    message = refused(fail, image=name, member=other.id, status="pending")
    assert "state: absent" in message and statuses(member, image) == {other.id: "accepted"}


def test_member_cannot_leave_nor_invite(fail, succeed, member, other, image, name):
    share(image, member, other, "accepted")
    message = refused(fail, cloud="local-other", image=name, member=other.id, state="absent")
    assert message.startswith("state: ") and "status: rejected" in message
    message = refused(fail, cloud="local-other", image=image, member=NOBODY)
    assert message.startswith("member: ") and member.id in message
    refused(fail, cloud="local-other", image=image, member=NOBODY, state="absent")
    assert statuses(member, image) == {other.id: "accepted"}


def test_images_that_are_not_there(fail, succeed, member, other, image, name):
    deleted = member.create(f"{name}-deleted", visibility="shared")["id"]
    member.http("DELETE", f"/v2/images/{deleted}")
    for missing in (f"{name}-deleted", deleted, name.upper(), str(uuid.uuid4())):
        message = refused(fail, image=missing, member=other.id)
        assert message.startswith("image: there is no image") and missing in message
        assert not succeed("image_member", image=missing, member=other.id, state="absent")["changed"]
    for foreign in (name, image):  # not shared with them, by name or id
        message = refused(fail, cloud="local-other", image=foreign, status="accepted")
        assert "shared with project" in message and "member" in message
        assert not succeed("image_member", cloud="local-other", image=foreign, member=other.id, state="absent")[
            "changed"
        ]
        refused(fail, cloud="local-other", image=foreign, member=NOBODY)
    assert "no image" in refused(fail, image=image, owner=other.id, member=NOBODY)


@pytest.mark.parametrize("visibility", ["private", "community", "public"])
def test_only_shared_images_have_members(fail, succeed, member, other, admin, image, name, visibility):
    share(image, member, other, "accepted")
    admin.patch(image, {"op": "replace", "path": "/visibility", "value": visibility})
    for options in ({"member": other.id}, {"member": other.id, "state": "absent"}, {"member_cloud": "local-other"}):
        message = refused(fail, image=name, **options)
        assert message.startswith("image: ") and visibility in message and image in message
    if visibility != "private":
        assert visibility in refused(fail, cloud="local-other", image=image, status="rejected")
    shown = member.image(image)
    assert shown and shown["visibility"] == visibility
    member.patch(image, {"op": "replace", "path": "/visibility", "value": "shared"})
    assert statuses(member, image) == {other.id: "accepted"}


def test_several_images_of_the_name(fail, run, succeed, member, other, admin, image, name):
    second = member.create(name, visibility="shared")["id"]
    message = refused(fail, image=name, member=other.id)
    assert image in message and second in message
    assert sorted(run("image_member", image=name, member=other.id)["ids"]) == sorted([image, second])
    refused(fail, image=name, member=other.id, state="absent")
    assert succeed("image_member", image=second, member=other.id)["changed"]
    assert statuses(member, image) == {} and statuses(member, second) == {other.id: "pending"}

    third = admin.create(name, visibility="shared")["id"]
    share(third, admin, other)
    assert second in (message := refused(fail, cloud="local-other", image=name, status="accepted")) and third in message
    assert succeed("image_member", cloud="local-other", image=name, status="accepted", owner=admin.id)["changed"]
    assert statuses(admin, third) == {other.id: "accepted"} and statuses(member, second) == {other.id: "pending"}


def test_owner_is_no_member(fail, member, image, name):
    ways = [(name, {}), (image, {"member": "demo"}), (name, {"member": member.id}), (image, {"member_cloud": "local"})]
    for which, options in ways:
        message = refused(fail, image=which, **options)
        assert message.startswith("member: ") and "belongs to project" in message, message
    assert statuses(member, image) == {}


def test_the_wrong_cloud_of_the_member(fail, member, other, image, name):
    both = {"image": name, "status": "accepted"}
    for wrong in ("admin", NOBODY, member.id):
        with cloud_support.calls() as calls:
            message = fail("image_member", member=wrong, member_cloud="local-other", **both)
        assert message.startswith("member_cloud: ") and wrong in message and other.id in message
        assert not calls.glance
    message = fail("image_member", member="other", member_domain="elsewhere", member_cloud="local-other", **both)
    assert message.startswith("member_cloud: ")
    elsewhere = configuration("local-other") | {"region_name": "Nowhere"}
    with cloud_support.calls() as calls:
        message = fail("image_member", member_cloud=elsewhere, **both)
    assert message.startswith("member_cloud: ") and "another image service" in message and not calls.glance
    assert statuses(member, image) == {}


def test_clouds_of_the_member_that_cannot_be_used(fail, member, image, name):
    wrong = configuration("local-other")
    wrong["auth"] = wrong["auth"] | {"password": "not-the-password"}
    away = configuration("local-other")
    away["auth"] = away["auth"] | {"auth_url": "http://127.0.0.1:1/v3"}
    for cloud in ("no-such-cloud", wrong, away, "", {}, 5, ["local-other"]):
        message = fail("image_member", image=name, status="accepted", member_cloud=cloud)
        assert message.startswith("member_cloud: "), message
        assert "not-the-password" not in message
    assert statuses(member, image) == {}


BAD = [
    ("local", {"image": ""}, "image"),
    ("local", {"image": "disk 💾"}, "image"),
    ("local", {"image": "x" * 256}, "image"),
    ("local", {"member": ""}, "member"),
    ("local", {"member": "admin"}, "member"),
    ("local-admin", {"member": "no such project"}, "member"),
    ("local-admin", {"member": "💾"}, "member"),
    ("local-admin", {"member": "a/b?c"}, "member"),
    ("local-admin", {"member": "other", "member_domain": "no-such-domain"}, "member"),
    ("local", {"owner": ""}, "owner"),
    ("local-admin", {"owner": "no such project"}, "owner"),
    ("local", {"member_domain": ""}, "member_domain"),
    ("local", {"state": "absent", "status": "rejected"}, "status"),
]


@pytest.mark.parametrize(("cloud", "options", "option"), BAD, ids=[json.dumps(row[1])[:40] for row in BAD])
def test_bad_options(fail, member, image, name, cloud, options, option):
    declared = {"cloud": cloud, "image": name, "member": NOBODY, **options}
    assert refused(fail, **declared).startswith(f"{option}: ")
    assert statuses(member, image) == {}


@pytest.mark.parametrize(
    ("options", "word"),
    [({"state": "absent"}, "member_cloud"), ({"member_domain": "default"}, "member"), ({"status": "maybe"}, "maybe")],
)
def test_options_that_ansible_refuses(run, name, options, word):
    result = run("image_member", image=name, **options)
    assert result["failed"] and word in result["msg"]


def test_limit_of_members(fail, member, other, image, name):
    for _number in range(200):
        body = {"member": uuid.uuid4().hex}
        if member.http("POST", f"/v2/images/{image}/members", ok=False, json=body).status_code == 413:
            break
    message = fail("image_member", image=name, member_cloud="local-other", status="accepted")
    assert "HTTP 413" in message and "limit" in message.lower()
    assert other.id not in statuses(member, image)


def test_secrets_of_the_members_cloud_are_not_shown(run, image, name):
    cloud = configuration("local-other")
    result = run("image_member", image=name, member_cloud=cloud, status="accepted")
    assert result["changed"] and cloud["auth"]["password"] not in json.dumps(result)


def test_many_at_the_same_moment(succeed, tmp_path, member, other, image, name):
    """All say the same, and all end well; whoever comes second finds it done."""
    options = {"cloud": "local", "image": name, "member_cloud": "local-other", "status": "accepted"}
    processes = [files_support.start_module("image_member", tmp_path, options) for each in range(4)]
    results = [files_support.finish_module(process) for process in processes]
    assert not [result["msg"] for result in results if result.get("failed")]
    assert any(result["changed"] for result in results)
    # Glance may have made two rows of it; this is the one that counts, for both sides
    for project in (member, other):
        shown = project.http("GET", f"/v2/images/{image}/members/{other.id}").json()
        assert shown["status"] == "accepted"
    assert listed(other, name) == [image]
    assert succeed("image_member", image=image, member=other.id, state="absent")["changed"]
    assert statuses(member, image) == {} and listed(other, name) == []


def test_share_of_which_glance_has_two_rows(succeed, member, other, image):
    """Two who share at the same moment can leave them behind, and one DELETE takes one of them away."""
    share(image, member, other)
    cloud_support.double_membership(image, other.id)
    answer = succeed("image_member", image=image, member_cloud="local-other", status="accepted")
    assert answer["changed"] and answer["member"]["status"] == "accepted"
    assert not succeed("image_member", image=image, member_cloud="local-other", status="accepted")["changed"]
    assert succeed("image_member", image=image, member=other.id, state="absent")["changed"]
    assert statuses(member, image) == {}
    assert other.http("GET", f"/v2/images/{image}", ok=False).status_code == 404
    assert not succeed("image_member", image=image, member=other.id, state="absent")["changed"]
