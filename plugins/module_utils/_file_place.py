# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The place of a local file that a module makes: what lies there, how it gets there, what is remembered about it."""

from __future__ import annotations

import copy
import errno
import grp
import os
import pwd
import re
import stat
import typing as t

from ansible.module_utils.basic import AnsibleModule

from . import _content, _memory, _workfile
from ._errors import CollectionError, FileProblem, InvalidOption

#: The largest number of a user or group; the one behind it means "no change" to the operating system.
_LAST_ID = 2**32 - 2
_LAST_MODE = 0o7777
_SYMBOLIC_MODE = re.compile(r"(?:a|[ugo]*)(?:[=+-][rwxXstugo]*)*")

_MOUNTS = "/proc/self/mountinfo"
#: What looks like a tree of files, and is the kernel's.
_KERNEL_FILE_SYSTEMS = frozenset(
    "bpf cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs mqueue proc pstore securityfs sysfs tracefs".split()
)
_MEMORY_FOLDER = "/dev/shm"  # noqa: S108 - files of users are welcome there


def place_option(value: str, option: str) -> str:
    """The absolute path out of an option.

    :raises InvalidOption: if it is the name of a folder, or no path at all.
    """
    if "\0" in value:
        raise InvalidOption(f"{option}: a path cannot hold a NUL character.")
    if value.endswith("/"):
        raise InvalidOption(f"{option}: {value} is the name of a folder, and a file is needed.")
    return os.path.abspath(os.path.expanduser(value))


def require_attributes(options: dict[str, t.Any]) -> None:
    """Refuse an owner, group or mode that cannot be set once the file is made.

    :raises InvalidOption: with the name of the option.
    """
    for option, look_up in (("owner", pwd.getpwnam), ("group", grp.getgrnam)):
        name = options.get(option)
        if name is not None:
            _require_somebody(name, option, look_up)
    mode = options.get("mode")
    if mode is not None and not _is_mode(mode):
        raise InvalidOption(f"mode: {mode!r} is neither an octal number up to 7777 nor a symbolic mode.")


def _require_somebody(name: str, option: str, look_up: t.Callable[[str], object]) -> None:
    try:
        number = int(name)
    except ValueError:
        try:
            look_up(name)
        except (KeyError, ValueError):
            raise InvalidOption(f"{option}: there is no {name!r} on this host.") from None
    else:
        if not 0 <= number <= _LAST_ID:
            raise InvalidOption(f"{option}: {name} is no number from 0 to {_LAST_ID}.")


def _is_mode(mode: t.Any) -> bool:
    """Whether Ansible can make a mode out of it; a number is one as it is, and a string has octal digits."""
    try:
        return 0 <= (mode if isinstance(mode, int) else int(mode, 8)) <= _LAST_MODE
    except ValueError:
        return bool(re.search(r"[=+-]", mode)) and all(map(_SYMBOLIC_MODE.fullmatch, mode.split(",")))
    except TypeError:
        return False


def look(path: str, option: str) -> os.stat_result | None:
    """The status of a regular file; None if nothing is there.

    :raises FileProblem: if something else is there.
    """
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as problem:
        raise FileProblem(f"{option}: {path} cannot be looked at: {problem.strerror}.", file=path) from problem
    if not stat.S_ISREG(status.st_mode):
        _content.open_local(path, option)
    return status


