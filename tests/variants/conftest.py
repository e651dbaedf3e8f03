# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of the tests that need clouds of several kinds. One cloud becomes each of them in turn, and is stopped at the end.

A file of tests says with ``VARIANT`` which options of the role local_cloud it needs. The fixtures for modules and projects are
those of tests/functional.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import typing as t
from pathlib import Path

import pytest

_FUNCTIONAL = Path(__file__).parents[1] / "functional"
sys.path[:0] = [str(Path(__file__).parent), str(_FUNCTIONAL)]

_spec = importlib.util.spec_from_file_location("functional_fixtures", _FUNCTIONAL / "conftest.py")
assert _spec and _spec.loader
_fixtures = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_fixtures)
for _name in ("member", "other", "admin", "name", "run", "succeed", "fail", "disk"):
    globals()[_name] = getattr(_fixtures, _name)

# Not before its folder can be found.
variant_support = importlib.import_module("variant_support")


@pytest.fixture(scope="session")
def present_variant() -> t.Iterator[list[dict[str, t.Any]]]:
    """What the cloud is now, if that is known; it is stopped in the end, since nobody expects it to be like this."""
    present: list[dict[str, t.Any]] = []
    yield present
    variant_support.bring("stopped", {})


@pytest.fixture(scope="module", autouse=True)
def variant(request: pytest.FixtureRequest, present_variant: list[dict[str, t.Any]]) -> None:
    """Make the cloud what the file needs."""
    wanted = request.module.VARIANT
    if present_variant != [wanted]:
        present_variant.clear()
        variant_support.bring("started", wanted)
        present_variant.append(wanted)


@pytest.fixture
def nothing_new() -> t.Iterator[None]:
    """Glance must hold no data at the end of the test that it did not hold at its beginning."""
    before = variant_support.files()
    yield
    assert variant_support.files() <= before
