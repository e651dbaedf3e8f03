# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Turns the running local cloud into one of another kind, by the options of the role local_cloud."""

from __future__ import annotations

import configparser
import json
import sys
import typing as t
import urllib.parse
from pathlib import Path

import cloud_support
import playbook_support

Options = dict[str, t.Any]
DATA = cloud_support.CLOUD_DIR / "data" / "glance"
#: A cloud that looks away, keeps what was deleted, and has a second region, whose Glance is the same.
LENIENT: Options = {
    "local_cloud_require_image_format_match": False,
    "local_cloud_delayed_delete": True,
    "local_cloud_more_regions": {"RegionTwo": "http://127.0.0.1:{{ local_cloud_glance_port }}"},
}
#: A cloud with one store that has no name, and with a quota for each project: three mebibytes (Glance's MB).
SMALL: Options = {"local_cloud_stores": [], "local_cloud_user_storage_quota": "3MB"}
_SERVICES = ("keystone", "glance")


def bring(state: str, options: Options) -> None:
    """Run the role; what the options do not say is as the role has it by default."""
    variables = {**_same_cloud(), "local_cloud_state": state, **options}
    code, output = playbook_support.run("cloudimage.glance.local_cloud", "--extra-vars", json.dumps(variables))
    assert code == 0, output


def _same_cloud() -> Options:
    """Where the cloud is and what it listens on, as its own configuration tells."""
    configuration = configparser.ConfigParser(interpolation=None, strict=False)
    configuration.read(cloud_support.CLOUD_DIR / "etc" / "glance" / "glance-api.conf")
    python = Path(configuration["wsgi"]["python_interpreter"])
    urls = {
        "keystone": configuration["keystone_authtoken"]["auth_url"],
        "glance": configuration["DEFAULT"]["worker_self_reference_url"],
    }
    ports = {f"local_cloud_{name}_port": urllib.parse.urlsplit(urls[name]).port for name in _SERVICES}
    return {
        "local_cloud_dir": str(cloud_support.CLOUD_DIR.resolve()),
        "local_cloud_venv": str(python.parents[1]),
        "local_cloud_python": sys.executable,
        **ports,
    }


def files() -> set[str]:
    """All data that Glance keeps: staged, in stores, or in the making."""
    return {
        str(path.relative_to(DATA))
        for folder in ("staging", "store", "stores", "tasks")
        for path in (DATA / folder).rglob("*")
        if path.is_file()
    }
