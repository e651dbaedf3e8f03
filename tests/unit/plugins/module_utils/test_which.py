# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which image is meant by a name or a family: tables and properties."""

from __future__ import annotations

import datetime
import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import AmbiguousImage, InvalidOption
from ansible_collections.cloudimage.glance.plugins.module_utils._observed import (
    END_OF_LIFE,
    EXCLUDED,
    FAMILY,
    INCOMING_FOR,
    REPLACED_BY,
    REPLACES,
    VERSION,
    Image,
)
from ansible_collections.cloudimage.glance.plugins.module_utils._which import Wish, choose, versions
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.glance_model import signed
from hypothesis import given
from hypothesis import strategies as st

ME = "me"
NOW = datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.UTC)


def image(image_id: str, **raw: t.Any) -> Image:
    facts = {"id": image_id, "name": "x", "status": "active", "owner": ME, "size": 1, "os_hidden": False}
    return Image({**facts, **signed(image_id, raw)})


@pytest.mark.parametrize(
    ("images", "chosen"),
    [
        ([], None),
        ([image("1")], "1"),
        ([image("1", os_hidden=True)], "1"),
        ([image("1"), image("2", owner="they")], "1"),
        ([image("1", status="queued"), image("2", owner="they")], "1"),
        ([image("1"), image("2", status="saving")], "1"),
        ([image("1"), image("2", os_hidden=True)], "1"),
        ([image("1"), image("2", **{INCOMING_FOR: "1", REPLACES: "1"})], "1"),
        ([image("1"), image("2", **{REPLACES: "1"})], "2"),
        # The successor has lost its data
        ([image("1"), image("2", status="queued", **{REPLACES: "1"})], "1"),
        ([image("1", status="deactivated"), image("2", status="importing")], "1"),
        ([image("1"), image("2")], AmbiguousImage),
        ([image("1", owner="they"), image("2", owner="others")], AmbiguousImage),
        ([image("1", os_hidden=True), image("2", os_hidden=True)], AmbiguousImage),
    ],
)
def test_which_image_is_meant(images: list[Image], chosen: t.Any) -> None:
    for order in (images, images[::-1]):
        if chosen is AmbiguousImage:
            with pytest.raises(AmbiguousImage) as refused:
                choose(order, "x", ME)
            assert refused.value.details == {"ids": ["1", "2"]}
        else:
            found = choose(order, "x", ME)
            assert (found.id if found else None) == chosen


def version(number: str, image_id: str = "", **raw: t.Any) -> Image:
    return image(image_id or number, **{FAMILY: "f", VERSION: number, **raw})


def found(images: list[Image], **wish: t.Any) -> list[str]:
    """Ids, which must not depend on the order in which the server lists."""
    (one, other) = (
        [each.id for each in versions(order, Wish("f", **wish), ME, NOW)] for order in (images, images[::-1])
    )
    assert one == other
    return one


@pytest.mark.parametrize(
    ("images", "newest"),
    [
        ([], []),
        ([version("1"), version("2")], ["2"]),
        ([version("9"), version("10")], ["10"]),
        ([version("1"), version("2", os_hidden=True)], ["2"]),
        ([version("1"), version("2", status="deactivated")], ["1"]),
        ([version("1"), version("2", status="queued")], ["1"]),
        ([version("1"), version("2", **{EXCLUDED: "true"})], ["1"]),
        ([version("1"), version("2", **{END_OF_LIFE: "2026-11-20"})], ["1"]),
        ([version("1"), version("2", **{END_OF_LIFE: "2026-11-21"})], ["2"]),
        ([version("1"), version("2", **{INCOMING_FOR: "1"})], ["1"]),
        ([version("1"), version("2", os_hidden=True, **{REPLACED_BY: "1"})], ["1"]),
        ([version("1", **{EXCLUDED: "true"})], []),
        ([version("1"), version("2", **{FAMILY: "g"})], ["1"]),
        ([version("1"), image("2", **{FAMILY: "f"})], ["1"]),
        # Whose
        ([version("1"), version("2", owner="they")], ["1"]),
        ([version("1", owner="they"), version("2", owner="others")], ["2"]),
        ([version("1", **{EXCLUDED: "true"}), version("2", owner="they")], []),
        ([version("3", image_type="snapshot"), version("2", owner="they")], ["2"]),
        ([version("3", cloudimage_image_id="another"), version("2", owner="they")], ["2"]),
        ([version("3", **{INCOMING_FOR: "2"}), version("2", owner="they")], ["2"]),
    ],
)
def test_the_newest_good_version(images: list[Image], newest: list[str]) -> None:
    assert found(images) == newest


def test_all_versions() -> None:
    bad = version("2", os_hidden=True, **{EXCLUDED: "true"})
    images = [
        version("10"),
        version("1", status="queued"),
        bad,
        version("11", **{INCOMING_FOR: "10"}),
        version("3", owner="they"),
    ]
    assert found(images, latest=False) == ["10", "2", "1"]


@pytest.mark.parametrize(
    "state",
    [{"os_hidden": True}, {"status": "deactivated"}, {EXCLUDED: "true"}, {END_OF_LIFE: "2020-01-01"}],
)
@pytest.mark.parametrize("latest", [True, False])
def test_one_version_whatever_has_become_of_it(state: dict[str, t.Any], latest: bool) -> None:
    images = [version("1", **state), version("2"), version("3")]
    assert found(images, version="1", latest=latest) == ["1"]
    assert found(images, version="1.0", latest=latest) == []


def test_of_two_of_one_version_the_ready_one() -> None:
    images = [version("1", "a"), version("1", "b", status="queued"), version("1", "c", status="deactivated")]
    assert found(images, version="1") == ["a"]
    assert found(images[1:], version="1") == ["c"]
    assert found(images, version="1", latest=False) == ["c", "b", "a"]


@pytest.mark.parametrize("wish", [{"family": ""}, {"family": "f", "version": ""}])
def test_nothing_is_no_wish(wish: dict[str, str]) -> None:
    with pytest.raises(InvalidOption, match="must not be empty"):
        Wish(**wish)


states = st.fixed_dictionaries(
    {
        "owner": st.sampled_from([ME, "they"]),
        "status": st.sampled_from(["active", "queued", "deactivated"]),
        "os_hidden": st.booleans(),
    },
    optional={
        EXCLUDED: st.sampled_from(["true", "false"]),
        END_OF_LIFE: st.sampled_from(["2026-11-20", "2030-01-01", "soon"]),
        "image_type": st.just("snapshot"),
    },
)


@given(st.lists(st.tuples(st.integers(1, 4), states), max_size=6))
def test_the_newest_is_one_of_all(drawn: list[tuple[int, dict[str, t.Any]]]) -> None:
    images = [version(str(number), str(index), **state) for index, (number, state) in enumerate(drawn)]
    all_of_them = found(images, latest=False)
    newest = found(images)
    assert len(newest) <= 1 and set(newest) <= set(all_of_them)
    owners = {each.owner for each in images if each.id in all_of_them}
    assert owners != {ME, "they"}
    for number in "1234":
        of_it = found(images, version=number, latest=False)
        chosen = found(images, version=number)
        assert bool(of_it) == bool(chosen) and set(chosen) <= set(of_it) <= set(all_of_them)
