# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Files in the making: private, beside their later place, sparse, and gone if they are not finished.

A file in the making is called ``.<name>.cloudimage-<token>`` and locked by its maker. One that nobody has locked is a
leftover of a run that was killed; the next run for the same path removes it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import secrets
import typing as t

from ._errors import FileProblem

#: Zeros of this length and alignment become holes.
_HOLE = 64 * 1024
_ZEROS = bytes(_HOLE)

_LONGEST_NAME = 180

#: A program that failed with less than this free failed for that: it writes in pieces.
_NEXT_TO_NOTHING = 256 * 1024


class WorkFile:
    """A new, locked, private file in the folder of ``target``."""

    def __init__(self, stack: contextlib.ExitStack, target: str) -> None:
        """
        :param stack: removes the file when it is left, unless the file was moved by then.
        :raises FileProblem: if the folder is missing, read-only or full.
        """
        self._folder, self._prefix = name_for(target)
        self.path = ""
        self.descriptor = -1
        #: Bytes written, holes included.
        self.size = 0
        # Before there is a file: a signal may arrive at any moment.
        stack.callback(self.discard)
        while not self._create():
            pass

    def write(self, block: bytes) -> None:
        """Append; leave holes where there are zeros.

        :raises FileProblem: if the disk is full, or the file may grow no further.
        """
        self.write_at(self.size, block)
        self.size += len(block)

    def write_at(self, offset: int, block: bytes) -> None:
        """Write somewhere, with holes likewise; several threads may do it at once. ``size`` is the caller's to set."""
        with explained(self.path):
            for start, end in _filled_runs(block, offset):
                _write_all(self.descriptor, memoryview(block)[start:end], offset + start)

    def finish(self, sync: bool = True) -> None:
        """Bring the file to its full size, and onto the disk unless it will not stay."""
        with explained(self.path):
            # Only a file that ends in a hole is too short; one that a program wrote has its size already.
            if os.fstat(self.descriptor).st_size < self.size:
                os.ftruncate(self.descriptor, self.size)
            if sync:
                os.fsync(self.descriptor)

    def discard(self) -> None:
        """Remove the file, if it is still in the making."""
        # A file that was moved to its place no longer has this name; one that could not be made never had it.
        with contextlib.suppress(OSError):
            os.unlink(self.path)
        self.release()

    def release(self) -> None:
        """Close the file, and leave it where it is."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _create(self) -> bool:
        self.path = os.path.join(self._folder, self._prefix + secrets.token_hex(6))
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        with explained(self.path):
            self.descriptor = os.open(self.path, flags, 0o600)
        # A concurrent run may have taken the file for a leftover before it was locked.
        if _lock(self.descriptor) and os.fstat(self.descriptor).st_nlink:
            return True
        self.discard()
        return False


@contextlib.contextmanager
def explained(path: str) -> t.Iterator[None]:
    """Turn what the operating system refuses into a sentence about the folder of ``path``."""
    folder = os.path.dirname(path)
    try:
        yield
    except OSError as problem:
        missing = f"No file can be made in the folder {folder}."
        if not os.path.isdir(folder):
            missing = f"The folder {folder} does not exist."
        words = {
            errno.ENOSPC: f"The disk that holds {folder} is full.",
            errno.EDQUOT: f"The disk quota for {folder} is used up.",
            errno.EFBIG: f"The file system or the limits of this user allow no larger file in {folder}.",
            errno.ENOENT: missing,
            errno.ENOTDIR: f"{folder} is no folder.",
            errno.EACCES: f"The folder {folder} is not writable by the user that runs the module.",
            errno.EROFS: f"The folder {folder} is on a read-only file system.",
        }.get(problem.errno or 0, f"A file in {folder} cannot be written: {problem.strerror}.")
        raise FileProblem(words, folder=folder) from problem


@contextlib.contextmanager
def named(option: str) -> t.Iterator[None]:
    """Put the option that says where a file goes in front of sentences about its folder and the space there."""
    try:
        yield
    except FileProblem as problem:
        about = {"folder", "needed"} & set(problem.details)
        if not about or problem.message.startswith(f"{option}: "):
            raise
        told = problem.message[0].lower() + problem.message[1:] if problem.message[0] != "/" else problem.message
        raise FileProblem(f"{option}: {told}", **problem.details) from problem


def free_bytes(path: str) -> int:
    """What the user may still write into the folder of ``path``."""
    with explained(path):
        status = os.statvfs(os.path.dirname(path))
    return status.f_bavail * status.f_frsize


def require_not_full(path: str) -> None:
    """:raises FileProblem: if next to nothing is free in the folder of ``path``."""
    if free_bytes(path) < _NEXT_TO_NOTHING:
        with explained(path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def require_space(path: str, needed: int, what: str) -> None:
    """:raises FileProblem: if fewer than ``needed`` bytes are free in the folder of ``path``."""
    free = free_bytes(path)
    if needed > free:
        folder = os.path.dirname(path)
        raise FileProblem(f"{what} needs {needed} bytes in {folder}, and {free} are free.", needed=needed, free=free)


def sweep(target: str, keep: str | None = None) -> None:
    """Remove what killed runs for the same target left behind, and nothing that a live one works on.

    :param keep: path of a partial file that is to be taken up.
    """
    folder, prefix = name_for(target)
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            if name.startswith(prefix) and os.path.join(folder, name) != keep:
                _remove_if_orphaned(os.path.join(folder, name))


def sync_folder(path: str) -> None:
    """Bring a rename in the folder of ``path`` onto the disk, where the file system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def name_for(target: str) -> tuple[str, str]:
    """The folder of the files in the making for a target, and how their names begin."""
    folder, name = os.path.split(target)
    if len(os.fsencode(name)) > _LONGEST_NAME:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()
    return folder, f".{name}.cloudimage-"


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        pass
    return True


def _remove_if_orphaned(path: str) -> None:
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(path)
        finally:
            os.close(descriptor)


def _filled_runs(block: bytes, offset: int) -> t.Iterator[tuple[int, int]]:
    """Where a block that lies at ``offset`` of its file is not zero, in aligned steps."""
    begin: int | None = None
    position = 0
    while position < len(block):
        step = min(_HOLE - (offset + position) % _HOLE, len(block) - position)
        if block[position : position + step] == _ZEROS[:step]:
            if begin is not None:
                yield begin, position
            begin = None
        elif begin is None:
            begin = position
        position += step
    if begin is not None:
        yield begin, len(block)


def _write_all(descriptor: int, data: memoryview, offset: int) -> None:
    while data:
        written = os.pwrite(descriptor, data, offset)
        data, offset = data[written:], offset + written
