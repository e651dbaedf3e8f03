# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of kills and races share: many modules at once, each a process that can be killed; Glance that is killed."""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import functools
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
import typing as t
from pathlib import Path

import cloud_support
import files_support
import requests
from patience import PATIENCE, wait_until
from proxy import Rule
from support import Cloud, Row

#: Multiplies the repetitions of what may go well by luck.
REPEAT = int(os.environ.get("CLOUDIMAGE_FAULT_REPEAT", "1"))


def cases(usual: t.Iterable[t.Any], rest: t.Iterable[t.Any]) -> list[t.Any]:
    """The cases of a test: the usual ones, and the rest of them where there is time to repeat."""
    return [*usual, *(case for case in rest if case not in usual)] if REPEAT > 1 else [*usual]


_counter = itertools.count()

_NURSERY_CODE = (
    files_support.NURSERY_IMPORTS
    + """
import datetime, types
from ansible_collections.cloudimage.glance.plugins.module_utils import _connection, _image, _images_item

def set_clock(now):
    class Clock(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls.fromisoformat(now)
    _image.datetime = types.SimpleNamespace(datetime=Clock, UTC=datetime.UTC)

def run(order):
    os.setsid()
    os.environ.update(order["environment"])
    output = [os.open(order["output"] + end, os.O_RDWR | os.O_CREAT, 0o600) for end in ("", ".err")]
    for number, descriptor in enumerate((os.open(os.devnull, os.O_RDONLY), *output)):
        os.dup2(descriptor, number)
    sys.argv = [order["module"], order["arguments"]]
    if order["clock"]:
        set_clock(order["clock"])
    if order["hurried"]:
        _connection.PAUSES = (0.1, 0.1)
    if order["old"]:
        _images_item._OLD = order["old"]
    status = 0
    try:
        importlib.import_module(order["module"]).main()
    except SystemExit as end:
        status = end.code or 0
    except BaseException:
        traceback.print_exc()
        status = 70
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)

for line in sys.stdin:
    order = json.loads(line)
    if "wait" in order:
        pid, status = os.waitpid(order["wait"], os.WNOHANG)
        answer = os.waitstatus_to_exitcode(status) if pid else None
    else:
        importlib.import_module(order["module"])
        answer = os.fork()
        if not answer:
            run(order)
    print(json.dumps(answer), flush=True)
"""
)


