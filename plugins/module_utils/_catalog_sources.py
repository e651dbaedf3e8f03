# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Sources of the entries of a catalogue, looked at together: what ``image_file`` would say of each without fetching it."""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from . import _archive, _disk, _fetch, _file_build, _file_declaration
from ._errors import as_result
from ._pool import run_all

#: Sources that are looked at at a time; most of it is waiting for servers.
_WORKERS = 8


def look(params: t.Sequence[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    """What there is to know of the source of each entry, in their order.

    A file of checksums that several of them name is fetched once, and one that cannot be had is waited for once.

    :param params: the options of each entry as a module has them.
    :returns: ``content_key`` and ``source`` as ``image_file`` tells them, and the ``options`` to call it with (see
        :func:`file_options`); ``failed``, ``msg`` and ``reason`` if it would fail; nothing for an entry that has no source.
    """
    outcomes = run_all([functools.partial(_look, each) for each in params], _WORKERS)
    return [{"failed": True} | as_result(each) if isinstance(each, Exception) else each for each in outcomes]


def file_options(params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What the module ``image_file`` is told of the content of an entry: what the source must be, and what is made of it.

    Kernels and ramdisks are taken as they are. What the source of another image must be follows from its format in Glance, if
    nothing converts it; what lies in a container that is not bare is a file of any kind.

    :param params: the options of the entry as a module has them.
    """
    disk_format, container = params.get("disk_format"), params.get("container_format")
    is_kernel = disk_format in _disk.KERNELS
    expected = disk_format if disk_format in _file_declaration.SOURCE_FORMATS else None
    if not is_kernel and params.get("format"):
        expected = None
    elif not is_kernel and container not in (None, "bare"):
        expected = _file_build.ANY
    return {
        "format": None if is_kernel else params.get("format"),
        "compression_type": None if is_kernel else params.get("compression_type"),
        "source_format": params.get("source_format") or expected,
        "unpack": params.get("unpack"),
    }


def _look(params: dict[str, t.Any]) -> dict[str, t.Any]:
    if not params.get("src") or params.get("state") == "absent":
        return {}
    options = file_options(params)
    usual = dataclasses.asdict(_fetch.HttpOptions()) | {"checksum": None, "max_unpack_memory": str(_archive.MEMORY)}
    given = {name: value for name, value in params.items() if value is not None}
    return {"options": options} | _file_declaration.look(usual | given | options)
