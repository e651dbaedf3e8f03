# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Versions of a family: what a task makes of them, and who has the name in the end."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _errors as errors
from ansible_collections.cloudimage.glance.plugins.module_utils import _image_steps as steps
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils import plan_hands as hands
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils import version_support as support
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.glance_model import (
    NAME,
    TODAY,
    TWO,
    Cloud,
    number,
    upload,
    web,
)
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.version_support import (
    BEFORE,
    CATALOG,
    COMING,
    END_OF_LIFE,
    EXCLUDED,
    FAMILY,
    INCOMING,
    NOW,
    OVER,
    REPLACED_BY,
    REPLACES,
    SUPERSEDED_AT,
    VERSION,
    WRITTEN_ON,
    family,
    holding,
    names,
    of,
    planned,
    task,
)

FILE = {"source": upload("/img/one")}
OTHER_FILE = {"source": upload("/img/two")}
MADE = ["create", "fill", "verify"]


@pytest.mark.parametrize(
    ("there", "desired", "wanted", "after"),
    [
        # the newest good version gets the name
        ((), task("1", **FILE), [*MADE, "givename"], {"1": NAME}),
        ((holding("1"),), task("2", **FILE), [*MADE, "change", "givename", "supersede 1 hide"], None),
        ((holding("1"),), task("2", retire="keep", **FILE), [*MADE, "change", "givename", "supersede 1"], None),
        (
            (holding("1"),),
            task("2", retire="delete", **FILE),
            [*MADE, "change", "givename", "supersede 1 delete"],
            None,
        ),
        (
            (holding("1", protected=True),),
            task("2", retire="delete", **FILE),
            [*MADE, "change", "givename", "supersede 1 hide"],
            {"1": f"[{NAME} (1)]", "2": NAME},
        ),
        ((holding("9"),), task("10", **FILE), [*MADE, "change", "givename", "supersede 1 hide"], None),
        # nothing to do
        ((of("1"), holding("2")), task("1"), [], {"1": f"[{NAME} (1)]", "2": NAME}),
        ((of("1"), holding("2")), task("2", **FILE), [], None),
        ((of("1", os_hidden=False), holding("2")), task("1"), [], {"1": f"{NAME} (1)", "2": NAME}),
        ((of("1"), holding("2")), task("3", state="absent"), [], None),
        # an older one does not get it, and is made as it would be had it come before
        ((holding("2"),), task("1", **FILE), MADE, {"1": f"[{NAME} (1)]", "2": NAME}),
        ((holding("2"),), task("1", retire="keep", **FILE), MADE, {"1": f"{NAME} (1)", "2": NAME}),
        # not to be moved
        ((holding("1"),), task("2", promote=False, **FILE), [*MADE, "change"], {"1": NAME, "2": f"{NAME} (2)"}),
        ((holding("1"), of("2")), task("2", promote=False), ["change 2"], {"1": NAME, "2": f"[{NAME} (2)]"}),
        ((holding("1"), of("2", **{EXCLUDED: "true"})), task("2", promote=False), [], None),
        ((of("1"), holding("2")), task("2", promote=False), [], None),
        # going back and forth
        (
            (of("1"), holding("2")),
            task("1", promote=True),
            ["exclude 2", "givename 1", "supersede 2 hide"],
            {"1": NAME, "2": f"[{NAME} (2)]"},
        ),
        (
            (holding("1"), of("2", **{EXCLUDED: "true"})),
            task("2", promote=True),
            ["change 2", "givename 2", "supersede 1 hide"],
            {"1": f"[{NAME} (1)]", "2": NAME},
        ),
        ((holding("1"), of("2", **{EXCLUDED: "true"})), task("1", promote=True), [], None),
        ((holding("1"), of("2", **{EXCLUDED: "true"})), task("2"), [], None),
        (
            (holding("1"), of("2", **{EXCLUDED: "true"})),
            task("2", exclude_from_latest=False),
            ["change 2", "givename 2", "supersede 1 hide"],
            None,
        ),
        # bad ones lose it
        (
            (of("1"), holding("2")),
            task("2", exclude_from_latest=True),
            ["change 2", "givename 1", "supersede 2 hide"],
            {"1": NAME, "2": f"[{NAME} (2)]"},
        ),
        (
            (of("1"), holding("2")),
            task("2", exclude_from_latest=True, retire="delete"),
            ["change 2", "givename 1", "supersede 2 hide"],
            {"1": NAME, "2": f"[{NAME} (2)]"},
        ),
        ((of("1"), holding("2")), task("2", end_of_life=OVER), ["change 2", "givename 1", "supersede 2 hide"], None),
        ((of("1"), holding("2")), task("2", end_of_life=COMING), ["change 2"], {"1": f"[{NAME} (1)]", "2": NAME}),
        ((of("1"), holding("2", **{END_OF_LIFE: OVER})), task("1"), ["givename 1", "supersede 2 hide"], None),
        (
            (of("1"), holding("2")),
            task("2", state="inactive"),
            ["givename 1", "supersede 2 hide", "deactivate 2"],
            None,
        ),
        (
            (of("1"), holding("2")),
            task("2", state="absent"),
            ["exclude 2", "givename 1", "supersede 2 hide", "delete 2"],
            {"1": NAME},
        ),
        ((of("1"), holding("2")), task("2", state="absent", promote=False), ["delete 2"], {"1": f"[{NAME} (1)]"}),
        # unless there is no better one
        ((holding("1"),), task("1", exclude_from_latest=True), ["change 1"], {"1": NAME}),
        ((holding("1"),), task("1", state="inactive"), ["deactivate 1"], {"1": NAME}),
        ((holding("1"),), task("1", state="absent"), ["delete 1"], {}),
        ((of("1", status="deactivated"), holding("2")), task("2", state="absent"), ["delete 2"], None),
        ((of("1", status="deactivated"), holding("2")), task("2", exclude_from_latest=True), ["change 2"], None),
        # other content for the same version
        (
            (of("1"), holding("2")),
            task("2", **OTHER_FILE),
            [*MADE, "change", "retire 2"],
            {"1": f"[{NAME} (1)]", "2": NAME},
        ),
        (
            (of("1"), holding("2")),
            task("1", **OTHER_FILE),
            [*MADE, "change", "retire 1"],
            {"1": f"[{NAME} (1)]", "2": NAME},
        ),
        ((of("1"), holding("2")), task("2", retire="rename", **OTHER_FILE), [*MADE, "change", "retire 2"], None),
        ((of("1"), holding("2")), task("2", retire="keep", **OTHER_FILE), [*MADE, "change", "retire 2"], None),
        # is_hidden comes before the rule
        ((of("1"), holding("2")), task("1", attributes={"os_hidden": False}), ["change 1"], None),
        (
            (of("1"), holding("2")),
            task("2", exclude_from_latest=True, attributes={"os_hidden": False}),
            ["change 2", "givename 1", "supersede 2"],
            {"1": NAME, "2": f"{NAME} (2)"},
        ),
        (
            (holding("1"),),
            task("2", attributes={"os_hidden": True}, **FILE),
            [*MADE, "change", "givename", "supersede 1 hide"],
            None,
        ),
        # an image that is no version
        (({},), task("1", **FILE), [*MADE, "change", "givename", "supersede 1 hide"], {"1": NAME}),
        (({},), task("1", retire="delete", **FILE), [*MADE, "change", "givename", "supersede 1 hide"], {"1": NAME}),
        (({},), task("1", id=number(1)), ["change 1"], {"1": NAME}),
        (({"name": "old"},), task("1", id=number(1)), ["change 1", "givename 1"], {"1": NAME}),
        (
            (holding("2"), {}),
            task("1", id=number(2)),
            ["change 2", "supersede 2 hide"],
            {"1": f"[{NAME} (1)]", "2": NAME},
        ),
        (({}, holding("1", os_hidden=True, **{EXCLUDED: "true"})), task("1"), [], None),
        (({}, holding("1", os_hidden=True)), task("1"), ["givename 2", "supersede 1 hide"], {"1": NAME}),
        (({}, of("1", **{EXCLUDED: "true"})), task("1"), [], None),
        # one version made twice
        ((of("1"), of("1")), task("1"), ["retire 1", "givename 2"], {"1": NAME}),
        ((holding("1"), holding("1")), task("1"), ["retire 1"], {"1": NAME}),
        ((of("1"), of("1"), holding("2")), task("1"), ["retire 1"], {"1": f"[{NAME} (1)]", "2": NAME}),
        ((holding("1"), of("1")), task("1"), ["givename 2", "retire 1"], {"1": NAME}),
        ((holding("1"), holding("1", **{EXCLUDED: "true"})), task("1"), ["retire 2"], {"1": NAME}),
        ((of("1"), of("1")), task("1", retire="delete"), ["retire 1", "givename 2"], {"1": NAME}),
        ((of("1"), of("1")), task("1", state="absent"), ["delete 2", "delete 1"], {}),
        (
            (holding("1"), holding("1")),
            task("2", **FILE),
            ["supersede 1 hide", *MADE, "change", "givename", "supersede 2 hide"],
            None,
        ),
        (
            (of("1", data=TWO), of("1", data=TWO)),
            task("1", **FILE),
            ["givename 2", *MADE, "change", "retire 1", "retire 2"],
            None,
        ),
        # nobody has the name
        ((of("1"), of("2")), task("3", **FILE), ["givename 2", *MADE, "change", "givename", "supersede 2 hide"], None),
        ((of("1"), of("2")), task(), ["givename 2"], {"1": f"[{NAME} (1)]", "2": NAME}),
        (
            (of("1"), of("2", **{EXCLUDED: "true"})),
            task(tags=frozenset("a")),
            ["change 1", "givename 1"],
            {"1": NAME, "2": f"[{NAME} (2)]"},
        ),
        (
            (of("1"), of("2")),
            task(**OTHER_FILE),
            ["givename 2", *MADE, "change", "retire 2"],
            {"1": f"[{NAME} (1)]", "2": NAME},
        ),
        ((of("1"), of("2")), task(state="absent"), [], {"1": f"[{NAME} (1)]", "2": f"[{NAME} (2)]"}),
        ((of("1"), of("2")), task("1", promote=False), ["change 1"], None),
        # runs that died
        (
            ({}, holding("1", **{EXCLUDED: "true", REPLACES: number(1)})),
            task("1", **OTHER_FILE),
            ["supersede 1 hide", *MADE, "change", "retire 2"],
            {"1": NAME},
        ),
        ((holding("1"), holding("2")), task("2"), ["supersede 1 hide"], {"1": f"[{NAME} (1)]", "2": NAME}),
        ((holding("1"), holding("2")), task("1"), ["supersede 1 hide"], {"1": f"[{NAME} (1)]", "2": NAME}),
        (({}, holding("2", **{REPLACES: number(1)})), task("2"), ["supersede 1 hide"], {"2": NAME}),
        ((of("1"), of("2")), task("1"), ["givename 2"], {"1": f"[{NAME} (1)]", "2": NAME}),
        ((holding("1"), of("2", os_hidden=False)), task("2"), ["givename 2", "supersede 1 hide"], None),
        (
            (holding("1"), of("2", os_hidden=True, **{INCOMING: number(1)})),
            task("2", **FILE),
            ["change 2", "givename 2", "supersede 1 hide"],
            {"1": f"[{NAME} (1)]", "2": NAME},
        ),
        (
            (holding("1"), of("2", data=None, **{INCOMING: number(1)})),
            task("2", **FILE),
            ["change 2", "fill 2", "verify 2", "change 2", "givename 2", "supersede 1 hide"],
            None,
        ),
        (
            (holding("1"), holding("2"), {"name": f"{NAME} (x)", FAMILY: NAME, VERSION: "2", "image_type": "snapshot"}),
            task("2"),
            ["supersede 1 hide"],
            None,
        ),
        # what Cinder has made of a volume
        ((holding("1"), holding("2", name="my volume", cloudimage_image_id=number(9))), task("1"), [], None),
        # others' snapshots, of the version that has the name and of an older one
        ((holding("1"), holding("2", name="my server", image_type="snapshot")), task("1"), [], None),
        (
            (holding("1"), holding("2", name="my server", image_type="snapshot")),
            task("2", **FILE),
            [*MADE, "change", "givename", "supersede 1 hide"],
            None,
        ),
    ],
)
def test_who_has_the_name(there: t.Any, desired: t.Any, wanted: list[str], after: dict[str, str] | None) -> None:
    cloud = family(*there)
    assert planned(cloud, desired) == wanted
    outcome = hands.run(cloud, desired)
    assert not hands.plan(cloud, desired).steps
    if after is not None:
        assert names(cloud) == after
    if outcome.image in cloud.images:
        raw = cloud.images[outcome.image]
        shown = outcome.plans[-1].after
        assert (shown["name"], shown["os_hidden"]) == (raw["name"], raw["os_hidden"])
        ours = {key: value for key, value in raw.items() if key.startswith("cloudimage_")}
        assert ours.pop(WRITTEN_ON, outcome.image) == outcome.image
        assert {key: value for key, value in shown["properties"].items() if key.startswith("cloudimage_")} == ours


