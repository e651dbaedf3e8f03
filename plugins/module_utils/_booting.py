# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What the entries of a catalogue say that their images boot with: what they have booted with so far, they need no longer."""

from __future__ import annotations

import threading
import typing as t


class Booter(t.Protocol):
    """An entry."""

    @property
    def boots_with(self) -> frozenset[tuple[str, ...]]:
        """What it says of what it boots with; see ``followers`` of :class:`._desired.Desired`."""


class Booting:
    """Entries that say what they boot with. One for all entries, since a thousand may each ask for what a thousand say."""

    def __init__(self, items: t.Iterable[Booter]) -> None:
        self._said = {item: said for item in items if (said := item.boots_with)}
        #: Those that nothing holds to what they have booted with so far.
        self.moving_on = frozenset(self._said)
        self._unions: dict[frozenset[Booter], frozenset[tuple[str, ...]]] = {}
        self._holding = threading.Lock()

    def hold(self, item: Booter) -> None:
        """Note that an entry has failed, or leaves an image behind that boots with what it boots with now."""
        with self._holding:
            if item in self.moving_on:
                self.moving_on -= {item}

    def said_by(self, items: frozenset[Booter]) -> frozenset[tuple[str, ...]]:
        """What some of them say together; see ``followers`` of :class:`._desired.Desired`."""
        if items not in self._unions:
            self._unions[items] = frozenset[tuple[str, ...]]().union(*(self._said[item] for item in items))
        return self._unions[items]
