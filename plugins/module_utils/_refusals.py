# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What a plan refuses, before anything is sent, in one sentence that names the option or the image. Pure."""

from __future__ import annotations

import typing as t

from ._chosen_id import purpose, was_chosen
from ._compare import Flat
from ._desired import Desired
from ._errors import ChecksumMismatch, ImageFault, InvalidOption
from ._image_steps import CopyToStores
from ._observed import INCOMING_FOR, Image, Observed
from ._steps import Step

#: The properties by which Glance verifies data, https://docs.openstack.org/glance/latest/user/signature.html
SIGNATURE = (
    "img_signature",
    "img_signature_certificate_uuid",
    "img_signature_hash_method",
    "img_signature_key_type",
)


def require_the_one(desired: Desired, image: Image) -> None:
    """Refuse to delete an image of which it cannot be told, or is not so, that it has the declared checksum."""
    algorithm, digest = desired.checksum or ("", "")
    held = image.digest(algorithm)
    if held is None:
        known = image.hash_algorithm or "no"
        raise InvalidOption(
            f"checksum: Glance does not tell the {algorithm} digest of image {image.id}, so whether it is the one that is meant "
            f"is not known; it tells the {known} digest.",
            id=image.id,
        )
    if held != digest:
        raise InvalidOption(
            f"checksum: the {algorithm} digest of image {image.id} is {held}, not {digest}.", id=image.id
        )


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


def require_import_method(method: str | None, observed: Observed, option: str = "import_method") -> None:
    """Refuse a way in that the cloud does not have, with those that it has.

    :param option: the one that makes it necessary.
    """
    if method and observed.import_methods is not None and method not in observed.import_methods:
        offered = ", ".join(observed.import_methods) or "none"
        raise InvalidOption(f"{option}: this cloud does not offer {method}; it offers {offered}.")


def require_replaceable(desired: Desired, old: Image | None) -> None:
    """A protected image is replaced whole or not at all."""
    if old and old.protected and desired.retire == "delete" and desired.attributes.get("protected") is not False:
        raise InvalidOption(
            f"retire: the image {desired.name!r} ({old.id}) is protected and its content would have to be replaced; with "
            "retire: delete that needs is_protected: false. With hide or rename the old image is kept.",
            id=old.id,
        )


def require_disposable(desired: Desired, observed: Observed, image: Image, old: Image | None) -> None:
    """What is broken and in the way is removed, unless that could take something from somebody."""
    if image.id in (desired.id, desired.name):
        raise ImageFault(
            f"The image {image.id} is {image.status} with no usable data and cannot be filled any more, and a deleted id "
            "cannot be used again: delete it and choose another id.",
            id=image.id,
        )
    if image.id in observed.stuck and not is_ours(desired, observed, image, old):
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


def is_ours(desired: Desired, observed: Observed, image: Image, old: Image | None) -> bool:
    """Whether the id is one that this collection would have chosen on the day on which the image was made."""
    seeds = {old.id if old else None, image.stamp(INCOMING_FOR)}
    what = purpose(desired.name, desired.family, desired.version)
    return any(was_chosen(image.id, image.created_at, observed.project_id, what, seed) for seed in seeds)


def require_released(image: Image, steps: t.Iterable[Step]) -> None:
    """Refuse a copy of an image that another task holds: Glance would refuse it, too."""
    if any(isinstance(step, CopyToStores) and step.image == image.id for step in steps):
        raise ImageFault(
            f"stores: a task of Glance has been copying the image {image.id} for longer than the option timeout, and no other "
            "copy is possible before it ends; if it has died, Glance frees the image after an hour or two.",
            id=image.id,
        )


def require_whole_signature(desired: Desired, want: Flat, fills: bool) -> None:
    """Refuse a part of a signature: Glance verifies data only if all four properties are there, and else says nothing.

    :param want: metadata of the image in the end.
    :param fills: whether data comes in.
    """
    missing = [key for key in SIGNATURE if not want.get(key)]
    touched = fills or any(key in desired.properties for key in SIGNATURE)
    if touched and 0 < len(missing) < len(SIGNATURE):
        raise InvalidOption(
            f"properties: a signature is verified only if {', '.join(SIGNATURE)} are all there; {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing."
        )


def require_shareable(desired: Desired, visibility: str | None) -> None:
    """Refuse members of an image that will not be shared; visibility is never changed unasked."""
    if desired.members and visibility != "shared":
        raise InvalidOption(
            f"members: the image {desired.name!r} is {visibility}, and only shared images have members; say visibility: shared, "
            "or leave members out."
        )


def require_stores(desired: Desired, observed: Observed) -> None:
    """Refuse stores that the cloud does not have, or cannot write to."""
    if desired.stores is None or observed.stores is None:
        return
    if not observed.stores:
        raise InvalidOption(
            "stores: this cloud has a single store, so there is nothing to choose; leave the option out."
        )
    for store in desired.stores:
        if store not in observed.stores:
            raise InvalidOption(f"stores: this cloud has no store {store!r}; it has {', '.join(observed.stores)}.")
        if not observed.stores[store]:
            raise InvalidOption(f"stores: the store {store!r} of this cloud can only be read.")
