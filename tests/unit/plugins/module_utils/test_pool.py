# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Threads for work that waits: bounded, in order of what waits for what, and over when the module is asked to end."""

from __future__ import annotations

import threading
import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _pause, _pool
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import Interrupted
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture(autouse=True)
def going_on() -> t.Iterator[None]:
    """What one test ends goes on in the next."""
    yield
    _pause._ending.clear()


def test_results_and_faults_in_the_order_of_the_jobs() -> None:
    def fail() -> int:
        raise ValueError("two")

    one, two, three = _pool.run_all([lambda: 1, fail, lambda: 3], 2)
    assert (one, str(two), three) == (1, "two", 3) and isinstance(two, ValueError)
    assert _pool.run_all([], 4) == []


def test_as_many_at_a_time_as_there_are_workers() -> None:
    together = threading.Barrier(3)
    running: set[int] = set()
    most: list[int] = []

    def job(number: int) -> None:
        running.add(number)
        together.wait(10)
        most.append(len(running))
        together.wait(10)
        running.discard(number)
        together.wait(10)

    faults = _pool.run_all([lambda number=number: job(number) for number in range(9)], 3)
    assert faults == [None] * 9 and most == [3] * 9


@st.composite
def graphs(draw: st.DrawFn) -> list[set[int]]:
    """For each job some of those with another place in a hidden order before it."""
    count = draw(st.integers(1, 12))
    order = draw(st.permutations(range(count)))
    after: list[set[int]] = [set() for _job in range(count)]
    for place, job in enumerate(order):
        if place:
            after[job] = draw(st.sets(st.sampled_from(order[:place]), max_size=3))
    return after


@given(graphs(), st.integers(1, 5), st.sets(st.integers(0, 11)))
def test_what_waits_for_others_comes_after_them_even_if_they_fail(
    after: list[set[int]], workers: int, failing: set[int]
) -> None:
    over: list[int] = []

    def job(number: int) -> None:
        assert after[number] <= set(over)
        over.append(number)
        if number in failing:
            raise RuntimeError

    results = _pool.run_all([lambda number=number: job(number) for number in range(len(after))], workers, after)
    assert sorted(over) == list(range(len(after)))
    assert [isinstance(result, RuntimeError) for result in results] == [
        number in failing for number in range(len(after))
    ]


def test_an_interrupted_main_thread_ends_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, cleared = threading.Event(), threading.Event()
    later: list[int] = []

    def work() -> None:
        begun.set()
        try:
            _pause.pause(60)
        except Interrupted:
            cleared.set()
            raise

    def interrupt(self: threading.Thread, timeout: float | None = None) -> None:
        monkeypatch.undo()
        begun.wait(10)
        raise Interrupted("Interrupted by SIGTERM.")

    monkeypatch.setattr(threading.Thread, "join", interrupt)
    with pytest.raises(Interrupted, match="SIGTERM"):
        _pool.run_all([work, lambda: later.append(1)], 1)
    assert cleared.is_set() and not later


def test_workers_that_do_not_let_go_are_not_waited_for_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    stuck, waited = threading.Event(), list[float]()
    join = threading.Thread.join

    def watch(self: threading.Thread, timeout: float | None = None) -> None:
        if timeout is None:
            raise Interrupted("Interrupted by SIGTERM.")
        waited.append(timeout)
        join(self, timeout)

    monkeypatch.setattr(threading.Thread, "join", watch)
    monkeypatch.setattr(_pool, "_CLEARING", 0.2)
    with pytest.raises(Interrupted):
        _pool.run_all([lambda: stuck.wait(10)] * 8, 8)
    stuck.set()
    assert len(waited) == 8 and sum(waited) < 0.5
