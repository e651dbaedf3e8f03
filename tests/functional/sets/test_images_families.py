# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Families and predecessors in a catalogue: what pruning leaves to them, one run that settles all, and rules beside a catalogue."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from cloud_support import Json, Project

Run = t.Callable[..., dict[str, t.Any]]
Disk = t.Callable[..., Path]
NOW = "2026-11-21T08:00:00Z"


def version(project: Project, name: str, number: int, holds: bool = False, **stamps: str) -> str:
    """The id of a version that plain HTTP has made as the module image does."""
    stamps = {f"cloudimage_{key}": value for key, value in (stamps | {"family": name, "version": str(number)}).items()}
    hidden = {} if holds else {"os_hidden": True, "cloudimage_superseded_at": NOW}
    return project.create(name if holds else f"{name} ({number})", b"data", **stamps, **hidden)["id"]


def foretold_and_done(succeed: Run, **declared: t.Any) -> Json:
    """What a run does, which check mode foretells, and after which nothing is left to do."""
    foretold, done = succeed("images", check=True, **declared), succeed("images", **declared)
    assert foretold["pruned"] == done["pruned"]
    assert len(foretold["actions"]) == len(done["actions"])
    assert not succeed("images", **declared)["changed"]
    return done


@pytest.mark.parametrize("names", ["name", "id", "version"])
def test_versions_stay_whose_family_is_named_by_an_image_without_the_mark(
    member: Project, succeed: Run, name: str, names: str
) -> None:
    old = [version(member, name, number, catalog=name) for number in (1, 2)]
    holder = version(member, name, 3, holds=True)
    named = {"name": {}, "id": {"id": holder}, "version": {"version": "3"}}[names]
    other = version(member, f"{name}-other", 1, holds=True, catalog=name)
    result = foretold_and_done(
        succeed, catalog=name, prune=True, images=[{"name": name, "properties": {"purpose": "test"}, **named}]
    )
    assert [each["id"] for each in result["pruned"]] == [other]
    assert all(member.image(each) for each in [*old, holder])


@pytest.mark.parametrize("retire", ["hide", "rename"])
def test_predecessors_stay_when_an_image_is_renamed(
    member: Project, succeed: Run, disk: Disk, name: str, retire: str
) -> None:
    """By the way to rename that the guide tells of, and in the runs after it."""
    entry: Json = {"name": name, "disk_format": "raw", "retire": retire}
    declared: Json = {"catalog": name, "prune": True}
    ids = []
    for seed in (1, 2):
        succeed("images", images=[entry | {"filename": str(disk(seed))}], **declared)
        ids.append(member.only(name)["id"])
    entry |= {"name": f"{name}-new", "filename": str(disk(2))}
    foretold_and_done(succeed, images=[entry | {"id": ids[1]}], **declared)
    assert not succeed("images", images=[entry], **declared)["changed"]
    assert member.only(f"{name}-new")["id"] == ids[1] and member.image(ids[0])
    other: Json = {"name": f"{name}-other", "filename": str(disk(1)), "disk_format": "raw"}
    result = foretold_and_done(succeed, images=[other], **declared)
    assert {each["id"] for each in result["pruned"]} == set(ids), "they go with the image that has replaced them"


@pytest.mark.parametrize("retire", ["hide", "rename"])
def test_predecessors_stay_whose_own_successor_is_gone(member: Project, run: Run, name: str, retire: str) -> None:
    marked = {"cloudimage_catalog": name}
    old = member.create(name, b"data", **marked, os_hidden=True, cloudimage_superseded_at=NOW)
    middle = member.create(name, b"data", **marked, cloudimage_replaces=old["id"])
    newest = member.create(f"{name}-new", b"data", **marked, cloudimage_replaces=middle["id"])
    traces: list[Json] = [{"op": "add", "path": "/cloudimage_replaced_by", "value": middle["id"]}]
    if retire == "rename":
        traces = [{"op": "replace", "path": "/name", "value": f"{name} ({old['created_at']})"}]
    member.patch(old["id"], *traces)
    member.http("DELETE", f"/v2/images/{middle['id']}")
    result = run("images", catalog=name, prune=True, images=[{"name": newest["name"]}])
    assert not result["failed"] and not result["changed"] and result["pruned"] == []
    said = str(result.get("warnings", ""))
    assert (old["id"] in said and newest["id"] in said) is (retire == "rename"), "what is in doubt is told"
    assert member.image(old["id"])


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    "newer", [{"promote": True}, {}, {"end_of_life": "2027-06-30"}], ids=["promoted", "newest", "newest, with an end"]
)
def test_one_run_settles_a_version_that_is_not_promoted(
    member: Project, succeed: Run, disk: Disk, name: str, newer: Json, order: int
) -> None:
    entries = [{"name": name, "version": number, "filename": str(disk(int(number)))} for number in "24"]
    succeed("images", images=entries[:1])
    entries[0]["promote"] = False
    entries[1] |= newer
    foretold_and_done(succeed, images=entries[::order])
    assert member.only(name)["cloudimage_version"] == "4"
    (old,) = member.named(f"{name} (2)")
    assert old["cloudimage_exclude_from_latest"] == "true"


