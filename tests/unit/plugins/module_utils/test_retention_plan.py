# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fates of old images: tables, and properties that hold for any rule and any images."""

from __future__ import annotations

import dataclasses
import datetime
import os
import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import InvalidOption
from ansible_collections.cloudimage.glance.plugins.module_utils._image_steps import Change, Deactivate, Delete
from ansible_collections.cloudimage.glance.plugins.module_utils._observed import Image
from ansible_collections.cloudimage.glance.plugins.module_utils._retention_fates import (
    Candidate,
    Fate,
    Stock,
    fates_of,
)
from ansible_collections.cloudimage.glance.plugins.module_utils._retention_plan import plan, questions
from ansible_collections.cloudimage.glance.plugins.module_utils._retention_rule import (
    Duration,
    Rule,
    Selection,
    read_rule,
)
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.glance_model import signed
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("CLOUDIMAGE_TEST_EXAMPLES", "200"))
QUICK = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES <= 200,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
NOW = datetime.datetime(2026, 11, 21, 8, tzinfo=datetime.UTC)
RANKS = ["keep", "hide", "deactivate", "delete"]
Raw = dict[str, t.Any]


def ago(days: float) -> str:
    return (NOW - datetime.timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def raw(each: str, created: float = 100, **more: t.Any) -> Raw:
    stamps = {f"cloudimage_{key}": more.pop(key) for key in list(more) if key in STAMPS}
    basic = {"id": each, "name": "deb", "status": "active", "owner": "p", "visibility": "private", "protected": False}
    whole = {**basic, "os_hidden": False, "tags": [], "created_at": ago(created), **stamps, **more}
    return signed(whole["id"], whole)


STAMPS = ("family", "version", "superseded_at", "replaced_by", "exclude_from_latest", "end_of_life", "incoming_for")


def release(number: int, created: float = 100, superseded: float | None = None, **more: t.Any) -> Raw:
    """A version of the family f under the name that it has by then."""
    named = {"name": "deb"} if superseded is None else {"name": f"deb ({number})", "superseded_at": ago(superseded)}
    return raw(**{"each": f"v{number}", "created": created, "family": "f", "version": str(number), **named, **more})


def rule(**given: t.Any) -> Rule:
    """The rule of a task with these options."""
    names = ("hide_after", "deactivate_after", "delete_after", "keep_last", "keep_within")
    flags = ("include_shared", "include_snapshots", "require_unused", "allow_delete_all")
    defaults = dict.fromkeys(names) | dict.fromkeys(flags, False) | {"age_of": "superseded"}
    return read_rule(defaults | given)


def stock(*raws: Raw, now: datetime.datetime = NOW, **facts: t.Any) -> Stock:
    return Stock(tuple(Candidate(Image(each), **facts) for each in raws), now)


def told(fates: t.Iterable[Fate]) -> dict[str, str]:
    return {fate.image.id: fate.fate for fate in fates}


@pytest.mark.parametrize(
    ("text", "hours"),
    [("12h", 12), ("30d", 720), ("8w", 1344), ("6mo", 4320), ("1y", 8760), ("0", 0), ("0d", 0), (" 2 d ", 48)],
)
def test_durations(text: str, hours: int) -> None:
    assert Duration.read(text, "x").length == datetime.timedelta(hours=hours)


@pytest.mark.parametrize(
    "text", ["", "d", "30", "-1d", "1.5d", "1m", "1D", "1d2h", "٣d", "99999999999y", "9" * 5000 + "h"]
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(InvalidOption, match=r"^delete_after: ") as refusal:
        Duration.read(text, "delete_after")
    assert "\n" not in refusal.value.message


V = release
OLD = {"delete_after": "30d"}
REPLACED = {"os_hidden": True, "replaced_by": "now"}
#: What is there, the rule, and the fates in the order of the result; ids of what is kept are left out.
FATES: list[tuple[str, list[Raw], dict[str, t.Any], str]] = [
    ("old ones go", [V(3), V(2, superseded=10), V(1, superseded=40)], OLD, "v1 delete"),
    ("on the day", [V(2), V(1, superseded=30)], OLD, "v1 delete"),
    ("the day before", [V(2), V(1, superseded=29.9)], OLD, ""),
    ("by creation", [V(3, 1), V(2, 29, superseded=1), V(1, 31, superseded=1)], {**OLD, "age_of": "created"}, "v1 delete"),
    ("no stamp: the next newer one", [V(3, 31), V(2, 90, name="deb (2)")], OLD, "v2 delete"),
    ("no stamp: the next newer one is young", [V(3, 29), V(2, 90, name="deb (2)")], OLD, ""),
    ("older version made later", [V(3, 90), V(2, 10, name="deb (2)")], OLD, ""),
    ("stamp that is no time", [V(3, 29), V(2, superseded=90, superseded_at="soon")], OLD, ""),
    ("a broken one supersedes nothing", [V(3, 90, status="queued"), V(2, 95)], OLD, ""),
    ("stages", [V(4), V(3, superseded=5), V(2, superseded=15), V(1, superseded=40)],
     {"hide_after": "0", "deactivate_after": "10d", **OLD}, "v3 hide, v2 deactivate, v1 delete"),
    ("last", [V(9), V(8, superseded=90), V(7, superseded=90)], {**OLD, "keep_last": 2}, "v7 delete"),
    ("last: numbers, not letters", [V(10), V(9, superseded=90), V(8, superseded=90)], {**OLD, "keep_last": 2}, "v8 delete"),
    ("last: those without data do not count", [V(9), V(8, superseded=90, status="queued"), V(7, superseded=90)],
     {**OLD, "keep_last": 2}, ""),
    ("within", [V(3), V(2, 50, superseded=45), V(1, 61, superseded=50)], {**OLD, "keep_within": "60d"}, "v1 delete"),
    ("promoted, not the newest", [V(3, superseded=90, exclude_from_latest="true"), V(2), V(1, superseded=90)], OLD,
     "v3 delete, v1 delete"),
    ("newest good without the name", [V(3, superseded=90), V(2)], OLD, ""),
    ("past its end", [V(3, superseded=90, end_of_life="2026-01-01"), V(2)], OLD, "v3 delete"),
    ("protected", [V(2), V(1, superseded=90, protected=True)], OLD, ""),
    ("public", [V(2), V(1, superseded=90, visibility="public")], OLD, ""),
    ("community, hidden", [V(2), V(1, superseded=90, visibility="community", os_hidden=True)], OLD, ""),
    ("public, told so", [V(2), V(1, superseded=90, visibility="public")], {**OLD, "include_shared": True}, "v1 delete"),
    ("importing", [V(2), V(1, superseded=90, status="importing")], OLD, ""),
    ("being copied", [V(2), V(1, superseded=90, os_glance_import_task="x")], OLD, ""),
    ("about to take a place", [V(2), V(1, superseded=90, incoming_for="v2")], OLD, ""),
    (
        "what nobody could go back to does not count",
        [V(5), V(4, superseded=40, exclude_from_latest="true"), V(3, superseded=50, end_of_life="2020-01-01"), V(2, superseded=60)],
        {**OLD, "keep_last": 2},
        "v4 delete, v3 delete",
    ),
    (
        "replaced within its version",
        [V(2), V(1, superseded=40), V(2, superseded=50, id="x", os_hidden=True, replaced_by="v2")],
        {**OLD, "keep_last": 2},
        "v1 delete",
    ),
    ("each name has its group", [raw("a", 9), raw("b", 9, name="web"), raw("c", 99, os_hidden=True, superseded_at=ago(50))],
     {**OLD, "keep_last": 1}, "c delete"),
    ("two under one name: the newer one is meant", [raw("a", 40), raw("b", 50)], OLD, "b delete"),
    ("two under one name: the visible one is meant", [raw("a", 40, os_hidden=True), raw("b", 50)], OLD, ""),
    ("hidden for reasons of its own", [raw("a", os_hidden=True)], {"delete_after": "0", "age_of": "created"}, ""),
    ("replaced, no time told", [raw("now", 40), raw("x", 90, **REPLACED)], OLD, "x delete"),
    ("replaced, brought back to sight", [raw("now", 40), raw("x", 90, name="web", replaced_by="now")], OLD, ""),
    ("renamed, by the successor's group", [V(2, 40, id="now"), raw("x", 90, name="deb (y)", **REPLACED)],
     {**OLD, "keep_last": 1}, "x delete"),
    ("renamed, without a successor", [raw("n", 40), raw("x", 90, name=f"deb ({ago(90)})", os_hidden=True)], OLD, "x delete"),
    ("snapshot of a version", [V(2), V(1, superseded=90, image_type="snapshot")], OLD, ""),
    ("snapshots do not count", [V(2, superseded=90), V(3, image_type="backup"), V(1, superseded=90)],
     {**OLD, "keep_last": 1}, "v1 delete"),
    ("snapshots of a server", [raw(each, age, instance_uuid="s", name=each) for each, age in (("a", 1), ("b", 40), ("c", 50))],
     {**OLD, "age_of": "created", "keep_last": 2, "include_snapshots": True}, "c delete"),
    ("kernel of one that stays", [V(3, kernel_id="v2"), V(2, superseded=90), V(1, superseded=90)], OLD, "v1 delete"),
    ("kernel of one that goes", [V(3), V(2, superseded=90), V(1, superseded=90, ramdisk_id="v2")], OLD,
     "v2 delete, v1 delete"),
    ("retired is not good", [V(3, superseded=90, os_hidden=True, replaced_by="z"), V(2)], OLD, "v3 delete"),
    ("replaced: its successor tells", [raw("now", 10), *(raw(each, age, **REPLACED) for each, age in (("x", 80), ("y", 90)))],
     OLD, ""),
    ("a newer one that was copied here later", [V(4, 5), V(3, 10, superseded=50), V(2, 90, name="deb (2)")], OLD,
     "v3 delete, v2 delete"),
    ("brought back to sight: a group of its own", [V(2, 40, id="now"), raw("x", 90, name="web", replaced_by="now"),
     raw("w", 95, name="web", os_hidden=True, superseded_at=ago(90))], {**OLD, "keep_last": 1}, "w delete"),
    ("snapshots of two servers", [raw(each, age, instance_uuid=server, name=each) for each, age, server in (
     ("a", 40, "s"), ("b", 50, "t"), ("c", 60, "s"))],
     {**OLD, "age_of": "created", "keep_last": 1, "include_snapshots": True}, "c delete"),
    ("own kernel, hidden only", [V(3), V(2, superseded=90, kernel_id="v2")], {"hide_after": "0"}, "v2 hide"),
    ("own kernel", [V(3), V(2, superseded=90, kernel_id="v2")], OLD, "v2 delete"),
]  # fmt: skip


@pytest.mark.parametrize(("raws", "given_rule", "expected"), [row[1:] for row in FATES], ids=[row[0] for row in FATES])
def test_fates(raws: list[Raw], given_rule: dict[str, t.Any], expected: str) -> None:
    for images in (raws, raws[::-1]):
        fates = fates_of(rule(**given_rule), stock(*images))
        assert ", ".join(f"{fate.image.id} {fate.fate}" for fate in fates if fate.fate != "keep") == expected
        assert all(fate.why for fate in fates)


def test_what_waits_goes_last_and_the_oldest_first() -> None:
    images = stock(V(4), V(3, superseded=90), V(2, superseded=90, ramdisk_id="v1"), V(1, superseded=90))
    decided = plan(rule(**OLD), images)
    assert [t.cast(Delete, step).image for step in decided.steps] == ["v2", "v3", "v1"]
    assert {fate.image.id: fate.waits_for for fate in decided.fates if fate.waits_for} == {"v1": {"v2"}}


def test_questions_are_asked_only_where_it_matters() -> None:
    shared = {"visibility": "shared"}
    images = stock(
        V(6, **shared, kernel_id="v5"),
        V(5, superseded=90),
        V(4, superseded=90, **shared),
        V(3, superseded=90, **shared),
        V(2, superseded=90),
        V(1, superseded=1, **shared),
    )
    asked = questions(rule(**OLD), images)
    assert (asked.members_of, asked.needed_by) == ({"v4", "v3"}, frozenset())
    asked = questions(rule(**OLD, include_shared=True), images)
    assert (asked.members_of, asked.needed_by) == (frozenset(), {"v4", "v3", "v2"})
    asked = questions(rule(**OLD), answered(images, shared_with={"v4": 1, "v3": 0}))
    assert (asked.members_of, asked.needed_by) == (frozenset(), {"v3", "v2"})
    nobody = {"v3": frozenset[str](), "v2": frozenset[str]()}
    assert not questions(rule(**OLD), answered(images, shared_with={"v4": 1, "v3": 0}, needed_by=nobody))
    assert not questions(rule(hide_after="0"), stock(V(2), V(1, superseded=1, os_hidden=True, **shared)))


@pytest.mark.parametrize("stage", ["hide", "deactivate", "delete"])
def test_whatever_is_touched_is_asked_about(stage: str) -> None:
    asked = questions(rule(**{f"{stage}_after": "0"}), stock(V(2), V(1, superseded=90)))
    assert asked.needed_by == {"v1"}


def answered(images: Stock, **facts: dict[str, t.Any]) -> Stock:
    """The stock with what has been found out: by field, then by id."""
    return Stock(
        tuple(
            dataclasses.replace(
                each, **{field: found[each.image.id] for field, found in facts.items() if each.image.id in found}
            )
            for each in images.candidates
        ),
        images.now,
    )


EXCLUDED = "; keep_last does not count it, because it is excluded from latest"
ENDED = "; keep_last does not count it, because its end of life was 2026-01-01"
BAD, OVER = {"exclude_from_latest": "true"}, {"end_of_life": "2026-01-01"}
AGED = "superseded 90 days ago, and delete_after is 30d"
PASSED_OVER: list[tuple[str, dict[str, t.Any], dict[str, t.Any], dict[str, t.Any], str]] = [
    ("excluded", {"keep_last": 2}, {}, BAD, AGED + EXCLUDED),
    ("past its end", {"keep_last": 2}, {}, OVER, AGED + ENDED),
    ("past its end, next to last", {"keep_last": 2}, BAD, OVER, AGED + ENDED),
    ("too old for keep_last anyway", {"keep_last": 2}, {"end_of_life": "2027-01-01"}, BAD, AGED),
    ("newest but two", {"keep_last": 3}, {"end_of_life": "2027-01-01"}, BAD, AGED + EXCLUDED),
    ("no keep_last", {}, {}, BAD, AGED),
    ("not old enough", {"keep_last": 2, "delete_after": "1y"}, {}, BAD, AGED.replace("30d", "1y") + EXCLUDED),
    ("kept for another reason", {"keep_last": 2}, {}, {**BAD, "protected": True}, "it is protected"),
    ("used", {"keep_last": 2, "require_unused": True}, {}, BAD,
     f"{AGED}; not deleted, because it is not known whether servers or volumes use it (require_unused){EXCLUDED}"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("given_rule", "newer", "older", "why"), [row[1:] for row in PASSED_OVER], ids=[row[0] for row in PASSED_OVER]
)
def test_whom_keep_last_passes_over_is_told(
    given_rule: dict[str, t.Any], newer: dict[str, t.Any], older: dict[str, t.Any], why: str
) -> None:
    """Version 9 has the name, 8 comes next if the case says anything of it, then 7, which the case is about, then 6."""
    images = stock(
        V(9), *([V(8, superseded=90, **newer)] if newer else []), V(7, superseded=90, **older), V(6, superseded=95)
    )
    whys = {fate.image.id: fate.why for fate in fates_of(rule(**{**OLD, **given_rule}), images)}
    assert whys["v7"] == why
    assert "not count" not in whys["v9"] + whys["v6"]


def test_answers_keep_images() -> None:
    old = V(1, superseded=90, visibility="shared")
    images = stock(V(2), old)
    for answer, why in (
        ({"shared_with": 2}, "it is shared with 2 projects, and include_shared is not set"),
        ({"needed_by": frozenset({"other"})}, "the image other needs it"),
        (
            {"used": True},
            "superseded 90 days ago, and delete_after is 30d; not deleted, because servers or volumes use it",
        ),
    ):
        candidates = tuple(dataclasses.replace(each, **answer) for each in images.candidates)
        (fate,) = [each for each in fates_of(rule(**OLD), Stock(candidates, NOW)) if each.image.id == "v1"]
        assert (fate.fate, fate.why) == ("keep", why)


@pytest.mark.parametrize(
    ("used", "fate", "warned"), [(None, "hide", True), (True, "hide", False), (False, "delete", False)]
)
def test_only_unused_images_are_deleted(used: bool | None, fate: str, warned: bool) -> None:
    decided = plan(rule(**OLD, hide_after="1d", require_unused=True), stock(V(2), V(1, superseded=90), used=used))
    assert told(decided.fates)["v1"] == fate and bool(decided.warnings) == warned


@pytest.mark.parametrize(
    ("raws", "refused"),
    [
        ([raw("x", **REPLACED, superseded_at=ago(90))], True),
        ([raw("x", **REPLACED, superseded_at=ago(90)), raw("y", status="queued")], True),
        ([raw("x", **REPLACED, superseded_at=ago(90)), raw("y", 50, name="web")], True),
        ([raw("x", **REPLACED, superseded_at=ago(90)), raw("y", 50)], False),
        # a family and a name that are written alike are two groups
        ([raw("x", **REPLACED, superseded_at=ago(90)), raw("y", name="web", family="deb", version="1")], True),
    ],
)
def test_what_would_empty_a_group(raws: list[Raw], refused: bool) -> None:
    assert told(plan(rule(**OLD, allow_delete_all=True), stock(*raws)).fates)["x"] == "delete"
    if not refused:
        assert plan(rule(**OLD), stock(*raws)).changed
        return
    with pytest.raises(InvalidOption, match=r"^allow_delete_all: .*'deb' \(1\): 'deb'\. Nothing was done\.") as refusal:
        plan(rule(**OLD), stock(*raws))
    assert refusal.value.details["ids"] == ["x"]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a", "b"], "of 'deb' (2): 'a', 'b'. Nothing"),
        (["a", None, "c"], "of 'deb' (3): 'a', x1, 'c'. Nothing"),
        (["a", "b", "c", "d", "e"], "of 'deb' (5): 'a', 'b', 'c' and 2 more. Nothing"),
    ],
)
def test_a_few_of_those_that_would_go_are_named(names: list[str | None], said: str) -> None:
    images = [
        raw(f"x{number}", 100 + number, name=name, os_hidden=True, replaced_by="gone", superseded_at=ago(90))
        for number, name in enumerate(names)
    ]
    for image in images:
        image |= {"cloudimage_family": "deb", "cloudimage_version": "1", "cloudimage_exclude_from_latest": "true"}
    with pytest.raises(InvalidOption) as refusal:
        plan(rule(**OLD), stock(*images))
    assert said in refusal.value.message
    assert len(refusal.value.details["ids"]) == len(names)


def test_what_glance_filters_is_looked_at_again() -> None:
    selection = Selection("p", family="f", name_pattern="d?b*", tags=("x",), properties=(("os", "a"),), catalog="c")
    fits = V(1, tags=["x", "y"], os="a", cloudimage_catalog="c")
    assert selection.matches(Image(fits))
    others: list[Raw] = [
        {"owner": "q"},
        {"status": "pending_delete"},
        {"name": "Deb"},
        {"name": None},
        {"tags": ["X"]},
        {"os": "A"},
        {"cloudimage_family": "F"},
        {"cloudimage_catalog": "C"},
        {"image_type": "snapshot"},
        {"base_image_ref": "v1"},
    ]
    assert [other for other in others if selection.matches(Image({**fits, **other}))] == []
    assert not Selection("p", name="Deb").matches(Image(fits))
    assert Selection("p", name_pattern="*").matches(Image({**fits, "name": None}))


# --- properties

IDS = [f"i{number}" for number in range(6)]
days = st.integers(0, 12).map(lambda number: number * 10)
durations = st.lists(days.map(lambda number: f"{number}d"), min_size=3, max_size=3).map(
    lambda texts: sorted(texts, key=lambda text: int(text[:-1]))
)
RARE: list[Raw] = [
    {"protected": True},
    {"status": "queued"},
    {"image_type": "snapshot"},
    {"instance_uuid": "s"},
    {"image_type": "snapshot", "instance_uuid": "s"},
]


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    stages = zip(("hide_after", "deactivate_after", "delete_after"), draw(durations), strict=True)
    left_out = draw(st.sets(st.integers(0, 2), max_size=2))
    given_stages = {key: text for number, (key, text) in enumerate(stages) if number not in left_out}
    flags = {key: draw(st.booleans()) for key in ("include_shared", "include_snapshots", "require_unused")}
    return rule(
        **given_stages,
        **flags,
        keep_last=draw(st.none() | st.integers(0, 3)),
        keep_within=draw(st.none() | days.map(lambda number: f"{number}d")),
        age_of=draw(st.sampled_from(["superseded", "superseded", "created"])),
    )


@st.composite
def inventories(draw: st.DrawFn) -> list[Raw]:
    """Any images, in part as the collection leaves them, in part not; no two were made at the same moment."""
    raws = []
    for number, each in enumerate(IDS[: draw(st.integers(0, len(IDS)))]):
        created = draw(days) + number / 10
        stamps: Raw = {}
        if draw(st.booleans()):
            stamps |= {"family": draw(st.sampled_from("ffg")), "version": draw(st.sampled_from("1234"))}
        for key, values in (
            ("superseded_at", days.map(ago)),
            ("replaced_by", st.sampled_from(IDS)),
            ("exclude_from_latest", st.just("true")),
        ):
            if draw(st.integers(0, 2)) == 0:
                stamps[key] = draw(values)
        rare = draw(
            st.sampled_from([{}, {}, {}, *RARE, {"kernel_id": IDS[number - 1]}, {"kernel_id": IDS[number - 2]}])
        )
        named = draw(st.sampled_from(["deb", "deb", "web", f"deb ({stamps.get('version')})", f"deb ({ago(created)})"]))
        shown = {"os_hidden": draw(st.booleans()), "status": draw(st.sampled_from(["active", "active", "deactivated"]))}
        visibility = draw(st.sampled_from(["private", "private", "shared", "public"]))
        raws.append(raw(each, created, **stamps, **{"name": named, "visibility": visibility, **shown, **rare}))
    return raws


def stock_of(raws: list[Raw], now: datetime.datetime = NOW) -> Stock:
    """Every third one of the images that may be shared is shared."""
    shared = {each["id"]: int(each["id"] in IDS[::3]) for each in raws}
    return Stock(tuple(Candidate(Image(each), shared_with=shared[each["id"]]) for each in raws), now)


def applied(raws: list[Raw], fates: t.Iterable[Fate]) -> list[Raw]:
    """The images after the steps, as Glance leaves them."""
    there = {each["id"]: dict(each) for each in raws}
    for fate in fates:
        for step in fate.steps:
            if isinstance(step, Delete):
                assert not there[step.image]["protected"], "Glance: 403"
                del there[step.image]
            elif isinstance(step, Deactivate):
                assert there[step.image]["status"] == "active"
                there[step.image]["status"] = "deactivated"
            else:
                (operation,) = t.cast(Change, step).operations
                there[step.image][operation["path"][1:]] = operation["value"]
    return list(there.values())


def is_ordinary(each: Raw) -> bool:
    """Whether an image has its data and is no snapshot."""
    return each["status"] != "queued" and not each.get("image_type") and not each.get("instance_uuid")


def promoted(raws: list[Raw]) -> set[str]:
    """Images in sight that alone bear a name, which is no single version's."""
    bearers: dict[t.Any, list[str]] = {}
    for each in raws:
        if is_ordinary(each) and not each["os_hidden"] and "(" not in each["name"]:
            bearers.setdefault(each["name"], []).append(each["id"])
    return {ids[0] for ids in bearers.values() if len(ids) == 1}


def newest_good(raws: list[Raw]) -> set[str]:
    found: dict[str, Raw] = {}
    for each in sorted(raws, key=lambda one: (one.get("cloudimage_version", ""), one["created_at"])):
        retired = each["os_hidden"] and each.get("cloudimage_replaced_by")
        good = each["status"] == "active" and not each.get("cloudimage_exclude_from_latest") and not retired
        if is_ordinary(each) and good and "cloudimage_family" in each:
            found[each["cloudimage_family"]] = each
    return {each["id"] for each in found.values()}


@given(rules(), inventories())
@QUICK
def test_what_is_precious_is_kept(given_rule: Rule, raws: list[Raw]) -> None:
    fates = told(fates_of(given_rule, stock_of(raws)))
    assert fates.keys() == {each["id"] for each in raws}
    kept = promoted(raws) | newest_good(raws)
    kept |= {each["id"] for each in raws if each["status"] == "queued" or each["protected"]}
    if not given_rule.include_shared:
        kept |= {each["id"] for each in raws if each["visibility"] == "public"}
        kept |= {each["id"] for each in raws if each["visibility"] == "shared" and each["id"] in IDS[::3]}
    if not given_rule.include_snapshots:
        kept |= {each["id"] for each in raws if not is_ordinary(each)}
    kept |= {each["kernel_id"] for each in raws if "kernel_id" in each and fates[each["id"]] != "delete"} & fates.keys()
    assert {each for each in kept if fates[each] != "keep"} == set()
    if given_rule.require_unused:
        assert "delete" not in fates.values()


@given(rules(), inventories())
@QUICK
def test_the_last_of_each_group_are_kept(given_rule: Rule, raws: list[Raw]) -> None:
    groups: dict[t.Any, list[Fate]] = {}
    for fate in fates_of(given_rule, stock_of(raws)):
        groups.setdefault(fate.group, []).append(fate)
    for fates in groups.values():
        counting = [fate for fate in fates if fate.image.status != "queued" and is_worth_keeping(fate.image)]
        newest = sorted(
            counting,
            key=lambda fate: (
                (fate.image.raw.get("cloudimage_version") or "") if fate.group[0] == "family" else "",
                fate.image.created_at,
            ),
        )
        kept = newest[-given_rule.keep_last :] if given_rule.keep_last else []
        assert all(fate.fate == "keep" for fate in kept)


def is_worth_keeping(image: Image) -> bool:
    excluded = image.stamp("cloudimage_exclude_from_latest") == "true"
    return not excluded and (image.stamp("cloudimage_end_of_life") or "9999") >= NOW.date().isoformat()


@given(rules(), inventories())
@QUICK
def test_applied_once_nothing_is_left_to_do(given_rule: Rule, raws: list[Raw]) -> None:
    first = fates_of(given_rule, stock_of(raws))
    after = applied(raws, first)
    second = fates_of(given_rule, stock_of(after))
    assert [fate.steps for fate in second if fate.steps] == []
    deleted = {fate.image.id for fate in first if fate.fate == "delete"}
    assert told(second).keys() == told(first).keys() - deleted


@given(rules(), inventories(), days)
@QUICK
def test_fates_only_get_worse_with_time(given_rule: Rule, raws: list[Raw], later: int) -> None:
    now = told(fates_of(given_rule, stock_of(raws)))
    then = told(fates_of(given_rule, stock_of(raws, NOW + datetime.timedelta(days=later))))
    assert all(RANKS.index(then[each]) >= RANKS.index(now[each]) for each in now)


@given(rules(), inventories(), st.randoms(use_true_random=False))
@QUICK
def test_the_order_of_the_list_does_not_matter(given_rule: Rule, raws: list[Raw], chance: t.Any) -> None:
    shuffled = list(raws)
    chance.shuffle(shuffled)
    one, other = fates_of(given_rule, stock_of(raws)), fates_of(given_rule, stock_of(shuffled))
    assert [(fate.image.id, fate.fate, fate.why) for fate in one] == [
        (fate.image.id, fate.fate, fate.why) for fate in other
    ]


@given(rules(), inventories())
@QUICK
def test_no_group_is_emptied_unasked(given_rule: Rule, raws: list[Raw]) -> None:
    fates = fates_of(given_rule, stock_of(raws))
    whole = [fate for fate in fates if fate.image.status != "queued"]
    left = {fate.group for fate in whole if fate.fate != "delete"}
    emptied = {fate.group for fate in whole} - left
    if not emptied:
        assert set(plan(given_rule, stock_of(raws)).before) == {each["id"] for each in raws}
        return
    with pytest.raises(InvalidOption):
        plan(given_rule, stock_of(raws))
