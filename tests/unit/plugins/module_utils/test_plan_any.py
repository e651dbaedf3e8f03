# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans for any desired state in any state of affairs: what holds for all of them."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import typing as t

from ansible_collections.cloudimage.glance.plugins.module_utils import _errors as errors
from ansible_collections.cloudimage.glance.plugins.module_utils import _image_steps as steps
from ansible_collections.cloudimage.glance.plugins.module_utils._desired import Desired
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils import glance_model as model
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils import plan_hands as hands
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.glance_model import (
    GIB,
    NAME,
    REMOTE,
    Cloud,
    digest,
)
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.plan_strategies import (
    CLOUDS,
    DECLARATIONS,
    is_at_work,
)
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.plan_support import AFTER as REPLACES
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.plan_support import BEFORE as REPLACED_BY
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.plan_support import ITSELF, KEY
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.plan_support import SOON as INCOMING
from hypothesis import HealthCheck, Phase, assume, given, settings

EXAMPLES = int(os.environ.get("CLOUDIMAGE_TEST_EXAMPLES", "200"))
QUICK = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES <= 200,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
OWN = "cloudimage_"
#: What replacing content changes, whoever declares what.
OF_THE_DATA = {
    "id",
    "status",
    "size",
    "checksum",
    "os_hash_algo",
    "os_hash_value",
    "file",
    "virtual_size",
    "disk_format",
    "container_format",
    "stores",
    "created_at",
    "updated_at",
}


def assume_one_meaning(cloud: Cloud, desired: Desired) -> None:
    """A hidden image of the same name comes to light when the visible one goes: a case of its own, in the tables."""
    twins = [raw for raw in cloud.images.values() if is_snapshot(raw) and raw["name"] == NAME]
    assume(not twins or not (desired.state == "absent" or desired.attributes.get("os_hidden")))


def come_to_rest(cloud: Cloud, desired: Desired) -> hands.Outcome:
    """Run, with more runs where one that does not wait left something to a later one."""
    outcome = hands.run(cloud, desired)
    for _later in range(3):
        mine = [
            raw for each in (*outcome.created, outcome.image) if (raw := cloud.images.get(each)) and is_at_work(raw)
        ]
        waiting = any("wait: false" in each for plan in outcome.plans for each in plan.warnings)
        if desired.wait or not (mine or waiting or outcome.plans[-1].changed):
            return outcome
        for image_id in list(cloud.images):
            if is_at_work(cloud.images[image_id]):
                cloud.settle(image_id)
        created = outcome.created
        outcome = hands.run(cloud, desired)
        outcome.created[:0] = created
    return outcome


def is_named(raw: dict[str, t.Any], desired: Desired) -> bool:
    return raw["id"] == desired.id if desired.id else desired.name in (raw["name"], raw["id"])


def is_snapshot(raw: dict[str, t.Any]) -> bool:
    return raw.get("image_type") == "snapshot"


