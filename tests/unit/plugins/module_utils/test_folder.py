# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folder that relative paths start from."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _folder


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for word in ("playbooks", "started", "home"):
        (tmp_path / word).mkdir()
    (tmp_path / "link").symlink_to("playbooks")
    monkeypatch.delenv(_folder.PLAYBOOK, raising=False)
    monkeypatch.delenv(_folder.STARTED, raising=False)


@pytest.mark.parametrize(
    ("at", "playbook", "started", "ends"),
    [
        ("playbooks", "playbooks", "started", "started"),
        # Ansible goes through a symbolic link to the collection, and the system tells the folder behind it
        ("playbooks", "link", "started", "started"),
        # a host that is not the controller, a playbook of the user's, a folder that is gone
        ("home", "playbooks", "started", "home"),
        ("home", None, None, "home"),
        ("playbooks", "playbooks", "nowhere", "playbooks"),
        ("home", "nowhere", "started", "home"),
    ],
)
def test_only_a_playbook_of_the_collection_moves_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str, playbook: str | None, started: str | None, ends: str
) -> None:
    monkeypatch.chdir(tmp_path / at)
    if playbook and started:
        monkeypatch.setenv(_folder.PLAYBOOK, str(tmp_path / playbook))
        monkeypatch.setenv(_folder.STARTED, str(tmp_path / started))
    _folder.enter()
    assert Path.cwd() == tmp_path / ends
