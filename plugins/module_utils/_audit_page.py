# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Audits of several clouds as the page shows them: plain values for a template that decides nothing. Pure."""

from __future__ import annotations

import collections
import typing as t

from ._audit import SEVERITIES
from ._audit_chart import chart_of
from ._audit_findings import CODES, SEVERITY
from ._audit_words import age_text, harmless, size_text, value_text

Json = dict[str, t.Any]

#: Headings of the kinds of findings.
_HEADINGS = {
    "missing": "Declared, and not there",
    "broken": "Broken",
    "stuck": "Stuck on the way",
    "unchecked": "Could not be compared",
    "drift": "There, but not as declared",
    "unwanted": "Declared to be absent, and there",
    "end_of_life": "Past the end of life, and still offered",
    "not_newest": "Name not with the newest good version",
    "duplicate_name": "Several images of one name",
    "leftover": "Left behind by a replacement",
    "undeclared": "There, and not declared",
    "duplicate_content": "Same data several times",
}
#: What the details of an image list, where it is set.
_FACTS = (
    ("Id", "id"),
    ("Owner", "owner"),
    ("Created", "created_at"),
    ("Changed", "updated_at"),
    ("Family", "family"),
    ("Catalogue", "catalog"),
    ("End of life", "end_of_life"),
    ("Superseded", "superseded_at"),
    ("Container", "container_format"),
    ("Digest", "hash_value"),
)


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
    return {
        "name": harmless(name or host),
        "failure": None,
        "time": harmless(result.get("time") or ""),
        "size": size_text(summary["bytes"]),
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
        texts: dict[str, list[str]] = collections.defaultdict(list)
        for finding in cloud["findings"]:
            for image_id in finding["images"]:
                texts[image_id].append(harmless(finding["text"]))
        rows += [_row(cloud["name"], row, texts[row["id"]], len(rows) + at) for at, row in enumerate(cloud["images"])]
    return rows


def _row(cloud: str, row: Json, texts: list[str], number: int) -> Json:
    findings = sorted(row["findings"], key=CODES.index)
    worst = SEVERITY[findings[0]] if findings else "fine"
    facts = [(label, harmless(row[key])) for label, key in _FACTS if row[key]]
    facts += [
        (label, ", ".join(map(harmless, row[key])))
        for label, key in (("Stores", "stores"), ("Tags", "tags"))
        if row[key]
    ]
    if row["virtual_size"]:
        facts.append(("Disk", size_text(row["virtual_size"])))
    if row["members"]:
        facts.append(
            ("Shared with", ", ".join(harmless(f"{each['member_id']} ({each['status']})") for each in row["members"]))
        )
    properties = [(harmless(key), value_text(value)) for key, value in sorted(row["properties"].items())]
    name = harmless(row["name"]) if row["name"] else ""
    words = [
        cloud,
        name,
        row["id"],
        *findings,
        *(value for _label, value in facts),
        *(f"{k}={v}" for k, v in properties),
    ]
    return {
        "anchor": f"image-{number}",
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
        "findings": [{"code": code, "severity": SEVERITY[code], "label": code.replace("_", " ")} for code in findings],
        "severity": worst,
        "rank": len(SEVERITIES) - SEVERITIES.index(worst) if findings else 0,
        "texts": texts,
        "facts": facts,
        "properties": properties,
        "words": " ".join(words).casefold(),
    }


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
            groups[finding["code"]].append({"host": cloud["name"], "text": harmless(finding["text"]), "rows": about})
    return [
        {
            "code": code,
            "severity": SEVERITY[code],
            "heading": _HEADINGS[code],
            "label": code.replace("_", " "),
            "list": found,
        }
        for code, found in groups.items()
        if found
    ]


def _legend(rows: t.Iterable[Json]) -> list[Json]:
    counts = collections.Counter(row["severity"] for row in rows)
    words = {"problem": "with a problem", "warning": "with a warning", "note": "with a note", "fine": "nothing found"}
    return [{"severity": key, "label": label, "number": counts[key]} for key, label in words.items() if counts[key]]
