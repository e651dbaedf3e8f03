# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What plans leave that nobody carries out."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _image_steps as steps
from ansible_collections.cloudimage.glance.plugins.module_utils._foretold import World, id_to_come, is_to_come
from ansible_collections.cloudimage.glance.plugins.module_utils._source import Source

Json = dict[str, t.Any]
THERE: Json = {"id": "1", "name": "a", "status": "active", "os_hidden": False, "key": "value"}
USUAL: Json = {"id": id_to_come("new"), "owner": "p", "created_at": "2026-11-21T08:00:00Z"}
HIDE = ({"op": "replace", "path": "/os_hidden", "value": True}, {"op": "remove", "path": "/key"})
HIDDEN = {key: value for key, value in THERE.items() if key != "key"} | {"os_hidden": True}
MARK = ({"op": "add", "path": "/cloudimage_replaced_by", "value": "(new)"},)


@pytest.mark.parametrize(
    ("step", "left"),
    [
        (steps.Delete("1"), None),
        (steps.Retire("1", "delete", "(new)", ()), None),
        (steps.Supersede("1", "a (1)", HIDE, delete=True), None),
        (steps.Supersede("1", "a (1)", HIDE), HIDDEN),
        (steps.Retire("1", "hide", "(new)", MARK), THERE | {"cloudimage_replaced_by": "(the id of 'new')"}),
        (steps.Change("1", HIDE), HIDDEN),
        (steps.Change("1", ({"op": "add", "path": "/a~1b~0", "value": "x"},)), THERE | {"a/b~": "x"}),
        (steps.Deactivate("1"), THERE | {"status": "deactivated"}),
        (steps.Reactivate("1"), THERE),
        (steps.CopyToStores("1", ("fast",)), THERE),
    ],
)
def test_another_image(step: t.Any, left: Json | None) -> None:
    world = World()
    world.note([step], {}, {"1": THERE}, USUAL)
    assert world.over([THERE], lambda raw: raw["id"] == "1") == ([left] if left else [])


@pytest.mark.parametrize(
    ("after", "fill", "left"),
    [
        ({"id": "(new)"}, (), {"id": "(the id of 'new')", "owner": "p", "visibility": "shared", "status": "active"}),
        ({"id": "(new)", "visibility": "public"}, (), {"visibility": "public", "tags": [], "os_hidden": False}),
        ({"id": "1"}, (), {"id": "1", "cloudimage_image_id": "1", "os_hidden": False}),
        ({"id": "(new)"}, (steps.Fill("(new)", Source(), wait=False),), {"status": "importing"}),
    ],
)
def test_its_own_image(after: Json, fill: tuple[t.Any, ...], left: Json) -> None:
    world = World()
    world.note(fill, {"name": "a", "status": "active", "properties": {"p": "x"}, **after}, {"1": THERE}, USUAL)
    found = world.over([THERE], lambda raw: raw["name"] == "a")
    (image,) = (raw for raw in found if raw.get("p") == "x")
    assert {key: image[key] for key in left} == left and "key" not in image
    assert len(found) == (2 if after["id"] == "(new)" else 1)


def test_images_that_nobody_has_touched_are_found_as_they_are() -> None:
    assert World().over([THERE], lambda raw: False) == [THERE]


def test_one_that_is_changed_out_of_what_is_looked_for_is_not_found() -> None:
    world = World()
    rename = ({"op": "replace", "path": "/name", "value": "b"},)
    world.note([steps.Change("1", rename)], {}, {"1": THERE}, USUAL)
    assert world.over([THERE], lambda raw: raw["name"] == "a") == []
    assert [raw["id"] for raw in world.over([], lambda raw: raw["name"] == "b")] == ["1"]


def test_ids_to_come() -> None:
    assert is_to_come(id_to_come("it's")) and not is_to_come(THERE["id"]) and not is_to_come(None)
