# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""A catalogue: entries out of the option ``images`` and out of catalogue files, each with the defaults under it.

What an entry says wins over the defaults of its file, and those win over the option ``defaults``. Dictionaries such as
``properties`` are merged key by key. What is wrong with a catalogue is a :class:`Problem`; ``_catalog_check.py`` finds more.
"""

from __future__ import annotations

import dataclasses
import os
import typing as t

from . import _catalog_file
from ._argspec import image_spec
from ._errors import CatalogProblem
from ._harmless import harmless
from ._suggestions import names_by_alias, nearest

#: Where entries of the option come from, and their defaults.
OPTIONS = OPTION, DEFAULTS, FILES = "images", "defaults", "files"
_FILE_KEYS = (OPTION, DEFAULTS)


@dataclasses.dataclass(frozen=True)
class Entry:
    """One declared image."""

    #: The file that it stands in, or ``images`` for the option.
    origin: str
    #: Its place there, counted from one.
    number: int
    #: Its options as the user wrote them, with the defaults under them.
    options: dict[str, t.Any]
    #: Where those stand that are of defaults alone: the file, or ``defaults`` for the option.
    inherited: t.Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def place(self) -> str:
        """Where it stands, for instance ``/srv/catalog/debian.yml: entry 3``."""
        return f"{self.origin}: entry {self.number}"

    @property
    def name(self) -> str:
        """Its name, empty if there is none."""
        return text_of(self.options.get("name"))

    @property
    def version(self) -> str:
        """The version of its family, empty if it has none."""
        return text_of(self.options.get("version"))

    @property
    def family(self) -> str:
        """The family that it is a version of: its name, unless it says otherwise; empty if it is no version."""
        return (text_of(self.options.get("family")) or self.name) if self.version else ""

    @property
    def owner(self) -> tuple[str, str]:
        """Owner and domain as they are declared, under whichever name."""
        owner = self.options.get("owner") or self.options.get("project")
        domain = self.options.get("owner_domain") or self.options.get("project_domain")
        return text_of(owner), text_of(domain)

    @property
    def label(self) -> str:
        """What messages call it, for instance ``entry 3 ('debian-13', version 20261101)``."""
        names = [repr(_shortened(self.name))] if self.name else []
        names += [f"version {_shortened(self.version)}"] if self.version else []
        return f"entry {self.number} ({', '.join(names)})" if names else f"entry {self.number}"

    def problem(self, key: str, message: str) -> Problem:
        """Something that is wrong with this entry."""
        return Problem(self.origin, key, message, self.number, self.name, self.label)

    def problem_of_key(self, key: t.Any, message: str) -> Problem:
        """Something that is wrong with a key, whatever the rest: with the defaults, if it is of theirs, once for all entries."""
        origin = self.inherited.get(key)
        if origin is None:
            return self.problem(str(key), message)
        return Problem(origin, str(key), message, label="" if origin == DEFAULTS else DEFAULTS)


@dataclasses.dataclass(frozen=True)
class Problem:
    """Something that is wrong with a catalogue. ``str()`` is the sentence that the user reads."""

    origin: str
    #: The option that is wrong, empty if it is none.
    key: str
    #: What is wrong, without the place.
    message: str
    #: The entry, None if it is the file as a whole.
    number: int | None = None
    name: str = ""
    label: str = ""

    @property
    def place(self) -> str:
        """Where it stands."""
        return self.origin if self.number is None else f"{self.origin}: entry {self.number}"

    @property
    def sentence(self) -> str:
        """All of it as a whole sentence."""
        return f"{self}" if self.message.endswith("?") else f"{self}."

    def __str__(self) -> str:
        return harmless(f"{self.origin}: {self.label + ': ' if self.label else ''}{self.message}")


def read(
    images: list[t.Any] | None, defaults: dict[str, t.Any] | None, files: t.Iterable[str] | None
) -> tuple[list[Entry], list[Problem]]:
    """The entries that can be read, and what is wrong with the others."""
    entries, problems = _entries(OPTION, images or [], {DEFAULTS: defaults or {}})
    for path in files or ():
        if not path:
            problems.append(Problem(FILES, "", "the path of a file is empty"))
            continue
        found, wrong = _read_file(file_path(path), defaults or {})
        entries += found
        problems += wrong
    return entries, problems


def file_path(path: str) -> str:
    """The absolute path of a catalogue file."""
    return os.path.abspath(os.path.expanduser(path))


def refuse(problems: t.Sequence[Problem]) -> None:
    """Raise what was found wrong, if anything was.

    :raises CatalogProblem: with the first problem as the message, and all of them as ``problems``.
    """
    if not problems:
        return
    more = f" And {len(problems) - 1} more, see problems." if len(problems) > 1 else ""
    raise CatalogProblem(problems[0].sentence + more, problems=[problem.sentence for problem in problems])


def text_of(value: t.Any) -> str:
    """A text or number as Ansible reads it for an option of type ``str``; empty for all else."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    return str(value)


