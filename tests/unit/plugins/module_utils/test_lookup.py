# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options and terms of the lookup image, before anything is asked."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import InvalidOption
from ansible_collections.cloudimage.glance.plugins.module_utils._lookup import looked_up, options_of, plain


class Text(str):
    """A text of a type of Ansible's own."""


class Sealed:
    """What becomes a text only when it is asked for, as a secret does."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text


def test_values_become_plain() -> None:
    made = plain({Text("a"): [Text("b"), 1, True, None], "c": {"d": (Sealed(Text("secret")), 1.5)}})
    assert made == {"a": ["b", 1, True, None], "c": {"d": ["secret", 1.5]}}
    texts = [*made, made["a"][0], made["c"]["d"][0]]
    assert {type(each) for each in texts} == {str}


def test_options_have_types_defaults_and_aliases() -> None:
    options = options_of({"verify": "no", "version": 20261121, "family": "yes", "wantlist": True})
    assert (options["validate_certs"], options["version"], options["family"]) == (False, "20261121", True)
    assert (options["interface"], options["attribute"], options["cloud"]) == ("public", "id", None)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"verson": "1"}, "verson: there is no such option"),
        ({"family": "perhaps"}, "perhaps"),
        ({"filters": ["x"]}, "filters"),
        ({"interface": "back"}, "public, internal, admin"),
        ({"api_timeout": "soon"}, "api_timeout"),
    ],
)
def test_options_are_strict(given: dict[str, t.Any], words: str) -> None:
    with pytest.raises(InvalidOption) as refused:
        options_of(given)
    assert words in refused.value.message and "\n" not in refused.value.message


def test_secrets_are_not_told() -> None:
    with pytest.raises(InvalidOption) as refused:
        options_of({"auth": "hunter2"})
    assert "hunter2" not in refused.value.message


@pytest.mark.parametrize("term", ["", None, True, {"a": 1}, ["a"]])
def test_terms_are_names(term: t.Any) -> None:
    with pytest.raises(InvalidOption, match="not the name"):
        looked_up(["x", term], options_of({}), False)