def test_a_new_version_inherits_from_the_one_with_the_name() -> None:
    said = {CATALOG: "c", END_OF_LIFE: OVER, "cloudimage_content_key": "k", "os_distro": "debian"}
    cloud = family(
        holding("1", visibility="shared", protected=True, tags=["a"], min_ram=5, stores="slow", **said),
        of("2", min_ram=7, **{EXCLUDED: "true"}),
    )
    cloud.members[number(1)] = {"m": "accepted"}
    outcome = hands.run(cloud, task("3", **FILE))
    new = cloud.images[outcome.image]
    assert (new["visibility"], new["protected"], new["tags"], new["min_ram"]) == ("shared", True, ["a"], 5)
    assert (new["os_distro"], new["stores"], cloud.members[new["id"]]) == ("debian", "slow", {"m": "pending"})
    own = {key: value for key, value in new.items() if key.startswith("cloudimage_")}
    assert own == {FAMILY: NAME, VERSION: "3", WRITTEN_ON: new["id"]}
    old = cloud.images[number(1)]
    assert (old["name"], old["os_hidden"], old[SUPERSEDED_AT]) == (f"{NAME} (1)", True, NOW)


def test_all_that_is_known_goes_into_the_post_under_the_versions_name() -> None:
    cloud = family(holding("1"))
    create = hands.plan(cloud, task("2", exclude_from_latest=True, end_of_life=COMING, **FILE)).steps[0]
    body = create.body
    assert (body["name"], body["os_hidden"], body[INCOMING]) == (f"{NAME} (2)", True, number(1))
    assert (body[FAMILY], body[VERSION], body[EXCLUDED], body[END_OF_LIFE]) == (NAME, "2", "true", COMING)


