# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans made for the model of Glance, as the module makes them, and their steps carried out in it."""

from __future__ import annotations

import copy
import dataclasses
import functools
import typing as t

from ansible_collections.cloudimage.glance.plugins.module_utils import _image_steps as steps
from ansible_collections.cloudimage.glance.plugins.module_utils import _plan
from ansible_collections.cloudimage.glance.plugins.module_utils._desired import Desired
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import (
    ChecksumMismatch,
    ImageFault,
    UnsafeImage,
)
from ansible_collections.cloudimage.glance.plugins.module_utils._needs import needed_by
from ansible_collections.cloudimage.glance.plugins.module_utils._observed import CONTENT_KEY, Image, Observed
from ansible_collections.cloudimage.glance.plugins.module_utils._steps import Plan, certain
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.glance_model import (
    FILES,
    NOW,
    PROJECT,
    QCOW2,
    Cloud,
    Raw,
    Refused,
    data_of,
    digest,
)


def observe(
    cloud: Cloud, desired: Desired, stuck: t.Collection[str] = (), project: str = PROJECT, said: bool = False
) -> Observed:
    """Look, and answer whatever the plan asks for, as ImageDeclaration does; questions have to come to an end."""
    if desired.version:
        found = cloud.of_family(t.cast(str, desired.family), project) + cloud.named(desired.name, project)
        found += [copy.deepcopy(cloud.images[desired.id])] if desired.id in cloud.images else []
        found = list({raw["id"]: raw for raw in found}.values())
    elif desired.id:
        found = [copy.deepcopy(cloud.images[desired.id])] if desired.id in cloud.images else []
    else:
        found = cloud.named(desired.name, project)
        if not found and desired.name in cloud.images:
            found = [copy.deepcopy(cloud.images[desired.name])]
    observed = Observed(tuple(map(Image, found)), project, NOW, stuck=frozenset(stuck), said=said)
    for _round in range(5):
        asked = _plan.questions(desired, observed)
        if not asked:
            return observed
        observed = _answered(cloud, desired, observed, asked)
    raise AssertionError(f"still asking: {asked}")


def _answered(cloud: Cloud, desired: Desired, observed: Observed, asked: _plan.Questions) -> Observed:
    news: Raw = {}
    if asked.digests:
        assert desired.source and desired.source.path
        unknown = asked.digests - {"md5", "sha1", "sha224", "sha256", "sha384", "sha512"}
        assert not unknown, f"no host can hash with {unknown}"
        assert not asked.digests & set(observed.digests), "asked twice"
        data = FILES[desired.source.path]
        news["digests"] = observed.digests | {each: digest(data, each) for each in asked.digests}
    if asked.source_format:
        news |= _inspected(FILES[certain(certain(desired.source).path)], desired)
    if asked.schema:
        news["schema"] = {"disk_format": ["raw", "qcow2", "iso", "aki"], "container_format": ["bare", "ova"]}
    if asked.import_methods:
        news["import_methods"] = cloud.import_methods
    if asked.stores:
        news["stores"] = dict(cloud.stores)
    if asked.members_of:
        news["members"] = cloud.members_of(asked.members_of)
    if asked.relatives:
        news["relatives"] = tuple(map(Image, cloud.of_family(asked.relatives)))
    if asked.needing:
        assert not asked.needing & observed.needing.keys(), "asked twice"
        needing = needed_by(asked.needing, everything := [Image(copy.deepcopy(raw)) for raw in cloud.images.values()])
        found = {each: tuple(image for image in everything if image.id in ids) for each, ids in needing.items()}
        return dataclasses.replace(observed, **news, needing=observed.needing | found)
    assert all(getattr(observed, key) is None for key in news if key != "digests"), "asked twice"
    return dataclasses.replace(observed, **news)


def _inspected(data: bytes, desired: Desired) -> Raw:
    """What the host finds in a file; one that is not what it is declared to be goes no further."""
    real = "qcow2" if data in QCOW2 else "raw"
    if real == "qcow2" and desired.disk_format == "raw" and desired.container_format in (None, "bare"):
        raise UnsafeImage("disk_format: the file is qcow2, not raw.")
    return {"source_format": real, "source_virtual_size": QCOW2.get(data, len(data))}


def plan(cloud: Cloud, desired: Desired, stuck: t.Collection[str] = (), project: str = PROJECT) -> Plan:
    """The plan for what is there."""
    return _plan.plan(desired, observe(cloud, desired, stuck, project))


@dataclasses.dataclass
class Outcome:
    """What came of a run: the plans, the last of which was carried out whole, and the image that it was about."""

    plans: list[Plan]
    image: str | None
    created: list[str]
    #: What was waited for in vain.
    stuck: set[str]


