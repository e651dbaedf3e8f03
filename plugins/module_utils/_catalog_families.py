# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What is wrong with the versions of the families in a catalogue beside each other. Pure, but for the date."""

from __future__ import annotations

import datetime
import typing as t

from ansible.module_utils.parsing.convert_bool import boolean

from ._catalog import Entry, Problem, beside, text_of
from ._version_order import version_key
from ._versions import is_over, versioned_name

Key = t.Hashable


def check(entries: t.Sequence[Entry]) -> list[Problem]:
    """Families and names that are taken twice, and versions that would take the name of their family from each other."""
    return _names(entries) + _promotions(entries)


def says(entry: Entry, option: str) -> bool | None:
    """A truth value as Ansible reads it; None if it is not given, or is none."""
    try:
        return boolean(entry.options.get(option))
    except TypeError:
        return None


def _names(entries: t.Sequence[Entry]) -> list[Problem]:
    """A family has one name, and the names of its versions are for them only."""
    problems = []
    families: dict[Key, Entry] = {}
    names: dict[Key, Entry] = {}
    called: dict[Key, Entry] = {}
    for entry in (each for each in entries if each.version and each.name):
        called.setdefault((entry.owner, versioned_name(entry.name, entry.version)), entry)
        other = families.setdefault((entry.owner, entry.family), entry)
        if other.name != entry.name:
            wrong = f"versions of {entry.family!r} have one name, and {beside(entry, other)} calls it {other.name!r}"
            problems.append(entry.problem("name", wrong))
        rival = names.setdefault((entry.owner, entry.name), entry)
        if rival.family != entry.family:
            wrong = f"the name {entry.name!r} is that of the family {rival.family!r} in {beside(entry, rival)}"
            problems.append(entry.problem("family", wrong))
    return problems + [
        problem for entry in entries if not entry.version for problem in _names_of_versions(entry, names, called)
    ]


def _names_of_versions(entry: Entry, names: dict[Key, Entry], called: dict[Key, Entry]) -> t.Iterator[Problem]:
    """What an entry without a version must not be called."""
    key = (entry.owner, entry.name)
    if key in names:
        other = beside(entry, names[key])
        yield entry.problem("version", f"has the name of {other}, which has a version; give this one a version, too")
    if key in called:
        other = beside(entry, called[key])
        yield entry.problem("name", f"the name {entry.name!r} is what {other} is called once it is not the newest")


def _promotions(entries: t.Sequence[Entry]) -> list[Problem]:
    """Versions of a family that would take its name from each other with every run."""
    problems = []
    promoted: dict[Key, Entry] = {}
    present = [each for each in entries if each.version and each.options.get("state", "present") in ("present", None)]
    for entry in (each for each in present if says(each, "promote")):
        other = promoted.setdefault((entry.owner, entry.family), entry)
        if version_key(other.version) != version_key(entry.version):
            wrong = (
                f"only one version of the family {entry.family!r} can be promoted, and {beside(entry, other)} is, too"
            )
            problems.append(entry.problem("promote", wrong))
    for entry in (each for each in present if says(each, "exclude_from_latest") is False and not _has_ended(each)):
        older = promoted.get((entry.owner, entry.family))
        if older and version_key(older.version) < version_key(entry.version) and not says(entry, "promote"):
            wrong = (
                f"exclude_from_latest is false, and {beside(entry, older)} is promoted, which excludes newer versions"
            )
            problems.append(entry.problem("exclude_from_latest", f"{wrong} of the family {entry.family!r}"))
    leaders = {(each.owner, each.family) for each in present if says(each, "promote") is not False} - promoted.keys()
    for entry in (each for each in present if says(each, "promote") is False and (each.owner, each.family) in leaders):
        if says(entry, "exclude_from_latest") is False and not _has_ended(entry):
            wrong = "promote is false, but with exclude_from_latest: false other versions would give it the name"
            problems.append(entry.problem("promote", f"{wrong} of the family {entry.family!r}"))
    return problems


def _has_ended(entry: Entry) -> bool:
    """Whether it says that its life is over; then nobody has to exclude it."""
    return is_over(text_of(entry.options.get("end_of_life")), datetime.datetime.now(datetime.UTC))
