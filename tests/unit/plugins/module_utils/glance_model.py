# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small pure model of Glance's table of images, as strict as the real server, and the steps of plans carried out in it."""

from __future__ import annotations

import copy
import dataclasses
import datetime
import functools
import hashlib
import typing as t
import uuid

from ansible_collections.cloudimage.glance.plugins.module_utils import _image_steps as steps
from ansible_collections.cloudimage.glance.plugins.module_utils import _plan
from ansible_collections.cloudimage.glance.plugins.module_utils._desired import Desired, Source
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import ImageFault
from ansible_collections.cloudimage.glance.plugins.module_utils._observed import Image, Observed
from ansible_collections.cloudimage.glance.plugins.module_utils._steps import Plan

Raw = dict[str, t.Any]

PROJECT = "4f1b0c5a7e2d4d0c9a3b8e6f5d4c3b2a"
NAME = "debian-13"
NOW = datetime.datetime(2026, 7, 1, 12, 0, tzinfo=datetime.UTC)
TODAY = "2026-07-01T11:00:00Z"

#: Files on the host, and what web servers hold. ONE and TWO are of equal size.
ONE, TWO, LONG = b"content one", b"content two", b"some longer content"
FILES = {"/img/one": ONE, "/img/two": TWO, "/img/long": LONG}
WEB = {"http://web/one": ONE, "http://web/two": TWO, "http://web/long": LONG}

READ_ONLY = frozenset(
    "id status size virtual_size checksum os_hash_algo os_hash_value created_at updated_at direct_url self file "
    "schema location deleted deleted_at".split()
)
BASE = frozenset(
    "name visibility protected os_hidden min_disk min_ram owner disk_format container_format tags stores".split()
)
FORMATS = ("disk_format", "container_format")
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
        self.images[image_id] = _fresh(image_id, self.project) | {"name": NAME} | _BARE | facts | status | raw
        if data is not None:
            self.data[image_id] = data
        return image_id

    # --- what Glance answers

    def named(self, name: str, owner: str = PROJECT) -> list[Raw]:
        """GET /v2/images by name, hidden ones too; killed ones are never listed."""
        found = [raw for raw in self.images.values() if raw["name"] == name and raw["owner"] == owner]
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
        if raw["status"] == "saving":
            raise Refused("a PATCH while data moves is lost")
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
        self._write(f"delete {image_id}")
        del self.images[image_id]
        self.burnt.add(image_id)
        self.data.pop(image_id, None)
        self.members.pop(image_id, None)
        self._wrote()

    def upload(self, image_id: str, data: bytes, store: str | None) -> None:
        """PUT /v2/images/{id}/file: one store."""
        raw = self._clean(image_id)
        self._write(f"upload {image_id}")
        self._fill(raw, data, store or "fast")
        self._wrote()

    def import_data(self, image_id: str, data: bytes, stores: t.Sequence[str], wait: bool) -> None:
        """PUT .../stage if need be, and POST .../import; the import ends at once, or later by its fate."""
        raw = self._clean(image_id)
        self._write(f"import {image_id}")
        if wait:
            self._fill(raw, data, ",".join(stores) or "fast")
        else:
            raw.update(status="importing", os_glance_import_task="task")
            self.data[image_id] = data
            self.fates[image_id] = "active"
        self._wrote()

    def share(self, image_id: str, member: str) -> None:
        """POST /v2/images/{id}/members."""
        if self._image(image_id)["visibility"] != "shared":
            raise Refused("403: members of an image that is not shared")
        self._write(f"share {image_id} {member}")
        self.members.setdefault(image_id, {}).setdefault(member, "pending")
        self._wrote()

    def set_active(self, image_id: str, active: bool) -> None:
        """POST /v2/images/{id}/actions/..."""
        raw = self._image(image_id)
        if raw["status"] not in ("active", "deactivated"):
            raise Refused(f"403: re- or deactivate when {raw['status']}")
        self._write(f"{'re' if active else 'de'}activate {image_id}")
        raw["status"] = "active" if active else "deactivated"
        self._wrote()

    def settle(self, image_id: str) -> bool:
        """Let time pass: an image in motion comes to rest, or, False, never does."""
        raw, fate = self.images[image_id], self.fates.get(image_id, "active")
        if fate == "stuck":
            return False
        raw.pop("os_glance_import_task", None)
        if fate == "active":
            self._fill(raw, self.data.get(image_id, ONE), "fast")
        elif fate == "poisoned":
            raw.update(holding(ONE), status="queued", size=None)
        elif fate == "gone":
            del self.images[image_id]
            self.burnt.add(image_id)
        else:
            raw["status"] = fate
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

    def _fill(self, raw: Raw, data: bytes, stores: str) -> None:
        raw.update(holding(data), status="active", stores=stores)
        self.data[raw["id"]] = data

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


