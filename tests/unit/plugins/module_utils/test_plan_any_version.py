# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any task about any version in any state of a family: what holds for all of them."""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.cloudimage.glance.plugins.module_utils import _errors as errors
from ansible_collections.cloudimage.glance.plugins.module_utils._desired import Desired
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils import glance_model as model
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils import plan_hands as hands
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils import version_support as support
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.glance_model import (
    LONG,
    NAME,
    ONE,
    TWO,
    Cloud,
    number,
    upload,
    web,
)
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.plan_strategies import MEMBERS, rarely
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.test_plan_any import (
    EXAMPLES,
    QUICK,
    come_to_rest,
    is_at_work,
)
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.version_support import (
    COMING,
    END_OF_LIFE,
    EXCLUDED,
    FAMILY,
    INCOMING,
    OVER,
    REPLACED_BY,
    REPLACES,
    SUPERSEDED_AT,
    VERSION,
    WRITTEN_ON,
    bearers,
    is_copy,
    rightful,
    task,
)
from hypothesis import given, settings
from hypothesis import strategies as st

#: Versions, so that text would sort them otherwise.
VERSIONS = ("2", "9", "10", "11")
FACTS = st.fixed_dictionaries(
    {
        "data": st.sampled_from([ONE, ONE, TWO, LONG]),
        "status": rarely("active", "active", "deactivated"),
        "visibility": st.sampled_from(["private", "shared", "shared"]),
        "protected": rarely(False, False, True),
        "os_hidden": st.booleans(),
        "tags": st.sampled_from([[], ["a"]]),
    },
    optional={
        EXCLUDED: rarely("true", "true", "false"),
        END_OF_LIFE: rarely(COMING, OVER, "someday"),
        "p": st.sampled_from("xy"),
        "os_glance_import_task": st.just("task"),
    },
)
WITHOUT_DATA = st.sampled_from(
    [
        {"data": None},
        {"data": None, "status": "saving"},
        {"data": None, "status": "importing", "os_glance_import_task": "task"},
    ]
)


@st.composite
def families(draw: st.DrawFn) -> Cloud:
    """Versions, of which none, one or two have the name; an image that is no version; what others have made."""
    cloud = Cloud(project=model.PROJECT)
    there = draw(st.lists(st.sampled_from(VERSIONS), unique=True, max_size=4))
    holders = draw(st.sampled_from([0, 1, 1, 1, 2]))
    for position, version in enumerate(there, 1):
        make = support.holding if position <= holders else support.of
        facts = draw(FACTS)
        if draw(st.integers(0, 5)):
            facts["os_hidden"] = position > holders
        cloud.put(position, **make(version, **facts))
        cloud.members[number(position)] = dict(draw(MEMBERS))
    if draw(st.integers(0, 2)) == 0:
        _add_stranger(draw, cloud)
    if draw(st.integers(0, 2)) == 0:
        _add_unfinished(draw, cloud)
    if there and draw(st.integers(0, 3)) == 0:
        copy = draw(st.sampled_from([{"image_type": "snapshot"}, {WRITTEN_ON: number(6)}]))
        cloud.put(7, **support.holding("99", name="my server", **copy))
    if there and draw(st.integers(0, 3)) == 0:
        facts = {"os_hidden": True, REPLACED_BY: number(1)}
        cloud.put(8, **support.holding(draw(st.sampled_from(VERSIONS)), **facts))
    for image_id, raw in cloud.images.items():
        if is_at_work(raw):
            cloud.fates[image_id] = draw(st.sampled_from(["active", "stuck"]))
    return cloud


def _add_stranger(draw: st.DrawFn, cloud: Cloud) -> None:
    """An image that is no version and has the name, or is about to lose it."""
    named = [raw for raw in bearers(cloud) if not raw["os_hidden"]]
    stranger = cloud.put(6, **draw(FACTS) | {"os_hidden": False})
    for raw in named:
        raw[REPLACES] = stranger


def _add_unfinished(draw: st.DrawFn, cloud: Cloud) -> None:
    """What a run has left that made a version, or other content for one."""
    version = draw(st.sampled_from(VERSIONS))
    old = next((raw["id"] for raw in cloud.images.values() if raw["name"] == NAME), number(9))
    facts = draw(st.one_of(FACTS, WITHOUT_DATA)) | {"protected": False, "os_hidden": True, INCOMING: old}
    cloud.put(5, **support.of(version, **facts))


def _task(version: str, **options: t.Any) -> Desired:
    if options["promote"]:
        options |= {"state": "present", "exclude_from_latest": None}
    method = options["source"].method if options["source"] else None
    return task(version, **options, imported=bool(method))


TASKS = st.builds(
    _task,
    st.sampled_from(VERSIONS),
    state=rarely("present", "present", "inactive", "absent"),
    promote=st.sampled_from([None, None, None, True, False]),
    exclude_from_latest=rarely(None, True, False),
    end_of_life=rarely(None, COMING, OVER, ""),
    retire=st.sampled_from(["hide", "rename", "delete", "keep"]),
    source=st.sampled_from([None, upload("/img/one"), upload("/img/one"), upload("/img/two"), web("http://web/one")]),
    attributes=st.fixed_dictionaries(
        {}, optional={"os_hidden": rarely(False, False, True), "visibility": st.just("shared")}
    ),
    members=rarely(None, None, frozenset("m")),
    force=st.booleans(),
    wait=rarely(True, True, False),
)


def is_left(outcome: hands.Outcome) -> bool:
    """Whether the run has said that it leaves something to a later one."""
    return any("later run" in each for each in outcome.plans[-1].warnings)


