# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What Glance can hold: texts and amounts. Pure."""

from __future__ import annotations

from ._errors import InvalidOption


def require_text(option: str, value: str, limit: int) -> None:
    """Refuse texts that Glance refuses: its MySQL tables hold at most three bytes a character, and no NUL."""
    if len(value) > limit:
        raise InvalidOption(f"{option}: {value[:40]!r}... has {len(value)} characters; Glance takes at most {limit}.")
    if any(ord(each) > 0xFFFF or each == "\0" or 0xD800 <= ord(each) <= 0xDFFF for each in value):
        raise InvalidOption(f"{option}: {value!r} holds a character that Glance cannot store (4-byte unicode, NUL).")


def require_amount(option: str, value: int | None) -> None:
    """Refuse amounts that Glance's tables cannot hold."""
    if value is not None and not 0 <= value <= 2**31 - 1:
        raise InvalidOption(f"{option}: {value} is not between 0 and {2**31 - 1}.")
