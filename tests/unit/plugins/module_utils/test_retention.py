# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rule of retention is carried out while others act on the same images, and while Glance refuses some of it."""

from __future__ import annotations

import datetime
import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _pause
from ansible_collections.cloudimage.glance.plugins.module_utils._converge import Convergence
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import (
    ConnectionProblem,
    ImagesFailed,
    ServerRefusal,
)
from ansible_collections.cloudimage.glance.plugins.module_utils._retention import RetentionDeclaration
from ansible_collections.cloudimage.glance.plugins.module_utils._retention_rule import Selection, read_rule
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.glance_model import signed

Raw = dict[str, t.Any]


def version(number: int, **more: t.Any) -> Raw:
    """A version of the family f; version 9 bears the name, the others are superseded for long."""
    old = {"name": f"deb ({number})", "cloudimage_superseded_at": "2020-01-01T00:00:00Z"} if number < 9 else {}
    stamps = {"cloudimage_family": "f", "cloudimage_version": str(number)}
    basic = {"id": f"v{number}", "name": "deb", "status": "active", "owner": "p", "visibility": "private"}
    more = {"protected": False, "os_hidden": False, "tags": [], "created_at": "2019-01-01T00:00:00Z", **more}
    return signed(f"v{number}", {**basic, **stamps, **old, **more})


class Glance:
    """Glance with some images, in which others act right before a look at one of them.

    :param news: by id what others change of an image at the first look at it; None for its removal.
    :param refusals: by id the status of the refusal to delete or deactivate it.
    """

    def __init__(self, *raws: Raw, news: dict[str, Raw | None] | None = None, refusals: dict[str, int] | None = None):
        self.images = {raw["id"]: raw for raw in raws}
        self.news, self.refusals = dict(news or {}), refusals or {}
        self.writes: list[str] = []
        self.queries: list[Raw] = []
        self.refused: list[str] = []
        #: What others change at the very moment of a refusal.
        self.news_at_refusal: Raw = {}

    def hidden_too(self, query: Raw) -> list[Raw]:
        self.queries.append(query)
        wanted = query.items() - {("visibility", "all")}
        return [dict(raw) for raw in self.images.values() if all(raw.get(key) == value for key, value in wanted)]

    def image(self, image_id: str) -> Raw | None:
        if image_id in self.news:
            change = self.news.pop(image_id)
            if change is None:
                del self.images[image_id]
            else:
                self.images[image_id] |= change
        return dict(self.images[image_id]) if image_id in self.images else None

    def members(self, image_id: str) -> list[Raw]:
        raise ServerRefusal("Glance does not tell.", self.refusals["members"])

    def patch(self, image_id: str, operations: list[Raw]) -> Raw:
        self._write("patch", image_id)
        self.images[image_id] |= {each["path"][1:]: each["value"] for each in operations}
        return dict(self.images[image_id])

    def set_active(self, image_id: str, active: bool) -> None:
        self._write("set_active", image_id)
        self.images[image_id]["status"] = "active" if active else "deactivated"

    def delete(self, image_id: str) -> None:
        self._write("delete", image_id)
        del self.images[image_id]

    def _write(self, what: str, image_id: str) -> None:
        if image_id in self.refusals and what != "patch":
            self.refused.append(image_id)
            self.images[image_id] |= self.news_at_refusal
            if not self.refusals[image_id]:
                raise ConnectionProblem("The cloud does not answer.")
            raise ServerRefusal(f"Glance refused to {what} {image_id}.", self.refusals[image_id])
        self.writes.append(f"{what} {image_id}")


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pause, "pause", lambda _seconds: None)


def run(
    glance: Glance, check: bool = False, warn: t.Callable[[str], None] = pytest.fail, **options: t.Any
) -> dict[str, t.Any]:
    names = ("hide_after", "deactivate_after", "delete_after", "keep_last", "keep_within")
    flags = ("include_shared", "include_snapshots", "require_unused", "allow_delete_all")
    given = dict.fromkeys(names) | dict.fromkeys(flags, False) | {"age_of": "superseded"} | options
    selection = Selection("p", family="f")
    declaration = RetentionDeclaration(t.cast(t.Any, glance), read_rule(given), selection, warn)
    return Convergence(t.cast(t.Any, declaration), warn).finish(check).report(True)


