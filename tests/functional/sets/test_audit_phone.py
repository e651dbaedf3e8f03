# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of an audit in a real browser, on a phone and on a desk: what can be read, touched, and followed."""

from __future__ import annotations

import datetime
import typing as t
from pathlib import Path

import ansible_collections.cloudimage.glance as collection
import browser_support
import pytest
from ansible_collections.cloudimage.glance.plugins.filter.audit_page import audit_page
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.audit_support import NOW, audited, image

ROLE = Path(collection.__path__[0]) / "roles" / "audit"
PARTS = [(ROLE / name).read_text() for name in ("templates/page.html.j2", "files/page.css", "files/page.js")]
PHONE, SMALL_PHONE, DESK = 375, 320, 1280
#: Days and bytes of images of all ages and sizes.
AGES = [0.01, 0.5, 2, 9, 40, 100, 400, 1500, 4000, 12000]


def told() -> dict[str, t.Any]:
    """An audit of images of all ages, with a replaced one, and with findings of each severity."""
    images = []
    for number, days in enumerate(AGES):
        made = NOW - datetime.timedelta(days=days)
        images.append(image(f"{number:032x}", size=30**number, created_at=made.strftime("%Y-%m-%dT%H:%M:%SZ")))
    images += [
        image("new", name="debian", cloudimage_replaces="old", kernel_id="elsewhere"),
        image("old", name="debian (2026)", cloudimage_replaced_by="new", os_hidden=True),
        image("bad", name="W" * 255, size=0),
        image("ended", cloudimage_end_of_life="2026-01-01", cloudimage_catalog="x" * 200),
        *(image(each, name="twins", os_hash_value="same") for each in ("one", "two")),
    ]
    about = {"cloud": "mycloud", "time": "2026-11-21T12:00:00Z", "project": "p", "project_name": "demo"}
    members = {"new": [{"member_id": "q" * 32, "status": "accepted"}]}
    return audited(*images, members=members, project_names={"p": "demo", "q" * 32: "customer"}) | about


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("audit") / "audit.html"
    clouds = {"berlin": told(), "munich": told(), "rome": {"msg": "The cloud does not answer: " + "x" * 120}}
    path.write_text(audit_page(clouds, *PARTS))
    return path


