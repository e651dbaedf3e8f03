# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Files in the making that outlive their run: what was downloaded before an interruption is not downloaded again."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import stat
import typing as t

from . import _workfile
from ._errors import FileProblem

_READ = 1024 * 1024


class PartialFile(_workfile.WorkFile):
    """A work file that a later run takes up where this one had to stop: its name follows from what it is to hold.

    Written from its beginning to its end, so that whatever it holds is right as far as it goes. Two runs at once do not
    share one: the second works on a file of its own, which is not kept.
    """

    def __init__(self, stack: contextlib.ExitStack, target: str, key: str) -> None:
        """
        :param key: tells apart what partial files for the same target are to hold.
        :raises FileProblem: as WorkFile.
        """
        self._partial = path_of(target, key)
        self._lasting = False
        super().__init__(stack, target)

    def blocks(self) -> t.Iterator[bytes]:
        """What is in the file by now."""
        offset, end = 0, self.size
        while offset < end:
            with _workfile.explained(self.path):
                block = os.pread(self.descriptor, min(_READ, end - offset), offset)
            if not block:
                raise FileProblem(f"The file {self.path} was changed while it was being used.", file=self.path)
            offset += len(block)
            yield block

    def restart(self) -> None:
        """Throw away what is there, and begin at byte 0."""
        with _workfile.explained(self.path):
            os.ftruncate(self.descriptor, 0)
        self.size = 0

    def keep(self) -> None:
        """Leave the file, if it holds anything, to the next run."""
        if self._lasting and self.descriptor >= 0 and os.fstat(self.descriptor).st_size:
            self.release()

    def discard(self) -> None:
        """Remove the file, if it is still in the making."""
        # Once this file was moved to its place, another run may be at work under the name that it had.
        if self._lasting and not _is_at(self.descriptor, self.path):
            self.release()
        else:
            super().discard()

    def _create(self) -> bool:
        self._lasting = self._take_up()
        return self._lasting or super()._create()

    def _take_up(self) -> bool:
        """Open or make the lasting file; False if another run works on it, or it cannot be trusted."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            descriptor = os.open(self._partial, flags, 0o600)
        except OSError:  # told in detail when the other name is tried
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            status = os.fstat(descriptor)
            mine = _is_private(status) and _is_at(descriptor, self._partial)
        except BlockingIOError:
            mine = False
        except OSError:  # a file system without locks, on which no name is safe that others can guess
            mine = False
            with contextlib.suppress(OSError):
                os.unlink(self._partial)
        if not mine:
            os.close(descriptor)
            return False
        self.path, self.descriptor, self.size = self._partial, descriptor, status.st_size
        return True


def path_of(target: str, key: str) -> str:
    """Where the partial file for a target lies."""
    folder, prefix = _workfile.name_for(target)
    return os.path.join(folder, prefix + hashlib.sha256(key.encode()).hexdigest()[:24])


def sweep(target: str, key: str) -> None:
    """Remove what earlier runs for the same target left behind, but for a partial file that can be taken up."""
    path = path_of(target, key)
    _workfile.sweep(target, keep=path if _is_usable(path) else None)


def size_of(target: str, key: str) -> int:
    """The bytes that an earlier run has left in a partial file which may be taken up; 0 without one."""
    path = path_of(target, key)
    return os.lstat(path).st_size if _is_usable(path) else 0


def _is_usable(path: str) -> bool:
    try:
        return _is_private(os.lstat(path))
    except OSError:
        return False


def _is_private(status: os.stat_result) -> bool:
    """Whether nobody else can have written, or can write, into a file."""
    mine = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()
    return mine and status.st_nlink == 1 and not status.st_mode & 0o077


def _is_at(descriptor: int, path: str) -> bool:
    """Whether a path leads to the file that is open."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except OSError:
        return False
