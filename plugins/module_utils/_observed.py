# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What Glance has: images as read from its JSON. Pure."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t
import uuid

from ._content_type import Content

#: Attributes that Glance itself defines (schema /v2/schemas/image, ``is_base``); everything else is a property.
BASE_ATTRIBUTES = frozenset(
    "checksum container_format created_at direct_url disk_format file id locations min_disk min_ram name os_hash_algo "
    "os_hash_value os_hidden owner protected schema self size status stores tags updated_at virtual_size "
    "visibility".split()
)

#: Properties that Glance or openstacksdk write on their own account.
FOREIGN_PREFIXES = ("os_glance", "owner_specified.openstack.")

#: The collection's own properties.
OWN_PREFIX = "cloudimage_"
#: Identity of content that the image's hash cannot tell: digest of the source plus the recipe.
CONTENT_KEY = "cloudimage_content_key"
#: On an image that is being made: the id of the image whose place it is going to take.
INCOMING_FOR = "cloudimage_incoming_for"
#: On an image that has taken a place: the id of the image that had it before.
REPLACES = "cloudimage_replaces"
#: On an image that has lost its place and was kept: the id of the image that took it.
REPLACED_BY = "cloudimage_replaced_by"

#: What an image is a version of, and which one: the newest good version of a family has the family's name.
FAMILY = "cloudimage_family"
VERSION = "cloudimage_version"
#: On a version that is never to be the newest one of its family: "true".
EXCLUDED = "cloudimage_exclude_from_latest"
#: The last day on which a version is good, as ISO 8601 date ("2027-06-30").
END_OF_LIFE = "cloudimage_end_of_life"
#: When an image lost its name to another one, as ISO 8601 time in UTC ("2026-11-21T08:00:00Z").
SUPERSEDED_AT = "cloudimage_superseded_at"
#: The catalogue that declares an image, and may prune it.
CATALOG = "cloudimage_catalog"
#: The id of the image that these were written on. One that Cinder makes of a volume inherits them, and has another id.
WRITTEN_ON = "cloudimage_image_id"
#: What counts only where that says so. The other properties were written without it before 0.3.0, and count without it.
_SIGNED = frozenset({FAMILY, VERSION, EXCLUDED, END_OF_LIFE, SUPERSEDED_AT, CATALOG})

#: What Nova writes on images that it makes of servers. Those of servers with volumes have no type.
_OF_A_SERVER = ("instance_uuid", "base_image_ref", "block_device_mapping")

#: Statuses in which an image is on its way and somebody may be at work on it.
IN_MOTION = frozenset({"saving", "uploading", "importing"})
#: How long ago an image was changed that somebody else may be between two calls with. Clocks may differ as much.
_NEW = datetime.timedelta(seconds=30)
#: Statuses of images that are as good as gone, although listed.
GONE = frozenset({"deleted", "pending_delete"})


def is_image_id(value: str) -> bool:
    """Whether a text could be the id of an image: a UUID in its usual form."""
    try:
        return str(uuid.UUID(value)) == value.lower()
    except ValueError:
        return False


@dataclasses.dataclass(frozen=True)
class Image:
    """One image of Glance, read from its JSON (GET /v2/images/{id}, or an item of the list)."""

    raw: dict[str, t.Any] = dataclasses.field(repr=False)

    @property
    def id(self) -> str:
        return self.raw["id"]

    @property
    def name(self) -> str | None:
        return self.raw.get("name")

    @property
    def status(self) -> str:
        return self.raw["status"]

    @property
    def owner(self) -> str | None:
        return self.raw.get("owner")

    @property
    def hidden(self) -> bool:
        return bool(self.raw.get("os_hidden"))

    @property
    def protected(self) -> bool:
        return bool(self.raw.get("protected"))

    @property
    def size(self) -> int | None:
        """Bytes of the data; None before there is any."""
        return self.raw.get("size")

    @property
    def tags(self) -> frozenset[str]:
        return frozenset(self.raw.get("tags") or ())

    @property
    def stores(self) -> tuple[str, ...]:
        """Stores that hold the data; empty on a cloud with a single store."""
        return tuple(filter(None, (self.raw.get("stores") or "").split(",")))

    @property
    def created_at(self) -> str:
        return self.raw.get("created_at") or ""

    @property
    def custom(self) -> dict[str, str]:
        """All properties, whoever wrote them."""
        return {key: value for key, value in self.raw.items() if key not in BASE_ATTRIBUTES}

    @property
    def properties(self) -> dict[str, str]:
        """The properties that are the user's."""
        return {
            key: value
            for key, value in self.custom.items()
            if not key.startswith(FOREIGN_PREFIXES) and not key.startswith(OWN_PREFIX)
        }

    def stamp(self, key: str) -> str | None:
        """One of the collection's own properties. Those that an image has inherited from another one mean nothing."""
        return None if key in self.void else self.raw.get(key)

    @property
    def void(self) -> frozenset[str]:
        """The collection's own properties that mean nothing on it: they are those of the image that it was made from."""
        if self.snapshot or self._is_copy:
            return frozenset(key for key in self.raw if key.startswith(OWN_PREFIX))
        return frozenset() if WRITTEN_ON in self.raw else _SIGNED & self.raw.keys()

    @property
    def _is_copy(self) -> bool:
        """Whether it has inherited everything from another image, as one does that Cinder makes of a volume."""
        return self.raw.get(WRITTEN_ON, self.raw.get("id")) != self.raw.get("id")

    @property
    def snapshot(self) -> bool:
        """Whether it was made of a server, and so bears the properties of the image that the server was made from."""
        made_of = any(self.raw.get(key) for key in _OF_A_SERVER)
        return made_of or self.raw.get("image_type") in ("snapshot", "backup")

    @property
    def usable(self) -> bool:
        """Whether the image has its data."""
        return self.status in ("active", "deactivated")

    @property
    def is_slot(self) -> bool:
        """Whether data can still be put in: queued, and no failed attempt has left anything behind."""
        left = ("checksum", "stores", "os_glance_import_task")
        return self.status == "queued" and not any(self.raw.get(key) for key in left)

    @property
    def in_motion(self) -> bool:
        """Whether somebody may be at work on it. A failed glance-direct import stays "importing" with its lock freed."""
        if self.status == "importing" and self.raw.get("os_glance_failed_import"):
            return bool(self.raw.get("os_glance_import_task"))
        if self.status == "queued":  # an import that has been accepted, and not begun yet
            return bool(self.raw.get("os_glance_import_task"))
        return self.status in IN_MOTION

    @property
    def retired(self) -> bool:
        """Whether it was replaced and put out of sight. One that somebody has brought back into sight counts again.

        A snapshot inherits the property from its base image, but it is not hidden, unless it was replaced itself.
        """
        return self.hidden and bool(self.raw.get(REPLACED_BY)) and not self._is_copy

    @property
    def copying(self) -> bool:
        """Whether a task has not let go of a usable image: Glance saves it once more at the end, as it was at the start."""
        return self.usable and bool(self.raw.get("os_glance_import_task"))

    @property
    def virtual_size(self) -> int | None:
        """Bytes of the disk that the data describes; None where Glance does not tell (other containers than bare)."""
        if self.raw.get("container_format") not in (None, "bare"):
            return None
        return self.raw.get("virtual_size") or (self.size if self.raw.get("disk_format") == "raw" else None)

    def digest(self, algorithm: str) -> str | None:
        """The digest of the data that Glance has computed with an algorithm, or None."""
        if algorithm == self.raw.get("os_hash_algo"):
            return self.raw.get("os_hash_value")
        return self.raw.get("checksum") if algorithm == "md5" else None

    @property
    def hash_algorithm(self) -> str | None:
        """The strongest algorithm for which Glance tells the digest of the data."""
        if self.raw.get("os_hash_value"):
            return self.raw.get("os_hash_algo")
        return "md5" if self.raw.get("checksum") else None


