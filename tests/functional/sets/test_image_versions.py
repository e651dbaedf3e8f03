# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module image and versions: who has the name of a family, and what becomes of those that lose it."""

from __future__ import annotations

import datetime
import threading
import typing as t

import cloud_support
import pytest

FAMILY = "cloudimage_family"
VERSION = "cloudimage_version"
EXCLUDED = "cloudimage_exclude_from_latest"
END_OF_LIFE = "cloudimage_end_of_life"
SUPERSEDED_AT = "cloudimage_superseded_at"
INCOMING = "cloudimage_incoming_for"
REPLACES = "cloudimage_replaces"
DATA = b"data" * 256


@pytest.fixture
def version(member, name):
    """Make an image as the module would have: the version that has the name, or one that has lost it."""

    def make(version: str, holds: bool = False, data: bytes | None = DATA, **body: t.Any) -> cloud_support.Json:
        facts = {FAMILY: name, VERSION: version} | (
            {} if holds else {"os_hidden": True, SUPERSEDED_AT: "2026-01-01T00:00:00Z"}
        )
        called = body.pop("name", name if holds else f"{name} ({version})")
        return member.create(called, data, **facts | body)

    return make


@pytest.fixture
def names(member, name):
    """What became of the versions: their names without that of the family, in brackets if hidden."""

    def tell() -> dict[str, str]:
        query = f"{FAMILY}={name}&owner={member.id}"
        found = [
            image
            for hidden in ("false", "true")
            for image in member.http("GET", f"/v2/images?{query}&os_hidden={hidden}").json()["images"]
        ]
        told = {image[VERSION]: image["name"].replace(name, "NAME") for image in found}
        return {
            image[VERSION]: f"[{told[image[VERSION]]}]" if image["os_hidden"] else told[image[VERSION]]
            for image in found
        }

    return tell


def unchanged(succeed, **options: t.Any) -> cloud_support.Calls:
    """Run what must have nothing to do."""
    with cloud_support.calls() as calls:
        result = succeed("image", **options)
    assert not result["changed"], result["actions"]
    assert result["diff"]["before"] == result["diff"]["after"]
    assert not calls.writes
    return calls


def test_one_version_after_the_other(succeed, member, name, names, disk):
    options = {"name": name, "version": 1, "filename": disk(1), "properties": {"kept": "1"}, "tags": ["t"]}
    with cloud_support.calls() as calls:
        foretold = succeed("image", check=True, **options)
    assert not calls.writes and member.named(name) == []
    first = succeed("image", **options)
    assert first["actions"] == [
        each.replace("version 1", f"version 1 ({first['image']['id']})") for each in foretold["actions"]
    ]
    assert first["image"]["name"] == name and names() == {"1": "NAME"}
    assert (member.only(name)[FAMILY], member.only(name)[VERSION]) == (name, "1")
    assert len(unchanged(succeed, **options).glance) <= 4

    seen: list[int] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            seen.append(sum(image["status"] == "active" and not image["os_hidden"] for image in member.named(name)))

    options = {"name": name, "version": "2", "filename": disk(2), "end_of_life": "2999-12-31"}
    foretold = succeed("image", check=True, **options)
    began = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        second = succeed("image", **options)
    finally:
        done.set()
        watcher.join()
    assert min(seen) >= 1 and max(seen) <= 2
    assert len(foretold["actions"]) == len(second["actions"])
    assert second["actions"][-1] == f"call {first['image']['id']} '{name} (1)' and hide it" == foretold["actions"][-1]
    assert foretold["diff"]["after"]["name"] == second["diff"]["after"]["name"] == second["image"]["name"] == name
    assert second["diff"]["before"] == {}, "it is about the declared version alone"
    assert names() == {"1": "[NAME (1)]", "2": "NAME"}
    new, old = member.image(second["image"]["id"]), member.image(first["image"]["id"])
    assert (new["kept"], new["tags"], new[END_OF_LIFE], new["os_hidden"]) == ("1", ["t"], "2999-12-31", False)
    assert INCOMING not in new and REPLACES not in new
    assert began <= datetime.datetime.fromisoformat(old[SUPERSEDED_AT]) <= datetime.datetime.now(datetime.UTC)
    assert len(unchanged(succeed, **options).glance) <= 4
    assert len(unchanged(succeed, name=name, version="1", filename=disk(1)).glance) <= 4, "it stays where it is"
    assert succeed("image", name=name)["image"]["id"] == new["id"], "without a version the name is what is meant"


