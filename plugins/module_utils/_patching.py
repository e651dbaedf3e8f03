# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Patches of images that others may change at the same moment."""

from __future__ import annotations

import time
import typing as t

from . import _pause
from ._errors import ServerRefusal, Superseded
from ._glance import Glance, Json
from ._image_steps import key_of
from ._observed import REPLACED_BY, Image
from ._transfer import is_same

#: What a 403 means for what was to be set: attribute and value, None for any.
_POLICIES = {
    ("visibility", "public"): "visibility: these credentials may not make an image public (policy publicize_image).",
    ("visibility", "community"): (
        "visibility: these credentials may not make an image a community image (policy communitize_image)."
    ),
    ("owner", None): "owner: only an administrator may give an image to another project.",
}
#: Seconds to wait before looking whether a patch has lasted, and how often to look while others write.
_LEAST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
_MOST_LOOKS = 5


class Patches:
    """Changes images, and looks whether it has lasted."""

    def __init__(self, glance: Glance) -> None:
        self._glance = glance

    def patch(self, image_id: str, operations: t.Sequence[Json]) -> Json:
        """PATCH; that the image is gone, or a property to be removed is, means that somebody else was at work."""
        try:
            return self._glance.patch(image_id, operations)
        except ServerRefusal as fault:
            if fault.status in (404, 409):
                raise Superseded(fault.message) from fault
            if fault.status == 403:
                raise explained(fault, {key_of(each): each.get("value") for each in operations}) from fault
            raise

    def change(self, image_id: str, operations: t.Sequence[Json]) -> Json:
        """PATCH an image that others may change, too, and look whether it has lasted.

        Glance reads and saves whole rows, so that of two writers at once the last one wins. Whoever has read the row before
        it was saved here may save it a little later, in about the time that a patch takes. So look after that time, and again
        as long as somebody else is seen to write. A patch that overtook the end of an upload even takes the image's data
        away (status queued, with leftovers).

        :raises Superseded: if it has not lasted, or the image has been replaced meanwhile.
        """
        started = time.monotonic()
        raw = self.patch(image_id, operations)
        pause = pause_after(time.monotonic() - started)
        replaced = raw.get(REPLACED_BY)
        for _look in range(_MOST_LOOKS):
            _pause.pause(pause)
            before, found = raw, self._glance.image(image_id)
            whole = found is not None and (Image(found).usable or Image(found).is_slot)
            if found is None or not whole or not all(_is_in_force(operation, found) for operation in operations):
                raise Superseded(
                    f"A change of image {image_id} was undone at once by somebody else who changed it, too."
                )
            if found.get(REPLACED_BY) != replaced:
                raise Superseded(f"The image {image_id} has been replaced while it was changed.")
            raw = found
            if is_same(before, raw):
                break
        return raw


def pause_after(seconds: float) -> float:
    """Seconds in which others save what they had read before, going by how long a call took."""
    return min(max(2 * seconds, _LEAST_PAUSE), _LONGEST_PAUSE)


def protection(on: bool) -> list[Json]:
    """JSON patch that protects an image from deletion, or does so no more."""
    return [{"op": "replace", "path": "/protected", "value": on}]


def _is_in_force(operation: Json, raw: Json) -> bool:
    key = key_of(operation)
    if operation["op"] == "remove":
        return key not in raw
    return sorted(raw.get(key) or ()) == operation["value"] if key == "tags" else raw.get(key) == operation["value"]


def explained(fault: ServerRefusal, values: Json) -> ServerRefusal:
    """A refusal with the option that it is about, and the policy that stands behind it.

    The policies are those of https://docs.openstack.org/glance/latest/configuration/glance_policy.html
    """
    for key, value in values.items():
        reason = _POLICIES.get((key, value if key == "visibility" else None))
        if reason:
            return ServerRefusal(f"{reason} {fault.message}", **fault.details)
    return fault