def entries(result: dict[str, t.Any]) -> dict[str, tuple[str, bool]]:
    return {entry["id"]: (entry["fate"], entry["changed"]) for entry in result["images"]}


RACES: list[tuple[str, Raw | None, tuple[str, bool], str]] = [
    ("protected", {"protected": True}, ("keep", False), "it is protected"),
    ("promoted", {"name": "deb-stable"}, ("keep", False), "it is the image that the name 'deb-stable' means"),
    ("an import", {"os_glance_import_task": "x"}, ("keep", False), "it is active, or somebody is at work on it"),
    (
        "deleted",
        None,
        ("keep", False),
        "somebody else has deleted it, or changed it so that it is not selected any more",
    ),
    ("of another family", {"cloudimage_family": "g"}, ("keep", False), "somebody else has deleted it"),
    ("tagged", {"tags": ["x"]}, ("delete", True), "superseded"),
]


@pytest.mark.parametrize(("news", "entry", "why"), [row[1:] for row in RACES], ids=[row[0] for row in RACES])
def test_an_image_is_not_touched_on_the_strength_of_an_old_look(news: Raw | None, entry: t.Any, why: str) -> None:
    glance = Glance(version(9), version(3), version(2), version(1), news={"v2": news})
    result = run(glance, delete_after="1y")
    assert entries(result) == {"v9": ("keep", False), "v3": ("delete", True), "v2": entry, "v1": ("delete", True)}
    assert next(each["why"] for each in result["images"] if each["id"] == "v2").startswith(why)
    assert ("delete v2" in glance.writes) == entry[1]
    assert sorted(glance.writes) == sorted(action[: len("delete v1")] for action in result["actions"])
    assert set(result["diff"]["before"]) == {"v9", "v3", "v2", "v1"}
    assert set(result["diff"]["after"]) == {each for each in glance.images if each != "v2" or entry[0] != "keep"} | (
        {"v2"} if "v2" in glance.images and news != {"cloudimage_family": "g"} else set()
    )


@pytest.mark.parametrize("status", [403, 409])
def test_a_refusal_does_not_stop_the_others(status: int) -> None:
    glance = Glance(version(9), version(3), version(2), version(1), refusals={"v2": status})
    with pytest.raises(
        ImagesFailed, match=r"^1 of 4 images could not be changed. Glance refused to delete v2\.$"
    ) as failure:
        run(glance, delete_after="1y")
    told = failure.value.details
    assert glance.writes == ["delete v1", "delete v3"] and len(told["actions"]) == 2
    assert [(each["id"], each["changed"], each["failed"]) for each in told["images"]] == [
        ("v9", False, False),
        ("v3", True, False),
        ("v2", False, True),
        ("v1", True, False),
    ]
    assert told["images"][2]["msg"] == "Glance refused to delete v2."


def test_a_refusal_because_of_a_race_is_no_failure() -> None:
    glance = Glance(version(9), version(2), version(1), refusals={"v2": 403})
    glance.news_at_refusal = {"protected": True}
    result = run(glance, delete_after="1y")
    assert entries(result) == {"v9": ("keep", False), "v2": ("keep", False), "v1": ("delete", True)}
    assert glance.refused == ["v2"]


def test_a_refusal_is_told_after_a_race_too() -> None:
    glance = Glance(version(9), version(3), version(2), version(1), refusals={"v1": 409}, news={"v2": {"tags": ["x"]}})
    with pytest.raises(ImagesFailed) as failure:
        run(glance, delete_after="1y")
    assert glance.refused == ["v1"]
    assert glance.writes == ["delete v3", "delete v2"] and len(failure.value.details["actions"]) == 2
    assert {each["id"]: each["changed"] for each in failure.value.details["images"]} == {
        "v9": False,
        "v3": True,
        "v2": True,
        "v1": False,
    }


def test_hidden_and_not_deactivated_is_both_told() -> None:
    glance = Glance(version(9), version(1), refusals={"v1": 403})
    with pytest.raises(ImagesFailed) as failure:
        run(glance, hide_after="1y", deactivate_after="1y")
    (entry,) = [each for each in failure.value.details["images"] if each["id"] == "v1"]
    assert entry["changed"] and entry["failed"] and glance.images["v1"]["os_hidden"]
    assert len(failure.value.details["actions"]) == 1


