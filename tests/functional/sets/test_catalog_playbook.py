# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook catalog on three real clouds at once, with one host of the inventory for each."""

from __future__ import annotations

import dataclasses
import json
import re
import sys
import typing as t
from pathlib import Path

import cloud_support
import files_support
import more_clouds
import playbook_support
import pytest
import yaml
from cloud_support import Json, Project

# The clouds have to start, and each run is a whole ansible-playbook.

CITIES = ("berlin", "hamburg", "munich")
_ROW = re.compile(r'"(\w+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+\.\d)(  FAILED)?"')
_RECAP = re.compile(r"^(\w+) +: ok=\d+ +changed=(\d+) +unreachable=(\d+) +failed=(\d+)", re.MULTILINE)


class Row(t.NamedTuple):
    """What the summary says about a cloud."""

    images: int
    changed: int
    failed: int
    pruned: int


@dataclasses.dataclass
class Outcome:
    """What a run of the playbook told."""

    code: int
    output: str

    @property
    def rows(self) -> dict[str, Row]:
        return {match[1]: Row(*map(int, match.groups()[1:5])) for match in _ROW.finditer(self.output)}

    @property
    def failed(self) -> list[str]:
        return [match[1] for match in _ROW.finditer(self.output) if match[7]]

    @property
    def changed(self) -> dict[str, int]:
        """The number of changed tasks, out of Ansible's own recap."""
        return {match[1]: int(match[2]) for match in _RECAP.finditer(self.output)}


class Clouds:
    """Three clouds, and the playbook that speaks to all of them."""

    def __init__(self, folder: Path, more: list[more_clouds.Cloud]) -> None:
        self.folder = folder
        self._third = more[1]
        #: What can be asked at the moment.
        self.up: tuple[str, ...] = CITIES
        self.folders = dict(zip(CITIES, [cloud_support.CLOUD_DIR, *(cloud.folder for cloud in more)], strict=True))
        files = {city: folder / "clouds.yaml" for city, folder in self.folders.items()}
        self.projects = {city: Project("local", file) for city, file in files.items()}
        named = {city: yaml.safe_load(file.read_text())["clouds"]["local"] for city, file in files.items()}
        (folder / "clouds.yaml").write_text(yaml.safe_dump({"clouds": named}))
        local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        inventory = {"vars": {**local, "publish_cloud": "{{ inventory_hostname }}"}, "hosts": dict.fromkeys(CITIES)}
        (folder / "inventory.yml").write_text(yaml.safe_dump({"all": inventory}))

    def run(self, variables: Json, *arguments: str) -> Outcome:
        code, output = playbook_support.run(
            *("-i", self.folder / "inventory.yml", "cloudimage.glance.catalog"),
            *("--extra-vars", json.dumps({"publish_workdir": str(self.folder), **variables}), *arguments),
            environment={
                "ANSIBLE_PIPELINING": "1",
                "OS_CLIENT_CONFIG_FILE": str(self.folder / "clouds.yaml"),
                "XDG_CACHE_HOME": str(self.folder / "cache"),
            },
        )
        return Outcome(code, output)

    def writes(self) -> int:
        """Requests so far that write, on all clouds."""
        logs = [(folder / "log" / "glance-access.log").read_text() for folder in self.folders.values()]
        return sum(len(re.findall(r"\] (?:POST|PUT|PATCH|DELETE) ", log)) for log in logs)

    def stop_third(self) -> None:
        self._third.bring("stopped")
        self.up = CITIES[:2]

    def start_third(self) -> None:
        if self.up != CITIES:
            self._third.bring("started")
            self.up = CITIES

    def there(self, *names: str) -> dict[str, list[str]]:
        """Which of the images each cloud has, active and in sight."""
        return {city: [name for name in names if _is_there(self.projects[city], name)] for city in self.up}


def _is_there(project: Project, name: str) -> bool:
    return any(image["status"] == "active" and not image["os_hidden"] for image in project.named(name))


@pytest.fixture(scope="module")
def all_clouds(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Clouds]:
    with more_clouds.running("second", "third") as more:
        yield Clouds(tmp_path_factory.mktemp("clouds"), more)


@pytest.fixture
def clouds(all_clouds: Clouds) -> t.Iterator[Clouds]:
    """All of them up, and without images."""
    all_clouds.start_third()
    yield all_clouds
    for city in all_clouds.up:
        all_clouds.projects[city].remove_all()


@pytest.fixture
def plain(name: str, disk: t.Callable[..., Path]) -> Json:
    """A catalogue with one image, which goes in as it is; making files takes longer, and is tested once."""
    return {"publish_catalog": name, "publish_images": [{"name": f"{name}-plain", "filename": str(disk(2))}]}


