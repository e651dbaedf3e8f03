# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes the projects, users, roles, limits and the catalogue of a local cloud in its running Keystone, as far as they differ.

Called as ``identity.py SETTINGS`` where SETTINGS is JSON (see vars/main.yml of the role). Prints JSON with the changes made.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import openstack
from keystoneauth1.exceptions import ClientException, Unauthorized
from openstack.exceptions import SDKException

DOMAIN = "default"
INTERFACES = ("admin", "internal", "public")


def connect(settings: dict[str, Any], user: str, password: str, project: str) -> Any:
    """A connection that asks no catalogue where Keystone is, since the catalogue may be what has to be mended."""
    return openstack.connection.Connection(
        auth={
            "auth_url": settings["auth_url"],
            "username": user,
            "password": password,
            "project_name": project,
            "user_domain_id": DOMAIN,
            "project_domain_id": DOMAIN,
        },
        identity_endpoint_override=settings["auth_url"],
        identity_api_version="3",
    )


def ensure_accounts(identity: Any, settings: dict[str, Any], passwords: dict[str, str]) -> list[str]:
    """Make the projects, the users with their passwords, and the roles."""
    changes = []
    projects = {project.name: project for project in identity.projects(domain_id=DOMAIN)}
    users = {user.name: user for user in identity.users(domain_id=DOMAIN)}
    roles = {role.name: role.id for role in identity.roles()}
    assignments = {
        (each.user["id"], each.scope["project"]["id"], each.role["id"])
        for each in identity.role_assignments()
        if each.user and "project" in each.scope
    }
    accounts = [*settings["accounts"]]
    accounts += [
        {"user": service["name"], "project": "service", "role": "service"}
        for service in settings["services"]
        if service["has_user"]
    ]
    for account in accounts:
        user, project = account["user"], account["project"]
        if project not in projects:
            projects[project] = identity.create_project(name=project, domain_id=DOMAIN)
            changes.append(f"project {project} created")
        if user not in users:
            users[user] = identity.create_user(name=user, domain_id=DOMAIN, password=passwords[user])
            changes.append(f"user {user} created")
        role = roles[account["role"]]
        if (users[user].id, projects[project].id, role) not in assignments:
            identity.assign_project_role_to_user(projects[project].id, users[user].id, role)
            changes.append(f"role {account['role']} in project {project} given to user {user}")
        try:
            connect(settings, user, passwords[user], project).authorize()
        except (SDKException, Unauthorized):
            identity.update_user(users[user].id, password=passwords[user], is_enabled=True)
            changes.append(f"password of user {user} set")
    return changes


def ensure_catalogue(identity: Any, settings: dict[str, Any]) -> list[str]:
    """Make the regions, the services and their endpoints, and remove endpoints that lead elsewhere."""
    changes = []
    regions = {each.id for each in identity.regions()}
    for region in (settings["region"], *settings["more_regions"]):
        if region not in regions:
            identity.create_region(id=region)
            changes.append(f"region {region} created")
    services = {service.type: service for service in identity.services()}
    endpoints = list(identity.endpoints())
    for wanted in settings["services"]:
        kind, url = wanted["type"], f"http://127.0.0.1:{wanted['port']}{wanted['path']}"
        if kind not in services:
            services[kind] = identity.create_service(type=kind, name=wanted["name"])
            changes.append(f"service {wanted['name']} created")
        elsewhere = settings["more_regions"] if kind == "image" else {}
        places = {(settings["region"], url), *elsewhere.items()}
        missing = {(interface, *place) for interface in INTERFACES for place in places}
        for endpoint in endpoints:
            if endpoint.service_id != services[kind].id:
                continue
            found = (endpoint.interface, endpoint.region_id, endpoint.url)
            if found in missing:
                missing.remove(found)
            else:
                identity.delete_endpoint(endpoint)
                changes.append(f"{endpoint.interface} endpoint {endpoint.url} of {wanted['name']} removed")
        for interface, region, address in sorted(missing):
            identity.create_endpoint(service_id=services[kind].id, interface=interface, region_id=region, url=address)
            changes.append(f"{interface} endpoint {address} of {wanted['name']} created")
    return changes


def ensure_limits(identity: Any, settings: dict[str, Any]) -> list[str]:
    """Make the limits of the image service, let its user read them, and remove limits that are not wanted any more."""
    changes = []
    service = next(identity.services(type="image"))
    region, wanted = settings["region"], dict(settings["limits"])
    for limit in identity.registered_limits(service_id=service.id):
        name = limit.resource_name
        if limit.region_id != region or name not in wanted:
            identity.delete_registered_limit(limit)
            changes.append(f"limit {name} removed")
            continue
        value = wanted.pop(name)
        if limit.default_limit != value:
            identity.update_registered_limit(limit, default_limit=value)
            changes.append(f"limit {name} set to {value}")
    for name, value in wanted.items():
        identity.create_registered_limit(
            service_id=service.id, region_id=region, resource_name=name, default_limit=value
        )
        changes.append(f"limit {name} of {value} created")
    if settings["limits"]:
        changes += ensure_reader(identity, service.name)
    return changes


def ensure_reader(identity: Any, name: str) -> list[str]:
    """Let a user read what belongs to the whole system, as limits do."""
    user = next(identity.users(name=name, domain_id=DOMAIN))
    role = next(identity.roles(name="reader"))
    if identity.validate_user_has_system_role(user, role, "all"):
        return []
    identity.assign_system_role_to_user(user, role, "all")
    return [f"role reader of the system given to user {name}"]


def main() -> int:
    """Do what the command line asks."""
    settings = json.loads(sys.argv[1])
    passwords = json.loads(Path(settings["secrets"]).read_text())
    # Settings of the caller's own cloud or proxy are not meant for this one.
    for name in [name for name in os.environ if name.startswith("OS_")]:
        del os.environ[name]
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    try:
        identity = connect(settings, "admin", passwords["admin"], "admin").identity
        changes = ensure_accounts(identity, settings, passwords) + ensure_catalogue(identity, settings)
        changes += ensure_limits(identity, settings)
    except (SDKException, ClientException) as error:
        print(f"Keystone at {settings['auth_url']} could not be set up: {error}", file=sys.stderr)
        return 1
    print(json.dumps({"changes": changes}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
