# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Relative paths and clouds.yaml: in a playbook of the user's they start in its folder, in one of the collection's where it was started."""

from __future__ import annotations

import hashlib
import sys
import typing as t
from pathlib import Path

import cloud_support
import playbook_support
import pytest
import yaml
from cloud_support import Project

# Each run is a whole ansible-playbook.

_LOOKUP = "{{ lookup('cloudimage.glance.image', 'x', cloud='local') }}"


@pytest.fixture
def folder(tmp_path: Path, name: str, disk: t.Callable[..., Path]) -> Path:
    """A folder as somebody begins with: clouds.yaml, files of images, and a catalogue, all of it relative."""
    here = tmp_path / "here"
    (here / "img").mkdir(parents=True)
    (here / "work").mkdir()
    (here / "clouds.yaml").write_bytes(cloud_support.CLOUDS_YAML.read_bytes())
    files = {seed: disk(seed).rename(here / "img" / f"{seed}.raw") for seed in (1, 2)}
    sums = "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files.values())
    (here / "SHA256SUMS").write_text(sums)
    images = [
        {"name": f"{name}-made", "src": "img/1.raw", "format": "qcow2", "checksum": "./SHA256SUMS"},
        {"name": f"{name}-plain", "filename": "img/2.raw", "disk_format": "raw"},
    ]
    (here / "catalog.yml").write_text(yaml.safe_dump(images))
    return here


def play(folder: Path, *arguments: str) -> tuple[int, str]:
    """The exit code and the output of a playbook that is started in a folder, with nothing else that names a cloud."""
    # PWD stays that of the tests, as for everything that a program starts elsewhere.
    return playbook_support.run(
        *("-e", f"ansible_python_interpreter={sys.executable}", *arguments),
        environment=playbook_support.own(folder.parent),
        without=("OS_",),
        cwd=folder,
    )


def written(path: Path, *plays: t.Any) -> Path:
    """A playbook of the user's."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(list(plays)))
    return path


def local(**play_keys: t.Any) -> dict[str, t.Any]:
    return {"hosts": "localhost", "gather_facts": False, **play_keys}


@pytest.mark.parametrize("playbook", ["publish", "catalog"])
def test_a_playbook_of_the_collection_starts_where_it_was_started(
    member: Project, name: str, folder: Path, playbook: str
) -> None:
    hosts = ("-i", "cloud,", "-c", "local") if playbook == "catalog" else ()
    code, output = play(
        folder,
        f"cloudimage.glance.{playbook}",
        *hosts,
        *("-e", "publish_cloud=local", "-e", "publish_files=catalog.yml", "-e", "publish_workdir=work"),
    )
    assert code == 0, output
    assert {member.only(f"{name}-{kind}")["status"] for kind in ("made", "plain")} == {"active"}
    assert list((folder / "work").iterdir()) == []


def test_an_imported_playbook_of_the_collection_starts_there_too(member: Project, name: str, folder: Path) -> None:
    variables = {"publish_cloud": "local", "publish_files": ["catalog.yml"], "publish_workdir": "work"}
    site = written(
        folder.parent / "elsewhere" / "site.yml",
        {"ansible.builtin.import_playbook": "cloudimage.glance.publish", "vars": variables},
    )
    code, output = play(folder, str(site))
    assert code == 0, output
    assert {member.only(f"{name}-{kind}")["status"] for kind in ("made", "plain")} == {"active"}


def test_a_playbook_of_the_users_starts_in_its_own_folder(member: Project, name: str, folder: Path) -> None:
    image = {"cloud": "local", "name": f"{name}-own", "filename": "img/2.raw", "disk_format": "raw"}
    looked_up = f"found {{{{ lookup('cloudimage.glance.image', '{name}-own', cloud='local', attribute='name') }}}}"
    audit = {"audit_cloud": "local", "audit_files": ["catalog.yml"], "audit_dest": "page.html"}
    variables = {"publish_cloud": "local", "publish_files": ["catalog.yml"], "publish_workdir": "work"}
    site = written(
        folder / "site.yml",
        local(tasks=[{"cloudimage.glance.image": image}, {"ansible.builtin.debug": {"msg": looked_up}}]),
        local(
            roles=[
                {"role": "cloudimage.glance.publish", "vars": variables},
                {"role": "cloudimage.glance.audit"} | audit,
            ]
        ),
    )
    code, output = play(folder.parent, str(site))
    assert code == 0, output
    assert {member.only(f"{name}-{kind}")["status"] for kind in ("made", "plain", "own")} == {"active"}
    assert f"found {name}-own" in output
    assert f"{name}-own" in (folder / "page.html").read_text()


def test_the_audit_and_its_page_start_where_they_were_started(member: Project, name: str, folder: Path) -> None:
    member.create(name, b"d" * 512)
    code, output = play(
        folder,
        "cloudimage.glance.audit",
        *("-e", "audit_cloud=local", "-e", "audit_dest=page.html", "-e", '{"audit_files": ["catalog.yml"]}'),
    )
    assert code == 0, output
    page = (folder / "page.html").read_text()
    assert name in page and f"{name}-plain" in page


def test_rules_are_applied_to_the_cloud_of_the_folder(member: Project, name: str, folder: Path) -> None:
    member.create(name, b"d" * 512)
    (folder / "rules.yml").write_text(
        yaml.safe_dump({"retire_rules": [{"name": name, "keep_last": 1, "hide_after": "9d"}]})
    )
    code, output = play(folder, "cloudimage.glance.retire", "-e", "@rules.yml", "-e", "retire_cloud=local")
    assert code == 0, output


def test_what_is_missing_is_said_with_the_folders_that_were_searched(folder: Path) -> None:
    (folder / "clouds.yaml").unlink()
    entry = "{'name': 'x', 'src': 'img/3.raw', 'format': 'raw'}"
    missing = ("-e", f"{{publish_cloud: local, publish_images: [{entry}]}}")
    code, output = play(folder, "cloudimage.glance.publish", *missing)
    assert code != 0 and f"There is no clouds.yaml in {folder}, {folder.parent}/.config/openstack" in output, output
    code, output = play(
        folder,
        str(written(folder.parent / "own" / "site.yml", local(tasks=[{"ansible.builtin.debug": {"msg": _LOOKUP}}]))),
    )
    assert (
        code != 0 and f"There is no clouds.yaml in {folder.parent}/own, {folder}, {folder.parent}/.config" in output
    ), output
    (folder / "clouds.yaml").write_bytes(cloud_support.CLOUDS_YAML.read_bytes())
    code, output = play(folder, "cloudimage.glance.publish", *missing)
    assert code != 0 and f"{folder}/img/3.raw" in output, output


def test_the_local_cloud_is_made_where_it_was_started(folder: Path) -> None:
    code, output = play(folder, "cloudimage.glance.local_cloud", "--check", "-e", "local_cloud_dir=cloud")
    assert code == 0 and f"The local cloud in {folder}/cloud would become started." in output, output
