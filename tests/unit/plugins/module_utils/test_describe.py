# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images as results show them: as openstacksdk does, and without its cost for each image."""

from __future__ import annotations

import typing as t

from ansible_collections.cloudimage.glance.plugins.module_utils._describe import described
from ansible_collections.cloudimage.glance.plugins.module_utils._observed import Image
from hypothesis import given
from hypothesis import strategies as st
from openstack.image.v2 import image as sdk

ATTRIBUTES = st.fixed_dictionaries(
    {"id": st.text(min_size=1), "status": st.sampled_from(["active", "queued"])},
    optional={
        "name": st.text() | st.none(),
        "visibility": st.sampled_from(["shared", "public"]),
        "protected": st.booleans(),
        "os_hidden": st.booleans(),
        "size": st.integers(0) | st.none(),
        "virtual_size": st.integers(0) | st.none(),
        "min_disk": st.integers(0, 9),
        "os_hash_value": st.text() | st.none(),
        "owner": st.text(),
        "created_at": st.text(),
        "self": st.text(),
        "file": st.text(),
        "tags": st.lists(st.text()),
        "stores": st.sampled_from(["fast", "fast,slow"]),
        "locations": st.just([]),
    },
)
KEYS = [
    "hw_boot_menu",
    "hw_cpu_cores",
    "hw_qemu_guest_agent",
    "os_distro",
    "kernel_id",
    "image_type",
    "os_admin_user",
    "any",
]
PROPERTIES = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["true", "false", "2", "x", ""]))


@given(ATTRIBUTES, PROPERTIES)
def test_as_openstacksdk_says_it(attributes: dict[str, t.Any], properties: dict[str, str]) -> None:
    raw = attributes | properties
    known = {key: value for key, value in raw.items() if key != "self"}
    expected = sdk.Image.existing(**known).to_dict(computed=False)
    image = Image(raw)
    expected |= {"properties": image.custom, "stores": list(image.stores), "tags": sorted(image.tags)}
    assert described(raw) == expected
