# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What an audit is made from, and what a finding is. Pure."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import functools
import typing as t

from ._audit_drift import Entry
from ._audit_kinds import KINDS
from ._observed import INCOMING_FOR, SUPERSEDED_AT, Image
from ._versions import family_of

Json = dict[str, t.Any]
#: Memberships by the id of a shared image, as Glance lists them: one that stands there twice as well (see
#: :meth:`._glance.Glance.add_member`). None for an image about which only others may ask.
Members = t.Mapping[str, "t.Sequence[Json] | None"]


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that somebody ought to look at.

    :param images: ids.
    :param text: a sentence for people.
    :param own_advice: what to do about it, where that of its kind would be wrong.
    """

    code: str
    text: str
    images: tuple[str, ...] = ()
    own_advice: str = ""

    @property
    def severity(self) -> str:
        return KINDS[self.code].severity

    def shown(self) -> Json:
        """As a result has it."""
        return {
            "code": self.code,
            "severity": self.severity,
            "images": list(self.images),
            "text": self.text,
            "advice": self.own_advice or KINDS[self.code].advice,
        }


@dataclasses.dataclass(frozen=True)
class Facts:
    """All that an audit is made from.

    :param entries: what is declared; None without a catalogue.
    :param project: the project whose catalogue it is.
    :param stuck_after: how long an image may be on its way.
    :param members: None if nobody has asked for them.
    :param project_names: names by id, as far as they are known.
    :param seen_whole: projects of which these credentials see every image; None for all.
    """

    images: tuple[Image, ...]
    now: datetime.datetime
    stuck_after: datetime.timedelta
    entries: tuple[Entry, ...] | None = None
    project: str | None = None
    members: Members | None = None
    project_names: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    seen_whole: t.Collection[str | None] | None = None

    @functools.cached_property
    def by_id(self) -> dict[str, Image]:
        return {image.id: image for image in self.images}

    @functools.cached_property
    def _drift(self) -> dict[str, list[Json]]:
        drift: dict[str, list[Json]] = collections.defaultdict(list)
        for entry in self.entries or ():
            if entry.image_id:
                drift[entry.image_id] += entry.drift
        return dict(drift)

    @functools.cached_property
    def _declared_ids(self) -> frozenset[str]:
        return frozenset(entry.image_id for entry in self.entries or () if entry.image_id)

    @functools.cached_property
    def _declared_names(self) -> frozenset[str]:
        """Names of entries that failed, so that nobody knows which image they mean."""
        failed = (entry for entry in self.entries or () if entry.state == "failed" or entry.message)
        return frozenset(entry.name for entry in failed if not entry.image_id)

    @functools.cached_property
    def _declared_families(self) -> frozenset[str]:
        return frozenset(entry.family for entry in self.entries or () if entry.family)

    @functools.cached_property
    def _declared_owners(self) -> frozenset[str | None]:
        """Projects that the catalogue speaks of: what others have in their own need not be declared in it."""
        known = (self.by_id[image_id].owner for image_id in self._declared_ids if image_id in self.by_id)
        return frozenset({self.project, *known})

    def drift_of(self, image_id: str) -> list[Json]:
        return self._drift.get(image_id, [])

    def is_superseded(self, image: Image) -> bool:
        """Whether another image has taken its place."""
        return image.retired or bool(image.stamp(SUPERSEDED_AT))

    def is_declared(self, image: Image) -> bool | None:
        """Whether the catalogue names it; None where that says nothing.

        That is without a catalogue, and for what another project has, predecessors, and further versions of a declared family.
        """
        if self.entries is None:
            return None
        if image.id in self._declared_ids or image.name in self._declared_names:
            return True
        kept = self.is_superseded(image) or image.stamp(INCOMING_FOR) or family_of(image) in self._declared_families
        return None if kept or image.owner not in self._declared_owners else False

    def since(self, image: Image) -> datetime.datetime | None:
        """When it was last changed."""
        try:
            return datetime.datetime.fromisoformat(image.raw.get("updated_at") or image.created_at)
        except ValueError:
            return None

    def is_old(self, image: Image) -> bool:
        """Whether it has not changed for longer than an image may be on its way."""
        since = self.since(image)
        return since is not None and self.now - since > self.stuck_after

    def project_title(self, project: str) -> str:
        """A project as sentences name it."""
        name = self.project_names.get(project)
        return f"{name!r} ({project})" if name else project


def label(image: Image) -> str:
    """An image as sentences name it."""
    return f"{image.name!r} ({image.id})" if image.name else image.id