@dataclasses.dataclass(frozen=True)
class Observed:
    """Everything outside that a plan is made from."""

    #: Images under the declared name in the project, or the one with the declared id.
    images: tuple[Image, ...]
    #: The project in which the name is looked up.
    project_id: str
    now: datetime.datetime
    #: The image that has the family's name and is not the declared version itself; a new version inherits from it.
    holder: Image | None = None
    #: Whether a newer version is there and good, so that the declared one is made as one that has been superseded.
    outshone: bool = False
    #: Ids of further images of the declared version with the same content, which give way.
    twins: frozenset[str] = frozenset()
    #: Digests of the local source by algorithm, as far as the plan asked for them.
    digests: dict[str, str] = dataclasses.field(default_factory=dict)
    #: Real format of the local source, once asked for, and bytes of the disk in it.
    source_format: str | None = None
    source_virtual_size: int | None = None
    #: What the local source is, if it is no disk image.
    source_other: Content | None = None
    #: Allowed values by attribute (disk_format, container_format), and names of required properties, of this cloud.
    schema: dict[str, t.Any] | None = None
    #: Import methods that the cloud offers.
    import_methods: tuple[str, ...] | None = None
    #: The cloud's stores, and whether they can be written to; empty on a cloud with a single store.
    stores: dict[str, bool] | None = None
    #: Projects that share the current image: member id to member status.
    members: dict[str, str] | None = None
    #: Of memberships of the current image that Glance has several times, the statuses of all rows, by project.
    doubled: dict[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    #: Whether these credentials may answer for the projects that share an image, as those of an administrator.
    answers_for_members: bool = False
    #: Versions of the family that bears the declared name; asked for only where no image has it.
    relatives: tuple[Image, ...] | None = None
    #: Whether this run has done all that is declared, and only has to see that others have left the name where it belongs.
    said: bool = False
    #: Images that have others as kernel or ramdisk, by the ids of those; only for those that a plan would delete.
    needing: dict[str, tuple[Image, ...]] = dataclasses.field(default_factory=dict)
    #: Ids of images that were waited for in vain.
    stuck: frozenset[str] = frozenset()
    #: Ids of images that somebody else may be about to fill or to put in place; see :func:`in_other_hands`.
    in_hands: frozenset[str] = frozenset()

    @property
    def time(self) -> str:
        """The time of the observation as Glance writes times, and the property of superseded images, too."""
        return self.now.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def in_other_hands(images: t.Iterable[Image], now: datetime.datetime, mine: t.Container[str]) -> frozenset[str]:
    """Images with which somebody else may be between two calls: just made and not filled, or filled and not put in place.

    :param mine: ids of images that were made by this very process.
    """

    def is_new(image: Image) -> bool:
        try:
            changed = datetime.datetime.fromisoformat(image.raw.get("updated_at") or "")
        except ValueError:
            return False
        return abs(now - changed) < _NEW

    between = (image for image in images if image.is_slot or (image.usable and image.stamp(INCOMING_FOR)))
    return frozenset(image.id for image in between if image.id not in mine and is_new(image))
