# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of faults that a session of tests fills."""

from __future__ import annotations

import json
import re
import typing as t

import pytest

if t.TYPE_CHECKING:
    from catalog_support import Catalogue
    from support import Row


def label(node: pytest.Item) -> str:
    """What a test is called in the table: its name, and its parameters without the number of the repetition."""
    name = re.sub(r"-?run \d+", "", node.name.removeprefix("test_"))
    function, _bracket, parameters = name.removesuffix("]").partition("[")
    return function.replace("_", " ") + (f": {parameters.strip('-')}" if parameters else "")


class Table:
    """The faults: how often each was gone through, how it ended at first and with the next run, what was left."""

    _COLUMNS = ("fault", "runs", "well at first", "well after the next run", "leftovers")

    def __init__(self) -> None:
        self.rows: dict[str, list[int]] = {}

    def enter(self, fault: str, row: Row | Catalogue) -> None:
        """Add one run through a fault. One that did not come to its verdict counts what lies about now."""
        left = row.leftovers if row.leftovers >= 0 else row.judge.leftovers()
        cells = self.rows.setdefault(fault, [0, 0, 0, 0])
        for column, value in enumerate((1, int(bool(row.first)), int(row.then), left)):
            cells[column] += value

    def json(self) -> str:
        """A list of objects, one for each fault."""
        rows = [dict(zip(self._COLUMNS, (fault, *cells), strict=True)) for fault, cells in self.rows.items()]
        return json.dumps(rows, indent=2) + "\n"

    def text(self) -> str:
        """A table in Markdown."""
        lines = [self._COLUMNS, ("---",) * len(self._COLUMNS), *((fault, *cells) for fault, cells in self.rows.items())]
        return "\n".join("| " + " | ".join(map(str, cells)) + " |" for cells in lines)
