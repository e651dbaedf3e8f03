# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What an image service offers, gathered out of its discovery calls."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ._errors import ServerRefusal
from ._glance import Glance, Json, connect, is_true

#: Answers after which the other calls are worth while; 500 is what a cloud says whose limits are not set up right.
_NOT_OFFERED = (403, 404, 405, 410, 500, 501)


def answer(module: AnsibleModule) -> dict[str, t.Any]:
    """What the module ``image_service_info`` returns."""
    with connect(module.params) as glance:
        return {"image_service": _gathered(glance)}


def _gathered(glance: Glance) -> Json:
    """Ask for everything, and go on without what is refused."""
    refused: dict[str, str] = {}

    def asked(key: str, call: t.Callable[[], t.Any]) -> t.Any:
        try:
            return call()
        except ServerRefusal as refusal:
            if refusal.status not in _NOT_OFFERED:
                raise
            refused[key] = refusal.message
            return None

    detailed = asked("stores_detail", glance.stores_in_detail)
    # the detailed answer holds the plain one
    stores = detailed if detailed is not None else asked("stores", glance.stores)
    return {
        **described_versions(asked("api_versions", glance.versions) or []),
        "import_methods": asked("import_methods", glance.import_methods) or [],
        **described_stores(stores, detailed is not None),
        **described_schema(asked("schema", glance.schema) or {}),
        "project": described_project(glance.access),
        "usage": asked("usage", glance.usage),
        "refused": refused,
    }


def described_versions(versions: list[Json]) -> Json:
    """The versions of the API, newest first, and the one that is current."""
    known = [{"id": version["id"].removeprefix("v"), "status": version["status"]} for version in versions]
    known.sort(key=lambda version: _number(version["id"]), reverse=True)
    current = [version["id"] for version in known if version["status"] == "CURRENT"]
    return {"api_versions": known, "api_version": current[0] if current else None}


def described_stores(stores: list[Json] | None, detailed: bool) -> Json:
    """The stores with one set of keys, whether details are allowed or not; none on a cloud with a single store."""
    return {
        "multiple_stores": stores is not None,
        "stores_detailed": detailed,
        "default_store": next((store["id"] for store in stores or () if is_true(store.get("default"))), None),
        "stores": [
            {
                "id": store["id"],
                "description": store.get("description"),
                "is_default": is_true(store.get("default")),
                "is_read_only": is_true(store.get("read-only")),
                **{key: store.get(key) for key in ("type", "weight", "properties")},
            }
            for store in stores or ()
        ],
    }


def described_schema(schema: Json) -> Json:
    """What the schema of images allows and demands."""
    properties = schema.get("properties", {})
    allowed = {
        f"{attribute}s": sorted(filter(None, properties.get(attribute, {}).get("enum") or ()))
        for attribute in ("disk_format", "container_format")
    }
    return {
        **allowed,
        "visibilities": sorted(properties.get("visibility", {}).get("enum") or ()),
        "required_properties": sorted(schema.get("required") or ()),
    }


def described_project(access: t.Any) -> Json | None:
    """The project that a token is for; None if there is no token, or it is for none.

    :param access: see :attr:`._glance.Glance.access`.
    """
    if access is None or not access.project_id:
        return None
    return {
        "id": access.project_id,
        "name": access.project_name,
        "domain_id": access.project_domain_id,
        "domain_name": access.project_domain_name,
    }


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