@pytest.fixture
def catalogue(plain: Json, tmp_path: Path, name: str, disk: t.Callable[..., Path]) -> Json:
    """In a file there is one more, which has to be unpacked and converted."""
    packed = tmp_path / "disk.qcow2.xz"
    packed.write_bytes(files_support.pack("xz", disk(1, "qcow2").read_bytes()))
    images = [{"name": f"{name}-packed", "src": str(packed), "format": "raw"}]
    file = tmp_path / "catalogue.yml"
    file.write_text(yaml.safe_dump({"defaults": {"properties": {"os_distro": "debian"}}, "images": images}))
    return {**plain, "publish_files": [str(file)]}


def test_three_clouds_get_the_same_images(clouds: Clouds, catalogue: Json, name: str) -> None:
    names = (f"{name}-packed", f"{name}-plain")
    before = clouds.writes()
    foretold = clouds.run(catalogue, "--check")
    assert foretold.code == 0 and clouds.writes() == before, foretold.output
    assert foretold.rows == dict.fromkeys(CITIES, Row(2, 2, 0, 0))
    assert all(f"{city}: {name}-plain: create image '{name}-plain', " in foretold.output for city in CITIES)

    done = clouds.run(catalogue)
    assert done.code == 0 and done.rows == foretold.rows, done.output
    assert clouds.there(*names) == {city: list(names) for city in CITIES}
    for project in clouds.projects.values():
        image = project.only(names[0])
        assert image["disk_format"] == "raw" and image["os_distro"] == "debian" and image["cloudimage_catalog"] == name
        assert project.sha512(image["id"]) == clouds.projects["berlin"].only(names[0])["os_hash_value"]

    before = clouds.writes()
    again = clouds.run(catalogue)
    assert again.code == 0 and clouds.writes() == before, again.output
    assert again.rows == dict.fromkeys(CITIES, Row(2, 0, 0, 0))
    assert not re.search(rf"\w+: {name}-\w+: ", again.output), again.output
    assert again.changed == dict.fromkeys(CITIES, 0)
    assert not list(clouds.folder.glob("cloudimage-publish-*"))


def test_a_slice_is_pruned_and_what_fails_is_told(clouds: Clouds, plain: Json, name: str, tmp_path: Path) -> None:
    """A slice of AWX is a part of the inventory, as --limit makes it."""
    for project in clouds.projects.values():
        project.create(f"{name}-old", b"data", cloudimage_catalog=name)
    pruning = {**plain, "publish_prune": True}
    wrong = [{"name": f"{name}-wrong", "src": str(tmp_path / "nowhere.qcow2")}]
    failed = clouds.run({**pruning, "publish_images": pruning["publish_images"] + wrong}, "--limit", "berlin")
    assert failed.code != 0 and failed.rows == {"berlin": Row(1, 1, 1, 0)}, failed.output
    assert f"berlin: {name}-wrong: " in failed.output and "nowhere.qcow2" in failed.output
    assert clouds.there(f"{name}-old", f"{name}-plain") == {
        "berlin": [f"{name}-old", f"{name}-plain"],
        "hamburg": [f"{name}-old"],
        "munich": [f"{name}-old"],
    }
    result = clouds.run(pruning, "--limit", "berlin,hamburg")
    assert result.code == 0, result.output
    assert result.rows == {"berlin": Row(1, 0, 0, 1), "hamburg": Row(1, 1, 0, 1)}
    assert f"berlin: {name}-old: delete " in result.output and f"berlin: {name}-plain: " not in result.output
    assert clouds.there(f"{name}-old", f"{name}-plain") == {
        "berlin": [f"{name}-plain"],
        "hamburg": [f"{name}-plain"],
        "munich": [f"{name}-old"],
    }


def test_a_cloud_that_is_down_keeps_no_other_from_its_images(clouds: Clouds, plain: Json, name: str) -> None:
    """One after the other, and the one that is down goes first. The last test, so that it need not start again."""
    clouds.stop_third()
    result = clouds.run({**plain, "catalog_hosts": "munich,hamburg,berlin", "catalog_serial": 1})
    assert result.code != 0
    assert result.failed == ["munich"], result.output
    assert result.rows == {"munich": Row(0, 0, 0, 0), "hamburg": Row(1, 1, 0, 0), "berlin": Row(1, 1, 0, 0)}
    assert "munich: The cloud does not answer" in result.output
    assert clouds.there(f"{name}-plain") == {city: [f"{name}-plain"] for city in CITIES[:2]}
