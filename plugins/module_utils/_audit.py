# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What is there beside what is declared, for people: rows, findings and sums out of Glance's JSON. Pure."""

from __future__ import annotations

import collections
import datetime
import typing as t

from ._audit_facts import Facts, Finding
from ._audit_findings import content_groups, find, is_leftover
from ._audit_kinds import CODES, SEVERITIES
from ._observed import CATALOG, END_OF_LIFE, SUPERSEDED_AT, Image
from ._versions import family_of, version_of

Json = dict[str, t.Any]


def audit(facts: Facts) -> Json:
    """The result of the module ``image_audit_info``: ``images``, ``findings``, ``summary``."""
    findings = _worst_first(find(facts))
    codes: dict[str, list[str]] = collections.defaultdict(list)
    for finding in findings:
        for image_id in finding.images:
            if finding.code not in codes[image_id]:
                codes[image_id].append(finding.code)
    rows = [_row(image, facts, codes[image.id]) for image in _in_order(facts.images)]
    return {
        "images": rows,
        "findings": [finding.shown() for finding in findings],
        "summary": summary(facts, rows, findings),
    }


def _worst_first(findings: t.Sequence[Finding]) -> list[Finding]:
    """By severity, then by the number of findings of a kind."""
    counts = collections.Counter(finding.code for finding in findings)

    def rank(finding: Finding) -> tuple[int, int, int]:
        return SEVERITIES.index(finding.severity), -counts[finding.code], CODES.index(finding.code)

    return sorted(findings, key=rank)


def _in_order(images: t.Iterable[Image]) -> list[Image]:
    """By name, the newest first under each."""
    newest_first = sorted(images, key=lambda image: (image.created_at, image.id), reverse=True)
    return sorted(newest_first, key=lambda image: (image.name or "").casefold())


def _row(image: Image, facts: Facts, findings: list[str]) -> Json:
    raw = image.raw
    known = None if facts.members is None else facts.members.get(image.id, ())
    shares = None if known is None else _shares(known, facts.project_names)
    return {
        "id": image.id,
        "name": image.name,
        "family": family_of(image),
        "version": version_of(image),
        "status": image.status,
        "visibility": raw.get("visibility"),
        "hidden": image.hidden,
        "protected": image.protected,
        "owner": image.owner,
        "owner_name": facts.project_names.get(image.owner or ""),
        "created_at": image.created_at or None,
        "updated_at": raw.get("updated_at"),
        "age_days": age_days(image, facts.now),
        "size": image.size,
        "virtual_size": image.virtual_size,
        "disk_format": raw.get("disk_format"),
        "container_format": raw.get("container_format"),
        "hash_value": raw.get("os_hash_value"),
        "stores": list(image.stores),
        "tags": sorted(image.tags),
        "properties": image.custom,
        "members": shares,
        "shared_with": None if shares is None else len(shares),
        "catalog": image.stamp(CATALOG),
        "end_of_life": image.stamp(END_OF_LIFE),
        "superseded": facts.is_superseded(image),
        "superseded_at": image.stamp(SUPERSEDED_AT),
        "declared": facts.is_declared(image),
        "drift": facts.drift_of(image.id),
        "findings": findings,
    }


def _shares(rows: t.Iterable[Json], names: t.Mapping[str, str]) -> list[Json]:
    """Each project once: of a membership that stands there twice, Glance shows and changes the first row."""
    firsts: dict[str, Json] = {}
    for row in rows:
        firsts.setdefault(row["member_id"], row)
    return [
        {"member_id": project, "member_name": names.get(project), "status": row.get("status")}
        for project, row in firsts.items()
    ]


def age_days(image: Image, now: datetime.datetime) -> float | None:
    """How many days ago an image was made."""
    try:
        made = datetime.datetime.fromisoformat(image.created_at)
    except ValueError:
        return None
    return max(0.0, round((now - made).total_seconds() / 86400, 3))


def summary(facts: Facts, rows: t.Sequence[Json], findings: t.Sequence[Finding]) -> Json:
    """Counts and bytes."""
    severities = collections.Counter(finding.severity for finding in findings)
    return {
        "images": len(rows),
        "bytes": sum(row["size"] or 0 for row in rows),
        "duplicate_bytes": sum((group[0].size or 0) * (len(group) - 1) for group in content_groups(facts.images)),
        "hidden": sum(row["hidden"] for row in rows),
        "protected": sum(row["protected"] for row in rows),
        "superseded": sum(row["superseded"] for row in rows),
        "leftovers": sum(is_leftover(image, facts) for image in facts.images),
        "declared": None if facts.entries is None else len(facts.entries),
        "by_status": _counted(rows, "status"),
        "by_visibility": _counted(rows, "visibility"),
        "by_disk_format": _counted(rows, "disk_format"),
        "by_finding": dict(sorted(collections.Counter(finding.code for finding in findings).items())),
        "by_severity": {severity: severities[severity] for severity in SEVERITIES},
    }


def _counted(rows: t.Iterable[Json], key: str) -> dict[str, int]:
    counts = collections.Counter(str(row[key] or "unknown") for row in rows)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
