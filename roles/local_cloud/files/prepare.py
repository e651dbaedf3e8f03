# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes the database of a service, and whatever else its management command makes, within one process.

Called as ``prepare.py SETTINGS`` where SETTINGS is JSON: the database, the stamp that tells that everything is done, the
configuration file, the file with the passwords, the module whose main() is the management command, and the list of its commands.
Each command runs in a forked child, so that the imports, which take most of the time, are paid for once.
"""

from __future__ import annotations

import contextlib
import grp
import importlib
import json
import os
import pwd
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path


def run(main: Callable[[], object], arguments: list[str]) -> int:
    """Run main with the arguments in a child; return its exit status."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    status: object = 1
    try:
        sys.argv = arguments
        status = main()
    except SystemExit as error:
        status = error.code
        if isinstance(status, str):
            print(status, file=sys.stderr)
    except BaseException as error:  # pylint: disable=broad-exception-caught
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status if isinstance(status, int) else 0 if status is None else 1)


def main() -> int:
    """Do what the command line asks."""
    os.umask(0o077)
    settings = json.loads(sys.argv[1])
    database, stamp = Path(settings["database"]), Path(settings["stamp"])
    stamps = list(stamp.parent.glob("prepared-*"))
    if not stamps:
        # SQLite does not undo half a migration: a first attempt that was cut off begins anew.
        for suffix in ("", "-wal", "-shm", "-journal"):
            with contextlib.suppress(FileNotFoundError):
                Path(f"{database}{suffix}").unlink()
    names = {"@user": pwd.getpwuid(os.getuid()).pw_name, "@group": grp.getgrgid(os.getgid()).gr_name}
    os.environ["OS_BOOTSTRAP_PASSWORD"] = json.loads(Path(settings["secrets"]).read_text())["admin"]
    command = importlib.import_module(settings["main"]).main
    for arguments in settings["commands"]:
        status = run(
            command, [settings["main"], "--config-file", settings["config"], *(names.get(a, a) for a in arguments)]
        )
        if status:
            print(f"{settings['main']} {arguments[0]} failed with status {status}.", file=sys.stderr)
            return 1
    with contextlib.closing(sqlite3.connect(database)) as connection:
        # Kept in the database: readers and a writer do not wait for each other.
        connection.execute("PRAGMA journal_mode=WAL")
    for old in stamps:
        old.unlink()
    stamp.touch()
    return 0


if __name__ == "__main__":
    sys.exit(main())
