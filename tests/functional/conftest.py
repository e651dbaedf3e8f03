# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of the tests that run modules as real processes, against a real Keystone and Glance."""

from __future__ import annotations

import os
import sys
import typing as t
import uuid
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import cloud_support
import files_support

os.environ["OS_CLIENT_CONFIG_FILE"] = str(cloud_support.CLOUDS_YAML)


class Run(t.Protocol):
    def __call__(self, module: str, check: bool = False, **options: t.Any) -> dict[str, t.Any]: ...


@pytest.fixture
def member() -> t.Iterator[cloud_support.Project]:
    """The project of an ordinary user; its images are removed afterwards."""
    project = cloud_support.project("local")
    yield project
    project.remove_all()


@pytest.fixture
def other() -> t.Iterator[cloud_support.Project]:
    """The project of another ordinary user."""
    project = cloud_support.project("local-other")
    yield project
    project.remove_all()


@pytest.fixture
def admin() -> t.Iterator[cloud_support.Project]:
    """The project of the administrator."""
    project = cloud_support.project("local-admin")
    yield project
    project.remove_all()


@pytest.fixture
def name() -> str:
    """A name that no other image bears."""
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a module against the cloud, as the ordinary user unless the options say otherwise."""
    folder = tmp_path / "run"
    folder.mkdir()

    def run_it(module: str, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        return files_support.run_module(module, folder, {"cloud": "local", **options}, check=check)

    return run_it


@pytest.fixture
def succeed(run: Run) -> Run:
    """Run a module that must not fail."""

    def run_it(module: str, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        result = run(module, check, **options)
        assert not result.get("failed"), result["msg"]
        return result

    return run_it


@pytest.fixture
def fail(run: Run) -> t.Callable[..., str]:
    """Run a module that must fail, and return its one sentence."""

    def run_it(module: str, check: bool = False, **options: t.Any) -> str:
        result = run(module, check, **options)
        assert result.get("failed"), result
        assert result["reason"] != "unexpected", result
        assert "\n" not in result["msg"]
        return result["msg"]

    return run_it


@pytest.fixture
def disk(tmp_path: Path) -> t.Callable[..., Path]:
    """Make a file with a small disk in it, in a format; another seed gives other content of the same size."""

    def make(seed: int = 1, disk_format: str = "raw", size: int = files_support.MIB) -> Path:
        raw = tmp_path / f"disk-{seed}.raw"
        raw.write_bytes(files_support.disk_bytes(size, seed))
        if disk_format == "raw":
            return raw
        return files_support.convert(raw, tmp_path / f"disk-{seed}.{disk_format}", disk_format)

    return make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with another one in it, ``out``, for a file that is made."""
    (tmp_path / "out").mkdir()
    return tmp_path


@pytest.fixture
def server() -> t.Iterator[files_support.Server]:
    """A server of files, with faults where they are asked for."""
    with files_support.serving() as serving:
        yield serving
