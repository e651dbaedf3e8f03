# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The images as plans would leave them that nobody carries out, so that check mode can plan one image on top of another."""

from __future__ import annotations

import threading
import typing as t

from ._finding import Finder
from ._glance import Json
from ._image_steps import NEW, Deactivate, Delete, Fill, Reactivate, Retire, deletes_old, key_of
from ._observed import BASE_ATTRIBUTES, FAMILY, FOREIGN_PREFIXES, WRITTEN_ON, is_image_id
from ._steps import Step

#: What Glance says of an image of which nobody has said anything else.
_USUAL = {"visibility": "shared", "os_hidden": False, "protected": False, "tags": []}


def id_to_come(name: str) -> str:
    """What stands for the id of an image that is not there yet."""
    return f"(the id of {name!r})"


def is_to_come(value: object) -> bool:
    """Whether something is no id, but stands for one; see :func:`id_to_come`."""
    return isinstance(value, str) and value.startswith("(the id of ")


def raw_after(after: Json, raw: Json) -> Json:
    """An image as Glance will tell of it: what a plan leaves, in the shape of Glance.

    :param after: the picture of it that the plan has.
    :param raw: the image as it is, empty for a new one.
    """
    shown = {key: value for key, value in after.items() if key not in ("properties", "members")}
    shown["stores"] = ",".join(shown.get("stores", ()))
    # A property that is not in the plan goes; those of the server are not in there.
    kept = {key: raw[key] for key in raw if key in BASE_ATTRIBUTES or key.startswith(FOREIGN_PREFIXES)}
    return {**kept, **shown, **after["properties"]}


class World:
    """What is there once the plans so far would have been carried out; for several threads."""

    def __init__(self) -> None:
        #: Images that plans would have made or changed, by id; None for those that would be gone.
        self._left: dict[str, Json | None] = {}
        self._lock = threading.Lock()

    def note(self, steps: t.Iterable[Step], after: Json, found: t.Mapping[str, Json], usual: Json) -> None:
        """Take over what a plan would leave.

        :param after: the picture that the plan has of its image, ``found`` all images that it was made from.
        :param usual: attributes that a new image has unless the plan says otherwise, its id among them.
        """
        left: dict[str, Json | None] = {}
        steps = list(steps)
        for step in steps:
            image_id = getattr(step, "image", NEW)
            if image_id != NEW and image_id != after.get("id"):
                left[image_id] = _after_step(step, left.get(image_id, found.get(image_id)), usual["id"])
        if after:
            new = after["id"] == NEW
            raw = raw_after(after, {} if new else found.get(after["id"], {}))
            raw["id"] = usual["id"] if new else after["id"]
            if any(isinstance(step, Fill) and not step.wait for step in steps):
                raw["status"] = "importing"
            left[raw["id"]] = {**_USUAL, **usual, **raw, WRITTEN_ON: raw["id"]}
        with self._lock:
            self._left |= left

    def over(self, found: t.Iterable[Json], is_meant: t.Callable[[Json], bool]) -> list[Json]:
        """Images that were found, as they would be then, and those that would be found then besides."""
        with self._lock:
            left = dict(self._left)
        images = {raw["id"]: raw for raw in found} | left
        return [raw for raw in images.values() if raw is not None and (is_meant(raw) or raw["id"] not in left)]


class Foretold(Finder):
    """Finds images as they would be then.

    :param finder: finds them as they are.
    """

    def __init__(self, finder: Finder, world: World) -> None:
        super().__init__(finder.glance)
        self._now = finder
        self._world = world

    @property
    def fresh(self) -> Finder:
        """There is nothing fresher than what has not happened yet."""
        return self

    def by_id(self, image_id: str) -> list[Json]:
        return self._world.over(self._now.by_id(image_id), lambda raw: raw["id"] == image_id)

    def by_name(self, name: str, owner: str) -> list[Json]:
        found = [raw for raw in self._now.by_name(name, owner) if raw["name"] == name]
        found = self._world.over(found, lambda raw: (raw["name"], raw["owner"]) == (name, owner))
        return found or (self.by_id(name) if is_image_id(name) else [])

    def by_reference(self, name: str, own: str, scope: str) -> list[Json]:
        found = self._world.over(self._now.by_reference(name, own, scope), lambda raw: raw["name"] == name)
        return self.meant(found, {own, scope})

    def by_family(self, family: str, owner: str) -> list[Json]:
        found = self._now.by_family(family, owner)
        return self._world.over(found, lambda raw: (raw.get(FAMILY), raw["owner"]) == (family, owner))


def _after_step(step: Step, raw: Json | None, successor: str) -> Json | None:
    """An image as one step leaves it; None if it is gone."""
    if raw is None or isinstance(step, Delete) or deletes_old(step):
        return None
    if isinstance(step, (Deactivate, Reactivate)):
        return raw | {"status": "deactivated" if isinstance(step, Deactivate) else "active"}
    operations = step.patch(successor) if isinstance(step, Retire) else getattr(step, "operations", ())
    changed = dict(raw)
    for operation in operations:
        key = key_of(operation)
        if operation["op"] == "remove":
            changed.pop(key, None)
        else:
            changed[key] = operation["value"]
    return changed
