# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""A rule of retention as the module ``image_retention`` declares it: options and Glance brought together for the runner."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import typing as t

from ansible.module_utils.basic import AnsibleModule

from . import _identity, _retention_plan
from ._apply import run_step
from ._compare import settable
from ._errors import CollectionError, ImagesFailed, InvalidOption, ServerRefusal, Superseded
from ._glance import Glance, Json, connect
from ._needs import images_needing, needed_by, why_it_stays
from ._observed import FAMILY, Image
from ._retention_fates import KEEP, Candidate, Fate, Stock
from ._retention_groups import label_of, version_of
from ._retention_plan import Questions, RetentionPlan
from ._retention_rule import Rule, Selection, read_rule, read_selection, require_selection
from ._steps import Plan, sentence


@contextlib.contextmanager
def declare(module: AnsibleModule) -> t.Iterator[RetentionDeclaration]:
    """Make the declaration out of the options of the module ``image_retention``.

    :raises CollectionError: for anything that is wrong with the options, and if the cloud cannot be reached.
    """
    params = module.params
    require_selection(params)
    rule = read_rule(params)
    read_selection(params, "")
    with connect(params) as glance:
        owner = glance.project_id
        if params["owner"] is not None:
            owner = _identity.project_id(glance.conn, params["owner"], params["owner_domain"])
        if not owner:
            raise InvalidOption("owner: the credentials are not those of a project; say whose images are meant.")
        yield RetentionDeclaration(glance, rule, read_selection(params, owner), module.warn)


