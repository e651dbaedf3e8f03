# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults in the middle of a catalogue: what becomes of the one image that is hit, and of the others."""

from __future__ import annotations

import re
import time
import typing as t
from pathlib import Path

import pytest
from catalog_support import Catalogue
from proxy import Answer, CutReply, CutRequest, Drop, EditRequest, Hold, LoseReply, refusal
from race_support import all_at
from support import SIZE

LIST = ("GET", r"^/v2/images\?.*os_hidden=false")
CREATE = ("POST", r"^/v2/images$")
UPLOAD = ("PUT", r"^/v2/images/[^/]+/file$")
LOOK = ("GET", r"^/v2/images/[^/?]+$")
CHANGE = ("PATCH", r"^/v2/images/[^/]+$")
DELETE = ("DELETE", r"^/v2/images/[^/]+$")
ANY = [(method, "") for method in ("GET", "POST", "PUT", "PATCH", "DELETE")]
CALLS = {"list": LIST, "POST": CREATE, "PUT file": UPLOAD, "final GET": LOOK, "PATCH": CHANGE, "DELETE": DELETE}
PASSING: dict[str, t.Any] = {
    "503": Answer(503),
    "dropped": Drop(),
    "reply lost": LoseReply(),
    "reply cut": CutReply(10),
    "bad token": EditRequest({"X-Auth-Token": "expired"}),
}
WORDS = "the cupboard is bare"


thorough = pytest.mark.thorough


def marked(cases: t.Iterable[str], usual: t.Collection[str]) -> list[t.Any]:
    """Cases, of which those that are not usual are left to the thorough run."""
    return [pytest.param(case, marks=[] if case in usual else thorough) for case in cases]


def tokens(catalogue: Catalogue) -> int:
    """How often Keystone was asked for a token."""
    return len([call for call in catalogue.cloud.keystone.calls("POST") if call.path.endswith("/auth/tokens")])


@pytest.mark.parametrize("place", marked(CALLS, {"POST", "PUT file", "DELETE"}))
def test_passing_fault_of_some(catalogue, place):
    """Each fault meets another one of the calls of a kind, three at once; all is as declared after the first run."""
    if place in ("PATCH", "DELETE"):
        catalogue.run()
        for image in catalogue.images:
            image["filename"] = str(catalogue.disk(4, size=SIZE))
    faults = [act for fault, act in PASSING.items() if fault != "reply cut" or place not in ("PUT file", "DELETE")]
    rules = [catalogue.proxy.rule(*CALLS[place], act) for act in faults]
    catalogue.shown_as_told(catalogue.attempt())
    assert [rule for rule in rules if rule.fired]
    catalogue.finish(changed=False)


@pytest.mark.parametrize("place", marked(["POST", "PUT file", "final GET"], {"POST", "PUT file"}))
def test_token_expires_for_all_workers_at_once(catalogue, place):
    """All that are at work meet with it at once; the token is renewed once, and nothing is sent twice but what was refused."""
    hold = Hold(after=None, edit={"X-Auth-Token": "expired"})
    rule = catalogue.proxy.rule(*CALLS[place], hold, times=3)
    with catalogue.started() as (run,):
        all_at(rule, 3)
        hold.release()
        catalogue.shown_as_told(catalogue.judge_first(run.result()))
    assert tokens(catalogue) == 2
    assert [call.sent for call in catalogue.proxy.calls("PUT") if call.served == 204] == [SIZE] * 6
    catalogue.finish(changed=False)


def away(catalogue: Catalogue, act: t.Any = None) -> None:
    """From now on nothing is answered."""
    for method, path in ANY:
        catalogue.proxy.rule(method, path, act or Drop(), times=None)


@pytest.mark.parametrize(
    ("point", "act"),
    [
        pytest.param(LIST, None, id="while all are looked for", marks=thorough),
        pytest.param(UPLOAD, None, id="in the middle of the uploads"),
        pytest.param(UPLOAD, refusal(503, WORDS), id="in the middle of the uploads, with 503", marks=thorough),
    ],
)
def test_cloud_goes_away_for_good(catalogue, point, act):
    """It ends soon, and not when each image has had its patience; each says what became of it."""
    file = catalogue.images[0]["filename"]
    catalogue.images += [{"name": f"{catalogue.name}-x{number}", "filename": file} for number in range(5)]
    catalogue.run(images=catalogue.images[-1:])
    catalogue.proxy.rules()
    hold = Hold(after=None)
    # As many as there are workers, so that none of them gets further before all is away
    settings = {"first": 1, "times": 1} if point is LIST else {"first": 3, "times": 3}
    rule = catalogue.proxy.rule(*point, hold, **settings)
    with catalogue.started(hurried=True) as (run,):
        all_at(rule, 1)
        away(catalogue, act)
        seen = len(catalogue.proxy.calls())
        hold.sever()
        result = catalogue.judge_first(run.result(), "of 11 images failed: .*Not tried", well=False)
    assert len(catalogue.proxy.calls()) - seen < (60 if act else 30)
    assert len(result["msg"]) < 1500, result["msg"]
    untried = [each for each in result["results"] if each["failed"] and "Not tried" in each["msg"]]
    assert len(untried) >= 4 and all(not each["changed"] for each in untried)
    assert result["results"][-1]["failed"] is (point is LIST), "there was nothing to do for it"
    assert "Nothing was pruned" in result["msg"]
    catalogue.finish(changed=True)