# --- plans made and carried out


def observe(cloud: Cloud, desired: Desired, stuck: t.Collection[str] = (), project: str = PROJECT) -> Observed:
    """Look, and answer whatever the plan asks for, as ImageDeclaration does; questions have to come to an end."""
    if desired.id:
        found = [copy.deepcopy(cloud.images[desired.id])] if desired.id in cloud.images else []
    else:
        found = cloud.named(desired.name, project)
        if not found and desired.name in cloud.images:
            found = [copy.deepcopy(cloud.images[desired.name])]
    observed = Observed(tuple(map(Image, found)), project, NOW, stuck=frozenset(stuck))
    for _round in range(5):
        asked = _plan.questions(desired, observed)
        if not asked:
            return observed
        observed = _answered(cloud, desired, observed, asked)
    raise AssertionError(f"still asking: {asked}")


def _answered(cloud: Cloud, desired: Desired, observed: Observed, asked: _plan.Questions) -> Observed:
    news: Raw = {}
    if asked.digests:
        assert desired.source and desired.source.path
        unknown = asked.digests - {"md5", "sha1", "sha224", "sha256", "sha384", "sha512"}
        assert not unknown, f"no host can hash with {unknown}"
        assert not asked.digests & set(observed.digests), "asked twice"
        data = FILES[desired.source.path]
        news["digests"] = observed.digests | {each: digest(data, each) for each in asked.digests}
    if asked.source_format:
        news["source_format"] = "raw"
    if asked.schema:
        news["schema"] = {"disk_format": ["raw", "qcow2", "iso", "aki"], "container_format": ["bare", "ova"]}
    if asked.import_methods:
        news["import_methods"] = ("glance-direct", "web-download")
    if asked.members_of:
        if cloud.images[asked.members_of]["visibility"] != "shared":
            raise Refused("403: members of an image that is not shared")
        news["members"] = dict(cloud.members.get(asked.members_of, {}))
    return dataclasses.replace(observed, **news)


def plan(cloud: Cloud, desired: Desired, stuck: t.Collection[str] = (), project: str = PROJECT) -> Plan:
    """The plan for what is there."""
    return _plan.plan(desired, observe(cloud, desired, stuck, project))


@dataclasses.dataclass
class Outcome:
    """What came of a run: the plans, the last of which was carried out whole, and the image that it was about."""

    plans: list[Plan]
    image: str | None
    created: list[str]
    #: What was waited for in vain.
    stuck: set[str]


def run(cloud: Cloud, desired: Desired, stuck: t.Collection[str] = ()) -> Outcome:
    """Plan and carry out; after each Wait plan anew, as the runner does."""
    plans: list[Plan] = []
    vain, created = set(stuck), []
    for _round in range(8):
        plans.append(plan(cloud, desired, vain))
        hands = Hands(cloud, vain)
        whole = hands.carry_out(plans[-1])
        created += [hands.new] if hands.new else []
        if whole:
            target = plans[-1].after.get("id")
            return Outcome(plans, hands.new if target == steps.NEW else target, created, vain)
    raise AssertionError("waits without end")


