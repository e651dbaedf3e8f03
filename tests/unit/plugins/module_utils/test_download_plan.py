# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a download: tables and properties."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _download_plan as download_plan
from ansible_collections.cloudimage.glance.plugins.module_utils._download_plan import (
    Check,
    Download,
    Found,
    Install,
    Shape,
    Wanted,
)
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import (
    ContentMissing,
    FileProblem,
    ImageFault,
)
from ansible_collections.cloudimage.glance.plugins.module_utils._file_plan import SetAttributes
from ansible_collections.cloudimage.glance.plugins.module_utils._observed import Image
from ansible_collections.cloudimage.glance.plugins.module_utils._steps import Plan
from hypothesis import given
from hypothesis import strategies as st

ME = "me"
SIZE = 100
WANTED = Wanted("/a", "'x' (1)", SIZE, Check("sha512", "ab"), "sha512:ab", "qcow2")

keys = st.sampled_from(["sha512:ab", "sha512:ab+raw", "sha256:cd"])
formats = st.sampled_from(["raw", "qcow2"]) | st.none()
wishes = st.builds(
    Wanted,
    st.just("/a"),
    st.just("'x' (1)"),
    st.just(SIZE),
    st.sampled_from([Check(), WANTED.check]),
    keys,
    formats,
    formats,
)
findings = st.builds(Found, st.just(False), partial=st.integers(0, 200), free=st.just(10**6)) | st.builds(
    Found, st.just(True), st.integers(0, 200), keys | st.none(), st.booleans(), st.integers(0, 200), st.just(10**6)
)


def applied(found: Found, plan: Plan) -> Found:
    """What is there after the steps."""
    made = False
    for step in plan.steps:
        if isinstance(step, Download):
            assert 0 <= step.begin <= step.wanted.size
            made = True
        elif isinstance(step, Shape):
            assert made and step.wanted.format
        elif isinstance(step, Install):
            assert made and step.replaces == found.exists
            size = plan.after["size"] or 7
            found = Found(True, size, plan.after["content_key"])
        else:
            assert isinstance(step, SetAttributes)
            found = dataclasses.replace(found, attributes_differ=False)
    return found


@given(wishes, findings)
def test_one_apply_is_enough(wanted: Wanted, found: Found) -> None:
    plan = download_plan.plan(wanted, found)
    after = download_plan.plan(wanted, applied(found, plan))
    assert not after.changed and after.before == after.after
    assert after.before["content_key"] == plan.after["content_key"] == wanted.content_key


@given(wishes, findings)
def test_a_file_is_put_in_its_place_last_and_only_if_it_is_shaped(wanted: Wanted, found: Found) -> None:
    plan = download_plan.plan(wanted, found)
    kinds = [type(step) for step in plan.steps]
    if Download in kinds:
        assert kinds == [Download, *([Shape] if wanted.format else []), Install]
    assert all(isinstance(action, str) and action for action in plan.actions)
    assert plan.changed or plan.before == plan.after


@pytest.mark.parametrize(
    ("wanted", "found", "actions"),
    [
        ({}, Found(True, SIZE, "sha512:ab"), []),
        ({}, Found(True, SIZE, "sha512:ab", True), ["change owner, group or mode of /a"]),
        ({}, Found(False), ["download image 'x' (1), 100 bytes, and verify its sha512", "write /a"]),
        (
            {},
            Found(True, 5, None, partial=40),
            ["download image 'x' (1), 100 bytes, going on at byte 40, and verify its sha512", "replace /a"],
        ),
        # A partial file that is longer than the image cannot be a part of it
        ({}, Found(False, partial=101), ["download image 'x' (1), 100 bytes, and verify its sha512", "write /a"]),
        (
            {"format": "raw"},
            Found(False),
            ["download image 'x' (1), 100 bytes, and verify its sha512", "convert it from qcow2 to raw", "write /a"],
        ),
        (
            # Nothing would show that what an earlier run has left is damaged
            {"format": "qcow2", "check": Check()},
            Found(False, partial=40),
            ["download image 'x' (1), 100 bytes, and verify its size", "inspect it, which must be qcow2", "write /a"],
        ),
    ],
)
def test_steps(wanted: dict[str, t.Any], found: Found, actions: list[str]) -> None:
    assert download_plan.plan(dataclasses.replace(WANTED, **wanted), found).actions == actions


def test_room_is_needed_for_what_is_missing() -> None:
    assert not download_plan.plan(WANTED, Found(False, free=SIZE)).warnings
    assert download_plan.plan(WANTED, Found(False, free=SIZE - 60, partial=60)).changed
    with pytest.raises(FileProblem, match="needs 100 bytes, and 99 are free for /a"):
        download_plan.plan(WANTED, Found(False, free=SIZE - 1))
    raw = dataclasses.replace(WANTED, own_format="raw")
    (warning,) = download_plan.plan(raw, Found(False, free=1)).warnings
    assert "zeros" in warning
    # What is there already needs no room.
    assert not download_plan.plan(WANTED, Found(True, SIZE, WANTED.content_key, free=0)).changed


def test_nothing_to_verify_with_is_told() -> None:
    (warning,) = download_plan.plan(dataclasses.replace(WANTED, check=Check()), Found(False)).warnings
    assert "size" in warning


def image(image_id: str, **raw: t.Any) -> Image:
    return Image(
        {"id": image_id, "name": "x", "status": "active", "owner": ME, "size": SIZE, "os_hidden": False, **raw}
    )


@pytest.mark.parametrize(
    "status", ["queued", "saving", "uploading", "importing", "killed", "deleted", "pending_delete"]
)
def test_an_image_without_data_is_refused(status: str) -> None:
    with pytest.raises(ImageFault, match=status):
        download_plan.data_size(image("1", status=status))


def test_the_snapshot_of_a_volume_is_refused() -> None:
    with pytest.raises(ContentMissing, match="volume"):
        download_plan.data_size(image("1", size=0))
    assert download_plan.data_size(image("1", status="deactivated")) == SIZE


@pytest.mark.parametrize(
    ("raw", "available", "expected"),
    [
        ({"os_hash_algo": "sha512", "os_hash_value": "AB", "checksum": "cd"}, ["sha512", "md5"], Check("sha512", "ab")),
        ({"os_hash_algo": "sha512", "os_hash_value": "AB", "checksum": "cd"}, ["md5"], Check("md5", "cd")),
        ({"os_hash_algo": None, "os_hash_value": None, "checksum": "cd"}, ["sha512", "md5"], Check("md5", "cd")),
        ({"checksum": "cd"}, ["sha512"], Check()),
        ({"checksum": None}, ["sha512", "md5"], Check()),
        ({"os_hash_algo": "md5", "os_hash_value": "ef", "checksum": "ef"}, ["md5"], Check("md5", "ef")),
    ],
)
def test_what_the_data_is_held_against(raw: dict[str, t.Any], available: list[str], expected: Check) -> None:
    assert download_plan.check_of(image("1", **raw), available) == expected
