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
    assert [line.split()[:2] for line in lines[-4:-2]] == [["problem", "broken"], ["note", "undeclared"]]
    assert "2 images of those above" in lines[-3]
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
        assert chart.left <= chart.x(row["age_days"]) <= chart.right
        assert chart.top - 0.1 <= chart.y(row["size"]) <= chart.bottom
    places = [chart.y(row["size"]) for row in sorted(rows, key=lambda row: row["size"] or 0)]
    assert places == sorted(places, reverse=True)
    assert len(chart.age_ticks()) >= 2 and 2 <= len(chart.size_ticks()) <= 8
    ticks = [tick.place for tick in chart.age_ticks()]
    assert ticks == sorted(set(ticks), reverse=True)


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
