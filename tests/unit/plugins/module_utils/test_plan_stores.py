# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans about the stores that hold the data of an image."""

from __future__ import annotations

import contextlib
import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _errors as errors
from ansible_collections.cloudimage.glance.plugins.module_utils._observed import Observed
from ansible_collections.cloudimage.glance.plugins.module_utils._storing import placing, way_in
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils import glance_model as model
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils import plan_hands as hands
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.glance_model import (
    ONE,
    TWO,
    Cloud,
    digest,
    number,
    upload,
)
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.plan_support import (
    FILE,
    HERE,
    KEY,
    NEW,
    QUEUED,
    REPLACED,
    SOON,
    URI,
    clouded,
    planned,
    want,
)

BOTH = {"stores": ("fast", "slow")}
SLOW = {"stores": ("slow",)}
IN_BOTH = HERE | {"stores": "fast,slow"}
ASLEEP = {"status": "deactivated"}
COPYING = {"os_glance_import_task": "task"}
DIRECT = ("glance-direct", "web-download")
COPY = ("web-download", "copy-image")


@pytest.mark.parametrize(
    ("image", "options", "expected"),
    [
        pytest.param(HERE, {"stores": ("fast",)}, [], id="there"),
        pytest.param(IN_BOTH, {"stores": ("slow", "fast")}, [], id="the order says nothing"),
        pytest.param(IN_BOTH, {}, [], id="not declared"),
        pytest.param(HERE, BOTH, ["copystores 1 slow"], id="copied"),
        pytest.param(HERE, {"stores": ("tape", "fast", "slow")}, ["copystores 1 tape slow"], id="copied at once"),
        pytest.param(IN_BOTH, SLOW, ["remove 1 fast"], id="removed"),
        pytest.param(HERE, SLOW, ["copystores 1 slow", "remove 1 fast"], id="copied before it is removed"),
        pytest.param(
            IN_BOTH, {"stores": ("tape",)}, ["copystores 1 tape", "remove 1 fast", "remove 1 slow"], id="moved"
        ),
        pytest.param(
            HERE | ASLEEP, BOTH, ["reactivate 1", "copystores 1 slow"], id="deactivated, present: woken before"
        ),
        pytest.param(
            HERE | ASLEEP,
            {**BOTH, "state": "inactive"},
            ["reactivate 1", "copystores 1 slow", "deactivate 1"],
            id="inactive: woken and put back",
        ),
        pytest.param(
            IN_BOTH | ASLEEP,
            {**SLOW, "state": "inactive"},
            ["reactivate 1", "remove 1 fast", "deactivate 1"],
            id="inactive: woken for a removal, too",
        ),
        pytest.param(IN_BOTH | ASLEEP, {**BOTH, "state": "inactive"}, [], id="inactive, and nothing to move"),
        pytest.param(HERE, {**BOTH, "state": "inactive"}, ["copystores 1 slow", "deactivate 1"], id="then deactivated"),
        pytest.param(
            HERE, {**BOTH, "tags": frozenset("a")}, ["change 1", "copystores 1 slow"], id="metadata before copies"
        ),
        pytest.param(HERE | COPYING, BOTH, ["wait 1"], id="a copy is under way: wait"),
        pytest.param(HERE | COPYING, {**BOTH, "wait": False}, [], id="a copy is under way, wait false"),
        pytest.param(HERE | COPYING, {"tags": frozenset("a")}, ["wait 1"], id="a change would be lost: wait"),
        pytest.param(HERE | COPYING, {"state": "absent"}, ["wait 1"], id="absent: a file would be left: wait"),
        pytest.param(HERE | COPYING, {}, [], id="a copy is under way, and nothing to do"),
        pytest.param({"data": TWO} | COPYING, FILE, ["wait 1"], id="the one to be replaced is being copied: wait"),
        pytest.param({"data": TWO}, {**FILE, **BOTH}, REPLACED, id="replaced: into the declared stores"),
        pytest.param(QUEUED, {**FILE, **BOTH}, ["change 1", "fill 1", "verify 1"], id="slot: into several by import"),
        pytest.param(HERE, {"state": "absent", **BOTH}, ["delete 1"], id="absent"),
    ],
)
def test_steps(image: dict[str, t.Any], options: dict[str, t.Any], expected: list[str]) -> None:
    words = {"copystores": "copytostores", "remove": "removefromstore"}
    told = [" ".join(words.get(each, each) for each in step.split()) for step in expected]
    assert planned(clouded(image), want(**options)) == told


