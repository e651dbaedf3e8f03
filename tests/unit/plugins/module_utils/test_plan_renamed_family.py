# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A family that gets another name: ``name: g`` and ``family: f``, where its versions were called f so far."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils import plan_hands as hands
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.glance_model import NAME, upload
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.version_support import (
    EXCLUDED,
    family,
    holding,
    names,
    of,
    task,
)

FILE = {"source": upload("/img/one")}
NEW = "trixie"
OLDER = (of("1"), of("2"), holding("3"))
NAMED_ANEW = {"1": f"[{NEW} (1)]", "2": f"[{NEW} (2)]", "3": NEW}


def declared(version: str, **more: t.Any) -> t.Any:
    return task(version, family=NAME, name=NEW, **more)


@pytest.mark.parametrize(
    ("there", "desired", "after"),
    [
        (OLDER, declared("3"), NAMED_ANEW),
        (OLDER, declared("1"), NAMED_ANEW),
        (OLDER, declared("4", **FILE), NAMED_ANEW | {"3": f"[{NEW} (3)]", "4": NEW}),
        (OLDER, declared("4", retire="keep", **FILE), NAMED_ANEW | {"3": f"{NEW} (3)", "4": NEW}),
        (OLDER, declared("1", promote=True), NAMED_ANEW | {"1": NEW, "3": f"[{NEW} (3)]"}),
        (OLDER, declared("3", state="absent"), {"1": f"[{NEW} (1)]", "2": NEW}),
        ((of("1"), holding("3", name=NEW)), declared("3"), {"1": f"[{NEW} (1)]", "3": NEW}),
        ((of("1"), holding("3", **{EXCLUDED: "true"})), declared("3"), {"1": NEW, "3": f"[{NEW} (3)]"}),
        ((holding("3", **{EXCLUDED: "true"}),), declared("3"), {"3": NEW}),
        ((of("1", name="gold"), holding("3")), declared("3"), {"1": "[gold]", "3": NEW}),
    ],
)
def test_all_versions_are_called_after_the_new_name(there: t.Any, desired: t.Any, after: dict[str, str]) -> None:
    cloud = family(*there)
    outcome = hands.run(cloud, desired)
    assert names(cloud) == after
    assert not hands.plan(cloud, desired).steps
    if outcome.image in cloud.images:
        assert outcome.plans[-1].after["name"] == cloud.images[outcome.image]["name"]


def test_a_new_version_inherits_from_the_one_that_has_the_name_so_far() -> None:
    cloud = family(holding("1", min_ram=7, os_distro="debian"))
    new = cloud.images[hands.run(cloud, declared("2", **FILE)).image]
    assert (new["name"], new["min_ram"], new["os_distro"]) == (NEW, 7, "debian")


def test_not_promoted_nothing_is_called_otherwise() -> None:
    cloud = family(*OLDER)
    hands.run(cloud, declared("4", promote=False, **FILE))
    assert names(cloud) == {"1": f"[{NAME} (1)]", "2": f"[{NAME} (2)]", "3": NAME, "4": f"{NEW} (4)"}
