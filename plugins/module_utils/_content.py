# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Bytes of local files: opened with care, hashed in one pass, streamed as the body of an upload.

Everything here refuses a file that changes under its hands. Sizes are bytes.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import errno
import hashlib
import os
import signal
import stat
import typing as t

from . import _memory, _pause
from ._errors import FileProblem, InvalidOption

#: How much is read, hashed and sent at a time.
BLOCK_SIZE = 1024 * 1024


@dataclasses.dataclass(frozen=True)
class LocalFile:
    """A regular, readable, non-empty file as it was when it was opened.

    :param path: absolute path; symbolic links in it are left as they are.
    :param size: in bytes; more than 0.
    :param identity: device, inode, size, mtime_ns, ctime_ns.
    """

    path: str
    size: int
    identity: _memory.Identity


def open_local(path: str, option: str = "filename") -> LocalFile:
    """Look at the file at ``path``; ``~`` and relative paths are expanded, a symbolic link to a file is fine.

    Never blocks, whatever lies there.

    :param option: the module option that named the file, for the error message.
    :raises FileProblem: if it is missing, empty, unreadable, no regular file, or no path at all.
    """
    path = os.path.abspath(os.path.expanduser(path))
    try:
        # First stat, then open: even a non-blocking open has side effects on devices.
        _require_regular(os.stat(path), path, option)
        with _opened(path) as descriptor:
            status = os.fstat(descriptor)
    except OSError as problem:
        raise FileProblem(f"{option}: {_open_trouble(path, problem)}", file=path) from problem
    except ValueError as problem:
        raise FileProblem(f"{option}: {path!r} cannot be the path of a file: {problem}.") from problem
    _require_regular(status, path, option)
    if not status.st_size:
        raise FileProblem(f"{option}: the file {path} is empty.", file=path)
    return LocalFile(path, status.st_size, _memory.identity_of(status))


def digests(file: LocalFile, algorithms: t.Collection[str]) -> dict[str, str]:
    """The digests of a file, lower case hexadecimal, for each algorithm that :mod:`hashlib` knows.

    What is not yet remembered is worked out in one pass and remembered, so that a second call costs a stat.

    :raises FileProblem: if the file changed since it was opened, or changes while it is read.
    :raises InvalidOption: if an algorithm is unknown.
    """
    known = _memory.recall(file.identity).get("digests", {})
    missing = sorted(set(algorithms) - set(known))
    if missing:
        hashers = {name: _hasher(name) for name in missing}
        settled = _memory.is_settled(file.identity)
        with concurrent.futures.ThreadPoolExecutor(len(hashers)) as pool:
            for block in read_blocks(file):
                # Several algorithms share the cores; one alone is quicker without a hand-over.
                if len(hashers) == 1:
                    hashers[missing[0]].update(block)
                else:
                    with uninterrupted():
                        list(pool.map(lambda hasher, block=block: hasher.update(block), hashers.values()))
        known = {**known, **{name: hasher.hexdigest() for name, hasher in hashers.items()}}
        if settled:
            _memory.remember(file.identity, digests=known)
    else:
        require_unchanged(file)
    return {name: known[name] for name in algorithms}


def read_blocks(file: LocalFile) -> t.Generator[bytes, None, None]:
    """The bytes of a file in blocks of at most BLOCK_SIZE; the file is closed when the iterator is.

    :raises FileProblem: if the file is not the one that was opened, or changes while it is read.
    """
    try:
        with _opened(file.path) as descriptor:
            _require_same(descriptor, file)
            done = 0
            while block := os.read(descriptor, BLOCK_SIZE):
                done += len(block)
                if done > file.size:
                    raise _changed(file)
                yield block
            _require_same(descriptor, file)
            if done != file.size:
                raise _changed(file)
    except OSError as problem:
        raise FileProblem(f"The file {file.path} cannot be read: {problem.strerror}.", file=file.path) from problem


def require_unchanged(file: LocalFile) -> None:
    """Refuse a file that is no longer what it was when it was opened.

    :raises FileProblem: if it was changed, replaced or removed.
    """
    try:
        same = _memory.identity_of(os.stat(file.path)) == file.identity
    except OSError:
        same = False
    if not same:
        raise _changed(file)


