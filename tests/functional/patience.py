# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long tests wait: one bound for all that has to come, which only ends what hangs."""

from __future__ import annotations

import time
import typing as t

#: Seconds. A machine that has other things to do may be ten times slower than usual, and is no defect.
PATIENCE = 600.0


def wait_until(is_so: t.Callable[[], object], patience: float = PATIENCE, pause: float = 0.02) -> None:
    """Wait for something to become true.

    :param pause: seconds between looks.
    """
    deadline = time.monotonic() + patience
    while not is_so():
        assert time.monotonic() < deadline, "did not come about"
        time.sleep(pause)
