# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What is wrong with the entries of a catalogue, by themselves and beside each other, and which of them wait for others. Pure."""

from __future__ import annotations

import collections
import graphlib
import itertools
import math
import re
import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from . import _catalog_families, _checksum
from ._argspec import Spec, connection_spec, image_rules, image_spec, wait_spec
from ._catalog import OPTIONS, Entry, Problem, beside, kind_of, text_of
from ._desired import Desired, desired_image
from ._errors import CollectionError
from ._suggestions import names_by_alias, nearest
from ._version_order import version_key, version_rank
from ._versions import versioned_name

Key = t.Hashable
_TEMPLATE = re.compile(r"\{\{.*\}\}", re.DOTALL)
_REFERENCES = ("kernel", "ramdisk")
_NAMES = ("name", "family", "version")
#: Which option a sentence of Ansible's is about.
_ABOUT = re.compile(r"argument '([^']+)'|alue of (\w+)|for option '([^']+)'|(?:exclusive|arguments): (\w+)")


def examined(
    entries: t.Sequence[Entry], spec: Spec | None = None, rules: dict[str, t.Any] | None = None
) -> tuple[list[dict[str, t.Any]], list[Problem]]:
    """Everything at once: the options of each entry as a module has them, and all problems, entry by entry."""
    params, wrong = validated(entries, spec, rules)
    return params, in_order(check(entries, spec) + wrong, entries)


def in_order(problems: t.Iterable[Problem], entries: t.Sequence[Entry]) -> list[Problem]:
    """Problems entry by entry; those that are of none come first."""
    places = {entry.place: index for index, entry in enumerate(entries)}
    return sorted(problems, key=lambda problem: places.get(problem.place, -1))


def desired_of(entry: Entry, params: dict[str, t.Any]) -> Desired | Problem:
    """What an entry declares, or what the module ``image`` would refuse of it without asking anybody.

    :param params: its options, ``wait`` among them, as a module has them.
    """
    try:
        if params["checksum"]:
            _checksum.parse(params["checksum"])
        return desired_image(params)
    except CollectionError as problem:
        key = problem.message.partition(":")[0]
        return entry.problem(key if key in params else "", problem.message.rstrip("."))


def check(entries: t.Sequence[Entry], spec: Spec | None = None) -> list[Problem]:
    """Keys that are none, entries that cannot be told apart, and images that need each other to boot.

    :param spec: the options that an entry may have, those of the module ``image`` if not given.
    """
    spec = spec or image_spec()
    names, outside = names_by_alias(spec), names_by_alias(connection_spec() | wait_spec())
    # What is wrong with defaults is found with each entry, and told once.
    problems = list(dict.fromkeys(each for entry in entries for each in _own_problems(entry, spec, names, outside)))
    return problems + _duplicates(entries) + _catalog_families.check(entries) + _cycles(entries) + _in_vain(entries)


def validated(
    entries: t.Sequence[Entry], spec: Spec | None = None, rules: dict[str, t.Any] | None = None
) -> tuple[list[dict[str, t.Any]], list[Problem]]:
    """The options of each entry as Ansible hands them to a module, with types, defaults and names set right.

    :param spec: the options that an entry may have, those of the module ``image`` if not given.
    :param rules: rules between them, those of the module ``image`` if not given.
    :return: one dictionary for each entry, and types, choices and combinations that are wrong.
    """
    spec = spec or image_spec()
    names = names_by_alias(spec)
    validator = ArgumentSpecValidator(spec, **(image_rules() if rules is None else rules))
    params, problems = [], []
    for entry in entries:
        # What is null is not given: an entry can take a default away.
        options = {key: value for key, value in entry.options.items() if not _is_endless(value)}
        given = {key: value for key, value in options.items() if value is not None and key in names}
        result = validator.validate(given)
        params.append(result.validated_parameters)
        problems += [
            _ansibles_problem(entry, message, names, spec) for message in result.error_messages if _is_news(message)
        ]
        problems += [
            entry.problem(each["option"], f"says {each['option']} twice, the second time as {each['alias']}")
            for each in result._warnings
        ]
    return params, problems


