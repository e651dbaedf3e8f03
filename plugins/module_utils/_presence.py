# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Whether the cloud is still there, asked once for many who would find out one by one, each with a patience of its own."""

from __future__ import annotations

import threading

from ._errors import ConnectionProblem, ServerRefusal
from ._glance import Glance

#: What gateways answer for a service that is away, or that they let nobody in to.
_AWAY = (429, 502, 503, 504)


class NotTried(ConnectionProblem):
    """Something was left undone, because others have found the cloud away."""


class Presence:
    """Says whether it is worth while to begin with something. Threads may share it."""

    def __init__(self, glance: Glance) -> None:
        self._glance = glance
        self._lock = threading.Lock()
        self._is_doubtful = False
        #: Why it is known to be away, None if it is not.
        self._gone: str | None = None

    def doubt(self, fault: Exception) -> None:
        """Take notice of a fault: one that may be the end of the connection is looked into by whoever begins next."""
        if _is_away(fault) and not isinstance(fault, NotTried):
            self._is_doubtful = True

    def require(self) -> None:
        """Go on, unless the cloud is away.

        :raises NotTried: if it does not answer a simple question with the usual patience; from then on at once.
        """
        if not self._is_doubtful:
            return
        with self._lock:
            if self._is_doubtful and self._gone is None:
                self._gone = self._silence()
                self._is_doubtful = self._gone is not None
        if self._gone is not None:
            raise NotTried(f"Not tried, because the cloud is away. {self._gone}")

    def _silence(self) -> str | None:
        """Why it does not answer; None if it does."""
        try:
            self._glance.schema()
        except (ConnectionProblem, ServerRefusal) as fault:
            return fault.message if _is_away(fault) else None
        return None


def _is_away(fault: Exception) -> bool:
    if isinstance(fault, ServerRefusal):
        return fault.status in _AWAY
    return isinstance(fault, ConnectionProblem)
