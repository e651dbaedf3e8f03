# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What openstack.cloud does wrong, done right: which image a task means."""

from __future__ import annotations

import contextlib
import hashlib
import subprocess

import files_support
from incumbent_support import shows


@shows("image: name")
def test_absent_takes_a_glob(succeed, member, name):
    bystander = member.create(f"{name}1")
    assert not succeed("image", name=f"{name}[1]", state="absent")["changed"]
    assert member.image(bystander["id"]) == bystander


@shows("image: name")
def test_name_is_a_glob_over_names_and_ids(fail, member, name):
    bystander = member.create(f"{name}1", b"data")
    for pattern in (f"{name}*", bystander["id"][:-1] + "?"):
        assert "no source" in fail("image", name=pattern, min_ram=1)
    assert member.image(bystander["id"]) == bystander


@shows("image: name")
def test_name_with_a_colon_is_a_bad_request(succeed, member, name):
    image = member.create(f"{name}:1.2", b"data")
    assert succeed("image", name=f"{name}:1.2", min_ram=1)["image"]["id"] == image["id"]


@shows("image: name")
def test_administrator_adopts_the_image_of_another_project(succeed, fail, member, name):
    theirs = member.create(name, b"data")
    assert "no source" in fail("image", cloud="local-admin", name=name, visibility="public")
    assert not succeed("image", cloud="local-admin", name=name, state="absent")["changed"]
    assert member.image(theirs["id"]) == theirs


@shows("image: name")
def test_member_picks_the_public_image_of_another_project(succeed, member, admin, name, disk):
    theirs = admin.create(name, b"data", visibility="public")
    assert succeed("image", name=name, filename=disk())["changed"]
    assert member.only(name)["owner"] == member.id
    assert admin.image(theirs["id"]) == theirs


@shows("image: name that is the path of a file")
def test_name_that_is_a_path_uploads_that_file(run, member, disk):
    result = run("image", name=str(disk()))
    assert result.get("failed") and result["reason"] == "content_missing"
    assert not any(member.named(each) for each in (str(disk()), disk().name, disk().stem))


@shows("image: name that is the path of a file")
def test_name_is_looked_for_in_the_working_folder(member, name, tmp_path):
    (tmp_path / name).write_bytes(b"data")
    process = files_support.start_module("image", tmp_path, {"cloud": "local", "name": name}, cwd=tmp_path)
    result = files_support.finish_module(process)
    assert result.get("failed") and result["reason"] == "content_missing" and member.named(name) == []


@shows("image: name that is the path of a file")
def test_name_that_is_a_path_makes_a_duplicate_in_each_run(succeed, member, disk):
    called = str(disk())
    assert succeed("image", name=called, filename=disk())["changed"]
    assert not succeed("image", name=called, filename=disk())["changed"]
    assert len(member.named(called)) == 1


@shows("image: Several images with the name")
def test_multiple_matches_are_a_dead_end(run, succeed, member, name):
    ids = {member.create(name, b"data")["id"] for _time in range(2)}
    result = run("image", name=name, min_ram=1)
    assert result["reason"] == "ambiguous_image" and set(result["ids"]) == ids
    assert all(image_id in result["msg"] for image_id in ids)
    chosen = min(ids)
    assert succeed("image", name=name, id=chosen, min_ram=1)["image"]["id"] == chosen


@shows("image: Several images with the name")
def test_two_parallel_plays_both_create_the_image(member, name, disk, tmp_path):
    with contextlib.ExitStack() as stack:
        processes: list[subprocess.Popen[str]] = []
        for number in "12":
            (tmp_path / number).mkdir()
            options = {"cloud": "local", "name": name, "filename": disk()}
            processes.append(files_support.start_module("image", tmp_path / number, options))
            stack.callback(processes[-1].kill)
        results = [files_support.finish_module(process) for process in processes]
    assert not [result["msg"] for result in results if result.get("failed")]
    assert len(member.named(name)) == 1 and member.only(name)["status"] == "active"


@shows("image: Hidden images")
def test_hidden_image_gets_a_duplicate(succeed, member, name, disk):
    hidden = member.create(name, disk().read_bytes(), os_hidden=True)
    assert not succeed("image", name=name, filename=disk())["changed"]
    assert member.named(name) == [hidden]


@shows("image: Hidden images", "image: properties: attributes")
def test_images_are_hidden_only_by_accident(succeed, fail, member, name):
    image = member.create(name, b"data")
    assert "is_hidden" in fail("image", name=name, properties={"os_hidden": True})
    assert succeed("image", name=name, is_hidden=True)["changed"]
    (hidden,) = member.named(name)
    assert hidden["id"] == image["id"] and hidden["os_hidden"] is True


@shows("image: id")
def test_id_of_a_new_image_cannot_be_chosen(succeed, member, name, disk):
    chosen = "5e1f2c3d-0000-4000-8000-" + hashlib.md5(name.encode()).hexdigest()[:12]
    succeed("image", name=name, id=chosen, filename=disk())
    assert member.only(name)["id"] == chosen
    assert succeed("image", name=f"{name}-new", id=chosen)["image"]["name"] == f"{name}-new"
    assert member.only(f"{name}-new")["id"] == chosen


@shows("image: id")
def test_other_content_for_an_id_is_silently_ok(fail, member, name, disk):
    image = member.create(name, disk(1).read_bytes())
    assert "never get new content" in fail("image", name=name, id=image["id"], filename=disk(2))
    assert member.named(name) == [image]


@shows("image: owner")
def test_owner_is_not_used_in_the_lookup(succeed, member, admin, name):
    ours, theirs = admin.create(name, b"data"), member.create(name, b"data")
    result = succeed("image", cloud="local-admin", name=name, owner="demo", min_ram=1)
    assert result["image"]["id"] == theirs["id"]
    assert admin.image(ours["id"]) == ours and member.only(name)["min_ram"] == 1


@shows("image: owner")
def test_owner_is_neither_compared_nor_changed(succeed, member, admin, name):
    image = admin.create(name, b"data")
    options = {"cloud": "local-admin", "name": name, "id": image["id"], "owner": "demo"}
    assert succeed("image", **options)["changed"]
    assert member.only(name)["id"] == image["id"]
