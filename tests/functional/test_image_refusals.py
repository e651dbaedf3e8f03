# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module image, bad input and a cloud that cannot be used: one clear sentence, nothing sent, nothing left behind."""

from __future__ import annotations

import os
import socket
import sys
import typing as t
from pathlib import Path

import cloud_support
import files_support
import pytest
import yaml

GOOD = object()

#: What is wrong, options (GOOD is a good file), what the sentence names.
REFUSALS: list[tuple[str, dict[str, t.Any], str]] = [
    ("empty name", {"name": "", "filename": GOOD}, "name"),
    ("long name", {"name": "n" * 256, "filename": GOOD}, "name"),
    ("4-byte name", {"name": "n\U0001f600", "filename": GOOD}, "name"),
    ("missing file", {"filename": "{tmp}/nothing.img"}, "{tmp}/nothing.img"),
    ("folder", {"filename": "{tmp}"}, "{tmp}"),
    ("number list as property", {"filename": GOOD, "properties": {"a": [1, 2]}}, "properties"),
    ("4-byte property", {"filename": GOOD, "properties": {"a": "\U0001f600"}}, "'a'"),
    ("long key", {"filename": GOOD, "properties": {"k" * 256: "v"}}, "properties"),
    ("empty key", {"filename": GOOD, "properties": {"": "v"}}, "properties"),
    ("long value", {"filename": GOOD, "properties": {"a": "v" * 70000}}, "'a'"),
    ("attribute as property", {"filename": GOOD, "properties": {"os_hidden": True}}, "is_hidden"),
    ("reserved property", {"filename": GOOD, "properties": {"os_glance_x": "1"}}, "os_glance_x"),
    ("own property", {"filename": GOOD, "properties": {"cloudimage_content_key": "1"}}, "cloudimage_content_key"),
    ("long tag", {"filename": GOOD, "tags": ["t" * 256]}, "tags"),
    ("unknown disk format", {"filename": GOOD, "disk_format": "floppy"}, "qcow2"),
    ("unknown container format", {"filename": GOOD, "container_format": "box"}, "bare"),
    ("not a checksum", {"filename": GOOD, "checksum": "sha256:xyz"}, "checksum"),
    ("checksum of odd length", {"filename": GOOD, "checksum": "abc123"}, "checksum"),
    ("checksum file that is not there", {"filename": GOOD, "checksum": "{tmp}/SHA256SUMS"}, "SHA256SUMS"),
    ("no UUID", {"filename": GOOD, "id": "mine"}, "id"),
    ("negative disk", {"filename": GOOD, "min_disk": -1}, "min_disk"),
    ("not a size", {"filename": GOOD, "max_virtual_size": "huge"}, "max_virtual_size"),
    ("declared otherwise", {"filename": GOOD, "disk_format": "qcow2"}, "raw"),
    ("two sources", {"filename": GOOD, "uri": "http://127.0.0.1/x"}, "mutually exclusive"),
    ("two visibilities", {"filename": GOOD, "visibility": "private", "is_public": True}, "mutually exclusive"),
    ("volume", {"volume": "v"}, "Cinder"),
    ("import without uri", {"import_method": "web-download"}, "uri"),
    ("web-download of a file", {"import_method": "web-download", "filename": GOOD}, "web-download"),
    ("glance-direct without file", {"import_method": "glance-direct"}, "filename"),
    ("glance-download", {"import_method": "glance-download", "uri": "http://127.0.0.1/x"}, "glance-download"),
    ("ftp", {"uri": "ftp://127.0.0.1/x"}, "uri"),
    ("uri with password", {"uri": "http://me:secret@127.0.0.1/x"}, "password"),
    ("no source", {}, "no source"),
]


@pytest.mark.parametrize("check", [False, True], ids=["run", "check"])
@pytest.mark.parametrize(("what", "options", "named"), REFUSALS, ids=[row[0] for row in REFUSALS])
def test_refusal(run, member, name, disk, tmp_path, what, options, named, check):
    filled = {key: _fill(value, disk, tmp_path) for key, value in {"name": name, **options}.items()}
    with cloud_support.calls() as calls:
        result = run("image", check, **filled)
    assert result.get("failed"), result
    assert result.get("reason") != "unexpected", result
    told = result["msg"]
    assert named.replace("{tmp}", str(tmp_path)) in told and "\n" not in told and len(told) < 600
    assert "secret" not in told
    assert not calls.writes and member.named(name) == []


