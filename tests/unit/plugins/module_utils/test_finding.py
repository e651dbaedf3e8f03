# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names in few questions."""

from __future__ import annotations

import urllib.parse

from ansible_collections.cloudimage.glance.plugins.module_utils._finding import batches
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
