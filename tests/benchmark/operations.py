# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls of each operation of our modules."""

from __future__ import annotations

import contextlib
import functools
import http.server
import threading
import typing as t
import uuid
from pathlib import Path

import catalogue
import cloud
import contestants as who
import measuring
import settings

#: Ids of images that were deleted are not used again, so a name that never was has the fewest calls.
NAME = f"{settings.PREFIX}operation-{uuid.uuid4().hex[:6]}"
WEB = f"{NAME}-web"


class Operation(t.NamedTuple):
    """What is counted: a module with its options, in words."""

    what: str
    options: dict[str, t.Any]
    module: str = "image"


class Counted(t.NamedTuple):
    """What an operation took."""

    what: str
    changed: bool
    seconds: float
    memory: float
    glance: list[str]
    keystone: list[str]


def operations(folder: Path) -> t.Iterator[Counted]:
    """Run one operation after the other, each in a process of its own without Ansible around it."""
    first, second = folder / "first.raw", folder / "second.raw"
    for file in (first, second):
        catalogue.write(file, settings.MIB)
    with _served(folder) as address:
        web = {"name": WEB, "uri": f"{address}/{first.name}", "disk_format": "raw"}
        for operation in [*_of_one_image(first, second), *_of_imports(first, web), *_of_stores(first)]:
            module = who.IMAGE_ALONE.command._replace(module=f"cloudimage.glance.{operation.module}")
            run = measuring.measured(module.with_options(folder, **operation.options), folder)
            changed = run.answer["changed"]
            yield Counted(operation.what, changed, run.seconds, run.memory, run.glance, run.keystone)


def _raw(file: Path) -> dict[str, str]:
    """As a source: nothing shows that random bytes are a disk, so it has to be said."""
    return {"filename": str(file), "disk_format": "raw"}


def _of_one_image(first: Path, second: Path) -> list[Operation]:
    """The life of an image."""
    metadata = {"properties": {"os_distro": "debian", "hw_cpu_cores": 2}, "tags": ["a"]}
    mine = {"name": NAME}
    other = cloud.project_id("local-other")
    accepted = {"image": NAME, "member": other, "member_cloud": "local-other", "status": "accepted"}
    download = {"image": NAME, "dest": f"{second}.copy"}
    return [
        Operation("create", {**mine, **_raw(first), **metadata}),
        Operation("no-op, first", {**mine, **_raw(first), **metadata}),
        Operation("no-op", {**mine, **_raw(first), **metadata}),
        Operation("change metadata", {**mine, "properties": {"os_distro": "ubuntu"}}),
        Operation("share with a project", {**mine, "members": [other]}),
        Operation("share, no-op", {**mine, "members": [other]}),
        Operation("member accepts", accepted, "image_member"),
        Operation("member, no-op", accepted, "image_member"),
        Operation("replace the content", {**mine, **_raw(second), **metadata}),
        Operation("deactivate", {**mine, "state": "inactive"}),
        Operation("reactivate", {**mine}),
        Operation("image_info by name", {**mine}, "image_info"),
        Operation("image_service_info", {}, "image_service_info"),
        Operation("download", download, "image_download"),
        Operation("download, no-op", download, "image_download"),
        Operation("delete", {**mine, "state": "absent"}),
        Operation("delete, no-op", {**mine, "state": "absent"}),
    ]


def _of_imports(first: Path, web: dict[str, t.Any]) -> list[Operation]:
    mine = {"name": f"{NAME}-import"}
    return [
        Operation("create by import", {**mine, **_raw(first), "use_import": True}),
        Operation("delete", {**mine, "state": "absent"}),
        Operation("create by web-download", web),
        Operation("web-download, no-op", web),
        Operation("delete", {"name": WEB, "state": "absent"}),
    ]


def _of_stores(first: Path) -> list[Operation]:
    """Policies leave these to the administrator."""
    admin = {"name": f"{NAME}-stores", "cloud": "local-admin"}
    both = {**admin, "stores": ["fast", "slow"]}
    return [
        Operation("create, as administrator", {**admin, **_raw(first)}),
        Operation("copy to a store", both),
        Operation("stores, no-op", both),
        Operation("remove from a store", {**admin, "stores": ["slow"]}),
        Operation("delete", {**admin, "state": "absent"}),
    ]


@contextlib.contextmanager
def _served(folder: Path) -> t.Iterator[str]:
    """The address of a web server for a folder."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_arguments: t.Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
