# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The real cloud as the tests see it: by plain HTTP, never through the code under test."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import os
import sqlite3
import time
import typing as t
import urllib.parse
import uuid
from pathlib import Path

import requests
import yaml
from patience import PATIENCE, wait_until

CLOUD_DIR = Path(os.environ.get("CLOUDIMAGE_TEST_CLOUD_DIR", "no-cloud"))
CLOUDS_YAML = CLOUD_DIR / "clouds.yaml"
WRITES = {"POST", "PUT", "PATCH", "DELETE"}
Json = dict[str, t.Any]


def write_database(statement: str, *values: str) -> None:
    """Bring about in Glance's database what no request can: moments between two writes, and what old versions have left."""
    path = CLOUD_DIR / "data" / "glance" / "glance.db"
    with contextlib.closing(sqlite3.connect(path, timeout=PATIENCE)) as database:
        done = database.execute(statement, values)
        database.commit()
    assert done.rowcount == 1, f"{statement}: {done.rowcount} rows"


def double_membership(image_id: str, project_id: str) -> None:
    """A second row of a membership, pending: what two requests to share at the same moment can leave (Glance 33)."""
    columns = "image_id, member, can_share, created_at, updated_at, deleted_at, deleted"
    rows = f"SELECT {columns}, 'pending' FROM image_members WHERE image_id = ? AND member = ?"
    write_database(f"INSERT INTO image_members ({columns}, status) {rows}", image_id, project_id)


class Call(t.NamedTuple):
    """One request as the server's access log has it."""

    method: str
    path: str
    status: int


@dataclasses.dataclass
class Calls:
    """Requests of a stretch of time, by service."""

    glance: list[Call] = dataclasses.field(default_factory=list)
    keystone: list[Call] = dataclasses.field(default_factory=list)

    @property
    def writes(self) -> list[Call]:
        return [call for call in self.glance if call.method in WRITES]

    def index(self, method: str, ending: str) -> int:
        """Where in the order a call to Glance stands."""
        return next(i for i, call in enumerate(self.glance) if call.method == method and call.path.endswith(ending))


