# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module image_retention. Glance sets created_at itself, so ages come from the property cloudimage_superseded_at."""

from __future__ import annotations

import datetime
import json
import time
import typing as t
import uuid
from pathlib import Path

import cloud_support
import playbook_support
import pytest
import yaml

Project = cloud_support.Project
Json = cloud_support.Json


def ago(days: float) -> str:
    then = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=days)
    return then.strftime("%Y-%m-%dT%H:%M:%SZ")


def version(project: Project, name: str, number: int, superseded: float | None = None, **body: t.Any) -> str:
    """The id of a version as the module image leaves it: the newest bears the name, the others their own."""
    stamps = {"cloudimage_family": name, "cloudimage_version": str(number)}
    if superseded is not None:
        stamps["cloudimage_superseded_at"] = ago(superseded)
    called = name if superseded is None else f"{name} ({number})"
    return project.create(called, b"data", **{"visibility": "private", **stamps, **body})["id"]


def predecessor(project: Project, name: str, successor: str, superseded: float, **body: t.Any) -> str:
    """The id of an image that was hidden when another one took its name."""
    stamps = {"cloudimage_replaced_by": successor, "cloudimage_superseded_at": ago(superseded), "os_hidden": True}
    return project.create(name, b"data", **{"visibility": "private", **stamps, **body})["id"]


def fates(result: Json) -> dict[str, str]:
    return {image["id"]: image["fate"] for image in result["images"]}


def why(result: Json, image_id: str) -> str:
    (reason,) = [image["why"] for image in result["images"] if image["id"] == image_id]
    return reason


def state(project: Project, image_id: str) -> str:
    """How far an image has come, as Glance shows it."""
    image = project.image(image_id)
    if image is None:
        return "deleted"
    return " ".join((["hidden"] if image["os_hidden"] else []) + [image["status"]])


def test_stages_of_a_family(run, succeed, member, name):
    ages = {9: None, 8: 3, 7: 10, 6: 40, 5: 100, 4: 200}
    ids = {number: version(member, name, number, age) for number, age in ages.items()}
    others = version(member, f"{name}-other", 1, 900)
    rule = {"keep_last": 2, "hide_after": "0", "deactivate_after": "30d", "delete_after": "90d"}
    with cloud_support.calls() as calls:
        foretold = succeed("image_retention", check=True, family=name, **rule)
    # Kernel or ramdisk, of visible or hidden images: that is asked for each of the four that would be touched.
    assert not calls.writes and len(calls.glance) == 2 + 4 * 4
    assert [image["id"] for image in foretold["images"]] == [ids[number] for number in ages]
    wanted = ["keep", "keep", "hide", "deactivate", "delete", "delete"]
    assert list(fates(foretold).values()) == wanted
    assert [image["changed"] for image in foretold["images"]] == [fate != "keep" for fate in wanted]
    assert [image["age_days"] for image in foretold["images"]] == [None, 3, 10, 40, 100, 200]
    assert why(foretold, ids[6]) == "superseded 40 days ago, and deactivate_after is 30d"
    assert foretold["changed"] and foretold["diff"]["after"].keys() == {ids[9], ids[8], ids[7], ids[6]}
    assert foretold["diff"]["after"][ids[6]] == {"name": f"{name} (6)", "status": "deactivated", "hidden": True}

    done = succeed("image_retention", family=name, **rule)
    assert {key: done[key] for key in ("actions", "diff", "images")} == {
        key: foretold[key] for key in ("actions", "diff", "images")
    }
    seen = [state(member, ids[number]) for number in ages]
    assert seen == ["active", "active", "hidden active", "hidden deactivated", "deleted", "deleted"]
    assert state(member, others) == "active"

    with cloud_support.calls() as calls:
        again = succeed("image_retention", family=name, **rule)
    assert not again["changed"] and not calls.writes and len(calls.glance) == 2
    assert again["diff"]["before"] == again["diff"]["after"]
    assert list(fates(again).values()) == wanted[:4]


