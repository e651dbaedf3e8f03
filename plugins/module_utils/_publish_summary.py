# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What the role ``publish`` did on clouds, in lines for a terminal. Pure."""

from __future__ import annotations

import typing as t

from ._harmless import harmless

#: ``results``, ``failures``, ``pruned`` as the role ``publish`` sets them, ``seconds`` and ``failure``; all of them may be missing.
Outcome = t.Mapping[str, t.Any]


def summary(clouds: t.Mapping[str, Outcome], whole: bool) -> list[str]:
    """Lines about clouds, each of which is of one image or one cloud.

    :param clouds: what came of each, by its host.
    :param whole: whether to count, and to tell why clouds failed, beside what was changed.
    """
    changes = [line for host, outcome in clouds.items() for line in _changes(host, outcome)]
    if not whole:
        return changes
    failures = [
        f"{harmless(host)}: {harmless(line)}"
        for host, outcome in clouds.items()
        for line in str(outcome.get("failure") or "").split("\n")
        if line.strip()
    ]
    return [*_table(clouds), *changes, *failures]


def _table(clouds: t.Mapping[str, Outcome]) -> list[str]:
    width = max(map(len, ("cloud", *map(harmless, clouds))))
    lines = [f"{'cloud'.ljust(width)}  images  changed  failed  pruned  seconds"]
    for host, outcome in clouds.items():
        images, failed = _listed(outcome, "results"), _listed(outcome, "failures")
        changed, pruned = _changed(images), _changed(_listed(outcome, "pruned"))
        counts = f"{len(images):6}  {len(changed):7}  {len(failed):6}  {len(pruned):6}"
        mark = "  FAILED" if outcome.get("failure") else ""
        lines.append(f"{harmless(host).ljust(width)}  {counts}  {float(outcome.get('seconds') or 0):7.1f}{mark}")
    return lines


def _changes(host: str, outcome: Outcome) -> t.Iterator[str]:
    for image in _changed(_listed(outcome, "results") + _listed(outcome, "pruned")):
        version = f" ({image['version']})" if image.get("version") else ""
        yield harmless(f"{host}: {image['name']}{version}: {', '.join(map(str, image.get('actions') or ()))}")


def _listed(outcome: Outcome, key: str) -> list[t.Mapping[str, t.Any]]:
    return list(outcome.get(key) or ())


def _changed(images: list[t.Mapping[str, t.Any]]) -> list[t.Mapping[str, t.Any]]:
    return [image for image in images if image.get("changed")]
