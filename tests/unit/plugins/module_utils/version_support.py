# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Families of versions, and what tasks say about them, for the tests of promotions."""

from __future__ import annotations

import typing as t

from ansible_collections.cloudimage.glance.plugins.module_utils import _image_steps as steps
from ansible_collections.cloudimage.glance.plugins.module_utils._desired import Desired
from ansible_collections.cloudimage.glance.plugins.module_utils._version_options import declared_version
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils import glance_model as model
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils import plan_hands as hands
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.glance_model import NAME, Cloud, number

FAMILY = "cloudimage_family"
VERSION = "cloudimage_version"
EXCLUDED = "cloudimage_exclude_from_latest"
END_OF_LIFE = "cloudimage_end_of_life"
SUPERSEDED_AT = "cloudimage_superseded_at"
CATALOG = "cloudimage_catalog"
INCOMING = "cloudimage_incoming_for"
REPLACES = "cloudimage_replaces"
REPLACED_BY = "cloudimage_replaced_by"
WRITTEN_ON = "cloudimage_image_id"

NOW = "2026-07-01T12:00:00Z"
BEFORE = "2026-06-01T12:00:00Z"
#: Days on which a life ended, and on which one will.
OVER, COMING = "2026-06-30", "2027-06-30"
#: What an option says of nothing.
_UNSAID = dict.fromkeys(("family", "version", "promote", "exclude_from_latest", "end_of_life"))


def of(version: str, **facts: t.Any) -> dict[str, t.Any]:
    """An image that is a version and has lost the name."""
    return {
        "name": f"{NAME} ({version})",
        "os_hidden": True,
        FAMILY: NAME,
        VERSION: version,
        SUPERSEDED_AT: BEFORE,
    } | facts


def holding(version: str, **facts: t.Any) -> dict[str, t.Any]:
    """An image that is a version and has the name."""
    return {"name": NAME, FAMILY: NAME, VERSION: version} | facts


def family(*versions: dict[str, t.Any]) -> Cloud:
    """A cloud with these versions, numbered from 1."""
    cloud = Cloud()
    for position, facts in enumerate(versions, 1):
        cloud.put(position, **facts)
    return cloud


def task(version: str | None = None, **options: t.Any) -> Desired:
    """A declaration of a version of NAME, or of none; options as in the module, and further fields of the declaration."""
    said = {key: options.pop(key) for key in list(options) if key in _UNSAID}
    params = {"name": NAME, "state": "present", "retire": "hide"} | _UNSAID | said | {"version": version}
    params |= {key: options[key] for key in ("state", "retire") if key in options}
    return Desired(**({"name": NAME} | options | declared_version(params)))


def short(step: t.Any) -> str:
    """A step in few words: its kind, the number of the image that was there before, and what becomes of it."""
    image = getattr(step, "image", "")
    which = {number(each): f" {each}" for each in range(1, 10)} | {"": "", steps.NEW: ""}
    words = type(step).__name__.lower() + which.get(image, " ?")
    if isinstance(step, steps.Supersede):
        words += " delete" if step.delete else " hide" if step.hides else ""
    return words


def planned(cloud: Cloud, desired: Desired) -> list[str]:
    """The steps of the plan, in few words."""
    return [short(step) for step in hands.plan(cloud, desired).steps]


def names(cloud: Cloud) -> dict[str, str]:
    """What becomes of each version: its name, in brackets if it is hidden."""
    return {
        raw[VERSION]: f"[{raw['name']}]" if raw["os_hidden"] else raw["name"]
        for raw in cloud.images.values()
        if VERSION in raw and not is_copy(raw) and REPLACED_BY not in raw and INCOMING not in raw
    }


def is_good(raw: dict[str, t.Any]) -> bool:
    """Whether a version may have the name, by the words of the documentation."""
    ours = not is_copy(raw) and INCOMING not in raw and not is_retired(raw)
    excluded = raw.get(EXCLUDED) == "true" or raw.get(END_OF_LIFE, COMING) == OVER
    return raw.get(FAMILY) == NAME and VERSION in raw and ours and not excluded and raw["status"] == "active"


def is_retired(raw: dict[str, t.Any]) -> bool:
    return raw["os_hidden"] and REPLACED_BY in raw


def is_copy(raw: dict[str, t.Any]) -> bool:
    """Whether its properties are those of another image."""
    return raw.get("image_type") == "snapshot" or raw.get(WRITTEN_ON) not in (None, raw["id"])


def rightful(cloud: Cloud) -> dict[str, t.Any] | None:
    """The newest good version; the versions of these tests are whole numbers."""
    good = [raw for raw in cloud.images.values() if is_good(raw)]
    return max(good, key=lambda raw: int(raw[VERSION]), default=None)


def bearers(cloud: Cloud) -> list[dict[str, t.Any]]:
    """Images that bear the name, but for those that were replaced or are to replace another one."""
    named = [raw for raw in cloud.images.values() if raw["name"] == NAME and raw["owner"] == model.PROJECT]
    return [raw for raw in named if not is_retired(raw) and INCOMING not in raw and raw["status"] != "pending_delete"]
