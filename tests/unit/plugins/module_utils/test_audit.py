# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Audits out of Glance's JSON: findings, drift, sums."""

from __future__ import annotations

import itertools
import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils._audit import age_days
from ansible_collections.cloudimage.glance.plugins.module_utils._audit_drift import entries
from ansible_collections.cloudimage.glance.plugins.module_utils._audit_kinds import CODES, KINDS, SEVERITIES
from ansible_collections.cloudimage.glance.plugins.module_utils._audit_query import duration
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import InvalidOption
from ansible_collections.cloudimage.glance.plugins.module_utils._observed import Image
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.audit_support import (
    HASH,
    NOW,
    OLD,
    YOUNG,
    Json,
    audited,
    image,
    result,
    version,
)
from hypothesis import given
from hypothesis import strategies as st

SNAPSHOT = {"image_type": "snapshot"}
ONE_IMAGE = [
    ({}, []),
    ({"status": "deactivated"}, []),
    ({"status": "killed"}, ["broken"]),
    ({"size": 0}, ["broken"]),
    ({"size": None}, ["broken"]),
    ({"size": 0, "block_device_mapping": "[]"}, []),
    ({"status": "queued", "size": None}, ["stuck"]),
    ({"status": "queued", "size": None, "updated_at": YOUNG}, []),
    ({"status": "queued", "size": None, "checksum": "c", "updated_at": YOUNG}, ["broken"]),
    ({"status": "queued", "size": None, "os_glance_failed_import": "fast"}, ["broken"]),
    (
        {
            "status": "queued",
            "size": None,
            "os_glance_failed_import": "fast",
            "os_glance_import_task": "t",
            "updated_at": YOUNG,
        },
        [],
    ),
    ({"status": "queued", "size": None, "os_glance_import_task": "t"}, ["stuck"]),
    ({"status": "saving"}, ["stuck"]),
    ({"status": "uploading"}, ["stuck"]),
    ({"status": "importing"}, ["stuck"]),
    ({"status": "importing", "updated_at": YOUNG}, []),
    ({"status": "importing", "os_glance_failed_import": "fast"}, ["broken"]),
    ({"os_glance_failed_import": "slow"}, ["broken"]),
    ({"os_glance_import_task": "t"}, ["stuck"]),
    ({"os_glance_import_task": "t", "updated_at": YOUNG}, []),
    ({"cloudimage_incoming_for": "x", "os_hidden": True}, ["leftover"]),
    ({"cloudimage_incoming_for": "x", "status": "queued", "size": None}, ["leftover"]),
    ({"cloudimage_incoming_for": "x", "updated_at": YOUNG}, []),
    ({"cloudimage_incoming_for": "x", **SNAPSHOT}, []),
    ({"cloudimage_end_of_life": "2026-11-20"}, ["end_of_life"]),
    ({"cloudimage_end_of_life": "2026-11-21"}, []),
    ({"cloudimage_end_of_life": "soon"}, []),
    ({"cloudimage_end_of_life": "2026-11-20", "os_hidden": True}, []),
    ({"cloudimage_end_of_life": "2026-11-20", "status": "deactivated"}, []),
    ({"cloudimage_end_of_life": "2026-11-20", **SNAPSHOT}, []),
    ({"updated_at": None, "created_at": "", "status": "saving"}, []),
]


@pytest.mark.parametrize(("raw", "expected"), ONE_IMAGE, ids=[str(row[0]) for row in ONE_IMAGE])
def test_findings_about_one_image(raw: Json, expected: list[str]) -> None:
    report = audited(image(**raw))
    assert [finding["code"] for finding in report["findings"]] == expected == report["images"][0]["findings"]
    assert all(finding["images"] == ["a"] and "'name-a' (a)" in finding["text"] for finding in report["findings"])


GROUPS = [
    ([image("a"), image("b")], []),
    ([image("a", **HASH), image("b", **HASH)], ["duplicate_content"]),
    ([image("a", **HASH), image("b", **HASH, size=11)], []),
    ([image("a", **HASH), image("b", **HASH, owner="q", os_hidden=True)], ["duplicate_content"]),
    ([image("a", **HASH, status="pending_delete"), image("b", **HASH)], []),
    ([image("a", os_hash_value=None), image("b", os_hash_value=None)], []),
    (
        [image("a", os_hash_value=None, checksum="c"), image("b", os_hash_value=None, checksum="c")],
        ["duplicate_content"],
    ),
    ([image("a", name="n"), image("b", name="n")], ["duplicate_name"]),
    ([image("a", name="n"), image("b", name="n", owner="q")], []),
    ([image("a", name="n"), image("b", name="n", os_hidden=True)], []),
    ([image("a", name="n"), image("b", name="n", cloudimage_incoming_for="a", updated_at=YOUNG)], []),
    ([image("a", name=None), image("b", name=None)], []),
    ([version("a", "1"), version("b", "2", name="debian")], []),
    ([version("a", "1", name="debian"), version("b", "2")], ["not_newest"]),
    ([version("a", "1", name="debian"), version("b", "2", cloudimage_exclude_from_latest="true")], []),
    ([version("a", "1", name="debian"), version("b", "2", owner="q", name="debian")], []),
    ([version("a", "1", cloudimage_end_of_life="2026-01-01"), version("b", "2", name="debian")], []),
]


