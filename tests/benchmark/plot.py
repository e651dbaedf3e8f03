# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The picture of the results, as SVG."""

from __future__ import annotations

import io
import re
from pathlib import Path

import matplotlib
from breakdown import Parts
from measuring import Result

matplotlib.use("svg")

from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.ticker import ScalarFormatter

#: Each contestant has one colour in all panels; those of one family are alike.
COLOURS = {
    "images": "#0b6e4f",
    "image": "#4fb286",
    "image, without Ansible": "#a3d9b8",
    "openstack.cloud.image": "#c8553d",
    "openstack.cloud.image, without Ansible": "#e8a798",
    "openstack": "#8a6fb0",
    "curl, one by one": "#6b7280",
    "curl, in parallel": "#9ca3af",
    "curl, only the data": "#6b7280",
}
PARTS = ("#374151", "#6b7280", "#9ca3af", "#0b6e4f", "#c8553d", "#e0a030", "#4fb286", "#8a6fb0", "#d1d5db")

STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "the same input is the same picture",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
}

#: The head of this file, as XML has it.
LICENCE = "\n".join(["<!--", *(line[2:] for line in Path(__file__).read_text().splitlines()[:3]), "-->\n"])


def svg(results: list[Result], parts: list[Parts]) -> str:
    """Six panels."""
    with pyplot.rc_context(STYLE):
        figure, ((declared, present), (created, sent), (several, where)) = pyplot.subplots(3, 2, figsize=(11, 12))
        by_declared = [one for one in results if one.scenario == "no-op" and one.declared == one.present]
        _lines(declared, by_declared, "declared", "Nothing to do, by declared images")
        by_present = [one for one in results if one.scenario == "no-op" and one.declared == 1]
        _lines(present, by_present, "present", "Nothing to do for one, by images there")
        _seconds(created, _of(results, "create"), "Create")
        _throughput(sent, _of(results, "upload"), "Upload of one file")
        _seconds(several, _of(results, "several"), "Create")
        _stacked(where, parts, "Where the time of a no-op goes")
        figure.tight_layout(h_pad=2.5, w_pad=2.5)
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
        pyplot.close(figure)
    return _tidied(drawn.getvalue())


def _of(results: list[Result], scenario: str) -> list[Result]:
    return [one for one in results if one.scenario == scenario]


def _lines(axes: Axes, results: list[Result], along: str, title: str) -> None:
    for contestant in dict.fromkeys(one.contestant for one in results):
        mine = [one for one in results if one.contestant == contestant]
        places = [getattr(one, along) for one in mine]
        axes.plot(places, [one.median for one in mine], "o-", color=COLOURS[contestant], label=contestant, markersize=4)
    axes.set(title=title, xscale="log", yscale="log", ylabel="seconds")
    axes.set_xticks(sorted({getattr(one, along) for one in results}))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(ScalarFormatter())
        axis.set_minor_formatter(lambda _value, _position: "")
    axes.grid(visible=True, which="major", color="#e5e7eb")
    axes.legend(frameon=False)


def _seconds(axes: Axes, results: list[Result], title: str) -> None:
    _bars(axes, results, [one.median for one in results], "{:.1f} s")
    axes.set(title=f"{title} {results[0].case}", xlabel="seconds")


def _throughput(axes: Axes, results: list[Result], title: str) -> None:
    _bars(axes, results, [one.size / one.median / 1e6 for one in results], "{:.0f} MB/s")
    axes.set(title=f"{title}, {results[0].case}", xlabel="MB/s")


def _bars(axes: Axes, results: list[Result], values: list[float], form: str) -> None:
    names = [one.contestant.replace(", ", ",\n") for one in results]
    drawn = axes.barh(names, values, color=[COLOURS[one.contestant] for one in results])
    axes.bar_label(drawn, labels=[form.format(value) for value in values], padding=3)
    axes.margins(x=0.18)
    axes.invert_yaxis()


def _stacked(axes: Axes, parts: list[Parts], title: str) -> None:
    cases = [one.case.replace(", ", ",\n") for one in parts]
    left = [0.0] * len(parts)
    for name, colour in zip((name for name in parts[0].parts if name != "whole"), PARTS, strict=True):
        values = [max(0.0, one.parts[name]) for one in parts]
        axes.barh(cases, values, left=left, color=colour, label=name)
        left = [before + value for before, value in zip(left, values, strict=True)]
    axes.set(title=title, xlabel="seconds")
    axes.invert_yaxis()
    axes.legend(frameon=False, fontsize=7, loc="upper center", bbox_to_anchor=(0.4, -0.17), ncols=3)


def _tidied(drawn: str) -> str:
    """With the licence where an XML file may have it, and no spaces at the ends of lines."""
    declaration, rest = drawn.split("\n", 1)
    return re.sub(r"[ \t]+$", "", f"{declaration}\n{LICENCE}{rest}", flags=re.M)
