# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a process takes: wall seconds, peak memory of its largest process, and the calls that reach the cloud meanwhile."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import typing as t
from pathlib import Path

import cloud
from settings import TIME_LIMIT

WATCH = Path(__file__).with_name("watch.py")


class Failure(Exception):
    """A contestant did not do what it was asked to do."""


class Command(t.NamedTuple):
    """A process that does a whole job."""

    words: list[str]
    environment: dict[str, str]


class Run(t.NamedTuple):
    """One run of a command."""

    seconds: float
    memory: float
    #: methods of the requests that reached the services
    glance: list[str]
    keystone: list[str]
    output: str

    @property
    def writes(self) -> int:
        return sum(method in cloud.WRITES for method in self.glance)

    @property
    def answer(self) -> dict[str, t.Any]:
        """What a module that ran alone printed, below warnings."""
        found: dict[str, t.Any] = json.loads(self.output.strip().splitlines()[-1])
        return found


class Result(t.NamedTuple):
    """All runs of one contestant in one case, in figures for tables and plots."""

    scenario: str
    case: str
    contestant: str
    seconds: list[float]
    memory: float
    glance: int
    keystone: int
    #: bytes that were sent, for throughput; 0 where that means nothing
    size: int
    #: images declared, and images in the cloud
    declared: int
    present: int

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def clean_environment() -> dict[str, str]:
    """The caller's own cloud, and how the caller runs Ansible and Python, are no business of the contestants."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OS_", "ANSIBLE_", "PYTHON", "CLOUDIMAGE_"))
    }


def measured(command: Command, folder: Path) -> Run:
    """Run a command to its end."""
    figures = folder / "figures.json"
    with cloud.calls() as calls:
        output = _finished([sys.executable, "-I", "-S", str(WATCH), str(figures), *command.words], command, folder)
    return Run(
        **json.loads(figures.read_text()),
        glance=[call.method for call in calls.glance],
        keystone=[call.method for call in calls.keystone],
        output=output,
    )


def unmeasured(command: Command, folder: Path) -> str:
    """Run a command to its end, for what it prints."""
    return _finished(command.words, command, folder)


def _finished(words: list[str], command: Command, folder: Path) -> str:
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=command.environment,
            cwd=folder,
            start_new_session=True,
        )
        try:
            code = process.wait(TIME_LIMIT)
        except subprocess.TimeoutExpired as late:
            raise Failure(f"{' '.join(command.words)}: not done after {TIME_LIMIT} seconds") from late
        finally:
            # All that it started, whatever ended the wait
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        printed = output.read()
    if code:
        raise Failure(f"{' '.join(command.words)} ended with {code}:\n{printed[-3000:]}")
    return printed


def result(scenario: str, case: str, contestant: str, runs: list[Run], **more: int) -> Result:
    """What the runs came to; memory and calls are medians, too."""
    defaults = {"size": 0, "declared": 0, "present": 0}
    return Result(
        scenario,
        case,
        contestant,
        seconds=[run.seconds for run in runs],
        memory=statistics.median(run.memory for run in runs),
        glance=int(statistics.median(len(run.glance) for run in runs)),
        keystone=int(statistics.median(len(run.keystone) for run in runs)),
        **{**defaults, **more},
    )
