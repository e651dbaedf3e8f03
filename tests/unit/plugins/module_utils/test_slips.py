# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Slips of the pen."""

from __future__ import annotations

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils._slips import slip_of

KNOWN = ("hw_disk_bus", "hw_qemu_guest_agent", "img_version", "os_distro", "os_type", "os_version", "rhel", "sles")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("os_distr", "os_distro"),
        ("os_distros", "os_distro"),
        ("os_dsitro", "os_distro"),
        ("os_distrp", "os_distro"),
        ("OS-Distro", "os_distro"),
        (" os_distro", "os_distro"),
        ("hw_quemu_guest_agnet", "hw_qemu_guest_agent"),
        ("hw_disk_bus", None),
        ("hw_dikc_bsu", None),
        ("image_version", None),
        ("talos_version", None),
        ("k8s_version", None),
        ("os_version_id", None),
        ("sled", None),
        ("", None),
        ("x" * 300, None),
    ],
)
def test_what_was_meant(word: str, meant: str | None) -> None:
    assert slip_of(word, KNOWN) == meant
