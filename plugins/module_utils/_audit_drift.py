# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What a catalogue declares, read off the results of the module ``images`` in check mode with diff. Pure."""

from __future__ import annotations

import dataclasses
import typing as t

from ._errors import ContentMissing, InvalidOption
from ._observed import CATALOG, END_OF_LIFE, EXCLUDED, FAMILY, OWN_PREFIX, VERSION

Json = dict[str, t.Any]

#: Facts of a picture that say which image it is, or follow from its content.
_IDENTITY = frozenset({"id", "os_hash_algo", "os_hash_value", "size", "status"})
#: The collection's own properties that a task declares; the others are book-keeping.
_DECLARED_STAMPS = frozenset({FAMILY, VERSION, EXCLUDED, END_OF_LIFE, CATALOG})


@dataclasses.dataclass(frozen=True)
class Entry:
    """One entry of a catalogue, beside the image that it means.

    :param state: ``same``, ``differs``, ``missing``, ``unwanted`` (declared to be absent) or ``failed``.
    :param image_id: the image that it means, if there is one and it is known.
    :param drift: what differs: ``key``, ``is`` and ``declared`` each.
    :param family: the family that it declares a version of.
    """

    name: str
    version: str | None
    state: str
    image_id: str | None = None
    drift: tuple[Json, ...] = ()
    message: str = ""
    family: str | None = None

    @property
    def title(self) -> str:
        """What people call it."""
        return f"{self.name!r}" + (f", version {self.version}" if self.version else "")


def entries(declared: t.Sequence[Json]) -> list[Entry]:
    """The entries of a catalogue out of the results of the module ``images``.

    :raises InvalidOption: if they are no such results.
    """
    return [
        dataclasses.replace(_entry(number, result), family=_family(result)) for number, result in enumerate(declared, 1)
    ]


def _family(result: Json) -> str | None:
    diff = result.get("diff") or {}
    pictures = (diff.get("after"), diff.get("before"), result.get("image"))
    families = (((picture or {}).get("properties") or {}).get(FAMILY) for picture in pictures)
    # A failure has no picture.
    return next(filter(None, families), None) or (result["name"] if result.get("version") else None)


def _entry(number: int, result: Json) -> Entry:
    name = result.get("name")
    if not isinstance(name, str):
        raise InvalidOption(
            f"declared: result {number} has no name; the results of the module images in check mode are wanted."
        )
    version = str(result["version"]) if result.get("version") else None
    diff = result.get("diff") or {}
    before, after = diff.get("before") or {}, diff.get("after") or {}
    image_id = before.get("id") or (result.get("image") or {}).get("id") or result.get("id")
    if result.get("failed"):
        if result.get("reason") == ContentMissing.reason and not image_id:
            # Nothing says what it is to be made from, and an audit makes nothing.
            return Entry(name, version, "missing", message=str(result.get("msg") or ""))
        return Entry(name, version, "failed", image_id, message=str(result.get("msg") or "no reason given"))
    if not result.get("changed"):
        return Entry(name, version, "same", image_id)
    if not diff:
        return Entry(name, version, "differs" if image_id else "missing", image_id, _by_actions(result))
    if not before:
        return Entry(name, version, "missing")
    if not after:
        return Entry(name, version, "unwanted", image_id, (_difference("state", "present", "absent"),))
    return Entry(name, version, "differs", image_id, tuple(drift(before, after)) or _by_actions(result))


def _by_actions(result: Json) -> tuple[Json, ...]:
    """Where no picture tells what differs, what would be done does."""
    actions = "; ".join(str(action) for action in result.get("actions") or ())
    return (_difference("actions", None, actions or "a change"),)


def drift(before: Json, after: Json) -> list[Json]:
    """Attributes and properties that differ between the pictures before and after of a plan."""
    found = []
    if before.get("id") != after.get("id"):
        found.append(_difference("content", _content(before), _content(after)))
    elif before.get("status") != after.get("status"):
        found.append(_difference("status", before.get("status"), after.get("status")))
    have, want = _flat(before), _flat(after)
    for key in sorted(have.keys() | want.keys()):
        if have.get(key) != want.get(key):
            found.append(_difference(key, have.get(key), want.get(key)))
    return found


def _difference(key: str, value: t.Any, declared: t.Any) -> Json:
    return {"key": key, "is": value, "declared": declared}


def _content(picture: Json) -> str:
    size = picture.get("size")
    digest = picture.get("os_hash_value")
    known = [f"{size} bytes"] if size is not None else []
    known += [f"{picture.get('os_hash_algo')} {digest[:12]}"] if digest else []
    return ", ".join(known) or "other content"


def _flat(picture: Json) -> Json:
    """Attributes and properties side by side, without what says which image it is and without book-keeping."""
    flat = {key: value for key, value in picture.items() if key not in _IDENTITY and key != "properties"}
    for key, value in (picture.get("properties") or {}).items():
        if not key.startswith(OWN_PREFIX) or key in _DECLARED_STAMPS:
            flat[f"properties.{key}"] = value
    return flat
