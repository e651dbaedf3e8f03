# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small pure model of Glance's table of images, as strict as the real server."""

from __future__ import annotations

import copy
import dataclasses
import datetime
import hashlib
import typing as t
import uuid

from ansible_collections.cloudimage.glance.plugins.module_utils._source import RemoteImage, Source

Raw = dict[str, t.Any]

PROJECT = "4f1b0c5a7e2d4d0c9a3b8e6f5d4c3b2a"
NAME = "debian-13"
NOW = datetime.datetime(2026, 7, 1, 12, 0, tzinfo=datetime.UTC)
TODAY = "2026-07-01T11:00:00Z"

GIB = 1024**3
#: Files on the host, and what web servers hold. ONE and TWO are of equal size and raw, LONG is a qcow2 of a larger disk.
ONE, TWO, LONG = b"content one", b"content two", b"some longer content"
FILES = {"/img/one": ONE, "/img/two": TWO, "/img/long": LONG}
WEB = {"http://web/one": ONE, "http://web/two": TWO, "http://web/long": LONG}
QCOW2 = {LONG: 3 * GIB - 5}

READ_ONLY = frozenset(
    "id status size virtual_size checksum os_hash_algo os_hash_value created_at updated_at direct_url self file "
    "schema location deleted deleted_at".split()
)
BASE = frozenset(
    "name visibility protected os_hidden min_disk min_ram owner disk_format container_format tags stores".split()
)
FORMATS = ("disk_format", "container_format")
USABLE = ("active", "deactivated")
VISIBILITIES = ("public", "private", "shared", "community")


class Refused(AssertionError):
    """The real server would refuse this, or lose it."""


class Crashed(Exception):
    """The process that was at work has been killed."""


def digest(data: bytes, algorithm: str = "sha512") -> str:
    """Hexadecimal digest."""
    return hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()


def number(value: int) -> str:
    """An id that a test can be read with."""
    return str(uuid.UUID(int=value, version=4))


def upload(path: str = "/img/one", method: str | None = None) -> Source:
    """A local file as the source."""
    return Source(method=method, path=path, size=len(FILES[path]))


def web(uri: str = "http://web/one") -> Source:
    """An address that Glance fetches as the source."""
    return Source(method="web-download", uri=uri)


#: Images of another region: the data, and what glance-download takes over beside it.
REMOTE_ONE, REMOTE_LONG = (str(uuid.UUID(int=each, version=4)) for each in (101, 102))
REMOTE: dict[str, tuple[bytes, Raw]] = {
    REMOTE_ONE: (ONE, {"disk_format": "raw", "container_format": "ova"}),
    REMOTE_LONG: (
        LONG,
        {"disk_format": "qcow2", "container_format": "bare", "hw_disk_bus": "scsi", "os_distro": "far"},
    ),
}


def far(image_id: str = REMOTE_ONE) -> Source:
    """An image of another region as the source."""
    return Source(method="glance-download", remote=RemoteImage("far", image_id))


def data_of(source: Source) -> bytes:
    """What a source holds."""
    if source.remote:
        return REMOTE[source.remote.id][0]
    return FILES[source.path] if source.path else WEB[source.uri or ""]


def virtual_size(data: bytes, raw: Raw) -> int | None:
    """What Glance tells about the disk: it looks only into images whose container is bare."""
    if raw.get("container_format", "bare") != "bare":
        return None
    return len(data) if raw.get("disk_format", "raw") == "raw" else QCOW2.get(data, len(data))


def holding(data: bytes, algorithm: str | None = "sha512") -> Raw:
    """What Glance tells about data; algorithm "md5": an image from before Glance had os_hash, None: no digest at all."""
    strong = algorithm not in (None, "md5")
    return {
        "size": len(data),
        "checksum": digest(data, "md5") if algorithm else None,
        "os_hash_algo": algorithm if strong else None,
        "os_hash_value": digest(data, algorithm) if algorithm and strong else None,
        "stores": "fast",
    }


def signed(image_id: str, raw: Raw) -> Raw:
    """Properties that count only with the id of the image that they were written on, with that id."""
    signature = {"cloudimage_image_id": image_id} if _SIGNED & raw.keys() else {}
    return signature | raw


