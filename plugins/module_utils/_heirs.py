# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Who inherits from whom, and what becomes of an image that was replaced. Pure."""

from __future__ import annotations

import typing as t

from ._cast import Cast
from ._compare import stamping
from ._desired import Desired
from ._image_steps import Retire
from ._observed import FAMILY, REPLACED_BY, SUPERSEDED_AT, VERSION, Image, Observed
from ._versions import dated_name


def model_of(observed: Observed, parts: Cast) -> Image | None:
    """The image from which a new one inherits: the one that it replaces, or for a new version the one with the name."""
    current = parts.current
    if current and (current.usable or current.is_slot):
        return current if current.usable else None
    return observed.holder


def retire(desired: Desired, observed: Observed, old: Image, successor: str) -> Retire:
    """The step that takes a replaced image out of sight. A protected one is deleted only if the task lifts protection.

    A version may be given the name of its family by somebody at the same moment, so that is looked at anew. One that has a name
    of its own can be reached by that, unless it would be taken for the version that has replaced it.
    """
    how, new_name = desired.retire if desired.retire != "keep" else "hide", None
    unprotect = how == "delete" and old.protected
    if unprotect and desired.attributes.get("protected") is not False:
        how, unprotect = "hide", False
    if how == "rename":
        new_name = dated_name(old)
    operations: list[dict[str, t.Any]] = [
        {"op": "replace", "path": "/os_hidden", "value": True},
        {"op": "add", "path": f"/{SUPERSEDED_AT}", "value": observed.time},
    ]
    if new_name:
        operations.append({"op": "replace", "path": "/name", "value": new_name})
    if not new_name or old.stamp(VERSION) is not None:
        operations.append({"op": "add", "path": f"/{REPLACED_BY}", "value": successor})
    bare: list[dict[str, t.Any]] = [{"op": "replace", "path": "/os_hidden", "value": True}]
    if old.stamp(VERSION) is None:
        bare.append({"op": "replace", "path": "/name", "value": dated_name(old)})
    else:
        bare += [{"op": "remove", "path": f"/{key}"} for key in (FAMILY, VERSION) if old.stamp(key) is not None]
        bare.append({"op": "add", "path": f"/{REPLACED_BY}", "value": successor})
    seen = tuple(each for each in observed.images if each.id in (old.id, successor)) if desired.version else ()
    return Retire(old.id, how, successor, stamping(old, operations), unprotect, new_name, tuple(bare), seen)
