# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What openstack.cloud does wrong, done right: which versions of openstacksdk the collection works with."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import files_support
from incumbent_support import shows
from patience import PATIENCE

REPOSITORY = Path(__file__).parents[3]


@shows("image: openstacksdk")
def test_dies_with_openstacksdk_4_15_and_newer(succeed, member, name):
    """These tests run with the newest version and with the oldest, on both sides of it."""
    constraints = "".join((REPOSITORY / "tests" / f"constraints-{end}.txt").read_text() for end in ("floor", "newest"))
    versions = [
        tuple(map(int, found.split("."))) for found in re.findall(r"^openstacksdk==([\d.]+)$", constraints, re.M)
    ]
    assert len(versions) == 2 and versions[0] < (4, 15) <= versions[1]
    assert tuple(map(int, importlib.metadata.version("openstacksdk").split("."))) in versions
    code = "".join(path.read_text() for path in (REPOSITORY / "plugins").rglob("*.py"))
    assert not re.search(r"openstack\.version|from openstack import .*\bversion\b", code)
    image = member.create(name, b"data")
    assert succeed("image", name=name, min_ram=1)["image"]["id"] == image["id"]


#: What openstacksdk does by itself when one request is made and one answer is read.
BARE = """
import openstack, openstack.image.v2.image
openstack.connect(cloud='local').image.get('/images?limit=1')
openstack.image.v2.image.Image.existing(id='x').to_dict(computed=False)
"""


@shows("image: openstacksdk")
def test_parts_of_openstacksdk_are_used_that_go_away(member, name, disk, tmp_path):
    """No warnings but those that openstacksdk gives about itself."""
    environment = {"PYTHONWARNINGS": "always"}
    options = {"cloud": "local", "name": name, "filename": disk(), "tags": ["t"]}
    process = files_support.start_module("image", tmp_path, options, env=environment)
    output, complaints = process.communicate(timeout=PATIENCE)
    assert '"changed": true' in output and member.only(name)["status"] == "active"
    command = [sys.executable, "-c", BARE]
    bare = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **environment})
    assert removals(complaints) <= removals(bare.stderr)


def removals(complaints: str) -> set[str]:
    return set(re.findall(r"\b(?:RemovedIn|\w*Deprecation)\w*Warning: .*", complaints))
