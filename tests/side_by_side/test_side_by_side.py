# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""openstack.cloud and this collection in one play: in one environment, and in two. ``make side-by-side`` runs it."""

from __future__ import annotations

import os
import sys
import typing as t
import uuid
from pathlib import Path

import playbook_support
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "functional"))

import cloud_support
import files_support

#: The environment in which the folder collections holds openstack.cloud; openstacksdk in it is as old as that needs.
_THEIRS = os.environ["CLOUDIMAGE_TEST_INCUMBENT"]


@pytest.fixture
def member() -> t.Iterator[cloud_support.Project]:
    """The project of an ordinary user; its images are removed afterwards."""
    project = cloud_support.project("local")
    yield project
    project.remove_all()


def play(folder: Path, tasks: list[dict[str, t.Any]]) -> str:
    """The output of a play on localhost, which succeeds."""
    book = playbook_support.written(folder / "play.yml", tasks)
    collections = [f"{_THEIRS}/collections", os.environ["ANSIBLE_COLLECTIONS_PATH"]]
    environment = {
        "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(collections),
        "OS_CLIENT_CONFIG_FILE": str(cloud_support.CLOUDS_YAML),
        "OS_CLOUD": "local",
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
    program = f"{_THEIRS}/bin/ansible-playbook"
    code, output = playbook_support.run(book, environment=environment, without=("PYTHONPATH",), program=program)
    assert code == 0, output
    return output


@pytest.mark.parametrize("ours", [_THEIRS, sys.prefix], ids=["one environment", "two environments"])
def test_an_image_of_theirs_is_adopted(member: cloud_support.Project, tmp_path: Path, ours: str) -> None:
    name, disk = f"test-{uuid.uuid4().hex[:12]}", tmp_path / "disk.raw"
    disk.write_bytes(files_support.disk_bytes(files_support.MIB, 1))
    image = {"name": name, "filename": str(disk), "disk_format": "raw", "container_format": "bare"}
    theirs, mine = ({"ansible_python_interpreter": f"{venv}/bin/python"} for venv in (_THEIRS, ours))
    play(
        tmp_path,
        [
            {"openstack.cloud.image": image, "vars": theirs},
            {"cloudimage.glance.image": image, "vars": mine, "register": "adopted"},
            {"ansible.builtin.assert": {"that": "adopted is not changed"}},
            {"cloudimage.glance.image": {"name": name, "min_ram": 64}, "vars": mine},
            {"openstack.cloud.image_info": {"image": name}, "vars": theirs, "register": "seen"},
            {"ansible.builtin.assert": {"that": ["seen.images | length == 1", "seen.images[0].min_ram == 64"]}},
        ],
    )
    assert member.only(name)["min_ram"] == 64