def _fill(value: t.Any, disk: t.Callable[[], Path], tmp_path: Path) -> t.Any:
    if value is GOOD:
        return disk()
    return value.replace("{tmp}", str(tmp_path)) if isinstance(value, str) else value


@pytest.mark.parametrize("kind", ["empty", "fifo", "dangling", "device"])
def test_what_is_no_image_file(fail, name, tmp_path, kind):
    path = tmp_path / kind
    if kind == "empty":
        path.touch()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "dangling":
        path.symlink_to(tmp_path / "nowhere")
    else:
        path = Path("/dev/zero")
    told = fail("image", name=name, filename=path)
    assert str(path) in told and "filename" in told


def test_symbolic_link_to_a_file_is_fine(succeed, member, name, disk, tmp_path):
    link = tmp_path / "link.img"
    link.symlink_to(disk())
    succeed("image", name=name, filename=link)
    assert member.only(name)["size"] == disk().stat().st_size


def test_unsafe_files(fail, member, name, disk, tmp_path):
    base = disk(disk_format="qcow2")
    backed, external, huge, flat = (
        tmp_path / each for each in ("backed.qcow2", "external.qcow2", "huge.qcow2", "flat.vmdk")
    )
    files_support.qemu_img("create", "-f", "qcow2", "-b", base, "-F", "qcow2", backed)
    files_support.qemu_img("create", "-f", "qcow2", "-o", f"data_file={tmp_path}/data.raw", external, "1M")
    files_support.qemu_img("create", "-f", "qcow2", huge, "11T")
    files_support.qemu_img("create", "-f", "vmdk", "-o", "subformat=monolithicFlat", flat, "1M")
    for file, disk_format in ((backed, "qcow2"), (external, "qcow2"), (huge, "qcow2"), (flat, "vmdk")):
        for options in ({}, {"disk_format": disk_format}, {"disk_format": "raw"}):
            assert str(file) in fail("image", name=name, filename=file, **options)
    assert member.named(name) == []


@pytest.mark.parametrize("kind", ["xz", "gz", "bz2", "zst"])
def test_packed_file_is_not_taken_for_a_disk(succeed, fail, member, name, disk, kind):
    packed = disk().with_name("packed")
    packed.write_bytes(files_support.pack(kind, disk().read_bytes()))
    for options in ({}, {"disk_format": "qcow2"}):
        assert "packed" in fail("image", name=name, filename=packed, **options)
    assert member.named(name) == []
    succeed("image", name=name, filename=packed, disk_format="raw")
    assert member.only(name)["disk_format"] == "raw"


def test_web_page_is_not_taken_for_a_disk(succeed, fail, member, name, disk, tmp_path):
    """What a download leaves whose server had something else to say; it would replace a good image as a raw one."""
    good, page = disk(1, "qcow2"), tmp_path / "page.qcow2"
    page.write_text("<!DOCTYPE html><title>404 Not Found</title>\n")
    succeed("image", name=name, filename=good)
    image = member.only(name)
    for check in (True, False):
        message = fail("image", name=name, filename=page, check=check)
        assert "no disk image of a known format" in message and str(page) in message
    assert member.named(name) == [image]
    succeed("image", name=name, filename=page, disk_format="raw")
    assert member.only(name)["size"] == page.stat().st_size


def test_kernel_takes_any_file_in_the_place_of_a_kernel(succeed, member, name, tmp_path):
    """Its size says nothing, and the format passes on."""
    kernel = tmp_path / "vmlinuz"
    kernel.write_bytes(b"k" * 1001)
    succeed("image", name=name, filename=kernel, disk_format="aki", container_format="aki")
    kernel.write_bytes(b"K" * 1003)
    succeed("image", name=name, filename=kernel)
    assert (member.only(name)["disk_format"], member.only(name)["size"]) == ("aki", 1003)


def test_wrong_password(run, name):
    settings = yaml.safe_load(cloud_support.CLOUDS_YAML.read_text())["clouds"]["local"]
    settings["auth"]["password"] = "not the password"
    result = run("image_info", cloud=settings, name=name)
    assert result["failed"] and result["reason"] == "connection_problem" and "credentials" in result["msg"]
    assert "not the password" not in str(result)