class Hands:
    """Carries out steps in the model."""

    def __init__(self, cloud: Cloud, stuck: set[str]) -> None:
        self.cloud = cloud
        self.stuck = stuck
        self.new: str | None = None

    def carry_out(self, plan: Plan) -> bool:
        """All steps in order; False if there was one to wait for."""
        for step in plan.steps:
            if isinstance(step, steps.Wait):
                assert step is plan.steps[-1], "what comes after a wait is not known yet"
                if not self.cloud.settle(step.image):
                    self.stuck.add(step.image)
                return False
            self._do(step)
        return True

    def _id(self, image: str) -> str:
        if image != steps.NEW:
            return image
        assert self.new, "a step about the new image before there is one"
        return self.new

    @functools.singledispatchmethod
    def _do(self, step: t.Any) -> None:
        raise AssertionError(f"an unknown step: {step!r}")

    @_do.register
    def _create(self, step: steps.Create) -> None:
        wide = {"visibility": step.probe_visibility} if step.probe_visibility else {}
        for image_id in step.ids:
            if self.cloud.post(step.body | wide | {"id": image_id}):
                break
            rival = self.cloud.images.get(image_id, {"name": None})
            mine = rival["name"] == step.body["name"] and not rival.get("cloudimage_replaced_by")
            assert not mine, f"would find its own leftover {image_id} for ever"
        else:
            if len(step.ids) == 1:
                raise ImageFault("The declared id is burnt.")
            raise Refused("409: all ids are burnt")
        self.new = image_id
        if wide:
            self.cloud.patch(
                image_id, [{"op": "replace", "path": "/visibility", "value": step.body.get("visibility", "private")}]
            )

    @_do.register
    def _fill(self, step: steps.Fill) -> None:
        source = step.source
        data = FILES[source.path] if source.path else WEB[source.uri or ""]
        if source.method is None:
            self.cloud.upload(self._id(step.image), data, step.stores[0] if step.stores else None)
        else:
            self.cloud.import_data(self._id(step.image), data, step.stores, step.wait)

    @_do.register
    def _verify(self, step: steps.Verify) -> None:
        image = Image(self.cloud.images[self._id(step.image)])
        if not image.usable:
            raise Refused(f"verifies an image that is {image.status}")
        if step.checksum and digest(self.cloud.data[image.id], step.checksum[0]) != step.checksum[1]:
            raise Refused("checksum mismatch")

    @_do.register
    def _change(self, step: steps.Change) -> None:
        self.cloud.patch(self._id(step.image), step.operations)

    @_do.register
    def _share(self, step: steps.Share) -> None:
        self.cloud.share(self._id(step.image), step.member)

    @_do.register
    def _deactivate(self, step: steps.Deactivate) -> None:
        self.cloud.set_active(self._id(step.image), False)

    @_do.register
    def _reactivate(self, step: steps.Reactivate) -> None:
        self.cloud.set_active(self._id(step.image), True)

    @_do.register
    def _delete(self, step: steps.Delete) -> None:
        assert step.image in self.cloud.images, "deletes what is not there"
        self.cloud.delete(self._id(step.image))

    @_do.register
    def _retire(self, step: steps.Retire) -> None:
        if step.unprotect:
            self.cloud.patch(step.image, [{"op": "replace", "path": "/protected", "value": False}])
        if step.how == "delete":
            self.cloud.delete(step.image)
            return
        operations = [{"op": "add", "path": "/cloudimage_replaced_by", "value": self._id(step.successor)}]
        operations.append({"op": "replace", "path": "/os_hidden", "value": True})
        if step.new_name:
            operations.append({"op": "replace", "path": "/name", "value": step.new_name})
        self.cloud.patch(step.image, operations)