class RetentionDeclaration:
    """What is to become of old images; what :func:`._runner.run_declaration` runs."""

    def __init__(self, glance: Glance, rule: Rule, selection: Selection, warn: t.Callable[[str], None]) -> None:
        self._glance = glance
        self._rule = rule
        self._selection = selection
        self._warn = warn
        #: What the result says of each image, in the order in which they were seen first.
        self._told: dict[str, Json] = {}
        #: What was done since the last look.
        self._actions: list[str] = []
        #: Ids of images that were changed here, and reasons why others could not be.
        self._changed: set[str] = set()
        self._failures: dict[str, str] = {}

    def observe(self) -> Stock:
        """List the selected images, then find out whatever else the plan asks for."""
        listed = map(Image, self._glance.hidden_too(self._selection.query()))
        images = {image.id: image for image in listed if self._selection.matches(image)}
        candidates = {each.id: Candidate(each, failed=each.id in self._failures) for each in images.values()}
        now = datetime.datetime.now(datetime.UTC)
        stock = Stock(tuple(candidates.values()), now)
        while questions := _retention_plan.questions(self._rule, stock):
            needing = self._needing(questions.needed_by)
            stock = Stock(tuple(self._answered(each, questions, needing) for each in stock.candidates), now)
        return stock

    def plan(self, observed: Stock) -> RetentionPlan:
        """See :func:`._retention_plan.plan`."""
        plan = _retention_plan.plan(self._rule, observed)
        if observed.candidates or self._told:
            return plan
        return dataclasses.replace(plan, warnings=(f"No image is selected by {self._selection}.",))

    def apply(self, plan: Plan) -> dict[str, t.Any]:
        """Carry out the plan image by image; one that fails does not stop the others.

        :raises Superseded: if an image was no longer as the plan saw it: it was left alone, the others were done.
        :raises ImagesFailed: at the end, if any failed.
        """
        plan = t.cast(RetentionPlan, plan)
        self._actions = []
        overtaken: list[str] = []
        self._tell(plan)
        try:
            for fate in _retention_plan.in_order_of_work(plan.fates):
                # What an image needs that has changed is looked at again together with it.
                if fate.steps and (fate.waits_for.intersection(overtaken) or not self._carry_out(fate)):
                    overtaken.append(fate.image.id)
        except CollectionError as fault:
            fault.details |= self._so_far()
            raise
        if overtaken:
            raise Superseded(f"Somebody else keeps changing the image {overtaken[0]}.", actions=self._actions)
        return self._outcome()

    def predict(self, plan: Plan) -> dict[str, t.Any]:
        """The fates; as they were, or would be, carried out."""
        plan = t.cast(RetentionPlan, plan)
        self._tell(plan)
        for fate in plan.fates:
            self._told[fate.image.id]["changed"] |= bool(fate.steps)
        return self._outcome()

    def _carry_out(self, fate: Fate) -> bool:
        """Do what is to be done about one image; False if it is no longer as the plan saw it."""
        image = fate.image
        if needing := fate.waits_for & self._failures.keys():
            self._fail(image.id, why_it_stays(needing))
            return True
        if not self._is_still(image):
            return False
        for step in fate.steps:
            try:
                run_step(self._glance, step, self._warn)
            except Superseded:
                return False
            except ServerRefusal as refusal:
                if refusal.status == 404 or (step == fate.steps[0] and not self._is_still(image)):
                    return False
                self._fail(image.id, refusal.message)
                return True
            self._actions.append(sentence(step))
            self._changed.add(image.id)
            self._told[image.id]["changed"] = True
        return True

    def _is_still(self, image: Image) -> bool:
        """Whether nobody has changed an image since it was listed."""
        raw = self._glance.image(image.id)
        return raw is not None and _state(Image(raw)) == _state(image)

    def _fail(self, image_id: str, message: str) -> None:
        self._failures[image_id] = message
        self._told[image_id] |= {"failed": True, "msg": message}

    def _answered(
        self, candidate: Candidate, questions: Questions, needing: t.Mapping[str, frozenset[str]]
    ) -> Candidate:
        image_id = candidate.image.id
        if image_id in questions.members_of:
            candidate = dataclasses.replace(candidate, shared_with=self._count_members(image_id))
        if image_id in questions.needed_by:
            candidate = dataclasses.replace(candidate, needed_by=needing[image_id])
        return candidate

    def _needing(self, image_ids: t.Collection[str]) -> dict[str, frozenset[str]]:
        """Which images in Glance, selected or not, name each of some images as their kernel or ramdisk."""
        return needed_by(image_ids, images_needing(self._glance, image_ids) if image_ids else ())

    def _count_members(self, image_id: str) -> int:
        """How many projects share an image; to be on the safe side, one where Glance does not tell."""
        try:
            return len(self._glance.members(image_id))
        except ServerRefusal as refusal:
            if refusal.status not in (403, 404):
                raise
            return 1

    def _tell(self, plan: RetentionPlan) -> None:
        """Note the fates of a plan; images that are gone since an earlier one stay in the result."""
        planned = {fate.image.id: _entry(fate) for fate in plan.fates}
        for image_id, entry in self._told.items():
            if image_id not in planned and image_id not in self._changed:
                why = "somebody else has deleted it, or changed it so that it is not selected any more"
                entry |= {"fate": KEEP, "why": why}
        self._told |= planned
        for image_id in self._changed:
            self._told[image_id]["changed"] = True
        for image_id, message in self._failures.items():
            self._fail(image_id, message)

    def _so_far(self) -> dict[str, t.Any]:
        return {"images": list(self._told.values()), "actions": self._actions}

    def _outcome(self) -> dict[str, t.Any]:
        if self._failures:
            first = next(iter(self._failures.values()))
            raise ImagesFailed(
                f"{len(self._failures)} of {len(self._told)} images could not be changed. {first}", **self._so_far()
            )
        return {"images": list(self._told.values())}


def _state(image: Image) -> tuple[t.Any, ...]:
    """All that others can change of an image, imports that begin included."""
    return image.status, settable(image), image.custom


def _entry(fate: Fate) -> Json:
    """What the result says of an image."""
    image = fate.image
    return {
        "id": image.id,
        "name": image.name,
        "group": label_of(fate.group),
        "family": image.stamp(FAMILY) if version_of(image) else None,
        "version": version_of(image),
        "created_at": image.created_at,
        "superseded_at": fate.superseded_at.strftime("%Y-%m-%dT%H:%M:%SZ") if fate.superseded_at else None,
        "age_days": fate.age.days if fate.age is not None else None,
        "fate": fate.fate,
        "why": fate.why,
        "changed": False,
        "failed": False,
        "msg": None,
    }
