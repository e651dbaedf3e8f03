# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Audits of several clouds as the page shows them: plain values for a template that decides nothing. Pure."""

from __future__ import annotations

import collections
import typing as t

from ._audit_chart import chart_of
from ._audit_kinds import CODES, KINDS, SEVERITIES, FindingKind
from ._audit_words import age_text, harmless, project_text, size_text, value_text
from ._observed import INCOMING_FOR, REPLACED_BY, REPLACES

Json = dict[str, t.Any]

#: What the details of an image list, where it is set.
_FACTS = (
    ("Id", "id"),
    ("Created", "created_at"),
    ("Changed", "updated_at"),
    ("Family", "family"),
    ("Catalogue", "catalog"),
    ("End of life", "end_of_life"),
    ("Superseded", "superseded_at"),
    ("Container", "container_format"),
    ("Digest", "hash_value"),
)

#: Properties whose value is the id of another image.
_REFERENCES = frozenset({REPLACES, REPLACED_BY, INCOMING_FOR, "kernel_id", "ramdisk_id", "base_image_ref"})


def page_data(clouds: t.Mapping[str, Json]) -> Json:
    """Everything that the template of the page needs.

    :param clouds: what the module ``image_audit_info`` returned, by the host of the inventory; failures, too, and nothing
        at all for a host that was not reached.
    """
    shown = [_cloud(host, result) for host, result in clouds.items()]
    well = [cloud for cloud in shown if not cloud["failure"]]
    rows = _rows(well)
    return {
        "clouds": shown,
        "failed": [cloud for cloud in shown if cloud["failure"]],
        "audited": well,
        "rows": rows,
        "findings": _groups(well, rows),
        "totals": _totals(well),
        "has_catalogue": any(cloud["summary"]["declared"] is not None for cloud in well),
        "has_members": any(row["shared_with"] is not None for row in rows),
        "chart": chart_of(rows),
        "legend": _legend(rows),
        "statuses": sorted({row["status"] for row in rows}),
        "times": sorted({cloud["time"] for cloud in well}),
    }


def _cloud(host: str, result: Json) -> Json:
    """One cloud; localhost is called after the cloud that was asked, and others after themselves."""
    if result.get("images") is None or "summary" not in result:
        reason = harmless(result.get("msg") or "The run did not get as far as looking at it.")
        return {"name": harmless(host), "failure": reason}
    summary = result["summary"]
    name = result.get("cloud") if host == "localhost" else host
    alone = all(row["owner"] == result.get("project") for row in result["images"])
    return {
        "name": harmless(name or host),
        "failure": None,
        "about": "images of project" if alone else "all that is seen by project",
        "time": harmless(result.get("time") or ""),
        "size": size_text(summary["bytes"]),
        "project": project_text(result.get("project"), result.get("project_name")),
        "summary": summary,
        "images": result["images"],
        "findings": result["findings"],
    }


def _totals(clouds: t.Iterable[Json]) -> Json:
    sums = collections.Counter[str]()
    for cloud in clouds:
        summary = cloud["summary"]
        sums.update(
            {key: summary[key] or 0 for key in ("images", "bytes", "duplicate_bytes", "declared", "superseded")}
        )
        sums.update(summary["by_severity"])
        sums.update({"drift": summary["by_finding"].get("drift", 0)})
    texts = {"size": size_text(sums["bytes"]), "duplicates": size_text(sums["duplicate_bytes"])}
    return {
        key: sums[key] for key in ("images", "declared", "superseded", "duplicate_bytes", "drift", *SEVERITIES)
    } | texts


def _rows(clouds: t.Iterable[Json]) -> list[Json]:
    rows: list[Json] = []
    for cloud in clouds:
        told: dict[str, list[Json]] = collections.defaultdict(list)
        for finding in cloud["findings"]:
            for image_id in finding["images"]:
                told[image_id].append({key: harmless(finding[key]) for key in ("text", "advice")})
        anchors = {row["id"]: f"image-{number}" for number, row in enumerate(cloud["images"], len(rows))}
        names = {row["id"]: row["name"] for row in cloud["images"]}
        rows += [_row(cloud["name"], row, told[row["id"]], anchors, names) for row in cloud["images"]]
    return sorted(rows, key=lambda row: -row["rank"])


