# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The part of a plan that brings data in: into a slot, or a new image that takes the place of an old one without a gap.

The new image is made out of sight, filled and verified, then opened, and only then is the old one touched. Pure.
"""

from __future__ import annotations

import functools

from . import _compare as compare
from ._cast import Cast
from ._chosen_id import chosen_ids, purpose, rivals
from ._compare import Flat, Verdict
from ._content_type import misgiving
from ._desired import Desired
from ._disk import WITHOUT_SIGNATURE
from ._heirs import model_of, retire
from ._image_steps import NEW, Change, Create, Deactivate, Delete, Fill, LookAgain, Reactivate, Verify
from ._observed import (
    BASE_ATTRIBUTES,
    CONTENT_KEY,
    INCOMING_FOR,
    REPLACED_BY,
    REPLACES,
    SUPERSEDED_AT,
    WRITTEN_ON,
    Image,
    Observed,
)
from ._refusals import (
    require_allowed,
    require_disposable,
    require_import_method,
    require_replaceable,
    require_shareable,
    require_stores,
    require_whole_signature,
)
from ._sharing import members_after, sharing
from ._source import Source
from ._steps import Plan, Step, certain
from ._storing import placing, stores_after, way_in

#: Visibilities that show an image to strangers: they come last, after verification.
_WIDE = ("public", "community")
#: What an image gets only once its data is verified.
_LATE = ("visibility", "protected", "os_hidden", REPLACES, WRITTEN_ON)
#: What a slot or an unfinished image may bear, and a finished one does not, unless this plan says so.
_STAMPS = (INCOMING_FOR, REPLACED_BY, REPLACES, CONTENT_KEY)
#: Digest by which an imported file is known, whatever the cloud makes of it; there before the data, should this run die.
STAMP_ALGORITHM = "sha512"


def supply(desired: Desired, observed: Observed, parts: Cast, before: dict[str, object]) -> Plan:
    """Data has to come in: into the slot that is there, or a new image, which takes the place of the old one at the end.

    :raises CollectionError: if it cannot or must not come in.
    """
    return _Supply(desired, observed, parts).plan(before)


class _Supply:
    """The plan for one image that needs data."""

    def __init__(self, desired: Desired, observed: Observed, parts: Cast) -> None:
        self.desired = desired
        self.observed = observed
        self.parts = parts
        #: The image that is replaced, if any, and the one from which the new one inherits what is not declared.
        self.old = parts.current if parts.current and parts.current.usable else None
        self.model = model_of(observed, parts)
        self.stores = stores_after(desired, self.model)
        self.source: Source = way_in(certain(desired.source), self.stores, observed)
        self.broken = [each for each in (parts.current, *parts.incoming) if each and self._is_broken(each)]
        #: The image to go on with, if any, and what is left over beside it.
        self.slot, self.spare = self._slot()
        self.ready = self.slot is not None and self.slot.usable
        #: What the slot bears.
        self.have: Flat = compare.settable(self.slot) if self.slot else {}
        #: What of that is its own.
        self.own: Flat = compare.without_void(desired, self.slot, self.have) if self.slot else {}

    def plan(self, before: dict[str, object]) -> Plan:
        self._refuse()
        steps: list[Step] = [Delete(each.id, f"{each.status}, with no usable data", seen=each) for each in self.broken]
        steps += [Delete(each.id, "left over from an earlier run", seen=each) for each in self.spare]
        steps += self._fill()
        if self.ready or self.waits:
            steps += self._finish()
        return Plan(before, self._picture(), tuple(steps), self._losses())

    def _refuse(self) -> None:
        """Refuse what cannot be, before anything is sent."""
        require_import_method(self.source.method, self.observed)
        require_stores(self.desired, self.observed)
        require_replaceable(self.desired, self.old)
        for each in self.broken:
            require_disposable(self.desired, self.observed, each, self.old)
        require_allowed(self.want, self.observed.schema or {})
        require_whole_signature(self.desired, self.want, fills=not self.ready)
        require_shareable(self.desired, self.visibility)

    @property
    def waits(self) -> bool:
        """Whether the data is there when the step that fills the image ends; with an import only if it is waited for."""
        return self.desired.wait or self.source.method is None

    @property
    def target(self) -> str:
        return self.slot.id if self.slot else NEW

    @property
    def visibility(self) -> str:
        """The visibility in the end; Glance's own default is shared."""
        return self.want.get("visibility") or "shared"

    @property
    def first_stores(self) -> tuple[str, ...]:
        """The stores that the data goes into at first; a direct upload reaches one."""
        return self.stores if self.source.method else self.stores[:1]

    @property
    def key(self) -> str | None:
        """The stamp that tells what came in: the declared identity, or the digest of a file that the cloud may change."""
        if self.desired.identity or not (self.source.path and self.source.method):
            return self.desired.identity
        return f"{STAMP_ALGORITHM}:{self.observed.digests[STAMP_ALGORITHM]}"

    @functools.cached_property
    def want(self) -> Flat:
        """The metadata of the image once it is in place: what it has or inherits, and what is declared over it."""
        desired, have = self.desired, self.own
        base: Flat = {key: value for key, value in have.items() if key not in _STAMPS}
        if self.model:
            base = compare.heritage(self.model, same_version=self.model is self.old)
            base["os_hidden"] = base["os_hidden"] and self.model is self.old
        elif have.get(INCOMING_FOR):
            base["os_hidden"] = False  # hidden only until it was whole; the one before it has been deleted meanwhile
        if self.ready:
            base |= self._brought_in()
            base |= {key: have[key] for key in ("disk_format", "container_format", CONTENT_KEY) if key in have}
        else:
            natural = _natural_format(self.observed.source_format, base.get("disk_format"))
            base["disk_format"] = desired.disk_format or natural
            base["container_format"] = desired.container_format or base.get("container_format") or "bare"
        base["name"] = have["name"] if self.slot and self.slot.id == desired.name else desired.name
        want = compare.declared(desired, base)
        virtual_size = certain(self.slot).virtual_size if self.ready else self.observed.source_virtual_size
        if desired.fit_min_disk and virtual_size and want["container_format"] == "bare":
            want["min_disk"] = compare.gib(virtual_size)
        if self.old:
            want[REPLACES] = self.old.id
        elif self.observed.outshone:
            want[SUPERSEDED_AT] = have.get(SUPERSEDED_AT) or self.observed.time
            want["os_hidden"] = desired.attributes.get("os_hidden", desired.retire != "keep")
        if self.key and (desired.identity or not self.ready):
            want[CONTENT_KEY] = self.key
        if not have and "owner" not in desired.attributes:
            want.pop("owner", None)
        return compare.signed(want, self.slot) if self.slot else want

    def _brought_in(self) -> Flat:
        """Properties of an image that is ready: an import may have brought them, or the cloud, on its way."""
        if self.source.method is None:
            return {}
        return {key: value for key, value in self.own.items() if key not in BASE_ATTRIBUTES and key not in _STAMPS}

    @functools.cached_property
    def done(self) -> Flat:
        """The metadata that the image has once it is filled."""
        have, want = self.own, self.want
        if self.ready:
            return self.have
        if not self.slot:
            return self._first_body()
        late = _LATE if self.waits or self.model else (REPLACES, WRITTEN_ON)
        done = have | {key: value for key, value in want.items() if key not in late}
        kept = BASE_ATTRIBUTES.union(want, (INCOMING_FOR, REPLACED_BY, REPLACES))
        return compare.signed({key: value for key, value in done.items() if key in kept}, self.slot)

    def _slot(self) -> tuple[Image | None, list[Image]]:
        """The current slot, else the readiest incoming image; and the rest."""
        whole = (each for each in self.parts.incoming if each not in self.broken)
        ready = sorted(whole, key=lambda each: not each.usable)
        current = self.parts.current
        if current and current.is_slot and current not in self.broken:
            return current, ready
        return (ready[0] if ready else None), ready[1:]

    def _is_broken(self, image: Image) -> bool:
        if image.is_slot:
            # A key that was set for other data must not be changed: whoever has set it may be about to fill the image
            return image.stamp(CONTENT_KEY) not in (None, self.key)
        if not image.usable:
            return True
        verdict = compare.content_verdict(self.desired, image, self.observed.digests)
        return image.stamp(INCOMING_FOR) is not None and verdict is not Verdict.SAME

    def _fill(self) -> list[Step]:
        """Steps that create an image, or prepare the slot, and fill it."""
        desired, steps = self.desired, list[Step]()
        if self.ready:
            must_wake = certain(self.slot).status == "deactivated" and (desired.state == "present" or self._placing())
            return [Reactivate(self.target)] if must_wake else []
        if not self.slot:
            wanted = self.want.get("visibility")
            wide = wanted if wanted in _WIDE and self.done.get("visibility") not in _WIDE else None
            seed = self.old.id if self.old else None
            what = purpose(desired.name, desired.family, desired.version)
            chosen = (self.observed.project_id, what, seed, self.observed.now)
            if desired.id:
                steps.append(Create(self.done, (desired.id,), wide))
            else:
                known = frozenset(image.id for image in self.observed.images)
                steps.append(Create(self.done, chosen_ids(*chosen), wide, *rivals(*chosen), known))
        elif operations := compare.patch(self.have, self.done):
            steps.append(Change(self.target, tuple(operations)))
        steps.append(Fill(self.target, self.source, self.first_stores, self.waits))
        if self.waits:
            declares = bool(desired.disk_format or self.slot or self.source.remote)
            imported = self.source if self.source.method else None
            steps.append(Verify(self.target, desired.checksum, self.model, imported, declares))
        elif not self.model and self.visibility == "shared":
            steps += sharing(desired, self.target, (), self._members())
        return steps

    def _first_body(self) -> Flat:
        """What the POST says: everything, but not yet wide open, protected, or in the place of another."""
        body = {key: value for key, value in self.want.items() if key != REPLACES}
        if self.waits or self.model:
            body.pop("protected", None)
            if body.get("visibility") in _WIDE:
                body["visibility"] = "private"
        if self.model:
            body["os_hidden"] = True
            body[INCOMING_FOR] = self.model.id
        return body

    def _finish(self) -> list[Step]:
        """Steps that open the new image, put it in its place, and take the old one away; the old one is touched last."""
        desired, target, done, want = self.desired, self.target, self.done, self.want
        steps = self._placing()
        missing = {"visibility": None, "protected": False, "os_hidden": False}
        if self.visibility == "shared" and self._members():
            if done.get("visibility", "shared") != "shared":
                done = done | {"visibility": "shared"}
                steps.append(Change(target, tuple(compare.patch({"visibility": None}, {"visibility": "shared"}))))
            steps += sharing(desired, target, (), self._members())
        if operations := compare.patch(missing | done, want):
            steps.append(Change(target, tuple(operations)))
        if desired.state == "inactive":
            steps.append(Deactivate(target))
        leaving = [*self.parts.outgoing, *([self.old] if self.old else [])]
        steps += [retire(desired, self.observed, each, target) for each in leaving]
        return [*steps, LookAgain(target, self._late_news())] if self._late_news() else steps

    def _placing(self) -> list[Step]:
        there = certain(self.slot).stores if self.ready else self.first_stores
        return placing(self.desired, self.observed, self.target, there)

    def _members(self) -> frozenset[str]:
        return members_after(self.desired, self.observed.members or {})

    def _late_news(self) -> str:
        """Why the image cannot be judged before it is there; empty if it can."""
        desired = self.desired
        of_properties = bool(desired.properties) or desired.purge_properties
        if not self.ready and self.source.method and (desired.fit_min_disk or of_properties):
            return "the cloud may have changed what came in"
        if not self.ready and self.source.remote:
            return "formats and properties came from the other region"
        if self.slot and desired.purge_members and self.visibility == "shared":
            return "an earlier run may have shared it"
        return ""

    def _picture(self) -> dict[str, object]:
        status = "deactivated" if self.desired.state == "inactive" else "active"
        facts = {"status": status, "size": self.source.size, "id": self.target, "stores": sorted(self.stores) or None}
        facts["owner"] = self.want.get("owner") or (self.model.owner if self.model else None)
        if self.desired.members is not None:
            facts["members"] = sorted(self._members())
        shown = compare.picture(self.want, **facts)
        if self.source.remote:
            del shown["disk_format"], shown["container_format"]
        return shown

    def _losses(self) -> tuple[str, ...]:
        """What cannot pass to the new image, said aloud."""
        notes, old = [], self.model
        if old and any(key.startswith("img_signature") for key in old.custom) and "img_signature" not in self.want:
            notes.append(f"The signature of image {old.id} does not pass to its successor, whose bytes are others.")
        if self.desired.stores is None and len(self.stores) > len(self.first_stores):
            notes.append(
                f"The new image is only in the store {self.stores[0]}; this cloud has no import to reach several."
            )
        if self.source.path and not self.source.method and not self.ready and _is_plain_raw(self.want):
            doubt = misgiving(self.observed.source_other, f"filename: {self.source.path}")
            notes += [doubt] if doubt else []
        there = self.observed.members or {}
        accepted = sorted(member for member in self._members() if there.get(member) == "accepted")
        if accepted and self.visibility == "shared":
            who = f"project {accepted[0]} has" if len(accepted) == 1 else f"projects {', '.join(accepted)} have"
            notes.append(f"The {who} to accept the new image {self.want['name']!r} again before listing it.")
        return tuple(notes)


def _is_plain_raw(metadata: Flat) -> bool:
    return (metadata["disk_format"], metadata["container_format"]) == ("raw", "bare")


def _natural_format(real: str | None, inherited: str | None) -> str:
    """The disk format where the task does not say one: the real one of a local file, else that of the predecessor.

    What has no signature looks raw; it stays a kernel if its predecessor was one.
    """
    if real == "raw" and inherited in WITHOUT_SIGNATURE:
        return inherited
    return real or inherited or "qcow2"