def test_what_is_kept_whatever_its_age(succeed, member, other, name):
    kernel = version(member, name, 1, 900, disk_format="aki", container_format="aki")
    protected = version(member, name, 2, 900, protected=True)
    shared = version(member, name, 3, 900, visibility="shared")
    community = version(member, name, 4, 900, visibility="community")
    unshared = version(member, name, 5, 900, visibility="shared")
    newest = version(member, name, 9, 900)
    promoted = version(member, name, 8, kernel_id=kernel)
    member.http("POST", f"/v2/images/{shared}/members", json={"member": other.id})
    slot = member.create(f"{name} (6)", cloudimage_family=name, cloudimage_version="6")["id"]
    snapshot = member.create(name, b"x", image_type="snapshot", cloudimage_family=name, cloudimage_version="10")["id"]
    result = succeed("image_retention", name_pattern=f"{name}*", delete_after="0")
    expected = {
        kernel: f"the image {promoted} needs it",
        protected: "it is protected",
        shared: "it is shared, and include_shared is not set",
        community: "it is community, and include_shared is not set",
        newest: "it is the newest good version of its family",
        promoted: f"it is the image that the name {name!r} means",
        slot: "it is queued, or somebody is at work on it",
        snapshot: "it is a snapshot of a server, and include_snapshots is not set",
    }
    assert {each: why(result, each) for each in expected} == expected
    assert [each for each, fate in fates(result).items() if fate != "keep"] == [unshared]
    assert state(member, unshared) == "deleted"
    assert all(member.image(each) for each in expected)
    told = succeed("image_retention", check=True, family=name, delete_after="0", include_shared=True)
    assert {each for each, fate in fates(told).items() if fate == "delete"} == {shared, community}
    assert snapshot not in fates(told)


def test_kernels_of_old_images(member, succeed, name, disk):
    """A kernel has whatever format was declared."""
    entries = [{"name": f"{name}-k", "disk_format": "raw"}, {"name": f"{name}-b", "kernel": f"{name}-k"}]
    ids = []
    for seed in (1, 2):
        files = [{**entry, "filename": str(disk(seed * 2 + number))} for number, entry in enumerate(entries)]
        succeed("images", images=files, defaults={"retire": "hide"})
        named = [image for entry in entries for image in member.named(entry["name"])]
        ids.append([image["id"] for image in named if not image["os_hidden"]])
    (old_kernel, old_image), new = ids
    assert member.image(old_image)["kernel_id"] == old_kernel and state(member, old_image) == "hidden active"
    for stage in ("deactivate", "delete"):
        result = succeed("image_retention", name=f"{name}-k", **{f"{stage}_after": "0"})
        assert not result["changed"] and why(result, old_kernel) == f"the image {old_image} needs it"
    result = succeed("image_retention", name_pattern=f"{name}-*", delete_after="0")
    assert fates(result) == {old_kernel: "delete", old_image: "delete", **dict.fromkeys(new, "keep")}
    assert [state(member, each) for each in (old_kernel, old_image, *new)] == ["deleted"] * 2 + ["active"] * 2


@pytest.mark.parametrize("more", [0, 4])
def test_kernels_of_images_that_are_not_selected(member, other, succeed, name, more):
    """Glance is asked for each image, or lists all of them."""
    version(member, name, 99)
    community = {"visibility": "community"}
    kernel, ramdisk = (version(member, name, number, 900, **community) for number in (1, 2))
    rest = [version(member, name, number, 900) for number in range(3, 3 + more)]
    apart = version(member, f"{name}-apart", 1, kernel_id=kernel, os_hidden=True)
    theirs = other.create(f"{name}-theirs", b"data", ramdisk_id=ramdisk, **community)["id"]
    rule = {"family": name, "delete_after": "0", "include_shared": True}
    with cloud_support.calls() as calls:
        result = succeed("image_retention", check=True, **rule)
    assert len(calls.glance) == 2 + (2 if more else 2 * 4)
    assert why(result, kernel) == f"the image {apart} needs it"
    assert why(result, ramdisk) == f"the image {theirs} needs it"
    assert succeed("image_retention", **rule)["changed"] == bool(more)
    assert [state(member, each) for each in (kernel, ramdisk, *rest)] == ["active"] * 2 + ["deleted"] * more
    other.http("DELETE", f"/v2/images/{theirs}")
    assert list(fates(succeed("image_retention", **rule)).values()) == ["keep", "delete", "keep"]
    assert state(member, ramdisk) == "deleted" and state(member, kernel) == "active"


