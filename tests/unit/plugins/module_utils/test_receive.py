# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Image data over broken connections, from stores with and without ranges; and the files that it is kept in."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import typing as t
from pathlib import Path

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _partial, _receive, _workfile
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import ServerRefusal, TransferProblem
from hypothesis import given, settings
from hypothesis import strategies as st

DATA = bytes(range(256)) * 4096
SIZE = len(DATA)


@dataclasses.dataclass
class Answer:
    status_code: int
    headers: dict[str, str]
    content: bytes
    broken: bool

    def iter_content(self, size: int) -> t.Iterator[bytes]:
        for begin in range(0, len(self.content), size):
            yield self.content[begin : begin + size]
        if self.broken:
            raise OSError("cut")

    def close(self) -> None:
        """Nothing to close."""


@dataclasses.dataclass
class Store:
    """A Glance that drops connections: after so many bytes, one connection after the other, then never, or for ever.

    :param ranges: what it does with a range: serves it, answers with the whole, refuses it, or gives another one.
    """

    cuts: list[int]
    ranges: str = "served"
    for_ever: int | None = None
    asked: list[int] = dataclasses.field(default_factory=list)

    def data(self, _image_id: str, start: int = 0) -> t.Any:
        assert len(self.asked) < 100, "no end of it"
        self.asked.append(start)
        status, begin, headers = 200, 0, {}
        if start and self.ranges == "refused":
            raise ServerRefusal("no random access", 400)
        if start and self.ranges != "ignored":
            status, begin = 206, start - (self.ranges == "another")
            headers = {"Content-Range": f"bytes {begin}-{SIZE - 1}/{SIZE}"}
        cut = self.cuts.pop(0) if self.cuts else self.for_ever
        content = DATA[begin:] if cut is None else DATA[begin : begin + cut]
        headers["Content-Length"] = str(SIZE - begin)
        return contextlib.closing(Answer(status, headers, content, broken=cut is not None))


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_receive._pause, "pause", lambda _seconds: None)


def received(store: Store, have: bytes = b"") -> tuple[bytes, str | None]:
    reception = _receive.Reception(t.cast("t.Any", store), "1", "'x' (1)", SIZE, "sha256")
    content = bytearray(have)
    for offset, block in reception.after(iter([have] if have else [])):
        if offset != len(content):
            assert offset == 0
            content.clear()
        content += block
    return bytes(content), reception.hexdigest()


@settings(deadline=None)
@given(
    st.lists(st.integers(0, SIZE), max_size=4),
    st.sampled_from(["served", "ignored", "refused", "another"]),
    st.integers(0, SIZE),
)
def test_all_comes_however_often_it_breaks(cuts: list[int], ranges: str, have: int) -> None:
    content, digest = received(Store(cuts, ranges), DATA[:have])
    assert content == DATA and digest == hashlib.sha256(DATA).hexdigest()


def test_only_what_is_missing_is_asked_for() -> None:
    store = Store([1000, 500])
    received(store)
    assert store.asked == [0, 1000, 1500]
    store = Store([])
    received(store, DATA)
    assert store.asked == []


def test_a_store_that_refuses_ranges_is_not_asked_again() -> None:
    store = Store([1000, 500], "refused")
    received(store)
    assert store.asked == [0, 1000, 0, 0]


@pytest.mark.parametrize("ranges", ["served", "ignored", "refused"])
@pytest.mark.parametrize("cut", [0, SIZE // 2])
def test_it_ends_although_the_beginning_comes_again_and_again(
    monkeypatch: pytest.MonkeyPatch, ranges: str, cut: int
) -> None:
    # Were getting so far progress each time, a store without ranges would be asked for ever.
    monkeypatch.setattr(_receive, "_PROGRESS", SIZE // 4)
    store = Store([], ranges, for_ever=cut)
    if ranges == "served" and cut:
        assert received(store)[0] == DATA
    else:
        with pytest.raises(TransferProblem, match=f"of {SIZE} bytes"):
            received(store)


@pytest.mark.parametrize(
    "answer", [Answer(200, {"Content-Length": "4"}, b"page", False), Answer(200, {}, DATA + b"x", False)]
)
def test_something_else_than_the_data(answer: Answer) -> None:
    store = Store([])
    store.data = lambda _image_id, start=0: contextlib.closing(answer)  # type: ignore[method-assign,assignment]
    with pytest.raises(TransferProblem, match="Glance tells"):
        received(store)


# Partial files


@pytest.fixture
def target(tmp_path: Path) -> str:
    return str(tmp_path / "image")


def left(target: str) -> list[str]:
    return sorted(path.name for path in Path(target).parent.iterdir())


def test_a_kept_file_is_taken_up(target: str) -> None:
    with contextlib.ExitStack() as stack:
        work = _partial.PartialFile(stack, target, "key")
        work.write(b"half")
        work.keep()
    assert _partial.size_of(target, "key") == 4 and _partial.size_of(target, "other") == 0
    _partial.sweep(target, "key")
    with contextlib.ExitStack() as stack:
        work = _partial.PartialFile(stack, target, "key")
        assert work.size == 4 and list(work.blocks()) == [b"half"]
    assert left(target) == []


def test_a_kept_file_goes_when_another_is_wanted(target: str) -> None:
    with contextlib.ExitStack() as stack:
        work = _partial.PartialFile(stack, target, "key")
        work.write(b"half")
        work.keep()
    _partial.sweep(target, "another")
    assert left(target) == []


def test_nothing_is_not_kept(target: str) -> None:
    with contextlib.ExitStack() as stack:
        _partial.PartialFile(stack, target, "key").keep()
    assert left(target) == []


def test_two_at_once_have_a_file_each(target: str) -> None:
    with contextlib.ExitStack() as stack:
        first = _partial.PartialFile(stack, target, "key")
        first.write(b"first")
        with contextlib.ExitStack() as inner:
            second = _partial.PartialFile(inner, target, "key")
            assert second.size == 0 and second.path != first.path
            second.write(b"second")
            second.keep()
            _partial.sweep(target, "another")
            assert len(left(target)) == 2, "the file of a live run was removed"
        assert left(target) == [Path(first.path).name]
        assert list(first.blocks()) == [b"first"]


def test_what_was_moved_away_does_not_take_the_next_with_it(target: str) -> None:
    with contextlib.ExitStack() as stack:
        first = _partial.PartialFile(stack, target, "key")
        Path(first.path).rename(target)
        second = _partial.PartialFile(stack, target, "key")
        assert second.path == first.path
        second.write(b"second")
        first.discard()
        assert Path(second.path).exists() and Path(target).exists()
    assert left(target) == ["image"]


def test_without_locks_nothing_is_shared(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise OSError("no locks here")

    monkeypatch.setattr(_partial.fcntl, "flock", refuse)
    with contextlib.ExitStack() as stack:
        works = [_partial.PartialFile(stack, target, "key") for _each in range(2)]
        assert len({work.path for work in works} | {_partial.path_of(target, "key")}) == 3
    assert left(target) == []


def test_the_names_are_swept_by_others_as_well(target: str) -> None:
    Path(_partial.path_of(target, "key")).write_bytes(b"x")
    _workfile.sweep(target)
    assert left(target) == []
