# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Which version of a family has the family's name, and how the name passes from one image to another. Pure.

There is never a moment without an image under the name: it is given first and taken afterwards.
"""

from __future__ import annotations

import dataclasses
import typing as t

from . import _compare as compare
from ._cast import Cast, cast
from ._desired import Desired
from ._errors import AmbiguousImage, InvalidOption
from ._image_steps import (
    Change,
    Create,
    Deactivate,
    Delete,
    Exclude,
    Fill,
    GiveName,
    LookAgain,
    Retire,
    Supersede,
    Verify,
    Wait,
    key_of,
)
from ._observed import END_OF_LIFE, EXCLUDED, INCOMING_FOR, REPLACES, SUPERSEDED_AT, WRITTEN_ON, Image, Observed
from ._steps import Plan, Step, certain
from ._twins import twins_of
from ._unnamed import bearing
from ._version_order import version_key
from ._versions import (
    age,
    best,
    dated_name,
    family_of,
    has_ended,
    has_former_name,
    is_called_after_version,
    is_excluded,
    is_good,
    newest_good,
    version_of,
    versioned_name,
    versions_of,
)

_Operations = tuple[dict[str, t.Any], ...]


def narrowed(desired: Desired, observed: Observed) -> tuple[Desired, Observed]:
    """The declaration and the images that it is about, under the name that they have: for a version those that are it.

    :raises InvalidOption: if another image than the one with the declared id is this version.
    :raises AmbiguousImage: if it cannot be told from which image a new version inherits.
    """
    if desired.version is None:
        return desired, observed
    if observed.said:
        desired = _with_nothing_left_to_say(desired)
    mine = tuple(image for image in observed.images if _is_declared(image, desired))
    if desired.id:
        _require_no_twin(desired, mine)
        mine = tuple(image for image in mine if image.id == desired.id)
    has_name = any(image.name == desired.name and not image.stamp(INCOMING_FOR) for image in mine)
    task = dataclasses.replace(
        desired,
        name=desired.name if has_name else versioned_name(desired.name, certain(desired.version)),
        stamps=desired.stamps if has_name else _held_back(desired),
    )
    others = [image for image in observed.images if image not in mine]
    former = [] if mine and has_name else _former(versions_of(others, certain(desired.family)), desired.name)
    holder = None if mine and has_name else _model(desired, _cast(others, desired.name).current or best(former))
    scene = dataclasses.replace(
        observed,
        images=mine,
        twins=twins_of(mine, observed.now),
        holder=holder,
        outshone=_is_outshone(desired, observed, others),
    )
    return task, scene


def promoted(desired: Desired, observed: Observed, own: Plan) -> Plan:
    """The plan for a version, with the steps that give the family's name to the version that ought to have it.

    :param own: the plan for the image of that version alone.
    :raises CollectionError: if the declared version cannot have the name.
    """
    if desired.version is None or desired.promote is False or not desired.moves_name:
        return own
    was_promoted = desired.promote
    if observed.said:
        desired = _with_nothing_left_to_say(desired)
    if own.steps and isinstance(own.steps[-1], (Wait, LookAgain)):
        return own
    promotion = _Promotion(desired, observed, own)
    if promotion.is_left_to_later:
        note = f"With wait: false, who has the name {desired.name!r} is left to a later run."
        return dataclasses.replace(own, warnings=(*own.warnings, note))
    plan = promotion.plan()
    if was_promoted and observed.said and not plan.steps:
        plan = dataclasses.replace(plan, warnings=(*plan.warnings, *promotion.news()))
    is_quiet = all(isinstance(step, (Create, Fill, Verify)) for step in plan.steps)
    return dataclasses.replace(plan, confirm=not is_quiet)


class _Promotion:
    """The steps around the plan for one version."""

    def __init__(self, desired: Desired, observed: Observed, own: Plan) -> None:
        self.desired, self.observed, self.own = desired, observed, own
        self.name = desired.name
        #: Images that the plan removes.
        self.leaving = {step.image for step in own.steps if isinstance(step, (Delete, Retire))}
        #: The declared version as the plan leaves it, if it does.
        self.image = self._image_after()
        images = [each for each in observed.images if not self._is_own(each)]
        images += [self.image] if self.image else []
        self.staying = [each for each in images if each.id not in self.leaving]
        self.parts = _cast(images, self.name)
        self.bearers = [*self.parts.outgoing, *self._relatives(images), *filter(None, [self.parts.current])]
        family = versions_of(self.staying, certain(desired.family))
        #: Versions that have the name by which the family went before, and all that are called after that.
        self.former = _former(family, self.name)
        self.astray = [each for each in family if has_former_name(each, family, self.name)]

    def plan(self) -> Plan:
        rightful = self._rightful()
        if rightful is None:
            return self.own
        excludes = self._excludes()
        going = [each for each in (*self.bearers, *self.former) if self._has_to_go(each, rightful)]
        late = [each for each in going if each is self.parts.current or self._is_own(each)]
        overdue = [each for each in going if each not in late]
        interim = self._interim(overdue)
        if self.desired.promote or interim is None:
            late, overdue = going, []
        first: list[Step] = [self._supersede(each, certain(interim)) for each in overdue]
        moves: list[Step] = [*excludes, *self._gives(rightful, late)]
        moves += [self._supersede(each, rightful) for each in late]
        moves += [self._renamed(each) for each in self.astray if each is not rightful and each not in going]
        place, own = self._place(), [self._watched(step, rightful) for step in self.own.steps]
        steps = (*first, *own[:place], *moves, *own[place:])
        return dataclasses.replace(self.own, after=self._picture([*first, *moves]), steps=steps)

    @property
    def is_left_to_later(self) -> bool:
        """Whether the image will be there only once an import has ended that is not waited for."""
        starts = any(isinstance(step, Fill) and not step.wait for step in self.own.steps)
        waits = self.image is None or not self.image.usable
        return starts or (waits and self.desired.promote is True)

    def _watched(self, step: Step, heir: Image) -> Step:
        """A step that takes an image out of sight, which is not done if the one that has the name then has changed."""
        if not (isinstance(step, Retire) and step.seen):
            return step
        return dataclasses.replace(
            step, seen=(*step.seen, *(each for each in self.observed.images if each.id == heir.id))
        )

    def _place(self) -> int:
        """Where among the steps of the plan the name passes on: before the image that has it goes out of use."""
        if self.desired.state == "absent":
            return 0
        ends = (index for index, step in enumerate(self.own.steps) if self._ends_use(step))
        return next(ends, len(self.own.steps))

    def _ends_use(self, step: Step) -> bool:
        """Whether a step takes an image out of use that is found under the name."""
        named = (each.id for each in self.bearers if not each.hidden)
        return isinstance(step, Deactivate) or (isinstance(step, Retire) and bool(step.seen) and step.image in named)

    def _image_after(self) -> Image | None:
        after = self.own.after
        if not after:
            return None
        known = next((each.raw for each in self.observed.images if each.id == after["id"]), {})
        facts = {"created_at": known.get("created_at") or self.observed.time, WRITTEN_ON: after["id"]}
        return Image(
            facts | {k: v for k, v in after.items() if k not in ("properties", "members")} | after["properties"]
        )

    def _is_own(self, image: Image) -> bool:
        return self.image is not None and image.id == self.image.id

    def _is_version(self, image: Image) -> bool:
        return family_of(image) == self.desired.family

    def _relatives(self, images: list[Image]) -> list[Image]:
        """Further versions that bear the name, as can be in the moment of a promotion."""
        known = {each.id for each in (*self.parts.outgoing, *filter(None, [self.parts.current]))}
        named = [each for each in bearing(images, self.name) if self._is_version(each)]
        return [each for each in named if each.id not in known]

    def _rightful(self) -> Image | None:
        """The version that is to have the name: the newest good one, else the one that has it; None if there is neither."""
        if not self.desired.promote:
            newest = newest_good(self.staying, certain(self.desired.family), self.observed.now)
            return newest or self._keeper()
        image = certain(self.image)
        if has_ended(image, self.observed.now):
            raise InvalidOption(
                f"promote: the end of life of version {self.desired.version} was {image.stamp(END_OF_LIFE)}; set end_of_life "
                "anew, or promote another version."
            )
        return image

    def _keeper(self) -> Image | None:
        """The version that has the name and keeps it, because none is good."""
        keeping = [each for each in self.bearers if each in self.staying and each not in self.parts.outgoing]
        keeping = keeping or self.former
        return best(keeping) if all(map(self._is_version, keeping)) else None

    def _excludes(self) -> list[Exclude]:
        """Steps that make a version that is promoted the newest good one, and one that is to be deleted none that is good."""
        if not (self.desired.promote or self.desired.state == "absent"):
            return []
        if self.desired.promote:
            ours = age(certain(self.image))
            newer = versions_of(self.staying, certain(self.desired.family))
            bad = [each for each in newer if age(each) > ours and not self._is_own(each)]
        else:
            bad = [each for each in self.bearers if each.id in self.leaving and self._is_version(each)]
        operations: _Operations = ({"op": "add", "path": f"/{EXCLUDED}", "value": "true"},)
        good = [each for each in bad if is_good(each, self.observed.now)]
        is_aid = not self.desired.promote
        return [Exclude(each.id, certain(version_of(each)), operations, is_aid) for each in good]

    def _has_to_go(self, image: Image, rightful: Image) -> bool:
        """Whether an image loses the name; one that is replaced is retired anyway, one that is deleted loses it first."""
        return image.id != rightful.id and (image.id not in self.leaving or self.desired.state == "absent")

    def _interim(self, images: list[Image]) -> Image | None:
        """Who has the name while these lose it, before it is given to another one; None if others would see it elsewhere."""
        left = [each for each in bearing(self.observed.images, self.name) if each not in images]
        newest = newest_good(self.observed.images, certain(self.desired.family), self.observed.now)
        heir = newest or best(filter(self._is_version, left))
        is_found = heir is not None and heir in left and heir.status == "active" and not heir.hidden
        return heir if is_found else None

    def news(self) -> tuple[str, ...]:
        """What has become of a promotion that somebody else has overtaken."""
        rightful = self._rightful()
        if rightful is None or self._is_own(rightful):
            return ()
        version = version_of(rightful)
        return (f"Somebody else has given the name {self.name!r} to version {version} ({rightful.id}) meanwhile.",)

    def _gives(self, image: Image, going: list[Image]) -> list[GiveName]:
        operations: list[dict[str, t.Any]] = []
        shows = image.hidden and not (self._is_own(image) and self.desired.attributes.get("os_hidden"))
        takes_sight = shows and any(not each.hidden for each in self.bearers if each.id != image.id)
        if image.name != self.name:
            operations.append({"op": "replace", "path": "/name", "value": self.name})
        if image.stamp(SUPERSEDED_AT):
            operations.append({"op": "remove", "path": f"/{SUPERSEDED_AT}"})
        if not (operations or takes_sight):
            return []
        if shows:
            operations.append({"op": "replace", "path": "/os_hidden", "value": False})
        # Who looks in the moment when both have the name knows by this who has lost it
        strangers = [each.id for each in going if each is self.parts.current and not self._is_version(each)]
        operations += [{"op": "add", "path": f"/{REPLACES}", "value": each} for each in strangers]
        bearers = frozenset(each.id for each in self.bearers)
        return [GiveName(image.id, certain(version_of(image)), self.name, tuple(operations), bearers)]

    def _supersede(self, image: Image, heir: Image) -> Supersede:
        desired, own = self.desired, self._is_own(image)
        relative = self._is_version(image)
        name = versioned_name(self.name, certain(version_of(image))) if relative else dated_name(image)
        hidden = desired.retire != "keep"
        if own:
            hidden = desired.attributes.get("os_hidden", hidden)
        operations: list[dict[str, t.Any]] = [
            {"op": "replace", "path": "/name", "value": name},
            {"op": "add", "path": f"/{SUPERSEDED_AT}", "value": self.observed.time},
        ]
        if image.hidden != hidden and (hidden or own):
            operations.append({"op": "replace", "path": "/os_hidden", "value": hidden})
        if relative and version_key(version_of(image) or "") in desired.held_back and not is_excluded(image):
            operations.append({"op": "add", "path": f"/{EXCLUDED}", "value": "true"})
        is_declared = relative and version_key(version_of(image) or "") in desired.siblings
        disposable = relative and not (own or is_declared or image.protected or image.id in self.leaving)
        deletes = desired.retire == "delete" and disposable
        known = {each.id: each for each in self.observed.images}
        seen = tuple(known[each.id] for each in (image, heir) if each.id in known)
        return Supersede(image.id, name, compare.stamping(image, operations), deletes, seen)

    def _renamed(self, image: Image) -> Change:
        """The step that calls a version after the name of the family that is declared now."""
        name = versioned_name(self.name, certain(version_of(image)))
        return Change(image.id, ({"op": "replace", "path": "/name", "value": name},))

    def _picture(self, moves: list[Step]) -> dict[str, t.Any]:
        """The declared version as it is after these steps."""
        if self.image is None:
            return self.own.after
        after = self.own.after | {"properties": dict(self.own.after["properties"])}
        steps = [
            each for each in moves if isinstance(each, (GiveName, Supersede, Change)) and each.image == self.image.id
        ]
        for operation in (each for step in steps for each in step.operations):
            key = key_of(operation)
            place = after if key in compare.BASE_ATTRIBUTES else after["properties"]
            if operation["op"] == "remove":
                del place[key]
            else:
                place[key] = operation["value"]
        return after | {"properties": dict(sorted(after["properties"].items()))}


def _former(versions: t.Sequence[Image], name: str) -> list[Image]:
    """Those that have the name by which a family went before; they lose it when the family gets another one."""
    return [each for each in versions if has_former_name(each, versions, name) and not is_called_after_version(each)]


def _with_nothing_left_to_say(desired: Desired) -> Desired:
    """The declaration of a run that has done it all: a promotion is said by what is excluded; the rest is the same for everybody.

    Two that promote at the same moment would else take the name from each other. So the one that came last is right.
    """
    return dataclasses.replace(desired, promote=None) if desired.promote else desired


def _held_back(desired: Desired) -> dict[str, str | None]:
    """What a version bears that does not have the name: one that is not to be promoted is not to be the newest one, either."""
    held: dict[str, str | None] = {EXCLUDED: "true"} if desired.promote is False else {}
    return held | desired.stamps


def is_held_back(desired: Desired) -> bool:
    """Whether a declared version is excluded as soon as it does not have the name."""
    return desired.state != "absent" and _held_back(desired).get(EXCLUDED) == "true"


def _model(desired: Desired, holder: Image | None) -> Image | None:
    """The image from which a new version inherits; not one of a newer version, which may have been made just before."""
    if holder is None or not holder.usable:
        return None
    key, ours = version_key(version_of(holder) or ""), version_key(certain(desired.version))
    return None if family_of(holder) == desired.family and key > ours else holder


def _is_declared(image: Image, desired: Desired) -> bool:
    is_version = family_of(image) == desired.family and version_of(image) == desired.version
    return is_version or image.id == desired.id


def _require_no_twin(desired: Desired, images: t.Iterable[Image]) -> None:
    for image in images:
        if image.id != desired.id and not image.stamp(INCOMING_FOR):
            raise InvalidOption(
                f"id: version {desired.version} of the family {desired.family!r} is the image {image.id}, not {desired.id}.",
                id=image.id,
            )


def _is_outshone(desired: Desired, observed: Observed, others: list[Image]) -> bool:
    """Whether a new image of this version would be older than a good one."""
    ours = version_key(certain(desired.version))
    known = (each for each in versions_of(others, certain(desired.family)) if is_good(each, observed.now))
    return any(version_key(version_of(each) or "") > ours for each in known)


def _cast(images: t.Iterable[Image], name: str) -> Cast:
    """The parts of the images that bear the family's name.

    :raises AmbiguousImage: if several of them are no versions of one family.
    """
    named = bearing(images, name)
    try:
        return cast(named, name)
    except AmbiguousImage as problem:
        ids = problem.details["ids"]
        raise AmbiguousImage(
            f"{len(ids)} images bear the name {name!r} that a version of the family is to have: {', '.join(ids)}. Rename or "
            "delete those that are not meant.",
            ids=ids,
        ) from problem
