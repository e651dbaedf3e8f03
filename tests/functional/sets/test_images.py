# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A whole catalogue in one task, on the real cloud."""

from __future__ import annotations

import hashlib
import re
import typing as t
import uuid
from pathlib import Path

import cloud_support
import pytest
import yaml
from cloud_support import Json, Project

Run = t.Callable[..., dict[str, t.Any]]
Disk = t.Callable[..., Path]
MARK = "cloudimage_catalog"


@pytest.fixture
def entries(name: str, disk: Disk) -> list[Json]:
    """Four images of two files."""
    files = [str(disk(1)), str(disk(2))]
    return [{"name": f"{name}-{number}", "filename": files[number % 2]} for number in range(4)]


def outcomes(result: Json, key: str = "changed") -> list[t.Any]:
    return [each[key] for each in result["results"]]


def test_creates_all_and_then_does_nothing(member: Project, succeed: Run, entries: list[Json]) -> None:
    defaults = {"disk_format": "raw", "properties": {"a": 1, "b": "x"}, "tags": ["t"]}
    entries[1] |= {"properties": {"b": "own"}, "visibility": "private"}
    result = succeed("images", images=entries, defaults=defaults)
    assert result["changed"] and outcomes(result) == [True] * 4
    assert outcomes(result, "name") == [entry["name"] for entry in entries]
    for entry, each in zip(entries, result["results"], strict=True):
        image = member.only(entry["name"])
        assert image["id"] == each["image"]["id"] and image["status"] == "active" and image["tags"] == ["t"]
        assert member.sha512(image["id"]) == hashlib.sha512(Path(entry["filename"]).read_bytes()).hexdigest()
        assert (image["a"], image["b"]) == ("1", "own" if entry is entries[1] else "x")
    assert member.only(entries[1]["name"])["visibility"] == "private"
    with cloud_support.calls() as calls:
        again = succeed("images", images=entries, defaults=defaults)
    assert not again["changed"] and outcomes(again) == [False] * 4 and again["actions"] == []
    assert not calls.writes and len(calls.glance) == 2
    assert [each["image"]["id"] for each in again["results"]] == [each["image"]["id"] for each in result["results"]]


def test_check_mode_and_diff_show_the_whole_change(
    member: Project, run: Run, succeed: Run, entries: list[Json]
) -> None:
    succeed("images", images=entries[:2])
    changed = [dict(entries[0], min_disk=3), *entries[1:]]
    with cloud_support.calls() as calls:
        foretold = succeed("images", check=True, images=changed, _ansible_diff=True)
    assert not calls.writes and foretold["changed"]
    assert outcomes(foretold) == [True, False, True, True]
    first, second, _third = foretold["diff"]
    names = [entries[number]["name"] for number in (0, 2, 3)]
    for header in ("before_header", "after_header"):
        assert [each[header] for each in foretold["diff"]] == names, "each image that changes is shown under its name"
    assert (first["before"]["min_disk"], first["after"]["min_disk"]) == (0, 3)
    assert second["before"] == {} and second["after"]["name"] == names[1]
    done = succeed("images", images=changed)
    assert done["actions"] == foretold["actions"] and len(foretold["actions"]) == 7
    assert f"{entries[0]['name']}: change metadata of" in done["actions"][0]


def test_what_fails_does_not_stop_the_others(member: Project, run: Run, entries: list[Json], tmp_path: Path) -> None:
    entries[0]["filename"] = str(tmp_path / "nowhere")
    entries[2] = {"name": entries[2]["name"], "properties": {"x": "y"}}
    result = run("images", images=entries)
    assert result["failed"] and result["changed"] and result["reason"] == "images_failed"
    assert outcomes(result, "failed") == [True, False, True, False]
    assert result["results"][0]["reason"] == "file_problem" and result["results"][2]["reason"] == "content_missing"
    assert result["msg"].startswith("2 of 4 images failed: ") and "nowhere" in result["msg"]
    assert entries[2]["name"] in result["msg"]
    assert [len(member.named(entry["name"])) for entry in entries] == [0, 1, 0, 1]