def beside(entry: Entry, other: Entry) -> str:
    """What a message about one entry calls another one: with its file, if that is not the same."""
    return other.label if other.origin == entry.origin else f"{other.origin}: {other.label}"


def kind_of(value: t.Any) -> str:
    """What messages call a kind of value."""
    kinds = {bool: "truth value", str: "text", int: "number", float: "number", list: "list", dict: "mapping"}
    return "null" if value is None else kinds.get(type(value), type(value).__name__)


def _read_file(path: str, defaults: dict[str, t.Any]) -> tuple[list[Entry], list[Problem]]:
    try:
        document = _catalog_file.load(path)
    except _catalog_file.Unreadable as problem:
        return [], [Problem(path, "", str(problem))]
    if isinstance(document, list):
        return _entries(path, document, {DEFAULTS: defaults})
    if not isinstance(document, dict):
        kind = "nothing" if document is None else f"a {kind_of(document)}"
        return [], [Problem(path, "", f"holds {kind}; write a list of images, or a mapping with the key images")]
    problems = [
        Problem(path, str(key), f"there is no key {key!r} beside images and defaults{nearest(key, _FILE_KEYS)}")
        for key in document
        if key not in _FILE_KEYS
    ]
    images, own = document.get("images"), document.get("defaults")
    if own is not None and not isinstance(own, dict):
        problems.append(Problem(path, "defaults", f"defaults is a {kind_of(own)}, not a mapping"))
        own = None
    if not isinstance(images, list):
        wrong = (
            f"images is a {kind_of(images)}, not a list" if images is not None else "the key images is missing or empty"
        )
        return [], [*problems, Problem(path, "images", wrong)]
    entries, more = _entries(path, images, {DEFAULTS: defaults, path: own or {}})
    return entries, problems + more


def _entries(
    origin: str, images: list[t.Any], defaults: dict[str, dict[str, t.Any]]
) -> tuple[list[Entry], list[Problem]]:
    """:param defaults: those that lie under the entries, the lowest first, by where they stand."""
    names = names_by_alias(image_spec())
    under: dict[str, t.Any] = {}
    places: dict[str, str] = {}
    for place, each in defaults.items():
        under = _merged(under, each, names)
        places |= dict.fromkeys(each, place)
    entries, problems = [], []
    for number, image in enumerate(images, 1):
        if isinstance(image, dict):
            inherited = {key: place for key, place in places.items() if key not in image}
            entries.append(Entry(origin, number, _merged(under, image, names), inherited))
        else:
            wrong = f"is a {kind_of(image)}, not a mapping of options"
            problems.append(Problem(origin, "", wrong, number, label=f"entry {number}"))
    return entries, problems


def _merged(under: dict[str, t.Any], over: dict[str, t.Any], names: dict[str, str]) -> dict[str, t.Any]:
    """Options with others under them; an option wins under whichever of its names it is given."""
    given = {names.get(key, key) for key in over}
    merged = {key: value for key, value in under.items() if key in over or names.get(key, key) not in given}
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = below | value if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _shortened(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."