@pytest.mark.parametrize("lasts", [False, pytest.param(True, marks=thorough)], ids=["once", "for good"])
def test_question_for_all_images_fails(catalogue, lasts):
    """What could not be asked for is not taken for missing: an image of another tool would get a double."""
    for image in catalogue.images:
        catalogue.project.create(image["name"], b"old", disk_format="raw")
    catalogue.proxy.rule(*LIST, refusal(500, WORDS), times=None if lasts else 1)
    if lasts:
        result = catalogue.attempt(WORDS, well=False)
        assert not result["changed"] and not catalogue.proxy.calls("POST")
    else:
        catalogue.shown_as_told(catalogue.attempt())
    catalogue.finish(changed=lasts)


def test_mixture(catalogue):
    """Some fail, each in another way; the result agrees with what the server shows."""
    create, missing, refused, half, same, cut = catalogue.images
    catalogue.run(images=[half, same])
    catalogue.proxy.rules()
    half |= {"tags": ["new"], "visibility": "shared", "members": ["f" * 32]}
    missing["filename"] = "/nowhere"
    refused["properties"] = dict.fromkeys(map(str, range(200)), "x")
    catalogue.proxy.rule("POST", r"/members$", refusal(500, WORDS), times=None)
    catalogue.proxy.rule(*UPLOAD, CutRequest(SIZE // 2))
    result = catalogue.attempt(".", well=False)
    assert [each["failed"] for each in result["results"]] == [False, True, True, True, False, False]
    assert [each["changed"] for each in result["results"]] == [True, False, False, True, False, True]
    first, second, third = (each["name"] for each in (missing, refused, half))
    assert re.match(
        f"3 of 6 images failed: {first}: .*nowhere.*; {second}: .*Maximum.*; {third}: .*{WORDS}", result["msg"]
    )
    assert {each["after_header"] for each in result["diff"]} == {create["name"], cut["name"]}
    shown = [catalogue.project.named(each["name"]) for each in catalogue.images]
    assert [len(images) for images in shown] == [1, 0, 0, 1, 1, 1]
    assert all(image["status"] == "active" for (image,) in filter(None, shown))
    assert shown[3][0]["tags"] == ["new"] and result["results"][3]["actions"]
    missing["filename"] = str(catalogue.files[1])
    del refused["properties"]
    catalogue.finish(changed=True)


def test_file_that_changes_while_it_is_sent(catalogue):
    """The one that is hit fails, and leaves nothing; the others do not notice."""
    hold = Hold(after=SIZE // 2)
    catalogue.images[3]["filename"] = str(catalogue.disk(7, size=64 * SIZE))
    catalogue.images[:] = catalogue.images[3:4] + catalogue.images[:3]
    rule = catalogue.proxy.rule(*UPLOAD, hold, times=1)
    catalogue.options["workers"] = 1
    with catalogue.started() as (run,):
        all_at(rule, 1)
        file = Path(catalogue.images[0]["filename"])
        content = file.read_bytes()
        file.write_bytes(content[:512] + content[:511:-1])
        hold.release()
        result = catalogue.judge_first(run.result(), "1 of 4 images failed: .*was changed while", well=False)
    assert not result["results"][0]["changed"] and not catalogue.project.named(catalogue.images[0]["name"])
    catalogue.finish(changed=True)


def test_cloud_goes_away_while_images_are_pruned(catalogue):
    catalogue.run()
    del catalogue.images[1:]
    catalogue.options["workers"] = 1
    hold = Hold(after=None)
    catalogue.proxy.rules()
    rule = catalogue.proxy.rule(*DELETE, hold, first=2)
    with catalogue.started(hurried=True) as (run,):
        all_at(rule, 1)
        away(catalogue)
        hold.sever()
        result = catalogue.judge_first(run.result(), "4 of 6 images failed: .*Not tried", well=False)
    assert [each["changed"] for each in result["pruned"]] == [True, False, False, False, False]
    assert len(catalogue.judge.found()) == 5
    catalogue.finish(changed=True)


def test_old_plans_are_made_anew(catalogue):
    """What another tool has made while an image waited for its turn is not doubled."""
    catalogue.options["workers"] = 1
    hold = Hold(after=SIZE // 2)
    rule = catalogue.proxy.rule(*UPLOAD, hold)
    with catalogue.started(old=0.5) as (run,):
        all_at(rule, 1)
        catalogue.project.create(catalogue.images[5]["name"], b"by another tool")
        time.sleep(0.5)
        hold.release()
        catalogue.judge_first(run.result(), well=True)
    catalogue.finish(changed=False)
