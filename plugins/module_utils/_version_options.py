# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The options that make an image a version of a family. Pure."""

from __future__ import annotations

import datetime
import typing as t

from ._errors import InvalidOption
from ._observed import END_OF_LIFE, EXCLUDED, FAMILY, VERSION
from ._texts import require_text

_FAMILY_LIMIT = 255
#: Leaves room for the name beside it.
_VERSION_LIMIT = 128


def declared_version(params: dict[str, t.Any]) -> dict[str, t.Any]:
    """Family, version, promotion and the properties that tell of them, as fields of a declaration.

    :raises InvalidOption: if Glance cannot hold a value, or options contradict each other.
    """
    version, family = params["version"], params["family"]
    _require_version(params)
    stamps: dict[str, str | None] = {}
    if version is not None:
        family = params["name"] if family is None else family
        stamps |= {
            FAMILY: _text("family", family, _FAMILY_LIMIT),
            VERSION: _text("version", version, _VERSION_LIMIT),
        }
    if params["exclude_from_latest"] is not None or params["promote"]:
        stamps[EXCLUDED] = "true" if params["exclude_from_latest"] else None
    if params["end_of_life"] is not None:
        stamps[END_OF_LIFE] = _date(params["end_of_life"])
    return {"family": family, "version": version, "promote": params["promote"], "stamps": stamps}


def _require_version(params: dict[str, t.Any]) -> None:
    """Refuse what only a version can be asked for, and a promotion of what must not have the name."""
    given = {"family": params["family"], "promote": params["promote"], "retire": params["retire"] == "keep" or None}
    if params["version"] is None:
        for option, value in given.items():
            if value is not None:
                what = "the choice keep is" if option == "retire" else "is"
                raise InvalidOption(f"{option}: {what} about versions of a family, so the option version is needed.")
    if params["promote"] and params["exclude_from_latest"]:
        raise InvalidOption("promote: a version that is excluded from latest cannot have the name of its family.")
    if params["promote"] and params["state"] != "present":
        raise InvalidOption(f"promote: a version that is to be {params['state']} cannot have the name of its family.")


def _text(option: str, value: str, limit: int) -> str:
    if not value.strip():
        raise InvalidOption(f"{option}: cannot be empty.")
    if value != value.strip():
        raise InvalidOption(f"{option}: {value!r} begins or ends with white space.")
    require_text(option, value, limit)
    return value


def _date(value: str) -> str | None:
    if not value:
        return None
    try:
        return datetime.date.fromisoformat(value).isoformat()
    except ValueError as problem:
        raise InvalidOption(f"end_of_life: {value!r} is no date; write 2027-06-30, for instance.") from problem