def test_one_reason_for_many_is_told_once(run: Run, entries: list[Json]) -> None:
    for entry in entries:
        entry["filename"] = "/nowhere\0" if entry is entries[0] else "/nowhere"
    result = run("images", images=[*entries, {"name": "x", "filename": "/nowhere"}])
    names = ", ".join(entry["name"] for entry in entries[1:])
    assert result["msg"] == (
        f"5 of 5 images failed: {entries[0]['name']}: filename: '/nowhere\\x00' cannot be the path of a file: embedded null "
        f"byte; {names} and 1 more: filename: the file /nowhere does not exist."
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"visibilty": "private"}, "entry 2 .*visibilty.*did you mean 'visibility'"),
        ({"properties": {"size": 3}}, "entry 2 .*properties: 'size' is an attribute"),
        ({"uri": "http://127.0.0.1/x"}, "entry 2 .*mutually exclusive"),
        ({"cloud": "local"}, "entry 2 .*beside images"),
        ({"min_disk": -1}, "entry 2 .*min_disk"),
        ({"purge_members": True}, "entry 2 .*purge_members"),
    ],
)
def test_a_wrong_catalogue_is_refused_before_anything_is_sent(
    fail: t.Callable[..., str], entries: list[Json], change: Json, words: str
) -> None:
    entries[1] |= change
    with cloud_support.calls() as calls:
        message = fail("images", images=entries)
    assert not calls.glance and not calls.keystone
    assert re.search(words, message), message


def test_two_entries_for_one_image_are_refused(fail: t.Callable[..., str], entries: list[Json]) -> None:
    entries[3]["name"] = entries[0]["name"]
    message = fail("images", images=entries)
    assert "entry 4" in message and "entry 1" in message and entries[0]["name"] in message


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("what", ["absent", "replaced", "by the id as its name"])
def test_two_entries_that_turn_out_to_be_one_image(
    member: Project, succeed: Run, fail: t.Callable[..., str], entries: list[Json], name: str, what: str, order: int
) -> None:
    """Only the cloud shows it; they would undo each other, and delete what one of them declares."""
    succeed("images", images=entries[:1])
    image = member.only(entries[0]["name"])
    one = {"name": f"{name}-new", "id": image["id"]} if what != "by the id as its name" else {"name": image["id"]}
    other = {"name": image["name"], "state": "absent"} if what == "absent" else entries[1] | {"name": image["name"]}
    for check in (True, False):
        with cloud_support.calls() as calls:
            message = fail("images", images=[one, other][::order], check=check)
        assert not calls.writes and member.image(image["id"]) == image
        assert "entry 2" in message and "entry 1" in message and image["id"] in message


def test_kernel_comes_first(member: Project, succeed: Run, entries: list[Json], disk: Disk) -> None:
    entries[0] |= {"kernel": entries[3]["name"], "ramdisk": entries[2]["name"]}
    foretold = succeed("images", check=True, images=entries)
    assert foretold["results"][0]["image"]["properties"]["kernel_id"] == f"(the id of '{entries[3]['name']}')"
    result = succeed("images", images=entries)
    image = member.only(entries[0]["name"])
    assert image["kernel_id"] == member.only(entries[3]["name"])["id"] == result["results"][3]["image"]["id"]
    assert image["ramdisk_id"] == member.only(entries[2]["name"])["id"]
    with cloud_support.calls() as calls:
        assert not succeed("images", images=entries)["changed"]
    assert len(calls.glance) == 2, "kernels are looked for with the others"
    entries[3]["filename"] = str(disk(7))
    foretold = succeed("images", check=True, images=entries)
    result = succeed("images", images=entries)
    assert outcomes(foretold, "changed") == outcomes(result, "changed") == [True, False, False, True]
    (kernel,) = (each for each in member.named(entries[3]["name"]) if not each["os_hidden"])
    assert member.only(entries[0]["name"])["kernel_id"] == kernel["id"]
    assert not succeed("images", images=entries)["changed"], "the old kernel is out of sight"


