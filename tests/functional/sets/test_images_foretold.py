# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of a catalogue that depend on each other: check mode foretells what comes of them, and a second run finds nothing to do."""

from __future__ import annotations

import re
import threading
import typing as t
from pathlib import Path

import cloud_support
import files_support
import pytest
from cloud_support import Json, Project

Run = t.Callable[..., dict[str, t.Any]]
Disk = t.Callable[..., Path]
K, Z = "kernel", "disk"


class Scene(t.NamedTuple):
    """What is there, what is declared then, and what is in the cloud in the end: names, and names of kernels behind ``<``.

    In entries ``file`` is the number of a disk.
    """

    there: list[Json]
    then: list[Json]
    left: list[str]


def image(name: str, version: int | None = None, file: int | None = None, **more: t.Any) -> Json:
    return {"name": name, "version": version, "file": file, **more}


SCENES = {
    "the name of the kernel passes to an older version": Scene(
        [image(K, 1, 1), image(K, 2, 2), image(Z, file=1, kernel=K)],
        [image(K, 1, promote=True), image(Z, kernel=K)],
        ["disk < kernel=1", "kernel=1", "[kernel=2]"],
    ),
    "the kernel's newest version is excluded": Scene(
        [image(K, 1, 1), image(K, 2, 2), image(Z, file=1, kernel=K)],
        [image(K, 2, exclude_from_latest=True), image(Z, kernel=K)],
        ["disk < kernel=1", "kernel=1", "[kernel=2]"],
    ),
    "the kernel's newest version is absent": Scene(
        [image(K, 1, 1), image(K, 2, 2), image(Z, file=1, kernel=K)],
        [image(Z, kernel=K), image(K, 2, state="absent")],
        ["disk < kernel=1", "kernel=1"],
    ),
    "the kernel has been deactivated": Scene(
        [image(K, file=1), image(K, file=1, state="inactive")],
        [image(Z, file=2, kernel=K), image(K)],
        ["disk < kernel", "kernel"],
    ),
    "a new kernel, and a new version that does not get the name": Scene(
        [image(K, file=1), image(Z, 1, 1), image(Z, 2, 2, promote=True)],
        [image(K, file=2), image(Z, 1), image(Z, 2, promote=True), image(Z, 10, 1, kernel=K)],
        ["[disk=1]", "disk=10 < kernel", "disk=2", "kernel", "[kernel]"],
    ),
    "an older version inherits nothing from a newer one": Scene(
        [],
        [image(Z, 1, 1), image(Z, 10, 2, visibility="community", properties={"p": "x"})],
        ["[disk=1]", "disk=10 community p"],
    ),
    "a newer version inherits": Scene(
        [image(Z, 1, 1, visibility="private", properties={"p": "x"})],
        [image(Z, 1), image(Z, 2, 2)],
        ["[disk=1] private p", "disk=2 private p"],
    ),
    "a superseded version is declared, and so not deleted": Scene(
        [image(Z, 1, 1)],
        [image(Z, 1, retire="delete"), image(Z, 2, 2, retire="delete")],
        ["[disk=1]", "disk=2"],
    ),
    "a superseded version is not declared": Scene([image(Z, 1, 1)], [image(Z, 2, 2, retire="delete")], ["disk=2"]),
    "a new version beside the promoted one": Scene(
        [image(Z, 1, 1), image(Z, 2, 2, promote=True)],
        [image(Z, 2, promote=True), image(Z, 3, 1)],
        ["[disk=1]", "disk=2", "disk=3"],
    ),
    "promoted, and replaced at the same time": Scene(
        [image(Z, 1, 1), image(Z, 2, 2)],
        [image(Z, 2), image(Z, 1, 2, promote=True)],
        ["[disk=1]", "disk=1", "[disk=2]"],
    ),
    "a kernel that the cloud may change when it is imported": Scene(
        [],
        [
            image(Z, file=1, kernel=K),
            image(K, 1, 1, use_import=True, properties={"p": "x"}),
            image(K, 2, 2, use_import=True, properties={"p": "x"}),
        ],
        ["disk < kernel=2", "[kernel=1] p", "kernel=2 p"],
    ),
    "a chain of kernels": Scene(
        [image("a", file=1), image("b", file=1, kernel="a"), image("c", file=1, ramdisk="b")],
        [image("c", ramdisk="b"), image("b", file=2, kernel="a"), image("a", file=2)],
        ["[a]", "a", "[b] < a", "b < a", "c < b"],
    ),
    "an old kernel with which others boot": Scene(
        [image(K, file=1), image(Z, file=1, kernel=K)],
        [image(K, file=2, retire="delete")],
        ["disk < kernel", "[kernel]", "kernel"],
    ),
    "an old version of a ramdisk with which others boot": Scene(
        [image(K, 1, 1), image(Z, file=1, ramdisk=K)],
        [image(K, 2, 2, retire="delete")],
        ["disk < kernel=1", "[kernel=1]", "kernel=2"],
    ),
    "an old kernel, and all that boots with it": Scene(
        [image(K, file=1), image(Z, file=1, kernel=K), image("x", 1, 1, ramdisk=K)],
        [image(Z, kernel=K), image(K, file=2, retire="delete"), image("x", 1, ramdisk=K)],
        ["disk < kernel", "kernel", "x=1 < kernel"],
    ),
    "an old kernel, and what is absent from now on": Scene(
        [image(K, file=1), image(Z, file=1, kernel=K)],
        [image(K, file=2, retire="delete"), image(Z, state="absent")],
        ["kernel"],
    ),
    "an old kernel, and a ramdisk that nobody speaks of": Scene(
        [image(K, file=1), image(Z, file=1, kernel=K, ramdisk=K)],
        [image(K, file=2, retire="delete"), image(Z, kernel=K)],
        ["disk < kernel < kernel", "[kernel]", "kernel"],
    ),
    "an old kernel, and a disk that is hidden with it": Scene(
        [image(K, file=1), image(Z, file=1, kernel=K)],
        [image(Z, file=2, kernel=K), image(K, file=2, retire="delete")],
        ["[disk] < kernel", "disk < kernel", "[kernel]", "kernel"],
    ),
    "an old kernel, and a disk that is deleted with it": Scene(
        [image(K, file=1), image(Z, file=1, kernel=K)],
        [image(Z, file=2, kernel=K, retire="delete"), image(K, file=2, retire="delete")],
        ["disk < kernel", "kernel"],
    ),
}