class HashingStream:
    """The body of an upload: the bytes of a file, hashed as they pass.

    An iterable of blocks with a length, so that an HTTP client sends Content-Length; each ``iter()`` starts at byte 0
    again. The hash of a block is worked out while the block before it is on its way.
    """

    def __init__(self, file: LocalFile, algorithm: str) -> None:
        """:raises InvalidOption: if the algorithm is unknown."""
        self.file = file
        self.algorithm = algorithm
        #: Bytes handed out by the present pass.
        self.sent = 0
        self._digest: str | None = None
        self._pass: t.Generator[bytes, None, None] | None = None
        _hasher(algorithm)

    def __len__(self) -> int:
        return self.file.size

    def __iter__(self) -> t.Iterator[bytes]:
        """Start a pass over the file.

        :raises FileProblem: (while iterating) if the file was changed, cut or extended.
        """
        self.close()
        self._pass = self._run()
        return self._pass

    def hexdigest(self) -> str:
        """The digest of the whole file, lower case hexadecimal; a pass must have come to its end."""
        if self._digest is None:
            raise ValueError("no pass over the file has been completed")
        return self._digest

    def close(self) -> None:
        """Give up the present pass and its file descriptor."""
        if self._pass is not None:
            self._pass.close()
            self._pass = None

    def _run(self) -> t.Generator[bytes, None, None]:
        hasher = _hasher(self.algorithm)
        settled = _memory.is_settled(self.file.identity)
        self.sent, self._digest = 0, None
        with concurrent.futures.ThreadPoolExecutor(1) as pool, contextlib.closing(read_blocks(self.file)) as blocks:
            with uninterrupted():
                hashed = pool.submit(lambda: None)
            for block in blocks:
                _pause.check()
                hashed.result()
                hashed = pool.submit(hasher.update, block)
                # The last block is handed out only once the file is known to be unchanged: the receiver must not
                # take a mixture for a complete upload.
                if self.sent + len(block) == self.file.size:
                    _exhaust(blocks)
                    hashed.result()
                    self._digest = hasher.hexdigest()
                self.sent += len(block)
                yield block
        if settled:
            _memory.remember(self.file.identity, digests={self.algorithm: self._digest})


@contextlib.contextmanager
def uninterrupted() -> t.Iterator[None]:
    """Hold SIGTERM and SIGINT back for a moment: a thread that is being started does not bear an exception."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def algorithms() -> frozenset[str]:
    """The hash algorithms that this host has; a strict one lacks md5."""
    usable = set()
    for name in hashlib.algorithms_available:
        with contextlib.suppress(InvalidOption):
            _hasher(name)
            usable.add(name)
    return frozenset(usable)


def _hasher(algorithm: str) -> t.Any:
    try:
        hasher = hashlib.new(algorithm)
        hasher.hexdigest()
    except (ValueError, TypeError) as problem:  # TypeError: algorithms without a length of their own, such as shake_128
        raise InvalidOption(f"The hash algorithm {algorithm!r} is not available on this host.") from problem
    return hasher


def _exhaust(blocks: t.Iterator[bytes]) -> None:
    for _block in blocks:
        pass


@contextlib.contextmanager
def _opened(path: str) -> t.Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _require_same(descriptor: int, file: LocalFile) -> None:
    if _memory.identity_of(os.fstat(descriptor)) != file.identity:
        raise _changed(file)


def _changed(file: LocalFile) -> FileProblem:
    return FileProblem(f"The file {file.path} was changed while it was being used.", file=file.path)


_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISBLK, "a block device"),
    (stat.S_ISCHR, "a character device"),
)


def _require_regular(status: os.stat_result, path: str, option: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = next((words for test, words in _KINDS if test(status.st_mode)), "no regular file")
        raise FileProblem(f"{option}: {path} is {kind}, and a regular file is needed.", file=path)


def _open_trouble(path: str, problem: OSError) -> str:
    if problem.errno == errno.ENOENT and os.path.islink(path):
        return f"{path} is a symbolic link to something that does not exist."
    if problem.errno in (errno.ENOENT, errno.ENOTDIR):
        return f"the file {path} does not exist."
    if problem.errno in (errno.EACCES, errno.EPERM):
        return f"the file {path} is not readable by the user that runs the module."
    return f"the file {path} cannot be opened: {problem.strerror}."
