# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cloud by plain HTTP: filled, emptied and looked at, never by a contestant."""

from __future__ import annotations

import contextlib
import sys
import typing as t
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import settings

sys.path.append(str(Path(__file__).parents[1] / "functional"))

import cloud_support

if t.TYPE_CHECKING:
    from catalogue import Image

#: Requests at a time; Glance of the local cloud answers no more of them at once
_THREADS = 8

FORMATS = {"disk_format": "raw", "container_format": "bare"}


calls = cloud_support.calls
WRITES = cloud_support.WRITES


def project_id(cloud: str) -> str:
    """Of the project of one of the clouds of clouds.yaml."""
    return cloud_support.project(cloud).id


def member() -> cloud_support.Project:
    """The ordinary user, who owns all images of the benchmark."""
    return cloud_support.project("local")


def token() -> str:
    """What curl shows to Glance."""
    return str(member().http("GET", "/v2/images?limit=1").request.headers["X-Auth-Token"])


def record(image: Image) -> dict[str, t.Any]:
    """What a POST says about an image."""
    return {"name": image.name, "visibility": "private", **FORMATS, **image.properties}


def create(images: list[Image]) -> None:
    """Make images as another tool would have made them, with their data."""

    def one(image: Image) -> None:
        answer = member().http("POST", "/v2/images", json=record(image)).json()
        member().upload(answer["id"], image.file.read_bytes())

    _each(one, images)


def crowd(number: int) -> None:
    """Add images without data, which is all that a listing needs."""

    def one(index: int) -> None:
        name = f"{settings.PREFIX}crowd-{index}-{uuid.uuid4().hex[:8]}"
        member().http("POST", "/v2/images", json={"name": name, "visibility": "private", **FORMATS})

    _each(one, range(number))


def ours(user: cloud_support.Project | None = None) -> list[dict[str, t.Any]]:
    """All images of the benchmark that a user has in the cloud."""
    user = user or member()
    return [
        image
        for hidden in ("false", "true")
        for image in _listed(user, f"/v2/images?owner={user.id}&os_hidden={hidden}&limit=1000")
        if (image["name"] or "").startswith(settings.PREFIX)
    ]


def empty() -> None:
    """Remove all images of the benchmark."""
    for user in (member(), cloud_support.project("local-admin")):
        _each(lambda image, user=user: user.http("DELETE", f"/v2/images/{image['id']}", ok=False), ours(user))


@contextlib.contextmanager
def emptied() -> t.Iterator[None]:
    """Whatever happens meanwhile, nothing is left behind."""
    empty()
    try:
        yield
    finally:
        empty()


def _listed(user: cloud_support.Project, address: str | None) -> t.Iterator[dict[str, t.Any]]:
    while address:
        page = user.http("GET", address).json()
        yield from page["images"]
        address = page.get("next")


def _each(function: t.Callable[[t.Any], t.Any], values: t.Iterable[t.Any]) -> None:
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            for _done in pool.map(function, values):
                pass  # raises what the function raised
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
