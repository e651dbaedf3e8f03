# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Audits of a real cloud: names of projects, families whose name nobody has, memberships that are there twice."""

from __future__ import annotations

import cloud_support
import pytest
import yaml


def project_name(cloud):
    return yaml.safe_load(cloud_support.CLOUDS_YAML.read_text())["clouds"][cloud]["auth"]["project_name"]


def lists_of_projects(calls):
    return [call.path for call in calls.keystone if call.path.rstrip("/").endswith("/projects")]


@pytest.fixture
def shared(member, other, name):
    """An image that two share with each other's project, and that of one that Keystone does not know."""
    image = member.create(name, b"data")
    for project in (other.id, "f" * 32):
        member.http("POST", f"/v2/images/{image['id']}/members", json={"member": project})
    return image


def test_an_administrator_gets_the_names_of_projects_in_one_call(succeed, member, other, shared, name):
    with cloud_support.calls() as calls:
        report = succeed("image_audit_info", cloud="local-admin", owner=member.id, members=True)
    assert len(lists_of_projects(calls)) == 1, "although one of them is not known to anybody"
    (row,) = report["images"]
    assert report["project_name"] == row["owner_name"] == project_name("local")
    names = {each["member_id"]: each["member_name"] for each in row["members"]}
    assert names == {other.id: project_name("local-other"), "f" * 32: None}


def test_others_get_the_name_of_their_own(succeed, member, other, shared):
    with cloud_support.calls() as calls:
        alone = succeed("image_audit_info")
    assert alone["project_name"] == alone["images"][0]["owner_name"] == project_name("local")
    assert lists_of_projects(calls) == []
    report = succeed("image_audit_info", members=True)
    (row,) = report["images"]
    assert row["owner_name"] == project_name("local")
    assert {each["member_id"]: each["member_name"] for each in row["members"]} == {other.id: None, "f" * 32: None}


def test_a_membership_that_is_there_twice(succeed, member, other, shared):
    cloud_support.double_membership(shared["id"], other.id)
    try:
        report = succeed("image_audit_info", cloud="local-admin", owner=member.id, members=True)
        (finding,) = report["findings"]
        assert (finding["code"], finding["images"]) == ("duplicate_member", [shared["id"]])
        assert f"'{project_name('local-other')}' ({other.id})" in finding["text"]
        # what the advice says
        succeed("image_member", cloud="local-admin", image=shared["id"], member=other.id)
        assert succeed("image_audit_info", members=True)["findings"] == []
    finally:
        for _row in range(2):
            member.http("DELETE", f"/v2/images/{shared['id']}/members/{other.id}", ok=False)


def test_a_family_whose_name_nobody_has(succeed, member, name):
    """As two promotions at the same moment have left it; the advice mends it."""
    for version in ("1", "2"):
        image = member.create(f"{name} ({version})", version.encode(), os_hidden=True)
        stamps = {
            "cloudimage_family": name,
            "cloudimage_version": version,
            "cloudimage_image_id": image["id"],
            "cloudimage_superseded_at": "2026-12-01T09:00:00Z",
        }
        member.patch(image["id"], *({"op": "add", "path": f"/{key}", "value": stamps[key]} for key in stamps))
    report = succeed("image_audit_info")
    (finding,) = report["findings"]
    assert (finding["code"], finding["images"]) == ("no_holder", [image["id"]])
    assert "one version of the family" in finding["advice"]
    succeed("image", name=name, version="1")
    assert member.only(name)["id"] == image["id"] and not member.only(name)["os_hidden"]
    assert succeed("image_audit_info")["findings"] == []
