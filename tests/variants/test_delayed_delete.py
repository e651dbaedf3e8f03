# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cloud that keeps the data of deleted images, and the images with the status "pending_delete", which nobody gets to see."""

from __future__ import annotations

import pytest
import variant_support

VARIANT = variant_support.LENIENT


def _kept(image_id: str) -> bool:
    return any(path.endswith(image_id) for path in variant_support.files())


def test_absent_then_present_again(succeed, member, name, disk):
    ids = set()
    for _round in range(2):
        first = succeed("image", name=name, filename=disk())
        assert first["changed"] and [image["id"] for image in member.named(name)] == [first["image"]["id"]]
        assert not succeed("image", name=name, filename=disk())["changed"]
        assert succeed("image", name=name, state="absent")["changed"]
        assert _kept(first["image"]["id"]), "this cloud deletes later"
        assert not succeed("image", name=name, state="absent")["changed"]
        assert succeed("image_info", name=name)["images"] == [] == member.named(name)
        ids.add(first["image"]["id"])
    assert len(ids) == 2


def test_deleted_image_is_not_taken_for_present(fail, succeed, member, name, disk):
    succeed("image", name=name, filename=disk(), properties={"a": "b"})
    succeed("image", name=name, state="absent")
    assert "There is no image" in fail("image", name=name, properties={"c": "d"})
    succeed("image", name=name, filename=disk())
    assert "a" not in member.only(name)


@pytest.mark.parametrize("retire", ["delete", "hide"])
def test_replaced_image(succeed, member, name, disk, retire):
    ids = []
    for seed in (1, 2, 1):
        assert succeed("image", name=name, filename=disk(seed), retire=retire)["changed"]
        assert not succeed("image", name=name, filename=disk(seed), retire=retire)["changed"]
        ids.append(member.only(name)["id"])
    assert len(set(ids)) == 3 and all(map(_kept, ids))
    assert len(member.named(name)) == (1 if retire == "delete" else 3)


def test_deleted_id_is_told_as_such(fail, succeed, member, name, disk):
    image_id = succeed("image", name=name, filename=disk())["image"]["id"]
    succeed("image", name=name, state="absent")
    message = fail("image", name=name, id=image_id, filename=disk())
    assert image_id in message and "deleted" in message
    assert not succeed("image", name=name, id=image_id, state="absent")["changed"]
    assert member.named(name) == []
