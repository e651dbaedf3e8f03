# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The steps that a plan for an image is made of: data, each with the sentence that the user reads."""

from __future__ import annotations

import dataclasses
import typing as t

from ._observed import OWN_PREFIX, REPLACED_BY, WRITTEN_ON, Image
from ._source import Source
from ._steps import Step

#: Stands for the id of the image that the same plan creates.
NEW: t.Final = "(new)"
#: What it is called to set an attribute to false, and to true.
_SWITCHES = {"os_hidden": ("show it", "hide it"), "protected": ("unprotect it", "protect it")}


@dataclasses.dataclass(frozen=True)
class Create:
    """Make the record of an image.

    :param body: of POST /v2/images, without ``id``.
    :param ids: ids to try in turn; a deleted one is burnt.
    :param probe_visibility: a visibility to ask for at first, so that a policy that forbids it speaks up before data moves.
    :param rivals: ids by which somebody else, whose clock shows another day, may make the same image at the same moment.
    :param goes_first: whether it is the rivals who give way.
    :param known: ids of the images of the same version that are there already.
    """

    body: dict[str, t.Any]
    ids: tuple[str, ...]
    probe_visibility: str | None = None
    rivals: tuple[str, ...] = ()
    goes_first: bool = False
    known: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"create image {self.body['name']!r}"

    def request(self, image_id: str) -> dict[str, t.Any]:
        """What POST /v2/images says for one of the ids; the collection's own properties are signed with it."""
        visibility = {"visibility": self.probe_visibility} if self.probe_visibility else {}
        signature = {WRITTEN_ON: image_id} if any(key.startswith(OWN_PREFIX) for key in self.body) else {}
        return self.body | visibility | signature | {"id": image_id}


@dataclasses.dataclass(frozen=True)
class Fill:
    """Put data into an image that has none.

    :param stores: where to; empty for the default store.
    :param wait: whether to wait for an import to end.
    """

    image: str
    source: Source
    stores: tuple[str, ...] = ()
    wait: bool = True

    def __str__(self) -> str:
        into = f" into {_named(self.stores)}" if self.stores else ""
        if not self.source.path:
            return f"let Glance fetch {self.source}{into}"
        way = f" by {self.source.method}" if self.source.method else ""
        return f"upload {self.source.size} bytes of {self.source.path}{way}{into}"


@dataclasses.dataclass(frozen=True)
class Verify:
    """Compare size and digest of what Glance holds with what was sent, or with the declared digest.

    :param checksum: (algorithm, digest) of the source.
    :param old: the image to be replaced, whose metadata the new one has inherited: plan anew if it has changed meanwhile.
    :param imported: what Glance has fetched or may have changed, so that nobody has looked at it before; None if nothing.
    :param declares_format: whether the task says its format, or somebody else has: what it is not is a warning then, and else a fault.
    """

    image: str
    checksum: tuple[str, str] | None = None
    old: Image | None = dataclasses.field(default=None, repr=False, compare=False)
    imported: Source | None = None
    declares_format: bool = True

    def __str__(self) -> str:
        return "verify size and digest of the data"


@dataclasses.dataclass(frozen=True)
class Change:
    """Patch metadata.

    :param operations: JSON patch.
    """

    image: str
    operations: tuple[dict[str, t.Any], ...]

    def __str__(self) -> str:
        return f"change metadata of {self.image}: {', '.join(map(_act, self.operations))}"


@dataclasses.dataclass(frozen=True)
class Share:
    """Propose an image to a project."""

    image: str
    member: str

    def __str__(self) -> str:
        return f"share {self.image} with project {self.member}"


@dataclasses.dataclass(frozen=True)
class Unshare:
    """Withdraw an image from a project."""

    image: str
    member: str

    def __str__(self) -> str:
        return f"stop sharing {self.image} with project {self.member}"


@dataclasses.dataclass(frozen=True)
class Merge:
    """Leave one of several rows of a membership.

    :param status: what the membership is then; anything but ``pending`` is for administrators to say.
    """

    image: str
    member: str
    status: str = "pending"

    def __str__(self) -> str:
        return f"remove the second membership of project {self.member} in image {self.image}, and leave one ({self.status})"


@dataclasses.dataclass(frozen=True)
class CopyToStores:
    """Let Glance copy the data into further stores (import method copy-image).

    :param wait: whether to wait for the copy to end.
    """

    image: str
    stores: tuple[str, ...]
    wait: bool = True

    def __str__(self) -> str:
        return f"copy {self.image} to {_named(self.stores)}"


@dataclasses.dataclass(frozen=True)
class RemoveFromStore:
    """Delete the data from one of several stores."""

    image: str
    store: str

    def __str__(self) -> str:
        return f"remove {self.image} from the store {self.store}"


@dataclasses.dataclass(frozen=True)
class Deactivate:
    """Forbid the download of an image's data."""

    image: str

    def __str__(self) -> str:
        return f"deactivate {self.image}"


@dataclasses.dataclass(frozen=True)
class Reactivate:
    """Allow the download of an image's data again."""

    image: str

    def __str__(self) -> str:
        return f"reactivate {self.image}"