def test_going_back_and_forward_again(succeed, member, version, name, names):
    version("1")
    version("2")
    newest = version("3", holds=True)
    back = {"name": name, "version": "2", "promote": True}
    foretold = succeed("image", check=True, **back)
    assert names()["3"] == "NAME"
    result = succeed("image", **back)
    assert result["actions"] == foretold["actions"] and len(result["actions"]) == 3
    assert result["actions"][0] == f"exclude version 3 ({newest['id']}) from latest"
    assert names() == {"1": "[NAME (1)]", "2": "NAME", "3": "[NAME (3)]"}
    assert member.image(newest["id"])[EXCLUDED] == "true"
    assert SUPERSEDED_AT not in member.only(name) and SUPERSEDED_AT in member.image(newest["id"])
    unchanged(succeed, **back)
    unchanged(succeed, name=name, version="3")

    succeed("image", name=name, version="3", promote=True)
    assert names() == {"1": "[NAME (1)]", "2": "[NAME (2)]", "3": "NAME"}
    assert EXCLUDED not in member.image(newest["id"])
    unchanged(succeed, name=name, version="3", promote=True)


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ({"exclude_from_latest": True}, "[NAME (2)]"),
        ({"exclude_from_latest": True, "retire": "keep"}, "NAME (2)"),
        ({"state": "inactive"}, "[NAME (2)]"),
        ({"state": "absent"}, None),
    ],
    ids=str,
)
def test_a_bad_version_loses_the_name(succeed, member, version, name, names, options, left):
    version("1")
    bad = version("2", holds=True)
    with cloud_support.calls() as calls:
        foretold = succeed("image", check=True, name=name, version="2", **options)
    assert not calls.writes
    result = succeed("image", name=name, version="2", **options)
    assert result["actions"] == foretold["actions"]
    assert names() == {"1": "NAME"} | ({"2": left} if left else {})
    assert bool(member.image(bad["id"])) == bool(left)
    unchanged(succeed, name=name, version="2", **options)


def test_a_bad_version_keeps_the_name_if_there_is_no_other(succeed, version, name, names):
    version("1", **{EXCLUDED: "true"})
    version("2", holds=True)
    for options in ({"exclude_from_latest": True}, {"state": "inactive"}):
        succeed("image", name=name, version="2", **options)
        assert names() == {"1": "[NAME (1)]", "2": "NAME"}
    assert succeed("image", name=name, version="1", exclude_from_latest=False)["changed"]
    assert names() == {"1": "NAME", "2": "[NAME (2)]"}


def test_superseded_versions_are_deleted_unless_protected(succeed, member, version, name, names, disk):
    first = version("1", holds=True, protected=True)
    succeed("image", name=name, version="2", filename=disk(), retire="delete", is_protected=False)
    assert names() == {"1": "[NAME (1)]", "2": "NAME"}
    second = member.only(name)
    member.patch(first["id"], {"op": "replace", "path": "/protected", "value": False})
    succeed("image", name=name, version="1", promote=True, retire="delete")
    assert names() == {"1": "NAME"} and member.image(second["id"]) is None


def test_an_image_that_is_no_version_loses_the_name_and_nothing_else(succeed, member, name, names, disk):
    old = member.create(name, DATA, os_distro="debian", visibility="private")
    result = succeed("image", name=name, version="1", filename=disk(), retire="delete")
    new, left = member.only(name), member.image(old["id"])
    assert new["id"] == result["image"]["id"] and (new["os_distro"], new["visibility"]) == ("debian", "private")
    assert (left["name"], left["os_hidden"], left["status"]) == (f"{name} ({old['created_at']})", True, "active")
    unchanged(succeed, name=name, version="1", filename=disk(), retire="delete")

    succeed("image", name=name, version="0", id=old["id"])
    assert names() == {"0": "[NAME (0)]", "1": "NAME"}, "and can be made a version"


def test_a_family_of_its_own_name_and_a_version_that_is_not_promoted(succeed, member, name, disk):
    options = {"family": f"{name}/f=1", "version": "1:2 ä", "promote": False}
    result = succeed("image", name=name, filename=disk(), **options)
    image = member.image(result["image"]["id"])
    assert (image["name"], image["os_hidden"]) == (f"{name} (1:2 ä)", False)
    unchanged(succeed, name=name, **options)
    unchanged(succeed, name=name, **options | {"promote": None})
    assert succeed("image", name=name, **options | {"promote": True})["image"]["name"] == name