def test_predecessors_of_a_name(succeed, member, name):
    current, young, old = (str(uuid.uuid4()) for _each in range(3))
    renamed = predecessor(member, f"{name} (2026-01-01T00:00:00Z)", old, 70)
    predecessor(member, name, current, 50, id=old)
    predecessor(member, name, current, 10, id=young)
    member.create(name, b"data", visibility="private", id=current)
    elsewhere = member.create(f"{name}-elsewhere", b"data", visibility="private")["id"]
    result = succeed("image_retention", name_pattern=f"{name}*", keep_last=2, delete_after="100d")
    assert [image["group"] for image in result["images"]] == [name] * 4 + [f"{name}-elsewhere"]
    assert list(fates(result)) == [current, young, old, renamed, elsewhere] and not result["changed"]
    assert why(result, young) == "it is one of the newest 2 (keep_last)"
    assert why(result, old) == "superseded 50 days ago, and delete_after is 100d"
    result = succeed("image_retention", name=name, delete_after="30d")
    assert fates(result) == {old: "delete", young: "keep", current: "keep"}
    assert state(member, old) == "deleted" and state(member, young) == "hidden active"
    result = succeed("image_retention", name_pattern=f"{name} *", delete_after="30d", allow_delete_all=True)
    assert fates(result) == {renamed: "delete"} and state(member, renamed) == "deleted"


SELECTIONS = [
    ({"family": "{0}"}, "ab"),
    ({"name": "{0}"}, "b"),
    ({"name_pattern": "{0} (?)"}, "a"),
    ({"name_pattern": "{0}*", "tags": ["x"]}, "ac"),
    ({"name_pattern": "{0}*", "tags": ["x", "y"]}, "a"),
    ({"properties": {"test_run": "{0}", "test_number": 1}}, "ab"),
    ({"properties": {"test_run": "{0}", "limit": "1"}}, "c"),
    ({"catalog": "{0}"}, "b"),
    ({"catalog": "{0}", "tags": ["x"]}, ""),
    ({"family": "{0}", "owner": "OTHER"}, "o"),
]


def test_selection(succeed, member, other, name):
    """All that is given has to hold; images of others, snapshots and names in other letters do not count."""
    marks = {"test_run": name}
    ids = {
        "a": version(member, name, 1, 2, tags=["x", "y"], test_number="1", **marks),
        "b": version(member, name, 2, tags=["y"], test_number="1", cloudimage_catalog=name, **marks),
        "c": member.create(f"{name}-c", b"x", tags=["x"], os_hidden=True, limit="1", **marks)["id"],
        "o": version(other, name, 3, visibility="community", **marks),
    }
    for selection, chosen in SELECTIONS:
        options = {key: _filled(value, name, other.id) for key, value in selection.items()}
        result = succeed("image_retention", check=True, delete_after="1000y", **options)
        assert fates(result).keys() == {ids[each] for each in chosen}, selection


def _filled(value: t.Any, name: str, other: str) -> t.Any:
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return {key: _filled(each, name, other) for key, each in value.items()}
    return value.format(name).replace("OTHER", other) if isinstance(value, str) else value


def test_an_administrator_says_whose_images(succeed, member, name):
    version(member, name, 2)
    old = version(member, name, 1, 5, visibility="community")
    rule = {"cloud": "local-admin", "family": name, "delete_after": "0", "include_shared": True}
    assert succeed("image_retention", **rule)["images"] == []
    assert fates(succeed("image_retention", owner=member.id, **rule))[old] == "delete"
    assert state(member, old) == "deleted"


def test_unused_images_only(succeed, member, name):
    version(member, name, 2)
    old = version(member, name, 1, 100)
    rule = {"family": name, "require_unused": True, "delete_after": "90d"}
    result = succeed("image_retention", **rule)
    assert fates(result)[old] == "keep" and not result["changed"]
    assert "not deleted, because it is not known whether servers or volumes use it" in why(result, old)
    assert "require_unused" in str(result["warnings"])
    result = succeed("image_retention", hide_after="1d", **rule)
    assert fates(result)[old] == "hide" and state(member, old) == "hidden active"
    assert not succeed("image_retention", hide_after="1d", **rule)["changed"]