def test_kernel_that_is_no_entry(member: Project, admin: Project, succeed: Run, entries: list[Json], name: str) -> None:
    """One of the own project goes before one of others."""
    kernels = [who.create(f"{name}-k", b"k", visibility=v) for who, v in ((admin, "public"), (member, "private"))]
    try:
        for entry in entries:
            entry["kernel"] = f"{name}-k"
        succeed("images", images=entries)
        assert {member.only(entry["name"])["kernel_id"] for entry in entries} == {kernels[1]["id"]}
        with cloud_support.calls() as calls:
            assert not succeed("images", images=entries)["changed"]
        assert len(calls.glance) == 2
        member.http("DELETE", f"/v2/images/{kernels[1]['id']}")
        succeed("images", images=entries)
        assert {member.only(entry["name"])["kernel_id"] for entry in entries} == {kernels[0]["id"]}
        with cloud_support.calls() as calls:
            assert not succeed("images", images=entries)["changed"]
        assert len(calls.glance) == 4
    finally:
        admin.http("DELETE", f"/v2/images/{kernels[0]['id']}")


def test_kernel_of_a_name_that_others_have_planted(
    admin: Project, other: Project, succeed: Run, fail: t.Callable[..., str], name: str
) -> None:
    """An administrator sees the images of everybody, and anybody can call one of their own like the kernel."""
    for visibility in ("private", "shared", "community"):
        other.create(f"{name}-k", b"k", visibility=visibility)
    own = admin.create(name, b"vm", visibility="public")
    declared = {"cloud": "local-admin", "images": [{"name": name, "kernel": f"{name}-k"}]}
    try:
        assert f"no active image '{name}-k'" in fail("images", **declared)
        kernel = admin.create(f"{name}-k", b"k")
        succeed("images", **declared)
        assert (admin.image(own["id"]) or {})["kernel_id"] == kernel["id"]
        assert not succeed("images", **declared)["changed"]
    finally:
        for image in admin.named(name) + admin.named(f"{name}-k"):
            admin.http("DELETE", f"/v2/images/{image['id']}")


def test_kernel_of_the_project_that_an_administrator_acts_for(
    member: Project, succeed: Run, entries: list[Json], name: str
) -> None:
    owned = {"owner": member.id, "visibility": "private"}
    images = [entries[0] | owned | {"kernel": f"{name}-k"}, entries[1] | owned | {"name": f"{name}-k"}]
    for kernel in (images[1:], []):
        foretold = succeed("images", cloud="local-admin", images=images[:1] + kernel, check=True)
        done = succeed("images", cloud="local-admin", images=images[:1] + kernel)
        assert foretold["changed"] is done["changed"] is bool(kernel)
    assert member.only(images[0]["name"])["kernel_id"] == member.only(f"{name}-k")["id"]


def test_kernel_that_is_a_version(member: Project, succeed: Run, entries: list[Json], name: str) -> None:
    versions = [{**entries[n], "name": f"{name}-k", "version": str(n)} for n in (1, 2)]
    images = [entries[0] | {"kernel": f"{name}-k", "ramdisk": f"{name}-k (1)"}, *versions]
    foretold = succeed("images", check=True, images=images)
    result = succeed("images", images=images)
    assert foretold["results"][0]["image"]["properties"]["ramdisk_id"] == f"(the id of '{name}-k (1)')"
    held = member.only(entries[0]["name"])
    assert [held["ramdisk_id"], held["kernel_id"]] == [each["image"]["id"] for each in result["results"][1:]]
    assert not succeed("images", images=images)["changed"]
    images.append({**entries[3], "name": f"{name}-k", "version": "0"})
    for check in (True, False):
        assert outcomes(succeed("images", check=check, images=images)) == [False, False, False, True], (
            "an older version does not take the name"
        )


def test_kernel_that_fails_fails_what_needs_it(member: Project, run: Run, entries: list[Json], tmp_path: Path) -> None:
    entries[0]["kernel"] = entries[1]["name"]
    (tmp_path / "empty").touch()
    entries[1]["filename"] = str(tmp_path / "empty")
    result = run("images", images=entries)
    assert outcomes(result, "failed") == [True, True, False, False]
    assert entries[1]["name"] in result["results"][0]["msg"]
    assert member.named(entries[0]["name"]) == []