class Place:
    """Where a finished file goes, with owner, group, mode and the like as the options of the module say.

    :param option: the option that names the file, for messages.
    """

    def __init__(self, module: AnsibleModule, path: str, option: str) -> None:
        self._module = module
        self._options = module.params
        self._option = option
        self.path = path
        #: Bytes of the file when it was last looked at or put there; None before.
        self.size: int | None = None

    def look(self) -> os.stat_result | None:
        """The status of the file; None if nothing is there.

        :raises FileProblem: if something is there that is no regular file, or no file of a user can be.
        """
        status = look(self.path, self._option)
        self._require_realm()
        self.size = status.st_size if status else None
        return status

    def require_folder(self) -> None:
        """:raises FileProblem: if the folder is missing, the user may not write into it, or the file stays where it is."""
        folder = os.path.dirname(self.path)
        if not os.path.isdir(folder):
            raise FileProblem(f"{self._option}: the folder {folder} does not exist.", file=self.path)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise FileProblem(f"{self._option}: the folder {folder} is not writable by the user that runs the module.")
        place = os.path.join(os.path.realpath(folder), os.path.basename(self.path))
        if place in _mounts():
            raise FileProblem(
                f"{self._option}: {self.path} is a mount point, which cannot be replaced.", file=self.path
            )

    def _require_realm(self) -> None:
        folder = os.path.realpath(os.path.dirname(self.path))
        below = folder + "/"
        if below.startswith("/dev/") and not below.startswith(_MEMORY_FOLDER + "/"):
            raise FileProblem(
                f"{self._option}: {self.path} lies in /dev, where devices are, and no images.", file=self.path
            )
        kind = _file_system(folder)
        if kind in _KERNEL_FILE_SYSTEMS:
            raise FileProblem(
                f"{self._option}: {self.path} lies in a file system of the kernel ({kind}), which holds no images.",
                file=self.path,
            )

    def install(self, path: str) -> None:
        """Move a finished file here in one stroke.

        :raises FileProblem: if that is refused.
        """
        try:
            self._twin().atomic_move(path, self.path, bool(self._module.params.get("unsafe_writes")))
        except CollectionError:
            raise
        except Exception as problem:  # Ansible tells it so; older versions end the module
            raise self._stayed_out(problem) from problem
        _workfile.sync_folder(self.path)
        self._set_attributes()

    def attributes_differ(self) -> bool:
        """Whether owner, group, mode or the like are not the declared ones."""
        return self._set_attributes(check_mode=True)  # Ansible's way to ask what it would change

    def set_attributes(self, content_key: str | None) -> None:
        """Change owner, group, mode or the like of a file that is known to hold ``content_key``."""
        known = _memory.recall(_memory.identity_of(self._status()))
        self._set_attributes()
        # What nothing was known about has told its content by its digest, and will again.
        self.remember(known or {"content_key": content_key}, needed=bool(known) and "digests" not in known)

    def remember(self, facts: dict[str, t.Any], *, needed: bool) -> None:
        """Note what the file holds, which nobody but this run has changed.

        :param needed: whether nothing else will tell the next run; then there is a warning if it cannot be done.
        """
        status = self._status()
        self.size = status.st_size
        fault: str | None = f"the file system of {os.path.dirname(self.path)} does not tell times exactly enough"
        if _memory.wait_for_tick(self.path):
            fault = _memory.remember(_memory.identity_of(status), **facts)
        if fault and needed:
            self._module.warn(
                f"The next run will make {self.path} anew, as what it holds cannot be remembered: {fault}."
            )

    def _status(self) -> os.stat_result:
        try:
            return os.stat(self.path)
        except OSError as problem:
            raise FileProblem(
                f"{self._option}: {self.path} was removed while it was being made: {problem.strerror}.", file=self.path
            ) from problem

    def _set_attributes(self, check_mode: bool = False) -> bool:
        twin = self._twin()
        twin.check_mode = check_mode
        try:
            return bool(twin.set_fs_attributes_if_different(self._arguments(), False))
        except CollectionError:
            raise
        except Exception as problem:
            fault = _os_error(problem)
            why = f": {fault.strerror}" if fault and fault.strerror else ""
            raise FileProblem(
                f"{self._option}: {self.path} cannot be given the owner, group, mode or attributes: {problem}{why}.",
                file=self.path,
            ) from problem

    def _twin(self) -> AnsibleModule:
        """The module, but that Ansible's functions raise an exception where they would end it."""
        twin = copy.copy(self._module)
        vars(twin)["fail_json"] = _refuse
        return twin

    def _stayed_out(self, problem: Exception) -> FileProblem:
        """Why a finished file did not get here."""
        folder = os.path.dirname(self.path)
        fault = _os_error(problem)
        why = (fault.strerror if fault else None) or str(problem)
        words = f"{self._option}: {self.path} cannot be written: {why}."
        if not os.path.isdir(folder):
            words = f"The folder {folder} does not exist any more."
        elif os.path.isdir(self.path):
            words = f"{self._option}: {self.path} has become a folder meanwhile."
        elif fault and fault.errno == errno.ENOENT:
            words = f"What was made in {folder} was removed before it was in its place."
        elif fault and fault.errno == errno.EPERM:
            words = f"{self._option}: {self.path} cannot be replaced: {why}; it may be immutable, or somebody else's."
        return FileProblem(words, file=self.path)

    def _arguments(self) -> dict[str, t.Any]:
        return self._module.load_file_common_arguments(self._options, path=self.path)


class _Refusal(Exception):
    """What one of Ansible's own functions would have ended the module with."""


def _refuse(msg: str = "", **_details: t.Any) -> t.NoReturn:
    raise _Refusal(msg.rstrip("."))


def _os_error(problem: BaseException | None) -> OSError | None:
    """The refusal of the operating system behind an exception."""
    while problem is not None and not isinstance(problem, OSError):
        problem = problem.__cause__ or problem.__context__
    return problem


def _mounts() -> dict[str, str]:
    """The mount points, and the kinds of their file systems; ``{}`` where nobody tells."""
    found = {}
    try:
        with open(_MOUNTS, encoding="utf-8", errors="surrogateescape") as lines:
            for line in lines:
                ahead, _dash, behind = line.partition(" - ")
                place = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), ahead.split(" ")[4])
                found[place] = behind.split(" ")[0]
    except OSError:
        return {}
    return found


def _file_system(folder: str) -> str | None:
    """The kind of file system in which a folder lies; None if nobody tells."""
    mounts = _mounts()
    while folder not in mounts and folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
    return mounts.get(folder)
