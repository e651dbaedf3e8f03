# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""A rule of retention: which images it is about, what it keeps, and the stages for the rest. Pure."""

from __future__ import annotations

import dataclasses
import datetime
import fnmatch
import itertools
import re
import typing as t

from ._desired import desired_properties, require_name
from ._errors import InvalidOption
from ._observed import CATALOG, FAMILY, GONE, Image

#: The stages in the order in which an image goes through them.
STAGES = ("hide", "deactivate", "delete")
#: Options that say which images a rule is about; one of them is needed.
SELECTING = ("family", "name", "name_pattern", "tags", "properties", "catalog")

_UNITS = {
    "h": datetime.timedelta(hours=1),
    "d": datetime.timedelta(days=1),
    "w": datetime.timedelta(weeks=1),
    "mo": datetime.timedelta(days=30),
    "y": datetime.timedelta(days=365),
}
_DURATION = re.compile(rf"([0-9]+) ?({'|'.join(_UNITS)})")
#: Parameters of GET /v2/images that a property of the same name would be taken for.
_PARAMETERS = frozenset(
    "limit marker sort sort_key sort_dir tag member_status size_min size_max changes-since is_public deleted".split()
)


@dataclasses.dataclass(frozen=True)
class Duration:
    """A length of time, with the text that the user wrote."""

    text: str
    length: datetime.timedelta

    @classmethod
    def read(cls, text: str, option: str) -> Duration:
        """Out of ``12h``, ``30d``, ``8w``, ``6mo`` or ``1y``; ``0`` needs no unit.

        :raises InvalidOption: if it is none of these.
        """
        plain = text.strip()
        parts = _DURATION.fullmatch("0h" if plain == "0" else plain)
        if not parts:
            raise InvalidOption(f"{option}: {text!r} is no duration; write 12h, 30d, 8w, 6mo or 1y.")
        try:
            return cls(plain, int(parts[1]) * _UNITS[parts[2]])
        except (OverflowError, ValueError):
            raise InvalidOption(f"{option}: {text[:40]!r} is too long.") from None


@dataclasses.dataclass(frozen=True)
class Selection:
    """Which images a rule is about: those for which all of it holds.

    :param owner: id of the project.
    """

    owner: str
    family: str | None = None
    name: str | None = None
    name_pattern: str | None = None
    tags: tuple[str, ...] = ()
    properties: tuple[tuple[str, str], ...] = ()
    catalog: str | None = None

    def query(self) -> dict[str, t.Any]:
        """As far as Glance can filter: parameters of GET /v2/images. Community images are left out unless asked for."""
        stamps = {FAMILY: self.family, CATALOG: self.catalog, "name": f"eq:{self.name}" if self.name else None}
        query: dict[str, t.Any] = {key: value for key, value in stamps.items() if value}
        query |= {key: value for key, value in self.properties if key not in _PARAMETERS}
        query |= {"tag": list(self.tags)} if self.tags else {}
        return query | {"owner": self.owner, "visibility": "all"}

    def __str__(self) -> str:
        given = ((option, getattr(self, option)) for option in SELECTING)
        texts = ((option, dict(value) if option == "properties" else value) for option, value in given if value)
        return ", ".join(
            f"{option} {', '.join(map(repr, value)) if isinstance(value, tuple) else repr(value)}"
            for option, value in texts
        )

    def matches(self, image: Image) -> bool:
        """Whether an image is meant. The answers of Glance are looked at again: databases may ignore case."""
        return (
            image.status not in GONE
            and image.owner == self.owner
            and self.name in (None, image.name)
            and (self.name_pattern is None or fnmatch.fnmatchcase(image.name or "", self.name_pattern))
            and self.family in (None, image.stamp(FAMILY))
            and self.catalog in (None, image.stamp(CATALOG))
            and image.tags.issuperset(self.tags)
            and all(image.custom.get(key) == value for key, value in self.properties)
        )


@dataclasses.dataclass(frozen=True)
class Rule:
    """What becomes of the selected images.

    :param stages: the given stages, in the order of :data:`STAGES`.
    :param by_creation: whether the stages count from the creation of an image, not from the time at which it was superseded.
    """

    stages: tuple[tuple[str, Duration], ...]
    keep_last: int = 0
    keep_within: Duration | None = None
    by_creation: bool = False
    include_shared: bool = False
    include_snapshots: bool = False
    require_unused: bool = False
    allow_delete_all: bool = False


def read_rule(params: dict[str, t.Any]) -> Rule:
    """The rule out of the options of the module.

    :raises InvalidOption: if an option is wrong, or the stages are not in order.
    """
    given = ((stage, params[f"{stage}_after"]) for stage in STAGES)
    stages = tuple((stage, Duration.read(text, f"{stage}_after")) for stage, text in given if text is not None)
    if not stages:
        raise InvalidOption("hide_after, deactivate_after or delete_after: at least one of them is needed.")
    for (earlier, shorter), (later, longer) in itertools.pairwise(stages):
        if shorter.length > longer.length:
            raise InvalidOption(
                f"{later}_after: {longer.text} is less than {earlier}_after, {shorter.text}; an image is hidden first, then "
                "deactivated, then deleted."
            )
    keep_last, within = params["keep_last"] or 0, params["keep_within"]
    if keep_last < 0:
        raise InvalidOption(f"keep_last: {keep_last} is not a number of images.")
    return Rule(
        stages=stages,
        keep_last=keep_last,
        keep_within=Duration.read(within, "keep_within") if within is not None else None,
        by_creation=params["age_of"] == "created",
        **{key: params[key] for key in ("include_shared", "include_snapshots", "require_unused", "allow_delete_all")},
    )


def require_selection(params: dict[str, t.Any]) -> None:
    """Refuse a rule that does not say which images it is about.

    :raises InvalidOption: if no option does, or one is empty.
    """
    given = [option for option in SELECTING if params[option] is not None]
    if not given:
        raise InvalidOption(
            f"{', '.join(SELECTING[:-1])} or {SELECTING[-1]}: one of them has to say which images are meant; "
            'name_pattern: "*" means all of the project.'
        )
    for option in given:
        if not params[option] or (option == "tags" and not all(params[option])):
            raise InvalidOption(f"{option}: is empty; leave it out if it is not meant.")
    if params["name"] is not None:
        require_name(params["name"])


def read_selection(params: dict[str, t.Any], owner: str) -> Selection:
    """The selection out of the options of the module.

    :param owner: id of the project.
    :raises InvalidOption: if a property cannot be compared.
    """
    properties = desired_properties(params["properties"] or {})
    for key, value in properties.items():
        if value is None:
            raise InvalidOption(f"properties: {key!r} has no value to compare with.")
    return Selection(
        owner=owner,
        tags=tuple(params["tags"] or ()),
        properties=tuple(t.cast("dict[str, str]", properties).items()),
        **{option: params[option] for option in ("family", "name", "name_pattern", "catalog")},
    )
