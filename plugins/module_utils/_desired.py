# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What a task declares about one image: options turned into values as Glance holds them. Pure."""

from __future__ import annotations

import dataclasses
import hashlib
import typing as t
import urllib.parse
import uuid

from ._address import public_address
from ._errors import InvalidOption
from ._observed import BASE_ATTRIBUTES, FOREIGN_PREFIXES, OWN_PREFIX

_NAME_LIMIT = 255
_KEY_LIMIT = 255
_TAG_LIMIT = 255
#: properties[].value is a TEXT column in Glance's database: 65,535 bytes on MySQL and MariaDB.
_VALUE_LIMIT = 65535
#: Names that Glance refuses for properties (403), though its schema does not list them.
_RESERVED = ("deleted", "deleted_at", "location")
#: Options that set what is an attribute of Glance, by the attribute's name.
_OPTION_OF_ATTRIBUTE = {
    "protected": "is_protected",
    "os_hidden": "is_hidden",
    "size": "filename",
    "os_hash_value": "checksum",
}


@dataclasses.dataclass(frozen=True)
class Source:
    """Where the image data comes from.

    :param method: None for a direct upload, else the name of a Glance import method.
    :param path: a local file, or None.
    :param uri: an address that Glance itself fetches, or None.
    :param size: bytes of the local file, or None.
    """

    method: str | None = None
    path: str | None = None
    uri: str | None = None
    size: int | None = None

    def __str__(self) -> str:
        return self.path if self.path else public_address(self.uri or "")


@dataclasses.dataclass(frozen=True)
class Desired:
    """One declared image. What is None, or not in a dictionary, is not declared and is left alone."""

    name: str
    state: str = "present"
    id: str | None = None
    #: Attributes of Glance under Glance's names: visibility, protected, os_hidden, min_disk, min_ram, owner.
    attributes: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    disk_format: str | None = None
    container_format: str | None = None
    #: Properties as Glance holds them; None removes one.
    properties: dict[str, str | None] = dataclasses.field(default_factory=dict)
    purge_properties: bool = False
    tags: frozenset[str] | None = None
    source: Source | None = None
    #: Digest of the source as (algorithm, hex digest).
    checksum: tuple[str, str] | None = None
    content_key: str | None = None
    on_content_change: str = "replace"
    retire: str = "hide"
    wait: bool = True
    #: Whether data goes in by an import, in which the cloud may change it, its format included.
    imported: bool = False

    @property
    def identity(self) -> str | None:
        """The content key that this content bears in Glance, where its hash there may differ from the source's."""
        if self.content_key or not (self.source and self.source.uri):
            return self.content_key
        uri_digest = hashlib.sha256(self.source.uri.encode()).hexdigest()
        key = ":".join(self.checksum) if self.checksum else f"uri-sha256:{uri_digest}"
        formats = [each for each in (self.disk_format, self.container_format) if each]
        return ",".join([key, *formats])


def desired_image(params: dict[str, t.Any]) -> Desired:
    """Make the declaration out of the options of the module ``image``.

    Options that need the outside world (checksum, the size of filename, owner, kernel, ramdisk) are filled in later with
    ``dataclasses.replace``.

    :raises InvalidOption: if a value cannot be held by Glance, or options contradict each other.
    """
    if params["volume"]:
        raise InvalidOption(
            "volume: making an image of a volume needs Cinder, which this collection does not speak to yet; upload a file "
            "(filename) or let Glance fetch one (uri)."
        )
    _require_amount("min_disk", params["min_disk"])
    _require_amount("min_ram", params["min_ram"])
    return Desired(
        name=require_name(params["name"]),
        state=params["state"],
        id=_uuid(params["id"]),
        attributes=_attributes(params),
        disk_format=_format("disk_format", params["disk_format"]),
        container_format=_format("container_format", params["container_format"]),
        properties=desired_properties(params["properties"] or {}),
        purge_properties=params["purge_properties"],
        tags=_tags(params["tags"]),
        source=_source(params),
        content_key=_content_key(params["content_key"]),
        on_content_change=params["on_content_change"],
        retire=params["retire"],
        wait=params["wait"],
        imported=bool(params["use_import"] or params["import_method"] or params["uri"]),
    )


def require_name(name: str, option: str = "name") -> str:
    """Return an image name that Glance can hold.

    :raises InvalidOption: if it is empty, too long, or holds a character outside the Basic Multilingual Plane.
    """
    if not name:
        raise InvalidOption(f"{option}: an image name cannot be empty.")
    _require_text(option, name, _NAME_LIMIT)
    return name


def desired_properties(properties: dict[t.Any, t.Any]) -> dict[str, str | None]:
    """Turn property values into what Glance holds: strings; None stays None and means "remove".

    :raises InvalidOption: if Glance cannot hold a key or value, or the key is not the user's to set.
    """
    return {_property_key(key): _property_value(key, value) for key, value in properties.items()}


