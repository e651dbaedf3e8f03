# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What a task declares about one image: options turned into values as Glance holds them. Pure."""

from __future__ import annotations

import dataclasses
import typing as t

from ._errors import InvalidOption
from ._observed import BASE_ATTRIBUTES, FOREIGN_PREFIXES, OWN_PREFIX
from ._source import Source, declared_source, require_uuid
from ._texts import require_amount, require_text
from ._version_options import declared_version

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
    #: Of which family the image is which version; both or none.
    family: str | None = None
    version: str | None = None
    #: Whether this version is to have the name; None leaves it to the newest good one, False keeps it from getting it.
    promote: bool | None = None
    #: Whether this task gives the name to the version that ought to have it; in a catalogue one of the family does.
    moves_name: bool = True
    #: Keys (:func:`._version_order.version_key`) of further versions of the family that the same task declares.
    siblings: frozenset[t.Any] = frozenset()
    #: Those of them that are not to be promoted: whoever takes the name from one excludes it, as its own entry would do next time.
    held_back: frozenset[t.Any] = frozenset()
    #: Images that the same task tells what they boot with: kernel_id or ramdisk_id, then "id" and an id, or a project and a name,
    #: or a project, a family and a version.
    followers: frozenset[tuple[str, ...]] = frozenset()
    #: The collection's own properties that options set; None removes one.
    stamps: dict[str, str | None] = dataclasses.field(default_factory=dict)
    #: Projects that share the image: names or ids as declared, later ids.
    members: frozenset[str] | None = None
    purge_members: bool = False
    #: The stores that hold the data, no other; in the order in which they are declared.
    stores: tuple[str, ...] | None = None
    #: Whether min_disk is to be what the virtual disk needs.
    fit_min_disk: bool = False
    #: Whether a protected image may be deleted.
    force: bool = False
    wait: bool = True
    #: Whether data goes in by an import, in which the cloud may change it, its format included.
    imported: bool = False

    @property
    def identity(self) -> str | None:
        """The content key that this content bears in Glance, where its hash there may differ from the source's."""
        if self.content_key or not (self.source and self.source.key):
            return self.content_key
        key = ":".join(self.checksum) if self.checksum else self.source.key
        formats = [each for each in (self.disk_format, self.container_format) if each]
        return ",".join([key, *formats])


def desired_image(params: dict[str, t.Any]) -> Desired:
    """Make the declaration out of the options of the module ``image``.

    Options that need the outside world (checksum, the size of filename, owner, members, kernel, ramdisk) are filled in later with
    ``dataclasses.replace``.

    :raises InvalidOption: if a value cannot be held by Glance, or options contradict each other.
    """
    if params["volume"]:
        raise InvalidOption(
            "volume: making an image of a volume needs Cinder, which this collection does not speak to yet; upload a file "
            "(filename) or let Glance fetch one (uri)."
        )
    require_amount("min_disk", params["min_disk"])
    if params["min_disk_from_virtual_size"] and params["min_disk"] is not None:
        raise InvalidOption("min_disk: min_disk_from_virtual_size says it already; leave one of them out.")
    require_amount("min_ram", params["min_ram"])
    for option in ("kernel", "ramdisk"):
        if params[option]:
            require_name(params[option], option)
    return Desired(
        name=require_name(params["name"]),
        state=params["state"],
        id=require_uuid(params["id"], "id"),
        attributes=_attributes(params),
        disk_format=_format("disk_format", params["disk_format"]),
        container_format=_format("container_format", params["container_format"]),
        properties=desired_properties(params["properties"] or {}),
        purge_properties=params["purge_properties"],
        tags=_tags(params["tags"]),
        source=declared_source(params),
        content_key=_content_key(params["content_key"]),
        on_content_change=params["on_content_change"],
        retire=params["retire"],
        **declared_version(params),
        members=_members(params),
        purge_members=params["purge_members"],
        stores=_stores(params["stores"]),
        fit_min_disk=params["min_disk_from_virtual_size"],
        force=params["force"],
        wait=params["wait"],
        imported=bool(params["use_import"] or params["import_method"] or params["uri"] or params["remote_image_id"]),
    )


def require_name(name: str, option: str = "name") -> str:
    """Return an image name that Glance can hold.

    :raises InvalidOption: if it is empty, too long, or holds a character outside the Basic Multilingual Plane.
    """
    if not name:
        raise InvalidOption(f"{option}: an image name cannot be empty.")
    require_text(option, name, _NAME_LIMIT)
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


def _members(params: dict[str, t.Any]) -> frozenset[str] | None:
    """:raises InvalidOption: if members are to be purged but none are declared, not even an empty list."""
    members = params["members"]
    if params["state"] == "absent":
        return None
    if members is None:
        if params["purge_members"]:
            raise InvalidOption("purge_members: needs the option members, which may be empty.")
        return None
    if not all(member.strip() for member in members):
        raise InvalidOption("members: the name or id of a project cannot be empty.")
    return frozenset(members)


def _stores(stores: list[str] | None) -> tuple[str, ...] | None:
    if stores is None:
        return None
    if not stores or not all(stores):
        raise InvalidOption("stores: an image is in one store at least; name it, or leave the option out.")
    return tuple(dict.fromkeys(stores))


def _format(option: str, value: str | None) -> str | None:
    if value == "":
        raise InvalidOption(f"{option}: cannot be empty.")
    return value


def _content_key(value: str | None) -> str | None:
    if value is None:
        return None
    if not value:
        raise InvalidOption("content_key: cannot be empty.")
    require_text("content_key", value, _VALUE_LIMIT)
    return value


def _tags(tags: list[str] | None) -> frozenset[str] | None:
    if tags is None:
        return None
    for tag in tags:
        if not tag:
            raise InvalidOption("tags: a tag cannot be empty.")
        require_text("tags", tag, _TAG_LIMIT)
    return frozenset(tags)


def _property_key(key: t.Any) -> str:
    if not isinstance(key, str) or not key:
        raise InvalidOption(f"properties: the key {key!r} is not a text, or empty.")
    require_text("properties", key, _KEY_LIMIT)
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
    require_text(f"properties: the value of {key!r}", value, _VALUE_LIMIT)
    if len(value.encode()) > _VALUE_LIMIT:
        raise InvalidOption(f"properties: the value of {key!r} takes more than {_VALUE_LIMIT} bytes.")
    return value
