# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""How a declared image is compared with one of Glance: its content, its metadata, and the patch between. Pure.

Metadata is handled as one flat dictionary, as in Glance's JSON: attributes and properties side by side.
"""

from __future__ import annotations

import enum
import re
import typing as t

from ._desired import Desired
from ._observed import (
    BASE_ATTRIBUTES,
    CATALOG,
    CONTENT_KEY,
    END_OF_LIFE,
    EXCLUDED,
    FAMILY,
    FOREIGN_PREFIXES,
    OWN_PREFIX,
    VERSION,
    WRITTEN_ON,
    Image,
)
from ._steps import certain

#: Attributes that can be changed, or at least be given at creation.
_SETTABLE = (
    "name",
    "visibility",
    "protected",
    "os_hidden",
    "min_disk",
    "min_ram",
    "owner",
    "disk_format",
    "container_format",
)
#: Properties that belong to the bytes, not to the name: they do not pass to an image with other bytes.
_OF_THE_BYTES = ("img_signature",)
#: What Nova writes on a snapshot about the server that it is of; it does not pass to an image that is none.
_OF_A_SNAPSHOT = (
    "base_image_ref",
    "bdm_v2",
    "block_device_mapping",
    "boot_roles",
    "image_location",
    "image_state",
    "image_type",
    "instance_uuid",
    "owner_id",
    "owner_project_name",
    "owner_user_name",
    "root_device_name",
    "user_id",
)
#: The collection's own properties that belong to the version, not to the bytes.
_OF_THE_VERSION = (FAMILY, VERSION, EXCLUDED, END_OF_LIFE, CATALOG)
#: Hexadecimal digits of the digests that a content key can consist of.
_DIGITS = {"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128}

Flat = dict[str, t.Any]


class Verdict(enum.Enum):
    """Whether an image holds the declared content."""

    SAME = "same"
    DIFFERENT = "different"
    #: Nothing at hand can tell: no hash in Glance, or a source that only Glance reads.
    UNKNOWN = "unknown"


def content_verdict(desired: Desired, image: Image, digests: dict[str, str]) -> Verdict:
    """Compare the content of a usable image with the declared one.

    :param digests: digests of the local source by algorithm; see :func:`digests_wanted`.
    """
    stamp = image.stamp(CONTENT_KEY)
    if is_settled_by_key(desired, image):
        return Verdict.SAME
    if _formats_differ(desired, image) and not _was_processed(desired, image):
        return Verdict.DIFFERENT
    if desired.source and desired.source.path:
        return _file_verdict(desired, image, digests)
    if desired.checksum and image.digest(desired.checksum[0]):
        return Verdict.SAME if image.digest(desired.checksum[0]) == desired.checksum[1] else Verdict.DIFFERENT
    if desired.identity and (stamp or desired.content_key):
        return Verdict.DIFFERENT
    return Verdict.UNKNOWN if desired.source or desired.checksum else Verdict.SAME


def is_settled_by_key(desired: Desired, image: Image) -> bool:
    """Whether the content key alone tells that the content is the same.

    An import may change the format on its way, so that the declared one is no longer that of the image.
    """
    return (
        desired.identity is not None
        and image.stamp(CONTENT_KEY) == desired.identity
        and (_may_be_processed(desired, image) or not _formats_differ(desired, image))
    )


def digests_wanted(desired: Desired, image: Image) -> frozenset[str]:
    """Algorithms whose digest of the local source decides :func:`content_verdict`; empty where it is decided without."""
    if not (desired.source and desired.source.path):
        return frozenset()
    if _formats_differ(desired, image) and not _was_processed(desired, image):
        return frozenset()
    if is_settled_by_key(desired, image):
        return frozenset()
    by_stamp = None if desired.content_key else _stamp_algorithm(image)
    by_hash = image.hash_algorithm if image.size == desired.source.size else None
    return frozenset(algorithm for algorithm in (by_stamp, by_hash) if algorithm)


def settable(image: Image) -> Flat:
    """The metadata of an image that a task can set, flat; tags as a sorted list; the collection's own stamps included."""
    flat = {key: image.raw.get(key) for key in _SETTABLE}
    flat["tags"] = sorted(image.tags)
    flat.update((key, value) for key, value in image.custom.items() if not key.startswith(FOREIGN_PREFIXES))
    return flat


def heritage(image: Image, same_version: bool = True) -> Flat:
    """What passes from an image to the one that takes its place, where the task does not say otherwise.

    :param same_version: whether it is the same version of its family, with other bytes.
    """
    of_a_snapshot = _OF_A_SNAPSHOT if image.snapshot else ()
    stamps: Flat = {key: image.stamp(key) for key in _OF_THE_VERSION if same_version and image.stamp(key) is not None}
    return stamps | {
        key: value
        for key, value in settable(image).items()
        if not key.startswith((OWN_PREFIX, *_OF_THE_BYTES)) and key not in of_a_snapshot
    }


def declared(desired: Desired, have: Flat) -> Flat:
    """The metadata ``have`` with everything that the task declares put over it.

    Formats and the name are left out: they are decided by the plan.
    """
    want = dict(have)
    if desired.purge_properties:
        want = {key: value for key, value in want.items() if key in BASE_ATTRIBUTES or key.startswith(OWN_PREFIX)}
    want.update(desired.attributes)
    if desired.tags is not None:
        want["tags"] = sorted(desired.tags)
    for key, value in (desired.properties | desired.stamps).items():
        if value is None:
            want.pop(key, None)
        else:
            want[key] = value
    return want


