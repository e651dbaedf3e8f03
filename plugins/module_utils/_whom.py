# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Who asks which cloud, and what to check where that fails: Keystone's own words say neither."""

from __future__ import annotations

import typing as t

from . import _address

_CHECK_AUTH_URL = (
    "Check auth_url, which is the address of Keystone (for instance https://cloud.example.com:5000/v3), "
    "and whether this host can reach it."
)
_CHECK_TLS = "Check auth_url, and the options ca_cert and validate_certs."
_ABOUT_USER = (
    "Check the password, the user and the project, and the domains of both; Keystone does not tell them apart."
)
_ABOUT_APPLICATION = "Check the id, or name and user, and the secret of the application credential, and whether it has expired or was deleted."
_CHECK_DOMAINS = "Check the domains of the user and the project (user_domain_name and project_domain_name in auth)."
_NO_SCHEME = "Write http:// or https:// in front of auth_url."
_NO_PROJECT = "Name the project (project_name and project_domain_name in auth): without one there is no catalogue."
_ABOUT_BEARER = "Check whether the token has expired, and whether it is meant for this cloud and project."


def told(conn: t.Any, fault: BaseException | None) -> str:
    """Sentences about a connection that failed, each with a blank before it.

    :param conn: an ``openstack.connection.Connection`` whose configuration was read.
    :param fault: what keystoneauth or openstacksdk raised.
    """
    auth = conn.config.get_auth_args()
    parts = [each for each in (_cloud(conn.config), _user(auth), _scope(auth), _place(conn.config, auth)) if each]
    sentences = [f"Tried with {', '.join(parts)}." if parts else "", _advice(auth, fault)]
    return "".join(f" {sentence}" for sentence in sentences if sentence)


def _cloud(config: t.Any) -> str:
    # openstacksdk's names for what comes of options and of the environment
    return f"cloud {config.name!r}" if config.name and config.name not in ("defaults", "envvars") else ""


def _user(auth: t.Mapping[str, t.Any]) -> str:
    application = auth.get("application_credential_id") or auth.get("application_credential_name")
    user = _named(auth, "user", auth.get("username") or auth.get("user_id"))
    return f"application credential {application!r}" + (f" of {user}" if user else "") if application else user


def _scope(auth: t.Mapping[str, t.Any]) -> str:
    project = auth.get("project_name") or auth.get("project_id") or auth.get("tenant_name") or auth.get("tenant_id")
    if project:
        return _named(auth, "project", project)
    domain = auth.get("domain_name") or auth.get("domain_id")
    return f"the domain {domain!r}" if domain else ""


def _named(auth: t.Mapping[str, t.Any], kind: str, name: t.Any) -> str:
    if not name:
        return ""
    domain = auth.get(f"{kind}_domain_name") or auth.get(f"{kind}_domain_id")
    domain = domain or auth.get("default_domain_name") or auth.get("default_domain_id")
    return f"{kind} {str(name)!r}" + (f" (domain {str(domain)!r})" if domain else "")


def _place(config: t.Any, auth: t.Mapping[str, t.Any]) -> str:
    url = auth.get("auth_url")
    region = config.config.get("region_name")
    places = [f"auth_url {_address.public_address(str(url))}" if url else "", f"region {region!r}" if region else ""]
    return ", ".join(place for place in places if place)


def _advice(auth: t.Mapping[str, t.Any], fault: BaseException | None) -> str:
    from keystoneauth1 import exceptions

    elsewhere = (
        exceptions.NotFound,
        exceptions.MethodNotAllowed,
        exceptions.DiscoveryFailure,
        exceptions.ConnectFailure,
        exceptions.ConnectionError,
        exceptions.InvalidResponse,
    )
    if auth.get("auth_url") and not _address.is_url(str(auth["auth_url"])):
        return _NO_SCHEME
    if isinstance(fault, (exceptions.Unauthorized, exceptions.NotFound)):
        if auth.get("application_credential_id") or auth.get("application_credential_name"):
            return _ABOUT_APPLICATION
        if auth.get("token"):
            return _ABOUT_BEARER
    if isinstance(fault, exceptions.Unauthorized):
        return _ABOUT_USER
    if isinstance(fault, exceptions.BadRequest):
        return _CHECK_DOMAINS
    if isinstance(fault, exceptions.EmptyCatalog) and not _scope(auth):
        return _NO_PROJECT
    if isinstance(fault, exceptions.SSLError):
        return _CHECK_TLS
    return _CHECK_AUTH_URL if isinstance(fault, elsewhere) else ""
