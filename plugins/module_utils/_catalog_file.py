# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Catalogue files: YAML that anybody may have written, read within limits.

Dates stay the texts that they are written as, and so do numbers in any other form than plain decimal digits; a key that stands
twice in one mapping is an error. Plain PyYAML makes objects of dates, 8 of 010 and 90 of 1:30, and takes the latter of two keys.
"""

from __future__ import annotations

import os
import re
import stat
import typing as t

from ._errors import MissingDependency

_SIZE_LIMIT = 16 * 2**20
#: Values in a file, those behind aliases counted each time; and how deep they may be nested.
_VALUE_LIMIT = 1_000_000
_DEPTH_LIMIT = 50
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_MERGE = "tag:yaml.org,2002:merge"
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
#: What is left of numbers: by a zero in front, 0x, underscores and colons YAML 1.1 means something else than most authors.
_PLAIN = r"(?![-+]?0[0-9A-Za-z_])(?!.*[_:])"


class Unreadable(Exception):
    """Why a file cannot be read, without its name."""


def load(path: str) -> t.Any:
    """What a YAML file holds.

    :raises Unreadable: if it cannot be read, is no YAML, or is more than a catalogue can be.
    :raises MissingDependency: if PyYAML is missing.
    """
    return parse(_text(_content(path)))


def parse(text: str) -> t.Any:
    """What a YAML text holds.

    :raises Unreadable: if it is no YAML, or more than a catalogue can be.
    """
    try:
        import yaml
    except ImportError as problem:
        raise MissingDependency(
            "The Python library PyYAML is missing on the host that runs the module; catalogue files need it."
        ) from problem
    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _require_shallow(yaml, yaml.parse(text, Loader=base))
        return _construct(yaml, base, text)
    except yaml.YAMLError as problem:
        raise Unreadable(_sentence(problem)) from problem
    except (ValueError, OverflowError, RecursionError) as problem:
        raise Unreadable(f"is not usable YAML: {problem}") from problem


def _content(path: str) -> bytes:
    try:
        # Not to wait for a writer, if it is a fifo.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise Unreadable("is not a regular file")
            content = file.read(_SIZE_LIMIT + 1)
    except IsADirectoryError as problem:
        raise Unreadable("is not a regular file") from problem
    except (OSError, ValueError) as problem:
        raise Unreadable(f"cannot be read: {getattr(problem, 'strerror', None) or problem}") from problem
    if len(content) > _SIZE_LIMIT:
        raise Unreadable(f"is larger than {_SIZE_LIMIT // 2**20} MiB")
    return content


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        raise Unreadable(f"is not UTF-8 (line {line})") from problem


def _require_shallow(yaml: t.Any, events: t.Iterable[t.Any]) -> None:
    """Refuse what would exhaust the stack of whoever builds values out of it."""
    depth = 0
    for count, event in enumerate(events):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEPTH_LIMIT:
            raise Unreadable(f"is nested more than {_DEPTH_LIMIT} levels deep")
        if count > 2 * _VALUE_LIMIT:
            raise Unreadable(f"holds more than {_VALUE_LIMIT} values")


def _construct(yaml: t.Any, base: type[t.Any], text: str) -> t.Any:
    class Loader(base):  # type: ignore[misc,valid-type]
        """PyYAML's safe loader, with dates and strange numbers as texts."""

        yaml_implicit_resolvers: t.ClassVar[dict[str, t.Any]] = {
            first: [(tag, _narrowed(tag, pattern)) for tag, pattern in pairs if tag != _TIMESTAMP]
            for first, pairs in base.yaml_implicit_resolvers.items()
        }

    loader = Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _measure(yaml, node, {})
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _narrowed(tag: str, pattern: re.Pattern[str]) -> re.Pattern[str]:
    """What is taken for a value of a kind: as PyYAML does, but only plain numbers."""
    return re.compile(_PLAIN + pattern.pattern, pattern.flags) if tag in _NUMBERS else pattern


def _measure(yaml: t.Any, node: t.Any, known: dict[int, tuple[int, int] | None]) -> tuple[int, int]:
    """How many values a node stands for, aliases resolved, and how deep they are nested."""
    if id(node) in known:
        measure = known[id(node)]
        if measure is None:
            raise Unreadable(f"holds an alias of what it stands in (line {node.start_mark.line + 1})")
        return measure
    known[id(node)] = None
    children: list[t.Any] = []
    if isinstance(node, yaml.MappingNode):
        _require_single_keys(yaml, node)
        children = [each for pair in node.value for each in pair]
    elif isinstance(node, yaml.SequenceNode):
        children = node.value
    measures = [_measure(yaml, child, known) for child in children if not isinstance(child, yaml.ScalarNode)]
    size = 1 + len(children) + sum(size for size, depth in measures)
    depth = 1 + max((depth for size, depth in measures), default=0)
    if size > _VALUE_LIMIT:
        raise Unreadable(f"holds more than {_VALUE_LIMIT} values, aliases counted each time")
    if depth > _DEPTH_LIMIT:
        raise Unreadable(f"is nested more than {_DEPTH_LIMIT} levels deep")
    known[id(node)] = (size, depth)
    return size, depth


def _require_single_keys(yaml: t.Any, mapping: t.Any) -> None:
    seen = set()
    for key, _value in mapping.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
            continue
        if (key.tag, key.value) in seen:
            raise Unreadable(f"has the key {key.value!r} twice in one mapping{_position(key.start_mark)}")
        seen.add((key.tag, key.value))


def _sentence(problem: t.Any) -> str:
    mark = getattr(problem, "problem_mark", None) or getattr(problem, "context_mark", None)
    reason = getattr(problem, "problem", None) or getattr(problem, "reason", None) or str(problem)
    if "maximum nesting depth" in str(reason):  # libyaml has a limit of its own
        return f"is nested more than {_DEPTH_LIMIT} levels deep"
    return f"is not YAML: {' '.join(str(reason).split())}{_position(mark)}"


def _position(mark: t.Any) -> str:
    return f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