def test_what_a_new_version_inherits_is_compared_again_after_the_upload() -> None:
    cloud = family(holding("1"))
    (verify,) = (step for step in hands.plan(cloud, task("2", **FILE)).steps if isinstance(step, steps.Verify))
    assert verify.old is not None
    assert verify.old.id == number(1)


def test_a_replaced_image_that_somebody_has_brought_back_counts_as_new() -> None:
    cloud = family({REPLACED_BY: number(9), SUPERSEDED_AT: BEFORE})
    hands.run(cloud, task())
    assert not {REPLACED_BY, SUPERSEDED_AT} & set(cloud.images[number(1)])
    renamed = family({"os_hidden": True, SUPERSEDED_AT: BEFORE})
    assert not hands.plan(renamed, task()).steps


def test_a_replacement_keeps_what_version_it_is() -> None:
    stamps = {EXCLUDED: "true", END_OF_LIFE: COMING, CATALOG: "c"}
    transitional = {SUPERSEDED_AT: BEFORE, REPLACES: number(9), "cloudimage_content_key": "k"}
    cloud = family(holding("1", **stamps, **transitional))
    outcome = hands.run(cloud, task(**OTHER_FILE))
    new, old = cloud.images[outcome.image], cloud.images[number(1)]
    own = {key: value for key, value in new.items() if key.startswith("cloudimage_")}
    assert own == {FAMILY: NAME, VERSION: "1", REPLACES: number(1), WRITTEN_ON: new["id"]} | stamps
    assert (old[REPLACED_BY], old[SUPERSEDED_AT]) == (new["id"], NOW)


