# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Text that cannot deceive whoever reads it on a terminal, in a log, or on a page. Pure."""

from __future__ import annotations

import typing as t
import unicodedata

#: Unicode categories of what cannot be seen, or changes what stands around it: controls, formats (that turn the direction of
#: writing, too), surrogates, private and unassigned characters, separators of lines and paragraphs, odd spaces.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})
#: A single mark upon a letter belongs to a script; a heap of them spills over lines.
_MARKS = 2


def harmless(text: t.Any) -> str:
    """A text in which everything can be seen, and nothing acts on a terminal or turns the direction of writing.

    ``\\x1b`` and ``\\u202e`` then stand where the characters were.
    """
    text = str(text)
    if text.isascii() and text.isprintable():
        return text
    shown, marks = [], 0
    for sign in text:
        marks = marks + 1 if unicodedata.combining(sign) else 0
        unseen = sign != " " and unicodedata.category(sign) in _UNSEEN
        shown.append(_escaped(sign) if unseen or marks > _MARKS else sign)
    return "".join(shown)


def _escaped(sign: str) -> str:
    number = ord(sign)
    if number < 0x100:
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(sign, f"\\x{number:02x}")
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
