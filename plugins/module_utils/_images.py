# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""A whole catalogue as the module ``images`` declares it: one look for all, plans for all, then workers that carry them out."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import functools
import itertools
import typing as t

from ansible.module_utils.basic import AnsibleModule

from . import _catalog, _catalog_check, _property_check, _secrets
from ._catalog import Entry, Problem
from ._desired import Desired
from ._errors import ImagesFailed, InvalidOption
from ._finding import Prefetched
from ._foretold import World
from ._glance import Glance, connect
from ._harmless import harmless
from ._images_item import Item, introduce
from ._metadata_standard import Remark
from ._observed import CATALOG
from ._pool import run_all
from ._presence import Presence
from ._prune import Pruning
from ._texts import require_text

#: Characters of a mark: it is part of an address when images are looked for by it.
_MARK_LIMIT = 255
#: Reasons that the message of a failed task spells out; the result has them all.
_REASONS_TOLD = 10
#: Images that it names beside each of them.
_LABELS_TOLD = 3


@contextlib.contextmanager
def declare(module: AnsibleModule) -> t.Iterator[Images]:
    """Make the declarations of all images out of the options of the module ``images``.

    :raises CatalogProblem: for anything that is wrong with the catalogue, before the cloud is asked.
    :raises CollectionError: if the cloud cannot be reached.
    """
    params = module.params
    _require_sense(params)
    items = _items(module)
    if params["prune"] and not items:
        raise InvalidOption(
            "prune: the catalogue is empty, and everything that bears its mark would be deleted; declare state: absent instead."
        )
    after = _catalog_check.dependencies([item.entry for item in items])
    with connect(params) as glance:
        yield Images(glance, items, after, params, module.warn)


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
        self._finder = Prefetched(glance)
        self._presence = Presence(glance)
        mark, timeout = params["catalog"], params["timeout"]
        self._pruning = Pruning(glance, self._presence, mark, timeout, warn) if params["prune"] else None

    def plan(self) -> None:
        """Look at all images with few calls, then plan for each.

        :raises CatalogProblem: if entries turn out to be about one image.
        """
        finder = self._finder
        self._attempt(lambda item: item.locate(self._glance))
        located = [item for item in self._items if not item.failed]
        # A question that fails is put again by each item that it is about
        names = _wanted(located, "names")
        if references := set[str]().union(*(item.references for item in located)):
            names.setdefault(self._glance.project_id, set()).update(references)
        questions = finder.questions(names, _wanted(located, "families"))
        run_all([functools.partial(self._asked, question) for question in questions], self._workers)
        expected = frozenset(name for item in self._items if item.makes_one for name in item.known_as)
        introduce(located)
        self._attempt(lambda item: item.plan(finder, expected))
        _catalog.refuse([*_same_images(self._items), *_still_needed(self._items)])
        if self._pruning and not self._has_failed:
            self._pruning.plan({item.scope for item in located} or {self._glance.project_id}, self._items)

    def finish(self, foretells: bool) -> None:
        """Carry out the plans, or foretell that; then, if all went well, remove what the catalogue no longer names."""
        world = World()

        def finish(number: int) -> None:
            item, before = self._items[number], [self._items[other] for other in self._after[number]]
            act = (
                functools.partial(item.foretell, before, self._finder, world)
                if foretells
                else functools.partial(item.finish, before)
            )
            self._tried(item, act, asks=not item.is_settled(before))

        jobs = [functools.partial(finish, number) for number in range(len(self._items))]
        for item, result in zip(self._items, run_all(jobs, self._workers, self._after), strict=True):
            # Items keep their faults to themselves, but one that nobody has looked at must not pass for one that is well
            if isinstance(result, Exception):
                item.fail(result)
        if self._pruning and not self._has_failed:
            self._pruning.finish(self._workers, world if foretells else None)

    def report(self, with_diff: bool) -> dict[str, t.Any]:
        """The result: each image with its outcome in the order given."""
        results = [item.report(with_diff) for item in self._items]
        pruned = self._pruning.report() if self._pruning else []
        labelled = [
            *zip((item.label for item in self._items), results, strict=True),
            *((harmless(each["name"] or each["id"]), each) for each in pruned),
        ]
        reasons = [(label, result["msg"]) for label, result in labelled if result["failed"]]
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
            unpruned = " Nothing was pruned." if self._pruning and not pruned else ""
            what = f"{len(reasons)} of {len(results) + len(pruned)} images failed"
            report |= {"msg": f"{what}: {_summary(reasons)}.{unpruned}", "reason": ImagesFailed.reason}
        return report

    def _diff(self) -> list[dict[str, t.Any]]:
        """What changes, image by image, so that Ansible shows each under its name; the others would drown it."""
        labels = collections.Counter(item.label for item in self._items)
        outcomes = [
            (item.label if labels[item.label] == 1 else f"{item.label} [{item.id or item.scope}]", item.outcome)
            for item in self._items
            if item.outcome and item.outcome.actions
        ]
        outcomes += self._pruning.outcomes().items() if self._pruning else ()
        return [
            {"before_header": label, "after_header": label, "before": outcome.before, "after": outcome.after}
            for label, outcome in outcomes
        ]

    def _attempt(self, act: t.Callable[[Item], None]) -> None:
        """Do something with each item that has not failed."""
        run_all(
            [functools.partial(self._tried, item, functools.partial(act, item)) for item in self._items], self._workers
        )

    def _tried(self, item: Item, act: t.Callable[[], None], asks: bool = True) -> None:
        """Do something with an item that has not failed.

        :param asks: whether that may ask the cloud.
        """
        if item.failed:
            return
        try:
            self._asked(act) if asks else act()
        except Exception as fault:  # what becomes of one image does not stop the others
            item.fail(fault)

    def _asked(self, act: t.Callable[[], None]) -> None:
        """Do something that asks the cloud, unless it is away."""
        self._presence.require()
        try:
            act()
        except Exception as fault:
            self._presence.doubt(fault)
            raise

    @property
    def _has_failed(self) -> bool:
        return any(item.failed for item in self._items)


