# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of races about one family of versions share: runs at the same moment, and what has to be so afterwards."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import random
import signal
import time
import typing as t
from pathlib import Path

import cloud_support
import race_support
from judge import Judge
from support import SIZE, Cloud, Row

Json = dict[str, t.Any]
#: Entries of a catalogue that come before the version, so that it is looked for long before it is made.
_FILLERS = 4


@dataclasses.dataclass
class Family:
    """Versions of one family, and runs about them. As :class:`support.Row` it counts what came of a race."""

    cloud: Cloud
    judge: Judge
    project: cloud_support.Project
    name: str
    disk: t.Callable[..., Path]
    first: bool | None = None
    then: bool = False
    leftovers: int = -1
    #: There is an image under the name before the race.
    old: bool = True

    def entry(self, version: int, **options: t.Any) -> Json:
        """The declaration of a version; each has a file of its own."""
        file = self.disk(version, size=SIZE + 512 * version)
        return {"name": self.name, "version": str(version), "filename": str(file), **options}

    def order(self, module: str, entries: list[Json], version: int) -> Json:
        """The options of a task about one version: alone, or in a catalogue with the others."""
        if module == "image":
            return next(each for each in entries if each.get("version") == str(version))
        return {"images": entries}

    def run(self, module: str, options: Json) -> Json:
        """A run that must end well."""
        result = self.cloud.run(module, **options)
        assert not result.get("failed"), result["msg"]
        return result

    def make(self, *versions: int) -> None:
        """Make versions, one after the other."""
        for version in versions:
            self.run("image", self.entry(version))

    def race(self, module: str, orders: t.Sequence[Json], luck: random.Random, within: float) -> None:
        """Run tasks side by side, each begun within so many seconds; all end well, and the name is never without an image."""
        running: list[race_support.Running] = []
        watch = race_support.watched(t.cast(Row, self)) if self.old else contextlib.nullcontext()
        self.first = False
        try:
            with watch:
                for order in orders:
                    running.append(race_support.start(self.cloud, module, **order))
                    time.sleep(luck.uniform(0, within))
                results = [each.result() for each in running]
        finally:
            for each in running:
                each.kill(signal.SIGKILL)
                each.wait()
        assert not [result["msg"] for result in results if result.get("failed")]
        self.first = True

    def versions(self) -> dict[str, Json]:
        """The images by version, read by plain HTTP: exactly one of each, and exactly one in sight, which has the name."""
        found = [image for image in self.judge.found() if "cloudimage_family" in image]
        named = [image["cloudimage_version"] for image in found if image["name"] == self.name]
        shown = [image["cloudimage_version"] for image in found if not image["os_hidden"]]
        told = [(image["cloudimage_version"], image["name"], image["os_hidden"], image["status"]) for image in found]
        assert len(named) == 1 and shown == named, told
        versions = {image["cloudimage_version"]: image for image in found}
        assert len(versions) == len(found), told
        for version, image in versions.items():
            data = Path(self.entry(int(version))["filename"]).read_bytes()
            assert image["status"] == "active" and image["os_hash_value"] == hashlib.sha512(data).hexdigest(), told
            assert "cloudimage_exclude_from_latest" not in image or version not in named, told
        return versions

    def settle(self, module: str, orders: t.Iterable[Json]) -> None:
        """Each task alone ends well, and has nothing to do when it runs again."""
        for order in orders:
            self.run(module, order)
            self.versions()
            again = self.run(module, order)
            assert not again["changed"], again["actions"]
        self.then = True
        self.leftovers = 0

    def fillers(self, start: int) -> list[Json]:
        """Entries of a catalogue that are about other images."""
        return [
            {"name": f"{self.name}-{number}", "filename": self.entry(0)["filename"]}
            for number in range(start, start + _FILLERS)
        ]

    def remove_all(self) -> None:
        """Begin anew."""
        self.judge.remove_all()