class TestPrune:
    def test_removes_what_bears_the_mark_and_nothing_else(
        self, member: Project, succeed: Run, entries: list[Json], name: str
    ) -> None:
        succeed("images", images=entries, catalog=name, prune=True)
        succeed("images", images=[{"name": f"{name}-alien", "filename": entries[0]["filename"]}], catalog=f"{name}-2")
        unmarked = member.create(f"{name}-unmarked", b"x")
        of_a_volume = member.create_from_volume(member.only(entries[1]["name"]), f"{name}-volume")
        assert of_a_volume[MARK] == name
        assert {member.only(entry["name"])[MARK] for entry in entries} == {name}
        kept = [entries[0], {"name": entries[2]["name"], "state": "absent"}]
        with cloud_support.calls() as calls:
            foretold = succeed("images", check=True, images=kept, catalog=name, prune=True)
        assert not calls.writes
        assert sorted(each["name"] for each in foretold["pruned"]) == [entries[1]["name"], entries[3]["name"]]
        result = succeed("images", images=kept, catalog=name, prune=True)
        assert result["pruned"] == foretold["pruned"] and result["actions"] == foretold["actions"]
        assert [len(member.named(entry["name"])) for entry in entries] == [1, 0, 0, 0]
        assert member.image(unmarked["id"]) and member.image(of_a_volume["id"]) and member.only(f"{name}-alien")
        assert not succeed("images", images=kept, catalog=name, prune=True)["changed"]

    def test_nothing_if_an_entry_failed(
        self, member: Project, run: Run, succeed: Run, entries: list[Json], name: str
    ) -> None:
        succeed("images", images=entries, catalog=name)
        result = run("images", images=[{"name": f"{name}-new"}], catalog=name, prune=True)
        assert result["failed"] and result["pruned"] == [] and "Nothing was pruned" in result["msg"]
        assert [len(member.named(entry["name"])) for entry in entries] == [1] * 4

    @pytest.mark.parametrize("retire", ["hide", "rename"])
    def test_protected_and_replaced_ones_stay(
        self, member: Project, succeed: Run, entries: list[Json], name: str, disk: Disk, retire: str
    ) -> None:
        entries[1]["is_protected"] = True
        succeed("images", images=entries, catalog=name)
        replaced = member.only(entries[0]["name"])
        entries[0] |= {"filename": str(disk(3)), "retire": retire}
        succeed("images", images=entries, catalog=name)
        result = succeed("images", images=entries[:1], catalog=name, prune=True)
        assert sorted(each["name"] for each in result["pruned"]) == [entries[2]["name"], entries[3]["name"]]
        assert "protected" in str(result["warnings"])
        kept_name = f"{entries[0]['name']} ({replaced['created_at']})" if retire == "rename" else entries[0]["name"]
        kept = member.image(replaced["id"])
        assert kept and kept["os_hidden"] and kept["name"] == kept_name and kept[MARK] == name
        there = [len(member.named(each["name"])) for each in entries]
        assert there == [1 if retire == "rename" else 2, 1, 0, 0]

    @pytest.mark.parametrize("retire", ["hide", "keep"])
    def test_one_that_lost_its_name_to_a_version_stays(
        self, member: Project, succeed: Run, name: str, disk: Disk, retire: str
    ) -> None:
        entry = {"name": name, "filename": str(disk(1))}
        succeed("images", images=[entry], catalog=name)
        stranger = member.only(name)
        entry |= {"version": "1", "retire": retire, "filename": str(disk(2))}
        succeed("images", images=[entry], catalog=name)
        assert succeed("images", images=[entry], catalog=name, prune=True)["pruned"] == []
        kept = member.image(stranger["id"])
        assert kept and kept["os_hidden"] == (retire == "hide") and kept["name"] == f"{name} ({stranger['created_at']})"

    def test_other_versions_stay_when_one_is_named_by_its_id(
        self, member: Project, succeed: Run, name: str, disk: Disk
    ) -> None:
        made = [str(uuid.uuid4()) for number in range(2)]
        for number, image_id in enumerate(made, 1):
            entry = {"name": name, "version": str(number), "id": image_id, "filename": str(disk(number))}
            assert succeed("images", images=[entry], catalog=name, prune=True)["pruned"] == []
        assert all(member.image(image_id) for image_id in made)

    def test_needs_a_mark_and_a_catalogue(self, fail: t.Callable[..., str], entries: list[Json]) -> None:
        assert "catalog" in fail("images", images=entries, prune=True)
        assert "empty" in fail("images", images=[], catalog="x", prune=True)
        assert fail("images").startswith("images:")
        for mark in (" ", "\U0001f427", "x" * 256):
            assert fail("images", images=entries, catalog=mark).startswith("catalog:")
        assert fail("images", images=entries, workers=0).startswith("workers:")


