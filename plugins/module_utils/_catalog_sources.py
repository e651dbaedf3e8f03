# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Sources of the entries of a catalogue, looked at together: what ``image_file`` would say of each without fetching it."""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from . import _fetch, _file_declaration
from ._errors import as_result
from ._pool import run_all

#: Sources that are looked at at a time; most of it is waiting for servers.
_WORKERS = 8


def look(params: t.Sequence[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    """What there is to know of the source of each entry, in their order.

    A file of checksums that several of them name is fetched once, and one that cannot be had is waited for once.

    :param params: the options of each entry as a module has them.
    :returns: ``content_key`` and ``source`` as ``image_file`` tells them; ``failed``, ``msg`` and ``reason`` if it would
        fail; nothing for an entry that has no source.
    """
    outcomes = run_all([functools.partial(_look, each) for each in params], _WORKERS)
    return [{"failed": True} | as_result(each) if isinstance(each, Exception) else each for each in outcomes]


def _look(params: dict[str, t.Any]) -> dict[str, t.Any]:
    if not params.get("src") or params.get("state") == "absent":
        return {}
    usual = dataclasses.asdict(_fetch.HttpOptions()) | {"unpack": True}
    names = ("checksum", "compression_type", "format", "source_format")
    given = {name: value for name, value in params.items() if value is not None}
    return _file_declaration.look(dict.fromkeys(names) | usual | given)
