# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The place of a local file that a module makes: what lies there, how it gets there, what is remembered about it."""

from __future__ import annotations

import copy
import grp
import os
import pwd
import re
import stat
import typing as t

from ansible.module_utils.basic import AnsibleModule

from . import _content, _memory, _workfile
from ._errors import FileProblem, InvalidOption


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
        if name and not name.isdigit():
            try:
                look_up(name)
            except KeyError:
                raise InvalidOption(f"{option}: there is no {name!r} on this host.") from None
    mode = options.get("mode")
    if mode is not None and re.fullmatch(r"[0-9]+", str(mode).strip()) is None and not re.search(r"[=+-]", str(mode)):
        raise InvalidOption(f"mode: {mode!r} is neither an octal number nor a symbolic mode.")


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

        :raises FileProblem: if something is there that is no regular file.
        """
        status = look(self.path, self._option)
        self.size = status.st_size if status else None
        return status

    def require_folder(self) -> None:
        """:raises FileProblem: if the folder is missing, or the user may not write into it."""
        folder = os.path.dirname(self.path)
        if not os.path.isdir(folder):
            raise FileProblem(f"{self._option}: the folder {folder} does not exist.", file=self.path)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise FileProblem(f"{self._option}: the folder {folder} is not writable by the user that runs the module.")

    def install(self, path: str) -> None:
        """Move a finished file here in one stroke.

        :raises FileProblem: if that is refused.
        """
        with _workfile.explained(self.path):
            self._module.atomic_move(path, self.path)
        _workfile.sync_folder(self.path)
        self._module.set_fs_attributes_if_different(self._arguments(), False)

    def attributes_differ(self) -> bool:
        """Whether owner, group, mode or the like are not the declared ones."""
        twin = copy.copy(self._module)
        twin.check_mode = True  # Ansible's way to ask what it would change
        return bool(twin.set_fs_attributes_if_different(self._arguments(), False))

    def set_attributes(self, content_key: str | None) -> None:
        """Change owner, group, mode or the like of a file that is known to hold ``content_key``."""
        known = _memory.recall(_memory.identity_of(os.stat(self.path)))
        self._module.set_fs_attributes_if_different(self._arguments(), False)
        self.remember(known or {"content_key": content_key})

    def remember(self, facts: dict[str, t.Any]) -> None:
        """Note what the file holds, which nobody but this run has changed."""
        status = os.stat(self.path)
        self.size = status.st_size
        if _memory.wait_for_tick(self.path):
            _memory.remember(_memory.identity_of(status), **facts)

    def _arguments(self) -> dict[str, t.Any]:
        return self._module.load_file_common_arguments(self._options, path=self.path)
