# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Further local clouds beside the one that the tests are given, with the software of that one."""

from __future__ import annotations

import configparser
import contextlib
import json
import random
import socket
import subprocess
import sys
import typing as t
from pathlib import Path

import cloud_support
import playbook_support

#: The tasks of the role are many and small.
_PIPELINING = {"ANSIBLE_PIPELINING": "1"}


class Cloud:
    """A cloud of our own in a folder beside that of the given one, where a run that was killed leaves it to the next one.

    :param word: what is added to the name of the folder.
    """

    def __init__(self, word: str) -> None:
        given = cloud_support.CLOUD_DIR.resolve()
        self.folder = given.with_name(f"{given.name}-{word}")
        self._ports = _free_ports(2)

    def bring(self, state: str) -> None:
        """Start, stop or remove it."""
        self.wait(self.begin(state))

    def begin(self, state: str) -> subprocess.Popen[str]:
        """As :meth:`bring`, without waiting for it."""
        variables = {
            "local_cloud_state": state,
            "local_cloud_dir": str(self.folder),
            "local_cloud_venv": str(_venv()),
            "local_cloud_python": sys.executable,
            "local_cloud_keystone_port": self._ports[0],
            "local_cloud_glance_port": self._ports[1],
        }
        arguments = ("cloudimage.glance.local_cloud", "--extra-vars", json.dumps(variables))
        return playbook_support.start(*arguments, environment=_PIPELINING)

    @staticmethod
    def wait(process: subprocess.Popen[str]) -> None:
        code, output = playbook_support.finish(process)
        assert code == 0, output


@contextlib.contextmanager
def running(*words: str) -> t.Iterator[list[Cloud]]:
    """Clouds that run meanwhile; whatever happens, they are removed afterwards."""
    clouds = [Cloud(word) for word in words]
    try:
        for state in ("absent", "started"):  # absent: what a killed run has left
            _all(clouds, state)
        yield clouds
    finally:
        _all(clouds, "absent")


def _all(clouds: list[Cloud], state: str) -> None:
    processes = [cloud.begin(state) for cloud in clouds if state != "absent" or cloud.folder.exists()]
    for process in processes:
        Cloud.wait(process)


def _venv() -> Path:
    """The environment with Keystone and Glance, as the configuration of the given cloud tells."""
    configuration = configparser.ConfigParser(interpolation=None, strict=False)
    configuration.read(cloud_support.CLOUD_DIR / "etc" / "glance" / "glance-api.conf")
    return Path(configuration["wsgi"]["python_interpreter"]).parents[1]


def _free_ports(number: int) -> list[int]:
    """Ports that nobody else is given before the cloud has started: not those from 32768 on, which the kernel gives away."""
    ports: list[int] = []
    with contextlib.ExitStack() as stack:
        while len(ports) < number:
            port = random.randrange(15000, 20000)
            with contextlib.suppress(OSError):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
                ports.append(port)
    return ports