def test_whole_configuration_as_cloud(succeed, fail, name, disk):
    settings = yaml.safe_load(cloud_support.CLOUDS_YAML.read_text())["clouds"]["local"]
    assert succeed("image", cloud=settings, name=name, filename=disk())["changed"]
    assert not succeed("image", cloud=None, **settings, name=name, filename=disk())["changed"]
    assert "region_name" in fail("image", cloud=settings, region_name="R", name=name)


def test_unknown_cloud(fail, name):
    assert "nowhere" in fail("image_info", cloud="nowhere", name=name)


@pytest.mark.parametrize("service", ["keystone", "glance"])
def test_nobody_answers(run, name, service):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        settings = yaml.safe_load(cloud_support.CLOUDS_YAML.read_text())["clouds"]["local"]
        if service == "keystone":
            settings["auth"]["auth_url"] = f"{address}/v3"
        else:
            settings["image_endpoint_override"] = f"{address}/v2"
        result = run("image_info", cloud=settings, name=name)
    assert result["failed"] and result["reason"] == "connection_problem" and address in result["msg"]


@pytest.mark.parametrize(
    "options",
    [
        {"cloud": {"auth": "x"}},
        {"cloud": None, "auth": {"bogus": "x"}},
        {"cloud": None, "auth": {"auth_url": "http://127.0.0.1:1/v3", "user_name": "me"}},
        {"api_timeout": 0},
        {"sdk_log_path": "/nowhere/at/all.log"},
        {"client_cert": "/nowhere.pem"},
    ],
    ids=str,
)
def test_wrong_options_of_the_connection(fail, name, options):
    assert fail("image_info", name=name, **options)


def test_no_such_region(fail, name):
    assert "Atlantis" in fail("image_info", cloud="local", region_name="Atlantis", name=name)


@pytest.mark.parametrize(("library", "option"), [("openstack", "cloud"), ("oslo_utils", "filename")])
def test_missing_library(name, disk, tmp_path, library, option):
    (tmp_path / "blocked").mkdir()
    (tmp_path / "blocked" / f"{library}.py").write_text(f"raise ImportError('no {library} here')\n")
    path = os.pathsep.join([str(tmp_path / "blocked"), *filter(None, sys.path)])
    options = {"cloud": "local", "name": name, "filename": disk()}
    process = files_support.start_module("image", tmp_path, options, env={"PYTHONPATH": path})
    result = files_support.finish_module(process)
    assert result["failed"] and result["reason"] == "missing_dependency"
    assert library.replace("_", ".") in result["msg"] and "\n" not in result["msg"]


def test_secrets_stay_out_of_results_and_logs(succeed, name, disk, tmp_path):
    settings = yaml.safe_load(cloud_support.CLOUDS_YAML.read_text())["clouds"]["local"]
    log = tmp_path / "sdk.log"
    result = succeed(
        "image",
        cloud=None,
        auth=settings["auth"],
        name=name,
        filename=disk(),
        sdk_log_path=str(log),
        sdk_log_level="DEBUG",
    )
    password = settings["auth"]["password"]
    assert password not in str(result)
    assert result["invocation"]["module_args"]["auth"]["project_name"] == settings["auth"]["project_name"]
    assert password not in log.read_text() and log.stat().st_size
    assert "X-Auth-Token: gAAA" not in log.read_text()


def test_secrets_of_addresses_stay_out_of_the_invocation(run, name, disk, tmp_path):
    address = "http://u:hush-hush@127.0.0.1:1/S?sig=hush-hush"
    catalog = tmp_path / "catalog.yml"
    catalog.write_text(yaml.safe_dump([{"name": name, "filename": str(disk()), "checksum": f"sha256:{address}"}]))
    options: list[tuple[str, dict[str, object]]] = [
        ("image", {"name": name, "filename": disk(), "checksum": f"sha256:{address}"}),
        ("image", {"name": name, "filename": disk(), "uri": address}),
        ("image", {"name": name, "uri": address, "disk_format": "raw", "state": "wrong"}),
        ("images", {"images": [{"name": name, "filename": str(disk()), "checksum": address}]}),
        ("images", {"images": [{"name": name}], "defaults": {"checksum": f"sha256:{address}"}}),
        ("images", {"images": [{"name": name, "src": address}]}),
        ("images", {"files": [str(catalog)]}),
    ]
    for module, each in options:
        result = run(module, **each)
        assert result["failed"] and "invocation" in result and "hush" not in str(result), each
