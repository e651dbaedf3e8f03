# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kernels and ramdisks that ``retire: delete`` leaves, because others boot with them."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils import glance_model as model
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils import plan_hands as hands
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils import plan_support, version_support
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.glance_model import PROJECT, Cloud, number
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.plan_support import FILE, OTHER_FILE, want

RAW = {"disk_format": "raw"}
KERNEL = {"kernel_id": number(1)}
RAMDISK = {"ramdisk_id": number(1)}
BOTH = KERNEL | RAMDISK
GONE = {"name": "vm", "status": "deleted"}
FOLLOWS = ("kernel_id", PROJECT, "vm")


def needed(old: dict[str, t.Any], *needing: dict[str, t.Any]) -> Cloud:
    """A cloud with an old image, number 1, and with others that boot with it; those have names of their own."""
    cloud = Cloud()
    cloud.put(1, **old)
    for position, image in enumerate(needing, 5):
        cloud.put(position, **({"name": f"vm{position}"} | image))
    return cloud


def warnings(cloud: Cloud, desired: t.Any) -> list[str]:
    return [each for each in hands.plan(cloud, desired).warnings if "boot" in each]


@pytest.mark.parametrize(
    ("formats", "needing", "followers", "how"),
    [
        (RAW, [], [], "delete"),
        (RAW, [KERNEL], [], "hide"),
        (RAW, [RAMDISK], [], "hide"),
        ({"disk_format": "aki", "container_format": "aki"}, [KERNEL], [], "hide"),
        ({"disk_format": "ari", "container_format": "ari"}, [RAMDISK], [], "hide"),
        ({"disk_format": "qcow2"}, [KERNEL], [], "delete"),
        (RAW, [GONE | KERNEL], [], "delete"),
        (RAW, [{"kernel_id": number(2)}], [], "delete"),
        (RAW, [{"name": "vm"} | KERNEL], [FOLLOWS], "delete"),
        (RAW, [{"name": "vm"} | KERNEL], [("kernel_id", "id", number(5))], "delete"),
        (RAW, [{"name": "vm"} | KERNEL], [("ramdisk_id", PROJECT, "vm")], "hide"),
        (RAW, [{"name": "vm"} | KERNEL], [("kernel_id", "elsewhere", "vm")], "hide"),
        (RAW, [{"name": "vm"} | BOTH], [FOLLOWS], "hide"),
        (RAW, [{"name": "vm"} | BOTH], [FOLLOWS, ("ramdisk_id", PROJECT, "vm")], "delete"),
        (RAW, [{"name": "vm"} | KERNEL, KERNEL], [FOLLOWS], "hide"),
        (RAW, [{"name": "vm", "os_hidden": True, "cloudimage_replaced_by": number(4)} | KERNEL], [FOLLOWS], "hide"),
        (RAW, [version_support.holding("1") | {"name": "vm"} | KERNEL], [FOLLOWS], "hide"),
        (RAW, [version_support.of("1") | KERNEL], [("kernel_id", PROJECT, model.NAME, "1")], "delete"),
        (RAW, [version_support.of("1") | KERNEL], [("kernel_id", PROJECT, model.NAME, "2")], "hide"),
    ],
)
def test_a_replaced_image(
    formats: dict[str, str], needing: list[dict[str, t.Any]], followers: list[tuple[str, ...]], how: str
) -> None:
    desired = want(**OTHER_FILE, **RAW, container_format="bare", retire="delete", followers=frozenset(followers))
    cloud = needed(formats, *needing)
    assert plan_support.planned(cloud, desired)[-1] == f"retire 1 {how}"
    assert len(warnings(cloud, desired)) == (how == "hide")
    hands.run(cloud, desired)
    assert (number(1) in cloud.images) == (how == "hide")
    assert hands.plan(cloud, desired).steps == () == hands.plan(cloud, desired).warnings


@pytest.mark.parametrize("needing", [[], [KERNEL]])
def test_a_superseded_version(needing: list[dict[str, t.Any]]) -> None:
    desired = version_support.task("2", **OTHER_FILE, **RAW, retire="delete")
    cloud = needed(version_support.holding("1") | RAW, *needing)
    hands.run(cloud, desired)
    assert version_support.names(cloud) == {"2": model.NAME} | ({"1": f"[{model.NAME} (1)]"} if needing else {})
    assert hands.plan(cloud, desired).steps == ()


def test_a_protected_one_that_is_hidden_stays_protected() -> None:
    desired = want(**OTHER_FILE, **RAW, retire="delete", attributes={"protected": False})
    cloud = needed(RAW | {"protected": True}, KERNEL)
    hands.run(cloud, desired)
    assert cloud.images[number(1)]["os_hidden"] and cloud.images[number(1)]["protected"]


@pytest.mark.parametrize(
    ("count", "who"), [(1, "1 image still boots"), (2, "2 images still boot"), (3, "3 images still boot")]
)
def test_how_many_need_it_is_told(count: int, who: str) -> None:
    desired = want(**OTHER_FILE, **RAW, retire="delete")
    told = f"The replaced image {number(1)} is hidden and not deleted, for {who} with it."
    assert warnings(needed(RAW, *[KERNEL] * count), desired) == [told]


@pytest.mark.parametrize("options", [{**FILE, "retire": "delete"}, {**OTHER_FILE, "retire": "hide"}])
def test_nobody_is_asked_in_vain(options: dict[str, t.Any]) -> None:
    assert hands.observe(needed(RAW, KERNEL), want(**RAW, **options)).needing == {}
