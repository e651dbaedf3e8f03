# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of faults share: modules that reach the cloud through proxies, and one fault gone through once."""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import re
import signal
import subprocess
import threading
import time
import typing as t
import urllib.parse
from pathlib import Path

import cloud_support
import files_support
import yaml
from judge import Judge, staged_files, stored_files
from patience import PATIENCE, wait_until
from proxy import Hold, Proxy

#: Bytes of the images.
SIZE = 256 * 1024
#: Options that make an image go.
ABSENT: dict[str, t.Any] = {"state": "absent", "filename": None, "uri": None, "retire": None, "import_method": None}


class Cloud:
    """The local cloud behind a proxy for each service, and modules that know only the proxies.

    :param folder: gets the configuration, and all that the modules write.
    """

    def __init__(self, folder: Path) -> None:
        clouds = yaml.safe_load(cloud_support.CLOUDS_YAML.read_text())
        #: Keystone itself, not its proxy.
        self.auth_url = auth_url = clouds["clouds"]["local"]["auth"]["auth_url"]
        self.glance = Proxy(_address(cloud_support.project("local").url))
        self.keystone = Proxy(_address(auth_url))
        for cloud in clouds["clouds"].values():
            cloud["auth"]["auth_url"] = self.keystone.url + urllib.parse.urlsplit(auth_url).path
            cloud["image_endpoint_override"] = self.glance.url
        self.folder = folder
        self.temporary = folder / "tmpdir"
        self.temporary.mkdir()
        self._config = folder / "clouds.yaml"
        self._config.write_text(yaml.safe_dump(clouds))

    @property
    def environment(self) -> dict[str, str]:
        """What a module has to be told by its environment."""
        return {"OS_CLIENT_CONFIG_FILE": str(self._config), "TMPDIR": str(self.temporary)}

    def run(self, module: str, **options: t.Any) -> dict[str, t.Any]:
        """Run a module to its end, as the ordinary user unless the options say otherwise."""
        arguments = files_support._arguments(self.folder, {"cloud": "local", **options}, False)
        environment = {**files_support._cache(self.folder), **self.environment}
        nursery = files_support._nursery()
        with _watching(nursery._process.pid):
            result = nursery.run(module, arguments, environment, None)
        assert "Traceback" not in result.get("msg", "")
        return result

    def start(self, module: str, **options: t.Any) -> subprocess.Popen[str]:
        """Start a module, for :func:`files_support.finish_module`; for tests that act while it runs, or kill it."""
        return files_support.start_module(module, self.folder, {"cloud": "local", **options}, env=self.environment)

    def close(self) -> None:
        """Stop the proxies."""
        self.glance.close()
        self.keystone.close()

    def temporary_files(self) -> list[Path]:
        """What modules have left in the folders for temporary files, and half-written entries of their cache."""
        places = (self.temporary, self.folder / "tmp")
        left = [path for place in places if place.exists() for path in place.rglob("*")]
        # Beside ours lies the cache of stevedore, which it does without where Python itself lies below /tmp.
        ours = self.folder / "cache" / "cloudimage.glance"
        return left + [path for path in ours.rglob("*") if path.is_file() and path.suffix != ".json"]


