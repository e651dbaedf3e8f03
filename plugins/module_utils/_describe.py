# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Images as results show them: with openstacksdk's names, as openstack.cloud's modules do, and the raw properties."""

from __future__ import annotations

import functools
import typing as t

from ._observed import BASE_ATTRIBUTES, Image

#: Stands for any value where only the name matters that openstacksdk gives to an attribute.
_ANY = "0"


def described(raw: dict[str, t.Any]) -> dict[str, t.Any]:
    """An image of Glance as a result.

    The keys are those of openstacksdk's Image (``is_protected``, ``hash_value``, ...), so that a playbook that reads the
    result of openstack.cloud.image goes on working. ``properties`` holds every property as Glance does, and ``stores`` is a
    list.
    """
    result = dict(_nothing())
    for key, value in raw.items():
        if key in BASE_ATTRIBUTES:
            result.update(dict.fromkeys(_names(key), value))
        elif value is not None and _names(key):
            result.update(_property(key, value))
    return result | {
        "properties": Image(raw).custom,
        "stores": list(Image(raw).stores),
        "tags": sorted(Image(raw).tags),
    }


@functools.cache
def _nothing() -> dict[str, t.Any]:
    """All keys of openstacksdk's Image, without values."""
    from openstack.image.v2 import image as sdk

    nothing: dict[str, t.Any] = sdk.Image.existing().to_dict(computed=False)
    return nothing


@functools.cache
def _names(key: str) -> tuple[str, ...]:
    """What openstacksdk calls an attribute or property of Glance; empty for a property that it does not know.

    Learned from what it makes of an image with nothing else, once for each key: a whole image takes it over a millisecond.
    """
    if key == "self":
        return ()
    return tuple(name for name, value in _made(key, _ANY).items() if value != _nothing()[name] and name != "properties")


@functools.lru_cache(maxsize=4096)
def _property(key: str, value: str) -> dict[str, t.Any]:
    """A property that openstacksdk knows, under its names and of its type."""
    made = _made(key, value)
    return {name: made[name] for name in _names(key)}


def _made(key: str, value: t.Any) -> dict[str, t.Any]:
    from openstack.image.v2 import image as sdk

    made: dict[str, t.Any] = sdk.Image.existing(**{key: value}).to_dict(computed=False)
    return made
