# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names in few questions."""

from __future__ import annotations

import typing as t
import urllib.parse

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import ServerRefusal
from ansible_collections.cloudimage.glance.plugins.module_utils._finding import Prefetched, batches
from hypothesis import given
from hypothesis import strategies as st


@given(
    st.sets(
        st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), min_size=1, max_size=255), max_size=60
    )
)
def test_every_name_is_asked_for_once_in_questions_that_servers_take(names: set[str]) -> None:
    groups = batches(names)
    assert sorted(name for group in groups for name in group) == sorted(names)
    for group in groups:
        question = ",".join(f'"{name}"' for name in group)
        assert len(group) == 1 or (len(urllib.parse.quote_plus(question)) <= 3000 and "\\" not in question)
        assert len(group) == 1 or all('"' not in name for name in group)


def test_a_thousand_names_are_few_questions() -> None:
    assert len(batches(f"debian-13-{number}" for number in range(1000))) < 12


class Asked:
    """A Glance with an image under each name and in each family; it refuses the questions that it is told to."""

    def __init__(self, refuses: t.Container[int]) -> None:
        self.refuses = refuses
        self.asked = 0
        self.alone: list[str] = []

    def images(self, query: dict[str, str]) -> t.Iterator[dict[str, str]]:
        number, self.asked = self.asked, self.asked + 1
        if query["os_hidden"] == "false":
            yield {"id": "1", "name": "a", "cloudimage_family": "f"}
        if number in self.refuses:
            raise ServerRefusal("no", 500)

    def named_or_id(self, name: str, _query: t.Any) -> list[dict[str, str]]:
        self.alone.append(name)
        return [{"id": "2", "name": name}]

    def hidden_too(self, query: dict[str, str]) -> list[dict[str, str]]:
        self.alone.append(query["cloudimage_family"])
        return [{"id": "2", "cloudimage_family": query["cloudimage_family"]}]


@pytest.mark.parametrize(
    ("refuses", "alone"), [((), []), ((0,), ["a", "b"]), ((1,), ["a", "b"]), ((2,), ["f"]), ((3,), ["f"])]
)
def test_what_could_not_be_asked_for_together_is_asked_for_alone(refuses: tuple[int, ...], alone: list[str]) -> None:
    glance = Asked(refuses)
    finder = Prefetched(t.cast("t.Any", glance))
    for question in finder.questions({"p": {"a", "b"}}, {"p": {"f"}}):
        if glance.asked in refuses:
            with pytest.raises(ServerRefusal):
                question()
        else:
            question()
    found = [finder.by_name("a", "p"), finder.by_name("b", "p"), finder.by_family("f", "p")]
    assert glance.alone == alone
    assert [image["id"] for image in found[0]] == ["2" if "a" in alone else "1"]
    assert len(found[1]) == ("b" in alone) and len(found[2]) == 1


def test_a_question_that_was_never_put_is_no_answer() -> None:
    glance = Asked(())
    finder = Prefetched(t.cast("t.Any", glance))
    finder.questions({"p": {"a"}}, {})
    assert finder.by_name("a", "p") == [{"id": "2", "name": "a"}]