@pytest.mark.parametrize(
    ("options", "methods", "method", "first", "then"),
    [
        pytest.param(SLOW, DIRECT, None, ("slow",), [], id="one: direct"),
        pytest.param(BOTH, DIRECT, "glance-direct", ("fast", "slow"), [], id="several: by import"),
        pytest.param(BOTH, COPY, None, ("fast",), ["copytostores slow"], id="several, no import: uploaded and copied"),
        pytest.param({**BOTH, **URI}, DIRECT, "web-download", ("fast", "slow"), [], id="several: fetched"),
    ],
)
def test_the_way_into_stores(
    options: dict[str, t.Any],
    methods: tuple[str, ...],
    method: str | None,
    first: tuple[str, ...],
    then: list[str],
) -> None:
    cloud, declared = Cloud(import_methods=methods), want(**FILE | options)
    found = hands.plan(cloud, declared)
    assert (found.steps[1].source.method, found.steps[1].stores) == (method, first)
    assert planned(cloud, declared) == [*NEW, *then]
    outcome = hands.run(cloud, declared)
    assert set(cloud.images[outcome.image]["stores"].split(",")) == set(declared.stores or ())
    assert planned(cloud, declared) == []


def test_a_format_that_an_import_has_changed_counts_where_the_declared_stores_need_no_import() -> None:
    """Or else the next run, which finds it in one store, would judge otherwise."""
    converted = IN_BOTH | {"disk_format": "raw", KEY: f"sha512:{digest(ONE)}", "data": TWO}
    declared = FILE | {"disk_format": "qcow2"}
    assert planned(clouded(converted), want(**declared, **BOTH)) == []
    assert planned(clouded(converted), want(**declared)) == []
    assert planned(clouded(converted), want(**declared, **SLOW)) == REPLACED
    assert planned(clouded(converted | {"stores": "fast"}), want(**declared, **BOTH)) == ["copytostores 1 slow"]


def test_the_sentences() -> None:
    actions = hands.plan(clouded(IN_BOTH), want(stores=("slow", "tape"))).actions
    assert actions == [f"copy {number(1)} to the store tape", f"remove {number(1)} from the store fast"]
    actions = hands.plan(clouded(HERE | COPYING), want(stores=("slow",))).actions
    assert actions == [f"wait for {number(1)}, which is being copied"]
    found = hands.plan(clouded(HERE | COPYING), want(stores=("slow",), wait=False))
    assert [each for each in found.warnings if "is being copied; with wait: false the rest is left" in each]


def test_the_picture_shows_stores() -> None:
    found = hands.plan(clouded(IN_BOTH), want(stores=("tape", "slow")))
    assert (found.before["stores"], found.after["stores"]) == (["fast", "slow"], ["slow", "tape"])
    assert hands.plan(Cloud(), want(**FILE, **BOTH)).after["stores"] == ["fast", "slow"]