def test_a_replaced_version_that_is_renamed_is_no_version_any_more() -> None:
    cloud = family(holding("1"))
    hands.run(cloud, task(retire="rename", **OTHER_FILE))
    assert names(cloud) == {"1": NAME}
    assert cloud.images[number(1)]["name"] == f"{NAME} ({TODAY})"
    plain = Cloud()
    plain.put(1)
    hands.run(plain, task(retire="rename", **OTHER_FILE))
    assert REPLACED_BY not in plain.images[number(1)]


def test_an_image_that_is_no_version_is_called_by_its_date_and_kept() -> None:
    cloud = family({})
    hands.run(cloud, task("1", retire="delete", **FILE))
    old = cloud.images[number(1)]
    assert (old["name"], old["os_hidden"], old[SUPERSEDED_AT]) == (f"{NAME} ({TODAY})", True, NOW)
    assert REPLACED_BY not in old


def test_a_task_without_a_version_goes_on_with_the_one_that_has_the_name() -> None:
    for images in ((of("1"), holding("2")), (holding("1"), holding("2"))):
        cloud = family(*images)
        outcome = hands.run(cloud, task(tags=frozenset("a")))
        assert outcome.image == number(2)


def test_an_image_that_is_no_version_can_have_an_end_of_life_and_be_excluded() -> None:
    cloud = family({})
    hands.run(cloud, task(exclude_from_latest=True, end_of_life=COMING))
    raw = cloud.images[number(1)]
    assert (raw[EXCLUDED], raw[END_OF_LIFE]) == ("true", COMING)
    hands.run(cloud, task(exclude_from_latest=False, end_of_life=""))
    assert not {EXCLUDED, END_OF_LIFE} & set(cloud.images[number(1)])


