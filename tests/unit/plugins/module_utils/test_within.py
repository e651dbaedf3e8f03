# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Work that may never end: what it comes to in time, and what becomes of it afterwards."""

from __future__ import annotations

import threading

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils._within import within

#: Seconds that a test waits at most; never reached unless it fails.
PATIENCE = 600


class Closable:
    """A result that is to be closed."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    def close(self) -> None:
        """Note it."""
        self.closed.set()


def test_what_ends_in_time_is_handed_on() -> None:
    answer = Closable()
    assert within(PATIENCE, lambda: answer) is answer and not answer.closed.is_set()
    assert within(PATIENCE, lambda: None) is None
    with pytest.raises(KeyError):
        within(PATIENCE, lambda: {}["missing"])


def test_what_does_not_is_left_and_closed_when_it_comes() -> None:
    gate, answer = threading.Event(), Closable()

    def late() -> Closable:
        gate.wait(PATIENCE)
        return answer

    with pytest.raises(TimeoutError):
        within(0.01, late)
    assert not answer.closed.is_set()
    gate.set()
    assert answer.closed.wait(PATIENCE)
