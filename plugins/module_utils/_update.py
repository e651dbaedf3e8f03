# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The part of a plan for an image that is there with its content: everything beside the data is set right. Pure."""

from __future__ import annotations

import dataclasses
import typing as t

from . import _compare as compare
from ._cast import Cast
from ._compare import Verdict
from ._desired import Desired
from ._heirs import retire
from ._image_steps import Change, Deactivate, Delete, LookAgain, Reactivate, Retire
from ._observed import CONTENT_KEY, REPLACED_BY, SUPERSEDED_AT, Image, Observed
from ._refusals import is_ours, require_shareable, require_stores, require_whole_signature
from ._sharing import members_after, merges, sharing
from ._steps import Plan, Step, certain
from ._storing import placing


def update(desired: Desired, observed: Observed, parts: Cast, before: dict[str, t.Any]) -> Plan:
    """Set metadata, members, stores and status of the current image right, and clear up.

    :raises CollectionError: if it must not become what is declared.
    """
    image = certain(parts.current)
    have = compare.settable(image)
    verdict = compare.content_verdict(desired, image, observed.digests)
    want = _metadata(desired, image, have, verdict)
    require_whole_signature(desired, want, fills=False)
    require_shareable(desired, want.get("visibility"))
    require_stores(desired, observed)
    steps: list[Step] = []
    doubts = _doubts(desired, verdict, image)
    if operations := compare.patch(have, want):
        steps.append(Change(image.id, tuple(operations)))
    steps += _moves(desired, observed, image)
    if desired.members is not None and want.get("visibility") == "shared":
        there = observed.members or {}
        wanted = members_after(desired, there)
        steps += sharing(desired, image.id, there, wanted)
        merged = merges(observed, image, wanted)
        steps += [each for each in merged if not isinstance(each, str)]
        doubts += tuple(each for each in merged if isinstance(each, str))
    steps += [_retired(desired, observed, old, image) for old in parts.outgoing]
    idle = [each for each in parts.incoming if not each.in_motion or each.id in observed.stuck]
    steps += [Delete(each.id, "left over from an earlier run", seen=each) for each in idle]
    if want.get("visibility") == "shared" and desired.purge_members and observed.members is None:
        steps.append(LookAgain(image.id, "it may have members from when it was shared before"))
    return Plan(
        before,
        _picture_after(desired, observed, before, want) if steps else before,
        tuple(steps),
        doubts,
    )


def clear_up(desired: Desired, observed: Observed, parts: Cast, before: dict[str, t.Any]) -> Plan:
    """What is left of a plan of which all else was done: images that were replaced are taken out of sight."""
    image = parts.current
    if desired.state == "absent" or image is None or not image.usable:
        return Plan(before, before)
    return Plan(before, before, tuple(_retired(desired, observed, old, image) for old in parts.outgoing))


def _retired(desired: Desired, observed: Observed, old: Image, image: Image) -> Retire:
    """The step that takes an image out of sight; a twin is deleted only if the collection has made it."""
    if old.id not in observed.twins:
        return retire(desired, observed, old, image.id)
    if desired.retire == "delete" and not is_ours(desired, observed, old, None):
        desired = dataclasses.replace(desired, retire="hide")
    return retire(desired, observed, old, image.id)


def _metadata(desired: Desired, image: Image, have: compare.Flat, verdict: Verdict) -> compare.Flat:
    """The metadata that an image with its content is to have."""
    want = compare.declared(desired, compare.without_void(desired, image, have))
    if want.pop(REPLACED_BY, None):
        want.pop(SUPERSEDED_AT, None)
    if desired.id and desired.name != image.id:
        want["name"] = desired.name
    if desired.content_key and verdict is Verdict.SAME:
        want[CONTENT_KEY] = desired.content_key
    if desired.fit_min_disk and image.virtual_size:
        want["min_disk"] = compare.gib(image.virtual_size)
    return compare.signed(want, image)


def _moves(desired: Desired, observed: Observed, image: Image) -> list[Step]:
    """Steps that bring stores and status about; data is copied and removed only while the image is active."""
    stays_inactive = desired.state == "inactive"
    moves = placing(desired, observed, image.id, image.stores, not (desired.wait or stays_inactive))
    wakes = image.status == "deactivated" and (not stays_inactive or bool(moves))
    steps: list[Step] = [Reactivate(image.id)] if wakes else []
    steps += moves
    if stays_inactive and (wakes or image.status == "active"):
        steps.append(Deactivate(image.id))
    return steps


def _picture_after(
    desired: Desired, observed: Observed, before: dict[str, t.Any], want: compare.Flat
) -> dict[str, t.Any]:
    facts = {key: before.get(key) for key in ("id", "size", "os_hash_algo", "os_hash_value", "stores")}
    facts["status"] = "deactivated" if desired.state == "inactive" else "active"
    if desired.stores is not None:
        facts["stores"] = sorted(desired.stores)
    if desired.members is not None:
        facts["members"] = sorted(members_after(desired, observed.members or {}))
    return compare.picture(want, **facts)


def _doubts(desired: Desired, verdict: Verdict, image: Image) -> tuple[str, ...]:
    notes = []
    if verdict is Verdict.UNKNOWN:
        what = desired.source or "the declared checksum"
        notes.append(f"Whether the image {image.id} holds the content of {what} cannot be told; it is taken as it is.")
    if desired.fit_min_disk and not image.virtual_size:
        notes.append(f"Glance does not tell the virtual size of image {image.id}; min_disk is left as it is.")
    return tuple(notes)
