# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a local file: tables and properties."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _file_plan, _steps
from ansible_collections.cloudimage.glance.plugins.module_utils._file_plan import (
    Build,
    Found,
    Remove,
    SetAttributes,
    Wanted,
)
from hypothesis import given
from hypothesis import strategies as st

keys = st.sampled_from(["sha256:1+raw", "sha256:2+raw", "sha512:3"])
formats = st.sampled_from(["raw", "qcow2"]) | st.none()
wishes = st.builds(Wanted, st.just("/a"), st.just("/src"), keys | st.none(), formats)
findings = st.just(Found(False)) | st.builds(
    Found, st.just(True), formats, st.integers(0, 9), keys | st.none(), st.booleans()
)


def applied(found: Found, plan: _steps.Plan) -> Found:
    """What is there after the steps."""
    for step in plan.steps:
        if isinstance(step, Build):
            found = Found(True, step.wanted.format, 1, step.wanted.content_key)
        elif isinstance(step, SetAttributes):
            found = dataclasses.replace(found, attributes_differ=False)
        else:
            found = Found(False)
    return found


@given(wishes, findings)
def test_one_apply_is_enough(wanted: Wanted, found: Found) -> None:
    plan = _file_plan.plan(wanted, found)
    after = _file_plan.plan(wanted, applied(found, plan))
    assert not after.changed and after.before == after.after
    assert after.before["exists"] == plan.after["exists"] == (wanted.content_key is not None)
    assert after.before.get("content_key") == plan.after.get("content_key") == wanted.content_key


@given(wishes, findings)
def test_every_step_has_a_sentence_and_no_step_no_change(wanted: Wanted, found: Found) -> None:
    plan = _file_plan.plan(wanted, found)
    assert all("/a" in action for action in plan.actions) and len(plan.steps) <= 1
    assert plan.changed or plan.before == plan.after


@pytest.mark.parametrize(
    ("wanted", "found", "kind"),
    [
        (Wanted("/a", "/s", "k"), Found(False), Build),
        (Wanted("/a", "/s", "k"), Found(True, "raw", 1, None), Build),
        (Wanted("/a", "/s", "k"), Found(True, "raw", 1, "other"), Build),
        (Wanted("/a", "/s", "k"), Found(True, "raw", 1, "k", True), SetAttributes),
        (Wanted("/a"), Found(True, size=1), Remove),
    ],
)
def test_steps(wanted: Wanted, found: Found, kind: type) -> None:
    (step,) = _file_plan.plan(wanted, found).steps
    assert isinstance(step, kind)


@pytest.mark.parametrize(
    ("options", "recipe"),
    [
        (("raw", None, True), "raw"),
        (("raw", None, False), "raw"),
        (("qcow2", "zstd", True), "qcow2,compression_type=zstd"),
        ((None, None, True), "unpacked"),
        ((None, None, False), None),
    ],
)
def test_recipes(options: tuple[str | None, str | None, bool], recipe: str | None) -> None:
    assert _file_plan.recipe(*options) == recipe


def test_sentences() -> None:
    wanted = Wanted("/a", "/s", "k", "qcow2", "zstd")
    assert str(Build(wanted, True)) == "replace /a with the content of /s as qcow2 compressed with zstd"
    assert str(Build(Wanted("/a", "/s", "k"), False)) == "write /a with the content of /s"