def test_an_import_that_is_not_waited_for_leaves_the_name_to_a_later_run() -> None:
    cloud = family(holding("1"))
    desired = task("2", source=web("http://web/one"), wait=False)
    plan = hands.plan(cloud, desired)
    assert [support.short(step) for step in plan.steps] == ["create", "fill"]
    assert any("left to a later run" in each for each in plan.warnings)
    outcome = hands.run(cloud, desired)
    assert cloud.shown() == [number(1)]
    cloud.settle(outcome.created[0])
    hands.run(cloud, desired)
    assert names(cloud) == {"1": f"[{NAME} (1)]", "2": NAME}


@pytest.mark.parametrize(
    ("there", "desired", "words"),
    [
        (
            (of("1", **{END_OF_LIFE: OVER}),),
            task("1", promote=True),
            r"^promote: the end of life of version 1 was 2026-06-30",
        ),
        ((of("1"),), task("1", promote=True, end_of_life=OVER), r"^promote: the end of life of version 1 was"),
        ((), task("1"), r"^The family 'debian-13' has no version '1', and the task names no source \(filename, uri"),
        ((of("2"),), task("1", promote=True), r"^The family 'debian-13' has no version '1', and the task names no"),
        (
            (),
            task("1", state="inactive"),
            r"^The family 'debian-13' has no version '1' with data to deactivate; make one with state: present first\.$",
        ),
        ((), task(), r"^There is no image 'debian-13', and the task names no source"),
        (({}, {}), task("1", **FILE), r"^2 images bear the name 'debian-13' that a version"),
        (({}, holding("1")), task("1"), r"^2 images bear the name 'debian-13' that a version"),
        (
            (of("1"), of("1", data=TWO)),
            task("1", **FILE),
            rf"^2 images with different content are version 1 of the family 'debian-13': {number(1)}, {number(2)}\. Delete",
        ),
        ((holding("1"), {"name": "x"}), task("1", id=number(2)), rf"^id: version 1 .* is the image {number(1)}, not"),
    ],
)
def test_what_cannot_be(there: t.Any, desired: t.Any, words: str) -> None:
    with pytest.raises(errors.CollectionError, match=words):
        hands.plan(family(*there), desired)


def test_the_steps_in_words() -> None:
    cloud = family(of("1"), holding("2"))
    assert hands.plan(cloud, task("1", promote=True)).actions == [
        f"exclude version 2 ({number(2)}) from latest",
        f"give the name 'debian-13' to version 1 ({number(1)})",
        f"call {number(2)} 'debian-13 (2)' and hide it",
    ]
    actions = hands.plan(cloud, task("3", retire="delete", **FILE)).actions
    assert actions[-2:] == ["give the name 'debian-13' to version 3", f"delete the superseded image {number(2)}"]
    actions = hands.plan(cloud, task("3", retire="keep", **FILE)).actions
    assert actions[-1] == f"call {number(2)} 'debian-13 (2)'"


def test_the_plan_waits_for_a_bearer_that_somebody_is_at_work_on() -> None:
    cloud = family(holding("1", os_glance_import_task="t"), of("2"))
    assert planned(cloud, task("2")) == ["wait 1"]
    cloud.fates[number(1)] = "active"
    hands.run(cloud, task("2"))
    assert names(cloud) == {"1": f"[{NAME} (1)]", "2": NAME}


def test_versions_of_other_families_and_projects_are_none_of_ours() -> None:
    cloud = family(holding("1"), holding("2", name="f", **{FAMILY: "f"}), holding("3", owner="somebody"))
    before = cloud.copy()
    hands.run(cloud, task("1", **FILE))
    assert cloud.images == before.images
