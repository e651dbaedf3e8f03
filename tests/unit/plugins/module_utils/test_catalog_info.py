# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verdict about a whole catalogue."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _catalog_info as info
from ansible_collections.cloudimage.glance.plugins.module_utils._hardware import HYPERVISORS

Options = dict[str, t.Any]
WHOLE: Options = {
    "architecture": "x86_64",
    "hypervisor_type": "qemu",
    "os_distro": "debian",
    "os_version": "13",
    "os_purpose": "generic",
    "hw_disk_bus": "virtio",
    "hw_rng_model": "virtio",
    "replace_frequency": "monthly",
    "provided_until": "none",
    "uuid_validity": "none",
    "image_source": "private",
    "image_description": "x",
    "image_original_user": "debian",
    "image_build_date": "2026-11-21",
}
DEFAULTS: Options = {"min_disk": 1, "min_ram": 1, "properties": WHOLE}


def told(
    *images: Options, standard: str = "none", hypervisor: str | None = None, **defaults: t.Any
) -> list[tuple[t.Any, str, str]]:
    """The problems of a catalogue, as (entry, key, message)."""
    problems = info.judged(list(images), defaults, None, standard, hypervisor).problems
    return [(problem.number, problem.key, problem.message) for problem in problems]


def test_a_good_catalogue() -> None:
    assert (
        told(
            {"name": "a"},
            {"name": "b", "properties": {"os_version": "12"}},
            standard="scs",
            visibility="public",
            **DEFAULTS,
        )
        == []
    )


@pytest.mark.parametrize(
    ("options", "key", "words"),
    [
        ({"src": "http://a/b"}, "checksum", "checksum is missing"),
        ({"src": "https://a/b", "checksum": "sha256:12"}, "checksum", "64 hexadecimal digits"),
        ({"filename": "/a", "src": "/b"}, "src", "mutually exclusive: src|filename|"),
        ({"name": "x" * 256}, "name", "256 characters"),
        ({"properties": {"x": ["a"]}}, "properties", "is a list"),
        ({"properties": {"size": 1}}, "properties", "attribute of every image"),
        ({"properties": {"os_version": 22.04}}, "os_version", "put it in quotes"),
        ({"min_disk": -1}, "min_disk", "not between"),
        ({"min_disk": 1, "min_disk_from_virtual_size": True}, "min_disk", "leave one of them out"),
        ({"id": "x"}, "id", "x"),
        ({"tags": [""]}, "tags", "empty"),
        ({"members": [], "purge_members": True, "stores": []}, "stores", "one store"),
        ({"src": "/a", "format": "qcow"}, "format", "did you mean 'qcow2'?"),
        ({"src": "/a", "timeout": "soon"}, "timeout", "unable to convert to int"),
        ({"uri": "https://a/b", "timeout": 5}, "timeout", "needs src"),
        ({"filename": "/a", "validate_certs": False}, "validate_certs", "needs src"),
        ({"filename": "/a", "name": "a" * 9, "format": "raw", "src": None}, "format", "needs src"),
        ({"wait": False}, "wait", "belongs beside images"),
        ({"cloud": "x"}, "cloud", "belongs beside images"),
    ],
)
def test_what_no_module_would_take(options: Options, key: str, words: str) -> None:
    ((number, about, message),) = told({"name": "good"}, {"name": "a", **options})
    assert (number, about) == (2, key) and words in message


def test_keys_of_the_role_are_known() -> None:
    entry = {
        "name": "a",
        "src": "https://a/b.qcow2.xz",
        "checksum": "https://a/SHA256SUMS",
        "format": "raw",
        "source_format": "qcow2",
        "headers": {"X-Token": "s"},
        "url_username": "u",
        "url_password": "p",
        "validate_certs": False,
        "ca_path": "/x",
        "timeout": 5,
    }
    assert told(entry) == []


@pytest.mark.parametrize(
    ("option", "declared", "words"),
    [
        (None, None, "with kvm"),
        (None, "xen", "with xen"),
        (None, "XAPI", "with xen"),
        ("vmware", None, "with vmware"),
        ("vmware", "xen", "with vmware"),
        (None, "ironic", None),
    ],
)
def test_which_hypervisor_counts(option: str | None, declared: str | None, words: str | None) -> None:
    properties = {"hw_vif_model": "lan9118"} | ({"hypervisor_type": declared} if declared else {})
    found = told({"name": "a", "properties": properties}, hypervisor=option)
    assert [words in message for number, key, message in found] == ([True] if words else [])


def test_every_hypervisor_of_the_option_has_a_table() -> None:
    assert info.info_spec()["hypervisor_type"]["choices"] == list(HYPERVISORS)
    for hypervisor in HYPERVISORS:
        ((_number, key, message),) = told({"name": "a", "properties": {"hw_disk_bus": "nvme"}}, hypervisor=hypervisor)
        assert key == "hw_disk_bus" and f"with {hypervisor}" in message


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [
        ({}, {}, 1),
        ({}, {"visibility": "private"}, 0),
        ({}, {"visibility": "community"}, 0),
        ({}, {"visibility": None, "is_public": True}, 1),
        ({}, {"is_hidden": True}, 0),
        ({}, {"os_hidden": True}, 0),
        ({}, {"state": "absent"}, 0),
        ({}, {"properties": {"os_purpose": "minimal"}}, 0),
        ({"name": "b", "version": "1"}, {"version": "2"}, 0),
        ({"version": "1"}, {"version": "2"}, 1),
    ],
)
def test_one_generic_public_image_of_a_kind(one: Options, other: Options, count: int) -> None:
    found = told({"name": "a", **one}, {"name": "b", **other}, standard="scs", visibility="public", **DEFAULTS)
    assert [(number, key) for number, key, message in found] == [(2, "os_purpose")] * count
    assert all("debian, 13, x86_64" in message and "entry 1" in message for number, key, message in found)
    assert told({"name": "a", **one}, {"name": "b", **other}, standard="none", visibility="public", **DEFAULTS) == []


def test_an_entry_that_goes_away_needs_no_properties() -> None:
    assert told({"name": "a", "state": "absent"}, standard="scs") == []
    assert told({"name": "a", "state": "absent", "visibilty": "x"}, standard="scs")


def test_problems_come_in_the_order_of_entries() -> None:
    found = told({"name": "a"}, {"nme": "b"}, {"name": "c", "properties": {"hw_disk_bus": "x"}}, {"name": "a"})
    assert [number for number, key, message in found] == [2, 2, 3, 4]


@pytest.mark.parametrize(
    ("check", "problems", "recommendations"),
    [
        (None, ["hw_disk_bus"], ["os_distr"]),
        ("warn", [], ["os_distr", "hw_disk_bus"]),
        ("none", [], []),
        ("fail", ["os_distr", "hw_disk_bus"], []),
    ],
)
def test_an_entry_says_what_becomes_of_properties_that_look_wrong(
    check: str | None, problems: list[str], recommendations: list[str]
) -> None:
    image = {"name": "a", "properties": {"os_distr": "debian", "hw_disk_bus": "virtoi"}, "check_properties": check}
    verdict = info.judged([image], None, None, "none", None)
    assert [each.key for each in verdict.problems] == problems
    assert [each.key for each in verdict.recommendations] == recommendations