def _row(
    cloud: str, row: Json, told: list[Json], anchors: t.Mapping[str, str], names: t.Mapping[str, str | None]
) -> Json:
    findings = sorted(row["findings"], key=CODES.index)
    worst = KINDS[findings[0]].severity if findings else "fine"
    facts = _facts(row)
    properties = [_property(key, value, anchors, names) for key, value in sorted(row["properties"].items())]
    name = harmless(row["name"]) if row["name"] else ""
    words = [
        cloud,
        name,
        row["id"],
        *findings,
        *(value for _label, value in facts),
        *(f"{each['key']}={each['value']}" for each in properties),
        *(["predecessor"] if row["superseded"] else []),
    ]
    return {
        "anchor": anchors[row["id"]],
        "host": cloud,
        "id": row["id"],
        "name": name,
        "version": harmless(row["version"] or ""),
        "status": harmless(row["status"]),
        "visibility": harmless(row["visibility"] or ""),
        "hidden": row["hidden"],
        "protected": row["protected"],
        "superseded": row["superseded"],
        "shared_with": row["shared_with"],
        "disk_format": harmless(row["disk_format"] or ""),
        "size": row["size"],
        "size_text": size_text(row["size"]),
        "age_days": row["age_days"],
        "age_text": age_text(row["age_days"]),
        "created": harmless((row["created_at"] or "")[:10]),
        "declared": {True: "differs" if row["drift"] else "yes", False: "no", None: ""}[row["declared"]],
        "drift": [
            {"key": harmless(each["key"]), "now": value_text(each["is"]), "wanted": value_text(each["declared"])}
            for each in row["drift"]
        ],
        "findings": [
            {"code": code, "severity": KINDS[code].severity, "label": code.replace("_", " ")} for code in findings
        ],
        "severity": worst,
        "rank": _rank(findings),
        "told": told,
        "facts": facts,
        "properties": properties,
        "words": " ".join(words).casefold(),
    }


def _facts(row: Json) -> list[tuple[str, str]]:
    """What the details of an image list, as labels and texts."""
    facts = [(label, harmless(row[key])) for label, key in _FACTS if row[key]]
    if row["owner"]:
        facts.append(("Project", project_text(row["owner"], row["owner_name"])))
    for label, key in (("Stores", "stores"), ("Tags", "tags")):
        if row[key]:
            facts.append((label, ", ".join(map(harmless, row[key]))))
    if row["virtual_size"]:
        facts.append(("Disk", size_text(row["virtual_size"])))
    if row["members"]:
        shares = (
            f"{project_text(each['member_id'], each['member_name'])}: {harmless(each['status'])}"
            for each in row["members"]
        )
        facts.append(("Shared with", ", ".join(shares)))
    return facts


def _property(key: str, value: t.Any, anchors: t.Mapping[str, str], names: t.Mapping[str, str | None]) -> Json:
    """A property; one that names another image leads to its row, if it is on the page."""
    refers = key in _REFERENCES and bool(value)
    anchor = anchors.get(str(value)) if refers else None
    return {
        "key": harmless(key),
        "value": value_text(value),
        "anchor": anchor,
        "name": harmless(names[value] or "") if anchor else "",
        "elsewhere": refers and not anchor,
    }


def _rank(findings: t.Sequence[str]) -> int:
    """What rows are sorted by, the largest first: the worst severity, then the number of findings of each severity."""
    counts = collections.Counter(KINDS[code].severity for code in findings)
    rank = 0
    for severity in SEVERITIES:
        rank = rank * (len(CODES) + 1) + counts[severity]
    return rank


def _groups(clouds: t.Iterable[Json], rows: t.Iterable[Json]) -> list[Json]:
    """Findings by kind, the most important first, with the rows that each is about."""
    anchors = {(row["host"], row["id"]): row for row in rows}
    groups: dict[str, list[Json]] = {code: [] for code in CODES}
    for cloud in clouds:
        for finding in cloud["findings"]:
            about = [
                anchors[cloud["name"], image_id]
                for image_id in finding["images"]
                if (cloud["name"], image_id) in anchors
            ]
            texts = {key: harmless(finding[key]) for key in ("text", "advice")}
            groups[finding["code"]].append({"host": cloud["name"], "rows": about, "links": _links(about), **texts})
    shown = [_group(KINDS[code], found) for code, found in groups.items() if found]
    return sorted(shown, key=lambda group: (SEVERITIES.index(group["severity"]), -len(group["list"])))


def _links(rows: t.Sequence[Json]) -> list[Json]:
    """Links to the rows that a finding is about: by their names, or by their ids if some of these are the same."""
    names = collections.Counter(row["name"] for row in rows)
    labels = (row["name"] if row["name"] and names[row["name"]] == 1 else row["id"] for row in rows)
    return [
        {"anchor": row["anchor"], "label": "Show" if len(rows) == 1 else label}
        for row, label in zip(rows, labels, strict=True)
    ]


def _group(kind: FindingKind, found: list[Json]) -> Json:
    """Findings of one kind, with what to do about them: said once, or of each where that is not the same."""
    advice = {finding["advice"] for finding in found}
    shared = advice.pop() if len(advice) == 1 else None
    return {
        "code": kind.code,
        "severity": kind.severity,
        "heading": kind.heading,
        "label": kind.code.replace("_", " "),
        "advice": shared,
        "list": found,
    }


def _legend(rows: t.Iterable[Json]) -> list[Json]:
    counts = collections.Counter(row["severity"] for row in rows)
    words = {"problem": "with a problem", "warning": "with a warning", "note": "with a note", "fine": "nothing found"}
    return [{"severity": key, "label": label, "number": counts[key]} for key, label in words.items() if counts[key]]
