# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible's placeholder for what is to be omitted."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import InvalidOption
from ansible_collections.cloudimage.glance.plugins.module_utils._omitted import require_none_omitted, without_omitted

OMIT = "__omit_place_holder__" + "0a" * 20


class Omit:
    """As lookups see it since ansible-core 2.19."""

    def __repr__(self) -> str:
        return "<<Omit>>"


@pytest.mark.parametrize(
    ("value", "left"),
    [
        (["a", OMIT], ["a"]),
        ([OMIT], []),
        (["a", Omit(), {"b": Omit()}], ["a", {}]),
        ([["a", OMIT], {"b": [OMIT, 1]}, {OMIT: 1, "c": OMIT}], [["a"], {"b": [1]}, {}]),
        ({"a": {"b": OMIT, "c": None}}, {"a": {"c": None}}),
        (f"a,{OMIT}", "a"),
        (f"{OMIT}, b, {OMIT}", " b"),
        ("__omit_place_holder__", "__omit_place_holder__"),
        (False, False),
        (0, 0),
        ("", ""),
    ],
)
def test_what_is_left(value: t.Any, left: t.Any) -> None:
    assert without_omitted({"option": value, "other": 1}) == {"option": left, "other": 1}
    require_none_omitted({"option": left})


@pytest.mark.parametrize("value", [OMIT, f"{OMIT},{OMIT}"])
def test_nothing_is_left(value: str) -> None:
    assert without_omitted({"option": value}) == {}


@pytest.mark.parametrize("value", [f"a{OMIT}", [f"{OMIT}b"], {"a": [f"b {OMIT}"]}, {f"a{OMIT}": 1}])
def test_parts_of_texts_are_refused(value: t.Any) -> None:
    options = without_omitted({"tags": value})
    with pytest.raises(InvalidOption, match="tags: a part of a text cannot be omitted"):
        require_none_omitted(options)
