# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module image_catalog_info as a real process."""

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path

import ansible_collections.cloudimage.glance as collection
import files_support as support
import pytest
import yaml

STARTER = Path(collection.__path__[0]) / "playbooks" / "vars" / "distributions.yml"


def run(folder: Path, **options: t.Any) -> dict[str, t.Any]:
    """Ask the module; whatever the catalogue is, it does not fail and changes nothing."""
    if "files" in options:
        options["files"] = [str(path) for path in options["files"]]
    result = support.run_module("image_catalog_info", folder, options)
    assert not result.get("failed") and result["changed"] is False, result
    assert result["valid"] is (not result["problems"])
    for remark in result["problems"] + result["recommendations"]:
        assert set(remark) == {"file", "entry", "name", "key", "message"}
        assert remark["message"].endswith((".", "?")) and "\n" not in remark["message"]
    return result


def test_the_catalogue_to_start_from_is_valid(tmp_path: Path) -> None:
    told = run(tmp_path, files=[STARTER])
    assert told["valid"], told["problems"]
    assert len(told["images"]) >= 18 and told["images"][0]["properties"]["hw_disk_bus"] == "scsi"


def test_problems_name_file_entry_and_key(tmp_path: Path) -> None:
    path = tmp_path / "catalog.yml"
    path.write_text(
        "defaults: {properties: {hw_disk_bus: scsi}}\n"
        "images:\n"
        "  - {name: a, filename: /srv/a}\n"
        "  - {name: b, filename: /srv/b, visibilty: public, properties: {hw_disk_bus: virtoi}}\n"
        "  - {name: a, kernel: a}\n"
        "  - just a text\n"
    )
    told = run(tmp_path, files=[path], images=[{"name": "a"}], standard="none")
    assert [(each["file"], each["entry"], each["name"], each["key"]) for each in told["problems"]] == [
        (str(path), 4, "", None),
        (str(path), 1, "a", "name"),
        (str(path), 2, "b", "visibilty"),
        (str(path), 2, "b", "hw_disk_bus"),
        (str(path), 3, "a", "name"),
        (str(path), 3, "a", "kernel"),
    ]
    messages = [each["message"] for each in told["problems"]]
    assert messages[0] == f"{path}: entry 4: is a text, not a mapping of options."
    assert messages[2] == f"{path}: entry 2 ('b'): there is no option 'visibilty'; did you mean 'visibility'?"
    assert told["recommendations"] == []
    assert told["images"][1] == {"name": "a", "filename": "/srv/a", "properties": {"hw_disk_bus": "scsi"}}


def test_two_promoted_versions_of_a_family(tmp_path: Path) -> None:
    images = [{"name": "a", "version": number, "filename": "/a", "promote": True} for number in (1, 2)]
    (problem,) = run(tmp_path, images=images, standard="none")["problems"]
    assert (problem["entry"], problem["key"]) == (2, "promote") and "('a', version 1) is, too" in problem["message"]


@pytest.mark.parametrize("text", ["images: [", "hello", "", "&a [*a]", "a: 1\na: 2", "\0", "- !vault x", "[" * 9999])
def test_files_that_are_no_catalogue(tmp_path: Path, text: str) -> None:
    path = tmp_path / "catalog.yml"
    path.write_text(text)
    told = run(tmp_path, files=[path])
    assert told["images"] == [] and told["problems"][0]["entry"] is None
    assert {each["file"] for each in told["problems"]} == {str(path)}


def test_files_that_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    told = run(tmp_path, files=[tmp_path / "fifo", tmp_path, tmp_path / "missing", "/dev/zero"], images=[])
    assert len(told["problems"]) == 4 and [each["entry"] for each in told["problems"]] == [None] * 4


