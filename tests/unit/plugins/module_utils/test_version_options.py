# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task may say about versions, and what becomes of it."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils._argspec import image_spec, wait_spec
from ansible_collections.cloudimage.glance.plugins.module_utils._desired import Desired, desired_image
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import InvalidOption
from ansible_collections.cloudimage.glance.plugins.module_utils._observed import END_OF_LIFE, EXCLUDED, FAMILY, VERSION
from ansible_collections.cloudimage.glance.plugins.module_utils._versions import versioned_name


def declared(**options: t.Any) -> Desired:
    """The declaration that a task with these options makes."""
    spec = image_spec() | wait_spec()
    return desired_image({key: each.get("default") for key, each in spec.items()} | {"name": "n"} | options)


@pytest.mark.parametrize(
    ("options", "stamps"),
    [
        ({}, {}),
        ({"version": "1"}, {FAMILY: "n", VERSION: "1"}),
        ({"version": "1", "family": "f: g/ü"}, {FAMILY: "f: g/ü", VERSION: "1"}),
        ({"version": "1", "promote": True}, {FAMILY: "n", VERSION: "1", EXCLUDED: None}),
        ({"version": "1", "promote": False}, {FAMILY: "n", VERSION: "1"}),
        ({"version": "1", "promote": True, "exclude_from_latest": False}, {FAMILY: "n", VERSION: "1", EXCLUDED: None}),
        (
            {"version": "1", "promote": False, "exclude_from_latest": True},
            {FAMILY: "n", VERSION: "1", EXCLUDED: "true"},
        ),
        ({"exclude_from_latest": True}, {EXCLUDED: "true"}),
        ({"exclude_from_latest": False}, {EXCLUDED: None}),
        ({"end_of_life": "2027-06-30"}, {END_OF_LIFE: "2027-06-30"}),
        ({"end_of_life": "20270630"}, {END_OF_LIFE: "2027-06-30"}),
        ({"end_of_life": ""}, {END_OF_LIFE: None}),
    ],
    ids=str,
)
def test_options_become_properties(options: dict[str, t.Any], stamps: dict[str, str | None]) -> None:
    desired = declared(**options)
    assert desired.stamps == stamps
    assert (desired.family, desired.version) == (stamps.get(FAMILY), stamps.get(VERSION))
    assert desired.promote == options.get("promote")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"family": "f"}, "family: is about versions of a family, so the option version is needed."),
        ({"promote": False}, "promote: is about versions of a family, so the option version is needed."),
        ({"retire": "keep"}, "retire: the choice keep is about versions of a family, so the option version is needed."),
        ({"version": ""}, "version: cannot be empty."),
        ({"version": " "}, "version: cannot be empty."),
        ({"version": "1 "}, "version: '1 ' begins or ends with white space."),
        ({"version": "1" * 129}, "version: .* has 129 characters; Glance takes at most 128."),
        ({"version": "\N{SNAKE}"}, "version: .* a character that Glance cannot store"),
        ({"version": "1", "family": ""}, "family: cannot be empty."),
        ({"version": "1", "family": "f" * 256}, "family: .* has 256 characters"),
        (
            {"version": "1", "promote": True, "exclude_from_latest": True},
            "promote: a version that is excluded from latest",
        ),
        ({"version": "1", "promote": True, "state": "absent"}, "promote: a version that is to be absent cannot have"),
        (
            {"version": "1", "promote": True, "state": "inactive"},
            "promote: a version that is to be inactive cannot have",
        ),
        ({"end_of_life": "30.6.2027"}, "end_of_life: '30.6.2027' is no date; write 2027-06-30, for instance."),
        ({"end_of_life": "2027-02-30"}, "end_of_life: '2027-02-30' is no date"),
        ({"end_of_life": "2027-06-30T00:00:00"}, "end_of_life: .* is no date"),
        ({"properties": {FAMILY: "f"}}, "properties: 'cloudimage_family' is reserved"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(options: dict[str, t.Any], words: str) -> None:
    with pytest.raises(InvalidOption, match=f"^{words}"):
        declared(**options)


@pytest.mark.parametrize("name", ["n", "n" * 255])
def test_the_longest_version_still_makes_a_name(name: str) -> None:
    made = versioned_name(name, "1" * 128)
    assert len(made) <= 255
    assert made.endswith(f" ({'1' * 128})")
