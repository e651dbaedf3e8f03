# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real Chromium without a window, driven by the DevTools protocol over its pipe, which needs no further library."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import time
import typing as t
from pathlib import Path

from patience import PATIENCE

PROGRAMS = ("chromium", "chromium-headless-shell", "google-chrome")
#: Descriptors on which Chromium reads commands, and writes answers and events.
_COMMANDS, _ANSWERS = 3, 4


class Browser:
    """One page in one browser."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands = commands
        self._answers = answers
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        #: Events that came, as method and parameters.
        self.events: list[tuple[str, dict[str, t.Any]]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: t.Any) -> dict[str, t.Any]:
        """Give a command, and wait for its answer."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            command["sessionId"] = self._session
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        while (message := self._message()).get("id") != self._number:
            self._note(message)
        assert "error" not in message, f"{method}: {message['error']}"
        return message["result"]

    def open(self, page: Path) -> None:
        """Load a local page, and wait until it is there."""
        del self.events[:]
        self.call("Page.navigate", url=page.as_uri())
        while not self.seen("Page.loadEventFired"):
            self._note(self._message())

    def seen(self, method: str) -> list[dict[str, t.Any]]:
        """The parameters of the events of one kind since the page was opened."""
        return [parameters for name, parameters in self.events if name == method]

    def run(self, script: str) -> t.Any:
        """The value of a JavaScript expression; promises are waited for."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def resize(self, width: int, height: int = 900, dark: bool = False) -> None:
        """Another window, and another taste."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def screenshot(self, path: Path, whole: bool = True) -> None:
        """What the page looks like, for people who work on it."""
        answer = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))

    def _note(self, message: dict[str, t.Any]) -> None:
        if "method" in message:
            self.events.append((message["method"], message.get("params", {})))

    def _message(self) -> dict[str, t.Any]:
        deadline = time.monotonic() + PATIENCE
        while b"\0" not in self._buffer:
            ready = select.select([self._answers], [], [], max(0, deadline - time.monotonic()))[0]
            assert ready, f"Chromium has not answered for {PATIENCE} seconds"
            block = os.read(self._answers, 1 << 20)
            assert block, "Chromium has ended"
            self._buffer += block
        message, _end, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)


@contextlib.contextmanager
def browser(folder: Path) -> t.Iterator[Browser]:
    """A browser with a profile of its own; ended with all its processes."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    assert program, "There is no Chromium here. On Debian: apt-get install --no-install-recommends chromium"
    to_it, commands = os.pipe()
    answers, from_it = os.pipe()
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--hide-scrollbars",
    ]
    command = [program, *flags, "--remote-debugging-pipe", f"--user-data-dir={folder / 'profile'}", "about:blank"]
    # The shell puts the ends of the pipes where Chromium looks for them.
    places = f'exec "$@" {_COMMANDS}<&{to_it} {_ANSWERS}>&{from_it}'
    with (folder / "chromium.log").open("wb") as log:
        process = subprocess.Popen(
            ["bash", "-c", places, "bash", *command],
            pass_fds=(to_it, from_it),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    os.close(to_it)
    os.close(from_it)
    try:
        yield Browser(commands, answers)
    finally:
        os.close(commands)
        os.close(answers)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