def half_done(state: str, name: str, version: t.Any, member: cloud_support.Project, data: bytes) -> None:
    """What a run leaves that is killed while it makes version 2."""
    if state == "no version before":
        first = member.create(name, DATA, kept="1")
        version("2", holds=True, data=data, kept="1", **{REPLACES: first["id"]})
        return
    first = version("1", holds=True, kept="1")
    on_its_way = {INCOMING: first["id"], "kept": "1"}
    if state == "a record":
        version("2", data=None, **on_its_way)
    elif state == "the data":
        version("2", data=data, **on_its_way)
    elif state == "complete":
        version("2", data=data, kept="1", os_hidden=False)
    else:
        version("2", holds=True, data=data, kept="1")


@pytest.mark.parametrize(
    "state",
    ["a record", "the data", "complete", "both have the name", "no version before"],
)
def test_what_a_killed_run_leaves_is_finished_by_the_next(succeed, member, version, name, names, disk, state):
    half_done(state, name, version, member, disk().read_bytes())
    with cloud_support.calls() as calls:
        succeed("image", name=name, version="2", filename=disk(), retire="hide")
    assert sum(call.method == "PUT" for call in calls.glance) == (state == "a record")
    assert not [call for call in calls.glance if call.method == "POST"], "it goes on with what is there"
    image = member.only(name)
    assert (image[VERSION], image["status"], image["kept"], INCOMING in image) == ("2", "active", "1", False)
    assert [each for each in member.named(name) if each["id"] != image["id"]] == []
    assert names() == {"2": "NAME"} | ({"1": "[NAME (1)]"} if state != "no version before" else {})
    unchanged(succeed, name=name, version="2", filename=disk())


def test_a_version_that_is_to_go_is_gone_after_the_next_run(succeed, version, name, names):
    version("1", holds=True)
    version("2", holds=True)
    succeed("image", name=name, version="2", state="absent")
    assert names() == {"1": "NAME"}


def test_snapshots_are_no_versions(succeed, member, version, name, disk):
    version("1", holds=True)
    snapshot = version("3", name="my server", image_type="snapshot", os_hidden=False)
    succeed("image", name=name, version="2", filename=disk())
    assert member.only(name)[VERSION] == "2"
    assert member.image(snapshot["id"])["name"] == snapshot["name"]
    succeed("image", name=name, version="3", state="absent")
    assert member.image(snapshot["id"])


def test_images_of_volumes_are_no_versions(succeed, member, name, disk):
    """Until a task says that one is: then what it has inherited gives way."""
    succeed("image", name=name, version="1", filename=disk(1), content_key="k")
    copy = member.create_from_volume(member.only(name), "my volume")
    assert copy[VERSION] == "1" and copy["cloudimage_image_id"] != copy["id"]
    unchanged(succeed, name=name, version="1", filename=disk(1), content_key="k")
    succeed("image", name=name, version="2", filename=disk(2))
    assert succeed("image_info", family=name)["images"][0]["name"] == name
    assert succeed("image", name=name, version="1", state="absent")["changed"]
    assert member.image(copy["id"]) == copy
    succeed("image", name="my volume", id=copy["id"], family=name, version="3", promote=False)
    adopted = member.image(copy["id"])
    assert (adopted["cloudimage_image_id"], adopted[VERSION]) == (copy["id"], "3")
    assert "cloudimage_content_key" not in adopted
    unchanged(succeed, name="my volume", id=copy["id"], family=name, version="3", promote=False)


def test_other_content_for_a_version(succeed, member, version, name, names, disk):
    old = version("1", holds=True, **{END_OF_LIFE: "2999-01-01"})
    succeed("image", name=name, filename=disk())
    new, retired = member.only(name), member.image(old["id"])
    assert (new["id"] != old["id"], new[VERSION], new[END_OF_LIFE]) == (True, "1", "2999-01-01")
    assert retired["os_hidden"] and SUPERSEDED_AT in retired and SUPERSEDED_AT not in new
    unchanged(succeed, name=name, version="1", filename=disk())
    succeed("image", name=name, version="1", filename=disk(2), end_of_life="")
    assert END_OF_LIFE not in member.only(name)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"promote": True}, "promote: is about versions"),
        (
            {"version": "1", "promote": True, "end_of_life": "2020-01-01"},
            "promote: the end of life of version 1 was 2020-01-01",
        ),
        ({"version": "7", "promote": True}, "has no version '7', and the task names no source"),
    ],
    ids=lambda each: str(each) if isinstance(each, dict) else "",
)
def test_what_is_refused(fail, member, version, name, options, words):
    if options.get("end_of_life", "").startswith("20"):
        version("1")
    with cloud_support.calls() as calls:
        assert words in fail("image", name=name, **options)
    assert not calls.writes
