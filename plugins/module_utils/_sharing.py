# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Who shares an image: members declared, members there, and the steps between. Pure."""

from __future__ import annotations

import typing as t

from ._desired import Desired
from ._image_steps import Merge, Share, Unshare
from ._observed import Image, Observed
from ._steps import Step


def memberships(rows: t.Iterable[dict[str, t.Any]]) -> dict[str, tuple[str, ...]]:
    """The statuses of all rows of each membership, by project, in the order in which Glance takes them; one each is the rule."""
    found: dict[str, tuple[str, ...]] = {}
    for row in rows:
        project = row["member_id"]
        found[project] = (*found.get(project, ()), row["status"])
    return found


def status_of(statuses: t.Sequence[str]) -> str:
    """What the rows of one membership come to: Glance shows the first, and lists the image if any of them is accepted."""
    return "accepted" if "accepted" in statuses else statuses[0]


def merging(image_id: str, project: str, statuses: t.Sequence[str], may_answer: bool) -> Merge | str:
    """The step that leaves one row of a membership that Glance has several times; a warning where that would cost its answer.

    What is left is the last row, as the first ones are taken away.
    """
    status = status_of(statuses)
    if may_answer or statuses[-1] == status:
        return Merge(image_id, project, status)
    return (
        f"Glance has the membership of project {project} in image {image_id} twice ({', '.join(statuses)}). An administrator can "
        f"leave one of them with the module image_member (member: {project}, state: present). These credentials cannot keep the "
        f"answer of the project: they can withdraw the image with state: absent and share it anew, and the project has to accept "
        "it again. An image with a membership that is there twice must not be deleted with other tools, because Glance keeps a part of it "
        "for ever."
    )


def merges(observed: Observed, image: Image, wanted: t.Container[str]) -> list[Merge | str]:
    """:func:`merging` for all members of an image that stay."""
    staying = sorted(project for project in observed.doubled if project in wanted)
    return [merging(image.id, each, observed.doubled[each], observed.answers_for_members) for each in staying]


def members_of(desired: Desired, observed: Observed, image: Image | None, fills: bool) -> str | None:
    """The id of the image whose members a plan has to know, or None. Only those of shared images can be read.

    :param fills: whether the image is going to be replaced, so that its members pass to another.
    """
    if image is None or not image.usable or image.raw.get("visibility") != "shared" or observed.members is not None:
        return None
    return image.id if fills or desired.members is not None else None


def members_after(desired: Desired, there: t.Collection[str]) -> frozenset[str]:
    """The members in the end, where these are there, or pass on from the image that is replaced."""
    if desired.members is None:
        return frozenset(there)
    return desired.members if desired.purge_members else desired.members.union(there)


def sharing(desired: Desired, target: str, there: t.Collection[str], wanted: t.Collection[str]) -> list[Step]:
    """Steps that make the members of a shared image those that are wanted.

    :param there: its members now; those that nobody could read yet are left out.
    """
    steps: list[Step] = []
    if desired.purge_members:  # first, for Glance limits their number
        steps += [Unshare(target, member) for member in sorted(set(there) - set(wanted))]
    return steps + [Share(target, member) for member in sorted(set(wanted) - set(there))]
