# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""A whole catalogue as the module ``images`` declares it: one look for all, plans for all, then workers that carry them out."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import typing as t

from ansible.module_utils.basic import AnsibleModule

from . import _address, _catalog, _catalog_check
from ._desired import Desired, desired_image
from ._errors import CollectionError, ConnectionProblem, ImagesFailed, InvalidOption
from ._finding import Prefetched
from ._glance import Glance, connect
from ._images_item import Item, outshone
from ._observed import CATALOG
from ._pool import run_all
from ._prune import Pruning

#: Reasons that the message of a failed task spells out; the result has them all.
_REASONS_TOLD = 10


@contextlib.contextmanager
def declare(module: AnsibleModule) -> t.Iterator[Images]:
    """Make the declarations of all images out of the options of the module ``images``.

    :raises CatalogProblem: for anything that is wrong with the catalogue, before the cloud is asked.
    :raises CollectionError: if the cloud cannot be reached.
    """
    params = module.params
    _require_sense(params)
    entries = _catalog.gather(params["images"], params["defaults"], params["files"])
    if params["prune"] and not entries:
        raise InvalidOption(
            "prune: the catalogue is empty, and everything that bears its mark would be deleted; declare state: absent instead."
        )
    items = _items(module, entries)
    with connect(params) as glance:
        yield Images(glance, items, _catalog_check.dependencies(entries), params, module.warn)


class Images:
    """All declared images; what :func:`._runner.run_catalog` runs.

    :param after: for each item, the indices of those that go before it.
    """

    def __init__(
        self,
        glance: Glance,
        items: list[Item],
        after: list[set[int]],
        params: dict[str, t.Any],
        warn: t.Callable[[str], None],
    ) -> None:
        self._glance = glance
        self._items = items
        self._after = after
        self._workers = params["workers"]
        self._pruning = Pruning(glance, params["catalog"], warn) if params["prune"] else None
        self._lost = _Lost(self._workers)

    def plan(self) -> None:
        """Look at all images with few calls, then plan for each."""
        finder = Prefetched(self._glance)
        self._attempt(lambda item: item.locate(self._glance))
        located = [item for item in self._items if not item.failed]
        run_all(finder.questions(_wanted(located, "names"), _wanted(located, "families")), self._workers)
        expected = frozenset(item.name for item in self._items if item.makes_one)
        behind = outshone(located)
        self._attempt(lambda item: item.plan(finder, expected, item in behind))
        if self._pruning:
            self._pruning.plan({item.scope for item in located} or {self._glance.project_id}, self._items)

    def finish(self, foretells: bool) -> None:
        """Carry out the plans; then, if all went well, remove what the catalogue no longer names."""

        def finish(number: int) -> None:
            before = [self._items[other] for other in self._after[number]]
            self._items[number].finish(foretells, before)

        jobs = [
            functools.partial(self._tried, item, functools.partial(finish, n)) for n, item in enumerate(self._items)
        ]
        run_all(jobs, self._workers, self._after)
        if self._pruning and not any(item.failed for item in self._items):
            self._pruning.finish(foretells, self._workers)

    def report(self, with_diff: bool) -> dict[str, t.Any]:
        """The result: each image with its outcome in the order given."""
        results = [item.report(with_diff) for item in self._items]
        pruned = self._pruning.report() if self._pruning else []
        labelled = [
            *zip((item.label for item in self._items), results, strict=True),
            *((each["name"], each) for each in pruned),
        ]
        reasons = [f"{label}: {result['msg']}" for label, result in labelled if result["failed"]]
        report: dict[str, t.Any] = {
            "changed": any(result["changed"] for result in results + pruned),
            "failed": bool(reasons),
            "actions": [f"{label}: {action}" for label, result in labelled for action in result["actions"]],
            "results": results,
            "pruned": pruned,
        }
        if with_diff:
            report["diff"] = self._diff()
        if reasons:
            more = f"; and {len(reasons) - _REASONS_TOLD} more, see results" if len(reasons) > _REASONS_TOLD else ""
            said = "; ".join(reason.rstrip(".") for reason in reasons[:_REASONS_TOLD])
            unpruned = " Nothing was pruned." if self._pruning and not pruned else ""
            what = f"{len(reasons)} of {len(results) + len(pruned)} images failed"
            report |= {"msg": f"{what}: {said}{more}.{unpruned}", "reason": ImagesFailed.reason}
        return report

    def _diff(self) -> dict[str, t.Any]:
        """What changes, by image; the others would drown it."""
        outcomes = {item.label: item.outcome for item in self._items if item.outcome and item.outcome.actions}
        outcomes |= self._pruning.outcomes() if self._pruning else {}
        return {
            "before": {label: outcome.before for label, outcome in outcomes.items()},
            "after": {label: outcome.after for label, outcome in outcomes.items()},
        }

    def _attempt(self, act: t.Callable[[Item], None]) -> None:
        """Do something with each item that has not failed."""
        run_all(
            [functools.partial(self._tried, item, functools.partial(act, item)) for item in self._items], self._workers
        )

    def _tried(self, item: Item, act: t.Callable[[], None]) -> None:
        if item.failed:
            return
        try:
            self._lost.require_cloud()
            act()
            self._lost.answered()
        except Exception as fault:  # what becomes of one image does not stop the others
            item.fail(fault)
            self._lost.failed(fault)