def run(cloud: Cloud, desired: Desired, stuck: t.Collection[str] = ()) -> Outcome:
    """Plan and carry out; after each Wait or LookAgain plan anew, as the runner does."""
    plans: list[Plan] = []
    vain, created = set(stuck), []
    for _round in range(8):
        plans.append(plan(cloud, desired, vain))
        hands = Hands(cloud, vain)
        whole = hands.carry_out(plans[-1])
        created += [hands.new] if hands.new else []
        if whole:
            if plans[-1].confirm:
                settled = _plan.plan(desired, observe(cloud, desired, vain, said=True))
                assert not settled.steps, "the name is not where everybody else would see it"
            target = plans[-1].after.get("id")
            return Outcome(plans, hands.new if target == steps.NEW else target, created, vain)
    raise AssertionError("waits without end")


class Hands:
    """Carries out steps in the model."""

    def __init__(self, cloud: Cloud, stuck: set[str]) -> None:
        self.cloud = cloud
        self.stuck = stuck
        self.new: str | None = None
        #: Whether data was brought in.
        self.filled = False
        #: The file that was imported, as it was sent.
        self.imported: bytes | None = None

    def carry_out(self, plan: Plan) -> bool:
        """All steps in order; False if the last says that things have to be looked at again."""
        for step in plan.steps:
            if isinstance(step, (steps.Wait, steps.LookAgain)):
                assert step is plan.steps[-1], "what comes after that is not known yet"
                if isinstance(step, steps.Wait) and not self.cloud.settle(step.image):
                    self.stuck.add(step.image)
                return False
            if isinstance(step, (steps.Exclude, steps.GiveName, steps.Supersede)) and self.filled:
                return False
            self._do(step)
        return True

    def _id(self, image: str) -> str:
        if image != steps.NEW:
            return image
        assert self.new, "a step about the new image before there is one"
        return self.new

    @functools.singledispatchmethod
    def _do(self, step: t.Any) -> None:
        raise AssertionError(f"an unknown step: {step!r}")

    @_do.register
    def _create(self, step: steps.Create) -> None:
        for image_id in step.ids:
            if self.cloud.post(step.request(image_id)):
                break
            assert image_id in self.cloud.images or image_id in self.cloud.burnt
        else:
            if len(step.ids) == 1:
                raise ImageFault("The declared id is burnt.")
            raise Refused("409: all ids are burnt")
        self.new = image_id
        if step.probe_visibility:
            self.cloud.patch(
                image_id, [{"op": "replace", "path": "/visibility", "value": step.body.get("visibility", "private")}]
            )

    @_do.register
    def _fill(self, step: steps.Fill) -> None:
        source, image_id, self.filled = step.source, self._id(step.image), True
        if source.method is None:
            self.cloud.upload(image_id, data_of(source), step.stores[0] if step.stores else None)
        else:
            self.cloud.import_data(image_id, source, step.stores, step.wait)
            self.imported = data_of(source) if source.path else None

    @_do.register
    def _verify(self, step: steps.Verify) -> None:
        image = Image(self.cloud.images[self._id(step.image)])
        if not image.usable:
            raise Refused(f"verifies an image that is {image.status}")
        held, sent = self.cloud.data[image.id], self.imported
        if sent and sent != held:
            assert image.raw.get(CONTENT_KEY), "nobody could tell what the data was made of"
        elif step.checksum and digest(held, step.checksum[0]) != step.checksum[1]:
            raise ChecksumMismatch("The data has another digest than declared.")

    @_do.register
    def _change(self, step: steps.Change) -> None:
        self.cloud.patch(self._id(step.image), step.operations)

    @_do.register
    def _share(self, step: steps.Share) -> None:
        self.cloud.share(self._id(step.image), step.member)

    @_do.register
    def _unshare(self, step: steps.Unshare) -> None:
        self.cloud.unshare(self._id(step.image), step.member)

    @_do.register
    def _copy_to_stores(self, step: steps.CopyToStores) -> None:
        self.cloud.copy_to_stores(self._id(step.image), step.stores, step.wait)

    @_do.register
    def _remove_from_store(self, step: steps.RemoveFromStore) -> None:
        self.cloud.remove_from_store(self._id(step.image), step.store)

    @_do.register
    def _deactivate(self, step: steps.Deactivate) -> None:
        self.cloud.set_active(self._id(step.image), False)

    @_do.register
    def _reactivate(self, step: steps.Reactivate) -> None:
        self.cloud.set_active(self._id(step.image), True)

    @_do.register
    def _delete(self, step: steps.Delete) -> None:
        assert step.image in self.cloud.images, "deletes what is not there"
        if step.unprotect:
            self.cloud.patch(step.image, [{"op": "replace", "path": "/protected", "value": False}])
        self.cloud.delete(self._id(step.image))

    @_do.register
    def _retire(self, step: steps.Retire) -> None:
        if step.unprotect:
            self.cloud.patch(step.image, [{"op": "replace", "path": "/protected", "value": False}])
        if step.how == "delete":
            self.cloud.delete(step.image)
            return
        self.cloud.patch(step.image, step.patch(self._id(step.successor)))

    @_do.register(steps.Exclude)
    @_do.register(steps.GiveName)
    def _patch(self, step: t.Any) -> None:
        self.cloud.patch(step.image, step.operations)

    @_do.register
    def _supersede(self, step: steps.Supersede) -> None:
        if step.delete:
            self.cloud.delete(step.image)
        else:
            self.cloud.patch(step.image, step.operations)