def test_the_standard_and_the_hypervisor(tmp_path: Path) -> None:
    images = [{"name": "a", "properties": {"hw_vif_model": "virtio", "hw_disc_bus": "scsi"}}]
    keys = {each["key"] for each in run(tmp_path, images=images)["problems"]}
    assert {"hw_disc_bus", "hw_disk_bus", "os_distro", "min_ram", "image_source"} <= keys and "hw_vif_model" not in keys
    (only,) = run(tmp_path, images=images, standard="none")["problems"]
    assert only["key"] == "hw_disc_bus" and "'hw_disk_bus'" in only["message"]
    found = run(tmp_path, images=images, standard="none", hypervisor_type="vmware")["problems"]
    assert [each["key"] for each in found] == ["hw_disc_bus", "hw_vif_model"]
    assert "vmxnet3" in found[1]["message"]


def test_an_empty_catalogue_is_valid(tmp_path: Path) -> None:
    assert run(tmp_path)["valid"] and run(tmp_path, images=[], files=[], defaults={})["valid"]


@pytest.mark.parametrize(
    "options", [{"standard": "iso"}, {"hypervisor_type": "abacus"}, {"defaults": 5}, {"cloud": "local"}]
)
def test_only_options_make_it_fail(tmp_path: Path, options: dict[str, t.Any]) -> None:
    told = support.run_module("image_catalog_info", tmp_path, options)
    assert told["failed"] and next(iter(options)) in told["msg"]


def test_secrets_are_not_told(tmp_path: Path) -> None:
    path = tmp_path / "catalog.yml"
    entry = {
        "name": "a",
        "src": "https://me:hidden-in-address@example.org/a.img?token=hidden-in-query",
        "checksum": "https://example.org/SHA256SUMS?token=hidden-in-sum",
        "url_password": "hidden-password",
        "headers": {"Authorization": "Bearer hidden-header"},
        "auth": {"password": "hidden-auth"},
    }
    path.write_text(yaml.safe_dump([entry, {"name": "b", "url_password": ["hidden-list"], "uri": 5}]))
    told = run(tmp_path, files=[path], images=[entry])
    assert "hidden" not in json.dumps(told)
    assert told["images"][0]["src"] == "https://example.org/a.img"


def test_secrets_behind_an_algorithm_and_in_defaults_are_not_told(tmp_path: Path) -> None:
    checksum = "sha256:https://me:hidden-word@example.org/SHA256SUMS?sig=hidden-sig"
    defaults = {"checksum": "https://example.org/S?sig=hidden-in-defaults", "headers": {"X-Token": "hidden-in-headers"}}
    entry = {"name": "a", "src": "https://example.org/a.img", "checksum": checksum, "headers": {"Accept": "text/plain"}}
    path = tmp_path / "catalog.yml"
    path.write_text(yaml.safe_dump([entry]))
    told = run(tmp_path, files=[path], images=[entry, entry], defaults=defaults)
    assert "hidden" not in json.dumps(told)
    assert told["images"][0]["checksum"] == "sha256:https://example.org/SHA256SUMS"
    assert told["images"][0]["headers"]["Accept"] == "text/plain"


def test_numbers_in_files_stay_what_the_author_wrote(tmp_path: Path) -> None:
    path = tmp_path / "catalog.yml"
    path.write_text(
        "defaults: {filename: /srv/a}\n"
        "images:\n"
        "  - {name: a, version: 010}\n"
        "  - {name: a, version: 1:30}\n"
        "  - {name: a, version: 1_0, min_disk: 010, properties: {007: 0x1F}}\n"
        "  - {name: a, version: 8, min_disk: 1:30}\n"
    )
    told = run(tmp_path, files=[path], standard="none")
    assert [each["version"] for each in told["images"]] == ["010", "1:30", "1_0", 8]
    assert told["images"][2]["properties"] == {"007": "0x1F"}
    # Ansible makes the number ten of the text 010, and none of the text 1:30.
    assert [(each["entry"], each["key"]) for each in told["problems"]] == [(4, "min_disk")]


def test_a_thousand_entries_are_no_special_case(tmp_path: Path) -> None:
    path = tmp_path / "catalog.yml"
    path.write_text(yaml.safe_dump([{"name": f"image {n}", "kernel": f"image {n + 1}"} for n in range(1000)]))
    told = run(tmp_path, files=[path], standard="none")
    assert told["valid"] and len(told["images"]) == 1000