@dataclasses.dataclass
class Cloud:
    """Images by id, and what Glance knows beside their JSON."""

    images: dict[str, Raw] = dataclasses.field(default_factory=dict)
    members: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)
    burnt: set[str] = dataclasses.field(default_factory=set)
    #: The bytes themselves.
    data: dict[str, bytes] = dataclasses.field(default_factory=dict)
    #: How an image in motion will settle: a status, or "stuck".
    fates: dict[str, str] = dataclasses.field(default_factory=dict)
    #: Stores, and whether they can be written to; empty on a cloud with a single one.
    stores: dict[str, bool] = dataclasses.field(
        default_factory=lambda: {"fast": True, "slow": True, "tape": True, "web": False}
    )
    import_methods: tuple[str, ...] = ("glance-direct", "web-download", "glance-download", "copy-image")
    #: What imports add to images (inject_image_metadata), and the format into which they convert (image_conversion).
    injected: Raw = dataclasses.field(default_factory=dict)
    converts_to: str | None = None
    #: Stores into which a task is going to copy an image, or into which an import is going to put it.
    coming: dict[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    #: Project of the token.
    project: str = PROJECT
    #: Writes left before the process is killed; None for no end.
    life: int | None = None
    #: Every write, in short.
    log: list[str] = dataclasses.field(default_factory=list)
    #: Called after each write.
    watch: t.Callable[[Cloud], None] | None = None

    def copy(self) -> Cloud:
        """The same again, with nobody watching."""
        return dataclasses.replace(copy.deepcopy(dataclasses.replace(self, watch=None)), log=[], life=None)

    def put(self, number_or_id: int | str, data: bytes | None = ONE, **raw: t.Any) -> str:
        """An image that is there beforehand; ``data`` None for one without, whose status is queued if nothing else is said."""
        image_id = number(number_or_id) if isinstance(number_or_id, int) else number_or_id
        algorithm = raw.pop("algorithm", "sha512")
        facts = holding(data, algorithm) if data is not None else {}
        status = {"status": "active" if data is not None else "queued"}
        image = _fresh(image_id, self.project) | {"name": NAME} | _BARE | facts | status | signed(image_id, raw)
        self.images[image_id] = image
        if data is not None:
            self.data[image_id] = data
            image["virtual_size"] = raw.get("virtual_size", virtual_size(data, image))
        if not self.stores:
            image.pop("stores", None)
        return image_id

    # --- what Glance answers

    def named(self, name: str, owner: str = PROJECT) -> list[Raw]:
        """GET /v2/images by name, hidden ones too; killed ones are never listed."""
        found = [raw for raw in self.images.values() if raw["name"] == name and raw["owner"] == owner]
        return copy.deepcopy([raw for raw in found if raw["status"] != "killed"])

    def of_family(self, family: str, owner: str = PROJECT) -> list[Raw]:
        """GET /v2/images by the property of a family, hidden ones too."""
        found = [
            raw for raw in self.images.values() if raw.get("cloudimage_family") == family and raw["owner"] == owner
        ]
        return copy.deepcopy([raw for raw in found if raw["status"] != "killed"])

    def shown(self, name: str = NAME) -> list[str]:
        """Ids of active images that a plain listing shows."""
        found = self.named(name)
        return [raw["id"] for raw in found if raw["status"] == "active" and not raw["os_hidden"]]

    def post(self, body: Raw) -> Raw | None:
        """POST /v2/images; None for 409."""
        image_id = body["id"]
        if image_id in self.images or image_id in self.burnt:
            return None
        self._write(f"post {image_id}")
        for key, value in body.items():
            if key == "stores" or (key in READ_ONLY and key != "id"):
                raise Refused(f"403: POST with {key}")
            if key != "id":
                _require_valid(key, value)
        tags = {"tags": sorted(set(body.get("tags", ())))}
        self.images[image_id] = _fresh(image_id, self.project) | copy.deepcopy(body) | tags
        self._wrote()
        return self.images[image_id]

    def patch(self, image_id: str, operations: t.Sequence[Raw]) -> Raw:
        """PATCH /v2/images/{id}; all or nothing."""
        raw = dict(self._image(image_id))
        if raw["status"] == "saving" and self.fates.get(image_id) != "stuck":
            raise Refused("a PATCH while data moves is lost")
        self._require_free(raw)
        if not operations:
            raise Refused("a PATCH of nothing")
        self._write(f"patch {image_id} {' '.join(sorted(each['path'] for each in operations))}")
        for operation in operations:
            self._operate(raw, operation)
        self.images[image_id] = raw
        self._wrote()
        return raw

    def delete(self, image_id: str) -> None:
        """DELETE /v2/images/{id}; gone already is fine."""
        if image_id not in self.images:
            return
        raw = self.images[image_id]
        if raw["protected"]:
            raise Refused("403: protected")
        if raw["status"] == "importing" and raw.get("os_glance_import_task") and self.fates.get(image_id) != "stuck":
            raise Refused("a DELETE in the middle of an import leaks the file in the store")
        self._require_free(raw)
        self._write(f"delete {image_id}")
        del self.images[image_id]
        self.burnt.add(image_id)
        self.data.pop(image_id, None)
        self.members.pop(image_id, None)
        self.coming.pop(image_id, None)
        self._wrote()

    def upload(self, image_id: str, data: bytes, store: str | None) -> None:
        """PUT /v2/images/{id}/file: one store."""
        raw = self._clean(image_id)
        stores = self._writable((store,) if store else ())
        self._write(f"upload {image_id}")
        self._fill(raw, data, stores)
        self._wrote()

    def import_data(self, image_id: str, source: Source, stores: t.Sequence[str], wait: bool) -> None:
        """PUT .../stage if need be, and POST .../import; the import ends at once, or later by its fate."""
        raw = self._clean(image_id)
        if source.method not in self.import_methods:
            raise Refused(f"400: the import method {source.method}")
        self.coming[image_id] = self._writable(stores)
        self._write(f"import {image_id}")
        self.data[image_id] = data_of(source)
        raw.update(self._processed(source), status="importing", os_glance_import_task="task")
        if wait:
            self._import_ends(raw)
        else:
            self.fates[image_id] = "active"
        self._wrote()

    def copy_to_stores(self, image_id: str, stores: t.Sequence[str], wait: bool) -> None:
        """POST .../import with the method copy-image; like an import it ends at once, or later by its fate."""
        raw = self._image(image_id)
        if "copy-image" not in self.import_methods:
            raise Refused("400: the import method copy-image")
        if raw["status"] != "active":
            raise Refused(f"409: a copy of an image that is {raw['status']}")
        if raw.get("os_glance_import_task"):
            raise Refused("409: a copy while another task is at work")
        for store in self._writable(stores):
            if store in raw["stores"].split(","):
                raise Refused(f"400: a copy into {store}, which has it")
        self._write(f"copy {image_id} {' '.join(stores)}")
        self.coming[image_id] = tuple(stores)
        raw["os_glance_import_task"] = "task"
        if wait:
            self._copy_ends(raw)
        else:
            self.fates[image_id] = "active"
        self._wrote()

    def remove_from_store(self, image_id: str, store: str) -> None:
        """DELETE /v2/stores/{store}/{id}; only for active images, and never from the last store."""
        raw = self._image(image_id)
        there = raw["stores"].split(",")
        if store not in self.stores:
            raise Refused(f"409: there is no store {store}")
        if raw["status"] != "active":
            raise Refused(f"409: removal of an image that is {raw['status']}")
        self._require_free(raw)
        if len(there) == 1:
            raise Refused(f"403: {store} is the last store of {image_id}")
        if store not in there:
            raise Refused(f"404: {image_id} is not in {store}")
        self._write(f"remove {image_id} {store}")
        raw["stores"] = ",".join(each for each in there if each != store)
        self._wrote()

    def members_of(self, image_id: str) -> dict[str, str]:
        """GET /v2/images/{id}/members; the rows of an image that is not shared survive out of sight."""
        if self._image(image_id)["visibility"] != "shared":
            raise Refused("403: members of an image that is not shared")
        return dict(self.members.get(image_id, {}))

    def share(self, image_id: str, member: str) -> None:
        """POST /v2/images/{id}/members; 409 for one that is there is fine."""
        self.members_of(image_id)
        self._write(f"share {image_id} {member}")
        self.members.setdefault(image_id, {}).setdefault(member, "pending")
        self._wrote()

    def unshare(self, image_id: str, member: str) -> None:
        """DELETE /v2/images/{id}/members/{member}; gone already is fine."""
        self.members_of(image_id)
        self._write(f"unshare {image_id} {member}")
        self.members.get(image_id, {}).pop(member, None)
        self._wrote()

    def set_active(self, image_id: str, active: bool) -> None:
        """POST /v2/images/{id}/actions/..."""
        raw = self._image(image_id)
        if raw["status"] not in ("active", "deactivated"):
            raise Refused(f"403: re- or deactivate when {raw['status']}")
        self._require_free(raw)
        self._write(f"{'re' if active else 'de'}activate {image_id}")
        raw["status"] = "active" if active else "deactivated"
        self._wrote()

    def settle(self, image_id: str) -> bool:
        """Let time pass: an image in motion comes to rest, or, False, never does."""
        raw, fate = self.images[image_id], self.fates.pop(image_id, "active")
        if fate == "stuck":
            self.fates[image_id] = fate
            return False
        if fate == "gone":
            del self.images[image_id]
            self.burnt.add(image_id)
        elif raw["status"] in USABLE:
            if fate != "active":
                self.coming.pop(image_id, None)
            self._copy_ends(raw)
        elif fate == "active":
            self.data.setdefault(image_id, ONE)
            self._import_ends(raw)
        else:
            raw.pop("os_glance_import_task", None)
            raw.update(holding(ONE) | {"size": None} if fate == "poisoned" else {}, status="queued")
            self._forget_stores(raw)
        return True

    def snapshot(self, image_id: str, name: str, number_or_id: int | str) -> str:
        """What Nova makes of a server that was booted from an image: another image that inherits all its properties."""
        base = self.images[image_id]
        custom = {key: value for key, value in base.items() if key not in BASE and key not in READ_ONLY}
        custom |= {"image_type": "snapshot", "base_image_ref": image_id}
        return self.put(number_or_id, LONG, **custom, name=name, visibility="private")

    # --- inside

    def _operate(self, raw: Raw, operation: Raw) -> None:
        verb, path = operation["op"], operation["path"]
        if not path.startswith("/") or "/" in path[1:]:
            raise Refused(f"400: the path {path}")
        key = path[1:].replace("~1", "/").replace("~0", "~")
        if key in READ_ONLY or key == "stores":
            raise Refused(f"403: {key} is read-only")
        if key in FORMATS and raw["status"] != "queued":
            raise Refused(f"403: {key} of an image that is {raw['status']}")
        if verb == "remove":
            if key in BASE:
                raise Refused(f"403: {key} cannot be removed")
            if key not in raw:
                raise Refused(f"409: there is no {key} to be removed")
            del raw[key]
            return
        if verb not in ("add", "replace"):
            raise Refused(f"400: the operation {verb}")
        if verb == "replace" and key not in raw:
            raise Refused(f"409: there is no {key} to be replaced")
        _require_valid(key, operation["value"])
        raw[key] = sorted(set(operation["value"])) if key == "tags" else operation["value"]

    def _clean(self, image_id: str) -> Raw:
        raw = self._image(image_id)
        if raw["status"] != "queued":
            raise Refused(f"409: data for an image that is {raw['status']}")
        if raw.get("checksum") or raw.get("stores"):
            raise Refused("500: data for an image with the leftovers of a failed attempt")
        if not all(raw.get(key) for key in FORMATS):
            raise Refused("400: data for an image without formats")
        return raw

    def _writable(self, stores: t.Sequence[str]) -> tuple[str, ...]:
        for store in stores:
            if store not in self.stores:
                raise Refused(f"409: there is no store {store}")
            if not self.stores[store]:
                raise Refused(f"400: the store {store} can only be read")
        return tuple(stores)

    def _processed(self, source: Source) -> Raw:
        """What an import changes in the metadata; the conversion comes with the data."""
        return dict(self.injected) | (REMOTE[source.remote.id][1] if source.remote else {})

    def _import_ends(self, raw: Raw) -> None:
        data = self.data[raw["id"]]
        if self.converts_to and raw["disk_format"] != self.converts_to:
            data = self.converts_to.encode() + b" of " + data
            raw["disk_format"] = self.converts_to
        raw.pop("os_glance_import_task", None)
        self._fill(raw, data, self.coming.pop(raw["id"], ()))

    def _copy_ends(self, raw: Raw) -> None:
        raw.pop("os_glance_import_task", None)
        there = raw.get("stores", "").split(",")
        raw["stores"] = ",".join(dict.fromkeys([*there, *self.coming.pop(raw["id"], ())]))
        self._forget_stores(raw)

    def _fill(self, raw: Raw, data: bytes, stores: t.Sequence[str]) -> None:
        raw.update(holding(data), status="active", stores=",".join(stores or ("fast",)))
        raw["virtual_size"] = virtual_size(data, raw)
        self._forget_stores(raw)
        self.data[raw["id"]] = data

    def _forget_stores(self, raw: Raw) -> None:
        if not self.stores:
            raw.pop("stores", None)

    def _require_free(self, raw: Raw) -> None:
        """A task that copies saves the image at its end as it was at the start."""
        held = raw["status"] in USABLE and raw.get("os_glance_import_task")
        if held and self.fates.get(raw["id"]) != "stuck":
            raise Refused("a change while the image is copied is lost")

    def _image(self, image_id: str) -> Raw:
        if image_id not in self.images:
            raise Refused(f"404: {image_id}")
        if self.images[image_id]["status"] == "pending_delete":
            raise Refused(f"an image that is pending_delete is none of our business: {image_id}")
        return self.images[image_id]

    def _write(self, what: str) -> None:
        if self.life is not None:
            if not self.life:
                raise Crashed(what)
            self.life -= 1
        self.log.append(what)

    def _wrote(self) -> None:
        if self.watch:
            self.watch(self)


#: What counts only on the image that it was written on.
_SIGNED = {
    f"cloudimage_{key}"
    for key in ("family", "version", "exclude_from_latest", "end_of_life", "superseded_at", "catalog")
}
_BARE: Raw = {"disk_format": "raw", "container_format": "bare"}


def _fresh(image_id: str, owner: str) -> Raw:
    """The record of a new image, with Glance's defaults."""
    nothing = dict.fromkeys(("name", *FORMATS, "size", "checksum", "os_hash_algo", "os_hash_value", "virtual_size"))
    defaults = {"visibility": "shared", "protected": False, "os_hidden": False, "min_disk": 0, "min_ram": 0, "tags": []}
    facts = {"id": image_id, "status": "queued", "owner": owner, "created_at": TODAY, "updated_at": TODAY}
    return nothing | defaults | facts | {"file": f"/v2/images/{image_id}/file", "schema": "/v2/schemas/image"}


def _require_valid(key: str, value: t.Any) -> None:
    """Glance's schema."""
    rules: dict[str, t.Callable[[t.Any], bool]] = {
        "visibility": lambda it: it in VISIBILITIES,
        "protected": lambda it: isinstance(it, bool),
        "os_hidden": lambda it: isinstance(it, bool),
        "min_disk": lambda it: isinstance(it, int) and not isinstance(it, bool) and it >= 0,
        "min_ram": lambda it: isinstance(it, int) and not isinstance(it, bool) and it >= 0,
        "tags": lambda it: isinstance(it, list) and all(isinstance(tag, str) and len(tag) <= 255 for tag in it),
    }

    def text(it: t.Any) -> bool:
        return isinstance(it, str) and (len(it) <= 255 or key not in BASE)

    if key.startswith("os_glance") or len(key) > 255 or not rules.get(key, text)(value):
        raise Refused(f"400 or 403: {key} = {value!r}")
