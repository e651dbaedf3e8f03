# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs about one family at the same moment, in any order of their calls: what holds for all of them."""

from __future__ import annotations

import random
import typing as t

from ansible_collections.cloudimage.glance.plugins.module_utils._desired import Desired
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils import version_support as support
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.glance_model import (
    Cloud,
    upload,
)
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.race_model import Run, Stage
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.test_plan_any import QUICK
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.version_support import (
    EXCLUDED,
    FAMILY,
    INCOMING,
    REPLACED_BY,
    VERSION,
    bearers,
    names,
    rightful,
    task,
)
from hypothesis import given
from hypothesis import strategies as st

FILES = {"1": "/img/one", "2": "/img/two", "3": "/img/long", "4": "/img/one", "5": "/img/two"}


def _task(version: str, **options: t.Any) -> Desired:
    if options.get("promote"):
        options |= {"state": "present", "exclude_from_latest": None}
    return task(version, **options)


PROMOTERS = st.builds(_task, st.sampled_from("123"), promote=st.just(True))
MAKERS = st.builds(
    lambda version, promote: _task(version, promote=promote, source=upload(FILES[version])),
    st.sampled_from("12345"),
    st.sampled_from([None, True]),
)
OTHERS = st.builds(
    _task,
    st.sampled_from("123"),
    exclude_from_latest=st.sampled_from([None, None, True, False]),
    tags=st.sampled_from([None, frozenset("a"), frozenset("b")]),
    retire=st.sampled_from(["hide", "delete", "keep"]),
)
LEAVERS = st.builds(_task, st.sampled_from("123"), state=st.just("absent"))
BY_NAME = st.builds(lambda tags: task(tags=tags), st.sampled_from([None, frozenset("n")]))
STARTS = st.sampled_from(["holder", "holder", "two holders", "nobody"])


def start(how: str) -> Cloud:
    """Three versions, of which one, two or none has the name."""
    holders = {"holder": "1", "two holders": "12", "nobody": ""}[how]
    make = (support.holding if version in holders else support.of for version in "123")
    excluded = {EXCLUDED: "true"} if how == "holder" else {}
    return support.family(
        *(each(version, **(excluded if version != "1" else {})) for each, version in zip(make, "123", strict=True))
    )


def require_order(cloud: Cloud) -> None:
    """One good version has the name and is shown, no other one is; and each version is one image."""
    best, named = rightful(cloud), bearers(cloud)
    assert len(named) == 1 and not named[0]["os_hidden"], names(cloud)
    assert best is None or named[0]["id"] == best["id"], names(cloud)
    there = [raw for raw in cloud.images.values() if FAMILY in raw and REPLACED_BY not in raw]
    assert not [raw for raw in there if INCOMING in raw]
    assert len({raw[VERSION] for raw in there}) == len(there)


def require_rest(cloud: Cloud, declared: t.Iterable[Desired]) -> None:
    """Each run alone has nothing left to repair, and finds nothing to do when it runs twice."""
    for desired in declared:
        for _again in range(2):
            (run,) = Stage(cloud, random.Random(0)).play(desired)
            require_well(run)
            require_order(cloud)
        if run.outcome:
            assert not run.outcome.actions


def require_well(run: Run) -> None:
    """It has not failed, unless somebody else has deleted what it is about."""
    assert run.fault is None or "names no source" in str(run.fault), run.fault


def watch(cloud: Cloud) -> None:
    assert cloud.shown(), "for a moment there was nothing under the name"


@QUICK
@given(STARTS, st.lists(st.one_of(PROMOTERS, PROMOTERS, OTHERS, MAKERS), min_size=2, max_size=3), st.integers(0))
def test_one_good_version_has_the_name_after_any_race(how: str, declared: list[Desired], seed: int) -> None:
    cloud = start(how)
    if how != "nobody":
        cloud.watch = watch
    stage = Stage(cloud, random.Random(seed))
    runs = stage.play(*declared)
    cloud.watch = None
    for run in runs:
        require_well(run)
    require_order(cloud)
    require_rest(cloud, declared)


@QUICK
@given(STARTS, st.lists(st.one_of(PROMOTERS, PROMOTERS, OTHERS, MAKERS), min_size=2, max_size=3), st.integers(0))
def test_hosts_that_stand_still_repair_what_they_break(how: str, declared: list[Desired], seed: int) -> None:
    """Between any two calls any time may pass; then there can be a moment without the name, and a run that gives it back."""
    cloud = start(how)
    for run in Stage(cloud, random.Random(seed), prompt=False).play(*declared):
        require_well(run)
    require_order(cloud)
    require_rest(cloud, declared)


@QUICK
@given(
    STARTS, st.lists(st.one_of(LEAVERS, LEAVERS, PROMOTERS, OTHERS, BY_NAME), min_size=2, max_size=3), st.integers(0)
)
def test_versions_that_go_meanwhile(how: str, declared: list[Desired], seed: int) -> None:
    cloud = start(how)
    for run in Stage(cloud, random.Random(seed)).play(*declared):
        require_well(run)
    if bearers(cloud) or rightful(cloud):
        require_order(cloud)


@QUICK
@given(st.integers(2, 3), st.sampled_from([None, True]), st.booleans(), st.integers(0))
def test_one_version_is_made_once(parties: int, promote: bool | None, alone: bool, seed: int) -> None:
    cloud = Cloud() if alone else start("holder")
    declared = [_task("4", promote=promote, source=upload("/img/one"))] * parties
    for run in Stage(cloud, random.Random(seed)).play(*declared):
        assert run.fault is None
    require_order(cloud)
    assert len([raw for raw in cloud.images.values() if raw[VERSION] == "4"]) == 1
    require_rest(cloud, declared)
