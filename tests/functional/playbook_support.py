# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of ansible-playbook, as users start it: the one way in which all tests do."""

from __future__ import annotations

import os
import subprocess
import sys
import typing as t
from pathlib import Path

import yaml
from patience import PATIENCE

_PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
_QUIET = {
    "ANSIBLE_LOCALHOST_WARNING": "false",
    "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
    "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_FORCE_COLOR": "0",
}


def own(folder: Path) -> dict[str, str]:
    """The environment of somebody whose home, and whose cache, is a folder of the test."""
    return {"HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache")}


def start(
    *arguments: str | Path,
    environment: t.Mapping[str, str] | None = None,
    without: tuple[str, ...] = (),
    program: str | Path = _PLAYBOOK,
    **popen: t.Any,
) -> subprocess.Popen[str]:
    """Start ansible-playbook.

    :param environment: variables beside those of the tests.
    :param without: beginnings of the names of variables that it does not get.
    :param program: the ansible-playbook of another environment.
    """
    variables = {key: value for key, value in os.environ.items() if not (without and key.startswith(without))}
    return subprocess.Popen(
        [str(program), *map(str, arguments)],
        env={**variables, **_QUIET, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        **{"stderr": subprocess.STDOUT, **popen},
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    """The exit code, and all that was printed."""
    output, _errors = process.communicate(timeout=PATIENCE)
    return process.returncode, output


def run(*arguments: str | Path, **options: t.Any) -> tuple[int, str]:
    """Run ansible-playbook to its end; see :func:`start` and :func:`finish`."""
    return finish(start(*arguments, **options))


def written(path: Path, tasks: t.Sequence[dict[str, t.Any]], **play: t.Any) -> Path:
    """A playbook of one play on localhost."""
    path.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, **play, "tasks": [*tasks]}]))
    return path
