# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is measured: each function is a scenario, and yields results."""

from __future__ import annotations

import typing as t
import uuid
from pathlib import Path

import breakdown
import catalogue
import cloud
import contestants as who
import floor
import measuring
import settings
from catalogue import Image
from contestants import Contestant

Results = t.Iterator[measuring.Result | breakdown.Parts]
Runs = dict[Contestant, list[measuring.Run]]


def warm_up(folder: Path) -> None:
    """Let Python compile what it imports, and the services open what they need."""
    images = catalogue.make(folder, "first", 1, 64 * 1024)
    with cloud.emptied():
        for contestant in (who.IMAGES, who.IMAGE, who.IMAGE_ALONE, who.INCUMBENT, who.INCUMBENT_ALONE, who.CLI):
            measuring.unmeasured(contestant.command(images, folder), folder)


def noop(folder: Path) -> Results:
    """Everything is there already; the cloud grows from case to case.

    The images are made by plain HTTP. Further images in the cloud are the rest of the catalogue, and records without data.
    """
    images = catalogue.make(folder, "declared", max(settings.COUNTS), 64 * 1024)
    cases = [(count, count) for count in settings.COUNTS] + [(crowd, 1) for crowd in settings.CROWDS]
    there = filled = 0
    for present, count in sorted(cases):
        cloud.create(images[there : min(present, len(images))])
        there = max(there, min(present, len(images)))
        cloud.crowd(present - there - filled)
        filled = present - there
        yield from _unchanged(images[:count], present, folder)


def _unchanged(images: list[Image], present: int, folder: Path) -> Results:
    """What it takes to find out that nothing is to be done."""
    count = len(images)
    runs: Runs = {}
    if count > 1:
        # The first look at a file takes its digest, and remembers it
        measuring.unmeasured(who.IMAGES.command(images, folder), folder)
    for contestant in _in_turn(_who_looks_at(count), count):
        run = measuring.measured(contestant.command(images, folder), folder)
        if run.writes:
            raise measuring.Failure(
                f"{contestant.name} wrote {run.writes} times where nothing was to be done:\n{run.output}"
            )
        runs.setdefault(contestant, []).append(run)
    case = f"{count} declared, {present} in the cloud"
    yield from _results("no-op", case, runs, declared=count, present=present)
    if count == present and count in (1, max(settings.COUNTS)):
        yield breakdown.breakdown(who.IMAGES, images, folder)
    if count == present == 1:
        yield breakdown.breakdown(who.INCUMBENT, images, folder)


def _who_looks_at(count: int) -> list[Contestant]:
    limits = {who.IMAGES: count, who.IMAGE: settings.MOST_FOR_CLI, who.INCUMBENT: settings.MOST_FOR_INCUMBENT}
    return [contestant for contestant, most in {**limits, who.CLI: settings.MOST_FOR_CLI}.items() if count <= most]


def create(folder: Path) -> Results:
    """Small images, none of which is there."""
    images = catalogue.make(folder, "small", settings.CREATED, settings.MIB)
    takers = [who.IMAGES, who.INCUMBENT, who.CLI, floor.ONE_BY_ONE, floor.IN_PARALLEL]
    yield from _results(
        "create", f"{len(images)} images of 1 MiB", _created(images, takers, folder), declared=len(images)
    )


def upload(folder: Path) -> Results:
    """One large file."""
    images = catalogue.make(folder, "large", 1, settings.LARGE)
    takers = [who.IMAGE, who.IMAGE_ALONE, who.INCUMBENT, who.INCUMBENT_ALONE, who.CLI, floor.UPLOAD_ALONE]
    runs = _created(images, takers, folder)
    yield from _results("upload", f"{settings.LARGE // settings.MIB} MiB", runs, size=settings.LARGE, declared=1)
    images[0].file.unlink()


def several(folder: Path) -> Results:
    """Several files of medium size."""
    images = catalogue.make(folder, "medium", settings.MEDIUM_COUNT, settings.MEDIUM)
    takers = [who.IMAGES, who.INCUMBENT, who.CLI, floor.ONE_BY_ONE, floor.IN_PARALLEL]
    runs = _created(images, takers, folder)
    size = settings.MEDIUM * len(images)
    case = f"{len(images)} images of {settings.MEDIUM // 10**6} MB"
    yield from _results("several", case, runs, size=size, declared=len(images))
    for image in images:
        image.file.unlink()


def _created(images: list[Image], takers: list[Contestant], folder: Path) -> Runs:
    """Let each bring all images in, look at what came of it, and remove it again.

    Under new names each time, for who has just deleted an image of a name would not often make it again.
    """
    runs: Runs = {}
    for contestant in _in_turn(takers, len(images)):
        fresh = [image._replace(name=f"{image.name}-{uuid.uuid4().hex[:6]}") for image in images]
        digests = {image.name: catalogue.digest(image.file) for image in fresh}
        with cloud.emptied():
            run = measuring.measured(contestant.command(fresh, folder), folder)
            made = {image["name"]: image["os_hash_value"] for image in cloud.ours() if image["status"] == "active"}
        if made != digests:
            raise measuring.Failure(f"{contestant.name} did not bring in what was declared:\n{run.output}")
        runs.setdefault(contestant, []).append(run)
    return runs


def _in_turn(takers: list[Contestant], count: int) -> t.Iterator[Contestant]:
    """Rounds, so that a machine that grows slower slows all. A loop over many images is many runs in itself: one round."""
    for number in range(settings.ROUNDS):
        yield from (taker for taker in takers if number == 0 or count == 1 or not taker.loops)


def _results(scenario: str, case: str, runs: Runs, **more: int) -> Results:
    for contestant, several_runs in runs.items():
        yield measuring.result(scenario, case, contestant.name, several_runs, **more)