def test_catalogue_files(
    member: Project, succeed: Run, fail: t.Callable[..., str], entries: list[Json], tmp_path: Path
) -> None:
    one, two, bad = (tmp_path / name for name in ("one.yml", "two.yml", "bad.yml"))
    one.write_text(yaml.safe_dump({"defaults": {"tags": ["file"]}, "images": entries[:2]}))
    two.write_text(yaml.safe_dump(entries[2:3]))
    result = succeed("images", files=[str(one), str(two)], images=entries[3:], defaults={"tags": ["task"]})
    assert outcomes(result, "name") == [entries[3]["name"]] + [entry["name"] for entry in entries[:3]]
    assert [member.only(entry["name"])["tags"] for entry in entries] == [["file"], ["file"], ["task"], ["task"]]
    bad.write_text("images: [\n  {name: a},\n  oops: {")
    assert str(bad) in fail("images", files=[str(bad)])


def test_a_thousand_entries_are_no_special_case(member: Project, succeed: Run, name: str) -> None:
    entries = [{"name": f"{name}-{number}", "state": "absent"} for number in range(1000)]
    member.create(entries[500]["name"], b"x")
    with cloud_support.calls() as calls:
        result = succeed("images", images=entries)
    assert [number for number, changed in enumerate(outcomes(result)) if changed] == [500]
    assert member.named(entries[500]["name"]) == []
    assert len(calls.glance) < 30 and len(calls.writes) == 1


def test_names_that_no_list_can_hold(member: Project, succeed: Run, name: str, disk: Disk) -> None:
    names = [f'{name} "quoted", with: {{colons}}', f"{name} back\\slash", f"{name},comma", f"{name} \u65e5\u672c\u8a9e"]
    entries = [{"name": each, "filename": str(disk(1))} for each in names]
    assert outcomes(succeed("images", images=entries)) == [True] * 4
    assert [len(member.named(each)) for each in names] == [1] * 4
    assert not succeed("images", images=entries)["changed"]


def test_images_of_several_projects(member: Project, other: Project, succeed: Run, entries: list[Json]) -> None:
    entries[0]["owner"], entries[1]["owner"] = member.id, other.id
    entries[1]["name"] = entries[0]["name"]
    assert outcomes(succeed("images", cloud="local-admin", images=entries[:2])) == [True, True]
    assert [len(project.named(entries[0]["name"])) for project in (member, other)] == [1, 1]
    entries[0]["min_ram"] = entries[1]["min_ram"] = 5
    result = succeed("images", check=True, cloud="local-admin", images=entries[:2], _ansible_diff=True)
    names = {f"{entries[0]['name']} [{project.id}]" for project in (member, other)}
    assert {each["after_header"] for each in result["diff"]} == names, "two images of one name are two in the diff"
    del entries[0]["min_ram"], entries[1]["min_ram"]
    assert not succeed("images", cloud="local-admin", images=entries[:2])["changed"]


def test_secrets_of_addresses_are_not_told(run: Run, name: str) -> None:
    result = run("images", images=[{"name": name, "uri": "http://user:hush-hush@127.0.0.1:1/x"}])
    assert result["failed"] and "hush-hush" not in str(result)


