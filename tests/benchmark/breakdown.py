# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the time of a no-op goes into."""

from __future__ import annotations

import json
import statistics
import time
import typing as t
from pathlib import Path

import measuring
import settings
from catalogue import Image
from contestants import Contestant, ModuleAlone, Playbook, declared

PROBE = Path(__file__).with_name("probe.py")


class Parts(t.NamedTuple):
    """Seconds of a whole playbook, by what they go into; medians."""

    case: str
    parts: dict[str, float]


def breakdown(contestant: Contestant, images: list[Image], folder: Path) -> Parts:
    """Take one task of a playbook apart: Ansible around the module, and the module."""
    playbook = contestant.command
    assert isinstance(playbook, Playbook)
    module = ModuleAlone(playbook.venv, playbook.collections, playbook.module)
    options = _options(playbook, images)
    rounds = [_round(playbook, module, options, images, folder) for _round_number in range(settings.ROUNDS)]
    medians = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
    return Parts(f"{contestant.name}, {len(images)} declared", medians)


def _round(
    playbook: Playbook, module: ModuleAlone, options: dict[str, t.Any], images: list[Image], folder: Path
) -> dict[str, float]:
    whole = measuring.measured(playbook(images, folder), folder).seconds
    empty = measuring.measured(playbook.without_tasks(folder), folder).seconds
    inside = _probed(module, options, folder)
    around = whole - empty - sum(inside.values())
    return {
        "Ansible's start and end": empty,
        "Ansible, packing the module": around,
        **inside,
        "whole": whole,
    }


def _probed(module: ModuleAlone, options: dict[str, t.Any], folder: Path) -> dict[str, float]:
    figures = folder / "parts.json"
    command = module.with_options(folder, **options)
    python, _m, name, arguments = command.words
    asked = time.time()
    words = [python, str(PROBE), str(asked), str(figures), name, arguments]
    measuring.unmeasured(command._replace(words=words), folder)
    ended = time.time()
    found: dict[str, float] = json.loads(figures.read_text())
    over = ended - found.pop("ended")
    return {**found, "Python's end": over}


def _options(playbook: Playbook, images: list[Image]) -> dict[str, t.Any]:
    if playbook.whole:
        return {"images": [declared(image) for image in images], "workers": settings.WORKERS}
    return declared(images[0])