@pytest.fixture(scope="module")
def chromium(tmp_path_factory) -> t.Iterator[browser_support.Browser]:
    with browser_support.browser(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture(params=[PHONE, SMALL_PHONE, DESK])
def page(request, chromium, file) -> browser_support.Browser:
    """The page with everything in it unfolded."""
    chromium.resize(request.param, 812)
    chromium.open(file)
    chromium.run("for (const each of document.querySelectorAll('details')) each.open = true")
    chromium.run("for (const each of document.querySelectorAll('#table .name button')) each.click()")
    return chromium


def width(page: browser_support.Browser) -> int:
    return page.run("innerWidth")


def test_nothing_scrolls_sideways(page):
    assert page.run("document.documentElement.scrollWidth") <= width(page)
    beyond = page.run(
        """[...document.querySelectorAll("body *")].filter((node) => !node.closest(".skip"))
        .map((node) => [node.tagName + "." + node.getAttribute("class"), node.getBoundingClientRect()])
        .filter(([, box]) => box.width && (box.right > innerWidth + 1 || box.left < -1)).map(([name]) => name)"""
    )
    assert beyond == []


def test_no_letter_is_too_small(page):
    sizes = page.run(
        """[...document.querySelectorAll("body *")].filter((node) => node.getBoundingClientRect().height &&
        [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim()))
        .map((node) => [parseFloat(getComputedStyle(node).fontSize) *
          (node.ownerSVGElement ? node.getScreenCTM().a : 1), node.textContent.slice(0, 30)])"""
    )
    assert [each for each in sizes if each[0] < 12] == []


def test_the_labels_of_the_picture_are_whole_and_apart(page):
    labels = page.run(
        """(() => { const figure = document.querySelector("figure").getBoundingClientRect();
        return [...document.querySelectorAll(".grid text")].map((node) => [node, node.getBoundingClientRect()])
          .filter(([, box]) => box.width).map(([node, box]) => ({text: node.textContent, left: box.left - figure.left,
            right: figure.right - box.right, top: box.top, bottom: box.bottom, x1: box.left, x2: box.right})); })()"""
    )
    assert {"now", "no data", "Age"} <= {label["text"] for label in labels}
    assert all(label["left"] >= 0 and label["right"] >= 0 for label in labels)
    for number, one in enumerate(labels):
        for two in labels[number + 1 :]:
            apart = one["x2"] <= two["x1"] or two["x2"] <= one["x1"]
            assert apart or one["bottom"] <= two["top"] + 2 or two["bottom"] <= one["top"] + 2, (one, two)
    assert sum("day" in each["text"] or "y" in each["text"] for each in labels) >= 1


def test_the_picture_fills_its_place_and_every_mark_can_be_touched(page):
    box = page.run("document.querySelector('.plot > svg').getBoundingClientRect().width")
    assert box > 0.55 * page.run("document.querySelector('figure').getBoundingClientRect().width")
    targets = page.run(
        "[...document.querySelectorAll('.marks .touch')].map((node) => node.getBoundingClientRect()).map((b) => [b.width, b.left, b.right])"
    )
    assert len(targets) == 2 * (len(AGES) + 6)
    assert all(wide >= 24 and left >= 0 and right <= width(page) for wide, left, right in targets)


def test_what_is_touched_is_large_enough_on_a_phone(page):
    if width(page) == DESK:
        pytest.skip("for fingers")
    heights = page.run(
        """Object.fromEntries([...document.querySelectorAll("select, input, .tools button, summary, .name button")]
        .filter((node) => node.offsetHeight).map((node) => [node.tagName + node.className + node.name, node.offsetHeight]))"""
    )
    assert heights and min(heights.values()) >= 44, heights


def test_predecessors_are_marked_and_lead_to_their_successors(page):
    marked = page.run("[...document.querySelectorAll('.row .tag')].map((node) => node.closest('th').textContent)")
    assert [" ".join(each.split()) for each in marked] == ["debian (2026) predecessor"] * 2
    for one, other in (("debian (2026)", "debian"), ("debian", "debian (2026)")):
        landed = page.run(
            f"""new Promise((done) => {{
              const name = (body) => body.rows[0].cells[0].querySelector("bdi").textContent;
              const row = [...document.querySelectorAll("#table > tbody")].find((body) => name(body) === {one!r});
              row.querySelector(".properties a").click();
              setTimeout(() => done([name(document.activeElement.closest("tbody")), location.hash !== ""]), 100);
            }})"""
        )
        assert landed == [other, True]
    assert "elsewhere (not among these images)" in page.run("document.querySelector('#table').textContent")


def test_the_worst_come_first_and_say_what_to_do(page):
    head = page.run("document.querySelector('#table > tbody th').textContent")
    assert head.startswith("W" * 20)
    assert page.run("document.querySelector('[aria-sort]').dataset.key") == "findings"
    groups = page.run(
        "[...document.querySelectorAll('.group')].map((node) => node.textContent.includes('What to do:'))"
    )
    assert groups and all(groups)
    text = page.run("document.querySelector('#table').textContent")
    assert "demo (p)" in text and f"customer ({'q' * 32}): accepted" in text


def test_headings_and_tables_have_their_form(page):
    levels = page.run("[...document.querySelectorAll('h1, h2, h3')].map((node) => node.tagName)")
    assert levels[0] == "H1" and set(levels[1:]) == {"H2"}
    assert page.run("[...document.querySelectorAll('th')].every((node) => node.scope)")
    assert page.run("[...document.querySelectorAll('input, select')].every((node) => node.labels.length === 1)")
    assert page.run("document.querySelectorAll('#table .name button[aria-expanded]').length") == 2 * (len(AGES) + 6)
