# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries for the tests of catalogues."""

from __future__ import annotations

import typing as t

from ansible_collections.cloudimage.glance.plugins.module_utils import _catalog


def gathered(
    images: list[t.Any] | None = None, defaults: dict[str, t.Any] | None = None, files: list[str] | None = None
) -> list[_catalog.Entry]:
    """All entries of a catalogue, as the module ``images`` reads them: what cannot be read is an error."""
    entries, problems = _catalog.read(images, defaults, files)
    _catalog.refuse(problems)
    return entries
