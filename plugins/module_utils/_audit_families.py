# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Whether the name of each family is with its newest good version. Pure."""

from __future__ import annotations

import collections
import typing as t

from ._audit_facts import Facts, Finding, label
from ._observed import GONE, INCOMING_FOR, SUPERSEDED_AT, Image
from ._versions import family_of, newest_good, version_of


def has_own_name(image: Image) -> bool:
    """Whether a version is called after its version, and so is not the one that its family's name means."""
    version = version_of(image)
    return bool(version) and (image.name or "").endswith(f" ({version})")


def name_of_each_family(facts: Facts) -> t.Iterator[Finding]:
    """Families whose name another image has than the newest good version, or none; those without a good version are well."""
    families, named = _families(facts), _by_name(facts)
    for (owner, family), versions in families.items():
        newest = newest_good(versions, family, facts.now)
        holders = [image for image in named[owner, family] if _holds_name(image)]
        if newest is None or newest in holders:
            continue
        about = f"the newest good version of {family!r} is {label(newest)}, version {version_of(newest)}"
        if holders:
            other = holders[0]
            what = f"version {version_of(other)}" if other in versions else "which is none of its versions"
            text = f"{label(other)}, {what}, has the name of its family, and {about}."
            yield Finding("not_newest", text, (newest.id, other.id))
        elif facts.seen_whole is None or owner in facts.seen_whole:
            yield Finding("no_holder", f"No visible image has the name of a family: {about}.", (newest.id,))


def _families(facts: Facts) -> dict[tuple[str | None, str], list[Image]]:
    """The versions of each family of each project."""
    families: dict[tuple[str | None, str], list[Image]] = collections.defaultdict(list)
    for image in facts.images:
        if family := family_of(image):
            families[image.owner, family].append(image)
    return families


def _by_name(facts: Facts) -> dict[tuple[str | None, str | None], list[Image]]:
    named: dict[tuple[str | None, str | None], list[Image]] = collections.defaultdict(list)
    for image in facts.images:
        named[image.owner, image.name].append(image)
    return named


def _holds_name(image: Image) -> bool:
    """Whether somebody who asks for its name is to get it. One that its owner has hidden is still the one that is meant."""
    given_up = image.hidden and (image.retired or bool(image.stamp(SUPERSEDED_AT)))
    return not (given_up or image.status in GONE or image.stamp(INCOMING_FOR))
