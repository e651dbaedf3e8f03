# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Waiting that ends when the module is asked to end, in whichever thread it waits.

Signals reach the main thread only. It calls :func:`end`, and the others notice at their next wait or block of data.
"""

from __future__ import annotations

import threading

from ._errors import Interrupted

_ending = threading.Event()


def pause(seconds: float) -> None:
    """Wait.

    :raises Interrupted: if the module is to end.
    """
    if _ending.wait(seconds):
        check()


def check() -> None:
    """Go on, unless the module is to end.

    :raises Interrupted: then.
    """
    if _ending.is_set():
        raise Interrupted("Interrupted.")


def end() -> None:
    """Let every thread give up what it is doing, and clear up."""
    _ending.set()
