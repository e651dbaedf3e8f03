# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Ids that the collection chooses for new images, before the POST, the same for everyone who means the same step. Pure."""

from __future__ import annotations

import datetime
import uuid

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "cloudimage.glance")
_PROBES = 16


def chosen_ids(project_id: str, name: str, replaced: str | None, day: datetime.date) -> tuple[str, ...]:
    """Ids for a new image, to be tried in turn.

    Glance answers 409 to the second of two creators, and to a deleted id, which is burnt for ever: hence generations. They
    leap, and the seed holds the day, so that a name that is created and deleted all the time costs few probes.

    :param replaced: the id of the image whose place the new one takes, or None.
    """
    generations = (2**power - 1 for power in range(_PROBES))
    seeds = (f"{project_id}\n{name}\n{replaced or ''}\n{day.isoformat()}\n{number}" for number in generations)
    return tuple(str(uuid.uuid5(_NAMESPACE, seed)) for seed in seeds)


def was_chosen(image_id: str, created_at: str, project_id: str, name: str, replaced: str | None) -> bool:
    """Whether an id is one that the collection chose on the day on which the image was made, by its own clock.

    :param created_at: as Glance tells it, ISO 8601.
    """
    try:
        made = datetime.date.fromisoformat(created_at[:10])
    except ValueError:
        return False
    days = (made + datetime.timedelta(days=offset) for offset in (-1, 0, 1))
    return any(image_id in chosen_ids(project_id, name, replaced, day) for day in days)