def test_a_rule_that_would_leave_nothing(run, succeed, member, name):
    gone = "00000000-0000-4000-8000-000000000000"
    last = predecessor(member, name, gone, 50)
    version(member, f"{name}-2", 2)
    spared = version(member, f"{name}-2", 1, 50)
    rule = {"name_pattern": f"{name}*", "delete_after": "30d"}
    for check in (True, False):
        with cloud_support.calls() as calls:
            refused = run("image_retention", check=check, **rule)
        assert refused["failed"] and refused["reason"] == "invalid_option" and not calls.writes
        assert refused["msg"].startswith(
            f"allow_delete_all: the rule would delete every selected image of '{name}' (1): '{name}'. Nothing was done."
        )
        assert refused["ids"] == [last]
    result = succeed("image_retention", allow_delete_all=True, **rule)
    assert result["changed"] and [state(member, each) for each in (last, spared)] == ["deleted", "deleted"]
    assert not succeed("image_retention", **rule)["changed"]


def test_copy_of_an_image_that_was_superseded_long_ago(succeed, member, name, disk):
    """What Cinder makes of a volume inherits the day on which its image was superseded."""
    for number in (1, 2):
        succeed("image", name=name, filename=disk(number))
    (old,) = (image for image in member.named(name) if image["os_hidden"])
    member.patch(old["id"], {"op": "replace", "path": "/cloudimage_superseded_at", "value": "2020-01-01T00:00:00Z"})
    plain = member.create(f"{name}-export", b"x")
    copy = member.create_from_volume(member.image(old["id"]), f"{name}-export")
    told = succeed("image_retention", check=True, name=f"{name}-export", delete_after="30d")
    assert "2020-01-01" not in str(told["images"])
    assert fates(told) == {plain["id"]: "keep", copy["id"]: "keep"}


def test_snapshots_of_a_server(succeed, member, name):
    servers = ["11111111-0000-4000-8000-000000000000", "22222222-0000-4000-8000-000000000000"]
    ids = []
    for number in (1, 2):
        for server in servers:
            marks = {"image_type": "snapshot", "instance_uuid": server, "visibility": "private"}
            ids.append(member.create(f"{name}-{number}", b"x", **marks)["id"])
        time.sleep(1.1)  # Glance tells times in seconds
    rule = {"name_pattern": f"{name}-*", "keep_last": 1, "delete_after": "0", "age_of": "created"}
    assert not succeed("image_retention", **rule)["changed"]
    result = succeed("image_retention", include_snapshots=True, **rule)
    assert [image["group"] for image in result["images"]] == [f"server {servers[0]}"] * 2 + [f"server {servers[1]}"] * 2
    assert [state(member, each) for each in ids] == ["deleted", "deleted", "active", "active"]


def test_refusals_of_glance_are_told_image_by_image(run, succeed, member, other, name):
    olds = [version(other, name, number, 100, visibility="community") for number in (1, 2, 3)]
    rule = {"owner": other.id, "family": name, "delete_after": "90d", "include_shared": True}
    assert succeed("image_retention", check=True, **rule)["changed"]
    result = run("image_retention", **rule)
    assert result["failed"] and result["reason"] == "images_failed" and not result["changed"]
    assert result["msg"].startswith("2 of 3 images could not be changed. Glance refused to delete image ")
    assert [(image["failed"], image["changed"]) for image in result["images"]] == [(False, False)] + [(True, False)] * 2
    assert all("HTTP 403" in image["msg"] and image["id"] in image["msg"] for image in result["images"][1:])
    assert all(state(other, each) == "active" for each in olds)