class TestVersions:
    @pytest.fixture
    def versions(self, name: str, disk: Disk) -> list[Json]:
        """Three versions of one family."""
        dates = ["20260901", "20261101", "20261001"]
        return [{"name": name, "version": date, "filename": str(disk(number))} for number, date in enumerate(dates)]

    def test_the_newest_one_has_the_name(self, member: Project, succeed: Run, versions: list[Json], name: str) -> None:
        foretold = succeed("images", check=True, images=versions)
        result = succeed("images", images=versions)
        for told in (foretold, result):
            (move,) = [action for action in told["actions"] if "give the name" in action]
            assert move.startswith(f"{name} (20261101): give the name '{name}' to version 20261101")
        assert member.only(name)["cloudimage_version"] == "20261101"
        assert [len(member.named(f"{name} ({date})")) for date in ("20260901", "20261001", "20261101")] == [1, 1, 0]
        assert [each["version"] for each in result["results"]] == [each["version"] for each in versions]
        with cloud_support.calls() as calls:
            assert not succeed("images", images=versions)["changed"]
        assert not calls.writes and len(calls.glance) == 4

    def test_back_and_forth_in_one_catalogue(
        self, member: Project, succeed: Run, versions: list[Json], name: str
    ) -> None:
        succeed("images", images=versions)
        versions[2]["promote"] = True
        foretold = succeed("images", check=True, images=versions)
        assert succeed("images", images=versions)["actions"] == foretold["actions"]
        assert member.only(name)["cloudimage_version"] == "20261001"
        assert not succeed("images", images=versions)["changed"]
        del versions[2]["promote"]
        assert not succeed("images", images=versions)["changed"], "what was set aside stays so until it is said"
        versions[1]["exclude_from_latest"] = False
        assert succeed("images", images=versions)["changed"]
        assert member.only(name)["cloudimage_version"] == "20261101"

    def test_two_promoted_versions_of_a_family_are_refused(
        self, member: Project, fail: t.Callable[..., str], versions: list[Json], name: str
    ) -> None:
        versions[0]["promote"] = versions[2]["promote"] = True
        with cloud_support.calls() as calls:
            assert fail("images", images=versions) == (
                f"images: entry 3 ('{name}', version 20261001): only one version of the family '{name}' can be promoted, "
                f"and entry 1 ('{name}', version 20260901) is, too."
            )
        assert not calls.glance

    def test_if_the_newest_one_fails_the_next_one_has_the_name(
        self, member: Project, run: Run, versions: list[Json], name: str, tmp_path: Path
    ) -> None:
        versions[1]["filename"] = str(tmp_path / "nowhere")
        result = run("images", images=versions)
        assert outcomes(result, "failed") == [False, True, False]
        assert member.only(name)["cloudimage_version"] == "20261001"

    def test_a_version_to_be_tested_first_is_not_found_by_name_or_family(
        self, member: Project, succeed: Run, versions: list[Json], name: str
    ) -> None:
        versions[1]["promote"] = False
        succeed("images", images=versions)
        for _repeat in range(2):
            assert member.only(name)["cloudimage_version"] == "20261001"
            (found,) = succeed("image_info", family=name)["images"]
            assert found["properties"]["cloudimage_version"] == "20261001"
            assert not succeed("images", images=versions)["changed"]
            assert not succeed("image", **versions[0])["changed"]
        versions[1]["promote"] = True
        assert succeed("images", images=versions)["changed"]
        assert member.only(name)["cloudimage_version"] == "20261101"
        del versions[1]["promote"]
        assert not succeed("images", images=versions)["changed"]

    def test_prune_leaves_other_versions_of_a_named_family(
        self, member: Project, succeed: Run, versions: list[Json], name: str
    ) -> None:
        succeed("images", images=versions, catalog=name)
        assert succeed("images", images=versions[1:2], catalog=name, prune=True)["pruned"] == []
        assert len(member.named(f"{name} (20260901)")) == 1
