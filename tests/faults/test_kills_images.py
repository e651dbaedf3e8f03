# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module images, killed while several workers are at work."""

from __future__ import annotations

import signal
import time

import pytest
from proxy import Hold
from race_support import all_at, cases
from support import SIZE

LIST = ("GET", r"^/v2/images\?")
CREATE = ("POST", r"^/v2/images$")
UPLOAD = ("PUT", r"^/v2/images/[^/]+/file$")
CHANGE = ("PATCH", r"^/v2/images/[^/]+$")
DELETE = ("DELETE", r"^/v2/images/[^/]+$")
TERM, KILL = signal.SIGTERM, signal.SIGKILL
POINTS = {
    "once images are made": (CREATE, {"reply": True}),
    "in the middle of uploads": (UPLOAD, {"after": SIZE // 2}),
    "once the data is in": (UPLOAD, {"reply": True}),
}


@pytest.mark.parametrize(
    ("where", "number"),
    cases(
        [("in the middle of uploads", TERM), ("in the middle of uploads", KILL)],
        [(where, number) for where in POINTS for number in (TERM, KILL)],
    ),
    ids=lambda each: getattr(each, "name", each),
)
def test_three_at_work(catalogue, where, number):
    """By SIGTERM nothing is left that is not whole. By SIGKILL something may be, and the next run goes on with it."""
    point, settings = POINTS[where]
    hold = Hold(**settings)
    rule = catalogue.proxy.rule(*point, hold, times=3)
    with catalogue.started() as (run,):
        all_at(rule, 3)
        run.kill(number)
        if number == KILL:
            assert run.wait() == -KILL
            catalogue.first = False
            hold.sever()
        else:
            time.sleep(0.2)
            hold.release()
            catalogue.judge_first(run.result(), "^Interrupted by SIGTERM", well=False)
            catalogue.nothing_half_made()
    catalogue.finish(changed=True)


@pytest.mark.thorough
def test_server_that_does_not_let_go(catalogue):
    """The workers get half a minute together, whatever they wait for."""
    hold = Hold(after=SIZE // 2)
    rule = catalogue.proxy.rule(*UPLOAD, hold, times=3)
    with catalogue.started() as (run,):
        all_at(rule, 3)
        run.kill(TERM)
        catalogue.judge_first(run.result(), "^Interrupted by SIGTERM", well=False)
        hold.sever()
    catalogue.finish(changed=True)


@pytest.mark.parametrize(
    ("where", "number"),
    cases([("pruning", TERM), ("retiring", KILL)], [("pruning", KILL), ("retiring", TERM)]),
    ids=lambda each: getattr(each, "name", each),
)
def test_while_images_are_deleted(catalogue, where, number):
    catalogue.run()
    if where == "pruning":
        del catalogue.images[2:]
    else:
        for image in catalogue.images:
            image["filename"] = str(catalogue.disk(4, size=SIZE))
    hold = Hold(reply=number == KILL)
    rule = catalogue.proxy.rule(*DELETE, hold, times=3)
    with catalogue.started() as (run,):
        all_at(rule, 3)
        run.kill(number)
        time.sleep(0.1)
        hold.release()
        run.wait()
        if number == TERM:
            catalogue.judge_first(run.result(), "^Interrupted by SIGTERM", well=False)
        catalogue.first = False
    catalogue.nothing_half_made()
    catalogue.finish()


@pytest.mark.parametrize("check", cases([True], [False]), ids=lambda check: "check mode" if check else "")
@pytest.mark.parametrize("number", cases([TERM], [KILL]), ids=lambda number: number.name)
def test_while_planning(catalogue, number, check):
    """Nothing has been sent by then."""
    hold = Hold(reply=True)
    rule = catalogue.proxy.rule(*LIST, hold, times=2)
    with catalogue.started(check=check) as (run,):
        all_at(rule, 2)
        run.kill(number)
        time.sleep(0.1)
        hold.release()
        run.wait()
        if number == TERM:
            catalogue.judge_first(run.result(), "^Interrupted by SIGTERM", well=False)
        catalogue.first = False
    assert not [call for call in catalogue.proxy.calls() if call.method != "GET"]
    catalogue.judge.gone()
    catalogue.finish(changed=True)