def test_a_kernel_stays_while_its_image_cannot_be_deleted() -> None:
    glance = Glance(version(9), version(3), version(2, kernel_id="v3"), refusals={"v2": 409})
    with pytest.raises(ImagesFailed, match=r"^2 of 3 images ") as failure:
        run(glance, delete_after="1y")
    assert glance.writes == []
    assert failure.value.details["images"][1]["msg"] == "The image v2, which needs it, could not be deleted."


def test_a_kernel_stays_if_its_image_has_come_to_stay_meanwhile() -> None:
    glance = Glance(version(9), version(3), version(2, kernel_id="v3"), news={"v2": {"protected": True}})
    result = run(glance, delete_after="1y")
    assert not glance.writes and not result["changed"]
    assert entries(result) == {"v9": ("keep", False), "v3": ("keep", False), "v2": ("keep", False)}


@pytest.mark.parametrize("more", [0, 5])
@pytest.mark.parametrize("formats", [{}, {"disk_format": "raw", "container_format": "bare"}, {"disk_format": "aki"}])
def test_what_images_need_that_are_not_selected_stays(formats: Raw, more: int) -> None:
    """Whatever its format, and whether Glance is asked for each image or for all."""
    apart = {"cloudimage_family": "g", "name": "other", "visibility": "public", "owner": "q"}
    glance = Glance(
        version(9),
        version(3, **formats),
        version(2, **formats),
        version(1, **formats, kernel_id="v1"),
        *(version(-number) for number in range(1, more + 1)),
        version(7, id="x", os_hidden=True, kernel_id="v3", **apart),
        version(6, id="y", ramdisk_id="v2", **apart),
    )
    result = run(glance, delete_after="1y")
    whys = {each["id"]: each["why"] for each in result["images"] if each["fate"] == "keep"}
    assert whys.pop("v9") and whys == {"v3": "the image x needs it", "v2": "the image y needs it"}
    assert sorted(glance.writes) == sorted(["delete v1", *(f"delete v-{number}" for number in range(1, more + 1))])
    _listing, *asked = glance.queries
    singly = [{key: each, "visibility": "all"} for each in ("v1", "v2", "v3") for key in ("kernel_id", "ramdisk_id")]
    assert asked == ([{"visibility": "all"}] if more else singly)


def test_nothing_is_asked_for_images_that_stay() -> None:
    glance = Glance(version(9), version(2, protected=True), version(1, visibility="public"), version(0, os_hidden=True))
    assert not run(glance, hide_after="1y")["changed"]
    assert len(glance.queries) == 1


def test_what_was_done_is_told_when_the_cloud_falls_silent() -> None:
    glance = Glance(version(9), version(2), version(1), refusals={"v2": 0})
    with pytest.raises(ConnectionProblem) as failure:
        run(glance, delete_after="1y")
    assert len(failure.value.details["actions"]) == 1 and glance.writes == ["delete v1"]
    assert [each["changed"] for each in failure.value.details["images"]] == [False, False, True]


@pytest.mark.parametrize("status", [403, 404])
def test_members_that_are_not_told_count(status: int) -> None:
    glance = Glance(version(9), version(1, visibility="shared"), refusals={"members": status})
    assert entries(run(glance, delete_after="1y"))["v1"] == ("keep", False)


def test_nothing_selected_is_told_once() -> None:
    warnings: list[str] = []
    assert run(Glance(), warn=warnings.append, delete_after="0d")["images"] == []
    assert warnings == ["No image is selected by family 'f'."]


def test_what_was_selected_and_is_gone_by_now_is_not_told_as_a_bad_selection() -> None:
    marks = {"os_hidden": True, "cloudimage_exclude_from_latest": "true"}
    glance = Glance({**version(1), **marks}, news={"v1": None})
    result = run(glance, warn=pytest.fail, delete_after="0d", allow_delete_all=True)
    assert not glance.images and entries(result) == {"v1": ("keep", False)}


def test_check_mode_foretells() -> None:
    raws = (version(9), version(2, created_at=datetime.datetime.now(datetime.UTC).isoformat()), version(1))
    glance = Glance(*raws)
    result = run(glance, check=True, delete_after="1y", keep_within="1d")
    assert glance.writes == [] and result["changed"]
    done = run(glance, delete_after="1y", keep_within="1d")
    assert {**done, "images": None} == {**result, "images": None} and entries(done) == entries(result)
    again = run(glance, delete_after="1y", keep_within="1d")
    assert not again["changed"] and entries(again).keys() == {"v9", "v2"}
