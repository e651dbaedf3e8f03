# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be so at the end of a test: read from the server by plain HTTP, and from its disks."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import time
import typing as t
from pathlib import Path

import cloud_support

if t.TYPE_CHECKING:
    from support import Cloud

DATA = cloud_support.CLOUD_DIR / "data" / "glance"
STAGING = DATA / "staging"
STORES = DATA / "stores"
#: Seconds that Glance gets to clear up behind a connection that was cut, or a task that failed.
_SETTLING = 120.0


def stored_files() -> set[Path]:
    """The files in all stores."""
    return {path for path in STORES.rglob("*") if path.is_file()}


def staged_files() -> set[Path]:
    """The files that wait for an import."""
    return {path for path in STAGING.rglob("*") if path.is_file()}


@contextlib.contextmanager
def unwritable(folder: Path) -> t.Iterator[None]:
    """Nobody can write to one of Glance's folders, root included: a folder of the kernel stands in its place."""
    away = folder.with_name(f"{folder.name}.away")
    folder.rename(away)
    folder.symlink_to("/sys/kernel")
    try:
        yield
    finally:
        folder.unlink()
        away.rename(folder)


@dataclasses.dataclass
class Judge:
    """What has to be so at the end, read from the server by plain HTTP and from its disks.

    :param before: files that were in the stores, and in the staging area, when the test began.
    """

    cloud: Cloud
    admin: cloud_support.Project
    before: set[Path] = dataclasses.field(default_factory=lambda: stored_files() | staged_files())

    def settled(
        self,
        project: cloud_support.Project,
        name: str,
        data: bytes,
        *,
        stores: int = 1,
        leaked: int = 0,
    ) -> dict[str, t.Any]:
        """Exactly one image, active, with these bytes; no other in any state; nothing staged, orphaned or temporary.

        :param stores: in how many stores the data lies.
        :param leaked: how many files Glance is known to leave in its stores itself, in the row that is tested.
        :return: the image.
        """
        image = eventually(lambda: self._only(project, name))
        assert image["status"] == "active" and not image["os_hidden"], image
        assert image["size"] == len(data) and image["os_hash_value"] == hashlib.sha512(data).hexdigest()
        assert project.sha512(image["id"]) == hashlib.sha512(data).hexdigest()
        assert len(image["stores"].split(",")) == stores
        assert not [key for key in image if key.startswith("os_glance_failed") and image[key]]
        # Glance releases an image a little after it has made it active.
        eventually(lambda: _equal(self._only(project, name).get("os_glance_import_task") or None, None))
        self._clean({image["id"]}, stores, leaked)
        return image

    def gone(self, *, leaked: int = 0) -> None:
        """No image in any state, and nothing staged, orphaned or temporary."""
        eventually(lambda: _equal([image["status"] for image in self.found()], []))
        self._clean(set(), 0, leaked)

    def found(self) -> list[dict[str, t.Any]]:
        """All images of all projects, in whatever state and under whatever name; hidden ones too."""
        pages = [self.admin.http("GET", f"/v2/images?os_hidden={hidden}&limit=1000") for hidden in ("false", "true")]
        return [image for page in pages for image in page.json()["images"]]

    def remove_all(self) -> None:
        """Delete every image of every project."""
        for image in self.found():
            if image["protected"]:
                self.admin.patch(image["id"], {"op": "replace", "path": "/protected", "value": False})
            self.admin.http("DELETE", f"/v2/images/{image['id']}", ok=False)

    def all_settled(
        self, project: cloud_support.Project, expected: t.Mapping[str, bytes]
    ) -> dict[str, dict[str, t.Any]]:
        """As :meth:`settled`, for many images: exactly one under each name, active, with these bytes, and nothing else.

        :return: the images by their names.
        """

        def check() -> dict[str, dict[str, t.Any]]:
            images = {image["id"]: image for image in self.found()}
            held = sorted((image["name"], image["status"], image["owner"]) for image in images.values())
            assert held == sorted((name, "active", project.id) for name in expected)
            return {image["name"]: image for image in images.values()}

        images = eventually(check)
        for name, data in expected.items():
            image, digest = images[name], hashlib.sha512(data).hexdigest()
            assert not image["os_hidden"] and image["size"] == len(data) and image["os_hash_value"] == digest
            assert project.sha512(image["id"]) == digest
        self._clean({image["id"] for image in images.values()}, 1, 0)
        return images

    def leftovers(self, wanted: int = 1) -> int:
        """How much there is beside the active images: images, staged and orphaned files, temporary files.

        :param wanted: how many images there are to be.
        """
        images = self.found()
        active = [image for image in images if image["status"] == "active" and not image["os_hidden"]]
        known = {image["id"] for image in images}
        orphans = {path for path in self._new_files() if path.name not in known}
        return len(images) - len(active[:wanted]) + len(orphans) + len(self.cloud.temporary_files())

    def _only(self, project: cloud_support.Project, name: str) -> dict[str, t.Any]:
        images = self.found()
        assert len(images) == 1, [(image["id"], image["name"], image["status"], image["owner"]) for image in images]
        assert (images[0]["name"], images[0]["owner"]) == (name, project.id)
        return images[0]

    def _new_files(self) -> set[Path]:
        return (stored_files() | staged_files()) - self.before

    def _clean(self, ids: set[str], copies: int, leaked: int) -> None:
        def check() -> None:
            new = self._new_files()
            assert not [path for path in new if path.is_relative_to(STAGING)]
            assert len([path for path in new if path.name in ids]) == len(ids) * copies
            orphans = [path for path in new if path.name not in ids]
            assert len(orphans) == leaked, orphans

        eventually(check)
        assert not self.cloud.temporary_files()


def _equal(one: t.Any, other: t.Any) -> None:
    assert one == other


Result = t.TypeVar("Result")


def eventually(check: t.Callable[[], Result], patience: float = _SETTLING) -> Result:
    """Repeat a check until it holds; Glance clears up a little after it has answered."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        with contextlib.suppress(AssertionError):
            return check()
        time.sleep(0.1)
    return check()
