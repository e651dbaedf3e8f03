# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Helpers of the tests of what openstack.cloud does wrong.

Each of these tests bears the name of a defect of openstack.cloud, and shows that the collection does it right.
"""

from __future__ import annotations

import contextlib
import json
import sys
import typing as t
import urllib.parse
from pathlib import Path

import cloud_support
import yaml

sys.path.append(str(Path(__file__).parents[1] / "faults"))

import proxy as faults

Test = t.TypeVar("Test", bound=t.Callable[..., None])


def shows(*rows: str) -> t.Callable[[Test], Test]:
    """Rows of the migration guide that a test shows to be true, each as "table: first cell".

    Says so to readers and to tests/unit/test_migration_guide.py, which holds rows and tests against each other.
    """

    def unchanged(test: Test) -> Test:
        return test

    return unchanged


@contextlib.contextmanager
def proxied(*rules: faults.Rule) -> t.Iterator[tuple[faults.Proxy, dict[str, t.Any]]]:
    """A proxy in front of Glance, with faults, and a value of the option cloud with which a module goes through it."""
    upstream = urllib.parse.urlsplit(cloud_support.project("local").url)
    assert upstream.hostname and upstream.port
    with faults.Proxy((upstream.hostname, upstream.port)) as proxy:
        proxy.rules(*rules)
        yield proxy, through(proxy.url)


def through(address: str) -> dict[str, t.Any]:
    """The configuration of the ordinary user's cloud, with Glance at another address."""
    settings = yaml.safe_load(cloud_support.CLOUDS_YAML.read_text())["clouds"]["local"]
    return {**settings, "image_endpoint_override": f"{address}/v2"}


def offering(*methods: str) -> faults.Rule:
    """A cloud that says that it has these import methods."""
    body = {"import-methods": {"description": "", "type": "array", "value": methods}}
    answer = faults.Answer(200, json.dumps(body).encode(), {"Content-Type": "application/json"})
    return faults.Rule("GET", "/info/import$", answer, times=None)
