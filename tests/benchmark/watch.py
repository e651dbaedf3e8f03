# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a command, and writes what it took as JSON: seconds, and the peak memory of the largest of its processes in MiB.

    watch.py FILE COMMAND...

A process of its own, and a small one: Linux counts the memory of whoever starts a program as memory of that program.
"""

import json
import os
import sys
import time


def main() -> int:
    """Returns the exit code of the command."""
    started = time.monotonic()
    child = os.fork()
    if not child:
        os.execvp(sys.argv[2], sys.argv[2:])
    _pid, status, usage = os.wait4(child, 0)
    seconds = time.monotonic() - started
    with open(sys.argv[1], "w") as file:  # noqa: PTH123 - pathlib would make this process larger
        json.dump({"seconds": seconds, "memory": usage.ru_maxrss / 1024}, file)
    return abs(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    sys.exit(main())
