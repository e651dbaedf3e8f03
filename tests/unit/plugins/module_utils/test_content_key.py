# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Content keys: their form, and files that cannot bear one."""

from __future__ import annotations

import hashlib
import string
from pathlib import Path

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _content, _content_key, _memory
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import ChecksumMismatch
from hypothesis import given
from hypothesis import strategies as st

OLD, NEW = "ab" * 32, "cd" * 32


@given(st.sampled_from(["sha256", "sha512"]), st.text(string.printable, max_size=400) | st.none())
def test_content_keys_fit_a_property(algorithm: str, recipe: str | None) -> None:
    digest = hashlib.new(algorithm, b"x").hexdigest()
    key = _content_key.content_key(algorithm, digest.upper(), recipe)
    assert key.startswith(f"{algorithm}:{digest}") and len(key) <= 255
    assert (key == f"{algorithm}:{digest}") == (not recipe)


def made(folder: Path, key: str) -> _content.LocalFile:
    """A file of which it is remembered what it was made out of."""
    path = folder / "disk.raw"
    path.write_text("content")
    file = _content.open_local(str(path))
    _memory.remember(file.identity, content_key=key)
    return file


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("known", "declared"),
    [
        (f"sha256:{NEW}+raw", f"sha256:{OLD}+raw"),
        (f"sha256:{NEW}", f"sha256:{OLD}"),
        (f"md5:{'1' * 32}+unpacked", f"md5:{'2' * 32}+unpacked"),
    ],
)
def test_a_file_cannot_bear_the_key_of_other_content(tmp_path: Path, known: str, declared: str) -> None:
    file = made(tmp_path, known)
    with pytest.raises(ChecksumMismatch, match=r"^content_key: .*/disk.raw was made out of .* is declared") as problem:
        _content_key.require_key(file, declared)
    assert problem.value.details == {"expected": declared, "actual": known}


@pytest.mark.parametrize(
    "declared",
    [
        f"sha256:{NEW}+raw",
        f"sha512:{OLD * 2}+raw",
        f"sha256:{OLD}+qcow2",
        f"sha256:{OLD}",
        "build-42",
        f"sha256:{hashlib.sha256(b'content').hexdigest()}+raw",
    ],
)
def test_of_other_keys_nothing_is_known(tmp_path: Path, declared: str) -> None:
    _content_key.require_key(made(tmp_path, f"sha256:{NEW}+raw"), declared)


def test_of_other_files_nothing_is_known(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("content")
    _content_key.require_key(_content.open_local(str(tmp_path / "a")), f"sha256:{OLD}+raw")
