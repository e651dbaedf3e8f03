# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How imports and copies are followed to their end. Uploads are tested against a real Glance."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _transfer
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import ImageFault, ServerRefusal, Superseded
from ansible_collections.cloudimage.glance.plugins.module_utils._image_steps import CopyToStores, Fill
from ansible_collections.cloudimage.glance.plugins.module_utils._source import RemoteImage, Source

WEB = Source("web-download", uri="http://h/f")
FAR = Source("glance-download", remote=RemoteImage("far", "r", "internal"))
HELD = {"id": "i", "status": "importing", "os_glance_import_task": "t", "stores": ""}
DONE = {"id": "i", "status": "active", "stores": "a"}
COPYING = DONE | {"os_glance_import_task": "t"}
RUNNING = {"id": "t", "status": "processing", "message": ""}
FAILED = {"id": "t", "status": "failure", "message": "no space left"}
BLAND = "Task failed due to Internal Error"


class Fake:
    """A Glance that shows one image after the other, the last one for ever."""

    def __init__(self, *shown: t.Any, tasks: t.Sequence[t.Any] = (), refusal: int | None = None) -> None:
        self.shown = list(shown)
        self.said = list(tasks)
        self.refusal = refusal
        self.started: list[t.Any] = []

    def image(self, _image_id: str) -> t.Any:
        return self.shown.pop(0) if len(self.shown) > 1 else self.shown[0]

    def tasks(self, _image_id: str) -> t.Any:
        return self.said

    def start_import(self, *args: t.Any, **more: t.Any) -> None:
        self.started.append((*args, more))
        if self.refusal:
            raise ServerRefusal("refused", self.refusal)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Time that is slept passes at once."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(_transfer._pause, "pause", sleep)
    monkeypatch.setattr(_transfer.time, "monotonic", lambda: now[0])
    return now


def fetched(glance: Fake, source: Source = WEB, stores: tuple[str, ...] = (), wait: bool = True) -> Fake:
    """Let Glance fetch the data."""
    _transfer.Transfer(t.cast(t.Any, glance), None, 60).fill("i", Fill("i", source, stores, wait))
    return glance


def copied(glance: Fake, wait: bool = True) -> Fake:
    """Let Glance copy the data into the stores b and c."""
    _transfer.Transfer(t.cast(t.Any, glance), None, 60).copy("i", CopyToStores("i", ("b", "c"), wait))
    return glance


def test_an_import_has_ended_when_its_task_lets_go() -> None:
    glance = fetched(Fake(HELD, COPYING, DONE, tasks=[RUNNING]))
    assert glance.started == [("i", {"name": "web-download", "uri": "http://h/f"}, (), {})]
    assert glance.shown == [DONE]


def test_an_image_of_another_region_is_named_whole() -> None:
    method = {
        "name": "glance-download",
        "glance_region": "far",
        "glance_image_id": "r",
        "glance_service_interface": "internal",
    }
    assert fetched(Fake(DONE), FAR).started[0][1] == method


def test_a_task_that_has_failed_and_does_not_let_go_is_not_waited_for(no_pauses: list[float]) -> None:
    with pytest.raises(ImageFault, match=r"failed to import http://h/f into image i by web-download: no space left$"):
        fetched(Fake(HELD, tasks=[FAILED]))
    assert no_pauses[0] < 10


def test_another_task_that_has_failed_says_nothing() -> None:
    fetched(Fake(HELD, HELD, DONE, tasks=[FAILED | {"id": "old"}]))


def test_a_task_without_end_is_left_to_a_later_run(no_pauses: list[float]) -> None:
    with pytest.raises(ImageFault, match=r"after 60 seconds \(option timeout\)") as caught:
        fetched(Fake(HELD, tasks=[RUNNING]))
    assert caught.value.details["unfinished"] is True
    assert no_pauses == [pytest.approx(60)]


@pytest.mark.parametrize(
    ("tasks", "words"),
    [
        ([FAILED], "no space left"),
        ([FAILED | {"message": BLAND}], f"{BLAND}. Glance's own log says more"),
        ([FAILED | {"message": ""}], "no reason given. Glance's own log says more"),
        ([], "no reason given"),
    ],
)
def test_why_an_import_failed(tasks: list[t.Any], words: str) -> None:
    with pytest.raises(ImageFault) as caught:
        fetched(Fake({"id": "i", "status": "queued", "os_glance_failed_import": "a"}, tasks=tasks))
    assert words in str(caught.value)
    assert caught.value.details["id"] == "i"


def test_an_import_into_several_stores_names_the_one_that_failed() -> None:
    with pytest.raises(ImageFault, match=r"into image i \(store b\) by web-download"):
        fetched(Fake(DONE | {"os_glance_failed_import": "b"}), stores=("a", "b"))


def test_an_image_that_is_removed_meanwhile_is_planned_anew() -> None:
    with pytest.raises(Superseded):
        fetched(Fake(HELD, None))


def test_an_import_that_is_not_waited_for_is_not_looked_at() -> None:
    fetched(Fake(HELD), wait=False)


@pytest.mark.parametrize(("shown", "fault"), [(HELD, Superseded), (DONE, Superseded), (None, ServerRefusal)])
def test_somebody_else_imports(shown: t.Any, fault: type) -> None:
    with pytest.raises(fault):
        fetched(Fake(shown, refusal=409))


def test_a_copy_asks_for_what_can_be_had() -> None:
    glance = copied(Fake(COPYING, DONE | {"stores": "a,b,c"}, tasks=[RUNNING]))
    assert glance.started == [("i", {"name": "copy-image"}, ("b", "c"), {"all_must_succeed": False})]


def test_a_copy_that_fails_in_one_store_names_it() -> None:
    with pytest.raises(ImageFault, match="failed to copy image i to the stores c: no space left"):
        copied(Fake(DONE | {"stores": "a,b"}, tasks=[FAILED]))


def test_a_copy_that_has_failed_and_does_not_let_go_is_not_waited_for(no_pauses: list[float]) -> None:
    with pytest.raises(ImageFault, match="to the stores b, c: no space left"):
        copied(Fake(COPYING, tasks=[FAILED]))
    assert no_pauses[0] < 10


def test_a_copy_that_is_not_waited_for_is_not_looked_at() -> None:
    copied(Fake(COPYING), wait=False)


@pytest.mark.parametrize(
    ("status", "shown", "fault"),
    [
        (409, COPYING, Superseded),
        (400, DONE | {"stores": "a,b"}, Superseded),
        (409, DONE, ServerRefusal),
        (400, None, ServerRefusal),
        (403, COPYING, ServerRefusal),
    ],
)
def test_somebody_else_copies(status: int, shown: t.Any, fault: type) -> None:
    with pytest.raises(fault):
        copied(Fake(shown, refusal=status))


@pytest.mark.parametrize(("shown", "settled"), [([COPYING, DONE], True), ([None], True), ([HELD], False)])
def test_settling(shown: list[t.Any], settled: bool) -> None:
    transfer = _transfer.Transfer(t.cast(t.Any, Fake(*shown)), None, 60)
    assert transfer.wait_until_settled("i") is settled