BAD = [
    ({"delete_after": "0"}, "one of them has to say which images"),
    ({"owner": "x", "delete_after": "0"}, "one of them has to say which images"),
    ({"family": "x"}, "hide_after, deactivate_after or delete_after: "),
    ({"family": "", "delete_after": "0"}, "family: is empty"),
    ({"tags": [], "delete_after": "0"}, "tags: is empty"),
    ({"tags": [""], "delete_after": "0"}, "tags: is empty"),
    ({"properties": {}, "delete_after": "0"}, "properties: is empty"),
    ({"properties": {"a": None}, "delete_after": "0"}, "properties: 'a' has no value"),
    ({"properties": {"owner": "x"}, "delete_after": "0"}, "properties: 'owner' is an attribute"),
    ({"family": "x", "delete_after": "30"}, "delete_after: '30' is no duration; write 12h, 30d"),
    ({"family": "x", "delete_after": "-1d"}, "delete_after: '-1d' is no duration"),
    ({"family": "x", "delete_after": "9999999999y"}, "delete_after: '9999999999y' is too long"),
    ({"family": "x", "keep_within": "1m", "delete_after": "0"}, "keep_within: '1m' is no duration"),
    ({"family": "x", "keep_last": -1, "delete_after": "0"}, "keep_last: -1 is not"),
    ({"family": "x", "hide_after": "2d", "delete_after": "1d"}, "delete_after: 1d is less than hide_after, 2d"),
    (
        {"family": "x", "deactivate_after": "1y", "delete_after": "364d"},
        "delete_after: 364d is less than deactivate_after",
    ),
    (
        {"family": "x", "hide_after": "25h", "deactivate_after": "1d"},
        "deactivate_after: 1d is less than hide_after, 25h",
    ),
    ({"family": "x", "delete_after": "0", "owner": "no such project"}, "owner: there is no project"),
]


@pytest.mark.parametrize(("options", "words"), BAD, ids=[str(row[0]) for row in BAD])
def test_bad_options(fail, options, words):
    cloud = "local-admin" if "no such project" in options.values() else "local"
    with cloud_support.calls() as calls:
        message = fail("image_retention", **{"cloud": cloud, **options})
    assert words in message and not calls.glance


@pytest.mark.usefixtures("member")
def test_nothing_selected(succeed, name):
    for options, said in (
        ({"family": name}, f"family '{name}'"),
        (
            {"name_pattern": f"{name}*", "tags": ["a", "b"], "properties": {"os": "x"}},
            f"name_pattern '{name}*', tags 'a', 'b', properties {{'os': 'x'}}",
        ),
    ):
        result = succeed("image_retention", delete_after="0", **options)
        assert result["images"] == [] and result["actions"] == [] and not result["changed"]
        assert len(result["warnings"]) == 1 and f"No image is selected by {said}." in str(result["warnings"])


def retire(folder: Path, *arguments: str | Path, book: str = "cloudimage.glance.retire") -> tuple[int, str]:
    """The exit code and the output of the playbook retire."""
    return playbook_support.run(book, *arguments, environment={"HOME": str(folder)})


def test_playbook(tmp_path, member, name):
    version(member, name, 2)
    old = version(member, name, 1, 100)
    variables = {
        "retire_cloud": "local",
        "retire_rules": [{"family": name, "hide_after": "0d"}, {"family": name, "delete_after": "90d"}],
    }
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(variables))
    code, output = retire(tmp_path)
    assert code != 0 and "retire_rules is missing" in output, output
    foretold = retire(tmp_path, "-e", f"@{tmp_path / 'rules.yml'}", "--check")
    done = retire(tmp_path, "-e", f"@{tmp_path / 'rules.yml'}")
    for (code, output), began in ((foretold, "would be "), (done, "")):
        assert code == 0, output
        assert f"{name} (1) ({old}): {began}hidden, because superseded 100 days ago, " in output, output
        assert f"{name} (1) ({old}): {began}deleted, because superseded 100 days ago, " in output, output
        assert output.count(", because ") == 2, output
    assert state(member, old) == "deleted"
    assert "WARNING" not in done[1]
    assert done[1].count("changed: [localhost] => (item=") == 2, done[1]


def test_playbook_tells_only_what_it_changes(tmp_path, member, name):
    version(member, name, 2)
    old = version(member, name, 1, 100)
    rules = json.dumps({"retire_cloud": "local", "retire_rules": [{"family": name, "hide_after": "0d"}]})
    code, first = retire(tmp_path, "-e", rules)
    code_again, again = retire(tmp_path, "-e", rules)
    assert code == code_again == 0, first + again
    assert f"{name} (1) ({old}): hidden, because " in first, first
    assert state(member, old) == "hidden active"
    assert "because" not in again and "changed=0" in again, again


