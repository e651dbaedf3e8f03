# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables on the terminal."""

from __future__ import annotations

import typing as t

from breakdown import Parts
from budgets import Verdict
from damage import Verified
from measuring import Result
from operations import Counted

Row = Result | Parts | Counted | Verified

RESULT = ("seconds", "from - to", "times", "MB/s", "peak MiB", "Glance", "Keystone", "runs")
COUNTED = ("changed", "seconds", "peak MiB", "Glance", "Keystone")


def facts(found: dict[str, str]) -> None:
    """Print what the figures depend on."""
    for name, value in found.items():
        print(f"{name:8} {value}")
    print(flush=True)


def verdicts(found: list[Verdict]) -> None:
    """Print what the collection aims at, and what came of it."""
    for one in found:
        print(f"{'met   ' if one.met else 'MISSED'} {one.what}: {one.aim}; found {one.found}")
    print()


def shown(rows: t.Iterable[Row]) -> t.Iterator[Row]:
    """Print rows as they come, under a line of headings where another table begins."""
    first: Row | None = None
    for row in rows:
        if first is None or _table(row) != _table(first):
            if first is not None:
                print()
            first = row
            print(_headings(row))
        print(_line(row, first), flush=True)
        yield row
    print()


def result_cells(row: Result, first: Result) -> tuple[str, ...]:
    """What is said under RESULT; the first of a case is what the others are compared to."""
    return (
        f"{row.median:.2f}",
        f"{min(row.seconds):.2f} - {max(row.seconds):.2f}" if len(row.seconds) > 1 else "",
        f"{row.median / first.median:.2f}",
        f"{row.size / row.median / 1e6:.0f}" if row.size else "",
        f"{row.memory:.0f}",
        str(row.glance),
        str(row.keystone),
        str(len(row.seconds)),
    )


def counted_cells(row: Counted) -> tuple[str, ...]:
    """What is said under COUNTED."""
    calls = (f"{len(methods)} ({' '.join(methods)})" for methods in (row.glance, row.keystone))
    return ("yes" if row.changed else "no", f"{row.seconds:.2f}", f"{row.memory:.0f}", *calls)


def _table(row: Row) -> tuple[t.Any, ...]:
    match row:
        case Result():
            return (row.scenario, row.case)
        case Parts():
            return (Parts, row.case)
    return (type(row),)


def _headings(row: Row) -> str:
    match row:
        case Result():
            return _columns(f"{row.scenario}: {row.case}", RESULT)
        case Parts():
            return f"where the time goes: {row.case}"
        case Verified():
            return "a byte changes on the way to Glance"
    return _columns("calls of our modules, alone", COUNTED)


def _line(row: Row, first: Row) -> str:
    match row:
        case Result():
            assert isinstance(first, Result)
            return _columns(f"  {row.contestant}", result_cells(row, first))
        case Parts():
            return "\n".join(f"  {name:44} {seconds:6.2f} s" for name, seconds in row.parts.items())
        case Verified():
            return f"  {row.contestant:40} {'noticed' if row.verified else 'NOT noticed'}"
    return _columns(f"  {row.what}", counted_cells(row))


def _columns(label: str, words: t.Sequence[str]) -> str:
    if len(words) == len(COUNTED):
        return f"{label:34}{words[0]:>8}{words[1]:>9}{words[2]:>10}  {words[3]:36}  {words[4]}"
    widths = (9, 17, 8, 7, 10, 8, 10, 6)
    return f"{label:42}" + "".join(f"{word:>{width}}" for word, width in zip(words, widths, strict=True))
