# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Ids that the collection chooses for new images, before the POST, the same for everyone who means the same step. Pure."""

from __future__ import annotations

import datetime
import uuid

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "cloudimage.glance")
#: How often a name can be created and deleted in a day.
_GENERATIONS = 500
#: When the day begins, after midnight UTC: not when timers usually start what would then disagree about the day.
_DAWN = datetime.timedelta(hours=3, minutes=17, seconds=43)

#: How far clocks may differ, and how long a task may take from looking to making an image, around the change of the day.
_AROUND_DAWN = datetime.timedelta(minutes=15)


def purpose(name: str, family: str | None, version: str | None) -> str:
    """What an image is made for: its name, or for a version the family and the version, whatever it is called at the time."""
    return name if version is None else f"{family}\n{version}"


def chosen_ids(project_id: str, purpose: str, replaced: str | None, now: datetime.datetime) -> tuple[str, ...]:
    """Ids for a new image, to be tried in turn.

    Glance answers 409 to the second of two creators, and to a deleted id, which is burnt for ever: hence generations. The
    seed holds the day, so that a name that is created and deleted every day does not cost a probe for each past deletion.

    :param purpose: see :func:`purpose`.
    :param replaced: the id of the image whose place the new one takes, or None.
    """
    seed = f"{project_id}\n{purpose}\n{replaced or ''}\n{_day(now).isoformat()}\n"
    return tuple(str(uuid.uuid5(_NAMESPACE, f"{seed}{number}")) for number in range(_GENERATIONS))


def rivals(project_id: str, purpose: str, replaced: str | None, now: datetime.datetime) -> tuple[tuple[str, ...], bool]:
    """Ids that somebody else chooses at the same moment for the same image, if it is another day by then or there.

    :return: the ids, none but around the change of the day, and whether theirs is the later day.
    """
    for offset in (_AROUND_DAWN, -_AROUND_DAWN):
        if _day(now + offset) != _day(now):
            return chosen_ids(project_id, purpose, replaced, now + offset), offset > datetime.timedelta()
    return (), False


def _day(now: datetime.datetime) -> datetime.date:
    return (now - _DAWN).date()


def was_chosen(image_id: str, created_at: str, project_id: str, purpose: str, replaced: str | None) -> bool:
    """Whether an id is one that the collection chose on the day on which the image was made, by its own clock.

    :param created_at: as Glance tells it, ISO 8601.
    """
    try:
        made = datetime.datetime.fromisoformat(created_at)
    except ValueError:
        return False
    days = (made + datetime.timedelta(days=offset) for offset in (-1, 0, 1))
    return any(image_id in chosen_ids(project_id, purpose, replaced, day) for day in days)