class _Nursery:
    """A process that has the imports behind it, and forks off modules without waiting for them."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _NURSERY_CODE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": files_support._python_path()},
        )
        atexit.register(self._process.communicate)

    def ask(self, **order: t.Any) -> t.Any:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@functools.cache
def _nursery() -> _Nursery:
    return _Nursery()


@dataclasses.dataclass
class Running:
    """A module that runs as a process of its own."""

    pid: int
    output: Path
    status: int | None = None

    def kill(self, number: signal.Signals) -> None:
        """Send a signal, if it still runs."""
        if not self.has_ended():
            os.kill(self.pid, number)

    def has_ended(self) -> bool:
        if self.status is None:
            self.status = _nursery().ask(wait=self.pid)
        return self.status is not None

    def wait(self, patience: float = PATIENCE) -> int:
        """Wait for its end, however it comes; the exit status, negative for a signal."""
        wait_until(self.has_ended, patience)
        assert self.status is not None
        return self.status

    def result(self) -> dict[str, t.Any]:
        """What it prints at its end: one JSON object, and no traceback."""
        self.wait()
        complaints = self.output.with_name(self.output.name + ".err").read_text()
        result = files_support._parsed(self.output.read_text(), complaints)
        assert "Traceback" not in result.get("msg", ""), result
        return result


def start(
    cloud: Cloud,
    module: str,
    *,
    clock: str | None = None,
    check: bool = False,
    hurried: bool = False,
    old: float = 0,
    **options: t.Any,
) -> Running:
    """Start a module, as the ordinary user unless the options say otherwise.

    :param clock: what the plan takes for the present moment, ISO 8601.
    :param hurried: whether its patience with passing faults is short.
    :param old: seconds after which module images makes a plan anew, if not the usual ones.
    """
    arguments = files_support._arguments(cloud.folder, {"cloud": "local", **options}, check)
    output = f"{arguments}-{next(_counter)}.out"
    pid = _nursery().ask(
        module=f"{files_support.MODULES}.{module}",
        arguments=arguments,
        output=output,
        environment={**files_support._cache(cloud.folder), **cloud.environment},
        clock=clock,
        hurried=hurried,
        old=old,
    )
    return Running(pid, Path(output))


@contextlib.contextmanager
def started(cloud: Cloud, orders: t.Iterable[dict[str, t.Any]]) -> t.Iterator[list[Running]]:
    """Modules ``image`` that run side by side; none outlives the block."""
    running: list[Running] = []
    try:
        for order in orders:
            running.append(start(cloud, "image", **order))
        yield running
    finally:
        for each in running:
            each.kill(signal.SIGKILL)
            each.wait()


def together(cloud: Cloud, orders: t.Sequence[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    """Run modules ``image`` side by side to their ends."""
    with started(cloud, orders) as running:
        return [each.result() for each in running]


def all_at(rule: Rule, number: int) -> None:
    """Wait until so many requests stand at the hold of a rule."""
    wait_until(lambda: rule.fired >= number)
    rule.act.reached()


@contextlib.contextmanager
def watched(row: Row) -> t.Iterator[None]:
    """Look all the time whether the predecessor's name has an active image, as far as Glance answers."""
    if not row.old:
        yield
        return
    watcher, over, gaps = cloud_support.Project("local"), threading.Event(), list[float]()
    query = f"name={row.name}&owner={watcher.id}&status=active&os_hidden=false"

    def watch() -> None:
        while not over.wait(0.02):
            with contextlib.suppress(requests.RequestException):
                answer = watcher.http("GET", f"/v2/images?{query}", ok=False)
                if answer.ok and not answer.json()["images"]:
                    gaps.append(time.monotonic())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert not gaps, "for a time there was no active image under the name"


class Service:
    """Glance as its operator has it: processes that can be killed, reloaded and restarted.

    Gunicorn's master keeps the port, and starts another worker when one has died.
    """

    def __init__(self) -> None:
        self._pid_file = cloud_support.CLOUD_DIR / "run" / "glance.pid"
        self._url = cloud_support.project("local").url

    @property
    def master(self) -> int:
        return int(self._pid_file.read_text())

    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.master}/task/{self.master}/children").read_text().split()
        return [int(child) for child in children]

    def kill_worker(self) -> None:
        """SIGKILL to the process that serves requests and imports; returns when another one serves."""
        (worker,) = self.workers()
        os.kill(worker, signal.SIGKILL)
        self.wait_until_it_answers()

    def reload(self) -> None:
        """A graceful reload: a new worker takes over, and the old one ends what it has begun."""
        old = self.workers()
        os.kill(self.master, signal.SIGHUP)
        wait_until(lambda: set(self.workers()) - set(old))
        self.wait_until_it_answers()

    def restart(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End all of it by a signal to the master, and start it again as it was started."""
        master = self.master
        process = Path(f"/proc/{master}")
        environment = dict(
            entry.split("=", 1) for entry in (process / "environ").read_text().split("\0") if "=" in entry
        )
        command = [Path(environment["PATH"].split(":")[0]) / "python", "-m", "gunicorn"]
        folder = (process / "cwd").resolve()
        pids = [master, *self.workers()]
        os.kill(master, number)
        if number == signal.SIGKILL:
            for pid in pids[1:]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
        wait_until(lambda: not any(_is_alive(pid) for pid in pids))
        with (cloud_support.CLOUD_DIR / "log" / "glance-error.log").open("ab") as log:
            again = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                umask=0o077,
            )
        self._pid_file.write_text(f"{again.pid}\n")
        self.wait_until_it_answers()

    def wait_until_it_answers(self) -> None:
        wait_until(self._answers)

    def _answers(self) -> bool:
        try:
            return requests.get(self._url, timeout=PATIENCE).status_code in (200, 300)
        except requests.RequestException:
            return False


def _is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the latter if it goes between opening and reading
        return False