@pytest.mark.parametrize("title", SCENES)
def test_foretold_and_settled(title: str, member: Project, succeed: Run, disk: Disk, name: str) -> None:
    scene = SCENES[title]
    for entry in scene.there:
        succeed("images", images=[_entry(entry, name, disk)])
    declared = {"images": [_entry(entry, name, disk) for entry in scene.then]}
    before = _images(member, name)
    with cloud_support.calls() as calls:
        foretold = succeed("images", check=True, _ansible_diff=True, **declared)
    assert not calls.writes
    done = succeed("images", **declared)
    after = _images(member, name)
    assert _facts(foretold["results"], before) == _facts(done["results"], before), "check mode tells what is done"
    assert [each["changed"] for each in foretold["results"]] == [each["changed"] for each in done["results"]]
    for each in foretold["diff"]:
        pictured = {key: each["after"].get(key) for key in ("name", "visibility", "os_hidden")}
        real = _by_name(after, pictured["name"]) if each["after"] else {}
        assert pictured == {key: real.get(key) if pictured[key] is not None else None for key in pictured}
    assert sorted(_told(image, after, name) for image in after) == sorted(scene.left)
    with cloud_support.calls() as calls:
        assert not succeed("images", **declared)["changed"]
    assert not calls.writes


def test_nothing_refers_to_an_image_that_never_comes(member: Project, run: Run, disk: Disk, name: str) -> None:
    """A version that is not to have the name of its family is no kernel under that name; the disk that is there stays."""
    kernel = {"name": f"{name}-k", "version": "1", "filename": str(disk(1))}
    succeeded = run("images", images=[{"name": name, "filename": str(disk(1)), "retire": "delete"}])
    assert not succeeded.get("failed")
    old = member.only(name)
    for versions, kernel_name in (
        ([kernel | {"promote": False}], f"{name}-k"),
        ([kernel | {"version": "2"}], f"{name}-k (2)"),
    ):
        images = [*versions, {"name": name, "filename": str(disk(2)), "kernel": kernel_name, "retire": "delete"}]
        for check in (True, False, False, True):
            result = run("images", check=check, images=images)
            assert result["failed"] and result["results"][0]["failed"] is False
            assert result["results"][1]["msg"] == f"kernel: there is no active image '{kernel_name}'."
        assert member.only(name) == old


