# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs that act on the model of Glance at the same moment, call by call, in an order that a test decides.

Each run is the real thing (convergence, plans, applier) in a thread of its own; only one of them is awake at a time, and hands
over at each call. A PATCH is what it is in Glance: a row is read, and saved whole a little later.
"""

from __future__ import annotations

import contextlib
import copy
import random
import threading
import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _image_steps as steps
from ansible_collections.cloudimage.glance.plugins.module_utils import _pause, _plan
from ansible_collections.cloudimage.glance.plugins.module_utils._apply import Applier
from ansible_collections.cloudimage.glance.plugins.module_utils._converge import Convergence, Outcome
from ansible_collections.cloudimage.glance.plugins.module_utils._course import Course
from ansible_collections.cloudimage.glance.plugins.module_utils._desired import Desired
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import (
    CollectionError,
    ServerRefusal,
    Superseded,
)
from ansible_collections.cloudimage.glance.plugins.module_utils._observed import INCOMING_FOR, Image, Observed
from ansible_collections.cloudimage.glance.plugins.module_utils._steps import Plan
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils import plan_hands as hands
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.glance_model import (
    NOW,
    PROJECT,
    Cloud,
    Raw,
    Refused,
    data_of,
)

#: Calls that a race may take; those that end well take some hundreds.
_MOST_TURNS = 20_000


class Stage:
    """Lets runs act in turns.

    :param order: decides whose turn it is.
    :param prompt: whether a pause outlasts what others had begun when it began, as it does unless a host stands still.
    """

    def __init__(self, cloud: Cloud, order: random.Random, prompt: bool = True) -> None:
        self.cloud = cloud
        self.order = order
        self.prompt = prompt
        self.runs: list[Run] = []
        self.log: list[str] = []

    def play(self, *declared: Desired) -> list[Run]:
        """Run tasks at the same moment to their ends; what one of them raises is raised here, unless it is a refusal."""
        self.runs = [Run(self, number, desired) for number, desired in enumerate(declared)]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_pause, "pause", lambda _seconds: self.current.pause())
            for run in self.runs:
                run.thread.start()
            for _turn in range(_MOST_TURNS):
                awake = [run for run in self.runs if not run.is_over]
                if not awake:
                    break
                ready = [run for run in awake if run.may_go_on()] or [run for run in awake if run.waits_for]
                self.current = self.order.choice(ready)
                self.current.turn()
            else:
                raise AssertionError("a race without end")
        for run in self.runs:
            if run.failure:
                raise run.failure
        return self.runs


class Run:
    """One task on the stage: what :class:`._image.ImageDeclaration` does, with a Glance and a transfer of the model."""

    def __init__(self, stage: Stage, number: int, desired: Desired) -> None:
        self.stage, self.number, self.desired = stage, number, desired
        self.thread = threading.Thread(target=self._act, daemon=True)
        self.outcome: Outcome | None = None
        self.fault: CollectionError | None = None
        self.failure: BaseException | None = None
        self.is_over = False
        self.warnings: list[str] = []
        self.course = Course()
        self._stuck: set[str] = set()
        self._known: list[str] = []
        self._mine, self._theirs = threading.Semaphore(0), threading.Semaphore(0)
        #: Number of the thing that was begun and must not be overtaken; None if there is none.
        self.begun: int | None = None
        self._count = 0
        #: What was begun by others when a pause began.
        self._outlasts: list[tuple[Run, int]] = []
        self.waits_for: t.Callable[[], bool] | None = None

    # --- turns

    def turn(self) -> None:
        """Let it act until it hands over."""
        self._mine.release()
        self._theirs.acquire()

    def hand_over(self) -> None:
        """Called by the run itself, between two calls."""
        self._theirs.release()
        self._mine.acquire()

    def pause(self) -> None:
        """Wait, which others do not."""
        takes, self.begun = self.begun is not None, None
        if self.stage.prompt:
            self._outlasts = [(run, run.begun) for run in self.stage.runs if run is not self and run.begun is not None]
        self.hand_over()
        self._outlasts = []
        if takes:
            self.begin()

    def block(self, until: t.Callable[[], bool]) -> bool:
        """Wait for something; False if nobody is left who could bring it about."""
        self.waits_for = until
        self.hand_over()
        self.waits_for = None
        return until()

    def may_go_on(self) -> bool:
        """Whether it is its turn at all."""
        if self.waits_for:
            return self.waits_for()
        return not any(run.begun == number for run, number in self._outlasts)

    @contextlib.contextmanager
    def at_once(self) -> t.Iterator[None]:
        """What is done in here takes less time than a pause."""
        self.begin()
        try:
            yield
        finally:
            self.begun = None

    def begin(self) -> None:
        """Begin something that takes less time than a pause."""
        self._count += 1
        self.begun = self._count

    # --- the task

    def _act(self) -> None:
        self._mine.acquire()
        try:
            self.outcome = Convergence(self, self.warnings.append).finish(foretells=False)
        except CollectionError as fault:
            self.fault = fault
        except BaseException as failure:
            self.failure = failure
        self.is_over, self.begun = True, None
        self._theirs.release()

    def observe(self) -> Observed:
        """As ImageDeclaration does, with other calls between the questions."""
        self.begin()
        found = self._family("false") + self._family("true")
        self.hand_over()
        named = self.stage.cloud.named(self.desired.name)
        there = {raw["id"]: raw for raw in [*found, *named]}
        missed = [each for each in self._known if each in self.stage.cloud.images and each not in there]
        there |= {each: copy.deepcopy(self.stage.cloud.images[each]) for each in missed}
        self._known = list(there)
        images = tuple(map(Image, there.values()))
        if self.desired.version is None:
            images = tuple(map(Image, named))
        observed = Observed(
            images,
            PROJECT,
            NOW,
            stuck=frozenset(self._stuck),
            said=self.course.said,
            in_hands=frozenset(
                each.id
                for each in images
                if (each.is_slot or (each.usable and each.stamp(INCOMING_FOR))) and each.id not in self.course.mine
            ),
        )
        while asked := _plan.questions(self.desired, observed):
            observed = hands._answered(self.stage.cloud, self.desired, observed, asked)
        return observed

    def _family(self, hidden: str) -> list[Raw]:
        self.hand_over()
        family = self.desired.family or self.desired.name
        return [raw for raw in self.stage.cloud.of_family(family) if raw["os_hidden"] == (hidden == "true")]

    def plan(self, observed: Observed) -> Plan:
        """The plan; what takes something away is prompt."""
        plan = _plan.plan(self.desired, observed)
        if not plan.steps or not isinstance(plan.steps[0], (steps.Supersede, steps.Delete)):
            self.begun = None
        return plan

    def apply(self, plan: Plan) -> dict[str, t.Any]:
        """Carry out the plan."""
        self.stage.log.append(f"{self.number}: {'; '.join(plan.actions)}")
        glance = t.cast(t.Any, Hand(self))
        Applier(glance, glance, self._stuck, self.warnings.append, self.course).run(plan)
        self.begun = None
        return {}

    def predict(self, _plan: Plan) -> dict[str, t.Any]:
        """Nothing beside the plan itself."""
        return {}


class Hand:
    """Glance and the transfer as one run has them."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._cloud = run.stage.cloud
        self.project_id = PROJECT

    def image(self, image_id: str) -> Raw | None:
        self._run.hand_over()
        return copy.deepcopy(self._cloud.images.get(image_id))

    def named(self, name: str, query: dict[str, str] | None = None) -> list[Raw]:
        self._run.hand_over()
        hidden = (query or {}).get("os_hidden")
        return [raw for raw in self._cloud.named(name) if hidden in (None, str(raw["os_hidden"]).lower())]

    def hidden_too(self, query: dict[str, str]) -> list[Raw]:
        self._run.hand_over()
        return self._cloud.of_family(query["cloudimage_family"])

    def patch(self, image_id: str, operations: t.Sequence[Raw]) -> Raw:
        """A row is read, changed, and saved whole."""
        if self._run.begun is None:
            self._run.begin()
        self._run.hand_over()
        raw = copy.deepcopy(self._known(image_id))
        try:
            for operation in operations:
                self._cloud._operate(raw, operation)
        except Refused as refusal:
            raise ServerRefusal(str(refusal), status=int(str(refusal)[:3])) from refusal
        self._run.hand_over()
        self._known(image_id)
        self._cloud._write(f"{self._run.number}: patch {image_id} {sorted(each['path'] for each in operations)}")
        self._cloud.images[image_id] = raw
        self._run.begun = None
        self._cloud._wrote()
        return copy.deepcopy(raw)

    def delete(self, image_id: str) -> None:
        self._run.hand_over()
        self._cloud.delete(image_id)
        self._run.begun = None

    def set_active(self, image_id: str, active: bool) -> None:
        self._run.hand_over()
        self._known(image_id)
        self._cloud.set_active(image_id, active)

    def create(self, body: Raw) -> Raw | None:
        self._run.hand_over()
        return copy.deepcopy(self._cloud.post(body))

    def fill(self, image_id: str, step: steps.Fill) -> None:
        self._run.hand_over()
        self._require_there(image_id)
        self._cloud.upload(image_id, data_of(step.source), None)

    def verify(self, image_id: str, _checksum: t.Any) -> Raw:
        self._run.hand_over()
        self._require_there(image_id)
        return copy.deepcopy(self._cloud.images[image_id])

    def wait_until_changed(self, seen: Raw) -> bool:
        return self._run.block(lambda: self._cloud.images.get(seen["id"]) != seen)

    def _require_there(self, image_id: str) -> None:
        if image_id not in self._cloud.images:
            raise Superseded(f"The image {image_id} was removed by somebody else.")

    def _known(self, image_id: str) -> Raw:
        if image_id not in self._cloud.images:
            self._run.begun = None
            raise ServerRefusal(f"no image {image_id}", status=404)
        return self._cloud.images[image_id]
