# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a module in this process, and writes as JSON what its time went into.

    probe.py START FILE MODULE ARGUMENTS

START is the time of day at which this process was asked for.
"""

from __future__ import annotations

import builtins
import functools
import importlib
import itertools
import json
import runpy
import sys
import threading
import time
import typing as t

#: What is shown, the strongest first: an import while waiting for an answer is an import.
LABELS = ("imports", "Keystone", "Glance")

Span = tuple[float, float, str]
spans: list[Span] = []
_importing = threading.local()


def noted(label: str | None, function: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
    """The same function, with a note of when it ran. Without a label, it is a request."""

    @functools.wraps(function)
    def wrapper(*arguments: t.Any, **named: t.Any) -> t.Any:
        started = time.time()
        try:
            return function(*arguments, **named)
        finally:
            spans.append((started, time.time(), label or service(arguments[1].url)))

    return wrapper


def service(url: str) -> str:
    """Whom a request is for; Keystone is the one with version 3."""
    return "Keystone" if "/v3" in url else "Glance"


def outermost(function: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
    """Imports import; only the outermost one is noted."""
    noting = noted("imports", function)

    @functools.wraps(function)
    def wrapper(*arguments: t.Any, **named: t.Any) -> t.Any:
        if getattr(_importing, "now", False):
            return function(*arguments, **named)
        _importing.now = True
        try:
            return noting(*arguments, **named)
        finally:
            _importing.now = False
            watch_requests()

    return wrapper


def watch_requests() -> None:
    """As soon as the library is there."""
    session = getattr(sys.modules.get("requests.sessions"), "Session", None)
    if session and not hasattr(session.send, "__wrapped__"):
        session.send = noted(None, session.send)


def parts(started: float, ended: float) -> dict[str, float]:
    """Seconds by label; where several spans overlap, threads waited at the same time, and the strongest label has it."""
    found = dict.fromkeys(LABELS, 0.0)
    edges = sorted({started, ended, *(edge for span in spans for edge in span[:2])})
    ordered = sorted(spans, key=lambda span: LABELS.index(span[2]))
    for left, right in itertools.pairwise(edges):
        label = next((span[2] for span in ordered if span[0] <= left and right <= span[1]), None)
        if label:
            found[label] += right - left
    return {**found, "the rest": ended - started - sum(found.values())}


def _time_to_compile() -> float:
    """Ansible sends modules and what they import as source, which Python compiles on every run; here it need not."""
    files = [getattr(module, "__file__", None) for name, module in sys.modules.items() if name.startswith("ansible")]
    sources = []
    for file in {file for file in files if file}:
        with open(file, "rb") as stream:  # noqa: PTH123
            sources.append((stream.read(), file))
    started = time.time()
    for source, file in sources:
        compile(source, file, "exec")
    return time.time() - started


def main() -> None:
    """Run the module, then write."""
    asked, file, module, arguments = sys.argv[1:]
    started = time.time()
    builtins.__import__ = outermost(builtins.__import__)
    importlib.import_module = outermost(importlib.import_module)
    sys.argv = [module, arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        ended = time.time()
        sent = _time_to_compile()
        with open(file, "w") as stream:  # noqa: PTH123 - an import would be noted
            json.dump(
                {
                    "Python's start": started - float(asked),
                    **parts(started, ended),
                    "compiling what is sent": sent,
                    "ended": time.time(),
                },
                stream,
            )


if __name__ == "__main__":
    main()