@pytest.mark.parametrize(("images", "expected"), GROUPS, ids=range(len(GROUPS)))
def test_findings_about_several_images(images: list[Image], expected: list[str]) -> None:
    report = audited(*images)
    assert [finding["code"] for finding in report["findings"]] == expected
    assert all(row["findings"] == expected for row in report["images"])


DRIFTS = [
    ({"min_ram": 1}, {"min_ram": 2}, [("min_ram", 1, 2)]),
    ({"tags": []}, {"tags": ["x"]}, [("tags", [], ["x"])]),
    (
        {"properties": {"a": "1", "b": "2"}},
        {"properties": {"a": "1", "c": "3"}},
        [("properties.b", "2", None), ("properties.c", None, "3")],
    ),
    ({"status": "active"}, {"status": "deactivated"}, [("status", "active", "deactivated")]),
    (
        {"properties": {"cloudimage_content_key": "x"}},
        {"properties": {"cloudimage_version": "1"}},
        [("properties.cloudimage_version", None, "1")],
    ),
    ({"size": 5, **HASH}, {"id": "(new)", "size": 7}, [("content", "5 bytes, sha512 abababababab", "7 bytes")]),
    ({}, {"id": "(new)"}, [("content", "other content", "other content")]),
    ({"os_hash_value": "x"}, {"os_hash_value": "y"}, [("actions", None, "a change")]),
]


@pytest.mark.parametrize(("before", "after", "expected"), DRIFTS)
def test_drift(before: Json, after: Json, expected: list[tuple[str, t.Any, t.Any]]) -> None:
    report = audited(image(), declared=[result({"id": "a"} | before, {"id": "a"} | after)])
    (row,) = report["images"]
    assert [(each["key"], each["is"], each["declared"]) for each in row["drift"]] == expected
    assert row["declared"] and row["findings"] == ["drift"]


DECLARED = [
    ([], ["undeclared"], False),
    ([result({}, {})], ["undeclared"], False),
    ([{"name": "n", "changed": False, "image": {"id": "a"}}], [], True),
    ([result({"id": "a"}, {"id": "a"})], [], True),
    ([result({"id": "a"}, {})], ["unwanted"], True),
    ([result({}, {"id": "(new)"})], ["missing", "undeclared"], False),
    ([{"name": "n", "failed": True, "msg": "no file"}], ["unchecked", "undeclared"], False),
    ([{"name": "name-a", "failed": True, "msg": "no file"}], ["unchecked"], True),
    ([{"name": "n", "failed": True, "reason": "content_missing", "msg": "no image"}], ["missing", "undeclared"], False),
    ([{"name": "n", "failed": True, "reason": "content_missing", "msg": "queued", "id": "a"}], ["unchecked"], True),
    ([{"name": "name-a", "failed": True, "reason": "content_missing", "msg": "other data"}], ["missing"], True),
    ([{"name": "n", "failed": True, "changed": False, "image": {"id": "a"}}], ["unchecked"], True),
    ([{"name": "n", "changed": True, "image": {"id": "a"}, "actions": ["do it"]}], ["drift"], True),
    ([{"name": "n", "changed": True, "actions": ["do it"]}], ["missing", "undeclared"], False),
    ([result({"id": "elsewhere"}, {"id": "elsewhere", "min_ram": 1})], ["drift", "undeclared"], False),
]


@pytest.mark.parametrize(("declared", "expected", "is_declared"), DECLARED, ids=range(len(DECLARED)))
def test_what_is_declared(declared: list[Json], expected: list[str], is_declared: bool) -> None:
    report = audited(image(), declared=declared)
    assert [finding["code"] for finding in report["findings"]] == expected
    assert report["images"][0]["declared"] is is_declared
    assert report["summary"]["declared"] == len(declared)


@pytest.mark.parametrize(
    "other",
    [
        image("b", cloudimage_replaced_by="a", os_hidden=True),
        image("b", cloudimage_superseded_at="2026-11-01T00:00:00Z"),
        image("b", owner="q"),
        image("b", cloudimage_incoming_for="a", updated_at=YOUNG),
        version("b", "1", name="debian"),
    ],
)
def test_what_nobody_has_to_declare(other: Image) -> None:
    """Predecessors, further versions of a declared family, and what another project has."""
    before = {"id": "a", "properties": {"cloudimage_family": "debian", "cloudimage_version": "2"}}
    report = audited(image("a"), other, declared=[result(before, before)])
    assert [row["declared"] for row in report["images"] if row["id"] == "b"] == [None]
    assert report["findings"] == []


def test_without_a_catalogue_nothing_is_undeclared() -> None:
    report = audited(image())
    assert (
        report["findings"] == [] and report["images"][0]["declared"] is None and report["summary"]["declared"] is None
    )


