# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""A picture of ages and sizes: where each image stands in it, and the lines behind them. Pure geometry."""

from __future__ import annotations

import dataclasses
import math
import typing as t

WIDTH, HEIGHT = 960, 360
LEFT, RIGHT, TOP, BOTTOM = 78, 24, 16, 46
#: Height of the band at the bottom for images without data.
EMPTY = 38

_AGES = (
    (0, "now"),
    (1, "1 day"),
    (7, "1 week"),
    (30, "1 month"),
    (91, "3 months"),
    (365, "1 year"),
    (1095, "3 years"),
    (3650, "10 years"),
    (10950, "30 years"),
)
_KIB = 1024
_SIZES = tuple(
    (digits * _KIB**power, f"{digits} {unit}")
    for power, unit in enumerate(("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"))
    for digits in (1, 10, 100)
)


@dataclasses.dataclass(frozen=True)
class Tick:
    """A line behind the picture, with its label."""

    place: float
    label: str


@dataclasses.dataclass(frozen=True)
class Chart:
    """Both axes of one picture; :meth:`x` and :meth:`y` place an image in it."""

    oldest: float
    smallest: int
    largest: int
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM
    floor: int = HEIGHT - BOTTOM - EMPTY

    def x(self, days: float | None) -> float:
        """The newest are at the right, as time goes."""
        share = math.log1p(min(days or 0.0, self.oldest)) / math.log1p(self.oldest)
        return round(self.right - share * (self.right - self.left), 1)

    def y(self, size: int | None) -> float:
        """On a scale where ten times as much is one step; images without data stand below it."""
        if not size:
            return (self.floor + self.bottom) / 2
        span = math.log(self.largest) - math.log(self.smallest)
        share = (math.log(max(size, self.smallest)) - math.log(self.smallest)) / span
        return round(self.floor - share * (self.floor - self.top), 1)

    def age_ticks(self) -> list[Tick]:
        """Lines of ages, as far as there are such old images."""
        return [Tick(self.x(days), label) for days, label in _AGES if days <= self.oldest]

    def size_ticks(self) -> list[Tick]:
        """Lines of sizes; every third, if there are many."""
        within = [(size, label) for size, label in _SIZES if self.smallest <= size <= self.largest]
        if len(within) > 7:
            within = [(size, label) for size, label in within if label.startswith("1 ")]
        return [Tick(self.y(size), label) for size, label in within]


def chart_of(rows: t.Sequence[dict[str, t.Any]]) -> Chart:
    """Axes that hold all images, and never less than a week and two steps of size."""
    sizes = [row["size"] for row in rows if row["size"]] or [_KIB**2]
    oldest = max([row["age_days"] or 0.0 for row in rows], default=0.0)
    bounds = [size for size, _label in _SIZES]
    smallest = max((bound for bound in bounds if bound <= min(sizes)), default=1)
    largest = min((bound for bound in bounds if bound >= max(sizes)), default=max(sizes))
    if largest <= smallest * 10:
        largest = smallest * 100
    return Chart(max(7.0, oldest * 1.05), smallest, largest)
