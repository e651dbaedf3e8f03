# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ids that are chosen before the POST."""

from __future__ import annotations

import datetime
import uuid

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils._chosen_id import chosen_ids, was_chosen

NOON = datetime.datetime(2026, 7, 1, 12, 0, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)


def test_everyone_who_means_the_same_step_chooses_the_same_ids() -> None:
    ids = chosen_ids("p", "n", None, NOON)
    assert ids == chosen_ids("p", "n", None, NOON + HOUR)
    assert len(set(ids)) == len(ids)
    assert all(str(uuid.UUID(each)) == each for each in ids)


@pytest.mark.parametrize(
    "other",
    [("q", "n", None, NOON), ("p", "m", None, NOON), ("p", "n", "old", NOON), ("p", "n", None, NOON + 24 * HOUR)],
)
def test_another_step_has_other_ids(other: tuple[str, str, str | None, datetime.datetime]) -> None:
    assert not set(chosen_ids(*other)) & set(chosen_ids("p", "n", None, NOON))


def test_a_name_can_be_made_and_deleted_hundreds_of_times_a_day() -> None:
    assert len(chosen_ids("p", "n", None, NOON)) >= 300


@pytest.mark.parametrize("hours", [-13, -1, 0, 1, 13])
@pytest.mark.parametrize("generation", [0, -1])
def test_ours_are_known_by_clocks_that_differ(hours: int, generation: int) -> None:
    chosen = chosen_ids("p", "n", "old", NOON)[generation]
    created = (NOON + hours * HOUR).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert was_chosen(chosen, created, "p", "n", "old")
    assert not was_chosen(chosen, created, "p", "n", None)
    assert not was_chosen(chosen, created, "p", "m", "old")


@pytest.mark.parametrize("created", ["", "yesterday", "2026-07-09T12:00:00Z", "2026-06-20T12:00:00Z"])
def test_nothing_is_claimed_on_thin_grounds(created: str) -> None:
    assert not was_chosen(chosen_ids("p", "n", None, NOON)[0], created, "p", "n", None)
