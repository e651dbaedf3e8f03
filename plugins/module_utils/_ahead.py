# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Two hands at a stream of bytes: one fetches and hashes while the other unpacks and writes."""

from __future__ import annotations

import queue
import threading
import typing as t

from . import _content

#: Items that wait between the two threads.
_WAITING = 16

Item = t.TypeVar("Item")


def ahead(flow: t.Iterable[Item]) -> t.Generator[Item, None, None]:
    """The items of ``flow``, which a thread of its own works out while those before are used; at most a few ahead.

    :raises BaseException: whatever the flow raises, in the thread that iterates.
    """
    waiting: queue.Queue[Item | BaseException | None] = queue.Queue(_WAITING)
    stopped = threading.Event()

    def work() -> None:
        last: BaseException | None = None
        try:
            for block in flow:
                if not _offer(waiting, block, stopped):
                    return
        except BaseException as problem:  # it belongs to the thread that waits for the bytes
            last = problem
        _offer(waiting, last, stopped)

    # A daemon: an interrupted run must not wait for a server that keeps silent.
    with _content.uninterrupted():
        threading.Thread(target=work, daemon=True, name="fetch").start()
    try:
        while (item := waiting.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()


def _offer(waiting: queue.Queue[t.Any], item: object, stopped: threading.Event) -> bool:
    while not stopped.is_set():
        try:
            waiting.put(item, timeout=0.2)
        except queue.Full:
            continue
        return True
    return False