def require_rule(cloud: Cloud, desired: Desired, outcome: hands.Outcome) -> None:
    """Read off the model who has the name, without the code that plans."""
    best = rightful(cloud)
    if desired.promote is False or is_left(outcome) or best is None:
        return
    named = bearers(cloud)
    assert [raw["id"] for raw in named if raw.get(FAMILY) == NAME] == [best["id"]]
    assert all(raw["os_hidden"] for raw in named if raw["id"] != best["id"])
    if desired.promote:
        assert best["id"] == outcome.image


def require_others_kept(before: Cloud, cloud: Cloud, desired: Desired) -> None:
    """Nothing of others is lost, and nothing but name and place of other versions changes."""
    moved = {"name", "os_hidden", SUPERSEDED_AT, EXCLUDED, REPLACES, WRITTEN_ON, "os_glance_import_task"}
    for image_id, raw in before.images.items():
        if raw.get(VERSION) == desired.version and not is_copy(raw):
            continue
        if image_id not in cloud.images:
            assert desired.retire == "delete" and raw["name"] == NAME and FAMILY in raw and not raw["protected"]
            continue
        now = cloud.images[image_id]
        different = {key for key in {*raw, *now} if raw.get(key) != now.get(key)}
        if is_copy(raw) or REPLACED_BY in raw:
            assert not different
        elif not is_at_work(raw):
            assert different <= moved
        if EXCLUDED in different:
            assert desired.promote and int(raw[VERSION]) > int(t.cast(str, desired.version))


def sketch(cloud: Cloud, desired: Desired, outcome: hands.Outcome) -> t.Any:
    """The end state, without what tells one way there from another."""
    gone = {"id", "file", "stores", REPLACES, WRITTEN_ON, "created_at"}
    shown = [{key: value for key, value in raw.items() if key not in gone} for raw in cloud.images.values()]
    shown = [raw for raw in shown if REPLACED_BY not in raw]
    best = bearers(cloud)
    return sorted(map(repr, (sorted(raw.items()) for raw in shown if "tags" in raw))), [
        raw.get(VERSION) for raw in best
    ]


@QUICK
@given(families(), TASKS)
def test_one_apply_settles_who_has_the_name(cloud: Cloud, desired: Desired) -> None:
    before = cloud.copy()
    try:
        outcome = come_to_rest(cloud, desired)
    except errors.CollectionError as refusal:
        assert "\n" not in str(refusal)
        return
    again = hands.plan(cloud, desired, outcome.stuck)
    assert not again.steps
    assert again.before == again.after
    require_rule(cloud, desired, outcome)
    require_others_kept(before, cloud, desired)
    if desired.state != "absent" and not is_left(outcome):
        raw = cloud.images[outcome.image]
        assert (raw[FAMILY], raw[VERSION]) == (NAME, desired.version)
        assert (raw["status"] == "active") == (desired.state == "present")
        assert raw.get(EXCLUDED) == desired.stamps[EXCLUDED] if EXCLUDED in desired.stamps else True
        assert raw["os_hidden"] == desired.attributes.get("os_hidden", raw["os_hidden"])


@QUICK
@given(families(), TASKS)
def test_plans_foretell_what_comes_of_them(cloud: Cloud, desired: Desired) -> None:
    before = cloud.copy()
    waits = desired.wait or desired.source is None
    try:
        first = hands.plan(cloud, desired)
    except errors.CollectionError:
        return
    assert first == hands.plan(cloud, desired)
    assert cloud.images == before.images
    assert first.steps or first.before == first.after
    with contextlib.suppress(errors.CollectionError):
        outcome = hands.run(cloud, desired)
        if len(outcome.plans) == 1 and outcome.image in cloud.images and waits:
            raw = cloud.images[outcome.image]
            shown = {"os_hidden": False} | first.after | first.after["properties"]
            keys = ("name", "os_hidden", FAMILY, VERSION, EXCLUDED, END_OF_LIFE, "cloudimage_superseded_at")
            assert {key: shown.get(key) for key in keys} == {key: raw.get(key) for key in keys}


@QUICK
@given(families(), TASKS)
def test_the_name_is_never_without_an_active_image(cloud: Cloud, desired: Desired) -> None:
    """Unless the task says that it is to go and no version is good, that it stays where it is, or that it is hidden."""
    if not cloud.shown() or desired.attributes.get("os_hidden"):
        return
    if desired.state != "present" and (desired.promote is False or _others(cloud, desired) is None):
        return

    def watch(cloud: Cloud) -> None:
        assert cloud.shown()

    cloud.watch = watch
    with contextlib.suppress(errors.CollectionError):
        hands.run(cloud, desired)


def _others(cloud: Cloud, desired: Desired) -> dict[str, t.Any] | None:
    """The newest good version but for the declared one."""
    images = {key: raw for key, raw in cloud.images.items() if raw.get(VERSION) != desired.version}
    return rightful(Cloud(images=images))


@settings(QUICK, max_examples=EXAMPLES // 2)
@given(families(), TASKS)
def test_a_run_that_is_killed_is_finished_by_the_next(cloud: Cloud, desired: Desired) -> None:
    start = cloud.copy()
    try:
        whole = sketch(cloud, desired, come_to_rest(cloud, desired))
    except errors.CollectionError:
        return
    for life in range(len(cloud.log)):
        halves = start.copy()
        halves.life = life
        with contextlib.suppress(model.Crashed):
            come_to_rest(halves, desired)
        halves.life = None
        outcome = come_to_rest(halves, desired)
        assert sketch(halves, desired, outcome) == whole
        assert not hands.plan(halves, desired, outcome.stuck).steps
