# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of the tests of faults: the real cloud behind proxies that misbehave, and a judge."""

from __future__ import annotations

import importlib.util
import os
import sys
import typing as t
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "functional"))
sys.path.insert(0, str(Path(__file__).parent))

import cloud_support
import support
import table
from catalog_support import Catalogue
from judge import Judge
from proxy import Proxy

#: How often each fault is gone through.
REPEAT = int(os.environ.get("CLOUDIMAGE_FAULT_REPEAT") or 1)
TABLE = pytest.StashKey[table.Table]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TABLE] = table.Table()
    config.addinivalue_line("markers", "thorough: a variant of another test, left out unless faults are repeated")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what ``make test`` has no time for; CLOUDIMAGE_FAULT_REPEAT has it all."""
    if REPEAT == 1:
        left_out = [item for item in items if item.get_closest_marker("thorough")]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Repeat the tests that fill the table."""
    if "repetition" in metafunc.fixturenames and REPEAT > 1:
        metafunc.parametrize("repetition", range(1, REPEAT + 1), ids="run {}".format)


def pytest_terminal_summary(terminalreporter: t.Any, config: pytest.Config) -> None:
    """Print the table, and write it to the file that the environment names."""
    faults = config.stash[TABLE]
    if not faults.rows:
        return
    terminalreporter.section("faults")
    terminalreporter.write_line(faults.text())
    if target := os.environ.get("CLOUDIMAGE_FAULT_TABLE"):
        Path(target).write_text(faults.json())


def _of_the_functional_tests() -> t.Any:
    """Their conftest under a name of its own: pytest may load it, too."""
    spec = importlib.util.spec_from_file_location(
        "functional_conftest", Path(cloud_support.__file__).with_name("conftest.py")
    )
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_functional = _of_the_functional_tests()
member, other, admin = _functional.member, _functional.other, _functional.admin
name, disk = _functional.name, _functional.disk


@pytest.fixture
def cloud(tmp_path: Path) -> t.Iterator[support.Cloud]:
    """The cloud behind a proxy for each of its services."""
    folder = tmp_path / "cloud"
    folder.mkdir()
    cloud = support.Cloud(folder)
    yield cloud
    cloud.close()


@pytest.fixture
def proxy(cloud: support.Cloud) -> Proxy:
    """The proxy in front of Glance."""
    return cloud.glance


@pytest.fixture
def keystone_proxy(cloud: support.Cloud) -> Proxy:
    """The proxy in front of Keystone."""
    return cloud.keystone


@pytest.fixture
def run_through(cloud: support.Cloud) -> t.Callable[..., dict[str, t.Any]]:
    """Run a module to its end: ``run_through("image", name=..., ...)`` returns its result."""
    return cloud.run


@pytest.fixture
def start_through(cloud: support.Cloud) -> t.Callable[..., t.Any]:
    """Start a module as a process of its own, to act meanwhile or to kill it; see ``files_support.finish_module``."""
    return cloud.start


@pytest.fixture
def judge(cloud: support.Cloud) -> t.Iterator[Judge]:
    """Says at the end whether all is well, see :meth:`judge.Judge.settled`; the cloud is empty before and after."""
    judge = Judge(cloud, cloud_support.project("local-admin"))
    judge.remove_all()
    yield judge
    judge.remove_all()


@pytest.fixture
def settled(judge: Judge) -> t.Callable[..., dict[str, t.Any]]:
    """``settled(project, name, data)``: exactly one image, with these bytes, and nothing else of ours anywhere."""
    return judge.settled


@pytest.fixture
def repetition() -> int:
    """Which of the repetitions this is, from 1."""
    return 1


@pytest.fixture
def row(
    request: pytest.FixtureRequest,
    repetition: int,
    cloud: support.Cloud,
    judge: Judge,
    member: cloud_support.Project,
    name: str,
    disk: t.Callable[..., Path],
) -> t.Iterator[support.Row]:
    """One fault gone through once: a run under it, the next run, and the verdict, which enters the table."""
    row = support.Row(cloud, judge, member, name, disk)
    yield row
    if row.first is not None:
        request.config.stash[TABLE].enter(table.label(request.node), row)


@pytest.fixture
def enter(request: pytest.FixtureRequest) -> t.Callable[[t.Any], None]:
    """Adds what came of one round to the table, for tests that have rounds of their own."""
    return lambda row: request.config.stash[TABLE].enter(table.label(request.node), row)


@pytest.fixture
def catalogue(
    request: pytest.FixtureRequest,
    repetition: int,
    cloud: support.Cloud,
    judge: Judge,
    member: cloud_support.Project,
    name: str,
    disk: t.Callable[..., Path],
) -> t.Iterator[Catalogue]:
    """As ``row``, for a catalogue of six images."""
    catalogue = Catalogue(cloud, judge, member, name, disk)
    yield catalogue
    if catalogue.first is not None:
        request.config.stash[TABLE].enter(f"catalogue: {table.label(request.node)}", catalogue)
