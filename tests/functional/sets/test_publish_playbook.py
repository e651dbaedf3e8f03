# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook publish, as somebody calls it by hand. What the role does is in tests/integration."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import playbook_support
import yaml
from cloud_support import Project

# Each run is a whole ansible-playbook.


def publish(*arguments: str) -> tuple[int, str]:
    """The exit code and the output of the playbook."""
    return playbook_support.run("cloudimage.glance.publish", *arguments)


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


def test_an_image_says_what_becomes_of_properties_that_look_wrong(
    member: Project, name: str, disk: t.Callable[..., Path]
) -> None:
    wrong = {"os_distr": "debian", "hw_disk_bus": "virtoi"}
    entry = {"name": name, "src": str(disk(1)), "properties": wrong}
    cloud = ("-e", "publish_cloud=local")
    code, output = publish(*cloud, "-e", json.dumps({"publish_images": [{**entry, "check_properties": "fail"}]}))
    assert code != 0 and "did you mean 'os_distro'?" in output and "did you mean 'virtio'?" in output, output
    assert member.named(name) == []
    code, output = publish(*cloud, "-e", json.dumps({"publish_images": [{**entry, "check_properties": "none"}]}))
    assert code == 0 and "did you mean" not in output, output
    assert member.only(name)["hw_disk_bus"] == "virtoi"


def test_no_name_of_an_image_forges_a_line(member: Project, name: str, disk: t.Callable[..., Path]) -> None:
    hostile = [f"{name}\nlocalhost: {name}-forged: delete image", f"{name}\N{RIGHT-TO-LEFT OVERRIDE}forged"]
    made, plain = (
        {"name": each, "src": str(disk(1)), "format": form}
        for each, form in zip(hostile, ("raw", "qcow2"), strict=True)
    )
    missing = {"name": f"{name}\nlocalhost: {name}-forged: missing", "src": f"{disk(2)}.missing"}
    variables = {"publish_cloud": "local", "publish_catalog": name, "publish_images": [made, plain, missing]}
    _code, output = publish("-e", json.dumps(variables))
    assert sorted(image["name"] for image in member.http("GET", "/v2/images").json()["images"]) == sorted(hostile)
    assert f"{name}\\\\nlocalhost: {name}-forged" in output or f"{name}\\nlocalhost: {name}-forged" in output, output
    told = [output]
    variables |= {"publish_prune": True, "publish_images": [made]}
    code, output = publish("-e", json.dumps(variables))
    assert code == 0 and f"{name}\\u202eforged: delete" in output.replace("\\\\", "\\"), output
    for each in [*told, output]:
        assert not [line for line in each.splitlines() if line.strip(' "').startswith(f"localhost: {name}-forged")], (
            each
        )
        assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in each


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
    assert (
        code != 0 and f"publish_workdir: no folder can be made in {tmp_path}/none: No such file or directory" in output
    ), output
