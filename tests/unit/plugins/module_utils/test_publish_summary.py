# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sentences and summaries in which images have names that would like to be more than names."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.filter.harmless import FilterModule
from ansible_collections.cloudimage.glance.plugins.module_utils._catalog import Entry
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import InvalidOption, ServerRefusal
from ansible_collections.cloudimage.glance.plugins.module_utils._publish_summary import summary
from ansible_collections.cloudimage.glance.plugins.module_utils._steps import Plan

#: New lines of all kinds, what turns the direction of writing, what is not seen, and what a terminal obeys.
SIGNS = (
    "\n\r\x0b\x0c\x1c\x85\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\u200b\ufeff"
    "\x1b\x07\x00\x9b"
)
HOSTILE = [f"a{sign}berlin: forged: create image" for sign in SIGNS]


@dataclasses.dataclass(frozen=True)
class Named:
    """A step whose sentence takes a name as it is."""

    name: str

    def __str__(self) -> str:
        return f"create image {self.name}"


def is_plain(line: str) -> bool:
    return not set(line) & set(SIGNS)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_forges_a_line(name: str) -> None:
    image = {"name": name, "version": name, "changed": True, "actions": [f"create image {name}"]}
    outcome = {"results": [image], "pruned": [image], "failures": [image], "failure": "1 of 1 failed", "seconds": 1}
    lines = summary({"berlin": outcome}, whole=True)
    assert len(lines) == len(["head", "berlin", "image", "pruned", "failure"])
    assert all(map(is_plain, lines))


@pytest.mark.parametrize("name", HOSTILE)
def test_no_sentence_holds_such_a_sign(name: str) -> None:
    entry = Entry("images", 1, {"name": name})
    sentences = [
        InvalidOption(f"image: there is no {name}.").message,
        str(ServerRefusal(f"Glance refused: {name}", 409)),
        entry.problem("name", f"the name {name}").sentence,
        *Plan({}, {}, (Named(name),)).actions,
        FilterModule().filters()["harmless"](name),
    ]
    assert all(map(is_plain, sentences)), sentences


def test_the_whole_of_it() -> None:
    image: dict[str, t.Any] = {"name": "a", "version": "7", "changed": True, "actions": ["create it", "upload it"]}
    clouds = {
        "berlin": {"results": [image, image | {"changed": False}], "seconds": 12.34},
        "munich": {"results": [], "failures": [{"name": "b"}], "failure": "1 of 1 images failed.\nb: no\n"},
        "nowhere": {},
    }
    assert summary(clouds, whole=True) == [
        "cloud    images  changed  failed  pruned  seconds",
        "berlin        2        1       0       0     12.3",
        "munich        0        0       1       0      0.0  FAILED",
        "nowhere       0        0       0       0      0.0",
        "berlin: a (7): create it, upload it",
        "munich: 1 of 1 images failed.",
        "munich: b: no",
    ]
    assert summary(clouds, whole=False) == ["berlin: a (7): create it, upload it"]
