# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""A picture of ages and sizes: where each image stands in it, and the lines behind them. Pure geometry."""

from __future__ import annotations

import dataclasses
import math
import typing as t

#: Pixels from the top to the line below which images without data stand, and to the bottom.
FLOOR, BOTTOM = 260, 298
#: Pixels from the left to the right on a phone, and what a letter of a label takes there.
_NARROW, _LETTER = 230, 7.5

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
    """A line behind the picture, with its label.

    :param place: percent from the left for ages, pixels from the top for sizes.
    :param narrow: whether there is room for the label on a phone.
    """

    place: float
    label: str
    narrow: bool = True


@dataclasses.dataclass(frozen=True)
class Chart:
    """Both axes of one picture; :meth:`x` and :meth:`y` place an image in it.

    It is as wide as there is room, so that ages are percent of that; sizes are pixels from the top.
    """

    oldest: float
    smallest: int
    largest: int
    floor: int = FLOOR
    bottom: int = BOTTOM

    def x(self, days: float | None) -> float:
        """Percent from the left; the newest are at the right, as time goes."""
        share = math.log1p(min(days or 0.0, self.oldest)) / math.log1p(self.oldest)
        return round(100 * (1 - share), 2)

    def y(self, size: int | None) -> float:
        """Pixels from the top, on a scale where ten times as much is one step; images without data stand below it."""
        if not size:
            return (self.floor + self.bottom) / 2
        span = math.log(self.largest) - math.log(self.smallest)
        share = (math.log(max(size, self.smallest)) - math.log(self.smallest)) / span
        return round(self.floor * (1 - share), 1)

    def age_ticks(self) -> list[Tick]:
        """Lines of ages, as far as there are such old images."""
        ticks: list[Tick] = []
        left_end = math.inf
        for days, label in _AGES:
            if days <= self.oldest:
                middle, half = self.x(days) * _NARROW / 100, len(label) * _LETTER / 2
                fits = middle + half <= left_end
                ticks.append(Tick(self.x(days), label, fits))
                left_end = middle - half - _LETTER if fits else left_end
        return ticks

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
