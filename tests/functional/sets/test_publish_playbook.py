# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook publish, as somebody calls it by hand. What the role does is in tests/integration."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import more_clouds
import yaml
from cloud_support import Project
from patience import PATIENCE

# Each run is a whole ansible-playbook.


def publish(*arguments: str) -> tuple[int, str]:
    """The exit code and the output of the playbook."""
    process = more_clouds.start("cloudimage.glance.publish", *arguments)
    output, _errors = process.communicate(timeout=PATIENCE)
    return process.returncode, output


def test_it_takes_one_file_and_tells_what_it_changed(
    member: Project, name: str, tmp_path: Path, disk: t.Callable[..., Path]
) -> None:
    file = tmp_path / "catalogue.yml"
    entry = {"name": name, "src": str(disk(1)), "properties": {"os_distr": "debian"}}
    file.write_text(yaml.safe_dump([entry]))
    arguments = ("-e", "publish_cloud=local", "-e", f"publish_files={file}")
    code, output = publish(*arguments)
    assert code == 0 and member.only(name)["status"] == "active", output
    assert f"localhost: {name}: create image '{name}', " in output
    assert "'os_distr' is no property that is known; did you mean 'os_distro'?" in output
    code, output = publish(*arguments)
    assert code == 0 and "changed=0" in output, output
    assert f"localhost: {name}" not in output


def test_what_is_no_list_is_named() -> None:
    code, output = publish("-e", '{"publish_images": {"name": "x"}}')
    assert code != 0 and "argument 'publish_images' is of type dict and we were unable to convert to list" in output, (
        output
    )


def test_where_there_is_no_room_it_names_its_own_option(name: str, tmp_path: Path, disk: t.Callable[..., Path]) -> None:
    entry = {"name": name, "src": str(disk(1, "qcow2")), "format": "raw"}
    arguments = (
        "-e",
        "publish_cloud=local",
        "-e",
        f"publish_workdir={tmp_path}/none",
        "-e",
        json.dumps({"publish_images": [entry]}),
    )
    code, output = publish(*arguments)
    assert code != 0 and f"publish_workdir: the folder {tmp_path}/none does not exist." in output, output
