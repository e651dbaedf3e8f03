# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the figures depend on: the machine and the versions. Nothing that tells whose machine it is."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import time
from pathlib import Path

import settings

_INSTALLED = """
import importlib.metadata, sys
for name in sys.argv[1:]:
    print(name, importlib.metadata.version(name))
"""


def facts(folder: Path) -> dict[str, str]:
    """In words, by what they are about."""
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": f"{len(os.sched_getaffinity(0))} cores ({_model()}), {_memory()} GiB RAM",
        "disk": _disk(folder),
        "system": f"{platform.freedesktop_os_release()['PRETTY_NAME']}, Linux {platform.release()}, {_curl()}",
        "cloud": _cloud(),
        "ours": f"{_collection(settings.OURS_COLLECTIONS, 'cloudimage', 'glance')}, {_libraries(settings.OURS_VENV)}",
        "theirs": f"{_collection(settings.INCUMBENT_COLLECTIONS, 'openstack', 'cloud')}, "
        + _libraries(settings.INCUMBENT_VENV, "python-openstackclient"),
    }


def _model() -> str:
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    return found[1].strip() if found else platform.machine()


def _memory() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def _disk(folder: Path) -> str:
    """The kind of file system, and how fast a file gets onto it."""
    size = min(settings.LARGE, 256 * settings.MIB)
    block = os.urandom(settings.MIB)
    file = folder / "disk-speed"
    started = time.monotonic()
    with file.open("wb") as stream:
        for _block in range(size // len(block)):
            stream.write(block)
        stream.flush()
        os.fsync(stream.fileno())
    seconds = time.monotonic() - started
    file.unlink()
    return f"{_file_system(folder)}, writes {size / seconds / 1e6:.0f} MB/s ({size // settings.MIB} MiB with fsync)"


def _file_system(folder: Path) -> str:
    words = ["stat", "--file-system", "--format", "%T", str(folder)]
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=10).stdout.strip()


def _curl() -> str:
    words = subprocess.run(["curl", "--version"], check=True, capture_output=True, text=True, timeout=10).stdout.split()
    return " ".join(words[:2])


def _cloud() -> str:
    role = settings.OURS_COLLECTIONS / "ansible_collections/cloudimage/glance/roles/local_cloud"
    pinned = dict(re.findall(r"^(\w+)==(\S+)$", (role / "files/constraints.txt").read_text(), re.M))
    return f"Glance {pinned['glance']}, Keystone {pinned['keystone']}, one process each, SQLite, files as the store"


def _collection(collections: Path, namespace: str, name: str) -> str:
    manifest = collections / "ansible_collections" / namespace / name / "MANIFEST.json"
    if not manifest.exists():
        return f"{namespace}.{name} as it stands in the repository"
    return f"{namespace}.{name} {json.loads(manifest.read_text())['collection_info']['version']}"


def _libraries(venv: Path, *more: str) -> str:
    names = ("ansible-core", "openstacksdk", *more)
    words = [str(venv / "bin" / "python"), "-c", _INSTALLED, *names]
    shown = subprocess.run(words, check=True, capture_output=True, text=True, timeout=60).stdout
    return f"{', '.join(shown.splitlines())}, Python {platform.python_version()}"
