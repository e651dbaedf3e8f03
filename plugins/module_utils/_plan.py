# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What is to be done about one declared image: a pure function of what is desired and what is observed.

``questions`` tells which further facts a plan needs, so that nothing is read or hashed in vain; ``plan`` then decides.
Applying a plan and planning again gives the empty plan.
"""

from __future__ import annotations

import dataclasses
import typing as t

from . import _compare as compare
from ._cast import Cast, ambiguous, cast
from ._compare import Verdict
from ._desired import Desired
from ._errors import ContentMissing, ImageFault, InvalidOption
from ._heirs import model_of
from ._image_steps import Delete, Fill, Wait
from ._observed import GONE, Image, Observed
from ._promotion import narrowed, promoted
from ._refusals import (
    require_allowed,
    require_checksum,
    require_released,
    require_the_one,
)
from ._sharing import members_of
from ._spared import doubted, spared
from ._steps import Plan, Step, certain
from ._storing import stores_after, stores_differ
from ._supply import STAMP_ALGORITHM, supply
from ._unnamed import as_version, family_in_doubt, heir_of, named_first
from ._update import clear_up, update


@dataclasses.dataclass(frozen=True)
class Questions:
    """Facts that a plan needs and that are not in the observation yet."""

    digests: frozenset[str] = frozenset()
    source_format: bool = False
    schema: bool = False
    import_methods: bool = False
    stores: bool = False
    members_of: str | None = None
    #: The family that the declared name may be that of.
    relatives: str | None = None
    #: Images of which has to be known who has them as kernel or ramdisk.
    needing: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return self != Questions()


def questions(desired: Desired, observed: Observed) -> Questions:
    """What has to be found out before :func:`plan` can decide; ask again until nothing is left."""
    if family := family_in_doubt(desired, observed):
        return Questions(relatives=family)
    desired, observed = as_version(desired, observed)
    asked = _questions(*narrowed(desired, observed))
    if asked or desired.retire != "delete":
        return asked
    return Questions(needing=doubted(_planned(desired, observed), observed) - observed.needing.keys())


def _questions(desired: Desired, observed: Observed) -> Questions:
    if desired.state == "absent":
        return Questions()
    parts = _parts(desired, observed)
    if parts.current and _is_busy(parts.current, observed):
        return Questions()
    digests = _digests_wanted(desired, parts) - set(observed.digests)
    if digests:
        return Questions(digests=digests)
    if desired.source and _needs_data(desired, observed, parts):
        return _questions_of_supply(desired, observed, parts)
    current = parts.current
    moves = current is not None and stores_differ(desired, current)
    return Questions(
        import_methods=moves and observed.import_methods is None,
        stores=moves and observed.stores is None,
        members_of=members_of(desired, observed, current, fills=False),
    )


def _questions_of_supply(desired: Desired, observed: Observed, parts: Cast) -> Questions:
    """What has to be known before data can come in."""
    source = certain(desired.source)
    old = model_of(observed, parts)
    if observed.schema is not None:
        require_allowed(
            {"disk_format": desired.disk_format, "container_format": desired.container_format}, observed.schema
        )
    several = len(stores_after(desired, old)) > 1
    imported = source.path is not None and (source.method is not None or several)
    return Questions(
        digests=frozenset({STAMP_ALGORITHM} if imported else ()) - set(observed.digests),
        source_format=source.path is not None and observed.schema is not None and observed.source_format is None,
        schema=observed.schema is None,
        import_methods=observed.import_methods is None
        and (source.method is not None or several or desired.stores is not None),
        stores=desired.stores is not None and observed.stores is None,
        members_of=members_of(desired, observed, old, fills=True),
    )


def plan(desired: Desired, observed: Observed) -> Plan:
    """Decide what is to be done.

    :raises CollectionError: if the declared state cannot be reached, in the same words whether or not it is check mode.
    """
    desired, observed = as_version(desired, observed)
    return spared(desired, observed, _planned(desired, observed))


def _planned(desired: Desired, observed: Observed) -> Plan:
    """The plan, as if no image needed another one to boot."""
    decided = _as_named(desired, observed)
    heir = heir_of(desired, observed) if any(isinstance(step, Fill) for step in decided.steps) else None
    if heir is None:
        return decided
    give, then = named_first(desired, observed, heir)
    after = _as_named(desired, then)
    return dataclasses.replace(after, before=decided.before, steps=(give, *after.steps))


def _as_named(desired: Desired, observed: Observed) -> Plan:
    """The plan, as if somebody had the name of the family already, should the declared name be one."""
    task, scene = narrowed(desired, observed)
    parts = _parts(task, scene)
    before = _picture_before(task, scene, parts.current)
    if observed.said and desired.version is not None:
        own = clear_up(task, scene, parts, before)
    else:
        own = _decided(task, scene, parts, before)
    decided = promoted(desired, observed, own)
    touched = {getattr(step, "image", None) for step in decided.steps}
    for image in observed.images:
        held = image.copying or (image not in scene.images and _is_busy(image, observed))
        if held and image.id in touched:
            if image.id not in observed.stuck:
                return _waiting(task, image, before)
            require_released(image, decided.steps)
    return decided


def _decided(desired: Desired, observed: Observed, parts: Cast, before: dict[str, t.Any]) -> Plan:
    """The plan, as if no image were being copied from store to store."""
    if desired.state == "absent":
        return _absent(desired, observed, parts, before)
    for image in (parts.current, *parts.incoming):
        if image and _is_busy(image, observed) and _concerns(image, desired, observed, parts):
            return _waiting(desired, image, before)
    current = parts.current
    if desired.state == "inactive" and not (current and current.usable):
        raise ImageFault(f"{_not_there(desired)} with data to deactivate; make one with state: present first.")
    require_checksum(desired, observed)
    if not _needs_data(desired, observed, parts):
        return update(desired, observed, parts, before)
    return supply(desired, observed, parts, before)


def _picture_before(desired: Desired, observed: Observed, current: Image | None) -> dict[str, t.Any]:
    if current is None:
        return {}
    known = desired.members is not None and observed.members is not None
    return compare.picture_of(current) | ({"members": sorted(observed.members or {})} if known else {})


def _parts(desired: Desired, observed: Observed) -> Cast:
    """Who is who among the images under the name. Without a source, ``checksum`` says which image is meant."""
    images: t.Iterable[Image] = observed.images
    if len(observed.images) == 1 and observed.images[0].id in (desired.id, desired.name):
        return _only(desired, observed.images[0])
    if desired.checksum and not desired.source:
        algorithm, digest = desired.checksum
        images = [image for image in images if image.digest(algorithm) in (None, digest)]
        if not images and observed.images and desired.state != "absent":
            raise ContentMissing(
                f"The image {desired.name!r} does not have the declared checksum, and the task names no source (filename or "
                "uri) of an image that has it."
            )
    return cast(images, desired.name, observed.twins)


def _only(desired: Desired, image: Image) -> Cast:
    """The part of an image that was asked for by its id.

    :raises ImageFault: if it is on its way out, or is not the one that ``checksum`` speaks of.
    """
    if image.status in GONE:
        if desired.state == "absent":
            return Cast()
        raise ImageFault(f"The image {image.id} is {image.status}; a deleted id cannot be used again.", id=image.id)
    if desired.state == "absent" and desired.checksum:
        require_the_one(desired, image)
    return Cast(current=image)


def _digests_wanted(desired: Desired, parts: Cast) -> frozenset[str]:
    """Algorithms by which the local source has to be hashed: to compare it, and to verify it, unless a key settles it."""
    ready = _usable(parts)
    wanted = {algorithm for image in ready for algorithm in compare.digests_wanted(desired, image)}
    local = desired.source and desired.source.path
    current = parts.current
    settled = current is not None and current.usable and compare.is_settled_by_key(desired, current)
    if local and desired.checksum and not settled:
        wanted.add(desired.checksum[0])
    return frozenset(wanted)


def _is_busy(image: Image, observed: Observed) -> bool:
    """Whether somebody may be at work on an image, and it has not been waited for in vain."""
    return (image.in_motion or image.id in observed.in_hands) and image.id not in observed.stuck


def _usable(parts: Cast) -> list[Image]:
    return [image for image in (parts.current, *parts.incoming) if image and image.usable]


def _verdict(desired: Desired, observed: Observed, image: Image) -> Verdict:
    return compare.content_verdict(desired, image, observed.digests)


def _needs_data(desired: Desired, observed: Observed, parts: Cast) -> bool:
    """Whether the image that the name means is not, or not with the declared content, there.

    :raises CollectionError: if it would be needed and cannot or must not be supplied.
    """
    current = parts.current
    if current is None or not current.usable:
        if desired.source is None:
            raise _no_source(desired, current)
        return True
    if _verdict(desired, observed, current) is not Verdict.DIFFERENT or desired.on_content_change == "keep":
        return False
    if desired.on_content_change == "fail":
        raise ImageFault(
            f"The content of the image {desired.name!r} ({current.id}) is not {_the_content(desired)}, and "
            "on_content_change is fail.",
            id=current.id,
        )
    if desired.id or desired.name == current.id:
        raise InvalidOption(
            f"id: the content of image {current.id} is not {_the_content(desired)}, and an id can never get new content. "
            "Name the image by its name alone to have it replaced, or set on_content_change to keep.",
            id=current.id,
        )
    if desired.source is None:
        raise _no_other_content(desired, current)
    return True


def _the_content(desired: Desired) -> str:
    return f"that of {desired.source}" if desired.source else "the declared one"


def _not_there(desired: Desired) -> str:
    if desired.version:
        return f"The family {desired.family!r} has no version {desired.version!r}"
    return f"There is no image {desired.name!r}"


def _no_source(desired: Desired, current: Image | None) -> ContentMissing:
    if current is None:
        what = _not_there(desired)
    else:
        what = f"The image {desired.name!r} ({current.id}) is {current.status} and has no usable data"
    return ContentMissing(
        f"{what}, and the task names no source (filename, uri or remote_image_id) to make it from.",
        **({"id": current.id} if current else {}),
    )


def _no_other_content(desired: Desired, current: Image) -> ContentMissing:
    source = "and the task names no source (filename, uri or remote_image_id) for a new one."
    declared = {"disk_format": desired.disk_format, "container_format": desired.container_format}
    for option, value in declared.items():
        held = current.raw.get(option)
        if value not in (None, held):
            what = (
                f"{option}: the image {desired.name!r} ({current.id}) is {held}, not {value}, which cannot be changed"
            )
            return ContentMissing(f"{what}, {source}", id=current.id)
    what = f"The image {desired.name!r} ({current.id}) does not have the declared content"
    return ContentMissing(f"{what}, {source}", id=current.id)


def _concerns(image: Image, desired: Desired, observed: Observed, parts: Cast) -> bool:
    """Whether an image in motion is in the way: the current one always, an incoming one when this task wants the place."""
    return image is parts.current or _needs_data(desired, observed, parts)


def _waiting(desired: Desired, image: Image, before: dict[str, t.Any]) -> Plan:
    doing = "being copied" if image.copying else image.status
    if desired.wait:
        after = {} if desired.state == "absent" else dict(compare.picture_of(image), status="active")
        seen = None if image.in_motion or image.copying else image.raw
        return Plan(before, after, (Wait(image.id, doing, seen),))
    note = f"The image {desired.name!r} ({image.id}) is {doing}; with wait: false the rest is left to a later run."
    return Plan(before, before, warnings=(note,))


def _absent(desired: Desired, observed: Observed, parts: Cast, before: dict[str, t.Any]) -> Plan:
    if parts.bystanders:
        raise ambiguous(desired.name, [*parts.bystanders, *([parts.current] if parts.current else [])])
    if parts.current and desired.checksum:
        require_the_one(desired, parts.current)
    doomed = [image for image in (parts.current, *parts.incoming, *parts.outgoing) if image]
    steps: list[Step] = []
    for image in doomed:
        if image.protected and not desired.force:
            raise ImageFault(
                f"The image {desired.name!r} ({image.id}) is protected; it is deleted only with force: true.",
                id=image.id,
            )
        in_the_way = image.status == "importing" or (image.status == "saving" and image.protected)
        if in_the_way and _is_busy(image, observed):
            # Glance leaks the file in the store when an image is deleted in the middle of an import, and what is changed
            # during an upload, such as protection, is lost.
            return _waiting(desired, image, before)
        steps.append(Delete(image.id, unprotect=image.protected))
    return Plan(before, {}, tuple(steps))