def _attributes(params: dict[str, t.Any]) -> dict[str, t.Any]:
    visibility = params["visibility"]
    if visibility is None and params["is_public"] is not None:
        visibility = "public" if params["is_public"] else "private"
    values = {
        "visibility": visibility,
        "protected": params["is_protected"],
        "os_hidden": params["is_hidden"],
        "min_disk": params["min_disk"],
        "min_ram": params["min_ram"],
    }
    return {key: value for key, value in values.items() if value is not None}


def _source(params: dict[str, t.Any]) -> Source | None:
    """Where the data comes from and how it goes in.

    :raises InvalidOption: if the way in does not fit what is to go in.
    """
    method, path, uri = params["import_method"], params["filename"], params["uri"]
    if method == "glance-download":
        raise InvalidOption(
            "import_method: glance-download needs the region and the id of the remote image, and this version has no options "
            "for them yet."
        )
    if method == "web-download" and not uri:
        raise InvalidOption("import_method: web-download needs the option uri.")
    if method == "glance-direct" and not path:
        raise InvalidOption("import_method: glance-direct needs the option filename.")
    if path:
        if method == "web-download":
            raise InvalidOption("import_method: web-download fetches uri; it cannot be used with filename.")
        return Source(method="glance-direct" if params["use_import"] or method else None, path=path)
    if uri:
        _require_uri(uri)
        return Source(method="web-download", uri=uri)
    return None


def _require_uri(uri: str) -> None:
    try:
        parts = urllib.parse.urlsplit(uri)
        _port = parts.port
    except ValueError:
        raise InvalidOption("uri: this is no valid address.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidOption("uri: must be an http or https address with a host.")
    if parts.username or parts.password:
        raise InvalidOption(
            "uri: an address with a user or password in it is refused, because Glance keeps it where others can read it."
        )


def _uuid(value: str | None) -> str | None:
    if value is None:
        return None
    try:
        return str(uuid.UUID(value))
    except ValueError:
        raise InvalidOption(f"id: {value!r} is not a UUID, and Glance takes nothing else.") from None


def _format(option: str, value: str | None) -> str | None:
    if value == "":
        raise InvalidOption(f"{option}: cannot be empty.")
    return value


def _content_key(value: str | None) -> str | None:
    if value is None:
        return None
    if not value:
        raise InvalidOption("content_key: cannot be empty.")
    _require_text("content_key", value, _VALUE_LIMIT)
    return value


def _tags(tags: list[str] | None) -> frozenset[str] | None:
    if tags is None:
        return None
    for tag in tags:
        if not tag:
            raise InvalidOption("tags: a tag cannot be empty.")
        _require_text("tags", tag, _TAG_LIMIT)
    return frozenset(tags)


def _property_key(key: t.Any) -> str:
    if not isinstance(key, str) or not key:
        raise InvalidOption(f"properties: the key {key!r} is not a text, or empty.")
    _require_text("properties", key, _KEY_LIMIT)
    if key != key.strip():
        raise InvalidOption(f"properties: the key {key!r} begins or ends with white space, which Glance cuts off.")
    if key in _RESERVED:
        raise InvalidOption(f"properties: Glance reserves {key!r} for itself.")
    if key in BASE_ATTRIBUTES:
        option = _OPTION_OF_ATTRIBUTE.get(key, key)
        raise InvalidOption(
            f"properties: {key!r} is an attribute of every image, not a property; see the option {option}."
        )
    if key.startswith((*FOREIGN_PREFIXES, OWN_PREFIX)):
        raise InvalidOption(
            f"properties: {key!r} is reserved; Glance, openstacksdk or this collection write it themselves."
        )
    return key


def _property_value(key: str, value: t.Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if not isinstance(value, str):
        raise InvalidOption(f"properties: the value of {key!r} is a {type(value).__name__}; Glance holds only texts.")
    _require_text(f"properties: the value of {key!r}", value, _VALUE_LIMIT)
    if len(value.encode()) > _VALUE_LIMIT:
        raise InvalidOption(f"properties: the value of {key!r} takes more than {_VALUE_LIMIT} bytes.")
    return value


def _require_text(option: str, value: str, limit: int) -> None:
    """Refuse texts that Glance refuses: its MySQL tables hold at most three bytes a character, and no NUL."""
    if len(value) > limit:
        raise InvalidOption(f"{option}: {value[:40]!r}... has {len(value)} characters; Glance takes at most {limit}.")
    if any(ord(each) > 0xFFFF or each == "\0" or 0xD800 <= ord(each) <= 0xDFFF for each in value):
        raise InvalidOption(f"{option}: {value!r} holds a character that Glance cannot store (4-byte unicode, NUL).")


def _require_amount(option: str, value: int | None) -> None:
    if value is not None and not 0 <= value <= 2**31 - 1:
        raise InvalidOption(f"{option}: {value} is not between 0 and {2**31 - 1}.")
