# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Questions to Glance's list of images: filters turned into its own parameters, so that the server does the work."""

from __future__ import annotations

import datetime
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ._describe import described
from ._errors import InvalidOption
from ._glance import Glance, Json, connect
from ._observed import FAMILY, Image, is_image_id
from ._which import Wish, choose, is_offered, versions

#: openstacksdk's names of attributes, which filters of openstack.cloud.image_info use, by Glance's.
_SDK_NAMES = {
    "is_protected": "protected",
    "is_hidden": "os_hidden",
    "hash_algo": "os_hash_algo",
    "hash_value": "os_hash_value",
    "owner_id": "owner",
}
#: What Glance would take for something else, or ignore.
_NO_FILTERS = {
    "": "a name is needed",
    "limit": "see the option limit",
    "marker": "all pages are read",
    "sort": "see the option sort",
    "sort_dir": "see the option sort",
    "sort_key": "see the option sort",
    "tags": "tag is one",
}
#: What Glance compares with a list (operator ``in``).
_LISTABLE = ("id", "name", "status", "container_format", "disk_format")
#: What Glance compares with an operator in front, which a plain value must not be taken for.
_WITH_OPERATOR = ("name", "id", "status", "container_format", "disk_format")
_OPERATORS = ("eq:", "in:", "neq:", "gt:", "gte:", "lt:", "lte:")


def answer(module: AnsibleModule) -> dict[str, t.Any]:
    """What the module ``image_info`` returns."""
    params = module.params
    query = glance_query(params["filters"] or {})
    if params["sort"]:
        query["sort"] = params["sort"]
    if params["limit"] is not None and params["limit"] < 1:
        raise InvalidOption(f"limit: {params['limit']} is not a number of images; leave it out to get them all.")
    wish = _wish(params)
    with connect(params) as glance:
        if wish:
            found = of_family(glance, wish, query)[: params["limit"]]
        else:
            found = _found(glance, params["name"], query, params["limit"])
        return {"images": [described(image) for image in found]}


def of_family(glance: Glance, wish: Wish, query: dict[str, t.Any]) -> list[Json]:
    """The versions of a family that are asked for, the newest first; see :func:`._which.versions`.

    :param query: further parameters of GET /v2/images.
    """
    if FAMILY in query:
        raise InvalidOption(f"filters: {FAMILY} is what the family says; leave it out.")
    found = _eligible(glance, glance.hidden_too({**query, FAMILY: wish.family}), query)
    now = datetime.datetime.now(datetime.UTC)
    return [image.raw for image in versions(found, wish, glance.project_id, now)]


def one_named(glance: Glance, name: str, query: dict[str, t.Any]) -> Json | None:
    """The image that a name or an id means; see :func:`._which.choose`. One that was replaced is meant by its id alone.

    :param query: further parameters of GET /v2/images.
    """
    found = _found(glance, name, query, None)
    by_id = [Image(raw) for raw in found if raw["id"] == name]
    by_name = [image for image in _eligible(glance, found, query) if not image.retired]
    image = choose(by_id or by_name, name, glance.project_id)
    return image.raw if image else None


def _eligible(glance: Glance, found: t.Iterable[Json], query: t.Mapping[str, t.Any]) -> list[Image]:
    """The images that may be meant; filters that say whose, or how visible, are taken at their word."""
    images = [Image(raw) for raw in found]
    says_whose = "owner" in query or "visibility" in query
    if says_whose or not glance.sees_all:
        return images
    return [image for image in images if is_offered(image, (glance.project_id,))]


def _wish(params: dict[str, t.Any]) -> Wish | None:
    """What the options of ``image_info`` ask of a family; None if they do not speak of one."""
    latest = params["latest"]
    if params["family"] is not None:
        for option in ("name", "sort"):
            if params[option] is not None:
                raise InvalidOption(f"{option}: does not go with family, which finds versions, the newest first.")
        return Wish(params["family"], params["version"], latest is None or latest)
    for option in ("version", "latest"):
        if params[option] is not None:
            raise InvalidOption(f"{option}: says which version of a family is meant, so the option family is needed.")
    return None


def glance_query(filters: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Filters as parameters of GET /v2/images.

    :param filters: Glance's own filters, openstacksdk's names for them, or any property; properties may also stand in a
        dictionary ``properties`` of their own.
    :raises InvalidOption: if a value cannot be compared by Glance.
    """
    nested = filters.get("properties") or {}
    if not isinstance(nested, dict):
        raise InvalidOption("filters: properties must be a dictionary.")
    flat = {key: value for key, value in filters.items() if key != "properties"} | nested
    for key in flat:
        if key in _NO_FILTERS:
            raise InvalidOption(f"filters: {key!r} is no filter; {_NO_FILTERS[key]}.")
    return {_SDK_NAMES.get(key, key): _value(_SDK_NAMES.get(key, key), value) for key, value in flat.items()}


def _value(key: str, value: t.Any) -> t.Any:
    if isinstance(value, (list, tuple)):
        if key == "tag":
            return [str(each) for each in value]
        if any('"' in str(each) for each in value):
            raise InvalidOption(f"filters: Glance cannot look for a {key} with a quotation mark in a list of several.")
        if key in _LISTABLE:
            return "in:" + ",".join(f'"{each}"' for each in value)
        raise InvalidOption(
            f"filters: {key} cannot be compared with a list; Glance can do that with {', '.join(_LISTABLE)}."
        )
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, dict):
        raise InvalidOption(f"filters: the value of {key} is not a text, number or truth value.")
    text = str(value)
    return f"eq:{text}" if key in _WITH_OPERATOR and not text.startswith(_OPERATORS) else text


def _found(glance: Glance, name: str | None, query: dict[str, t.Any], limit: int | None) -> list[Json]:
    if name is None:
        return list(glance.images(query, limit))
    found = glance.named(name, query, limit)
    if found or not is_image_id(name):
        return found
    if query:
        return glance.hidden_too(query | {"id": f"eq:{name}"}, limit)
    image = glance.image(name)
    return [image] if image else []
