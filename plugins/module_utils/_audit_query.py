# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The questions of the module ``image_audit_info``: everything that is there, and who shares it."""

from __future__ import annotations

import concurrent.futures
import datetime
import re
import typing as t

from ansible.module_utils.basic import AnsibleModule

from . import _identity
from ._audit import audit
from ._audit_drift import entries
from ._audit_facts import Facts, Members
from ._audit_words import table
from ._errors import InvalidOption, ServerRefusal
from ._glance import Glance, Json, connect
from ._observed import Image

#: Threads that ask for members side by side.
_WORKERS = 8
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def answer(module: AnsibleModule) -> dict[str, t.Any]:
    """What the module ``image_audit_info`` returns."""
    params = module.params
    stuck_after = duration(params["stuck_after"], "stuck_after")
    declared = None if params["declared"] is None else tuple(entries(params["declared"]))
    with connect(params) as glance:
        project = _project(glance, params)
        found = list(_found(glance, None if params["all_projects"] else project))
        members = _members(glance, found) if params["members"] else None
        now = datetime.datetime.now(datetime.UTC)
        names = _identity.project_names(glance, _projects(found, members, project))
        whole = None if glance.sees_all else {glance.project_id}
        facts = Facts(tuple(map(Image, found)), now, stuck_after, declared, project, members, names, whole)
        report = audit(facts)
        about = {"cloud": glance.conn.config.name, "region": glance.conn.config.get_region_name("image")}
    about |= {"project": project, "project_name": names.get(project or "")}
    return report | about | {"time": f"{now:%Y-%m-%dT%H:%M:%SZ}", "table": table(report)}


def duration(text: str, option: str) -> datetime.timedelta:
    """A time span out of ``90``, ``90s``, ``30m``, ``1h``, ``2d``, ``1w``.

    :raises InvalidOption: if it is none.
    """
    parts = re.fullmatch(r"(\d{1,9})\s*([smhdw]?)", text.strip().lower(), re.ASCII)
    if not parts:
        raise InvalidOption(f"{option}: {text!r} is no time span; write 90, 30m, 1h or 2d, for instance.")
    return datetime.timedelta(seconds=int(parts[1]) * _UNITS[parts[2]])


def _project(glance: Glance, params: dict[str, t.Any]) -> str | None:
    if params["owner"]:
        return _identity.project_id(glance.conn, params["owner"], params["owner_domain"])
    return glance.project_id or None


def _found(glance: Glance, owner: str | None) -> t.Iterable[Json]:
    """Every image of a project, or all that these credentials may see; community images and hidden ones, too."""
    seen: dict[str, Json] = {}
    query = {"owner": owner} if owner else {"visibility": "all"}
    for image in glance.hidden_too(query):
        seen.setdefault(image["id"], image)
    return seen.values()


def _projects(images: t.Iterable[Json], members: Members | None, project: str | None) -> set[str]:
    """The ids of all projects that a report names."""
    shares = (row["member_id"] for rows in (members or {}).values() for row in rows or ())
    return {each for each in (project, *(image["owner"] for image in images), *shares) if each}


def _members(glance: Glance, images: t.Iterable[Json]) -> dict[str, list[Json] | None]:
    """Who shares which image, and None where only others may know; one call for each image that can be shared."""
    shared = [image["id"] for image in images if image["visibility"] == "shared"]

    def asked(image_id: str) -> list[Json] | None:
        try:
            return glance.membership_rows(image_id)
        except ServerRefusal as refusal:
            if refusal.status not in (403, 404):  # somebody else's, or gone meanwhile
                raise
            return None

    with concurrent.futures.ThreadPoolExecutor(_WORKERS) as pool:
        return dict(zip(shared, pool.map(asked, shared), strict=True))