@pytest.mark.parametrize("version", [None, "2"])
def test_an_old_kernel_stays_if_what_boots_with_it_fails(
    member: Project, run: Run, succeed: Run, disk: Disk, name: str, version: str | None
) -> None:
    kernel = {"name": f"{name}-k", "filename": str(disk(1)), "version": version and "1"}
    entry = {"name": name, "filename": str(disk(1)), "kernel": f"{name}-k"}
    succeed("images", images=[kernel, entry])
    old = member.only(name)["kernel_id"]
    kernel |= {"filename": str(disk(2)), "retire": "delete", "version": version}
    entry |= {"filename": str(disk(2)), "on_content_change": "fail"}
    told = []
    for check in (True, False):
        result = run("images", check=check, images=[kernel, entry])
        assert [each["failed"] for each in result["results"]] == [False, True]
        told.append(
            str(result["warnings"]).count(f"image {old} is hidden and not deleted, for 1 image still boots with it.")
        )
    assert told == [1, 1]
    assert member.only(name)["kernel_id"] == old
    kept = member.image(old)
    assert kept and kept["os_hidden"] and kept["status"] == "active"


def test_whom_an_old_image_boots_is_asked_only_of_one_that_goes(succeed: Run, disk: Disk, name: str) -> None:
    entry = {"name": name, "filename": str(disk(1)), "retire": "delete", "disk_format": "raw"}
    succeed("images", images=[entry])
    entry["filename"] = str(disk(2))
    asked = []
    for _run in range(2):
        with cloud_support.calls() as calls:
            succeed("images", images=[entry])
        asked.append(any("kernel_id=" in call for call in map(str, calls.glance)))
    assert asked == [True, False]


@pytest.mark.parametrize("state", ["absent", "inactive"])
def test_a_kernel_that_is_declared_away(fail: t.Callable[..., str], name: str, disk: Disk, state: str) -> None:
    images = [{"name": f"{name}-k", "state": state}, {"name": name, "filename": str(disk(1)), "kernel": f"{name}-k"}]
    with cloud_support.calls() as calls:
        told = fail("images", images=images)
    assert not calls.glance
    assert told == f"images: entry 2 ('{name}'): kernel is entry 1 ('{name}-k'), which is declared {state}."


def test_import_that_is_not_waited_for_is_no_kernel_yet(member: Project, run: Run, disk: Disk, name: str) -> None:
    with files_support.serving() as web:
        web.files["/slow"] = disk(1).read_bytes()
        gate = threading.Event()
        web.faults["/slow"] = files_support.Faults(gate=gate)
        kernel = {"name": f"{name}-k", "uri": f"{web.url}/slow", "disk_format": "raw"}
        images = [kernel, {"name": name, "filename": str(disk(2)), "kernel": f"{name}-k"}]
        for check in (True, False, False):
            result = run("images", check=check, images=images, wait=False)
            assert result["failed"] and "no active image" in result["results"][1]["msg"]
        assert member.named(name) == []
        member.http("DELETE", f"/v2/images/{member.only(f'{name}-k')['id']}")
        gate.set()