@pytest.mark.parametrize("check", [False, True])
def test_playbook_has_words_for_each_fate(tmp_path, check):
    """Some of these take races and refusals that are hard to arrange, so what is told comes from here."""
    told = {"name": "deb", "why": "so it is", "msg": None, "changed": True, "failed": False}
    images = [told | {"id": each, "fate": each} for each in ("keep", "hide", "deactivate", "delete")]
    images.append(told | {"id": "half", "fate": "deactivate", "failed": True, "msg": "Glance refused it."})
    (play,) = yaml.safe_load((Path(__file__).parents[3] / "playbooks/retire.yml").read_text())
    play |= {
        "tasks": play["tasks"][-1]["always"],
        "vars": play["vars"] | {"retire_outcome": {"results": [{"images": images}]}},
    }
    (tmp_path / "tell.yml").write_text(yaml.safe_dump([play]))
    _code, output = retire(tmp_path, *(["--check"] if check else []), book=str(tmp_path / "tell.yml"))
    words = {"keep": "kept", "hide": "hidden", "deactivate": "deactivated", "delete": "deleted"}
    for fate, word in words.items():
        assert f'"deb ({fate}): {"would be " if check else ""}{word}, because so it is"' in output, output
    if not check:
        assert '"deb (half): changed, but not deactivated, because Glance refused it."' in output, output


@pytest.mark.parametrize(
    "wrong, words",
    [
        (
            [{"family": "other", "keep_lats": 5, "catalgo": "base", "delete_after": "0d"}],
            [
                "(item=other)",
                "no option 'catalgo'; did you mean 'catalog'?",
                "no option 'keep_lats'; did you mean 'keep_last'?",
            ],
        ),
        (["other"], ["retire_rules is not a list of rules"]),
    ],
)
def test_playbook_refuses_wrong_rules_before_anything_is_done(tmp_path, member, name, wrong, words):
    version(member, name, 2)
    old = version(member, name, 1, 100)
    rules = [{"family": name, "delete_after": "90d"}, *wrong]
    with cloud_support.calls() as calls:
        code, output = retire(tmp_path, "-e", json.dumps({"retire_cloud": "local", "retire_rules": rules}))
    assert code != 0 and all(word in output for word in words), output
    assert not calls.writes and state(member, old) == "active"


def test_versions_as_the_module_image_leaves_them(succeed, member, name, disk):
    for number in (1, 2, 3, 4):
        succeed(
            "image", name=name, version=str(number), filename=str(disk(seed=number)), disk_format="raw", retire="keep"
        )
    rule = {"family": name, "keep_last": 2, "delete_after": "0"}
    foretold = succeed("image_retention", check=True, **rule)
    assert [image["version"] for image in foretold["images"]] == ["4", "3", "2", "1"]
    assert list(fates(foretold).values()) == ["keep", "keep", "delete", "delete"]
    assert why(foretold, member.only(name)["id"]) == f"it is the image that the name {name!r} means"
    succeed("image", name=name, version="2", promote=True)
    result = succeed("image_retention", **{**rule, "keep_last": 0})
    assert [(image["name"], image["fate"]) for image in result["images"]] == [
        (f"{name} (4)", "delete"),
        (f"{name} (3)", "delete"),
        (name, "keep"),
        (f"{name} (1)", "delete"),
    ]
    assert member.only(name)["cloudimage_version"] == "2"
    assert not succeed("image_retention", **rule)["changed"]


@pytest.mark.parametrize("retire", ["hide", "rename"])
def test_predecessors_as_the_module_image_leaves_them(succeed, member, name, disk, retire):
    ids = []
    for seed in (1, 2, 3):
        done = succeed("image", name=name, filename=str(disk(seed=seed)), disk_format="raw", retire=retire)
        ids.append(done["image"]["id"])
    result = succeed("image_retention", name_pattern=f"{name}*", keep_last=2, delete_after="0")
    assert list(fates(result).items()) == list(zip(reversed(ids), ["keep", "keep", "delete"], strict=True))
    assert {image["group"] for image in result["images"]} == {name}
    assert [state(member, each) for each in ids] == ["deleted", "hidden active", "active"]