@contextlib.contextmanager
def _watching(nursery: int) -> t.Iterator[None]:
    """Kill a module that does not end, which is then one without a result."""

    def kill() -> None:
        for child in Path(f"/proc/{nursery}/task/{nursery}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)

    watchdog = threading.Timer(PATIENCE, kill)
    watchdog.start()
    try:
        yield
    finally:
        watchdog.cancel()


def _address(url: str) -> tuple[str, int]:
    parts = urllib.parse.urlsplit(url)
    assert parts.hostname and parts.port
    return parts.hostname, parts.port


class Row:
    """One fault, gone through once.

    :ivar file: the declared content; ``data`` its bytes.
    :ivar first: whether the run under the fault ended well; ``then`` whether the next one did, ``leftovers`` what it left.
    """

    def __init__(
        self, cloud: Cloud, judge: Judge, project: cloud_support.Project, name: str, disk: t.Callable[..., Path]
    ) -> None:
        self.cloud = cloud
        self.proxy = cloud.glance
        self.judge = judge
        self.project = project
        self.name = name
        self.file = disk(1, size=SIZE)
        self.data = self.file.read_bytes()
        self.options: dict[str, t.Any] = {"name": name, "filename": self.file, "retire": "delete"}
        self.old: dict[str, t.Any] | None = None
        self.first: bool | None = None
        self.then = False
        self.leftovers = -1
        self._disk = disk

    def replaces(self) -> None:
        """Have an older image under the name, which the declared content takes the place of."""
        old = self._disk(2, size=SIZE)
        self.run(filename=old, uri=None, import_method=None)
        self.old = self.judge.settled(self.project, self.name, old.read_bytes())

    def run(self, **options: t.Any) -> dict[str, t.Any]:
        """A run that must end well."""
        result = self.cloud.run("image", **_said(self.options | options))
        assert not result.get("failed"), result["msg"]
        return result

    def attempt(self, truth: str | None = None, *, well: bool | None = None, **options: t.Any) -> dict[str, t.Any]:
        """The run under the fault. Where an older image is replaced, it is watched that the name never goes without.

        :param truth: regular expression for the reason; None if the run has to end well.
        :param well: False if the run has to fail, None if with a ``truth`` either will do.
        """
        with self._watched():
            result = self.cloud.run("image", **_said(self.options | options))
        self.judge_first(result, truth, well=well)
        return result

    def judge_first(self, result: dict[str, t.Any], truth: str | None = None, *, well: bool | None = None) -> None:
        """Take the result of the run under the fault."""
        self.first = not result.get("failed")
        told = result.get("msg", "")
        assert self.first or (truth and re.search(truth, told)), told
        assert self.first is not False or result["reason"] not in ("unexpected", "superseded"), result
        assert "\n" not in told
        assert well is None or self.first is well, result

    def finish(
        self, *, changed: bool | None = None, copies: int = 1, leaked: int = 0, **options: t.Any
    ) -> dict[str, t.Any]:
        """The next run, without any fault, and one more that must find nothing to do; then the verdict."""
        self.cloud.glance.rules()
        self.cloud.keystone.rules()
        result = self.run(**options)
        assert changed is None or result["changed"] is changed, result["actions"]
        self.then = True
        image = self.judge.settled(self.project, self.name, self.data, stores=copies, leaked=leaked)
        self.leftovers = self.judge.leftovers() - leaked
        if result["changed"]:
            assert not self.run(**options)["changed"]
        return image

    def vanish(self, *, leaked: int = 0, **options: t.Any) -> None:
        """As :meth:`finish`, of an image that is to be absent."""
        self.cloud.glance.rules()
        self.run(**ABSENT, **options)
        self.then = True
        self.judge.gone(leaked=leaked)
        self.leftovers = self.judge.leftovers() - leaked
        assert not self.run(**ABSENT, **options)["changed"]

    @contextlib.contextmanager
    def held(
        self,
        method: str,
        path: str,
        hold: Hold,
        truth: str | None = None,
        *,
        well: bool | None = None,
        **options: t.Any,
    ) -> t.Iterator[None]:
        """The run under the fault, as :meth:`attempt`; what the test does meanwhile happens while a request is held."""
        self.proxy.rule(method, path, hold)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            run = pool.submit(self.attempt, truth, well=well, **options)
            try:
                hold.reached()
                yield
            finally:
                hold.release()
            run.result()

    def images(self) -> list[dict[str, t.Any]]:
        """All images under the name."""
        return self.project.named(self.name)

    def receiving(self) -> dict[str, t.Any]:
        """The new image, once Glance has begun to write its data.

        Whoever deletes it before that has Glance write a file into the staging area, and leave it there for ever (Glance 33).
        """
        (image,) = [image for image in self.images() if not self.old or image["id"] != self.old["id"]]
        wait_until(lambda: image["id"] in {path.name for path in stored_files() | staged_files()})
        return image

    @contextlib.contextmanager
    def _watched(self) -> t.Iterator[None]:
        """Look all the time whether the name has an active image; nothing to look at without a predecessor."""
        if not self.old:
            yield
            return
        watcher, over, gaps = cloud_support.Project("local"), threading.Event(), []

        def watch() -> None:
            query = f"name={self.name}&owner={watcher.id}&status=active&os_hidden=false"
            while not over.wait(0.02):
                images = watcher.http("GET", f"/v2/images?{query}").json()["images"]
                if not images:
                    gaps.append(time.monotonic())

        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            watching = pool.submit(watch)
            try:
                yield
            finally:
                over.set()
            watching.result()
        assert not gaps, "for a time there was no active image under the name"


def _said(options: dict[str, t.Any]) -> dict[str, t.Any]:
    return {name: value for name, value in options.items() if value is not None}
