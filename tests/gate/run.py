# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the gate: targets of the Makefile in five tracks side by side, each target within a time limit.

The output of each target goes to .work/log. What failed is printed at the end, before a table of all of them.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

LOGS = pathlib.Path(".work/log")

# The lines with which pytest, ansible-playbook and the Makefile close
CLOSING_LINE = re.compile(r"^Skipped: |\d+ (passed|failed|errors?|skipped)\b.* in [\d.]+s|\bok=\d+ +changed=\d+")

# The lines with which pytest, ansible-playbook, ansible-test and this program name what is wrong
REASON = re.compile(r"^(FAILED |ERROR\b|fatal: |\[ERROR\]|FATAL: |make: \*\*\*|Stopped after )")


@dataclasses.dataclass
class Step:
    target: str
    limit: int
    # What comes after it in the track makes no sense without it
    needed: bool = False
    # It runs on this cloud
    cloud: str = ""
    # A step of another track that has to be over before
    after: str = ""
    result: str = "not run"
    seconds: float = 0.0
    over: threading.Event = dataclasses.field(default_factory=threading.Event)

    @property
    def log(self) -> pathlib.Path:
        return LOGS / f"{self.target}.log"


# The first track starts with the slowest of all, the installation of Keystone and Glance. Tests mostly wait for the
# answers of a server, so five tracks keep two cores busy. Each suite has its own cloud, since tests empty its projects.
# The limits are there to end what hangs: they leave room for machines, and moments, that are several times slower.
TRACKS = [
    [
        Step("venv-newest", 600, needed=True),
        Step("functional-cloud-absent", 300),
        Step("functional-cloud", 900, needed=True),
        Step("functional", 3000, cloud="functional-cloud"),
    ],
    [
        Step("venv-tools", 600, needed=True),
        Step("lint", 600),
        Step("extra-checks", 300),
        Step("licences", 300),
        Step("changelog", 300),
        Step("docs-check", 600),
        Step("sanity", 2400),
        Step("integration-cloud-absent", 300),
        Step("integration-cloud", 900, needed=True, after="functional-cloud"),
        Step("integration", 2700, cloud="integration-cloud"),
    ],
    [
        Step("unit", 1200, after="venv-newest"),
        Step("venv-floor", 600, needed=True),
        Step("floor-cloud-absent", 300),
        Step("floor-cloud", 900, needed=True, after="functional-cloud"),
        Step("floor", 2700, cloud="floor-cloud", after="browser"),
        Step("variants-cloud-absent", 300),
        Step("variants-cloud", 900, needed=True),
        Step("variants", 2400, cloud="variants-cloud"),
    ],
    [
        Step("faults-cloud-absent", 300, after="functional-cloud"),
        Step("faults-cloud", 900, needed=True),
        Step("faults", 3000, cloud="faults-cloud"),
        Step("incumbent", 2400, cloud="faults-cloud"),
        Step("preview", 1800, cloud="faults-cloud"),
        Step("ansible-lint", 1200, after="venv-tools"),
        Step("package", 1200),
    ],
    [
        Step("browser", 600, needed=True),
        Step("sets-cloud-absent", 300, after="functional-cloud"),
        Step("sets-cloud", 900, needed=True),
        Step("sets", 3000, cloud="sets-cloud"),
        Step("kills", 2400, cloud="sets-cloud"),
    ],
]
STEPS = {step.target: step for track in TRACKS for step in track}

running: set[subprocess.Popen[bytes]] = set()
stopping = threading.Event()


def make(target: str, limit: int, log: pathlib.Path, environment: dict[str, str]) -> str:
    """Run one target in a process group of its own, so that nothing of it outlives its time."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["make", "--no-print-directory", target],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
        running.add(process)
        try:
            return "ok" if process.wait(limit) == 0 else "FAILED"
        except subprocess.TimeoutExpired:
            kill(process)
            output.write(f"\nStopped after {limit} seconds\n".encode())
            return "TIMEOUT"
        finally:
            running.discard(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    for number, patience in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        try:
            os.killpg(process.pid, number)
            process.wait(patience)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
        return


def run_track(steps: list[Step], environment: dict[str, str]) -> None:
    try:
        for step in steps:
            if step.after:
                STEPS[step.after].over.wait()
            if stopping.is_set():
                return
            run_step(step, environment)
            if step.needed and step.result != "ok":
                return
    finally:
        for step in steps:
            step.over.set()


def run_step(step: Step, environment: dict[str, str]) -> None:
    start = time.monotonic()
    extra = {"CLOUDIMAGE_TEST_CLOUD_DIR": str(pathlib.Path(".work", step.cloud).resolve())} if step.cloud else {}
    step.result = make(step.target, step.limit, step.log, environment | extra)
    step.seconds = time.monotonic() - start
    step.over.set()
    closing = [line for line in read(step.log) if CLOSING_LINE.search(line)]
    print("\n".join([f"{step.result:8}{step.seconds:6.1f} s  {step.target}", *closing[-1:]]), flush=True)


def read(log: pathlib.Path) -> list[str]:
    return log.read_text(errors="replace").splitlines() if log.exists() else []


def report() -> bool:
    for step in STEPS.values():
        if step.result in ("FAILED", "TIMEOUT"):
            lines = read(step.log)
            print(f"\n===== make {step.target}: {step.result}; the whole output is in {step.log} =====")
            print("\n".join(lines[-300:]))
    print()
    for step in STEPS.values():
        print(f"{step.result:8}{step.seconds:6.1f} s  {step.target}")
    # At the very end, for whoever sees no more than that
    for step in STEPS.values():
        if step.result in ("FAILED", "TIMEOUT"):
            reasons = [line[:500] for line in read(step.log) if REASON.search(line)]
            print("\n".join([f"\n{step.result}: make {step.target}", *reasons[-10:]]))
    return all(step.result == "ok" for step in STEPS.values())


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt(number: int, frame: object) -> None:
    # Signals come in pairs, from the terminal and from make: the second must not end the tidying up.
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def main() -> int:
    start = time.monotonic()
    LOGS.mkdir(parents=True, exist_ok=True)
    # What the make that called this one said to its children is not meant for the tracks.
    environment = {
        name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")
    }
    environment.pop("CLOUDIMAGE_TEST_CLOUD_DIR", None)
    for number in SIGNALS:
        signal.signal(number, interrupt)
    tracks = [threading.Thread(target=run_track, args=(steps, environment), daemon=True) for steps in TRACKS]
    passed = False
    try:
        for track in tracks:
            track.start()
        for track in tracks:
            track.join()
        passed = report()
    except KeyboardInterrupt:
        print("Interrupted", flush=True)
    finally:
        stopping.set()
        for process in list(running):
            kill(process)
        # Stopped but not removed, so that their logs can be looked at
        for target in (f"{step.cloud}-stopped" for step in STEPS.values() if step.cloud):
            if make(target, 300, LOGS / f"{target}.log", environment) != "ok":
                print("\n".join(read(LOGS / f"{target}.log")))
                passed = False
    print(
        f"{'The gate is passed' if passed else 'The gate is NOT passed'}, after {time.monotonic() - start:.0f} s",
        flush=True,
    )
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