class _Lost:
    """Whether the cloud has gone away meanwhile: then those who wait need not try, each with the patience of its own."""

    def __init__(self, workers: int) -> None:
        self._limit = workers + 1
        self._in_a_row = 0
        self._said = ""

    def answered(self) -> None:
        self._in_a_row = 0

    def failed(self, fault: Exception) -> None:
        if isinstance(fault, ConnectionProblem):
            self._in_a_row += 1
            self._said = fault.message
        elif isinstance(fault, CollectionError):
            self._in_a_row = 0

    def require_cloud(self) -> None:
        """:raises ConnectionProblem: if it has failed too often in a row."""
        if self._in_a_row >= self._limit:
            raise ConnectionProblem(f"Not tried, because the cloud is away. {self._said}")


def _require_sense(params: dict[str, t.Any]) -> None:
    """:raises InvalidOption: if options beside the catalogue contradict each other."""
    if params["images"] is None and not params["files"]:
        raise InvalidOption("images: say which images there are to be, here or in files.")
    if params["catalog"] is not None and not params["catalog"].strip():
        raise InvalidOption("catalog: the mark of a catalogue cannot be empty.")
    if params["prune"] and params["catalog"] is None:
        raise InvalidOption(
            "prune: needs the option catalog, the mark by which images are known to be of this catalogue."
        )
    if not 1 <= params["workers"] <= 64:
        raise InvalidOption(f"workers: {params['workers']} is not between 1 and 64.")


def _items(module: AnsibleModule, entries: list[_catalog.Entry]) -> list[Item]:
    """:raises CatalogProblem: if any entry is wrong."""
    beside = {option: module.params[option] for option in ("wait", "timeout")}
    validated, problems = _catalog_check.examined(entries)
    _catalog.refuse(problems)
    items = []
    for entry, checked in zip(entries, validated, strict=True):
        options = checked | beside
        module.no_log_values |= _address.secrets_of(options["uri"] or "")
        try:
            desired = desired_image(options)
        except InvalidOption as problem:
            option, _colon, message = problem.message.partition(": ")
            problems.append(entry.problem(option, problem.message.rstrip(".") if message else problem.message))
            continue
        items.append(Item(_marked(desired, module.params["catalog"]), options, module.warn))
    _catalog.refuse(problems)
    return items


def _marked(desired: Desired, mark: str | None) -> Desired:
    """With the mark of the catalogue among what the image is to bear."""
    if mark is None or desired.state == "absent":
        return desired
    return dataclasses.replace(desired, stamps=desired.stamps | {CATALOG: mark})


def _wanted(items: list[Item], what: str) -> dict[str, set[str]]:
    """Names, or families, by the project in which they are looked up."""
    wanted: dict[str, set[str]] = {}
    for item in items:
        for text in getattr(item, what):
            wanted.setdefault(item.scope, set()).add(text)
    return wanted
