# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Audits: families whose name nobody has or two have, memberships that are there twice, and what to do about each finding."""

from __future__ import annotations

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils._audit_kinds import KINDS
from ansible_collections.cloudimage.glance.plugins.module_utils._observed import Image
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.audit_support import (
    HASH,
    OLD,
    Json,
    audited,
    image,
    result,
    version,
)

GONE_BY = {"cloudimage_superseded_at": OLD, "os_hidden": True}
EXCLUDED = {"cloudimage_exclude_from_latest": "true"}
#: Images, and the findings about the family as code and ids.
FAMILIES = {
    "all hidden": ([version("a", "1", **GONE_BY), version("b", "2", **GONE_BY)], [("no_holder", "b")]),
    "all in sight": ([version("a", "1"), version("b", "2")], [("no_holder", "b")]),
    "only one": ([version("a", "1")], [("no_holder", "a")]),
    "newest excluded": ([version("a", "1", **GONE_BY), version("b", "2", **EXCLUDED)], [("no_holder", "a")]),
    "renamed by hand": ([version("a", "1"), version("b", "2", name="bookworm")], [("no_holder", "b")]),
    "superseded with the name": ([version("a", "1", name="debian", **GONE_BY)], [("no_holder", "a")]),
    "on its way": (
        [version("a", "1"), version("b", "2", name="debian", cloudimage_incoming_for="x")],
        [("no_holder", "a")],
    ),
    "that of another project": (
        [version("a", "1"), image("b", name="debian", owner="q")],
        [("no_holder", "a")],
    ),
    "held": ([version("a", "1", **GONE_BY), version("b", "2", name="debian")], []),
    "hidden by its owner": ([version("a", "1", **GONE_BY), version("b", "2", name="debian", os_hidden=True)], []),
    "none is good": ([version("a", "1", **EXCLUDED), version("b", "2", status="deactivated")], []),
    "all have ended": ([version("a", "1", cloudimage_end_of_life="2026-01-01")], []),
    "no version has it": ([version("a", "1"), image("b", name="debian")], [("not_newest", "a", "b")]),
    "older one has it": ([version("a", "1", name="debian"), version("b", "2", **GONE_BY)], [("not_newest", "b", "a")]),
    "sleeping one has it": (
        [version("a", "1"), version("b", "2", name="debian", status="deactivated")],
        [("not_newest", "a", "b")],
    ),
    "two have it": (
        [version("a", "1", name="debian"), version("b", "2", name="debian")],
        [("duplicate_name", "a", "b")],
    ),
}


@pytest.mark.parametrize(("images", "expected"), FAMILIES.values(), ids=FAMILIES.keys())
def test_who_has_the_name_of_a_family(images: list[Image], expected: list[tuple[str, ...]]) -> None:
    findings = [each for each in audited(*images)["findings"] if each["code"] not in ("leftover", "end_of_life")]
    assert [(each["code"], *each["images"]) for each in findings] == expected
    assert all("'debian'" in each["text"] for each in findings)
    assert all("one version of the family" in each["advice"] for each in findings)


@pytest.mark.parametrize(("owner", "expected"), [("p", ["no_holder"]), ("q", [])])
def test_the_holder_may_be_one_that_nobody_is_shown(owner: str, expected: list[str]) -> None:
    """Of another project, others see only what it shares."""
    report = audited(version("a", "1", owner=owner), seen_whole={"p"})
    assert [each["code"] for each in report["findings"]] == expected


def rows(*statuses: str, project: str = "q") -> list[Json]:
    return [{"member_id": project, "status": status} for status in statuses]


def test_a_membership_that_is_there_twice() -> None:
    members = {"a": [*rows("accepted", "pending"), *rows("pending", project="r")], "b": rows("pending"), "c": None}
    report = audited(image("a"), image("b"), image("c"), members=members, project_names={"q": "customer", "p": "mine"})
    (finding,) = report["findings"]
    assert (finding["code"], finding["severity"], finding["images"]) == ("duplicate_member", "warning", ["a"])
    assert "'customer' (q)" in finding["text"] and "image_member" in finding["advice"]
    (row, _b, unknown) = report["images"]
    assert row["members"] == [
        {"member_id": "q", "member_name": "customer", "status": "accepted"},
        {"member_id": "r", "member_name": None, "status": "pending"},
    ]
    assert row["shared_with"] == 2 and row["owner_name"] == "mine" and unknown["shared_with"] is None


ADVICE = [
    ([image(status="deleted")], "Nobody can delete it by the API of Glance any more."),
    ([image(os_glance_failed_import="slow")], "option stores"),
    ([image(os_glance_import_task="t")], "openstack image task list"),
    ([image(size=0)], KINDS["broken"].advice),
    ([image("a", name="n"), image("b", name="n", cloudimage_replaces="a")], "finishes the replacement"),
    ([image("a", name="n"), image("b", name="n")], KINDS["duplicate_name"].advice),
]


@pytest.mark.parametrize(("images", "words"), ADVICE, ids=range(len(ADVICE)))
def test_what_to_do_depends_on_what_it_is(images: list[Image], words: str) -> None:
    assert words in audited(*images)["findings"][0]["advice"]


def test_the_worst_come_first_then_what_there_is_most_of() -> None:
    declared = [{"name": "n", "failed": True, "msg": "no file"}, *(result({}, {"id": "(new)"}) for _each in range(2))]
    doubles = [image(each, name=each[0], **HASH) for each in ("a1", "a2", "b1", "b2")]
    ended = image("e", cloudimage_end_of_life="2026-01-01")
    report = audited(*doubles, ended, declared=declared)
    codes = [each["code"] for each in report["findings"]]
    assert codes == [
        *["missing"] * 2,
        "unchecked",
        *["duplicate_name"] * 2,
        "end_of_life",
        *["undeclared"] * 5,
        "duplicate_content",
    ]