class Project:
    """One user of the cloud, in one project, speaking plain HTTP."""

    def __init__(self, cloud: str, clouds_yaml: Path = CLOUDS_YAML) -> None:
        settings = yaml.safe_load(clouds_yaml.read_text())["clouds"][cloud]["auth"]
        scope = {"name": settings["project_name"], "domain": {"id": settings["project_domain_id"]}}
        user = {
            "name": settings["username"],
            "password": settings["password"],
            "domain": {"id": settings["user_domain_id"]},
        }
        identity = {"methods": ["password"], "password": {"user": user}}
        body = {"auth": {"identity": identity, "scope": {"project": scope}}}
        answer = requests.post(f"{settings['auth_url']}/auth/tokens", json=body, timeout=PATIENCE)
        answer.raise_for_status()
        token = answer.json()["token"]
        self.id = token["project"]["id"]
        self.url = next(
            endpoint["url"]
            for service in token["catalog"]
            if service["type"] == "image"
            for endpoint in service["endpoints"]
            if endpoint["interface"] == "public"
        )
        self._session = requests.Session()
        self._session.headers["X-Auth-Token"] = answer.headers["X-Subject-Token"]
        # A connection that is kept may be closed by the server just when it is used again; and see _settle.
        self._session.headers["Connection"] = "close"

    def http(self, method: str, path: str, ok: bool = True, **kwargs: t.Any) -> requests.Response:
        """A request to Glance; ``path`` begins with /v2."""
        answer = self._session.request(method, self.url + path, timeout=PATIENCE, **kwargs)
        if ok:
            assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def named(self, name: str) -> list[Json]:
        """All images of the project under a name, hidden ones too, oldest first."""
        query = f"name={urllib.parse.quote('eq:' + name)}&owner={self.id}&sort=created_at:asc"
        return [
            image
            for hidden in ("false", "true")
            for image in self.http("GET", f"/v2/images?{query}&os_hidden={hidden}").json()["images"]
        ]

    def only(self, name: str) -> Json:
        """The one image under a name that is not hidden."""
        (image,) = [image for image in self.named(name) if not image["os_hidden"]]
        return image

    def image(self, image_id: str) -> Json | None:
        answer = self.http("GET", f"/v2/images/{image_id}", ok=False)
        return answer.json() if answer.status_code == 200 else None

    def create(self, name: str, data: bytes | None = None, signs: bool = True, **body: t.Any) -> Json:
        """An image made by somebody else's tool.

        :param signs: whether properties of the collection are said to have been written on it, as the collection does.
        """
        formats = {"disk_format": "raw", "container_format": "bare"}
        if signs and any(key.startswith("cloudimage_") for key in body):
            image_id = body.setdefault("id", str(uuid.uuid4()))
            body.setdefault("cloudimage_image_id", image_id)
        image = self.http("POST", "/v2/images", json={"name": name, **formats, **body}).json()
        if data is not None:
            self.upload(image["id"], data)
        shown = self.image(image["id"])
        assert shown
        return shown

    def create_from_volume(self, image: Json, name: str) -> Json:
        """What Cinder makes of a volume that was made of an image: it hands all properties on, and says nothing of itself.

        Source: cinder/volume/api.py of Cinder 24.0.0, copy_volume_to_image; attributes of Glance itself do not pass.
        """
        base = {*self.http("GET", "/v2/schemas/image").json()["properties"], "stores"}
        return self.create(name, b"x", signs=False, **{key: value for key, value in image.items() if key not in base})

    def upload(self, image_id: str, data: bytes, ok: bool = True) -> requests.Response:
        headers = {"Content-Type": "application/octet-stream"}
        return self.http("PUT", f"/v2/images/{image_id}/file", ok=ok, data=data, headers=headers)

    def patch(self, image_id: str, *operations: Json) -> None:
        headers = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
        self.http("PATCH", f"/v2/images/{image_id}", json=list(operations), headers=headers)

    def sha512(self, image_id: str) -> str:
        """Digest of the data, downloaded."""
        return hashlib.sha512(self.http("GET", f"/v2/images/{image_id}/file").content).hexdigest()

    def remove_all(self) -> None:
        """Delete every image of the project."""
        for hidden in ("false", "true"):
            query = f"owner={self.id}&os_hidden={hidden}&limit=1000"
            for image in self.http("GET", f"/v2/images?{query}").json()["images"]:
                if image["protected"]:
                    self.patch(image["id"], {"op": "replace", "path": "/protected", "value": False})
                self.http("DELETE", f"/v2/images/{image['id']}", ok=False)


@functools.cache
def project(cloud: str) -> Project:
    return Project(cloud)


@contextlib.contextmanager
def calls() -> t.Iterator[Calls]:
    """Collect what is asked of the cloud meanwhile; filled when the block ends."""
    logs = {service: CLOUD_DIR / "log" / f"{service}-access.log" for service in ("glance", "keystone")}
    _settle(logs.values())
    starts = {service: log.stat().st_size for service, log in logs.items()}
    collected = Calls()
    yield collected
    _settle(logs.values())
    for service, log in logs.items():
        with log.open() as lines:
            lines.seek(starts[service])
            setattr(collected, service, [_call(line) for line in lines])


def _settle(logs: t.Iterable[Path]) -> None:
    """A line comes just after the answer that it is about.

    A server closes a connection whose client has gone once it has written the line of the last request on it. What the servers
    ask each other is on connections that stay: there, wait until no more lines come.
    """
    wait_until(lambda: not _left_open(), pause=0.005)
    sizes: list[int] = []
    while sizes != (sizes := [log.stat().st_size for log in logs]):
        time.sleep(0.05)


def _left_open() -> list[str]:
    """Connections to the services that their clients have closed, and the services have not (/proc/net/tcp, state CLOSE_WAIT)."""
    ports = {f":{port:04X}" for port in _ports()}
    lines = (line.split(maxsplit=4) for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return [local for _number, local, _remote, state, _rest in lines if state == "08" and local[-5:] in ports]


@functools.cache
def _ports() -> list[int | None]:
    auth_url = yaml.safe_load(CLOUDS_YAML.read_text())["clouds"]["local"]["auth"]["auth_url"]
    return [urllib.parse.urlsplit(url).port for url in (auth_url, project("local").url)]


def _call(line: str) -> Call:
    """A line is: [time] METHOD path status bytes seconds."""
    method, path, status = line.partition("] ")[2].split()[:3]
    return Call(method, path, int(status))
