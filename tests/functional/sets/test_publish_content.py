# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the playbook publish makes of sources that are no disks, of kernels and ramdisks, and of what nothing is recognised in."""

from __future__ import annotations

import hashlib
import io
import tarfile
import typing as t
from pathlib import Path

import files_support as support
import playbook_support
import yaml
from cloud_support import Project


def publish(*arguments: str) -> tuple[int, str]:
    """The exit code and the output of the playbook."""
    return playbook_support.run("cloudimage.glance.publish", *arguments)


def archive(member: str) -> bytes:
    """A tar archive of a disk."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as made:
        info = tarfile.TarInfo(member)
        info.size = support.MIB
        made.addfile(info, io.BytesIO(support.disk_bytes(support.MIB)))
    return stream.getvalue()


def sources(folder: Path) -> dict[str, Path]:
    """One file of each kind."""
    unknown, cpio = support.unknown_bytes(support.MIB), b"0707010000000100008180" + bytes(4074)
    contents = {
        "disk.tar.xz": support.pack("xz", archive("disk.raw")),
        "box.ova": archive("box.ovf"),
        "initrd.gz": support.pack("gz", cpio),
        "unknown.xz": support.pack("xz", unknown),
        "unknown.raw": unknown,
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    support.qemu_img("create", "-q", "-f", "qcow2", folder / "zeros.qcow2", support.MIB)
    return {path.name: path for path in folder.iterdir()}


def test_sources_are_what_they_show(member: Project, name: str, tmp_path: Path) -> None:
    folder = tmp_path / "sources"
    folder.mkdir()
    files = sources(folder)
    good: list[dict[str, t.Any]] = [
        {"name": "ramdisk", "src": "initrd.gz", "disk_format": "ari", "container_format": "ari"},
        {"name": "declared", "src": "unknown.xz", "source_format": "raw"},
        {"name": "raw", "src": "unknown.raw", "source_format": "raw"},
        {"name": "zeros", "src": "zeros.qcow2"},
        {"name": "ova", "src": "box.ova", "container_format": "ova", "disk_format": "vmdk", "format": None},
    ]
    bad: dict[str, tuple[dict[str, t.Any], tuple[str, ...]]] = {
        "tar": ({"src": "disk.tar.xz"}, ("an archive (tar)", "'disk.raw'", str(files["disk.tar.xz"]))),
        "unknown": ({"src": "unknown.xz"}, ("say source_format: raw", str(files["unknown.xz"]))),
    }
    entries = [{**entry, "name": f"{name}-{entry['name']}"} for entry in good]
    entries += [{**entry, "name": f"{name}-{key}"} for key, (entry, _words) in bad.items()]
    entries = [{**entry, "src": str(files[entry["src"]])} for entry in entries]
    catalogue = tmp_path / "catalogue.yml"
    catalogue.write_text(yaml.safe_dump({"defaults": {"format": "raw"}, "images": entries}))
    arguments = ("-e", "publish_cloud=local", "-e", f"publish_files={catalogue}")
    code, output = publish(*arguments)
    said = " ".join(output.split())
    assert code != 0 and f"{len(bad)} of {len(entries)} images could not be published" in said, output
    for key, (_entry, words) in bad.items():
        message = said.rpartition(f"{name}-{key}: ")[2].partition(f" {name}-")[0]
        assert all(word in message for word in words), (key, message)
        assert member.named(f"{name}-{key}") == []
    formats = {entry["name"]: member.only(f"{name}-{entry['name']}")["disk_format"] for entry in good}
    assert formats == {
        "ramdisk": "ari",
        "declared": "raw",
        "raw": "raw",
        "zeros": "raw",
        "ova": "vmdk",
    }
    for entry in ("ramdisk", "raw", "ova"):
        source = next(files[each["src"]] for each in good if each["name"] == entry)
        held = member.sha512(member.only(f"{name}-{entry}")["id"])
        assert held == hashlib.sha512(source.read_bytes()).hexdigest(), f"{entry} is taken as it is"
    catalogue.write_text(yaml.safe_dump({"defaults": {"format": "raw"}, "images": entries[: len(good)]}))
    code, output = publish(*arguments)
    assert code == 0 and "changed=0" in output, output
