# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Work that may never end, such as a connection to a server that keeps silent, or sends a byte now and then."""

from __future__ import annotations

import contextlib
import threading
import typing as t

from . import _content

Result = t.TypeVar("Result")


def within(seconds: float, act: t.Callable[[], Result]) -> Result:
    """Do something, and wait for it for so long.

    When the time is over it is left to itself, in a thread that holds nothing up; what it comes to then is closed.

    :raises TimeoutError: then.
    :raises BaseException: whatever it raises.
    """
    work = _Work(act)
    # A daemon: the end of a run must not wait for a server that keeps silent.
    with _content.uninterrupted():
        threading.Thread(target=work.run, daemon=True, name="within").start()
    try:
        in_time = work.done.wait(seconds)
    except BaseException:
        work.leave()
        raise
    if not in_time and work.leave():
        raise TimeoutError
    if work.problem is not None:
        raise work.problem
    return t.cast("Result", work.result)


class _Work(t.Generic[Result]):
    """Something that a thread does, and that its caller may have left meanwhile."""

    def __init__(self, act: t.Callable[[], Result]) -> None:
        self._act = act
        self._lock = threading.Lock()
        self._is_left = False
        self.done = threading.Event()
        self.result: Result | None = None
        self.problem: BaseException | None = None

    def run(self) -> None:
        """Do it."""
        try:
            result = self._act()
        except BaseException as problem:  # it belongs to the thread that waits
            self.problem = problem
        else:
            with self._lock:
                self.result = result
                unwanted = self._is_left
            if unwanted and hasattr(result, "close"):
                with contextlib.suppress(Exception):
                    result.close()
        self.done.set()

    def leave(self) -> bool:
        """Give it up, unless it is done.

        :returns: whether it was given up.
        """
        with self._lock:
            self._is_left = self.result is None and self.problem is None
            return self._is_left
