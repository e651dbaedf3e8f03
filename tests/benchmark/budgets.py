# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the collection aims at, held against results. Nothing fails for it: a figure is a figure."""

from __future__ import annotations

import typing as t

from measuring import Result


class Verdict(t.NamedTuple):
    """One aim."""

    what: str
    aim: str
    found: str
    met: bool


def verdicts(results: list[Result]) -> list[Verdict]:
    """All aims that the results say something about."""
    return [
        verdict for check in (_one, _hundred, _thousand, _transfer, _memory, _several) for verdict in check(results)
    ]


def _pick(results: list[Result], scenario: str, contestant: str, **fields: int) -> Result | None:
    mine = (one for one in results if (one.scenario, one.contestant) == (scenario, contestant))
    return next((one for one in mine if all(getattr(one, key) == value for key, value in fields.items())), None)


def _one(results: list[Result]) -> t.Iterator[Verdict]:
    mine = [one for one in results if (one.scenario, one.contestant, one.declared) == ("no-op", "image", 1)]
    if mine:
        most = max(one.glance for one in mine)
        crowd = max(one.present for one in mine)
        yield Verdict(
            f"no-op of one image, up to {crowd} in the cloud", "at most 4 calls of Glance", str(most), most <= 4
        )
    for one in mine:
        other = _pick(results, "no-op", "openstack.cloud.image", declared=1, present=one.present)
        if other:
            found = f"{one.median:.2f} s and {other.median:.2f} s"
            what = f"no-op of one image, {one.present} in the cloud"
            yield Verdict(what, "faster than openstack.cloud.image", found, one.median < other.median)


def _hundred(results: list[Result]) -> t.Iterator[Verdict]:
    mine = _pick(results, "no-op", "images", declared=100)
    other = _pick(results, "no-op", "openstack.cloud.image", declared=100)
    if mine and other:
        times = other.median / mine.median
        yield Verdict(
            "no-op of 100 images", "50 times faster than openstack.cloud.image", f"{times:.0f} times", times >= 50
        )


def _thousand(results: list[Result]) -> t.Iterator[Verdict]:
    mine = _pick(results, "no-op", "images", declared=1000)
    if mine:
        yield Verdict("no-op of 1000 images", "under 5 s", f"{mine.median:.2f} s", mine.median < 5)


def _transfer(results: list[Result]) -> t.Iterator[Verdict]:
    mine, other = (_pick(results, "upload", name) for name in ("image, without Ansible", "curl, only the data"))
    if mine and other:
        more = mine.median / other.median - 1
        yield Verdict(f"upload of {mine.case}, verified", "within 5 % of curl", f"{more:+.0%}", more <= 0.05)


def _memory(results: list[Result]) -> t.Iterator[Verdict]:
    mine = _pick(results, "upload", "image, without Ansible")
    if mine:
        megabytes = mine.memory * 2**20 / 1e6
        yield Verdict(f"upload of {mine.case}", "peak memory under 100 MB", f"{megabytes:.0f} MB", megabytes < 100)


def _several(results: list[Result]) -> t.Iterator[Verdict]:
    mine, other = (_pick(results, "several", name) for name in ("images", "curl, in parallel"))
    idle = _pick(results, "no-op", "images", declared=1)
    if mine and other and idle:
        more = (mine.median - idle.median) / other.median - 1
        yield Verdict(f"{mine.case}, beside a no-op", "within 10 % of curl in parallel", f"{more:+.0%}", more <= 0.1)
