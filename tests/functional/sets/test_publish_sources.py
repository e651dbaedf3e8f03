# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role publish and the module images with sources that change or stall, as playbooks and modules run them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import socket
import threading
import typing as t
from pathlib import Path

import files_support as support
import playbook_support
from cloud_support import Project

Run = t.Callable[..., dict[str, t.Any]]
Disk = t.Callable[..., Path]
KEY = "cloudimage_content_key"


class Changing(dict[str, bytes]):
    """Files, some of which are others at each request, until the last one stays."""

    def __init__(self, files: dict[str, bytes], **versions: list[bytes]) -> None:
        super().__init__(files | {f"/{name}": each[0] for name, each in versions.items()})
        self._versions = {f"/{name}": list(each) for name, each in versions.items()}

    def __getitem__(self, path: str) -> bytes:
        left = self._versions.get(path)
        if left:
            return left.pop(0) if len(left) > 1 else left[0]
        return super().__getitem__(path)


def publish(entries: list[dict[str, t.Any]], folder: Path, **variables: t.Any) -> tuple[int, str]:
    """The exit code and the output of the playbook."""
    told = {"publish_cloud": "local", "publish_images": entries, "publish_workdir": str(folder), **variables}
    return playbook_support.run("cloudimage.glance.publish", "-e", json.dumps(told))


def key_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}+raw"


def sums(**files: bytes) -> bytes:
    return "".join(f"{support.sha256(content)}  {name}\n" for name, content in files.items()).encode()


def test_the_key_is_that_of_the_bytes_that_were_sent(
    member: Project, name: str, tmp_path: Path, server: support.Server
) -> None:
    """The file of checksums is a new one after the first look, when the new image is there already.

    It is asked for once for all images that name it, and once more for each that is made.
    """
    old, new, other = (support.disk_bytes(seed=seed) for seed in (1, 2, 3))
    server.files = Changing(
        {"/disk": new, "/other": other}, SHA256SUMS=[sums(disk=old, other=other), sums(disk=new, other=other)]
    )
    common = {"checksum": f"{server.url}/SHA256SUMS", "format": "raw", "source_format": "raw"}
    entries = [{"name": f"{name}-{file}", "src": f"{server.url}/{file}", **common} for file in ("disk", "other")]
    marked = {"publish_catalog": name, "publish_prune": True}
    code, output = publish(entries, tmp_path, **marked)
    assert code == 0 and server.asked("/SHA256SUMS") == 3, output
    images = [member.only(entry["name"]) for entry in entries]
    for image, content in zip(images, (new, other), strict=True):
        assert (image["status"], image[KEY]) == ("active", key_of(content))
        assert member.sha512(image["id"]) == hashlib.sha512(content).hexdigest()
    code, output = publish(entries, tmp_path, **marked)
    assert code == 0 and "changed=0" in output and server.asked("/SHA256SUMS") == 4, output
    assert [member.only(entry["name"])["id"] for entry in entries] == [image["id"] for image in images]
    assert server.asked("/disk") == server.asked("/other") == 1


@contextlib.contextmanager
def silent() -> t.Iterator[tuple[str, list[socket.socket]]]:
    """A server that takes connections and says nothing."""
    accepted: list[socket.socket] = []

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                accepted.append(listener.accept()[0])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", accepted
        listener.shutdown(socket.SHUT_RDWR)
    for connection in accepted:
        connection.close()


def test_a_server_that_keeps_silent_is_waited_for_once(tmp_path: Path) -> None:
    """Three images name one file of checksums: one wait of twice the timeout, in which it is asked twice at most."""
    with silent() as (url, accepted):
        entries = [
            {"name": f"x-{number}", "src": f"{url}/{number}", "checksum": f"{url}/SUMS", "timeout": 1}
            for number in range(3)
        ]
        looked = support.run_module("image_catalog_info", tmp_path, {"images": entries, "sources": True})
        assert 1 <= len(accepted) <= 2
    told = f"checksum: {url}/SUMS could not be read within 2 seconds (twice the timeout)."
    assert [(each["failed"], each["msg"], each["reason"]) for each in looked["sources"]] == [
        (True, told, "transfer_problem")
    ] * 3


def test_entries_of_images_that_name_one_file_of_checksums_ask_for_it_once(
    member: Project, succeed: Run, name: str, disk: Disk, server: support.Server
) -> None:
    files = [disk(1), disk(2)]
    server.files["/S"] = sums(**{file.name: file.read_bytes() for file in files})
    entries = [
        {
            "name": f"{name}-{number}",
            "filename": str(files[number % 2]),
            "disk_format": "raw",
            "checksum": f"{server.url}/S",
        }
        for number in range(4)
    ]
    succeed("images", images=entries)
    assert server.asked("/S") == 1
    assert [member.only(entry["name"])["status"] for entry in entries] == ["active"] * 4


def test_a_key_of_other_bytes_is_refused(
    member: Project, succeed: Run, fail: t.Callable[..., str], name: str, tmp_path: Path, disk: Disk
) -> None:
    """Who looks first and makes the file later may have two keys in hand; only one is that of the file."""
    options = {"path": str(tmp_path / "made"), "src": str(disk(1)), "format": "qcow2", "source_format": "raw"}
    before = support.run_module("image_file", tmp_path / "run", options, check=True)["content_key"]
    disk(2).rename(tmp_path / "disk-1.raw")
    after = support.run_module("image_file", tmp_path / "run", options)["content_key"]
    assert before != after
    image = {"name": name, "filename": options["path"], "disk_format": "qcow2"}
    assert after in fail("image", **image, content_key=before)
    assert member.named(name) == []
    succeed("image", **image, content_key=after)
    assert member.only(name)[KEY] == after
