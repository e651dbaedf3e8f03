# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""A bounded number of threads for work that mostly waits for servers. What fails is told, and stops nothing else."""

from __future__ import annotations

import threading
import time
import typing as t

from . import _pause

#: Seconds that all running work gets to clear up when the module is asked to end.
_CLEARING = 30

Result = t.TypeVar("Result")


def run_all(
    jobs: t.Sequence[t.Callable[[], Result]], workers: int, after: t.Sequence[t.Collection[int]] = ()
) -> list[Result | Exception]:
    """Run jobs side by side; each result, or the exception of it, in the order of the jobs.

    :param workers: how many run at a time.
    :param after: for each job the indices of those that have to be over before, however they end; without circles.
    :raises Interrupted: (or whatever a signal raises in the main thread) once running jobs have had time to clear up.
    """
    run = _Run(jobs, after)
    # Daemons, so that one that hangs in the system does not hold up the end of the process
    threads = [threading.Thread(target=run.work, daemon=True) for _number in range(min(workers, len(jobs)))]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    except BaseException:
        _pause.end()
        over = time.monotonic() + _CLEARING
        for thread in threads:
            if thread.ident is not None:
                thread.join(max(0.0, over - time.monotonic()))
        raise
    return t.cast("list[Result | Exception]", run.results)


class _Run(t.Generic[Result]):
    """What the threads of one run share."""

    def __init__(self, jobs: t.Sequence[t.Callable[[], Result]], after: t.Sequence[t.Collection[int]]) -> None:
        self._jobs = jobs
        self._waits_for = {number: set(after[number]) if after else set[int]() for number in range(len(jobs))}
        self._followers: dict[int, list[int]] = {}
        for number, others in self._waits_for.items():
            for other in others:
                self._followers.setdefault(other, []).append(number)
        self._ready = [number for number in reversed(range(len(jobs))) if not self._waits_for[number]]
        self._left = len(jobs)
        self._change = threading.Condition()
        self.results: list[Result | Exception | None] = [None] * len(jobs)

    def work(self) -> None:
        """Do what is ready until nothing is left."""
        while (number := self._take()) is not None:
            try:
                _pause.check()
                self.results[number] = self._jobs[number]()
            except Exception as fault:
                self.results[number] = fault
            finally:
                self._finished(number)

    def _take(self) -> int | None:
        with self._change:
            while not self._ready and self._left:
                self._change.wait()
            return self._ready.pop() if self._ready else None

    def _finished(self, number: int) -> None:
        with self._change:
            self._left -= 1
            for follower in self._followers.get(number, ()):
                self._waits_for[follower].discard(number)
                if not self._waits_for[follower]:
                    self._ready.append(follower)
            self._change.notify_all()
