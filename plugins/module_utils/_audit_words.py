# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Values of an audit as people read them: sizes, ages, and a table of lines. Pure."""

from __future__ import annotations

import json
import typing as t
import unicodedata

from ._harmless import harmless

Json = dict[str, t.Any]

#: Columns that a name may take in a table of lines.
_NAME_WIDTH = 40
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def value_text(value: t.Any) -> str:
    """One side of a difference."""
    if value is None:
        return "not set"
    if isinstance(value, str):
        return harmless(value) or '""'
    return harmless(json.dumps(value, ensure_ascii=False, sort_keys=True))


def size_text(size: int | None) -> str:
    """Bytes in the unit that leaves the fewest digits."""
    if size is None:
        return "-"
    amount, unit = float(size), 0
    while amount >= 1023.95 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{size} B" if not unit else f"{amount:.1f} {_UNITS[unit]}"


def project_text(project: str | None, name: str | None) -> str:
    """A project by its name and id, or by its id alone."""
    return harmless(f"{name} ({project})" if name else project or "-")


def age_text(days: float | None) -> str:
    """An age in its largest unit."""
    if days is None:
        return "-"
    minutes = int(days * 1440)
    for amount, unit in ((minutes // 525600, "y"), (minutes // 1440, "d"), (minutes // 60, "h")):
        if amount >= 1 and not (unit == "y" and minutes < 2 * 525600):
            return f"{amount} {unit}"
    return f"{minutes} min"


def table(report: Json) -> list[str]:
    """An audit as lines for a terminal: the images, the findings, the sums."""
    head = ("NAME", "VERSION", "STATUS", "SEEN BY", "FORMAT", "SIZE", "AGE", "DECLARED", "FINDINGS")
    rows = [_cells(row) for row in report["images"]]
    lines = _aligned([head, *rows], right=(5, 6)) if rows else ["There is no image."]
    findings = _lines_of_findings(report["findings"])
    if findings:
        lines += ["", *_aligned(findings), "", *_lines_of_advice(report["findings"])]
    return [*lines, "", sums(report["summary"])]


def _lines_of_findings(findings: t.Iterable[Json]) -> list[tuple[str, str, str]]:
    """A line for each finding; undeclared images are in the table already, and so are counted only."""
    undeclared = [each for each in findings if each["code"] == "undeclared"]
    lines = [each for each in findings if each["code"] != "undeclared"]
    if undeclared:
        text = f"{_many(len(undeclared), 'image')} of those above: in no entry of the catalogue."
        lines.append(undeclared[0] | {"text": text})
    return [(each["severity"], each["code"], harmless(each["text"])) for each in lines]


def _lines_of_advice(findings: t.Iterable[Json]) -> list[str]:
    """What to do, once for each kind of finding, or more often where it is not the same for all."""
    said = dict.fromkeys((each["code"], harmless(each["advice"])) for each in findings)
    return ["What to do:", *_aligned(list(said))]


def _cells(row: Json) -> tuple[str, ...]:
    seen = (row["visibility"] or "-") + (f" ({row['shared_with']})" if row["shared_with"] else "")
    declared = {True: "differs" if row["drift"] else "yes", False: "no", None: "-"}[row["declared"]]
    return (
        _cut(harmless(row["name"] or "-")),
        _cut(harmless(row["version"] or "-")),
        row["status"],
        f"{seen}, hidden" if row["hidden"] else seen,
        harmless(row["disk_format"] or "-"),
        size_text(row["size"]),
        age_text(row["age_days"]),
        declared,
        ", ".join(row["findings"]) or "-",
    )


def sums(summary: Json) -> str:
    """One line of counts."""
    parts = [f"{_many(summary['images'], 'image')}, {size_text(summary['bytes'])}"]
    if summary["duplicate_bytes"]:
        parts.append(f"{size_text(summary['duplicate_bytes'])} in duplicates")
    parts += [_many(number, severity) for severity, number in summary["by_severity"].items() if number]
    return ", ".join(parts if len(parts) > 1 and any(summary["by_severity"].values()) else [*parts, "nothing found"])


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("s" if number != 1 else "")


def _cut(text: str) -> str:
    if width(text) <= _NAME_WIDTH:
        return text
    while width(text) > _NAME_WIDTH - 1:
        text = text[:-1]
    return text + "\N{HORIZONTAL ELLIPSIS}"


def width(text: str) -> int:
    """Columns that a text takes on a terminal."""
    return sum(_columns(sign) for sign in text)


def _columns(sign: str) -> int:
    if unicodedata.combining(sign):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1


def _aligned(rows: t.Sequence[t.Sequence[str]], right: t.Container[int] = ()) -> list[str]:
    """Rows as lines with columns below each other; the last column may be of any length."""
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = []
        for number, (cell, wide) in enumerate(zip(row, widths, strict=True)):
            space = " " * (wide - width(cell))
            cells.append(space + cell if number in right else cell + space)
        lines.append("  ".join(cells).rstrip())
    return lines
