# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several runs about one family at the same moment, by the module image and by images.

All cells with fifty rounds each, and the table of what came of them:
``CLOUDIMAGE_FAULT_REPEAT=50 tests/gate/pytest .work/venvs/newest .work/faults-cloud tests/faults/test_races_families.py``
"""

from __future__ import annotations

import random
import typing as t

import cloud_support
import pytest
import support
from family_support import Family
from judge import Judge
from race_support import REPEAT, cases

CELLS = pytest.mark.parametrize(
    ("module", "parties"),
    cases([("image", 3), ("images", 3)], [("image", 2), ("images", 2)]),
    ids=lambda value: f"{value} at once" if isinstance(value, int) else f"by {value}",
)
#: How often the next runs are looked at: each of them costs as much as a race.
_SETTLED_EACH = 10


@pytest.fixture
def family(cloud: support.Cloud, judge: Judge, member: cloud_support.Project, name: str, disk: t.Any) -> Family:
    """A family without versions."""
    return Family(cloud, judge, member, name, disk)


def rounds(
    request: pytest.FixtureRequest, enter: t.Callable[[Family], None], family: Family
) -> t.Iterator[tuple[int, random.Random]]:
    """Each round with its luck; each is entered in the table, the one that fails too."""
    for number in range(REPEAT):
        family.first, family.then, family.leftovers = None, False, -1
        try:
            yield number, random.Random(f"{request.node.name} {number}")
        finally:
            if family.first is not None:
                enter(family)


def is_settled(number: int) -> bool:
    """Whether the next runs are part of a round."""
    return number == REPEAT - 1 or number % _SETTLED_EACH == 0


@CELLS
def test_promotions(request, enter, family, module, parties):
    """Each promotes a version of its own."""
    entries = [family.entry(version) for version in (1, 2, 3)]
    family.make(1, 2, 3)
    promoted = [3, 2, 1][:parties]
    for number, luck in rounds(request, enter, family):
        back = [each | {"promote": True} if each["version"] == "1" else each for each in entries]
        family.run(module, family.order(module, back, 1))
        orders = []
        for version in luck.sample(promoted, parties):
            own = [each | {"promote": True} if each["version"] == str(version) else each for each in entries]
            orders.append(family.order(module, own, version))
        family.race(module, orders, luck, 0.25)
        family.versions()
        if is_settled(number):
            family.settle(module, orders if REPEAT > 1 else orders[-1:])
        family.then, family.leftovers = True, 0


@CELLS
def test_one_version(request, enter, family, module, parties):
    """All make the same version, one of them long after it has looked; in every other round there is an older one."""
    for number, luck in rounds(request, enter, family):
        family.remove_all()
        family.old = number % 2 == 1
        if family.old:
            family.make(1)
        entry = family.entry(3)
        orders: list[t.Any] = [entry] * parties
        if module == "images":
            slow = [{"images": [*family.fillers(10 * each), entry], "workers": 1} for each in range(parties - 1)]
            orders = [*slow, {"images": [entry]}]
        family.race(module, orders, luck, 0.5)
        versions = family.versions()
        assert sorted(versions) == (["1", "3"] if family.old else ["3"]) and versions["3"]["name"] == family.name
        for order in orders if is_settled(number) else ():
            again = family.run(module, order)
            assert not again["changed"], again["actions"]
        family.then, family.leftovers = True, 0