def _same_images(items: t.Iterable[Item]) -> t.Iterator[Problem]:
    """Entries that no text shows to be about one image, such as one by its id and one by its name; each would undo the other."""
    first: dict[str, Item] = {}
    for item in items:
        other = first.setdefault(item.found_id, item) if item.found_id else item
        if other is not item:
            wrong = f"means the image {item.found_id}, and so does {_catalog.beside(item.entry, other.entry)}"
            yield item.entry.problem("id" if item.id else "name", wrong)


def _still_needed(items: t.Sequence[Item]) -> t.Iterator[Problem]:
    """Entries that would delete what another one was found to boot with, by whatever name, and nothing would take its place."""
    leaving = {item.found_id: item for item in items if item.entry.options.get("state") == "absent" and item.found_id}
    for item in items:
        for name, image_id in item.found_to_boot_with.items():
            gone = leaving.get(image_id)
            if gone and name not in gone.passes_on and not any(_takes_name(each, gone, name) for each in items):
                wrong = f"boots with {name!r}, the image {image_id}, which {_catalog.beside(item.entry, gone.entry)} declares absent"
                is_kernel = _catalog.text_of(item.entry.options.get("kernel")) == name
                yield item.entry.problem("kernel" if is_kernel else "ramdisk", wrong)


def _takes_name(item: Item, gone: Item, name: str) -> bool:
    is_sibling = item.family is not None and (item.scope, item.family) == (gone.scope, gone.family)
    return is_sibling and item.may_have_name and name == item.name


def _summary(reasons: list[tuple[str, str]]) -> str:
    """Why images failed, in the order given; those that failed for one and the same reason together."""
    labels: dict[str, list[str]] = {}
    for label, message in reasons:
        labels.setdefault(message.rstrip("."), []).append(label)
    told = dict(itertools.islice(labels.items(), _REASONS_TOLD))
    said = [f"{_named(each)}: {message}" for message, each in told.items()]
    left = len(reasons) - sum(map(len, told.values()))
    return "; ".join(said + ([f"and {left} more, see results"] if left else []))


def _named(labels: list[str]) -> str:
    few = ", ".join(labels[:_LABELS_TOLD])
    return f"{few} and {len(labels) - _LABELS_TOLD} more" if len(labels) > _LABELS_TOLD else few


def _require_sense(params: dict[str, t.Any]) -> None:
    """:raises InvalidOption: if options beside the catalogue contradict each other."""
    if params["images"] is None and not params["files"]:
        raise InvalidOption("images: say which images there are to be, here or in files.")
    if params["catalog"] is not None and not params["catalog"].strip():
        raise InvalidOption("catalog: the mark of a catalogue cannot be empty.")
    require_text("catalog", params["catalog"] or "", _MARK_LIMIT)
    if params["prune"] and params["catalog"] is None:
        raise InvalidOption(
            "prune: needs the option catalog, the mark by which images are known to be of this catalogue."
        )
    if not 1 <= params["workers"] <= 64:
        raise InvalidOption(f"workers: {params['workers']} is not between 1 and 64.")


def _items(module: AnsibleModule) -> list[Item]:
    """:raises CatalogProblem: if anything is wrong with the catalogue."""
    params = module.params
    beside = {option: params[option] for option in ("wait", "timeout")}
    entries, problems = _catalog.read(params["images"], params["defaults"], params["files"])
    validated, wrong = _catalog_check.examined(entries)
    problems += wrong
    faulty = {problem.place for problem in problems}
    items, doubtful = [], []
    for entry, checked in zip(entries, validated, strict=True):
        options = checked | beside
        _secrets.conceal(module, _secrets.secrets_in(entry.options))
        desired = None if entry.place in faulty else _catalog_check.desired_of(entry, options)
        if isinstance(desired, Desired):
            doubtful += [(entry, options["check_properties"], each) for each in _property_check.looks_wrong(desired)]
            items.append(Item(entry, _marked(desired, params["catalog"]), options, module.warn))
        elif desired:
            problems.append(desired)
    problems += _property_doubts(doubtful, params["check_properties"], module.warn)
    _catalog.refuse(problems)
    return items


def _property_doubts(
    doubtful: list[tuple[Entry, str | None, Remark]], how: str | None, warn: t.Callable[[str], None]
) -> list[Problem]:
    """What is refused of properties that look wrong; of the rest there are warnings, one for all entries that have it in common.

    :param doubtful: entries, each with its own ``check_properties`` and one remark.
    :param how: ``check_properties`` of those that do not say.
    """
    refused, labels = [], dict[str, list[str]]()
    for entry, own, remark in doubtful:
        mode = own or how or _property_check.USUAL
        if mode == "fail":
            refused.append(entry.problem(remark.key, remark.message))
        elif mode == "warn":
            labels.setdefault(_property_check.sentence(remark.message), []).append(entry.label)
    for message, named in labels.items():
        warn(f"{_named(named)}: {message}")
    return refused


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