@dataclasses.dataclass(frozen=True)
class Delete:
    """Remove an image.

    :param unprotect: whether it is protected, and is to be removed all the same.
    :param seen: what is of no use, as it was when that was decided; somebody may go on with it.
    """

    image: str
    why: str = ""
    unprotect: bool = False
    seen: Image | None = dataclasses.field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        why = "although it is protected" if self.unprotect else self.why
        return f"delete {self.image}" + (f" ({why})" if why else "")


@dataclasses.dataclass(frozen=True)
class Retire:
    """Take an image that has been replaced out of sight.

    :param how: hide, rename or delete.
    :param successor: id of the image that has taken the place.
    :param operations: what to do about an image that is not deleted.
    :param new_name: for rename.
    :param bare: what to do about one that bears as many properties as the cloud allows.
    :param seen: of a version: it, and those that are there instead then, as they were when this was decided.
    """

    image: str
    how: str
    successor: str
    operations: tuple[dict[str, t.Any], ...]
    unprotect: bool = False
    new_name: str | None = None
    bare: tuple[dict[str, t.Any], ...] = ()
    seen: tuple[Image, ...] = dataclasses.field(default=(), repr=False, compare=False)

    def __str__(self) -> str:
        to = f" to {self.new_name!r}" if self.how == "rename" else ""
        return f"{self.how} the replaced image {self.image}{to}"

    def patch(self, successor: str, bare: bool = False) -> list[dict[str, t.Any]]:
        """The operations, once the id of the image that has taken the place is known."""
        marks = {"op": "add", "path": f"/{REPLACED_BY}"}
        operations = self.bare if bare else self.operations
        return [each | {"value": successor} if marks.items() <= each.items() else each for each in operations]


@dataclasses.dataclass(frozen=True)
class Exclude:
    """Say that a version is never to be the newest one of its family.

    :param is_aid: whether it only tells others, who are at work at the same moment.
    """

    image: str
    version: str
    operations: tuple[dict[str, t.Any], ...]
    is_aid: bool = False

    def __str__(self) -> str:
        return f"exclude version {self.version}{_in_brackets(self.image)} from latest"


@dataclasses.dataclass(frozen=True)
class GiveName:
    """Give a version the name of its family, whoever else has it at that moment.

    :param bearers: ids of the images that had it when the plan was made.
    """

    image: str
    version: str
    name: str
    operations: tuple[dict[str, t.Any], ...]
    bearers: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"give the name {self.name!r} to version {self.version}{_in_brackets(self.image)}"


@dataclasses.dataclass(frozen=True)
class Supersede:
    """Take the name of a family from an image that is not to have it any more.

    :param name: what it is called instead.
    :param delete: whether to delete it, if the store allows that.
    :param seen: it, and the one that has the name then, as they were when this was decided.
    """

    image: str
    name: str
    operations: tuple[dict[str, t.Any], ...]
    delete: bool = False
    seen: tuple[Image, ...] = dataclasses.field(default=(), repr=False, compare=False)

    @property
    def bare(self) -> tuple[dict[str, t.Any], ...]:
        """What to do about one that bears as many properties as the cloud allows: without a note of when that was."""
        return tuple(each for each in self.operations if each["op"] != "add")

    @property
    def hides(self) -> bool:
        """Whether the image goes out of sight."""
        return {"op": "replace", "path": "/os_hidden", "value": True} in self.operations

    def __str__(self) -> str:
        if self.delete:
            return f"delete the superseded image {self.image}"
        return f"call {self.image} {self.name!r}" + (" and hide it" if self.hides else "")


@dataclasses.dataclass(frozen=True)
class Wait:
    """Wait until an image that somebody is at work on has settled, then observe and plan anew.

    :param seen: the image as it was seen, if nobody shows that anybody is at work on it: wait a little whether it changes.
    """

    image: str
    status: str
    seen: dict[str, t.Any] | None = dataclasses.field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return f"wait for {self.image}, which is {self.status}"


@dataclasses.dataclass(frozen=True)
class LookAgain:
    """Observe and plan anew, because only now can be seen what the cloud holds."""

    image: str
    why: str

    def __str__(self) -> str:
        return f"look at {self.image} again: {self.why}"


def _in_brackets(image: str) -> str:
    """The id of an image that is there; what stands for the id of another one has brackets, and says no more."""
    return "" if image.startswith("(") else f" ({image})"


def key_of(operation: dict[str, t.Any]) -> str:
    """The attribute or property that an operation of a JSON patch is about (RFC 6901, section 4)."""
    return operation["path"][1:].replace("~1", "/").replace("~0", "~")


def _act(operation: dict[str, t.Any]) -> str:
    """What one operation of a JSON patch does."""
    key = key_of(operation)
    if key in _SWITCHES:
        return _SWITCHES[key][bool(operation["value"])]
    return f"{'remove' if operation['op'] == 'remove' else 'set'} {key}"


def _named(stores: tuple[str, ...]) -> str:
    return f"the {'store' if len(stores) == 1 else 'stores'} {', '.join(stores)}"


def deletes_old(step: Step) -> t.TypeGuard[Retire | Supersede]:
    """Whether a step deletes an old image; what is deleted for other reasons is of no use to anybody."""
    return (isinstance(step, Retire) and step.how == "delete") or (isinstance(step, Supersede) and step.delete)
