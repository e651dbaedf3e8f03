# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Images as results show them: with openstacksdk's names, as openstack.cloud's modules do, and the raw properties."""

from __future__ import annotations

import typing as t

from ._observed import Image


def described(raw: dict[str, t.Any]) -> dict[str, t.Any]:
    """An image of Glance as a result.

    The keys are those of openstacksdk's Image (``is_protected``, ``hash_value``, ...), so that a playbook that reads the
    result of openstack.cloud.image goes on working. ``properties`` holds every property as Glance does, and ``stores`` is a
    list.
    """
    from openstack.image.v2 import image as sdk

    known = {key: value for key, value in raw.items() if key != "self"}
    result: dict[str, t.Any] = sdk.Image.existing(**known).to_dict(computed=False)
    return result | {
        "properties": Image(raw).custom,
        "stores": list(Image(raw).stores),
        "tags": sorted(Image(raw).tags),
    }
