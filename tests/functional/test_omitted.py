# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is left out with default(omit), in real playbooks: up to ansible-core 2.18 Ansible hands its placeholder on."""

from __future__ import annotations

import typing as t
from pathlib import Path

import playbook_support
import pytest
import yaml
from cloud_support import Project

OMIT = "{{ nothing | default(omit) }}"
Play = t.Callable[..., tuple[int, str]]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Run tasks; the exit code and the output."""

    def run(*tasks: dict[str, t.Any]) -> tuple[int, str]:
        book = playbook_support.written(tmp_path / "play.yml", tasks)
        return playbook_support.run("-v", book, environment=playbook_support.own(tmp_path))

    return run


def test_modules_and_the_lookup(
    member: Project, other: Project, name: str, disk: t.Callable[..., Path], play: Play
) -> None:
    said = {
        "filename": str(disk(1)),
        "tags": ["one", OMIT],
        "visibility": "shared",
        "members": "{{ [nothing | default(omit), '" + other.id + "'] }}",
        "properties": {"os_distro": "debian", "os_version": OMIT},
        "min_ram": OMIT,
    }
    arguments = f"'{name}', nothing | default(omit), version=nothing | default(omit), cloud='local'"
    code, told = play(
        {"cloudimage.glance.image": {"cloud": "local", "name": name, **said}},
        {"cloudimage.glance.image": {"cloud": "local", "name": name, "tags": [OMIT, "one"]}, "register": "again"},
        {"cloudimage.glance.images": {"cloud": "local", "images": [{"name": f"{name}-2", **said}, OMIT]}},
        {"ansible.builtin.assert": {"that": "again is not changed"}},
        {"ansible.builtin.debug": {"msg": f"{{{{ query('cloudimage.glance.image', {arguments}) }}}}"}},
    )
    assert code == 0, told
    for image in (member.only(name), member.only(f"{name}-2")):
        assert image["tags"] == ["one"] and image["os_distro"] == "debian" and "os_version" not in image
        members = member.http("GET", f"/v2/images/{image['id']}/members").json()["members"]
        assert [each["member_id"] for each in members] == [other.id]


def test_the_role_publish(member: Project, name: str, tmp_path: Path, disk: t.Callable[..., Path], play: Play) -> None:
    catalog = tmp_path / "catalog.yml"
    catalog.write_text(yaml.safe_dump([{"name": f"{name}-2", "src": str(disk(1))}]))
    entry = {"name": name, "src": str(disk(1)), "checksum": OMIT, "tags": [OMIT, "one"], "format": OMIT}
    variables = {"publish_cloud": "local", "publish_images": [entry, OMIT], "publish_files": [OMIT, str(catalog)]}
    code, told = play(
        {"ansible.builtin.include_role": {"name": "cloudimage.glance.publish"}, "vars": variables},
    )
    assert code == 0, told
    assert member.only(name)["tags"] == ["one"] and member.only(f"{name}-2")["status"] == "active"


def test_what_is_left_out_in_the_middle_of_a_text(name: str, play: Play) -> None:
    """Later versions of Ansible make an empty text of it."""
    code, told = play(
        {"cloudimage.glance.image": {"cloud": "local", "name": f"{name}{OMIT}", "state": "absent"}, "register": "one"},
        {"ansible.builtin.debug": {"msg": "{{ one | to_json }}"}, "when": "one is failed"},
    )
    assert code == 0 or "name: a part of a text cannot be omitted" in told, told
    assert "omit_place_holder" not in told
