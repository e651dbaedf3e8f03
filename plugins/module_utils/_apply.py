# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Carrying out the steps of a plan for an image. It asks nothing that the plan should have known."""

from __future__ import annotations

import contextlib
import functools
import typing as t

from . import _image_steps as steps
from . import _pause
from ._compare import settable
from ._content_type import misgiving
from ._course import Course
from ._errors import CollectionError, ImageFault, ServerRefusal, Superseded, UnsafeImage
from ._glance import Glance, Json
from ._observed import FAMILY, GONE, REPLACED_BY, VERSION, Image
from ._patching import Patches, explained, protection
from ._source import Source
from ._steps import Plan, Step, certain, sentence
from ._succession import Succession
from ._transfer import Transfer
from ._versions import family_of, version_of

#: Pauses between looks whether rivals give way.
_RIVALS = (0.1, 0.2, 0.4, 0.8, 1.5)


def run_step(glance: Glance, step: Step, warn: t.Callable[[str], None]) -> None:
    """Carry out a single step that moves no data.

    :raises CollectionError: as :meth:`Applier.run`.
    """
    Applier(glance, Transfer(glance, None, 0), set(), warn).run(Plan({}, {}, (step,)))


class Applier:
    """Carries out one plan; made anew for each.

    :param stuck: ids of images that were waited for in vain; added to here.
    :param warn: told what the user should know although nothing fails.
    :param course: how far the run has come; noted here.
    """

    def __init__(
        self,
        glance: Glance,
        transfer: Transfer,
        stuck: set[str],
        warn: t.Callable[[str], None],
        course: Course | None = None,
    ) -> None:
        self._glance = glance
        self._transfer = transfer
        self._stuck = stuck
        self._course = course or Course()
        self._warn = warn
        self._patches = Patches(glance)
        self._succession = Succession(glance, self._patches, warn)
        self._new_id: str | None = None
        self._unfinished: str | None = None
        #: Whether data was brought in, which can take long.
        self._filled = False
        #: Sentences of the steps that are done.
        self._done: list[str] = []
        #: Steps that could be left out, and were.
        self._left_out: list[Step] = []
        #: Whether a name has passed on.
        self._moved = False
        #: Ids of images whose data was verified here.
        self._verified: set[str] = set()
        #: Images that are active for a while only, and have to be deactivated again whatever happens.
        self._woken: set[str] = set()
        #: An image that was asked for, without an answer so far.
        self._begun: str | None = None
        #: The image as last seen, by id; None where it has changed since.
        self._seen: dict[str, Json | None] = {}

    def run(self, plan: Plan) -> Json | None:
        """Carry out all steps in order; return the image that the last of them was about, or None if it is gone.

        An image that was made here and could not be finished is removed again.

        :raises Superseded: if somebody else acted meanwhile, or may have; the details say which ``actions`` were done.
        :raises CollectionError: if a step fails; the details say which ``actions`` were done and last.
        """
        done = self._done
        to_sleep = {step.image for step in plan.steps if isinstance(step, steps.Deactivate)}
        try:
            for position, step in enumerate(plan.steps):
                self._note(plan.steps[position:])
                if isinstance(step, steps.Reactivate) and step.image in to_sleep:
                    self._woken.add(step.image)
                self._carry_out(step)
                if step not in self._left_out:
                    done.append(sentence(step))
            self._course.said = True
            if plan.confirm:
                self._unfinished = None
                raise Superseded("Others may have moved the name of the family at the same moment.")
        except Superseded as news:
            self._put_to_sleep()
            news.details["actions"] = done + news.details.get("actions", [])
            raise
        except BaseException as fault:
            self._put_to_sleep()
            if not self._discard(fault) and isinstance(fault, CollectionError) and done:
                fault.details["actions"] = done
            raise
        return self._result(plan)

    @functools.singledispatchmethod
    def _carry_out(self, step: t.Any) -> None:
        raise TypeError(f"no way to carry out {step!r}")

    @_carry_out.register
    def _create(self, step: steps.Create) -> None:
        self._require_missing(step)
        for image_id in step.ids:
            self._begun = image_id
            raw = self._created(step.request(image_id))
            self._begun = None
            if raw:
                break
            self._require_known(image_id, step)
        else:
            raise ImageFault(
                f"The id {step.ids[-1]} belonged to an image that was deleted; Glance never takes it again."
            )
        self._new_id = self._unfinished = image_id
        self._course.mine.add(image_id)
        self._give_way(image_id, step)
        if step.probe_visibility:
            narrow = step.body.get("visibility", "private")
            raw = self._glance.patch(image_id, [{"op": "replace", "path": "/visibility", "value": narrow}])
        self._seen[image_id] = raw

    @_carry_out.register
    def _fill(self, step: steps.Fill) -> None:
        image_id, self._filled = self._id(step.image), True
        self._transfer.fill(image_id, step)
        self._seen[image_id] = None
        if not step.wait:
            self._unfinished = None

    @_carry_out.register
    def _verify(self, step: steps.Verify) -> None:
        image_id = self._id(step.image)
        self._seen[image_id] = self._transfer.verify(image_id, step.checksum)
        self._verified.add(image_id)
        if step.old:
            self._require_unchanged(step.old)
        if step.imported:
            self._look_at(certain(self._seen[image_id]), step.imported, step.declares_format)

    @_carry_out.register
    def _change(self, step: steps.Change) -> None:
        image_id = self._id(step.image)
        raw = self._patched(image_id, step.operations)
        if image_id in self._verified and not Image(raw).usable:
            # A change that began before the end of the upload takes the data away when it is saved
            raise Superseded(f"The image {image_id} lost its data to a change that somebody else made at that moment.")
        self._seen[image_id] = raw
        self._unfinished = None if raw["status"] == "active" else self._unfinished

    @_carry_out.register
    def _share(self, step: steps.Share) -> None:
        self._glance.add_member(self._id(step.image), step.member)

    @_carry_out.register
    def _unshare(self, step: steps.Unshare) -> None:
        self._glance.remove_member(self._id(step.image), step.member)

    @_carry_out.register
    def _merge(self, step: steps.Merge) -> None:
        self._glance.merge_member(step.image, step.member, step.status)

    @_carry_out.register
    def _copy_to_stores(self, step: steps.CopyToStores) -> None:
        image_id = self._id(step.image)
        with _explained_stores("copy_image"):
            self._transfer.copy(image_id, step)
        self._seen[image_id] = None

    @_carry_out.register
    def _remove_from_store(self, step: steps.RemoveFromStore) -> None:
        image_id = self._id(step.image)
        with _explained_stores("delete_image_location"):
            self._glance.remove_from_store(image_id, step.store)
        self._seen[image_id] = None

    @_carry_out.register
    def _look_again(self, step: steps.LookAgain) -> None:
        self._unfinished = None
        raise Superseded(f"The image {self._id(step.image)} was to be looked at again.", actions=[sentence(step)])

    @_carry_out.register
    def _deactivate(self, step: steps.Deactivate) -> None:
        self._glance.set_active(self._id(step.image), False)
        self._woken.discard(step.image)
        self._seen[self._id(step.image)] = None

    @_carry_out.register
    def _reactivate(self, step: steps.Reactivate) -> None:
        self._glance.set_active(self._id(step.image), True)
        self._seen[self._id(step.image)] = None

    @_carry_out.register
    def _delete(self, step: steps.Delete) -> None:
        if self._moved:
            self._require_fresh(is_late=True)
        if step.seen and not self._succession.is_as_seen(step.seen):
            raise Superseded(f"Somebody else goes on with the image {step.image}.")
        if step.unprotect:
            self._patches.patch(step.image, protection(False))
        try:
            self._glance.delete(step.image)
        except BaseException:
            if step.unprotect:
                self._at_last(lambda: self._glance.patch(step.image, protection(True)), f"protect {step.image} again")
            raise

    @_carry_out.register
    def _retire(self, step: steps.Retire) -> None:
        if step.seen:
            self._require_fresh(is_late=bool(self._done))
            self._moved = True
        self._unfinished = None
        self._succession.retire(step, self._id(step.successor))

    @_carry_out.register
    def _exclude(self, step: steps.Exclude) -> None:
        self._require_fresh()
        try:
            self._seen[step.image] = self._patches.change(step.image, step.operations)
        except ServerRefusal as fault:
            if not step.is_aid or fault.status != 413:
                raise
            self._left_out.append(step)

    @_carry_out.register
    def _give_name(self, step: steps.GiveName) -> None:
        self._require_fresh()
        self._moved = True
        self._seen[step.image] = self._succession.give_name(step)

    @_carry_out.register
    def _supersede(self, step: steps.Supersede) -> None:
        self._require_fresh(is_late=bool(self._done))
        self._moved = True
        self._seen[step.image] = self._succession.supersede(step)

    @_carry_out.register
    def _wait(self, step: steps.Wait) -> None:
        over = (
            self._transfer.wait_until_changed(step.seen) if step.seen else self._transfer.wait_until_settled(step.image)
        )
        if not over:
            self._stuck.add(step.image)
        raise Superseded(f"The image {step.image} was waited for.")

    def _created(self, body: Json) -> Json | None:
        try:
            return self._glance.create(body)
        except ServerRefusal as fault:
            self._begun = None
            if fault.status == 403:
                raise explained(fault, body) from fault
            raise

    def _patched(self, image_id: str, operations: t.Sequence[Json]) -> Json:
        """PATCH, and look whether it has lasted, unless nobody else knows the image."""
        return (self._patches.patch if image_id == self._new_id else self._patches.change)(image_id, operations)

    def _require_unchanged(self, old: Image) -> None:
        """What was said about an image while its successor was filled has to pass to the successor.

        :raises Superseded: if something was.
        """
        raw = self._glance.image(old.id)
        if raw is None or settable(Image(raw)) != settable(old):
            raise Superseded(f"The image {old.id} was changed while the one that is to replace it was made.")

    def _look_at(self, raw: Json, source: Source, declares_format: bool) -> None:
        """Say what was imported, if it counts as a raw disk and is none.

        :raises UnsafeImage: if nobody has said that it is raw; the format is that of the image whose place it was to take.
        """
        if (raw.get("disk_format"), raw.get("container_format")) != ("raw", "bare"):
            return
        content = self._transfer.content(raw)
        doubt = misgiving(content, f"{source.option}: {source}")
        if doubt and not declares_format:
            raise UnsafeImage(
                f"{source.option}: {source} is {content}, and no disk_format is declared; the image that was to be replaced is raw. "
                "Say disk_format if it is meant as it is.",
                real_format=certain(content).name,
            )
        if doubt:
            self._warn(doubt)

    def _require_fresh(self, is_late: bool = False) -> None:
        """Who is to have the name of a family is decided anew, if data was brought in since: that may have taken hours.

        :param is_late: whether something else has taken time; a name is only taken right after a look at who else has it.
        :raises Superseded: if so.
        """
        if self._filled or is_late:
            self._unfinished = None
            raise Superseded("Who has the name of the family is looked at again, after the time that the rest took.")

    def _note(self, rest: t.Sequence[Step]) -> None:
        """Note that all is said, once nothing is left but names that pass on to whom everybody gives them."""
        if not self._filled and all(isinstance(step, (steps.GiveName, steps.Supersede, steps.Retire)) for step in rest):
            self._course.said = True

    def _require_missing(self, step: steps.Create) -> None:
        """A version that somebody hides or shows between two lists, those in sight and those hidden, is in neither of them.

        :raises Superseded: if there is one that was not seen.
        """
        if step.body.get(VERSION) is None or len(step.ids) == 1:
            return
        for raw in self._relatives(step):
            if raw["id"] not in step.known | self._course.taken and _is_the_one(raw, step):
                raise Superseded(f"The image {raw['id']} has just been made by somebody else.")

    def _require_known(self, image_id: str, step: steps.Create) -> None:
        """A chosen id tells what its image was made for, whatever that is called by now, and whatever has become of it.

        :raises Superseded: if a living image bears it of which no look has shown that it is not the one that is to be made.
        """
        raw = self._glance.image(image_id)
        if raw is None or raw["status"] in GONE:
            return
        if image_id not in self._course.taken or _is_the_one(raw, step):
            self._course.taken.add(image_id)
            raise Superseded(f"The image {image_id} has just been made by somebody else.")

    def _give_way(self, image_id: str, step: steps.Create) -> None:
        """Around the daily change of the ids, two can make the same image under two ids: one of them has to give way.

        Both look once they have made theirs, so at least one sees the other. The one with the later day gives way at once;
        the other one waits for that, and gives way itself if the rival has looked too early to see it.

        :raises Superseded: if it was this one.
        """
        for pause in (*_RIVALS, None):
            there = self._rivals(step)
            if not there:
                return
            if pause is None or not step.goes_first or any(status != "queued" for status in there.values()):
                self._glance.delete(image_id)
                self._unfinished = None
                self._course.taken.update(there)
                raise Superseded(f"The image {min(there)} has just been made by somebody else.")
            _pause.pause(pause)

    def _rivals(self, step: steps.Create) -> dict[str, str]:
        """Statuses, by id, of images that others have made for the same purpose; a version may have been renamed since."""
        if not step.rivals:
            return {}
        found = self._glance.named(step.body["name"])
        if step.body.get(VERSION) is not None:
            found += self._relatives(step)
        ids = set(step.rivals) - self._course.taken
        return {raw["id"]: raw["status"] for raw in found if raw["id"] in ids and raw["status"] not in GONE}

    def _relatives(self, step: steps.Create) -> list[Json]:
        """The images of the family that a version is made for, in the project that it is made in."""
        owner = step.body.get("owner") or self._glance.project_id
        return self._glance.hidden_too({FAMILY: step.body[FAMILY], "owner": owner})

    def _id(self, image: str) -> str:
        if image != steps.NEW:
            return image
        return certain(self._new_id)

    def _put_to_sleep(self) -> None:
        """Deactivate again what was active only while its data was moved."""
        for image_id in self._woken:
            self._at_last(functools.partial(self._glance.set_active, image_id, False), f"deactivate {image_id} again")

    def _at_last(self, act: t.Callable[[], t.Any], what: str) -> None:
        """Undo something after a fault; that this fails, too, is no more than a warning, for the first fault is to be told."""
        try:
            act()
        except Exception as second:
            self._warn(f"It was not possible to {what}: {second}")

    def _discard(self, fault: BaseException) -> bool:
        """Remove the image that was made here and is not whole, unless the server is still at work on it.

        :return: whether there was one to be removed.
        """
        unfinished = self._unfinished or self._begun
        if not unfinished or getattr(fault, "details", {}).get("unfinished"):
            return False
        self._at_last(lambda: self._remove(unfinished), f"remove the unfinished image {unfinished}")
        return True

    def _remove(self, image_id: str) -> None:
        """Remove what was made here.

        An image whose answer never came may be somebody else's by the same id, who makes it anew, unless it is filled.
        """
        made = None if self._unfinished else self._glance.image(image_id)
        if self._unfinished or (made and Image(made).is_slot):
            self._glance.delete(image_id)

    def _result(self, plan: Plan) -> Json | None:
        target = plan.after.get("id")
        if not target:
            return None
        image_id = self._id(target)
        return self._seen.get(image_id) or self._glance.image(image_id)


def _is_the_one(raw: Json, step: steps.Create) -> bool:
    """Whether an image is what is to be made: the same version, or one of the same name that was not replaced."""
    image = Image(raw)
    if step.body.get(VERSION) is None:
        return image.name == step.body["name"] and not raw.get(REPLACED_BY)
    return (family_of(image), version_of(image)) == (step.body[FAMILY], step.body[VERSION])


@contextlib.contextmanager
def _explained_stores(policy: str) -> t.Iterator[None]:
    """Say which policy a 403 about stores means, and who usually may."""
    try:
        yield
    except ServerRefusal as fault:
        if fault.status != 403:
            raise
        reason = (
            f"stores: as a rule only administrators may do this (policy {policy}); use theirs, together with owner."
        )
        raise ServerRefusal(f"{reason} {fault.message}", **fault.details) from fault
