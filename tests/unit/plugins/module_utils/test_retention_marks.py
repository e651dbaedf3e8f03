# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Old images without a name, which nothing supersedes, and old versions that a catalogue may make again."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils._retention_plan import plan
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.test_retention_plan import (
    REPLACED,
    Raw,
    raw,
    release,
    rule,
    stock,
)

NAMELESS = [
    raw(each, age, name=name) for each, age, name in (("a", 9, None), ("b", 50, None), ("c", 70, ""), ("d", 90, ""))
]
NOW = {"delete_after": "0", "allow_delete_all": True}


@pytest.mark.parametrize("age_of", ["superseded", "created"])
def test_nothing_supersedes_an_image_without_a_name(age_of: str) -> None:
    decided = plan(rule(**NOW, age_of=age_of), stock(*NAMELESS, shared_with=0, needed_by=frozenset()))
    assert not decided.steps
    assert {fate.why for fate in decided.fates} == {"it has no name, so that no other image can have taken its place"}
    assert len({fate.group for fate in decided.fates}) == len(NAMELESS)


@pytest.mark.parametrize(
    ("raws", "expected"),
    [
        ([raw("now", 40, name=None), raw("x", 90, name=None, **REPLACED), *NAMELESS], ["x"]),
        ([release(2, name=None), release(1, superseded=40, name="")], ["v1"]),
        ([raw("s", 40, name=None, image_type="snapshot"), raw("t", 90, name=None, image_type="snapshot")], []),
        ([raw("s", 40, name=None, instance_uuid="i"), raw("t", 90, name=None, instance_uuid="i")], ["t"]),
    ],
    ids=["replaced", "versions", "snapshots of unknown servers", "snapshots of a server"],
)
def test_what_is_superseded_by_more_than_a_name(raws: list[Raw], expected: list[str]) -> None:
    decided = plan(rule(**NOW, include_snapshots=True), stock(*raws, shared_with=0, needed_by=frozenset()))
    assert [fate.image.id for fate in decided.fates if fate.steps] == expected


MARKED = {"cloudimage_catalog": "base"}


@pytest.mark.parametrize(
    ("old", "stages", "warns"),
    [
        (MARKED, {"delete_after": "30d"}, True),
        (MARKED, {"deactivate_after": "30d"}, True),
        (MARKED, {"hide_after": "30d"}, False),
        (MARKED, {"delete_after": "60d"}, False),
        (MARKED | {"protected": True}, {"delete_after": "30d"}, False),
        (MARKED | REPLACED, {"delete_after": "30d"}, False),
        (MARKED | {"family": None, "name": "deb", "os_hidden": True}, {"delete_after": "30d"}, False),
        ({}, {"delete_after": "30d"}, False),
    ],
    ids=str,
)
def test_a_catalogue_that_makes_again_what_a_rule_deletes_is_told(
    old: Raw, stages: dict[str, t.Any], warns: bool
) -> None:
    images = stock(release(2, id="now"), release(1, superseded=40, **old), shared_with=0, needed_by=frozenset())
    decided = plan(rule(**stages, allow_delete_all=True), images)
    said = "; the next run of the catalogue 'base' undoes it if it still declares this version"
    assert any(fate.why.endswith(said) for fate in decided.fates) is warns
    assert any("'base'" in warning and "deb (1)" in warning for warning in decided.warnings) is warns