@pytest.mark.parametrize("declared", [[{}], [{"name": 3}], [{"msg": "x"}]])
def test_results_of_something_else_are_refused(declared: list[Json]) -> None:
    with pytest.raises(InvalidOption, match=r"declared: result 1 has no name"):
        entries(declared)


def test_sums_and_order() -> None:
    images = [
        image("a", name="B", **HASH),
        image("b", name="a", **HASH, created_at=YOUNG, protected=True),
        image("c", name="a", **HASH, os_hidden=True, cloudimage_superseded_at="x"),
        image("d", name="z", status="queued", size=None, visibility="public", updated_at=YOUNG),
    ]
    report = audited(*images, members={"a": [{"member_id": "q", "status": "pending", "schema": "s"}]})
    assert [row["id"] for row in report["images"]] == ["b", "c", "a", "d"]
    counts = report["summary"]
    assert (counts["images"], counts["bytes"], counts["duplicate_bytes"]) == (4, 30, 20)
    assert (counts["hidden"], counts["protected"], counts["superseded"]) == (1, 1, 1)
    assert counts["by_status"] == {"active": 3, "queued": 1} and counts["by_visibility"] == {"shared": 3, "public": 1}
    assert counts["by_severity"] == {"problem": 0, "warning": 0, "note": 1}
    rows = {row["id"]: row for row in report["images"]}
    assert (
        rows["a"]["members"] == [{"member_id": "q", "member_name": None, "status": "pending"}]
        and rows["a"]["shared_with"] == 1
    )
    assert audited(image(), members={"a": None})["images"][0]["shared_with"] is None
    assert rows["b"]["members"] == [] and audited(image())["images"][0]["members"] is None
    assert rows["a"]["age_days"] == 1.0 and rows["b"]["age_days"] == 0.021


@pytest.mark.parametrize(("created", "days"), [(OLD, 1.0), ("2026-11-22T12:00:00Z", 0.0), ("", None), ("soon", None)])
def test_age(created: str, days: float | None) -> None:
    assert age_days(image(created_at=created), NOW) == days


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("30m", 1800), ("1h", 3600), (" 2 D ", 172800), ("1w", 604800), ("0", 0)],
)
def test_duration(text: str, seconds: int) -> None:
    assert duration(text, "stuck_after").total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "h", "1.5h", "-1", "1 year", "1" * 10, "\N{SUPERSCRIPT TWO}h"])
def test_no_duration(text: str) -> None:
    with pytest.raises(InvalidOption, match=r"stuck_after: .* is no time span"):
        duration(text, "stuck_after")


def test_each_kind_of_finding_tells_what_to_do() -> None:
    for code, kind in KINDS.items():
        assert kind.code == code and kind.severity in SEVERITIES and kind.heading and kind.advice.endswith(".")
    assert [SEVERITIES.index(KINDS[code].severity) for code in CODES] == sorted(
        SEVERITIES.index(kind.severity) for kind in KINDS.values()
    )


RAW = st.fixed_dictionaries(
    {
        "status": st.sampled_from(
            ["queued", "saving", "uploading", "importing", "active", "deactivated", "killed", "pending_delete"]
        )
    },
    optional={
        "name": st.sampled_from(["n", "debian", "debian (1)", None]),
        "size": st.sampled_from([0, 5, None]),
        "os_hidden": st.booleans(),
        "owner": st.sampled_from(["p", "q"]),
        "os_hash_value": st.sampled_from(["x", None]),
        "image_type": st.just("snapshot"),
        "updated_at": st.sampled_from([OLD, YOUNG, "", "x"]),
        **{
            key: st.sampled_from(["true", "1", "2026-01-01", "a"])
            for key in "cloudimage_family cloudimage_version cloudimage_end_of_life cloudimage_incoming_for "
            "cloudimage_superseded_at os_glance_import_task os_glance_failed_import checksum".split()
        },
    },
)


@given(st.lists(RAW, max_size=6), st.booleans())
def test_any_images_have_a_report(raws: list[Json], with_catalogue: bool) -> None:
    images = [image(f"i{number}", **raw) for number, raw in enumerate(raws)]
    report = audited(*images, declared=[result({}, {"id": "(new)"})] if with_catalogue else None)
    known = {each.id for each in images}
    assert {row["id"] for row in report["images"]} == known
    for finding in report["findings"]:
        assert set(finding["images"]) <= known and finding["text"].endswith(".")
        for image_id in finding["images"]:
            assert finding["code"] in next(row for row in report["images"] if row["id"] == image_id)["findings"]
    assert report["summary"]["duplicate_bytes"] <= report["summary"]["bytes"]
    severities = [SEVERITIES.index(finding["severity"]) for finding in report["findings"]]
    assert severities == sorted(severities)
    kinds = list(dict.fromkeys(finding["code"] for finding in report["findings"]))
    counts = report["summary"]["by_finding"]
    assert [code for code in kinds for _each in range(counts[code])] == [f["code"] for f in report["findings"]]
    for one, two in itertools.pairwise(kinds):
        assert KINDS[one].severity != KINDS[two].severity or counts[one] >= counts[two]
