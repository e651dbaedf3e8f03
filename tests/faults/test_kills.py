# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module image, and Glance itself, killed at chosen points. The proxy holds a call at the point until the kill is done."""

from __future__ import annotations

import signal
import threading
import typing as t
from collections.abc import Iterator

import files_support
import judge
import pytest
import race_support
from proxy import Hold
from race_support import cases, started, wait_until, watched
from support import Row

CREATE = ("POST", r"/v2/images$")
UPLOAD = ("PUT", r"/v2/images/[^/]+/file$")
STAGE = ("PUT", r"/v2/images/[^/]+/stage$")
IMPORT = ("POST", r"/v2/images/[^/]+/import$")
LOOK = ("GET", r"/v2/images/[0-9a-f-]{36}$")
CHANGE = ("PATCH", r"/v2/images/[0-9a-f-]{36}$")
DELETE = ("DELETE", r"/v2/images/[0-9a-f-]{36}$")


class Point(t.NamedTuple):
    """Where a run is stopped.

    :param first: which of the calls that match.
    :param after: percent of the body of the request; None for the moment at which the server has acted, and nobody knows.
    """

    call: tuple[str, str]
    after: int | None = 0
    first: int = 1

    def hold(self, row: Row) -> Hold:
        return Hold(reply=True) if self.after is None else Hold(len(row.data) * self.after // 100)


FILLING = {
    "before the image is made": Point(CREATE),
    "once the image is made": Point(CREATE, None),
    "at 0 % of the data": Point(UPLOAD),
    "at 25 % of the data": Point(UPLOAD, 25),
    "at 50 % of the data": Point(UPLOAD, 50),
    "at 99 % of the data": Point(UPLOAD, 99),
    "once the data is in": Point(UPLOAD, None),
    "before the data is verified": Point(LOOK),
}
IMPORTING = {
    "at 0 % of the data, staged": Point(STAGE),
    "at 50 % of the data, staged": Point(STAGE, 50),
    "once the data is staged": Point(STAGE, None),
    "before the import": Point(IMPORT),
    "once the import has begun": Point(IMPORT, None),
    "while the import is followed": Point(LOOK),
}
REPLACING = {
    "before the image is made": FILLING["before the image is made"],
    "once the image is made": FILLING["once the image is made"],
    "at 50 % of the data": FILLING["at 50 % of the data"],
    "before the data is verified": FILLING["before the data is verified"],
    "before the new one is put in place": Point(CHANGE),
    "once the new one is in place": Point(CHANGE, None),
}
RETIRING = {
    ("hide", "before the old one is hidden"): Point(CHANGE, first=2),
    ("hide", "once the old one is hidden"): Point(CHANGE, None, first=2),
    ("rename", "once the old one is renamed"): Point(CHANGE, None, first=2),
    ("delete", "before the old one is deleted"): Point(DELETE),
    ("delete", "once the old one is deleted"): Point(DELETE, None),
}
#: Option timeout of a run that finds an image in a status of which Glance does not tell that nobody is at work on it any more.
#: What the run imports itself then has to be quicker: it is small, or gets the longer time.
STUCK, STUCK_AND_LARGE = 15, 60
TERM, KILL = signal.SIGTERM, signal.SIGKILL


def killed(points: t.Mapping[t.Any, Point], usual: t.Sequence[tuple[t.Any, signal.Signals]]) -> pytest.MarkDecorator:
    """Where a run is killed, and by which signal; only the usual ones unless there is time to repeat."""
    every = cases(usual, [(where, number) for where in points for number in (TERM, KILL)])
    names = [f"{' '.join(where) if isinstance(where, tuple) else where}-{number.name}" for where, number in every]
    return pytest.mark.parametrize(("where", "number"), every, ids=names)


def kill_at(row: Row, point: Point, number: signal.Signals) -> None:
    """Run the declaration of the row, stop it at a point, and kill it there.

    Glance does not notice before the process has ended, as behind a load balancer: the harder order of the two.
    """
    hold = point.hold(row)
    row.proxy.rule(*point.call, hold, first=point.first)
    with row._watched(), started(row.cloud, [row.options]) as (run,):
        hold.reached()
        run.kill(number)
        status = run.wait()
        hold.sever()
        if number == signal.SIGTERM:
            row.judge_first(run.result(), "^Interrupted by SIGTERM", well=False)
        else:
            row.first = False
            assert status == -signal.SIGKILL


def nothing_is_left(row: Row) -> None:
    """Nothing but what was there before: no image, no data in stores and staging area, no temporary file."""
    if row.old:
        image = row.judge.settled(
            row.project, row.name, row.project.http("GET", f"/v2/images/{row.old['id']}/file").content
        )
        assert image == row.old
    else:
        row.judge.gone()


@killed(
    FILLING,
    [
        ("once the image is made", TERM),
        ("at 50 % of the data", TERM),
        ("once the data is in", TERM),
        ("once the image is made", KILL),
        ("at 50 % of the data", KILL),
        ("before the data is verified", KILL),
    ],
)
def test_create(row, where, number):
    kill_at(row, FILLING[where], number)
    if number == signal.SIGTERM:
        nothing_is_left(row)
    row.finish()


@killed(
    IMPORTING,
    [
        ("at 50 % of the data, staged", TERM),
        ("before the import", TERM),
        ("once the data is staged", KILL),
        ("once the import has begun", KILL),
    ],
)
def test_create_by_import(row, where, number):
    row.options["import_method"] = "glance-direct"
    kill_at(row, IMPORTING[where], number)
    if number == signal.SIGTERM:
        nothing_is_left(row)
    row.finish(timeout=STUCK)


@killed(
    REPLACING,
    [
        ("at 50 % of the data", TERM),
        ("before the new one is put in place", TERM),
        ("once the image is made", KILL),
        ("before the new one is put in place", KILL),
        ("once the new one is in place", KILL),
    ],
)
def test_replace(row, where, number):
    row.replaces()
    kill_at(row, REPLACING[where], number)
    if number == signal.SIGTERM and where != "once the new one is in place":
        nothing_is_left(row)
    row.finish()


@killed(
    RETIRING,
    [
        (("hide", "once the old one is hidden"), TERM),
        (("hide", "before the old one is hidden"), KILL),
        (("delete", "before the old one is deleted"), KILL),
    ],
)
def test_retire(row, where, number):
    row.replaces()
    row.options["retire"] = where[0]
    kill_at(row, RETIRING[where], number)
    row.run()
    if where[0] != "delete":
        (old,) = [image for image in row.judge.found() if image["id"] == row.old["id"]]
        assert old["status"] == "active" and old["os_hidden"]
        row.project.http("DELETE", f"/v2/images/{old['id']}")
    row.finish(changed=False)


@pytest.mark.parametrize("number", cases([KILL], [TERM]), ids=lambda number: number.name)
def test_web_download(row, web, number):
    row.options |= _from_the_web(row, web)
    gate = threading.Event()
    web.faults["/disk.raw"] = files_support.Faults(gate=gate)
    with started(row.cloud, [row.options]) as (run,):
        wait_until(lambda: web.asked("/disk.raw"))
        row.receiving()
        run.kill(number)
        run.wait()
        gate.set()
        if number == signal.SIGTERM:
            row.judge_first(run.result(), "^Interrupted by SIGTERM", well=False)
        row.first = False
    if number == signal.SIGTERM:
        nothing_is_left(row)
    row.finish()


# --- Glance


@pytest.fixture
def glance() -> Iterator[race_support.Service]:
    service = race_support.Service()
    yield service
    service.wait_until_it_answers()


@pytest.fixture
def web() -> Iterator[files_support.Server]:
    with files_support.serving() as server:
        yield server


def _from_the_web(row: Row, web: files_support.Server) -> dict[str, t.Any]:
    del row.options["filename"]
    web.files["/disk.raw"] = row.data
    return {"uri": f"{web.url}/disk.raw", "disk_format": "raw"}


#: What a run may say when Glance goes away under it: the connection, or that an import does not come to its end.
GONE = (
    "[Cc]onnection|cannot be reached|refused|RemoteDisconnected|"
    r"Glance has not imported .* after \d+ seconds|Glance failed to import|has \d+ bytes, and Glance holds"
)
#: Long enough to be met in the middle of an import.
LARGE = 192 * files_support.MIB


def stop_at(row: Row, point: Point, act: t.Callable[[], None], truth: str | None = GONE) -> None:
    """Run the declaration of the row, stop it at a point, and do something to Glance there."""
    hold = point.hold(row)
    row.proxy.rule(*point.call, hold, first=point.first)
    with watched(row), started(row.cloud, [row.options]) as (run,):
        hold.reached()
        act()
        hold.release()
        row.judge_first(run.result(), truth)


def sweep(row: Row, *doomed: str) -> None:
    """As the operator: remove what Glance leaks in its stores when it is killed while it writes there.

    Such a file bears the id of an image that was being filled when Glance was killed, and no row of the database knows it: the
    store removes a partial file only if it lives to see the failure. No client can see it or do anything about it.

    :param doomed: ids of images that were being filled.
    """
    for file in judge.stored_files() - row.judge.before:
        image = row.project.image(file.name) if file.name in doomed else None
        if file.name in doomed and (image is None or image["status"] != "active"):
            file.unlink()


def filled_now(row: Row, status: str = "saving") -> str:
    """The id of the image that is being filled, once Glance says so."""
    wait_until(lambda: [image for image in row.project.named(row.name) if image["status"] == status])
    (image,) = [image for image in row.project.named(row.name) if image["status"] == status]
    return image["id"]


@pytest.mark.parametrize("replaces", cases([True], [False]), ids=lambda replaces: "replace" if replaces else "create")
def test_worker_of_glance_killed_during_an_upload(row, glance, replaces):
    doomed: list[str] = []

    def act() -> None:
        doomed.append(filled_now(row))
        glance.kill_worker()

    if replaces:
        row.replaces()
    stop_at(row, FILLING["at 50 % of the data"], act)
    result = row.run(timeout=STUCK)
    sweep(row, *doomed)
    row.finish(changed=False)
    assert result["changed"] or row.first


def test_worker_of_glance_killed_while_data_is_staged(row, glance):
    def act() -> None:
        filled_now(row, "uploading")
        glance.kill_worker()

    row.options["import_method"] = "glance-direct"
    stop_at(row, IMPORTING["at 50 % of the data, staged"], act)
    row.finish(timeout=STUCK)


@pytest.mark.parametrize("blow", cases(["worker killed"], ["restarted", "killed and started again"]))
def test_glance_during_an_import(row, glance, blow):
    """What it has begun to import stays as it is for ever, or is brought to its end."""
    with row.file.open("r+b") as file:
        file.truncate(LARGE)
    row.data = row.file.read_bytes()
    row.options |= {"import_method": "glance-direct", "disk_format": "raw", "timeout": 5}
    acts = {"worker killed": glance.kill_worker, "restarted": glance.restart}
    with started(row.cloud, [row.options]) as (run,):
        wait_until(lambda: run.has_ended() or [i for i in row.project.named(row.name) if i["status"] == "importing"])
        doomed = row.project.named(row.name)[0]["id"]
        acts.get(blow, lambda: glance.restart(signal.SIGKILL))()
        row.judge_first(run.result(), GONE)
    row.run(timeout=STUCK_AND_LARGE)
    sweep(row, doomed)
    row.finish(changed=False)


@pytest.mark.parametrize("blow", cases(["reloaded"], ["restarted", "killed and started again"]))
def test_glance_during_an_upload(row, glance, blow):
    doomed: list[str] = []
    acts = {"reloaded": glance.reload, "restarted": glance.restart}

    def act() -> None:
        doomed.append(filled_now(row))
        acts.get(blow, lambda: glance.restart(signal.SIGKILL))()

    row.replaces()
    stop_at(row, FILLING["at 50 % of the data"], act, None if blow == "reloaded" else GONE)
    row.run(timeout=STUCK)
    sweep(row, *doomed)
    row.finish(changed=False)