def dependencies(entries: t.Sequence[Entry]) -> list[set[int]]:
    """For each entry, the indices of those that must be done first.

    Versions of a family go one after the other, the newest first, so that the name passes on once; one that is promoted
    whatever its age goes last. So do entries of the same name. An entry waits for those that it names as kernel or ramdisk.

    :raises graphlib.CycleError: never, if :func:`check` found nothing wrong.
    """
    waits: list[set[int]] = [set() for entry in entries]
    groups: dict[Key, list[int]] = collections.defaultdict(list)
    for index, entry in enumerate(entries):
        groups[entry.owner, entry.family or entry.name].append(index)
    for group in groups.values():
        group.sort(key=lambda index: version_key(entries[index].version), reverse=True)
        group.sort(key=lambda index: _catalog_families.says(entries[index], "promote") is True)
        for earlier, later in itertools.pairwise(group):
            waits[later].add(earlier)
    for index, targets in enumerate(_references(entries)):
        waits[index] |= targets
    return waits


def _own_problems(entry: Entry, spec: Spec, names: dict[str, str], outside: dict[str, str]) -> t.Iterator[Problem]:
    for key, value in entry.options.items():
        if key in outside and key not in names:
            wrong = f"the option {key!r} belongs beside images, not in an entry or its defaults"
            yield entry.problem_of_key(key, wrong)
        elif not isinstance(key, str) or key not in names:
            yield entry.problem_of_key(key, f"there is no option {key!r}{nearest(key, names)}")
        elif spec[names[key]].get("type", "str") == "str" and isinstance(value, (bool, list, dict)):
            quotes = "; put it in quotes" if isinstance(value, bool) else ""
            yield entry.problem(key, f"{key} is a {kind_of(value)}, not a text{quotes}")
        elif key in _NAMES and isinstance(value, float):
            wrong = (
                f"the {key} {value} is a number with a point, of which YAML drops zeros at the end; put it in quotes"
            )
            yield entry.problem(key, wrong)
        elif _is_endless(value):
            yield entry.problem_of_key(key, f"{key} is {value}, which is no number that anything can be set to")
        elif _is_of_file(entry, key) and isinstance(value, str) and _TEMPLATE.search(value):
            yield entry.problem_of_key(key, f"{key} is a template, {value!r}; catalogue files are read as they are")
    if entry.options.get("name") is None or entry.options["name"] == "":
        yield entry.problem("name", "has no name")


def _is_of_file(entry: Entry, key: str) -> bool:
    return entry.inherited.get(key, entry.origin) not in OPTIONS


def _is_endless(value: t.Any) -> bool:
    """Whether it is one of YAML's numbers that are none: .inf and .nan."""
    return isinstance(value, float) and not math.isfinite(value)


def _is_news(message: str) -> bool:
    """Whether a sentence of Ansible's is about something that :func:`check` does not look at."""
    return message != "missing required arguments: name"


def _ansibles_problem(entry: Entry, message: str, names: dict[str, str], spec: Spec) -> Problem:
    about = _ABOUT.search(message)
    key = next((group for group in about.groups() if group), "") if about else ""
    value, option = entry.options.get(key), spec.get(names.get(key, ""), {})
    if message.startswith("value of") and isinstance(value, str):
        message += nearest(value, option.get("choices", ()))
    return entry.problem(key, message.rstrip("."))


def _duplicates(entries: t.Sequence[Entry]) -> list[Problem]:
    """Entries that mean the same image: by id, by name, or by family and version."""
    problems = []
    first: dict[Key, Entry] = {}
    for entry in entries:
        for key, option, what in _identities(entry):
            other = first.setdefault(key, entry)
            if other is not entry and not _distinct_by_id(entry, other):
                problems.append(entry.problem(option, f"{what} is that of {beside(entry, other)}, too"))
    return problems


