# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What README and migration guide tell to install, held against what is tested."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
README = REPOSITORY / "README.md"
GUIDE = REPOSITORY / "docs" / "docsite" / "rst" / "migration_guide.rst"
#: How openstacksdk is held back for openstack.cloud.
LIMIT = re.compile(r'pip install [^\n]*"openstacksdk<(\d+)\.(\d+)"')


def test_all_that_modules_need_is_installed() -> None:
    (line,) = re.findall(r"pip install (ansible-core .*)", README.read_text())
    needed = (REPOSITORY / "meta" / "ee-requirements.txt").read_text()
    assert set(line.split()) - {"ansible-core"} == set(re.findall(r"(?m)^([\w.-]+) >=", needed))


@pytest.mark.parametrize("document", [README, GUIDE])
def test_openstack_cloud_gets_the_openstacksdk_with_which_it_is_tested(document: Path) -> None:
    requirements = (REPOSITORY / "tests" / "requirements-incumbent.txt").read_text()
    tested = re.search(r"(?m)^openstacksdk==(\d+)\.(\d+)", requirements)
    limits = LIMIT.findall(document.read_text())
    assert tested and limits
    assert all((int(major), int(minor)) == (int(tested[1]), int(tested[2]) + 1) for major, minor in limits)
