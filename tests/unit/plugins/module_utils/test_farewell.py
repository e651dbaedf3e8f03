# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How an image goes that its catalogue no longer names."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils._farewell import Departure, name_leavers, plan
from ansible_collections.cloudimage.glance.plugins.module_utils._observed import Image, Observed
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.glance_model import NOW, PROJECT, signed


def image(image_id: str, name: str, version: str | None = None, **more: t.Any) -> Image:
    stamps = {"cloudimage_family": "deb", "cloudimage_version": version} if version else {}
    body = {"cloudimage_catalog": "c", "status": "active", "os_hidden": False, "protected": False, "tags": []}
    return Image({"id": image_id, "name": name, "owner": PROJECT, **signed(image_id, body | stamps | more)})


GONE = "delete 2 (no longer in the catalogue)"
PASSES = [
    "exclude version 2 (2) from latest",
    "give the name 'deb' to version 1 (1)",
    "call 2 'deb (2)' and hide it",
    GONE,
]
TWO, ONE = image("2", "deb", "2"), image("1", "deb (1)", "1")
ROWS: list[tuple[str, list[Image], list[str]]] = [
    ("alone", [TWO], [GONE]),
    ("no version", [image("2", "deb")], [GONE]),
    ("gone already", [], []),
    ("gone already, a version stays", [ONE], []),
    ("taken over", [image("2", "deb", "2", cloudimage_catalog="d"), ONE], []),
    ("protected meanwhile", [image("2", "deb", "2", protected=True), ONE], []),
    ("a version stays", [TWO, ONE], PASSES),
    ("a protected one stays", [TWO, image("1", "deb (1)", "1", protected=True)], PASSES),
    ("the newest of several that stay", [TWO, image("0", "deb (0)", "0"), ONE], PASSES),
    ("the newest good one", [TWO, image("4", "deb (4)", "4", cloudimage_exclude_from_latest="true"), ONE], PASSES),
    ("none of them is good", [TWO, image("1", "deb (1)", "1", status="deactivated")], [GONE]),
    ("another version has the name", [TWO, image("4", "deb", "4"), ONE], [GONE]),
    (
        "another version has a name that was given by hand",
        [TWO, image("4", "gold", "4", cloudimage_exclude_from_latest="true"), ONE],
        PASSES,
    ),
    (
        "all others have names that were given by hand",
        [TWO, image("1", "gold", "1", cloudimage_superseded_at="2026-11-21T08:00:00Z")],
        PASSES,
    ),
    ("its own name was given by hand", [image("2", "gold", "2"), image("4", "deb", "4"), ONE], [GONE]),
    ("its own name was given by hand, and none has that of the family", [image("2", "gold", "2"), ONE], [GONE]),
    ("it lost the name meanwhile", [image("2", "deb (2)", "2"), ONE], [GONE]),
    ("another one goes, too", [TWO, image("9", "deb (9)", "9"), ONE], PASSES),
    ("the same version by hand", [TWO, image("4", "deb (2)", "2")], [GONE]),
    ("another family", [TWO, image("1", "deb (1)", "1", cloudimage_family="other")], [GONE]),
    ("an image of no family that has the name, without heirs", [TWO, image("8", "deb")], [GONE]),
]


@pytest.mark.parametrize(("images", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_plan(images: list[Image], expected: list[str]) -> None:
    departure = Departure(TWO, "c", frozenset(("2", "9")), leaves_name=True)
    actions = plan(departure, Observed(images=tuple(images), project_id=PROJECT, now=NOW)).actions
    assert actions == expected


def test_only_one_passes_the_name_on() -> None:
    departure = Departure(TWO, "c", frozenset("2"), leaves_name=False)
    assert plan(departure, Observed(images=(TWO, ONE), project_id=PROJECT, now=NOW)).actions == [GONE]


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        ([], []),
        ([TWO, ONE], ["2"]),
        ([ONE], []),
        ([image("1", "deb")], []),
        ([image("3", "deb", "3"), TWO], ["3"]),
        ([image("3", "deb", "3", os_hidden=True), TWO], ["2"]),
        ([image("3", "gold", "3"), TWO], ["2", "3"]),
        ([TWO, image("3", "deb", "3", cloudimage_family="other")], ["2", "3"]),
    ],
)
def test_name_leavers(images: list[Image], expected: list[str]) -> None:
    assert sorted(name_leavers(images)) == expected