def _identities(entry: Entry) -> t.Iterator[tuple[Key, str, str]]:
    image_id = text_of(entry.options.get("id")).lower()
    if image_id:
        yield ("id", image_id), "id", f"the id {image_id!r}"
    if entry.version:
        key = ("version", entry.owner, entry.family, version_rank(entry.version))
        yield key, "version", f"version {entry.version!r} of {entry.family!r}"
    elif entry.name:
        yield ("name", entry.owner, entry.name), "name", f"the name {entry.name!r}"


def _distinct_by_id(one: Entry, other: Entry) -> bool:
    """Whether ids tell two entries apart that have one name."""
    ids = [text_of(each.options.get("id")).lower() for each in (one, other)]
    return bool(all(ids) and ids[0] != ids[1] and not one.version)


def _cycles(entries: t.Sequence[Entry]) -> list[Problem]:
    """Images that are, in the end, their own kernel or ramdisk."""
    groups = [(entry.owner, entry.family or entry.name) for entry in entries]
    graph: dict[Key, dict[Key, None]] = {}
    member: dict[Key, Entry] = {}
    for index, targets in enumerate(_references(entries)):
        member.setdefault(groups[index], entries[index])
        if targets:
            member[groups[index]] = entries[index]
            graph.setdefault(groups[index], {}).update(dict.fromkeys(groups[target] for target in sorted(targets)))
    problems = []
    while cycle := _cycle(graph):
        for group in cycle:
            graph.pop(group, None)
        entry = member[cycle[0]]
        key = next(option for option in _REFERENCES if entry.options.get(option))
        named = " -> ".join(member[group].name for group in cycle)
        problems.append(entry.problem(key, f"kernel and ramdisk go round in a circle: {named}"))
    return problems


def _cycle(graph: dict[Key, dict[Key, None]]) -> list[Key]:
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as problem:
        # The sorter names what has to come first first; an image is named before its kernel here.
        return list(reversed(problem.args[1]))
    return []


def _in_vain(entries: t.Sequence[Entry]) -> list[Problem]:
    """Images that name as kernel or ramdisk what is declared to be no active image."""
    problems = []
    by_name = _by_name(entries)
    for entry in entries:
        for option, name in _named(entry):
            meant = [entries[index] for index in _meant(entries, by_name, name)]
            # The name of a family may pass to another version
            gone = [each for each in meant if _state(each) != "present" and (not each.version or name != each.name)]
            if gone and gone == meant:
                wrong = f"{option} is {beside(entry, gone[0])}, which is declared {_state(gone[0])}"
                problems.append(entry.problem(option, wrong))
    return problems


def _references(entries: t.Sequence[Entry]) -> list[set[int]]:
    """For each entry, the entries that it names as kernel or ramdisk."""
    by_name = _by_name(entries)
    return [{index for _option, name in _named(entry) for index in _meant(entries, by_name, name)} for entry in entries]


def _by_name(entries: t.Sequence[Entry]) -> dict[str, list[int]]:
    """Indices of entries by all that others may call them."""
    by_name: dict[str, list[int]] = collections.defaultdict(list)
    for index, entry in enumerate(entries):
        versioned = versioned_name(entry.name, entry.version) if entry.version else ""
        for name in {entry.name, versioned, text_of(entry.options.get("id")).lower()} - {""}:
            by_name[name].append(index)
    return by_name


def _meant(entries: t.Sequence[Entry], by_name: dict[str, list[int]], name: str) -> list[int]:
    """The entries that a name or id means: those of the own project rather than of others."""
    named = by_name.get(name) or by_name.get(name.lower(), [])
    return [index for index in named if entries[index].owner == ("", "")] or named


def _named(entry: Entry) -> list[tuple[str, str]]:
    """Options with which an entry names others, and what they say."""
    if _state(entry) == "absent":
        return []
    return [(option, name) for option in _REFERENCES if (name := text_of(entry.options.get(option)))]


def _state(entry: Entry) -> str:
    return text_of(entry.options.get("state")) or "present"
