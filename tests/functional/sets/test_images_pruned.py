# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a catalogue that is pruned leaves behind: no image without its kernel, and no family without its name."""

from __future__ import annotations

import contextlib
import typing as t
from pathlib import Path

import cloud_support
import pytest
from cloud_support import Json, Project

Run = t.Callable[..., dict[str, t.Any]]
Disk = t.Callable[..., Path]


@contextlib.contextmanager
def undeletable(image: Json) -> t.Iterator[None]:
    """Glance refuses to delete an image (403) whose file the store cannot remove."""
    (file,) = (cloud_support.CLOUD_DIR / "data" / "glance" / "stores").rglob(image["id"])
    aside = file.with_suffix(".aside")
    file.rename(aside)
    file.mkdir()
    try:
        yield
    finally:
        file.rmdir()
        aside.rename(file)


def test_kernel_of_an_image_that_could_not_be_deleted(
    member: Project, run: Run, succeed: Run, disk: Disk, name: str
) -> None:
    kernel, needy, kept, other = ({"name": f"{name}-{what}", "filename": str(disk(1))} for what in "kvox")
    needy["kernel"] = kernel["name"]
    declared: Json = {"images": [kept], "catalog": name, "prune": True}
    succeed("images", images=[kernel, needy, kept, other], catalog=name)
    needing = member.only(needy["name"])
    foretold = succeed("images", check=True, **declared)
    assert {each["name"] for each in foretold["pruned"]} == {each["name"] for each in (kernel, needy, other)}
    with undeletable(needing):
        for changed in (True, False):
            result = run("images", **declared)
            assert result["failed"] and result["changed"] is changed
            pruned = {each["name"]: each for each in result["pruned"]}
            assert pruned[needy["name"]]["reason"] == "server_refusal"
            assert pruned[kernel["name"]] == {
                "name": kernel["name"],
                "id": needing["kernel_id"],
                "changed": False,
                "failed": True,
                "actions": [],
                "msg": f"The image {needing['id']}, which needs it, could not be deleted.",
                "reason": "image_fault",
            }
            assert (other["name"] in pruned) is changed, "what nobody needs goes all the same"
            assert member.only(kernel["name"])["id"] == needing["kernel_id"]
    with cloud_support.calls() as calls:
        assert succeed("images", **declared)["changed"]
    assert [call.path.rpartition("/")[2] for call in calls.writes] == [needing["id"], needing["kernel_id"]]
    assert not succeed("images", **declared)["changed"]


@pytest.mark.parametrize(
    ("stays", "retire"), [("another catalogue", "hide"), ("no mark", "keep"), ("protected", "hide")]
)
def test_name_of_a_family_passes_to_a_version_that_stays(
    member: Project, succeed: Run, disk: Disk, name: str, stays: str, retire: str
) -> None:
    old, new = ({"name": name, "version": n, "filename": str(disk(int(n))), "retire": retire} for n in "12")
    kept: Json = {"name": f"{name}-kept", "filename": str(disk(1))}
    mark = {"another catalogue": f"{name}-a", "no mark": None, "protected": name}[stays]
    succeed("images", images=[old | {"is_protected": stays == "protected"}], catalog=mark)
    succeed("images", images=[new | {"is_protected": False}, kept], catalog=name)
    stable, staying = member.only(name), member.named(f"{name} (1)")[0]
    assert (stable["cloudimage_version"], staying["os_hidden"]) == ("2", retire == "hide")
    declared: Json = {"images": [kept], "catalog": name, "prune": True}
    with cloud_support.calls() as calls:
        foretold = succeed("images", check=True, **declared)
    assert not calls.writes
    result = succeed("images", **declared)
    assert result["pruned"] == foretold["pruned"] and result["actions"] == foretold["actions"]
    assert [each["id"] for each in result["pruned"]] == [stable["id"]]
    acts = [action.removeprefix(f"{name}: ").split()[0] for action in result["actions"]]
    assert acts == ["exclude", "give", "call", "delete"], result["actions"]
    assert member.only(name)["id"] == staying["id"] and member.image(stable["id"]) is None
    assert not succeed("images", **declared)["changed"]
    assert not succeed("images", images=[old], catalog=mark)["changed"]
