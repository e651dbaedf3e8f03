# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""One entry of a catalogue on its way: planned out of the common look, carried out later, reported at the end."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import time
import typing as t

from . import _image
from ._booting import Booting
from ._catalog import Entry
from ._converge import Convergence, Outcome
from ._desired import Desired
from ._errors import Superseded, as_result
from ._finding import Finder
from ._foretold import Foretold, World, id_to_come
from ._glance import Glance
from ._harmless import harmless
from ._image_steps import NEW, GiveName, LookAgain, Retire
from ._needs import NEEDS
from ._observed import EXCLUDED, WRITTEN_ON, Image, is_image_id
from ._promotion import is_held_back
from ._steps import certain
from ._version_order import version_key
from ._versions import has_ended, is_excluded, versioned_name

#: Seconds after which a plan is made anew before it is carried out.
_OLD = 30.0


class Item:
    """One declared image among many.

    :param params: its options as the module ``image`` has them.
    :param warn: told what the user should read.
    """

    def __init__(self, entry: Entry, desired: Desired, params: dict[str, t.Any], warn: t.Callable[[str], None]) -> None:
        self.entry = entry
        self._desired = desired
        self._params = params
        self._warn = warn
        self._glance: Glance | None = None
        self._declaration: _image.ImageDeclaration | None = None
        self._convergence: Convergence | None = None
        #: What is declared as long as other entries have not had their turn.
        self._at_first = desired
        self._planned = 0.0
        self._fault: dict[str, t.Any] = {}
        #: The project in which it is looked up.
        self.scope = ""
        #: Entries that say what they boot with, and those of them that its plan counts on.
        self._booting = Booting(())
        self._counted_on: frozenset[t.Any] = frozenset()
        #: Names that pass to other images when its first plan is carried out.
        self.passes_on: frozenset[str] = frozenset()
        #: Whether one that went before it was news.
        self._has_heard_news = False
        self.outcome: Outcome | None = None

    @property
    def name(self) -> str:
        return self._desired.name

    @property
    def version(self) -> str | None:
        return self._desired.version

    @property
    def id(self) -> str | None:
        return self._desired.id

    @property
    def found_id(self) -> str | None:
        """The id of the image that it was found to mean before anything was done; None if there was none."""
        return self._convergence.found_id if self._convergence else None

    @property
    def seen(self) -> list[Image]:
        """The images that it was found among."""
        return list(map(Image, self._declaration.found.values())) if self._declaration else []

    @property
    def label(self) -> str:
        """What the user knows it by."""
        return harmless(f"{self.name} ({self.version})" if self.version else self.name)

    @property
    def names(self) -> set[str]:
        """Names by which Glance is asked for it."""
        return set() if self._desired.id else {self.name}

    @property
    def families(self) -> set[str]:
        """Families by which Glance is asked for it."""
        return {self._desired.family} if self._desired.family and not self._desired.id else set()

    @property
    def references(self) -> set[str]:
        """Names of other images that it refers to."""
        named = (self._params[option] for option in ("kernel", "ramdisk") if self._desired.state != "absent")
        return {name for name in named if name and not is_image_id(name)}

    @property
    def family(self) -> str | None:
        """The family that it is a version of."""
        return self._desired.family

    @property
    def makes_one(self) -> bool:
        """Whether there is to be an active image, which others may name, although it may not be there yet."""
        return self._desired.state == "present"

    @property
    def known_as(self) -> set[str]:
        """Names that others may call it by once it is there."""
        return {self.name, versioned_name(self.name, self.version)} if self.version else {self.name}

    @property
    def failed(self) -> bool:
        return bool(self._fault)

    @property
    def is_news(self) -> bool:
        """Whether others that depend on it have to look again: at what it has done, or at what has made it look again."""
        return self.failed or self.outcome is None or bool(self.outcome.actions) or self._has_heard_news

    def locate(self, glance: Glance) -> None:
        """Find out in which project it is looked up."""
        self._glance = glance
        self.scope = _image.scope_of(glance, self._params)

    def meet(self, family: t.Iterable[Item]) -> None:
        """Take notice of the versions of its family that are declared beside it.

        One that is promoted goes last, and has the name in the end; a newer one goes first, and has it already if all went well.
        """
        now, others = datetime.datetime.now(datetime.UTC), [each for each in family if each is not self]
        rivals = [each for each in others if each._outshines(self, now)]
        is_free = not any(each._desired.promote for each in rivals)
        self._desired = dataclasses.replace(
            self._desired,
            siblings=frozenset(version_key(each.version or "") for each in others if each._desired.state != "absent"),
            held_back=frozenset(version_key(each.version or "") for each in others if is_held_back(each._desired)),
            moves_name=is_free,
        )
        self._at_first = dataclasses.replace(self._desired, moves_name=not rivals)

    @property
    def boots_with(self) -> frozenset[tuple[str, ...]]:
        """What it says of what it boots with; see ``followers`` of :class:`._desired.Desired`."""
        desired = self._desired
        if desired.state == "absent":
            keys = set(NEEDS)
        else:
            named = {key: self._params[key.removesuffix("_id")] for key in NEEDS}
            keys = {key for key, name in named.items() if name and not is_image_id(name)}
        identity: tuple[str, ...] = (self.scope, self.name)
        if desired.version:
            identity = (self.scope, desired.family or self.name, desired.version)
        elif desired.id:
            identity = ("id", desired.id)
        return frozenset((key, *identity) for key in keys)

    @property
    def found_to_boot_with(self) -> dict[str, str]:
        """Ids of its kernel and ramdisk as they were found, by what it calls them."""
        return self._declaration.boots_with if self._declaration and self._desired.state != "absent" else {}

    @property
    def may_have_name(self) -> bool:
        """Whether it is a version that may get the name of its family."""
        return self.makes_one and self._desired.promote is not False and not self._desired.stamps.get(EXCLUDED)

    def look_beside(self, booting: Booting) -> None:
        """Take notice of entries that say what they boot with: what they boot with now, they need no longer."""
        self._booting = booting

    def plan(self, finder: Finder, expected: frozenset[str]) -> None:
        """Look at what is there, and plan as if the other entries were done already.

        :param expected: names of images that other entries make.
        """
        self._begin(self._at_first, finder, expected)
        self._planned = time.monotonic()
        with contextlib.suppress(Superseded):
            plan = certain(self._convergence).plan()
            self.passes_on = frozenset(step.name for step in plan.steps if isinstance(step, GiveName))
            if any(isinstance(each, Retire) and each.how != "delete" for each in plan.steps):
                self._booting.hold(self)

    def _outshines(self, other: Item, now: datetime.datetime) -> bool:
        """Whether it is this version, rather than another one of the same family, that is to have the name."""
        mine, theirs = self._desired, other._desired
        if theirs.promote is not None or mine.state != "present" or mine.promote is False:
            return False
        declared = Image({"id": NEW, WRITTEN_ON: NEW, **mine.stamps})
        is_good = not is_excluded(declared) and not has_ended(declared, now)
        is_newer = version_key(mine.version or "") > version_key(theirs.version or "")
        return bool(mine.promote) or (is_newer and is_good)

    def is_settled(self, before: t.Iterable[Item]) -> bool:
        """Whether it is known that nothing is to be done.

        :param before: items that went first.
        """
        known = self._convergence is not None and self._convergence.is_settled
        return known and not certain(self._declaration).is_preliminary and not any(item.is_news for item in before)

    def finish(self, before: t.Iterable[Item]) -> None:
        """Carry out the plan.

        :param before: items that went first; where one of them was news, the plan is made anew. So is one that has waited for
            its turn so long that others may have acted.
        """
        before = list(before)
        is_old = time.monotonic() - self._planned > _OLD and not self.is_settled(before)
        if self._has_to_look_again(before) or is_old:
            self._begin(self._desired, None, frozenset())
        self.outcome = certain(self._convergence).finish(foretells=False)

    def foretell(self, before: t.Iterable[Item], finder: Finder, world: World) -> None:
        """Say what carrying out the plan would do.

        :param before: as for :meth:`finish`; what they would leave is in ``world``.
        :param finder: finds what is there now.
        """
        if self._has_to_look_again(before):
            self._begin(self._desired, Foretold(finder, world), frozenset())
        self.outcome = self._foretold(world)
        if self.outcome.steps and isinstance(self.outcome.steps[-1], LookAgain):
            self._begin(self._desired, Foretold(finder, world), frozenset(), says=False)
            then, first = self._foretold(world), self.outcome
            actions, after = first.actions + then.actions, then.after | {"id": first.after["id"]}
            self.outcome = dataclasses.replace(then, actions=actions, before=first.before, after=after)

    def fail(self, fault: Exception) -> None:
        """Note why it did not work."""
        self._booting.hold(self)
        self._fault = as_result(fault)

    def report(self, with_diff: bool) -> dict[str, t.Any]:
        """Its part of the result."""
        own = {"name": self.name, "version": self.version, "failed": self.failed}
        if self.failed:
            return {"changed": bool(self._fault.get("actions")), "actions": [], **self._fault, **own}
        report = self.outcome.report(with_diff) if self.outcome else dict[str, t.Any](changed=False, actions=[])
        if "image" in report:
            # openstacksdk's names for what is not set are most of it, and cost Ansible seconds with a thousand images
            report["image"] = {key: value for key, value in report["image"].items() if value is not None}
        return {**report, **own}

    def _foretold(self, world: World) -> Outcome:
        outcome = certain(self._convergence).finish(foretells=True)
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        usual = {"id": id_to_come(self.label), "owner": self.scope, "created_at": now}
        world.note(outcome.steps, outcome.after, certain(self._declaration).found, usual)
        return outcome

    def _begin(self, desired: Desired, finder: Finder | None, expected: frozenset[str], says: bool = True) -> None:
        """Make the declaration, with local files and names of the cloud as they are now.

        :param says: whether there may be something to warn of.
        """
        if desired.retire == "delete" and desired.state != "absent":
            self._counted_on = self._booting.moving_on
            desired = dataclasses.replace(desired, followers=self._booting.said_by(self._counted_on))
        local = _image.with_local_facts(desired, self._params)
        glance = certain(self._glance)
        say = self._say if says else lambda _text: None
        self._declaration = _image.declaration(glance, local, self._params, say, finder, expected)
        self._convergence = Convergence(self._declaration, say)

    def _has_to_look_again(self, before: t.Iterable[Item]) -> bool:
        self._has_heard_news = any(item.is_news for item in before)
        is_let_down = not certain(self._convergence).is_settled and not self._counted_on <= self._booting.moving_on
        return self._has_heard_news or certain(self._declaration).is_preliminary or is_let_down

    def _say(self, text: str) -> None:
        self._warn(f"{self.label}: {text}")


def introduce(items: t.Iterable[Item]) -> None:
    """Let the versions of each family know of each other, and all know of those that say what they boot with."""
    items = list(items)
    booting = Booting(items)
    for item in items:
        item.look_beside(booting)
    families: dict[tuple[str, str], list[Item]] = {}
    for item in items:
        if item.family:
            families.setdefault((item.scope, item.family), []).append(item)
    for family in families.values():
        for item in family:
            item.meet(family)
