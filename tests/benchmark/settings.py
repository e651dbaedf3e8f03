# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be chosen by environment variables, so that a smaller run is possible."""

from __future__ import annotations

import os
from pathlib import Path

MIB = 1024 * 1024

#: Every image of the benchmark is called so; nothing else in the cloud is touched.
PREFIX = "bench-"

#: The folder of the running local cloud
CLOUD_DIR = Path(os.environ.get("CLOUDIMAGE_TEST_CLOUD_DIR", "no-cloud"))

#: The environments of the contestants, with openstack.cloud in a folder of the second one
OURS_VENV = Path(os.environ.get("CLOUDIMAGE_BENCH_OURS", "no-venv"))
INCUMBENT_VENV = Path(os.environ.get("CLOUDIMAGE_BENCH_INCUMBENT", "no-venv"))
OURS_COLLECTIONS = Path(os.environ.get("CLOUDIMAGE_BENCH_COLLECTIONS", "no-collections"))
INCUMBENT_COLLECTIONS = INCUMBENT_VENV / "collections"


def _numbers(variable: str, default: str) -> list[int]:
    return [int(word) for word in os.environ.get(variable, default).replace(",", " ").split()]


#: Rounds of everything that is short; what runs one process for each of many images has one round.
ROUNDS = _numbers("CLOUDIMAGE_BENCH_ROUNDS", "3")[0]

#: Numbers of declared images
COUNTS = _numbers("CLOUDIMAGE_BENCH_COUNTS", "1 20 100 1000")

#: Loops are slow: not more declared images than this for each of them
MOST_FOR_INCUMBENT = 100
MOST_FOR_CLI = 20

#: How many small images are created
CREATED = _numbers("CLOUDIMAGE_BENCH_CREATED", "20")[0]

#: How many images there are in the cloud beside the declared one, that one included
CROWDS = _numbers("CLOUDIMAGE_BENCH_CROWDS", "10 300 3000")

#: The one large upload, and each of the ten of medium size
LARGE = _numbers("CLOUDIMAGE_BENCH_MIB", "1024")[0] * MIB
MEDIUM = _numbers("CLOUDIMAGE_BENCH_MEDIUM_MB", "100")[0] * 1000 * 1000
MEDIUM_COUNT = 10
WORKERS = 4

#: No process may take longer, in seconds
TIME_LIMIT = 900
