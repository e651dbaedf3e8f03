# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clouds to audit, with images whose names would like to be more than text, and the playbook audit as a process."""

from __future__ import annotations

import dataclasses
import sys
import typing as t
from pathlib import Path

import cloud_support
import playbook_support
import yaml

#: Names as somebody might choose who wants the page or the terminal to do something.
HOSTILE = [
    "<script>window.hacked = 1; alert(1)</script>",
    "</script></style><img src=x onerror=alert(2)>",
    "'\"><svg onload=alert(3)>",
    "{{ lookup('ansible.builtin.pipe', 'id') }}{% raw %}",
    "\N{RIGHT-TO-LEFT OVERRIDE}gpj.exe",
    "\x1b[2J\x1b[31mred\x07",
    "two\nlines\tand a tab",
    "javascript:alert(4) &lt;b&gt;",
    "W" * 255,
]
PLAIN = {"alpha": 3000, "beta 2": 20, "beta 10": 400}
TITLE = "Images <b>of</b> {# ours #}"


@dataclasses.dataclass
class Report:
    """What a run of the playbook left."""

    page: Path
    output: str
    calls: cloud_support.Calls
    images: int


def fill(member: cloud_support.Project, other: cloud_support.Project) -> None:
    """Images with hostile names, with names that sort, and one of another project that is shared."""
    for name in HOSTILE:
        member.create(name, None, trap=name, tags=["<i>tag</i>"])
    for name, size in PLAIN.items():
        member.create(name, bytes(size), os_distro="debian", min_ram=64)
    member.create("gamma", bytes(20), visibility="private")
    shared = other.create("delta", b"d" * 50)
    other.http("POST", f"/v2/images/{shared['id']}/members", json={"member": member.id})


def declared() -> list[dict[str, t.Any]]:
    """Results of the module images: one image as declared, one that differs, one that is missing, one that failed."""
    ids = {name: cloud_support.project("local").only(name)["id"] for name in ("alpha", "beta 2")}
    before = {
        "id": ids["alpha"],
        "status": "active",
        "min_ram": 64,
        "properties": {"os_distro": "debian", "old": "<u>1</u>"},
    }
    after = before | {"min_ram": 512, "properties": {"os_distro": "<i>debian</i>"}}
    return [
        {"name": "alpha", "changed": True, "actions": ["change it"], "diff": {"before": before, "after": after}},
        {"name": "beta 2", "changed": False, "image": {"id": ids["beta 2"]}},
        {"name": "omega", "version": "7", "changed": True, "diff": {"before": {}, "after": {"name": "omega"}}},
        {"name": "psi", "failed": True, "changed": False, "msg": "filename: there is no <file>."},
    ]


def play(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run the playbook for two clouds that answer, one that is not known, and one whose options are wrong."""
    hosts = {"one": "local", "two": "local-other", "three": "nowhere", "four": "local"}
    common = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "audit_stuck_after": "0"}
    inventory = {"all": {"vars": common, "hosts": {host: {"audit_cloud": cloud} for host, cloud in hosts.items()}}}
    inventory["all"]["hosts"]["one"] |= {"audit_declared": declared()}
    inventory["all"]["hosts"]["four"] |= {"audit_members": "perhaps"}
    (folder / "clouds.yml").write_text(yaml.safe_dump(inventory))
    # What a playbook says is a template; a title that looks like one has to say that it is none.
    (folder / "vars.yml").write_text(f"audit_title: !unsafe {TITLE!r}\naudit_hosts: all\n")
    return playbook_support.run(
        *("-i", folder / "clouds.yml", "cloudimage.glance.audit", "-e", f"@{folder}/vars.yml", *arguments),
        environment={**playbook_support.own(folder), "PWD": str(folder)},
        cwd=folder,
    )
