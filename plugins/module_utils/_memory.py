# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What earlier runs learned about local files, so that it need not be worked out again.

One small JSON file for each (device, inode) lies in ``$XDG_CACHE_HOME/cloudimage.glance/files`` (``~/.cache`` without
that variable), readable by its owner alone. An entry speaks only for the identity that it was written for: device,
inode, size, mtime_ns and ctime_ns. This is a convenience, never a need: no problem here ever fails a run.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import tempfile
import time
import typing as t

#: device, inode, size in bytes, mtime_ns, ctime_ns
Identity = tuple[int, int, int, int, int]

#: A file that changed less than this before it was read may change again without a new timestamp.
_RACY_NS = 2_000_000_000

#: More entries than this are thinned out, the oldest first.
_MOST_ENTRIES = 2000

#: A real entry has a few hundred bytes.
_LARGEST_ENTRY = 64 * 1024


def identity_of(status: os.stat_result) -> Identity:
    """The identity of a file as ``os.stat`` or ``os.fstat`` describes it."""
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def is_settled(identity: Identity, now_ns: int | None = None) -> bool:
    """Whether the file is old enough for its timestamps to betray every later change."""
    now_ns = time.time_ns() if now_ns is None else now_ns
    return max(identity[3], identity[4]) + _RACY_NS <= now_ns


def recall(identity: Identity) -> dict[str, t.Any]:
    """What is known about the file with this identity: ``{"digests": {algorithm: hex}, "content_key": str}``.

    Both keys may be missing; ``{}`` if nothing is known or nothing can be trusted.
    """
    try:
        entry = _read(_entry_path(identity))
    except (OSError, ValueError):
        return {}
    if not isinstance(entry, dict) or entry.get("identity") != list(identity):
        return {}
    facts = entry.get("facts")
    return facts if isinstance(facts, dict) and _is_sound(facts) else {}


def remember(identity: Identity, **facts: t.Any) -> str | None:
    """Add facts about the file with this identity; dictionaries are merged key by key.

    The caller vouches that the file was settled (:func:`is_settled`) before the facts were gathered, or that its
    timestamps cannot repeat (:func:`wait_for_tick`).

    :returns: why it could not be done, None if it was.
    """
    merged = recall(identity)
    for name, value in facts.items():
        merged[name] = {**merged.get(name, {}), **value} if isinstance(value, dict) else value
    path = _entry_path(identity)
    try:
        _write(path, {"identity": list(identity), "facts": merged})
    except (OSError, ValueError) as problem:
        why = getattr(problem, "strerror", None) or problem
        return f"the folder {os.path.dirname(path)} cannot be used ({why})"
    return None


def wait_for_tick(path: str, patience: float = 0.1) -> bool:
    """Wait until the file system's clock has passed the last change of ``path``; a few milliseconds as a rule.

    :returns: whether any later change of the file is certain to show in its timestamps.
    """
    deadline = time.monotonic() + patience
    try:
        changed = os.stat(path).st_ctime_ns
        with tempfile.TemporaryFile(dir=os.path.dirname(path)) as probe:
            waiting = True
            while waiting:
                # One look after the deadline, however long this process had to wait for its turn.
                waiting = time.monotonic() < deadline
                os.utime(probe.fileno())
                if os.fstat(probe.fileno()).st_ctime_ns > changed:
                    return True
                time.sleep(0.001)
    except OSError:
        pass
    return False


def _folder() -> str:
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "cloudimage.glance", "files")


def _entry_path(identity: Identity) -> str:
    return os.path.join(_folder(), f"{identity[0]:x}-{identity[1]:x}.json")


def _read(path: str) -> t.Any:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(stream.fileno())
        mine = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o022
        if not mine or status.st_size > _LARGEST_ENTRY:
            raise ValueError("not an entry of ours")
        return json.loads(stream.read(_LARGEST_ENTRY))


def _is_sound(facts: dict[str, t.Any]) -> bool:
    digests = facts.get("digests", {})
    return (
        isinstance(digests, dict)
        and all(isinstance(digest, str) for digest in digests.values())
        and isinstance(facts.get("content_key", ""), str)
    )


def _write(path: str, entry: dict[str, t.Any]) -> None:
    folder = os.path.dirname(path)
    os.makedirs(os.path.dirname(folder), mode=0o700, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder, mode=0o700)
    if os.stat(folder).st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "it belongs to another user")
    _thin_out(folder)
    descriptor, temporary = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=folder)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(entry, stream)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _thin_out(folder: str) -> None:
    names = os.listdir(folder)
    if len(names) <= _MOST_ENTRIES:
        return
    paths = [os.path.join(folder, name) for name in names]
    for path in sorted(paths, key=lambda path: os.lstat(path).st_mtime_ns)[: len(paths) // 2]:
        with contextlib.suppress(OSError):
            os.unlink(path)
