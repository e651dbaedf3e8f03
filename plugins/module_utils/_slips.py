# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Slips of the pen: which known word somebody meant. Pure."""

from __future__ import annotations

import difflib
import functools

#: From this length on two slips are still one word; shorter ones are soon something else (``img_version``, ``k8s_version``).
_LONG = 12
#: Words below this length (``rhel``, ``sles``, ``sled``) are one slip apart themselves.
_SHORT = 5
#: How much of two names has to agree that begin alike.
_ALIKE = 0.85
#: The longest name that Glance takes.
_LONGEST = 255


@functools.lru_cache(maxsize=1000)
def slip_of(word: str, known: tuple[str, ...]) -> str | None:
    """The known word that differs from a word by case, by hyphens, or by one slip, in long words by two, or that begins alike and is
    very like it as a whole (``provided_till``); None if there is none, or the word is a known one.

    A slip is a sign too many, missing, or another one, or two that changed places.
    """
    if not word or word in known or len(word) > _LONGEST:
        return None
    written = word.strip().lower().replace("-", "_").replace(" ", "_")
    near = [(_slips(written, other), other) for other in known if abs(len(written) - len(other)) <= _limit(other)]
    alike = [other for other in known if _skeleton(other) == _skeleton(written)]
    likest = difflib.get_close_matches(written, alike, n=1, cutoff=_ALIKE)
    return next((other for slips, other in sorted(near) if slips <= _limit(other)), likest[0] if likest else None)


def _skeleton(word: str) -> tuple[str, int]:
    """What stays of a name in which one word was taken for another: how it begins, and of how many words it is."""
    return word.partition("_")[0], word.count("_")


def _limit(known: str) -> int:
    """How many slips may lie between a word and a known one."""
    return 0 if len(known) < _SHORT else 1 if len(known) < _LONG else 2


def _slips(one: str, other: str) -> int:
    """The least number of slips between two words (optimal string alignment)."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, sign in enumerate(one, 1):
        line = [row]
        for column, wanted in enumerate(other, 1):
            best = min(last[column] + 1, line[-1] + 1, last[column - 1] + (sign != wanted))
            if row > 1 and column > 1 and sign == other[column - 2] and one[row - 2] == wanted:
                best = min(best, before[column - 2] + 1)
            line.append(best)
        before, last = last, line
    return last[-1]
