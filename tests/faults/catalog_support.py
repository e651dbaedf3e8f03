# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of module images share: a catalogue of a few images, gone through one fault."""

from __future__ import annotations

import contextlib
import hashlib
import re
import signal
import typing as t
from pathlib import Path

import cloud_support
import race_support
from judge import Judge, eventually
from support import SIZE, Cloud

Json = dict[str, t.Any]
MARK = "cloudimage_catalog"


class Catalogue:
    """Six images of three files, and one fault gone through once. As :class:`support.Row`, for module images.

    :ivar options: of the task; its entries are ``images``.
    """

    def __init__(
        self, cloud: Cloud, judge: Judge, project: cloud_support.Project, name: str, disk: t.Callable[..., Path]
    ) -> None:
        self.cloud, self.judge, self.project, self.name, self.disk = cloud, judge, project, name, disk
        self.proxy = cloud.glance
        self.files = [disk(seed, size=SIZE) for seed in (1, 2, 3)]
        self.images: list[Json] = [
            {"name": f"{name}-{number}", "filename": str(self.files[number % 3])} for number in range(6)
        ]
        self.options: Json = {
            "images": self.images,
            "defaults": {"retire": "delete"},
            "catalog": name,
            "prune": True,
            "workers": 3,
        }
        self.first: bool | None = None
        self.then = False
        self.leftovers = -1

    @property
    def expected(self) -> dict[str, bytes]:
        """Names, and the bytes that are to be under them."""
        return {each["name"]: Path(each["filename"]).read_bytes() for each in self.images if "filename" in each}

    def run(self, **options: t.Any) -> Json:
        """A run that must end well."""
        result = self.cloud.run("images", **(self.options | options))
        assert not result.get("failed"), result["msg"]
        return result

    def attempt(self, truth: str | None = None, *, well: bool | None = None, **options: t.Any) -> Json:
        """The run under the fault; see :meth:`judge_first`."""
        return self.judge_first(self.cloud.run("images", **(self.options | options)), truth, well=well)

    def judge_first(self, result: Json, truth: str | None = None, *, well: bool | None = None) -> Json:
        """Take the result of the run under the fault, and hold it against what the server shows.

        :param truth: regular expression for the message; None if the run has to end well.
        :param well: False if the run has to fail, None if with a ``truth`` either will do.
        """
        self.first = not result.get("failed")
        told = result.get("msg", "")
        assert self.first or (truth and re.search(truth, told)), told
        assert well is None or self.first is well, result
        assert "\n" not in told and len(told) < 4000, told
        for each in result.get("results", ()):
            assert each.get("reason") not in ("unexpected", "superseded"), each
            if each["failed"]:
                assert ("\n" not in each["msg"] and each["msg"].rstrip(".") in told) or "see results" in told, told
        if "results" in result:
            assert result["changed"] is any(each["changed"] for each in result["results"] + result["pruned"])
        return result

    def shown_as_told(self, result: Json) -> None:
        """What did not fail is there with its bytes, by plain HTTP; the diff has what changed, and nothing else."""
        assert [each["name"] for each in result["results"]] == [each["name"] for each in self.images]
        for each in result["results"]:
            if not each["failed"]:
                image = self.project.only(each["name"])
                assert image["status"] == "active" and image["id"] == each["image"]["id"]
                assert image["os_hash_value"] == hashlib.sha512(self.expected[each["name"]]).hexdigest()
        changed = {each["name"] for each in result["results"] if each["changed"] and not each["failed"]}
        assert {each["after_header"] for each in result["diff"]} >= changed

    def finish(self, *, changed: bool | None = None, expected: dict[str, bytes] | None = None) -> dict[str, Json]:
        """The next run, without any fault, and one more that must find nothing to do; then the verdict."""
        self.cloud.glance.rules()
        self.cloud.keystone.rules()
        result = self.run()
        assert changed is None or result["changed"] is changed, result["actions"]
        self.then = True
        expected = self.expected if expected is None else expected
        images = self.judge.all_settled(self.project, expected)
        self.leftovers = self.judge.leftovers(len(expected))
        if result["changed"]:
            assert not self.run()["changed"]
        return images

    def nothing_half_made(self) -> None:
        """Every image that is there is whole."""
        eventually(lambda: self._whole(self.judge.found()))

    @staticmethod
    def _whole(images: list[Json]) -> None:
        assert not [image for image in images if image["status"] != "active"]

    @contextlib.contextmanager
    def started(self, *orders: Json, **settings: t.Any) -> t.Iterator[list[race_support.Running]]:
        """Tasks that run side by side, each with the options of the row unless it says otherwise; none outlives the block."""
        running: list[race_support.Running] = []
        try:
            for order in orders or [{}]:
                running.append(race_support.start(self.cloud, "images", **settings, **(self.options | order)))
            yield running
        finally:
            for each in running:
                each.kill(signal.SIGKILL)
                each.wait()

    @contextlib.contextmanager
    def started_alone(self, image: Json) -> t.Iterator[race_support.Running]:
        """A task of module image beside."""
        running = race_support.start(self.cloud, "image", **image)
        try:
            yield running
        finally:
            running.kill(signal.SIGKILL)
            running.wait()