def require_satisfied(cloud: Cloud, desired: Desired, outcome: hands.Outcome) -> None:
    """Read off the model whether it is as declared, without the code that plans."""
    if desired.state == "absent":
        left = [raw for raw in cloud.images.values() if is_named(raw, desired) and raw["status"] != "pending_delete"]
        left = [raw for raw in left if not raw["os_hidden"]]
        if not desired.checksum and not (desired.id or outcome.plans[-1].warnings):
            assert not left
        return
    if any("wait: false" in each for each in outcome.plans[-1].warnings):
        return
    raw = cloud.images[outcome.image]
    assert raw["status"] == ("active" if desired.state == "present" else "deactivated")
    if desired.members is not None and (desired.members or raw["visibility"] == "shared"):
        assert raw["visibility"] == "shared"
        members = set(cloud.members.get(raw["id"], {}))
        assert members >= desired.members
        assert members == desired.members or not desired.purge_members
    if desired.stores is not None:
        assert set(raw["stores"].split(",")) == set(desired.stores)
    if desired.fit_min_disk and raw["virtual_size"]:
        assert (raw["min_disk"] - 1) * GIB < raw["virtual_size"] <= raw["min_disk"] * GIB
    if desired.id and desired.id != desired.name:
        assert raw["name"] == desired.name
    assert {key: raw[key] for key in desired.attributes} == desired.attributes
    assert {key: raw.get(key) for key in desired.properties} == desired.properties
    if desired.purge_properties:
        theirs = {key for key in raw if key not in model.BASE and key not in model.READ_ONLY}
        assert {key for key in theirs if not key.startswith((OWN, "os_glance_"))} <= set(desired.properties)
    if desired.tags is not None:
        assert set(raw["tags"]) == desired.tags
    if desired.on_content_change == "keep":
        return
    stamps = {desired.content_key, desired.identity} - {None}
    known = raw.get(KEY, "").startswith("sha") or raw.get(KEY) in stamps
    converted = known and (desired.imported or "," in raw.get("stores", ""))
    for key, value in (("disk_format", desired.disk_format), ("container_format", desired.container_format)):
        assert value in (None, raw[key]) or converted
    data, doubts = cloud.data[raw["id"]], [each for each in outcome.plans[-1].warnings if "cannot be told" in each]
    sent = model.data_of(desired.source) if desired.source else b""
    if raw.get(KEY) not in stamps and not doubts:
        if (
            desired.source
            and desired.source.path
            and raw.get(KEY) != f"sha256:{digest(model.FILES[desired.source.path], 'sha256')}"
        ):
            assert data == model.FILES[desired.source.path] or raw.get(KEY) == f"sha512:{digest(sent)}"
        elif desired.checksum and not desired.source:
            assert digest(data, desired.checksum[0]) == desired.checksum[1]


def require_unchanged(before: Cloud, cloud: Cloud, desired: Desired, outcome: hands.Outcome) -> None:
    """What is not declared is as it was, on the image and on its successor."""
    if desired.state == "absent" or outcome.image not in cloud.images:
        return
    new = cloud.images[outcome.image]
    old = before.images.get(outcome.image)
    heir = outcome.image in outcome.created or bool(old and is_mine(old))
    if heir:
        old = before.images.get(new.get(REPLACES, ""))
        if not old or not usable(old):
            return
    said = set(desired.attributes) | set(desired.properties) | ({"tags"} if desired.tags is not None else set())
    said |= {"name"} if desired.id else set()
    said |= {"min_disk"} if desired.fit_min_disk else set()
    said |= {"stores"} if desired.stores is not None else set()
    imported = bool(
        heir and desired.source and (desired.source.method or "," in old.get("stores", "") + new.get("stores", ""))
    )
    arrived = set(cloud.injected) | (
        set(REMOTE[desired.source.remote.id][1]) if desired.source and desired.source.remote else set()
    )
    for key in (set(old) | set(new)) - said - {"status", "updated_at", "os_glance_import_task"}:
        own = key.startswith((OWN, "os_glance_"))
        purged = desired.purge_properties and key not in model.BASE and key not in model.READ_ONLY
        lost = heir and (key in OF_THE_DATA or key.startswith("img_signature"))
        filled = not usable(old) and key in OF_THE_DATA | {"name", "disk_format", "container_format"}
        came = imported and key in before.images.get(new["id"], ())
        came |= (heir or not usable(old)) and key in arrived
        copied = key == "stores" and (old["id"] in before.coming) and is_at_work(old)
        if not (own or purged or lost or filled or came or copied):
            assert old.get(key) == new.get(key), key
    if new["visibility"] == "shared" and (not heir or old["visibility"] == "shared") and not desired.purge_members:
        assert set(cloud.members.get(new["id"], {})) >= set(before.members.get(old["id"], {}))


def usable(raw: dict[str, t.Any]) -> bool:
    return raw["status"] in ("active", "deactivated")


def is_mine(raw: dict[str, t.Any]) -> bool:
    return INCOMING in raw and not is_snapshot(raw)


def require_strangers_untouched(before: Cloud, cloud: Cloud, desired: Desired, outcome: hands.Outcome) -> None:
    """Only the current image, what is ours, and what is broken may go or change."""
    if desired.state == "absent":
        return
    replaced = {raw[REPLACES] for raw in (*before.images.values(), *cloud.images.values()) if REPLACES in raw}
    for image_id, raw in before.images.items():
        broken = not usable(raw) and raw["status"] != "pending_delete" and is_named(raw, desired)
        if image_id == outcome.image or is_mine(raw) or broken or image_id in before.fates:
            continue
        if image_id in replaced and raw["name"] == desired.name and not (raw["os_hidden"] and REPLACED_BY in raw):
            if image_id not in cloud.images:
                assert desired.retire == "delete"
            continue
        assert cloud.images[image_id] == raw
        assert cloud.members.get(image_id) == before.members.get(image_id)