@pytest.mark.parametrize(
    ("images", "options", "facts", "words"),
    [
        pytest.param([HERE], BOTH, {"stores": {}}, "single store", id="a single store"),
        pytest.param([], {**FILE, **BOTH}, {"stores": {}}, "single store", id="a single store, new image"),
        pytest.param([HERE], {"stores": ("ssd",)}, {}, "'ssd'; it has fast, slow, tape, web", id="unknown"),
        pytest.param([], {**FILE, "stores": ("fast", "ssd")}, {}, "'ssd'", id="unknown, new image"),
        pytest.param([HERE], {"stores": ("fast", "web")}, {}, "'web' of this cloud can only be read", id="read-only"),
        pytest.param([], {**FILE, "stores": ("web",)}, {}, "'web'", id="read-only, new image"),
        pytest.param(
            [HERE],
            BOTH,
            {"import_methods": DIRECT},
            "does not offer copy-image; it offers glance-direct",
            id="no copies",
        ),
        pytest.param(
            [HERE, QUEUED | {"data": TWO, SOON: number(1), "status": "active"}],
            {"source": upload("/img/two"), **SLOW},
            {"import_methods": DIRECT},
            "does not offer copy-image",
            id="no copies of what an earlier run left",
        ),
        pytest.param([], {**FILE, **BOTH}, {"import_methods": ()}, "does not offer copy-image", id="no imports at all"),
    ],
)
def test_refusals(
    images: list[dict[str, t.Any]], options: dict[str, t.Any], facts: dict[str, t.Any], words: str
) -> None:
    cloud = clouded(*images, **facts)
    before = cloud.copy()
    with pytest.raises(errors.InvalidOption) as caught:
        hands.run(cloud, want(**options))
    assert words in str(caught.value)
    assert str(caught.value).startswith("stores: ")
    assert cloud.images == before.images


def test_a_copy_that_was_waited_for_in_vain_leaves_no_room_for_another() -> None:
    with pytest.raises(errors.ImageFault, match=r"^stores: .* longer than the option timeout"):
        planned(clouded(HERE | COPYING), want(**BOTH), stuck=[1])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"tags": frozenset("a")}, ["change 1"]),
        ({"state": "absent"}, ["delete 1"]),
        ({"state": "inactive"}, ["deactivate 1"]),
    ],
)
def test_after_a_wait_in_vain_everything_else_is_done(options: dict[str, t.Any], expected: list[str]) -> None:
    assert planned(clouded(HERE | COPYING), want(**options), stuck=[1]) == expected


@pytest.mark.parametrize(
    ("image", "options", "waits"),
    [
        (HERE, {}, [True]),
        (HERE, {"wait": False}, [False]),
        (HERE, {"wait": False, "stores": ("slow",)}, [True]),
        (HERE, {"wait": False, "state": "inactive"}, [True]),
        (QUEUED, {"wait": False, **FILE}, [True]),
    ],
    ids=["wait", "wait false", "a removal follows", "a status follows", "an upload"],
)
def test_a_copy_is_left_alone_only_if_nothing_follows(
    image: dict[str, t.Any], options: dict[str, t.Any], waits: list[bool]
) -> None:
    found = hands.plan(clouded(image, import_methods=COPY), want(**BOTH | options))
    assert [step.wait for step in found.steps if "copy" in str(step)] == waits


@pytest.mark.parametrize("life", range(4))
def test_a_move_that_is_killed_goes_on(life: int) -> None:
    cloud = clouded(IN_BOTH)
    cloud.life = life
    with contextlib.suppress(model.Crashed):
        hands.run(cloud, want(stores=("tape",)))
    assert cloud.images[number(1)]["stores"]
    cloud.life = None
    hands.run(cloud, want(stores=("tape",)))
    assert cloud.images[number(1)]["stores"] == "tape"


def test_stores_that_do_not_pass_to_the_new_image_are_said_aloud() -> None:
    found = hands.plan(clouded(IN_BOTH | {"data": TWO}, import_methods=("copy-image",)), want(**FILE))
    assert any("only in the store fast" in each for each in found.warnings)
    found = hands.plan(clouded(IN_BOTH | {"data": TWO}), want(**FILE))
    assert not found.warnings


def test_placing_and_the_way_in_ask_nothing_where_nothing_is_declared() -> None:
    observed = Observed((), model.PROJECT, model.NOW)
    assert placing(want(), observed, "i", ("fast", "slow")) == []
    assert way_in(upload(), (), observed) == upload()
    assert way_in(upload(), ("fast", "slow"), observed) == upload()
    assert len(ONE) == upload().size
