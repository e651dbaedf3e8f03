# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The part of a plan that brings data in: into a slot, or a new image that takes the place of an old one without a gap.

The new image is made out of sight, filled and verified, then opened, and only then is the old one touched. Pure.
"""

from __future__ import annotations

import dataclasses
import typing as t

from . import _compare as compare
from ._chosen_id import chosen_ids, was_chosen
from ._compare import Flat, Verdict
from ._desired import Desired, Source
from ._errors import ChecksumMismatch, ImageFault, InvalidOption
from ._image_steps import NEW, Change, Create, Deactivate, Delete, Fill, Reactivate, Retire, Share, Verify
from ._observed import CONTENT_KEY, INCOMING_FOR, REPLACED_BY, REPLACES, Cast, Image, Observed
from ._steps import Plan, Step, certain

#: Visibilities that show an image to strangers: they come last, after verification.
_WIDE = ("public", "community")
#: What an image gets only once its data is verified.
_LATE = ("visibility", "protected", "os_hidden", REPLACES)
#: What a slot or an unfinished image may bear, and a finished one does not, unless this plan says so.
_STAMPS = (INCOMING_FOR, REPLACED_BY, REPLACES, CONTENT_KEY)
#: Disk formats that cannot be told from raw data.
_WITHOUT_SIGNATURE = ("aki", "ari", "ami", "ploop")


def way_in(desired: Desired, observed: Observed, old: Image | None) -> Source | None:
    """The source with the method by which its data goes in.

    A direct upload reaches one store only. Where the predecessor is in several, the import glance-direct reaches them all.
    """
    source = desired.source
    several = old is not None and len(old.stores) > 1
    if source and source.method is None and several and "glance-direct" in (observed.import_methods or ()):
        return dataclasses.replace(source, method="glance-direct")
    return source


def supply(desired: Desired, observed: Observed, parts: Cast, before: dict[str, t.Any]) -> Plan:
    """Data has to come in: into the slot that is there, or a new image, which takes the place of the old one at the end."""
    _require_import_method(desired, observed)
    old = parts.current if parts.current and parts.current.usable else None
    _require_replaceable(desired, old)
    steps: list[Step] = []
    broken = [each for each in (parts.current, *parts.incoming) if each and _is_broken(desired, observed, each)]
    for each in broken:
        _require_disposable(desired, observed, each, old)
        steps.append(Delete(each.id, f"{each.status}, with no usable data"))
    slot, spare = _slot(parts, broken)
    steps += [Delete(each.id, "left over from an earlier run") for each in spare]

    have = compare.settable(slot) if slot else {}
    want = _wanted(desired, observed, have, old, slot)
    if slot and slot.usable:
        target, done = slot.id, have
        if slot.status == "deactivated" and desired.state == "present":
            steps.append(Reactivate(slot.id))
    else:
        target, done = _make(desired, observed, steps, slot, have, want, old)
    if (slot and slot.usable) or _waits(desired):
        _finish(desired, observed, steps, target, done, want, old, parts)
    status = "deactivated" if desired.state == "inactive" else "active"
    facts = {"status": status, "size": certain(desired.source).size, "id": target}
    facts["owner"] = want.get("owner") or (old.owner if old else None)
    return Plan(before, compare.picture(want, **facts), tuple(steps), _losses(old, want, observed))


def _slot(parts: Cast, broken: list[Image]) -> tuple[Image | None, list[Image]]:
    """The image to go on with, if any, and what is left over beside it: the current slot, else the readiest incoming."""
    ready = sorted((each for each in parts.incoming if each not in broken), key=lambda each: not each.usable)
    if parts.current and parts.current.is_slot:
        return parts.current, ready
    return (ready[0] if ready else None), ready[1:]


def _waits(desired: Desired) -> bool:
    """Whether the data is there when the step that fills the image ends; with an import only if it is waited for."""
    return desired.wait or desired.source is None or desired.source.method is None


def _make(
    desired: Desired,
    observed: Observed,
    steps: list[Step],
    slot: Image | None,
    have: Flat,
    want: Flat,
    old: Image | None,
) -> tuple[str, Flat]:
    """Steps that create an image, or prepare a slot, and fill it; returns its id and the metadata that it then has."""
    if slot:
        late = _LATE if _waits(desired) or old else (REPLACES,)
        done = have | {key: value for key, value in want.items() if key not in late}
        done = {key: value for key, value in done.items() if key != CONTENT_KEY or key in want}
        operations = compare.patch(have, done)
        if operations:
            steps.append(Change(slot.id, tuple(operations)))
        target = slot.id
    else:
        done = _first_body(desired, want, old)
        wide = (
            want.get("visibility") if want.get("visibility") in _WIDE and done.get("visibility") not in _WIDE else None
        )
        seed = old.id if old else None
        ids = (desired.id,) if desired.id else chosen_ids(observed.project_id, desired.name, seed, observed.now)
        steps.append(Create(done, ids, wide))
        target = NEW
    source = way_in(desired, observed, old)
    steps.append(Fill(target, certain(source), old.stores if old else (), _waits(desired)))
    if _waits(desired):
        steps.append(Verify(target, desired.checksum))
    return target, done


def _first_body(desired: Desired, want: Flat, old: Image | None) -> Flat:
    """What the POST says: everything, but not yet wide open, protected, or in the place of another."""
    body = {key: value for key, value in want.items() if key != REPLACES}
    if _waits(desired) or old:
        body.pop("protected", None)
        if body.get("visibility") in _WIDE:
            body["visibility"] = "private"
    if old:
        body["os_hidden"] = True
        body[INCOMING_FOR] = old.id
    return body


def _finish(
    desired: Desired,
    observed: Observed,
    steps: list[Step],
    target: str,
    done: Flat,
    want: Flat,
    old: Image | None,
    parts: Cast,
) -> None:
    """Steps that open the new image, put it in its place, and take the old one away; the old one is touched last."""
    missing = {"visibility": None, "protected": False, "os_hidden": False}
    operations = compare.patch(dict(missing, **done), want)
    if observed.members and want.get("visibility") == "shared":
        if done.get("visibility", "shared") != "shared":
            done = done | {"visibility": "shared"}
            steps.append(Change(target, tuple(compare.patch({"visibility": None}, {"visibility": "shared"}))))
        operations = compare.patch(dict(missing, **done), want)
        steps += [Share(target, member) for member in sorted(observed.members)]
    if operations:
        steps.append(Change(target, tuple(operations)))
    if desired.state == "inactive":
        steps.append(Deactivate(target))
    leaving = [*parts.outgoing, *([old] if old else [])]
    steps += [retire(desired, each, target) for each in leaving]


def _wanted(desired: Desired, observed: Observed, have: Flat, old: Image | None, slot: Image | None) -> Flat:
    """The metadata of the image once it is in place: what it has or inherits, and what is declared over it."""
    base = compare.heritage(old) if old else {key: value for key, value in have.items() if key not in _STAMPS}
    if slot and slot.usable:
        base |= {key: have[key] for key in ("disk_format", "container_format", CONTENT_KEY) if key in have}
    else:
        base["disk_format"] = desired.disk_format or _natural_format(observed.source_format, base.get("disk_format"))
        base["container_format"] = desired.container_format or base.get("container_format") or "bare"
    base["name"] = have["name"] if slot and slot.id == desired.name else desired.name
    want = compare.declared(desired, base)
    if old:
        want[REPLACES] = old.id
    if desired.identity:
        want[CONTENT_KEY] = desired.identity
    if not have and "owner" not in desired.attributes:
        want.pop("owner", None)
    require_allowed(want, observed.schema or {})
    return want


def _natural_format(real: str | None, inherited: str | None) -> str:
    """The disk format where the task does not say one: the real one of a local file, else that of the predecessor.

    What has no signature looks raw; it stays a kernel if its predecessor was one.
    """
    if real == "raw" and inherited in _WITHOUT_SIGNATURE:
        return inherited
    return real or inherited or "qcow2"


def require_allowed(want: Flat, schema: dict[str, t.Any]) -> None:
    """Refuse formats that this cloud's schema does not have, before anything is sent.

    :param want: may leave formats open (None).
    :raises InvalidOption: with the formats that the schema has.
    """
    for option in ("disk_format", "container_format"):
        allowed = schema.get(option)
        if allowed and want[option] is not None and want[option] not in allowed:
            listed = ", ".join(sorted(filter(None, allowed)))
            raise InvalidOption(f"{option}: this cloud does not take {want[option]!r}; it takes {listed}.")


def require_checksum(desired: Desired, observed: Observed) -> None:
    """Refuse a local source that does not have the declared digest, as far as it was hashed."""
    if not (desired.checksum and desired.source and desired.source.path):
        return
    algorithm, digest = desired.checksum
    if observed.digests.get(algorithm, digest) != digest:
        raise ChecksumMismatch(
            f"checksum: {desired.source.path} has the {algorithm} digest {observed.digests[algorithm]}, not {digest}."
        )


def _require_import_method(desired: Desired, observed: Observed) -> None:
    method = desired.source.method if desired.source else None
    if method and observed.import_methods is not None and method not in observed.import_methods:
        offered = ", ".join(observed.import_methods) or "none"
        raise InvalidOption(f"import_method: this cloud does not offer {method}; it offers {offered}.")


def _require_replaceable(desired: Desired, old: Image | None) -> None:
    """A protected image is replaced whole or not at all."""
    if old and old.protected and desired.retire == "delete" and desired.attributes.get("protected") is not False:
        raise InvalidOption(
            f"retire: the image {desired.name!r} ({old.id}) is protected and its content would have to be replaced; with "
            "retire: delete that needs is_protected: false. With hide or rename the old image is kept.",
            id=old.id,
        )


def _require_disposable(desired: Desired, observed: Observed, image: Image, old: Image | None) -> None:
    """What is broken and in the way is removed, unless that could take something from somebody."""
    if image.id in (desired.id, desired.name):
        raise ImageFault(
            f"The image {image.id} is {image.status} with no usable data and cannot be filled any more, and a deleted id "
            "cannot be used again: delete it and choose another id.",
            id=image.id,
        )
    if image.id in observed.stuck and not _is_ours(desired, observed, image, old):
        raise ImageFault(
            f"The image {desired.name!r} ({image.id}) has been {image.status} for longer than the option timeout, and it was "
            "not made by this collection; if nobody is at work on it, delete it.",
            id=image.id,
        )
    if image.protected:
        raise ImageFault(
            f"The image {desired.name!r} ({image.id}) is {image.status} with no usable data, and protected, so it cannot be "
            "removed to make a new one.",
            id=image.id,
        )


def _is_ours(desired: Desired, observed: Observed, image: Image, old: Image | None) -> bool:
    """Whether the id is one that this collection would have chosen on the day on which the image was made."""
    seeds = {old.id if old else None, image.stamp(INCOMING_FOR)}
    return any(was_chosen(image.id, image.created_at, observed.project_id, desired.name, seed) for seed in seeds)


def _is_broken(desired: Desired, observed: Observed, image: Image) -> bool:
    if image.usable:
        return (
            image.stamp(INCOMING_FOR) is not None
            and compare.content_verdict(desired, image, observed.digests) is not Verdict.SAME
        )
    return not image.is_slot


def retire(desired: Desired, old: Image, successor: str) -> Retire:
    """The step that takes a replaced image out of sight. A protected one is deleted only if the task lifts protection."""
    how, new_name = desired.retire, None
    unprotect = how == "delete" and old.protected
    if unprotect and desired.attributes.get("protected") is not False:
        how, unprotect = "hide", False
    if how == "rename":
        suffix = f" ({old.created_at or old.id})"
        new_name = (old.name or "")[: 255 - len(suffix)] + suffix
    return Retire(old.id, how, successor, unprotect, new_name)


def _losses(old: Image | None, want: Flat, observed: Observed) -> tuple[str, ...]:
    """What cannot pass to the new image, said aloud."""
    notes = []
    if old and any(key.startswith("img_signature") for key in old.custom) and "img_signature" not in want:
        notes.append(f"The signature of image {old.id} does not pass to its successor, whose bytes are others.")
    if old and len(old.stores) > 1 and "glance-direct" not in (observed.import_methods or ()):
        notes.append(f"The new image is only in the store {old.stores[0]}; this cloud has no import to reach several.")
    accepted = sorted(member for member, status in (observed.members or {}).items() if status == "accepted")
    if accepted:
        notes.append(f"The projects {', '.join(accepted)} have to accept the new image again before they can list it.")
    return tuple(notes)