def sketch(cloud: Cloud, desired: Desired, outcome: hands.Outcome) -> t.Any:
    """The end state, without what tells one way there from another."""
    if desired.state == "absent":
        return sorted(raw["name"] for raw in cloud.images.values())
    if any("wait: false" in each for each in outcome.plans[-1].warnings):
        return None
    raw = cloud.images[outcome.image]
    gone = {"id", "file", "created_at", "updated_at", "stores", REPLACES, ITSELF}
    return (
        {key: value for key, value in raw.items() if key not in gone},
        sorted(raw.get("stores", "").split(",")),
        sorted(cloud.members.get(raw["id"], {})) if raw["visibility"] == "shared" else None,
        cloud.data.get(raw["id"]),
        cloud.shown(desired.name) != [],
    )


@QUICK
@given(CLOUDS, DECLARATIONS)
def test_one_apply_reaches_what_is_declared(cloud: Cloud, desired: Desired) -> None:
    assume_one_meaning(cloud, desired)
    before = cloud.copy()
    try:
        outcome = come_to_rest(cloud, desired)
    except errors.CollectionError as refusal:
        assert "\n" not in str(refusal)
        return
    again = hands.plan(cloud, desired, outcome.stuck)
    assert not again.steps
    assert again.before == again.after
    require_satisfied(cloud, desired, outcome)
    require_unchanged(before, cloud, desired, outcome)
    require_strangers_untouched(before, cloud, desired, outcome)


@QUICK
@given(CLOUDS, DECLARATIONS)
def test_plans_are_deterministic_and_touch_nothing(cloud: Cloud, desired: Desired) -> None:
    before = cloud.copy()
    try:
        first = hands.plan(cloud, desired)
    except errors.CollectionError:
        return
    assert first == hands.plan(cloud, desired)
    assert cloud.images == before.images
    assert first.steps or first.before == first.after
    kinds = [type(step) for step in first.steps]
    if steps.Retire in kinds and steps.Create in kinds:
        assert set(kinds[kinds.index(steps.Retire) :]) <= {steps.Retire, steps.LookAgain}
    assert not {steps.Wait, steps.LookAgain} & set(kinds[:-1])


@QUICK
@given(CLOUDS, DECLARATIONS)
def test_there_is_always_an_active_image_under_the_name(cloud: Cloud, desired: Desired) -> None:
    attributes = {key: value for key, value in desired.attributes.items() if key != "os_hidden"}
    desired = dataclasses.replace(desired, name=NAME, id=None, state="present", attributes=attributes)
    if not cloud.shown() or any(is_snapshot(raw) for raw in cloud.images.values()):
        return

    there = set(cloud.images)

    def watch(cloud: Cloud) -> None:
        assert cloud.shown(desired.name)
        strangers = [raw for raw in cloud.named(desired.name) if raw["id"] not in there and not raw["os_hidden"]]
        assert all(raw["status"] == "active" for raw in strangers)

    cloud.watch = watch
    with contextlib.suppress(errors.CollectionError):
        hands.run(cloud, desired)


@settings(QUICK, max_examples=EXAMPLES // 3)
@given(CLOUDS, DECLARATIONS)
def test_a_run_that_is_killed_is_finished_by_the_next(cloud: Cloud, desired: Desired) -> None:
    assume_one_meaning(cloud, desired)
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
        busy = [image_id for image_id, raw in halves.images.items() if is_at_work(raw)]
        leftovers = [image_id for image_id, raw in halves.images.items() if is_mine(raw) and is_named(raw, desired)]
        later = any("wait: false" in each for each in outcome.plans[-1].warnings)
        if not (desired.id or desired.checksum or later):
            assert set(leftovers) <= set(busy)
        assert not hands.plan(halves, desired, outcome.stuck).steps