class TestPruning:
    """What a catalogue needs is not pruned, whether or not it is named."""

    def prune(self, succeed: Run, images: list[Json], mark: str) -> list[str]:
        """Prune, after check mode has foretold it; twice."""
        told = [
            [each["name"] for each in succeed("images", check=check, images=images, catalog=mark, prune=True)["pruned"]]
            for check in (True, False, False)
        ]
        assert told[0] == told[1] and told[2] == []
        return told[0]

    def test_named_by_its_id(self, member: Project, succeed: Run, disk: Disk, name: str) -> None:
        succeed("images", images=[{"name": name, "filename": str(disk(1))}], catalog=name)
        image = member.only(name)
        assert self.prune(succeed, [{"name": image["id"], "tags": ["t"]}], name) == []
        assert member.only(name)["tags"] == ["t"]

    def test_kernels_of_what_stays(self, member: Project, succeed: Run, disk: Disk, name: str) -> None:
        kernels = [{"name": f"{name}-{letter}", "filename": str(disk(1))} for letter in "krx"]
        boots = {"kernel": f"{name}-k", "ramdisk": f"{name}-r"}
        entry = {"name": name, "filename": str(disk(1)), **boots}
        succeed("images", images=[*kernels, entry], catalog=name)
        assert self.prune(succeed, [entry], name) == [f"{name}-x"]
        # the hidden predecessor keeps its kernel; of what has no predecessor, the kernel goes
        replaced = {"name": name, "filename": str(disk(2)), "kernel": f"{name}-k", "properties": {"ramdisk_id": None}}
        assert self.prune(succeed, [replaced], name) == []
        (old,) = (image for image in member.named(name) if image["os_hidden"])
        assert old["ramdisk_id"] == member.only(f"{name}-r")["id"]
        member.http("DELETE", f"/v2/images/{old['id']}")
        assert self.prune(succeed, [replaced], name) == [f"{name}-r"]
        assert member.only(name)["kernel_id"] == member.only(f"{name}-k")["id"]

    def test_family_of_a_kernel(self, member: Project, succeed: Run, disk: Disk, name: str) -> None:
        kernels = [{"name": f"{name}-k", "version": str(number), "filename": str(disk(1))} for number in (1, 2)]
        entry = {"name": name, "filename": str(disk(1)), "kernel": f"{name}-k"}
        succeed("images", images=[*kernels, entry], catalog=name)
        assert self.prune(succeed, [entry], name) == []
        assert member.named(f"{name}-k (1)") and member.only(f"{name}-k")

    def test_kernel_of_an_image_of_no_catalogue(self, member: Project, succeed: Run, disk: Disk, name: str) -> None:
        images = [{"name": f"{name}-{letter}", "filename": str(disk(1))} for letter in "kx"]
        succeed("images", images=[*images, {"name": name, "filename": str(disk(1))}], catalog=name)
        other = member.create(f"{name}-o", b"x", kernel_id=member.only(f"{name}-k")["id"], os_hidden=True)
        assert self.prune(succeed, [{"name": name}], name) == [f"{name}-x"]
        member.http("DELETE", f"/v2/images/{other['id']}")
        assert self.prune(succeed, [{"name": name}], name) == [f"{name}-k"]

    def test_who_else_can_use_it_is_told(self, member: Project, succeed: Run, disk: Disk, name: str) -> None:
        images = [{"name": f"{name}-{n}", "filename": str(disk(1)), "visibility": "community"} for n in (1, 2)]
        succeed("images", images=images, catalog=name)
        gone = member.only(f"{name}-2")
        result = succeed("images", images=images[:1], catalog=name, prune=True)
        warning = f"no longer names '{name}-2' ({gone['id']}), which is community: other projects can use it, too."
        assert warning in str(result["warnings"]).replace("\\", "") and member.image(gone["id"]) is None


def _entry(entry: Json, prefix: str, disk: Disk) -> Json:
    made = {key: value for key, value in entry.items() if value is not None and key != "file"}
    for key in ("name", "kernel", "ramdisk"):
        if key in made:
            made[key] = f"{prefix}-{made[key]}"
    if "version" in made:
        made["version"] = str(made["version"])
    return made | ({"filename": str(disk(entry["file"]))} if entry["file"] else {})


def _images(member: Project, prefix: str) -> list[Json]:
    found = [
        image
        for hidden in ("false", "true")
        for image in member.http("GET", f"/v2/images?owner={member.id}&os_hidden={hidden}").json()["images"]
    ]
    return [image for image in found if image["name"].startswith(prefix)]


def _by_name(images: list[Json], name: str) -> Json:
    return next(image for image in sorted(images, key=lambda each: each["os_hidden"]) if image["name"] == name)


def _told(image: Json, images: list[Json], prefix: str) -> str:
    """An image in short: ``[disk=1] < kernel private p``, in brackets if it is hidden, by its version rather than its name."""
    told = image["name"].removeprefix(f"{prefix}-")
    if version := image.get("cloudimage_version"):
        told = f"{told.removesuffix(f' ({version})')}={version}"
    told = f"[{told}]" if image["os_hidden"] else told
    for key in ("kernel_id", "ramdisk_id"):
        if key in image:
            needed = next(each for each in images if each["id"] == image[key])
            version = needed.get("cloudimage_version")
            short = needed["name"].removeprefix(f"{prefix}-").removesuffix(f" ({version})")
            told += f" < {short}" + (f"={version}" if version else "")
    told += "" if image["visibility"] == "shared" else f" {image['visibility']}"
    return told + (" p" if image.get("p") else "")


def _facts(results: list[Json], before: list[Json]) -> list[list[str]]:
    """The actions, without ids of images that were not there before."""
    known = {image["id"] for image in before}

    def without(action: str) -> str:
        plain = re.sub(r"\(the id of '[^']*'\)|\(new\)", "NEW", action)
        return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", lambda m: m[0] if m[0] in known else "NEW", plain)

    return [
        [re.sub(r" \(NEW\)|^(exclude version \S+) .*", r"\1", without(each)) for each in result["actions"]]
        for result in results
    ]
