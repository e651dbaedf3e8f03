# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""How images lose their places and names to others, one method a step."""

from __future__ import annotations

import contextlib
import time
import typing as t

from . import _image_steps as steps
from . import _pause
from ._compare import settable
from ._errors import ServerRefusal, Superseded
from ._glance import Glance, Json
from ._observed import INCOMING_FOR, Image
from ._patching import Patches, pause_after, protection
from ._steps import sentence


class Succession:
    """Puts images in the places of others, and those out of sight.

    :param warn: told what the user should know although nothing fails.
    """

    def __init__(self, glance: Glance, patches: Patches, warn: t.Callable[[str], None]) -> None:
        self._glance = glance
        self._patches = patches
        self._warn = warn

    def retire(self, step: steps.Retire, successor: str) -> None:
        """Take a replaced image out of sight.

        :param successor: id of the image that has taken its place.
        """
        self._require_seen(step.seen)
        if step.unprotect:
            self._patches.patch(step.image, protection(False))
        if step.how == "delete" and self._is_deleted(step.image, "replaced"):
            return
        for _try in range(2):
            # The new image is in its place: planning anew would take the place back from whoever has it by now
            with contextlib.suppress(Superseded):
                self._change(step.image, step.patch(successor), step.patch(successor, bare=True))
                return

    def give_name(self, step: steps.GiveName) -> Json:
        """Give a version the name of its family, and look who else has it by now.

        :raises Superseded: if somebody has given it to another one at the same moment.
        """
        raw = self._patches.change(step.image, step.operations)
        found = self._glance.named(step.name, {"owner": raw["owner"], "os_hidden": "false"})
        known = step.bearers | {step.image}
        if any(image["id"] not in known and not image.get(INCOMING_FOR) for image in found):
            raise Superseded(f"Another image has been given the name {step.name!r}, too.", actions=[sentence(step)])
        return raw

    def supersede(self, step: steps.Supersede) -> Json | None:
        """Take the name of a family from an image; return the image, or None if it was deleted.

        :raises Superseded: if it, or the one that has the name then, is not any more what it was.
        """
        self._require_seen(step.seen)
        if step.delete and self._is_deleted(step.image, "superseded"):
            return None
        return self._change(step.image, step.operations, step.bare)

    def _change(self, image_id: str, operations: t.Sequence[Json], bare: t.Sequence[Json]) -> Json:
        """Change an image; one that takes no further property at least so that it is where it belongs."""
        try:
            return self._patches.change(image_id, operations)
        except ServerRefusal as fault:
            if fault.status != 413:
                raise
            self._warn(
                f"The image {image_id} bears as many properties as the cloud allows, so some notes are not made on it."
            )
            return self._patches.change(image_id, bare)

    def _require_seen(self, images: t.Sequence[Image]) -> None:
        """Look before something is taken away, and once more after the time in which others save what they had read before.

        :raises Superseded: if an image is not any more what it was.
        """
        started = time.monotonic()
        for again in (False, True) if images else ():
            if again:
                _pause.pause(pause_after(time.monotonic() - started))
            for image in images:
                if not self.is_as_seen(image):
                    raise Superseded(f"The image {image.id} was changed by somebody else.")

    def is_as_seen(self, image: Image) -> bool:
        """Whether nobody has changed an image since it was seen."""
        raw = self._glance.image(image.id)
        return raw is not None and raw["status"] == image.status and settable(Image(raw)) == settable(image)

    def _is_deleted(self, image_id: str, what: str) -> bool:
        """Delete an image, if the store does not need it any more."""
        try:
            self._glance.delete(image_id)
        except ServerRefusal as fault:
            if fault.status not in (403, 409):
                raise
            self._warn(f"The {what} image {image_id} is hidden instead of deleted: {fault.message}")
            return False
        return True
