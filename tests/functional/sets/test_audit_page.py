# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Audits as people read them: words, the table for a terminal, the picture, the page."""

from __future__ import annotations

import html
import html.parser
import re
import typing as t
import unicodedata
from pathlib import Path

import ansible_collections.cloudimage.glance as collection
import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.cloudimage.glance.plugins.filter.audit_page import audit_page
from ansible_collections.cloudimage.glance.plugins.module_utils._audit_chart import chart_of
from ansible_collections.cloudimage.glance.plugins.module_utils._audit_kinds import KINDS
from ansible_collections.cloudimage.glance.plugins.module_utils._audit_page import page_data
from ansible_collections.cloudimage.glance.plugins.module_utils._audit_words import (
    age_text,
    harmless,
    size_text,
    table,
    value_text,
    width,
)
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.audit_support import audited, image, result
from hypothesis import example, given, settings
from hypothesis import strategies as st

ROLE = Path(collection.__path__[0]) / "roles" / "audit"
PARTS = [(ROLE / name).read_text() for name in ("templates/page.html.j2", "files/page.css", "files/page.js")]


def page(clouds: dict[str, t.Any], **more: t.Any) -> str:
    return audit_page(clouds, *PARTS, **more)


def told(*images: t.Any, **more: t.Any) -> dict[str, t.Any]:
    """What the module returns."""
    report = audited(*images, **more)
    return report | {"cloud": "mycloud", "time": "2026-11-21T12:00:00Z", "table": table(report)}


