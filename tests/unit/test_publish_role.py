# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists that the role publish shares with the modules."""

from __future__ import annotations

from pathlib import Path

import yaml
from ansible_collections.cloudimage.glance.plugins.module_utils._argspec import image_spec, publish_spec

ROLE = Path(__file__).parents[2] / "roles" / "publish"
VARIABLES = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())


def test_what_is_not_handed_to_images_is_what_images_does_not_take() -> None:
    assert set(VARIABLES["publish_own_options"]) == set(publish_spec())
    assert not set(VARIABLES["publish_own_options"]) & set(image_spec())


def test_image_file_gets_all_that_is_meant_for_it() -> None:
    (task,) = yaml.safe_load((ROLE / "tasks" / "file.yml").read_text())
    handed = set(task["cloudimage.glance.image_file"])
    assert handed == set(publish_spec()) | {"path", "checksum", "max_virtual_size"}


def test_identity_is_told_by_options_that_there_are() -> None:
    names = {name for option, spec in image_spec().items() for name in (option, *spec.get("aliases", ()))}
    assert set(VARIABLES["publish_identity_options"]) <= names