def without_void(desired: Desired, image: Image, have: Flat) -> Flat:
    """The metadata of an image less what it has inherited of the collection's own properties.

    On an image that stays a snapshot they stay, too: nothing makes them count there.
    """
    void = image.void
    if not void or Image(declared(desired, have)).snapshot:
        return have
    return {key: value for key, value in have.items() if key not in void}


def signed(want: Flat, image: Image) -> Flat:
    """The metadata that an image is to have, with its id if the collection's own properties in there are written anew.

    Those of versions before 0.3.0 bear no id, and are left so until one of them changes.
    """
    own = _own(want)
    if not own or own == _own(settable(image)) or Image(want).snapshot:
        return want
    return want | {WRITTEN_ON: image.id}


def stamping(image: Image, operations: t.Iterable[dict[str, t.Any]]) -> tuple[dict[str, t.Any], ...]:
    """A JSON patch that writes own properties on an image as it stands: signed, and without those that it has inherited."""
    operations = tuple(operations)
    written = {operation["path"] for operation in operations}
    void = [pointer(key) for key in sorted(image.void) if key != WRITTEN_ON]
    removals = [{"op": "remove", "path": path} for path in void if path not in written]
    is_signed = image.raw.get(WRITTEN_ON) == image.id
    signature = [] if is_signed else [{"op": "add", "path": pointer(WRITTEN_ON), "value": image.id}]
    return (*removals, *operations, *signature)


def _own(flat: Flat) -> Flat:
    return {key: value for key, value in flat.items() if key.startswith(OWN_PREFIX)}


def patch(have: Flat, want: Flat) -> list[dict[str, t.Any]]:
    """JSON patch (application/openstack-images-v2.1-json-patch) that turns one metadata into another.

    ``add`` overwrites a property, while ``replace`` fails on one that has just been removed by somebody else.
    """
    operations = []
    for key, value in sorted(want.items()):
        if have.get(key) != value or (key not in have and key not in BASE_ATTRIBUTES):
            verb = "replace" if key in BASE_ATTRIBUTES else "add"
            operations.append({"op": verb, "path": pointer(key), "value": value})
    gone = sorted(key for key in have if key not in want and key not in BASE_ATTRIBUTES)
    operations += [{"op": "remove", "path": pointer(key)} for key in gone]
    return operations


def pointer(key: str) -> str:
    """A key as a JSON pointer (RFC 6901, section 3)."""
    return "/" + key.replace("~", "~0").replace("/", "~1")


def picture(flat: Flat, **facts: t.Any) -> dict[str, t.Any]:
    """Metadata in the shape in which diffs show it: properties apart from attributes.

    :param facts: what metadata does not hold, for instance status and size; None is left out.
    """
    shown = {key: value for key, value in flat.items() if key in BASE_ATTRIBUTES and value is not None}
    hidden = BASE_ATTRIBUTES | {WRITTEN_ON}
    shown["properties"] = {key: value for key, value in sorted(flat.items()) if key not in hidden}
    shown.update((key, value) for key, value in facts.items() if value is not None)
    return shown


def picture_of(image: Image) -> dict[str, t.Any]:
    """An image in the shape in which diffs show it."""
    facts = {key: image.raw.get(key) for key in ("id", "status", "size", "os_hash_algo", "os_hash_value")}
    return picture(settable(image), stores=sorted(image.stores) or None, **facts)


def gib(size: int) -> int:
    """Gibibytes that hold so many bytes: the unit of min_disk."""
    return -(-size // 1024**3)


def _formats_differ(desired: Desired, image: Image) -> bool:
    pairs = ((desired.disk_format, "disk_format"), (desired.container_format, "container_format"))
    return any(value is not None and value != image.raw.get(key) for value, key in pairs)


def _was_processed(desired: Desired, image: Image) -> bool:
    """Whether the cloud may have changed the bytes and the format of an imported file, so that a stamp tells what it was."""
    return _may_be_processed(desired, image) and _stamp_algorithm(image) is not None


def _may_be_processed(desired: Desired, image: Image) -> bool:
    """Whether the image came, or may have come, by an import: files that go into several stores are imported unasked."""
    return desired.imported or len(desired.stores or image.stores) > 1


def _stamp_algorithm(image: Image) -> str | None:
    """The algorithm of a stamp that is the plain digest of a source ("sha256:..."), as imports leave it."""
    algorithm, _colon, digest = (image.stamp(CONTENT_KEY) or "").partition(":")
    digits = _DIGITS.get(algorithm)
    return algorithm if digits and re.fullmatch(f"[0-9a-f]{{{digits}}}", digest) else None


def _file_verdict(desired: Desired, image: Image, digests: dict[str, str]) -> Verdict:
    source = certain(desired.source)
    algorithm = _stamp_algorithm(image)
    if not desired.content_key and algorithm and f"{algorithm}:{digests[algorithm]}" == image.stamp(CONTENT_KEY):
        return Verdict.SAME
    if image.size != source.size or _formats_differ(desired, image):
        return Verdict.DIFFERENT
    if not image.hash_algorithm:
        return Verdict.UNKNOWN
    same = digests[image.hash_algorithm] == image.digest(image.hash_algorithm)
    return Verdict.SAME if same else Verdict.DIFFERENT