def test_one_run_settles_a_version_whose_life_is_over(member: Project, succeed: Run, disk: Disk, name: str) -> None:
    entries: list[Json] = [{"name": name, "version": number, "filename": str(disk(int(number)))} for number in "12"]
    succeed("images", images=entries)
    entries[1] |= {"promote": False, "end_of_life": "2026-01-01"}
    foretold_and_done(succeed, images=entries)
    assert member.only(name)["cloudimage_version"] == "1"


def test_a_rule_says_which_versions_a_catalogue_makes_again(
    member: Project, succeed: Run, disk: Disk, name: str
) -> None:
    entries = [{"name": name, "version": number, "filename": str(disk(int(number)))} for number in "12"]
    succeed("images", images=entries, catalog="base")
    rule = {"family": name, "delete_after": "0"}
    (old,) = member.named(f"{name} (1)")
    for check in (True, False):
        result = succeed("image_retention", check=check, **rule)
        assert [image["id"] for image in result["images"] if image["changed"]] == [old["id"]]
        assert all("the next run of the catalogue 'base' undoes it" in action for action in result["actions"])
        assert "('base')" in str(result["warnings"]) and old["name"] in str(result["warnings"])
    assert succeed("images", images=entries, catalog="base")["results"][0]["changed"], "so it is"


@pytest.mark.parametrize("named", ["family", "id"])
def test_an_entry_does_not_delete_what_another_one_boots_with(
    member: Project, run: Run, succeed: Run, disk: Disk, name: str, named: str
) -> None:
    kernel: Json = {"name": f"{name}-k", "version": "1", "filename": str(disk(1))}
    entry: Json = {"name": name, "filename": str(disk(1)), "kernel": f"{name}-k"}
    succeed("images", images=[kernel, entry])
    needed = member.only(f"{name}-k")["id"]
    entry["kernel"] = {"family": f"{name}-k", "id": needed}[named]
    for check in (True, False):
        result = run("images", check=check, images=[kernel | {"state": "absent"}, entry])
        assert result["failed"] and result["reason"] == "catalog_problem"
        assert f"boots with '{entry['kernel']}'" in result["msg"] and needed in result["msg"]
    assert member.image(needed) and member.only(name)["kernel_id"] == needed


@pytest.mark.parametrize("is_declared", [False, True])
def test_an_image_boots_with_the_version_that_stays(
    member: Project, succeed: Run, disk: Disk, name: str, is_declared: bool
) -> None:
    old, new = ({"name": f"{name}-k", "version": number, "filename": str(disk(int(number)))} for number in "12")
    entry: Json = {"name": name, "filename": str(disk(1)), "kernel": f"{name}-k"}
    succeed("images", images=[old, new, entry])
    gone, there = (new, old) if not is_declared else (old, new)
    (staying,) = (image for image in _versions(member, f"{name}-k") if image["cloudimage_version"] == there["version"])
    foretold_and_done(succeed, images=[gone | {"state": "absent"}, *([there] if is_declared else []), entry])
    assert member.only(name)["kernel_id"] == staying["id"] == member.only(f"{name}-k")["id"]


@pytest.mark.parametrize("declared", ["3", "1", "4"])
def test_a_family_that_gets_another_name(member: Project, succeed: Run, disk: Disk, name: str, declared: str) -> None:
    made = [{"name": name, "version": number, "filename": str(disk(int(number)))} for number in "123"]
    succeed("images", images=made)
    entry = {"name": f"{name}-new", "family": name, "version": declared, "filename": str(disk(int(declared)))}
    foretold_and_done(succeed, images=[entry])
    newest = max("3", declared)
    expected = {number: f"{name}-new ({number})" for number in {*"123", declared} - {newest}} | {newest: f"{name}-new"}
    assert {image["cloudimage_version"]: image["name"] for image in _versions(member, name)} == expected
    assert member.named(name) == []


def _versions(project: Project, family: str) -> list[Json]:
    found = (
        project.http("GET", f"/v2/images?cloudimage_family={family}&os_hidden={hidden}") for hidden in ("false", "true")
    )
    return [image for answer in found for image in answer.json()["images"]]