class Reader(html.parser.HTMLParser):
    """Elements and attributes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.handlers: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.handlers += [name for name, _value in attrs if name.startswith("on") or name == "style"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("debian-13", "debian-13"),
        ("日本語 é ß", "日本語 é ß"),
        ("\x1b[31m", r"\x1b[31m"),
        ("a\nb\tc\rd", r"a\nb\tc\rd"),
        ("\N{RIGHT-TO-LEFT OVERRIDE}x", r"\u202ex"),
        ("\N{ZERO WIDTH SPACE}\N{NO-BREAK SPACE}", r"\u200b\xa0"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
        ("e" + "\u0301" * 4, "e\u0301\u0301" + r"\u0301" * 2),
    ],
)
def test_harmless(text: str, expected: str) -> None:
    assert harmless(text) == expected


@given(st.text(max_size=30))
def test_harmless_text_can_be_seen(text: str) -> None:
    shown = harmless(text)
    assert harmless(shown) == shown
    assert not any(unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp") for sign in shown)
    assert shown.isascii() or not text.isascii()


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (None, "-"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1024**2 - 1, "1.0 MiB"),
        (1024**3 * 3 // 2, "1.5 GiB"),
        (10**25, "8673617.4 EiB"),
    ],
)
def test_size(size: int | None, text: str) -> None:
    assert size_text(size) == text


@pytest.mark.parametrize(
    ("days", "text"),
    [(None, "-"), (0.0, "0 min"), (0.03, "43 min"), (0.5, "12 h"), (1.9, "1 d"), (400.0, "400 d"), (800.0, "2 y")],
)
def test_age(days: float | None, text: str) -> None:
    assert age_text(days) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "not set"), ("", '""'), ("a\nb", r"a\nb"), (3, "3"), (["b"], '["b"]'), (True, "true")]
)
def test_value(value: t.Any, text: str) -> None:
    assert value_text(value) == text


def test_the_columns_of_the_table_stand_below_each_other() -> None:
    names = ["a", "日本語のイメージ", "\x1b[31mred", "e\u0301\u0301", "W" * 255]
    lines = table(told(*(image(str(number), name=name) for number, name in enumerate(names))))
    rows = lines[: len(names) + 1]
    starts = {width(line.partition("active")[0]) for line in rows[1:]} | {rows[0].index("STATUS")}
    assert len(starts) == 1
    assert not any("\x1b" in line for line in lines)
    assert lines[-1] == "5 images, 50 B, nothing found"


def test_the_table_tells_the_findings_and_counts_what_is_undeclared() -> None:
    lines = table(told(image("a", size=0), image("b"), declared=[]))
    assert [line.split()[:2] for line in lines[4:6]] == [["problem", "broken"], ["note", "undeclared"]]
    assert "2 images of those above" in lines[5]
    assert lines[7] == "What to do:" and [line.split()[0] for line in lines[8:-2]] == ["broken", "undeclared"]
    assert all(KINDS[line.split()[0]].advice in line for line in lines[8:-2])
    assert lines[-1] == "2 images, 10 B, 1 problem, 2 notes"
    assert table(told())[0] == "There is no image."


ROWS = st.lists(
    st.fixed_dictionaries({"size": st.none() | st.integers(0, 2**63 - 1), "age_days": st.none() | st.floats(0, 20000)}),
    max_size=8,
)


@given(ROWS)
@example([{"size": 1, "age_days": 0.0}])
@example([{"size": 2**63 - 1, "age_days": 0.0}])
def test_every_image_is_within_the_picture(rows: list[dict[str, t.Any]]) -> None:
    chart = chart_of(rows)
    for row in rows:
        assert 0 <= chart.x(row["age_days"]) <= 100
        assert -0.1 <= chart.y(row["size"]) <= chart.bottom
    places = [chart.y(row["size"]) for row in sorted(rows, key=lambda row: row["size"] or 0)]
    assert places == sorted(places, reverse=True)
    assert len(chart.age_ticks()) >= 2 and 2 <= len(chart.size_ticks()) <= 8
    ticks = [tick.place for tick in chart.age_ticks()]
    assert ticks == sorted(set(ticks), reverse=True)
    narrow = [tick for tick in chart.age_ticks() if tick.narrow]
    assert narrow[0].label == "now" and len(narrow) >= 2


TEXTS = st.text(max_size=40) | st.sampled_from(
    [
        "<script>alert(1)</script>",
        "</script>",
        "</style><b>",
        "\"' onload=x",
        "{{ 1 // 0 }}",
        "{% raw %}",
        "&lt;",
        "]]>",
        "<!--",
    ]
)


@settings(max_examples=25, deadline=None)
@given(TEXTS, TEXTS)
def test_no_text_becomes_markup(one: str, two: str) -> None:
    declared = [
        result({"id": "a", "properties": {one: one}}, {"id": "a", "properties": {one: two}}),
        {"name": two, "failed": True, "msg": one},
    ]
    trap = {
        "trap-" + two: one,
        "cloudimage_catalog": two,
        "cloudimage_family": one,
        "cloudimage_version": two,
    }
    members = {"a": [{"member_id": one, "status": two}]}
    report = told(image("a", name=one, tags=[two], **trap), image("b", name=two), declared=declared, members=members)
    plain = told(
        image("a", name="x", tags=["x"], **{"trap-x": "x", **dict.fromkeys(list(trap)[1:], "x")}),
        image("b", name="y"),
        declared=[
            result({"id": "a", "properties": {"x": "x"}}, {"id": "a", "properties": {"x": "y"}}),
            {"name": "y", "failed": True, "msg": "x"},
        ],
        members={"a": [{"member_id": "x", "status": "y"}]},
    )
    kinds = {"bad": {"msg": two}, one: report}, {"bad": {"msg": "x"}, "x": plain}
    found, expected = (Reader(page(clouds, title=title)) for clouds, title in zip(kinds, (two, "x"), strict=True))
    assert set(found.elements) <= set(expected.elements) | {"table", "thead", "tbody", "tr", "th", "td", "caption"}
    assert found.elements.count("script") == found.elements.count("style") == 1
    assert not found.handlers


def test_the_policy_names_what_is_in_the_page() -> None:
    text = page({"localhost": told(image())}, title="All of it")
    assert re.findall(r"https?://(?!www\.gnu\.org/licenses)", text) == []
    policy = html.unescape(re.findall(r'Content-Security-Policy" content="([^"]*)"', text)[0])
    assert policy.startswith("default-src 'none'; style-src 'sha256-") and "unsafe" not in policy
    assert "<title>All of it</title>" in text and "on <bdi>mycloud</bdi>" in text


def rows_of(report: dict[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    return {row["id"]: row for row in page_data({"localhost": report})["rows"]}


def test_references_lead_to_the_rows_of_images() -> None:
    old = image("old", cloudimage_replaced_by="new", os_hidden=True)
    new = image("new", cloudimage_replaces="old", kernel_id="gone", note="old")
    found = rows_of(told(new, old))
    links = {each["key"]: (each["anchor"], each["elsewhere"]) for each in found["new"]["properties"]}
    assert links["cloudimage_replaces"] == (found["old"]["anchor"], False)
    assert links["kernel_id"] == (None, True) and links["note"] == (None, False)
    text = page({"localhost": told(new, old)})
    for one, other in (("old", "new"), ("new", "old")):
        assert f'<a href="#{found[one]["anchor"]}"><bdi>{one}</bdi></a> (<bdi>name-{one}</bdi>)' in text
        assert f'<tbody id="{found[other]["anchor"]}"' in text
    assert "<bdi>gone</bdi> (not among these images)" in text
    assert text.count('<span class="tag">predecessor</span>') == 1


def test_references_stay_within_their_cloud() -> None:
    clouds = {"a": told(image("x", cloudimage_replaces="y")), "b": told(image("y"))}
    (row,) = [row for row in page_data(clouds)["rows"] if row["id"] == "x"]
    (reference,) = [each for each in row["properties"] if each["key"] == "cloudimage_replaces"]
    assert reference["elsewhere"] and not reference["anchor"]


def test_links_to_images_of_one_name_tell_them_apart() -> None:
    links = [
        each["label"]
        for images in ([image("a", name="n"), image("b", name="n")], [image("a", name="n", size=0)])
        for each in page_data({"localhost": told(*images)})["findings"][0]["list"][0]["links"]
    ]
    assert links == ["a", "b", "Show"]


def test_projects_by_name_and_id() -> None:
    members = {"a": [{"member_id": "q", "status": "accepted"}, {"member_id": "r", "status": "pending"}]}
    report = told(image("a"), members=members, project_names={"p": "<mine>", "q": "customer"})
    text = page({"localhost": report | {"project": "p", "project_name": "<mine>"}})
    assert "images of project <bdi>&lt;mine&gt; (p)</bdi>" in text
    assert "customer (q): accepted, r: pending" in text and "<bdi>&lt;mine&gt; (p)</bdi></dd>" in text
    everything = page({"localhost": told(image("a", owner="q")) | {"project": "p", "project_name": None}})
    assert "all that is seen by project <bdi>p</bdi>" in everything


def test_the_worst_images_come_first_with_what_to_do() -> None:
    twins = {"os_hash_algo": "sha512", "os_hash_value": "x"}
    images = [
        image("fine", name="a"),
        image("note", name="b", **twins),
        image("bad", name="z", size=0),
        image("two", name="c", **twins, cloudimage_end_of_life="2026-01-01"),
        image("one", name="d", cloudimage_end_of_life="2026-01-01"),
    ]
    report = told(*images)
    assert list(rows_of(report)) == ["bad", "two", "one", "note", "fine"]
    data = page_data({"localhost": report})
    assert [group["severity"] for group in data["findings"]] == ["problem", "warning", "note"]
    assert all(group["advice"] == KINDS[group["code"]].advice for group in data["findings"])
    mixed = page_data({"localhost": told(image("a", size=0), image("b", os_glance_failed_import="slow"))})
    (group,) = mixed["findings"]
    assert group["advice"] is None and {each["advice"] for each in group["list"]} > {KINDS["broken"].advice}


def test_clouds_that_failed_or_were_not_reached() -> None:
    text = page({"a": told(image()), "b": {"failed": True, "msg": "no <way>"}, "c": {}})
    assert "no &lt;way&gt;" in text and "The run did not get as far" in text and "2 clouds could not be audited" in text
    assert "No cloud was audited." in page({"b": {"msg": "no"}})
    assert "Nothing that anybody ought to look at" in page({"a": told()})


@pytest.mark.parametrize("place", [1, 2])
def test_a_style_or_script_that_ends_itself_is_refused(place: int) -> None:
    parts = list(PARTS)
    parts[place] += "</SCRIPT></STYLE>"
    with pytest.raises(AnsibleFilterError, match="holds its own end tag"):
        audit_page({}, *parts)
