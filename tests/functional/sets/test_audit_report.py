# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook audit: its table on the terminal, and its page in a real browser, with names that would like to be more than text."""

from __future__ import annotations

import re
import typing as t

import audit_support
import browser_support
import cloud_support
import pytest
from audit_support import HOSTILE, PLAIN, TITLE


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> t.Iterator[audit_support.Report]:
    """A page about two clouds that answer and two that do not."""
    folder = tmp_path_factory.mktemp("audit")
    projects = [cloud_support.project(cloud) for cloud in ("local", "local-other")]
    for each in projects:
        each.remove_all()
    try:
        audit_support.fill(*projects)
        with cloud_support.calls() as calls:
            # What is relative is meant from where the user stands, which is this folder.
            _code, output = audit_support.play(folder, "-e", "audit_dest=audit.html")
        yield audit_support.Report(folder / "audit.html", output, calls, len(HOSTILE) + len(PLAIN) + 2)
    finally:
        for each in projects:
            each.remove_all()


@pytest.fixture(scope="module")
def chromium(report, tmp_path_factory) -> t.Iterator[browser_support.Browser]:
    with browser_support.browser(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture
def page(report, chromium) -> browser_support.Browser:
    """The page, opened afresh in a large window."""
    chromium.resize(1280)
    chromium.open(report.page)
    return chromium


def shown(page: browser_support.Browser, column: str = "name") -> list[str]:
    """What stands in a column of the rows that are in sight, from the top."""
    where = (
        f"""[...document.querySelectorAll("#table thead th")].findIndex((head) => head.dataset.key === "{column}")"""
    )
    return page.run(
        f"""(() => {{ const column = {where};
        return [...document.querySelectorAll("#table > tbody")].filter((body) => body.offsetHeight)
          .map((body) => body.rows[0].cells[column].textContent.trim()); }})()"""
    )


def sizes(page: browser_support.Browser) -> list[int]:
    return page.run(
        """[...document.querySelectorAll("#table td[data-label=Size]")].map((cell) => Number(cell.dataset.value))"""
    )


def click(page: browser_support.Browser, selector: str) -> None:
    page.run(f"document.querySelector({selector!r}).click()")


def choose(page: browser_support.Browser, field: str, value: str) -> None:
    page.run(
        f"""(() => {{ const field = document.querySelector(".tools").elements[{field!r}]; field.value = {value!r};
        field.dispatchEvent(new Event("input", {{bubbles: true}})); }})()"""
    )


# --- the run


def test_the_cloud_that_failed_fails_and_the_others_do_not(report):
    recap = report.output.partition("PLAY RECAP")[2]
    failed = dict(re.findall(r"^(\w+) .*failed=(\d)", recap, re.MULTILINE))
    assert failed == {"one": "0", "two": "0", "three": "1", "four": "1"}, report.output
    assert "Cloud nowhere was not found" in report.output


def test_it_only_reads(report):
    assert report.calls.glance and not report.calls.writes


def test_the_terminal_has_a_table_and_nothing_acts_on_it(report):
    lines = [line.strip().strip(",")[1:-1] for line in report.output.splitlines()]
    (at,) = [number for number, line in enumerate(lines) if line.startswith("alpha ")]
    # each cloud has a table of its own
    head, alpha = [line for line in lines[:at] if line.startswith("NAME ")][-1], lines[at]
    assert alpha.index("active") == head.index("STATUS")
    assert alpha[head.index("DECLARED") :].split() == ["differs", "drift"]
    assert [
        sign for sign in report.output if (ord(sign) < 32 and sign != "\n") or sign == "\N{RIGHT-TO-LEFT OVERRIDE}"
    ] == []
    assert any(r"\\x1b[2J\\x1b[31mred\\x07" in line for line in lines)
    assert any("{{ lookup('ansible.builtin.pipe', 'id') }}{% ra" in line for line in lines)
    assert "uid=" not in report.output


def test_check_mode_writes_no_page(report, tmp_path):
    code, output = audit_support.play(tmp_path, "--check", "--limit", "two", "-e", f"audit_dest={tmp_path}/audit.html")
    assert code == 0, output
    assert "delta" in output and not (tmp_path / "audit.html").exists()


# --- the page in the browser


def test_names_are_text(page, report):
    assert page.run("document.title") == TITLE == page.run("document.querySelector('h1').textContent")
    names = shown(page)
    assert len(names) == report.images
    visible = {"\N{RIGHT-TO-LEFT OVERRIDE}": r"\u202e", "\x1b": r"\x1b", "\x07": r"\x07", "\n": r"\n", "\t": r"\t"}
    for name in HOSTILE:
        assert "".join(visible.get(sign, sign) for sign in name) in names
    assert page.run("document.scripts.length") == 1
    assert page.run("document.querySelectorAll('img, iframe, object, embed, link, svg [onload], b, i, u').length") == 0
    assert page.run("window.hacked") is None


def test_no_dialog_no_request_no_complaint(page, report):
    requests = [event["request"]["url"] for event in page.seen("Network.requestWillBeSent")]
    assert requests == [report.page.as_uri()]
    for kind in (
        "Page.javascriptDialogOpening",
        "Runtime.exceptionThrown",
        "Log.entryAdded",
        "Runtime.consoleAPICalled",
    ):
        assert page.seen(kind) == []


def test_the_policy_stops_a_script_that_got_in(page):
    violated = page.run(
        """new Promise((done) => {
          document.addEventListener("securitypolicyviolation", (event) => done(event.effectiveDirective));
          const script = document.createElement("script");
          script.textContent = "window.hacked = 1";
          document.body.append(script);
        })"""
    )
    assert violated == "script-src-elem" and page.run("window.hacked") is None


def test_sorting_by_size_and_by_name(page):
    head = "#table th[data-key=size]"
    click(page, f"{head} button")
    assert sizes(page) == sorted(sizes(page)) and page.run(f"document.querySelector('{head}').ariaSort") == "ascending"
    click(page, f"{head} button")
    assert sizes(page) == sorted(sizes(page), reverse=True) and sizes(page)[0] == 3000
    assert page.run("document.querySelectorAll('[aria-sort]').length") == 1
    click(page, "#table th[data-key=name] button")
    names = shown(page)
    assert names.index("alpha") < names.index("beta 2") < names.index("beta 10") < names.index("delta")


def test_filters(page, report):
    choose(page, "words", "DEBIAN beta")
    assert sorted(shown(page)) == ["beta 10", "beta 2"]
    assert page.run("document.querySelector('.tools output').textContent") == f"2 of {report.images} images"
    assert page.run("document.querySelectorAll('.marks a:not(.off)').length") == 2
    choose(page, "words", "no such image")
    assert shown(page) == [] and page.run("document.querySelector('.nothing').offsetHeight") > 0
    choose(page, "words", "")
    choose(page, "finding", "duplicate_content")
    assert sorted(shown(page)) == ["beta 2", "gamma"]
    choose(page, "finding", "-")
    assert shown(page) == ["delta"]
    choose(page, "finding", "")
    choose(page, "cloud", "two")
    assert shown(page) == ["delta"] and shown(page, "visibility") == ["shared (1)"]
    choose(page, "cloud", "")
    choose(page, "status", "queued")
    assert len(shown(page)) == len(HOSTILE)
    page.run("new Promise((done) => { document.querySelector('.tools').reset(); setTimeout(done, 50); })")
    assert len(shown(page)) == report.images


def test_details_with_what_is_and_what_is_declared(page):
    row = """[...document.querySelectorAll("#table > tbody")].find((body) => body.dataset.words.includes("alpha"))"""
    assert page.run(f"{row}.rows[1].offsetHeight") == 0
    page.run(f"{row}.querySelector('.name button').click()")
    assert page.run(f"{row}.rows[1].offsetHeight") > 0
    assert page.run(f"{row}.querySelector('.name button').ariaExpanded") == "true"
    cells = page.run(
        f"[...{row}.querySelectorAll('.drift tbody tr')].map((tr) => [...tr.cells].map((td) => td.textContent))"
    )
    assert cells == [
        ["min_ram", "64", "512"],
        ["properties.old", "<u>1</u>", "not set"],
        ["properties.os_distro", "debian", "<i>debian</i>"],
    ]


def test_findings_and_the_cloud_that_failed(page):
    text = page.run("document.querySelector('#findings').textContent")
    for words in ("'omega', version 7 is declared", "there is no <file>", "'alpha' differs", "queued since"):
        assert words in text
    four, three = sorted(page.run("[...document.querySelectorAll('#clouds .failed')].map((row) => row.textContent)"))
    assert four.startswith("four") and "did not get as far" in four
    assert three.startswith("three") and "Cloud nowhere was not found" in three
    click(page, "#findings a[href^='#image-']")
    page.run("new Promise((done) => setTimeout(done, 50))")
    assert page.run("document.querySelectorAll('#table > tbody.open').length") == 1


def test_the_picture_has_every_image_in_its_place(page, report):
    assert page.run("document.querySelectorAll('#picture .marks a').length") == report.images
    places = page.run(
        """Object.fromEntries([...document.querySelectorAll("#picture div .marks a")].map((mark) =>
        [mark.querySelector("title").textContent.split(":")[0], mark.getBoundingClientRect().top]))"""
    )
    assert places["alpha"] < places["beta 10"] < places["beta 2"]


def test_without_its_script_the_page_shows_everything(page, report):
    page.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        page.open(report.page)
        assert len(shown(page)) == report.images
        assert page.run("[...document.querySelectorAll('#table .more')].every((row) => row.offsetHeight)")
        assert page.run("document.querySelector('.tools').offsetHeight") == 0
    finally:
        page.call("Emulation.setScriptExecutionDisabled", value=False)


_CONTRAST = """(() => {
  const light = (text) => {
    const [r, g, b] = text.match(/[\\d.]+/g).map(Number).map((v) => v / 255)
      .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const colour = getComputedStyle(node).backgroundColor;
      if (!colour.startsWith("rgba(0, 0, 0, 0")) return colour;
    }
  };
  return Math.min(...[...document.querySelectorAll("h1, h2, p, dt, dd, th, td, li, a, .chip, label, output, figcaption")]
    .filter((node) => node.offsetHeight && node.textContent.trim())
    .map((node) => [light(getComputedStyle(node).color), light(behind(node))].sort((a, b) => b - a))
    .map(([more, less]) => (more + 0.05) / (less + 0.05)));
})()"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_it_is_readable_in_both_schemes_and_on_a_phone(page, report, width, dark):
    page.resize(width, dark=dark)
    page.open(report.page)
    background = page.run("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", background))) < 200) == dark
    assert page.run("document.documentElement.scrollWidth") <= width
    assert page.run(_CONTRAST) >= 4.5
    assert page.run("document.querySelector('.order').offsetHeight > 0") == (width == 400)
