# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The hands that reach into Keystone: names of projects to ids, and back."""

from __future__ import annotations

import functools
import re
import typing as t

from ._connection import explained, persistently
from ._errors import ConnectionProblem, InvalidOption

if t.TYPE_CHECKING:
    from ._glance import Glance

#: Ids of projects are 32 hexadecimal digits, or UUIDs, unless an identity backend makes its own.
_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

#: Seconds that Keystone may take for a list that is nice to have.
_TIMEOUT = 30


@functools.lru_cache(maxsize=1024)
def project_id(conn: t.Any, name_or_id: str, domain: str | None = None, option: str = "owner") -> str:
    """The id of a project.

    What looks like an id is taken as one without asking: who shares an image need not be allowed to look projects up.

    :param domain: name or id of the project's domain, where its name is not unique.
    :raises InvalidOption: if there is no such project, or the cloud does not let the caller look.
    """
    if _ID.fullmatch(name_or_id):
        return name_or_id
    from openstack import exceptions

    with explained():
        try:
            query = {"domain_id": _domain_id(conn, domain)} if domain else {}
            project = persistently(lambda: conn.identity.find_project(name_or_id, ignore_missing=True, **query))
        except exceptions.ForbiddenException:
            raise InvalidOption(
                f"{option}: these credentials may not look up the project {name_or_id!r}; give its id instead."
            ) from None
        except exceptions.BadRequestException as fault:
            raise InvalidOption(
                f"{option}: Keystone cannot look for the project {name_or_id!r}"
                f"{f' in the domain {domain!r}' if domain else ''}: {fault.details or fault}."
            ) from None
        except exceptions.DuplicateResource:
            raise InvalidOption(
                f"{option}: several projects bear the name {name_or_id!r}; give its domain, or its id."
            ) from None
    if project is None:
        raise InvalidOption(f"{option}: there is no project {name_or_id!r} that these credentials can see.")
    return project.id


def project_names(glance: Glance, ids: t.Collection[str]) -> dict[str, str]:
    """The names of projects by id, as far as these credentials may know them; what cannot be found out is left out.

    The own one stands in the token. For others there are at most two calls: GET /v3/projects, which is for administrators, and
    where that is refused GET /v3/auth/projects, which lists the projects that the user can have a token for.
    """
    access = glance.access
    if access is None:
        return {}
    names = {access.project_id: access.project_name} if access.project_id else {}
    if not names.keys() >= set(ids):
        names |= _listed_projects(glance.conn, "/projects") or _listed_projects(glance.conn, "/auth/projects")
    return {project: names[project] for project in ids if names.get(project)}


def _listed_projects(conn: t.Any, path: str) -> dict[str, str]:
    """Names by id out of a list of Keystone; empty where it is refused, or there is no answer."""
    try:
        with explained():
            answer = persistently(lambda: conn.identity.get(path, timeout=_TIMEOUT))
        return {each["id"]: each["name"] for each in answer.json()["projects"]} if answer.status_code == 200 else {}
    except (ConnectionProblem, ValueError, KeyError, TypeError):
        return {}


def _domain_id(conn: t.Any, domain: str) -> str:
    """The id of a domain; what cannot be looked up is taken as an id, because few may look domains up."""
    from openstack import exceptions

    try:
        found = persistently(lambda: conn.identity.find_domain(domain, ignore_missing=True))
    except exceptions.HttpException:
        return domain
    return found.id if found else domain
