# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Ansible's placeholder for what is to be omitted (``default(omit)``), which is never a value. Pure.

Up to ansible-core 2.18 it is a text, ``__omit_place_holder__`` and a SHA-1 digest that is another one in each run. Ansible takes
it out where it is the value of a key, but neither out of lists nor out of texts. Later it is an object, which is only met by what
a lookup is given, of which no version takes it out.
"""

from __future__ import annotations

import re
import typing as t

from ._errors import InvalidOption

_PLACEHOLDER = re.compile(r"__omit_place_holder__[0-9a-f]{40}")
#: What the object says of itself; its class is Ansible's own business (ansible-core 2.19).
_OBJECT = "<<Omit>>"
_OMITTED = object()


def without_omitted(options: t.Mapping[t.Any, t.Any]) -> dict[t.Any, t.Any]:
    """Options without what was omitted, at any depth: keys, items of lists, and items between commas."""
    kept = ((key, _kept(key), _kept(value)) for key, value in options.items())
    return {key: value for key, name, value in kept if _OMITTED not in (name, value)}


def require_none_omitted(options: t.Mapping[t.Any, t.Any]) -> None:
    """Refuse texts of which only a part was to be omitted.

    :raises InvalidOption: if there is one.
    """
    for option, value in options.items():
        if any(_PLACEHOLDER.search(text) for text in _texts(value)):
            raise InvalidOption(
                f"{option}: a part of a text cannot be omitted; apply default(omit) to a whole value, or default('') to the part."
            )


def _kept(value: t.Any) -> t.Any:
    """A value without what was omitted; ``_OMITTED`` if nothing is left of it that was there."""
    if isinstance(value, str):
        return _kept_text(value) if "__omit_place_holder__" in value else value
    if isinstance(value, dict):
        return without_omitted(value)
    if isinstance(value, (list, tuple)):
        return [kept for each in value if (kept := _kept(each)) is not _OMITTED]
    return _OMITTED if repr(value) == _OBJECT else value


def _kept_text(text: str) -> t.Any:
    items = text.split(",")
    kept = [item for item in items if not _PLACEHOLDER.fullmatch(item.strip())]
    return ",".join(kept) if kept else _OMITTED


def _texts(value: t.Any) -> t.Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _texts(key)
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
