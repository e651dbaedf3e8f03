# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What the module ``image_catalog_info`` tells of a catalogue: what is wrong with it, its entries, and their sources. Speaks to no cloud."""

from __future__ import annotations

import os
import typing as t

from ansible.module_utils.basic import AnsibleModule

from . import _catalog, _catalog_check, _catalog_sources, _metadata_standard, _secrets
from ._argspec import Spec, catalog_spec, image_rules, image_spec, publish_spec, wait_spec
from ._catalog import Entry, Problem
from ._desired import desired_properties
from ._errors import CollectionError
from ._hardware import HYPERVISORS, hypervisor_of


class Verdict(t.NamedTuple):
    """What was found out about a catalogue."""

    entries: list[Entry]
    problems: list[Problem]
    recommendations: list[Problem]
    #: The options of each entry as a module has them.
    params: list[dict[str, t.Any]]


def info_spec() -> Spec:
    """The options of the module."""
    return {
        **catalog_spec(),
        "hypervisor_type": {"type": "str", "choices": list(HYPERVISORS)},
        "sources": {"type": "bool", "default": False},
        "standard": {"type": "str", "default": "scs", "choices": list(_metadata_standard.STANDARDS)},
    }


def entry_spec() -> Spec:
    """What an entry may hold: the options of the module ``image``, and those of an entry for the role ``publish``."""
    return image_spec() | publish_spec()


def answer(module: AnsibleModule) -> dict[str, t.Any]:
    """What the module ``image_catalog_info`` returns."""
    params = module.params
    verdict = judged(
        params["images"], params["defaults"], params["files"], params["standard"], params["hypervisor_type"]
    )
    for entry in verdict.entries:
        _secrets.conceal(module, _secrets.secrets_in(entry.options))
    return {
        "valid": not verdict.problems,
        "problems": [_described(problem) for problem in verdict.problems],
        "recommendations": [_described(problem) for problem in verdict.recommendations],
        "images": [_secrets.shown(entry.options) for entry in verdict.entries],
        "files": [_catalog.file_path(file) for file in params["files"] or ()],
        "folder": os.getcwd(),
    } | ({"sources": _catalog_sources.look(verdict.params)} if params["sources"] else {})


def judged(
    images: list[t.Any] | None,
    defaults: dict[str, t.Any] | None,
    files: list[str] | None,
    standard: str,
    hypervisor: str | None,
) -> Verdict:
    """Everything that can be said about a catalogue."""
    entries, unreadable = _catalog.read(images, defaults, files)
    params, problems = _catalog_check.examined(entries, entry_spec(), _rules())
    faulty = {problem.place for problem in problems}
    for entry, options in zip(entries, params, strict=True):
        if entry.place not in faulty:
            problems += _contradictions(entry, options)
    recommendations: list[Problem] = []
    public = []
    for entry in entries:
        if entry.options.get("state") == "absent":
            continue
        properties = _properties(entry)
        on, check = hypervisor or hypervisor_of(properties), _catalog.text_of(entry.options.get("check_properties"))
        for remark in _metadata_standard.remarks(properties, entry.options, on, standard, check):
            (problems if remark.wrong else recommendations).append(entry.problem(remark.key, remark.message))
        problems += _lossy(entry)
        if _is_public(entry):
            public.append((entry, properties))
    problems += _twins(public) if standard == "scs" else []
    return Verdict(entries, unreadable + _catalog_check.in_order(problems, entries), recommendations, params)


def _rules() -> dict[str, t.Any]:
    exclusive = [("src", *group) if "uri" in group else group for group in image_rules()["mutually_exclusive"]]
    return image_rules() | {"mutually_exclusive": exclusive}


def _contradictions(entry: Entry, params: dict[str, t.Any]) -> t.Iterator[Problem]:
    """What the module ``image`` or the role ``publish`` would refuse without asking anybody."""
    waiting = {name: option.get("default") for name, option in wait_spec().items()}
    desired = _catalog_check.desired_of(entry, params | waiting)
    if isinstance(desired, Problem):
        yield desired
    # Defaults may say such a thing for others: it does no harm where there is nothing to fetch or convert.
    unused = sorted(publish_spec()) if params["src"] is None and (params["filename"] or params["uri"]) else ()
    for key in unused:
        if params[key] is not None:
            yield entry.problem(key, f"{key} is for the role publish, and needs src")
    if (params["src"] or "").startswith(("http://", "https://")) and not params["checksum"]:
        yield entry.problem("checksum", "src is an address, and checksum is missing")


def _properties(entry: Entry) -> dict[str, str]:
    """The properties that Glance will hold; those that it cannot hold are left out here."""
    held: dict[str, str | None] = {}
    properties = entry.options.get("properties")
    for key, value in (properties if isinstance(properties, dict) else {}).items():
        try:
            held |= desired_properties({key: value})
        except CollectionError:
            continue
    return {key: value for key, value in held.items() if value is not None}


def _lossy(entry: Entry) -> t.Iterator[Problem]:
    properties = entry.options.get("properties")
    version = properties.get("os_version") if isinstance(properties, dict) else None
    if isinstance(version, float):
        yield entry.problem(
            "os_version",
            f"the property os_version is the number {version}, of which YAML drops zeros at the end; put it in quotes",
        )


def _is_public(entry: Entry) -> bool:
    """Whether users will see the image; of a family they see one version, and the rest are hidden."""
    options = entry.options
    hidden = any(options.get(name) for name in ("is_hidden", "hidden", "os_hidden"))
    return (options.get("visibility") == "public" or options.get("is_public") is True) and not hidden


def _twins(public: list[tuple[Entry, dict[str, str]]]) -> t.Iterator[Problem]:
    images: dict[t.Hashable, dict[str, str]] = {}
    first: dict[t.Hashable, Entry] = {}
    for entry, properties in public:
        image = (entry.owner, entry.family or entry.place)
        images.setdefault(image, properties)
        first.setdefault(image, entry)
    for key, group in _metadata_standard.twins(images.items()):
        one, *others = (first[image] for image in group)
        for other in others:
            named = ", ".join(key)
            yield other.problem(
                "os_purpose",
                f"is public and generic for {named}, as {_catalog.beside(other, one)} is; one image may be",
            )


def _described(problem: Problem) -> dict[str, t.Any]:
    return {
        "file": None if problem.origin in _catalog.OPTIONS else problem.origin,
        "entry": problem.number,
        "name": problem.name,
        "key": problem.key or None,
        "message": problem.sentence,
    }
