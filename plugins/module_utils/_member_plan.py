# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What is to be done so that a project is, or is not, a member of a shared image: pure, without a look at the world."""

from __future__ import annotations

import dataclasses
import typing as t

from ._cast import meant
from ._errors import InvalidOption
from ._image_steps import Merge, Share, Unshare
from ._observed import Image
from ._sharing import merging, status_of
from ._steps import Plan, Step, certain


@dataclasses.dataclass(frozen=True)
class Wanted:
    """The declared membership.

    :param image: name or id of the image, as the task has it.
    :param member: id of the project.
    :param present: whether the project is to be a member.
    :param status: what its answer is to be; None to leave it alone.
    """

    image: str
    member: str
    present: bool = True
    status: str | None = None


@dataclasses.dataclass(frozen=True)
class Caller:
    """Who asks.

    :param project: id of the project of the task's credentials.
    :param admin: whether Glance lets them do everything, or may do so for all that is known.
    :param member_cloud: whether credentials of the member itself are at hand, too.
    """

    project: str
    admin: bool = False
    member_cloud: bool = False


@dataclasses.dataclass(frozen=True)
class Found:
    """What is there.

    :param image: the image that is meant; None if there is none, or none that may be seen.
    :param statuses: what the project has answered; of a membership that Glance has several times, the status of each row.
    """

    image: Image | None
    statuses: tuple[str, ...] = ()

    @property
    def status(self) -> str | None:
        """What the project has answered; None if it is no member."""
        return status_of(self.statuses) if self.statuses else None


@dataclasses.dataclass(frozen=True)
class Answer:
    """Set what a member answers.

    :param by_member: whether this goes by the credentials of ``member_cloud``.
    """

    image: str
    member: str
    status: str
    by_member: bool = False

    def __str__(self) -> str:
        return f"set the membership of project {self.member} in image {self.image} to {self.status}"


def pick(images: t.Iterable[Image], name: str, receiving: str | None = None) -> Image | None:
    """The image that a name means, out of all that bear it: the same one as for the module ``image``.

    :param receiving: id of the project that is to see an image of others, which take precedence over its own.
    :raises AmbiguousImage: if there are several.
    """
    found = list(images)
    if receiving is not None:
        found = [image for image in found if image.owner != receiving] or found
    return meant(found, name)


def plan(wanted: Wanted, found: Found, caller: Caller) -> Plan:
    """The steps from the membership as it is to the declared one.

    :raises InvalidOption: if it cannot be, or not with these credentials; nothing has been sent then.
    """
    if found.image is None:
        if wanted.present:
            raise InvalidOption(f"image: {_not_found(wanted, caller)}")
        return Plan({}, {})
    _require_shared(found.image)
    _require_say(found.image, wanted, caller)
    before = _picture(found.image, wanted, found.status)
    if not wanted.present:
        return Plan(before, {}, _withdrawal(wanted, found, caller))
    steps, status, warnings = _presence(wanted, found, caller)
    return Plan(before, _picture(found.image, wanted, status), steps, warnings)


def _presence(wanted: Wanted, found: Found, caller: Caller) -> tuple[tuple[Step, ...], str, tuple[str, ...]]:
    """Steps for ``state: present``, the status that they lead to, and warnings."""
    image = certain(found.image)
    steps: list[Step] = []
    warnings: tuple[str, ...] = ()
    if image.owner == wanted.member:
        raise InvalidOption(
            f"member: image {image.id} belongs to project {wanted.member}, which needs no membership; name the project "
            "that is to see it."
        )
    status = found.status
    if status is None:
        _require_owner(image, wanted, caller)
        steps.append(Share(image.id, wanted.member))
        status = "pending"
    if len(found.statuses) > 1 and (caller.admin or caller.project == image.owner):
        merged = _merged(image, wanted, found, caller)
        steps += [] if isinstance(merged, str) else [merged]
        warnings += (merged,) if isinstance(merged, str) else ()
        status = status if isinstance(merged, str) else merged.status
    if (wanted.status or found.status) not in (None, status):
        status = certain(wanted.status or found.status)
        _require_answer(status, image, wanted, caller)
        steps.append(Answer(image.id, wanted.member, status, caller.member_cloud))
    return tuple(steps), status, warnings


def _merged(image: Image, wanted: Wanted, found: Found, caller: Caller) -> Merge | str:
    """The step that leaves one of several rows of a membership; the member itself may have to answer again after it."""
    last = found.statuses[-1]
    if caller.member_cloud and not caller.admin:
        return Merge(image.id, wanted.member, last)
    if wanted.status == last:
        return Merge(image.id, wanted.member, last)
    return merging(image.id, wanted.member, found.statuses, caller.admin)


def _withdrawal(wanted: Wanted, found: Found, caller: Caller) -> tuple[Step, ...]:
    image = certain(found.image)
    if found.status is None:
        return ()
    if not caller.admin and caller.project != image.owner:
        raise InvalidOption(
            f"state: only its owner or an administrator can stop sharing image {image.id} with project {wanted.member}; "
            "the project itself can decline it with status: rejected."
        )
    return (Unshare(image.id, wanted.member),)


def _require_shared(image: Image) -> None:
    visibility = image.raw.get("visibility")
    if visibility == "shared":
        return
    more = "" if visibility == "private" else "; everybody can use this one without"
    raise InvalidOption(
        f"image: the visibility of image {image.id} is {visibility}, and only shared images have members{more}. Glance "
        "shows and changes no members meanwhile, and those of before are back once it is shared."
    )


def _require_say(image: Image, wanted: Wanted, caller: Caller) -> None:
    """To others Glance does not tell who is a member."""
    if not caller.admin and caller.project not in (image.owner, wanted.member):
        raise InvalidOption(
            f"member: whether project {wanted.member} is a member of image {image.id} is up to its owner, the project "
            f"{image.owner}, and these credentials are those of project {caller.project}."
        )


def _require_owner(image: Image, wanted: Wanted, caller: Caller) -> None:
    if not caller.admin and caller.project != image.owner:
        raise InvalidOption(
            f"image: its owner, the project {image.owner}, does not share image {image.id} with project {wanted.member}."
        )


def _require_answer(status: str, image: Image, wanted: Wanted, caller: Caller) -> None:
    if caller.admin or caller.member_cloud or caller.project == wanted.member:
        return
    again = (
        " To ask anew, withdraw the image with state: absent, and then share it again." if status == "pending" else ""
    )
    raise InvalidOption(
        f"status: only project {wanted.member} itself or an administrator can set its membership in image {image.id} to "
        f"{status}; name its cloud with member_cloud.{again}"
    )


def _not_found(wanted: Wanted, caller: Caller) -> str:
    if caller.project == wanted.member:
        return (
            f"there is no image {wanted.image!r} that is shared with project {wanted.member}; to share one of its own, "
            "name the other project with member."
        )
    return (
        f"there is no image {wanted.image!r} in the project that is to share it; give the id, or name that project with "
        "owner."
    )


def _picture(image: Image, wanted: Wanted, status: str | None) -> dict[str, t.Any]:
    return {"image_id": image.id, "member_id": wanted.member, "status": status} if status else {}
