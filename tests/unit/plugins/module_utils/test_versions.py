# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which versions there are, which of them are good, and what they are called."""

from __future__ import annotations

import datetime
import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _versions as versions
from ansible_collections.cloudimage.glance.plugins.module_utils._cast import cast
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import AmbiguousImage
from ansible_collections.cloudimage.glance.plugins.module_utils._observed import Image
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils import glance_model as model
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.version_support import (
    COMING,
    END_OF_LIFE,
    EXCLUDED,
    FAMILY,
    INCOMING,
    OVER,
    REPLACED_BY,
    REPLACES,
    VERSION,
    holding,
)


def image(version: str, number: int = 1, **facts: t.Any) -> Image:
    """An image that is a version and has the name."""
    cloud = model.Cloud()
    return Image(cloud.images[cloud.put(number, **holding(version, **facts))])


@pytest.mark.parametrize(
    ("facts", "good"),
    [
        ({}, True),
        ({END_OF_LIFE: COMING}, True),
        ({END_OF_LIFE: "2026-07-01"}, True),
        ({END_OF_LIFE: OVER}, False),
        ({END_OF_LIFE: "someday"}, True),
        ({EXCLUDED: "true"}, False),
        ({EXCLUDED: "True"}, False),
        ({EXCLUDED: "false"}, True),
        ({"status": "deactivated"}, False),
        ({"data": None}, False),
        ({INCOMING: "x"}, False),
        ({"os_hidden": True}, True),
    ],
    ids=str,
)
def test_what_is_good(facts: dict[str, t.Any], good: bool) -> None:
    assert versions.is_good(image("1", **facts), model.NOW) == good


def test_the_last_day_ends_at_midnight_utc() -> None:
    evening = datetime.datetime.fromisoformat("2026-06-30T23:59:59-01:00")
    assert not versions.has_ended(image("1", **{END_OF_LIFE: "2026-07-01"}), evening)
    assert versions.has_ended(image("1", **{END_OF_LIFE: OVER}), evening)


@pytest.mark.parametrize(
    "facts",
    [
        {"image_type": "snapshot"},
        {"cloudimage_image_id": "another"},
        {"status": "pending_delete"},
        {"os_hidden": True, REPLACED_BY: "x"},
        {VERSION: ""},
        {FAMILY: "other"},
    ],
    ids=str,
)
def test_what_is_no_version_of_the_family(facts: dict[str, t.Any]) -> None:
    assert versions.versions_of([image("1", **facts)], model.NAME) == []


@pytest.mark.parametrize(
    ("one", "two", "meant"),
    [
        ({}, {}, 2),
        ({}, {EXCLUDED: "true"}, 1),
        ({}, {"status": "deactivated"}, 1),
        ({}, {"os_hidden": True}, 1),
        ({REPLACES: model.number(2)}, {}, 1),
    ],
    ids=str,
)
def test_whom_the_name_means_while_two_versions_have_it(one: t.Any, two: t.Any, meant: int) -> None:
    named = [image("9", 1, **one), image("10", 2, **two)]
    current = cast(named, model.NAME).current
    assert current and current.id == model.number(meant)


@pytest.mark.parametrize(
    "other",
    [{VERSION: "9", "os_hash_value": "x"}, {FAMILY: "other"}, {"image_type": "snapshot"}, {"cloudimage_image_id": "x"}],
    ids=str,
)
def test_versions_that_are_none_of_one_family_are_ambiguous(other: dict[str, t.Any]) -> None:
    with pytest.raises(AmbiguousImage):
        cast([image("9", 1), image("10", 2, **other)], model.NAME)


def test_names_of_those_that_have_lost_theirs() -> None:
    assert versions.versioned_name("debian-13", "1") == "debian-13 (1)"
    assert versions.dated_name(image("1")) == f"debian-13 ({model.TODAY})"
    assert len(versions.dated_name(image("1", name="n" * 255))) == 255


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["deb"], "deb"),
        (["deb", "deb (2)"], "deb"),
        (["gold", "deb (2)", "deb"], "deb"),
        (["gold", f"{model.NAME} (2)", model.NAME], model.NAME),
        (["gold", model.NAME], model.NAME),
        (["gold", "deb (2)"], None),
        (["deb (1)", "deb (2)"], None),
        ([None, ""], None),
        ([], None),
        (["n" * 255, "n" * 251 + " (2)", "gold"], "n" * 255),
    ],
    ids=str,
)
def test_which_name_is_that_of_the_family(names: list[str | None], expected: str | None) -> None:
    named = [image(str(number), number, name=name) for number, name in enumerate(names, 1)]
    assert versions.name_of_family(named) == expected
