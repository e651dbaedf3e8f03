# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Local files: what is refused, what is remembered, what is streamed."""

from __future__ import annotations

import hashlib
import os
import threading
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _content, _memory
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import FileProblem, InvalidOption

DATA = bytes(range(256)) * 10_000


@pytest.fixture(name="path", autouse=True)
def _path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "file"
    path.write_bytes(DATA)
    return path


@pytest.fixture(name="settled")
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every file count as old enough."""
    monkeypatch.setattr(_memory, "_RACY_NS", -(10**9))


def test_paths_are_expanded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(path.parent))
    monkeypatch.chdir(path.parent)
    for name in ("~/file", "file", "./file", str(path)):
        file = _content.open_local(name)
        assert (file.path, file.size) == (str(path), len(DATA))
        assert file.identity == _memory.identity_of(path.stat())


def test_links_to_files_are_followed(path: Path) -> None:
    path.with_name("link").symlink_to(path)
    assert _content.open_local(str(path.with_name("link"))).size == len(DATA)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing", "does not exist"),
        ("empty", "is empty"),
        ("folder", "is a directory"),
        ("pipe", "is a named pipe"),
        ("dangling", "symbolic link"),
        ("file/below", "does not exist"),
    ],
)
def test_what_is_no_file_is_refused(path: Path, kind: str, words: str) -> None:
    path.with_name("empty").touch()
    path.with_name("folder").mkdir()
    os.mkfifo(path.with_name("pipe"))
    path.with_name("dangling").symlink_to("nowhere")
    with pytest.raises(FileProblem, match=words) as problem:
        _content.open_local(str(path.parent / kind), "src")
    assert problem.value.message.startswith("src: ") and str(path.parent) in problem.value.message


def test_digests_in_one_pass(path: Path) -> None:
    file = _content.open_local(str(path))
    names = ["sha256", "sha512", "md5"]
    assert _content.digests(file, names) == {name: hashlib.new(name, DATA).hexdigest() for name in names}
    assert _content.digests(file, []) == {}


def test_digests_are_remembered(path: Path, settled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    file = _content.open_local(str(path))
    first = _content.digests(file, ["sha256"])
    passes: list[object] = []
    read = _content.read_blocks
    monkeypatch.setattr(_content, "read_blocks", lambda file: passes.append(file) or read(file))
    assert _content.digests(file, ["sha256"]) == first and not passes
    assert set(_content.digests(file, ["sha256", "sha1"])) == {"sha256", "sha1"} and len(passes) == 1
    path.write_bytes(DATA[:-1] + b"!")
    changed = _content.open_local(str(path))
    assert _content.digests(changed, ["sha256"]) != first


def test_young_files_are_not_remembered(path: Path) -> None:
    file = _content.open_local(str(path))
    _content.digests(file, ["sha256"])
    assert _memory.recall(file.identity) == {}


def test_files_that_change_are_refused(path: Path) -> None:
    file = _content.open_local(str(path))
    path.write_bytes(DATA + b"more")
    with pytest.raises(FileProblem, match="changed"):
        _content.digests(file, ["sha256"])
    path.unlink()
    with pytest.raises(FileProblem):
        _content.require_unchanged(file)


def test_unknown_algorithms_are_refused(path: Path) -> None:
    file = _content.open_local(str(path))
    for name in ("crc7", "shake_128"):
        with pytest.raises(InvalidOption, match=name):
            _content.digests(file, [name])
        with pytest.raises(InvalidOption, match=name):
            _content.HashingStream(file, name)


def test_a_stream_has_a_length_and_starts_again(path: Path, settled: None) -> None:
    file = _content.open_local(str(path))
    stream = _content.HashingStream(file, "sha512")
    assert len(stream) == len(DATA)
    next(iter(stream))
    with pytest.raises(ValueError, match="no pass"):
        stream.hexdigest()
    for _pass in range(2):
        blocks = list(stream)
        assert b"".join(blocks) == DATA and stream.sent == len(DATA)
        assert max(map(len, blocks)) <= _content.BLOCK_SIZE
        assert stream.hexdigest() == hashlib.sha512(DATA).hexdigest()
    assert _memory.recall(file.identity)["digests"] == {"sha512": stream.hexdigest()}


@pytest.mark.parametrize("change", ["extended", "cut", "touched"])
def test_a_stream_never_completes_a_file_that_changes(path: Path, change: str) -> None:
    stream = _content.HashingStream(_content.open_local(str(path)), "sha256")
    received = 0
    with pytest.raises(FileProblem, match="changed"):
        for block in stream:
            received += len(block)
            with path.open("r+b") as writer:
                if change == "cut":
                    writer.truncate(_content.BLOCK_SIZE + 5)
                elif change == "extended":
                    writer.seek(0, os.SEEK_END)
                    writer.write(b"more")
            os.utime(path)
    assert received < len(DATA)


def test_a_stream_closes_its_file(path: Path) -> None:
    def descriptors() -> set[str]:
        return {str(entry.readlink()) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()} & {str(path)}

    stream = _content.HashingStream(_content.open_local(str(path)), "sha256")
    next(iter(stream))
    assert descriptors()
    stream.close()
    assert not descriptors()
    list(stream)
    assert not descriptors()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ThreadPool")]


def test_memory_is_private_and_belongs_to_one_identity(path: Path, tmp_path: Path) -> None:
    identity = _memory.identity_of(path.stat())
    _memory.remember(identity, content_key="a", digests={"md5": "1"})
    _memory.remember(identity, digests={"sha1": "2"})
    assert _memory.recall(identity) == {"content_key": "a", "digests": {"md5": "1", "sha1": "2"}}
    assert _memory.recall((*identity[:4], identity[4] + 1)) == {}
    (entry,) = (tmp_path / "cache" / "cloudimage.glance" / "files").iterdir()
    assert entry.stat().st_mode & 0o077 == 0 and entry.parent.stat().st_mode & 0o077 == 0
    entry.chmod(0o622)
    assert _memory.recall(identity) == {}
    for content in ("", "[]", '{"identity": 1}', "\udcff"):
        entry.write_text(content, errors="surrogateescape")
        assert _memory.recall(identity) == {}


def test_memory_never_fails(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(path))
    _memory.remember((1, 2, 3, 4, 5), content_key="a")
    assert _memory.recall((1, 2, 3, 4, 5)) == {}


def test_memory_is_thinned_out(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_memory, "_MOST_ENTRIES", 10)
    for inode in range(30):
        _memory.remember((1, inode, 3, 4, 5), content_key="a")
    assert len(list((tmp_path / "cache" / "cloudimage.glance" / "files").iterdir())) <= 12
    assert _memory.recall((1, 29, 3, 4, 5))


def test_a_tick_later_every_change_shows(path: Path) -> None:
    path.write_bytes(b"1")
    before: t.Any = path.stat()
    assert _memory.wait_for_tick(str(path))
    path.write_bytes(b"2")
    assert _memory.identity_of(path.stat()) != _memory.identity_of(before)
    assert not _memory.is_settled(_memory.identity_of(path.stat()), time.time_ns())
