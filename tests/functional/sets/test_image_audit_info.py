# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module image_audit_info: everything that is there, with few calls and no write."""

from __future__ import annotations

import cloud_support
import pytest


def rows(report):
    return {row["name"]: row for row in report["images"]}


def test_nothing_there(succeed, member):
    member.remove_all()
    with cloud_support.calls() as calls:
        report = succeed("image_audit_info", members=True, declared=[])
    assert not report["changed"] and report["images"] == report["findings"] == []
    assert report["table"] == ["There is no image.", "", "0 images, 0 B, nothing found"]
    assert [call.method for call in calls.glance] == ["GET", "GET"]


def test_everything_there_is_as_the_server_says(succeed, member, name):
    member.create(f"{name}-seen", b"same", tags=["b", "a"], os_distro="debian")
    member.create(f"{name}-hidden", b"same", os_hidden=True, visibility="private", protected=True)
    member.create(f"{name}-empty", None)
    report = succeed("image_audit_info")
    found = rows(report)
    assert set(found) == {f"{name}-seen", f"{name}-hidden", f"{name}-empty"}
    for row in found.values():
        image = member.image(row["id"])
        for key in (
            "name",
            "status",
            "visibility",
            "protected",
            "owner",
            "created_at",
            "size",
            "disk_format",
            "updated_at",
        ):
            assert row[key] == image[key], key
        assert (row["hidden"], row["hash_value"]) == (image["os_hidden"], image["os_hash_value"])
    assert found[f"{name}-seen"]["tags"] == ["a", "b"] and found[f"{name}-seen"]["properties"]["os_distro"] == "debian"
    assert 0 <= found[f"{name}-seen"]["age_days"] < 1
    assert found[f"{name}-seen"]["findings"] == found[f"{name}-hidden"]["findings"] == ["duplicate_content"]
    assert found[f"{name}-empty"]["findings"] == [] and report["summary"]["duplicate_bytes"] == 4
    assert report["cloud"] == "local" and report["project"] == member.id


def test_calls_grow_with_members_only(succeed, member, other, name):
    shared = [member.create(f"{name}-{number}", None) for number in range(3)]
    member.create(f"{name}-private", None, visibility="private")
    member.http("POST", f"/v2/images/{shared[1]['id']}/members", json={"member": other.id})
    cloud_support.double_membership(shared[1]["id"], other.id)
    with cloud_support.calls() as calls:
        without = succeed("image_audit_info")
    assert len(calls.glance) == 2
    assert all(row["members"] is None and row["shared_with"] is None for row in without["images"])
    with cloud_support.calls() as calls:
        found = rows(succeed("image_audit_info", members=True))
    for _row in range(2):
        member.http("DELETE", f"/v2/images/{shared[1]['id']}/members/{other.id}")
    assert len(calls.glance) == 5 and not calls.writes
    assert found[f"{name}-1"]["members"] == [{"member_id": other.id, "member_name": None, "status": "pending"}]
    assert [found[f"{name}-{end}"]["shared_with"] for end in ("0", "1", "2", "private")] == [0, 1, 0, 0]


def test_broken_and_stuck_ones(succeed, member, name):
    member.create(f"{name}-empty", b"")
    member.create(f"{name}-queued", None)
    staged = member.create(f"{name}-staged", None)
    member.http(
        "PUT",
        f"/v2/images/{staged['id']}/stage",
        data=b"data",
        headers={"Content-Type": "application/octet-stream"},
    )
    member.create(f"{name}-coming", b"data", os_hidden=True, cloudimage_incoming_for=staged["id"])
    patient = succeed("image_audit_info")
    assert [finding["code"] for finding in patient["findings"]] == ["broken"]
    hurried = succeed("image_audit_info", stuck_after="0s")
    assert {name: row["findings"] for name, row in rows(hurried).items()} == {
        f"{name}-empty": ["broken"],
        f"{name}-queued": ["stuck"],
        f"{name}-staged": ["stuck"],
        f"{name}-coming": ["leftover"],
    }
    assert hurried["summary"]["by_severity"] == {"problem": 3, "warning": 1, "note": 0}


def test_what_the_module_images_declares(run, succeed, member, name):
    for end in ("same", "other", "unwanted", "undeclared"):
        member.create(f"{name}-{end}", end.encode(), min_ram=64)
    catalogue = run(
        "images",
        check=True,
        images=[
            {"name": f"{name}-same", "min_ram": 64},
            {"name": f"{name}-other", "min_ram": 128, "properties": {"os_distro": "debian"}},
            {"name": f"{name}-unwanted", "state": "absent"},
            {"name": f"{name}-missing", "uri": "http://127.0.0.1:9/x.raw", "disk_format": "raw"},
            {"name": f"{name}-failed", "filename": "/no/such/file"},
        ],
    )
    assert len(catalogue["results"]) == 5
    report = succeed("image_audit_info", declared=catalogue["results"])
    found = rows(report)
    assert found[f"{name}-other"]["drift"] == [
        {"key": "min_ram", "is": 64, "declared": 128},
        {"key": "properties.os_distro", "is": None, "declared": "debian"},
    ]
    declared = {end: found[f"{name}-{end}"]["declared"] for end in ("same", "other", "unwanted", "undeclared")}
    assert declared == {"same": True, "other": True, "unwanted": True, "undeclared": False}
    codes = [finding["code"] for finding in report["findings"]]
    assert codes == ["missing", "unchecked", "drift", "unwanted", "undeclared"]
    assert f"{name}-missing" in report["findings"][0]["text"] and "/no/such/file" in report["findings"][1]["text"]


def test_projects(run, succeed, fail, member, other, name):
    member.create(f"{name}-mine", b"data")
    others = other.create(f"{name}-others", b"data", visibility="private")
    hidden = other.create(f"{name}-hidden", b"data", visibility="private", os_hidden=True)
    assert set(rows(succeed("image_audit_info", all_projects=True))) == {f"{name}-mine"}
    admin = succeed("image_audit_info", cloud="local-admin", owner=other.id)
    assert {row["id"] for row in admin["images"]} == {others["id"], hidden["id"]} and admin["project"] == other.id
    everything = succeed("image_audit_info", cloud="local-admin", all_projects=True, declared=[])
    assert {f"{name}-mine", f"{name}-others", f"{name}-hidden"} <= set(rows(everything))
    assert "undeclared" not in everything["summary"]["by_finding"]
    assert everything["summary"]["duplicate_bytes"] == 8


BAD = [
    ({"stuck_after": "soon"}, "stuck_after: 'soon' is no time span"),
    ({"declared": [{"id": "x"}]}, "declared: result 1 has no name"),
    ({"cloud": "nowhere"}, "nowhere"),
    ({"owner": "no-such-project"}, "owner: "),
]


@pytest.mark.parametrize(("options", "words"), BAD, ids=[next(iter(row[0])) for row in BAD])
def test_bad_input(fail, options, words):
    assert words in fail("image_audit_info", **options)


def test_owner_and_all_projects_exclude_each_other(run):
    assert "mutually exclusive" in run("image_audit_info", owner="x", all_projects=True)["msg"]
