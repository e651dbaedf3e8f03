# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the results of one run into the documentation: the tables between the marks of the page, and the plot.

page.py RESULTS PAGE PLOT
"""

from __future__ import annotations

import itertools
import json
import re
import sys
import typing as t
from pathlib import Path

import budgets
import plot
import report
from breakdown import Parts
from damage import Verified
from measuring import Result
from operations import Counted

NEEDED = ("facts", "operations", "noop", "create", "upload", "verify", "several")


def main() -> None:
    """Write both files."""
    source, page, picture = map(Path, sys.argv[1:])
    if not source.exists():
        sys.exit(f'There is no {source.name} yet; "make bench" makes it.')
    found = json.loads(source.read_text())
    if missing := [name for name in NEEDED if name not in found]:
        sys.exit(f'The last "make bench" did not measure {", ".join(missing)}; the page wants all of one run.')
    text = page.read_text()
    for name, table in tables(found).items():
        text = replaced(text, name, table)
    page.write_text(text)
    picture.write_text(plot.svg(results(found), parts(found)))


def replaced(text: str, name: str, table: str) -> str:
    """The page with another text between two marks, which are comments of reStructuredText."""
    place = re.compile(rf"(\.\. figures of {name}\n).*?(\.\. end of figures\n)", re.S)
    new, times = place.subn(lambda found: f"{found[1]}\n{table}\n{found[2]}", text)
    if times != 1:
        sys.exit(f"The page has {times} places for the figures of {name}.")
    return new


def results(found: dict[str, t.Any]) -> list[Result]:
    """All that is measured in seconds."""
    rows = itertools.chain.from_iterable(found[name] for name in ("noop", "create", "upload", "several"))
    return [Result(**row) for row in rows if "contestant" in row]


def parts(found: dict[str, t.Any]) -> list[Parts]:
    """Where the time goes."""
    return [Parts(**row) for row in found["noop"] if "parts" in row]


def tables(found: dict[str, t.Any]) -> dict[str, str]:
    """The tables by the names of their places."""
    everything = results(found)
    verified = [Verified(**row) for row in found["verify"]]
    counted = [Counted(**row) for row in found["operations"]]
    return {
        "the machine": listed(("What", "Which"), list(found["facts"].items()), (15, 85)),
        "the aims": listed(
            ("What", "Aim", "Found", "Met"),
            [(one.what, one.aim, one.found, "yes" if one.met else "no") for one in budgets.verdicts(everything)],
            (30, 35, 25, 10),
        ),
        "no-op": measured(everything, "no-op"),
        "create": measured(everything, "create"),
        "upload": measured(everything, "upload"),
        "several": measured(everything, "several"),
        "verify": listed(
            ("With", "A damaged upload"),
            [(one.contestant, "is noticed" if one.verified else "is taken for a success") for one in verified],
            (50, 50),
        ),
        "the breakdown": taken_apart(parts(found)),
        "the operations": listed(
            ("Operation", *(word.capitalize() for word in report.COUNTED)),
            [(one.what, *report.counted_cells(one)) for one in counted],
            (26, 9, 9, 9, 30, 17),
        ),
    }


def measured(everything: list[Result], scenario: str) -> str:
    """A table for each case; columns that say nothing are left out."""
    mine = (one for one in everything if one.scenario == scenario)
    texts = []
    for case, group in itertools.groupby(mine, key=lambda one: one.case):
        rows = list(group)
        cells = [(one.contestant, *report.result_cells(one, rows[0])) for one in rows]
        headings = (case, *report.RESULT)
        used = [number for number in range(len(headings)) if any(row[number] for row in cells)]
        texts.append(listed([headings[i] for i in used], [[row[i] for i in used] for row in cells]))
    return "\n".join(texts)


def taken_apart(found: list[Parts]) -> str:
    """One column for each playbook."""
    names = found[0].parts
    rows = [(name, *(f"{max(0.0, one.parts[name]):.2f}" for one in found)) for name in names]
    return listed(("Seconds", *(one.case for one in found)), rows)


def listed(headings: t.Sequence[str], rows: t.Iterable[t.Sequence[str]], widths: t.Sequence[int] | None = None) -> str:
    """A table of reStructuredText."""
    lines = [".. list-table::", "   :header-rows: 1"]
    if widths:
        lines.append(f"   :widths: {' '.join(map(str, widths))}")
    lines.append("")
    for row in (headings, *rows):
        lines += [
            f"   {'-' if number else '* -'} {cell}".replace("   - ", "     - ").rstrip()
            for number, cell in enumerate(row)
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
