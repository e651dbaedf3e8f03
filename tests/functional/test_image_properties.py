# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""check_properties of the modules image and images."""

from __future__ import annotations

import typing as t
from pathlib import Path

import cloud_support
from cloud_support import Project

Run = t.Callable[..., dict[str, t.Any]]

WRONG = {"os_distr": "debian", "hw_disk_bus": "virtoi", "team": "blue"}
TOLD = (
    "'os_distr' is no property that is known; did you mean 'os_distro'?",
    "the property hw_disk_bus is 'virtoi'; Nova takes fdc, ide, sata, scsi, usb, virtio with kvm; did you mean 'virtio'?",
)


def warnings(result: dict[str, t.Any]) -> list[str]:
    """The warnings of a module; newer versions of Ansible wrap them."""
    return [each if isinstance(each, str) else each["event"]["msg"] for each in result.get("warnings", [])]


def test_slips_get_warnings_and_cost_no_call(
    succeed: Run, member: Project, name: str, disk: t.Callable[..., Path]
) -> None:
    options = {"name": name, "filename": str(disk()), "disk_format": "raw", "properties": WRONG}
    foretold = succeed("image", check=True, **options)
    assert sorted(warnings(foretold)) == sorted(f"properties: {each}" for each in TOLD)
    assert warnings(succeed("image", **options)) == warnings(foretold)
    assert member.only(name)["hw_disk_bus"] == "virtoi", "a warning keeps nothing from being done"
    calls = {}
    for how in ("warn", "none"):
        with cloud_support.calls() as made:
            result = succeed("image", check_properties=how, **options)
        assert not result["changed"] and bool(warnings(result)) == (how == "warn")
        calls[how] = [(call.method, call.path) for call in made.glance]
    assert calls["warn"] == calls["none"]


def test_they_are_refused_all_at_once_before_anything_is_sent(
    fail: t.Callable[..., str], name: str, disk: t.Callable[..., Path]
) -> None:
    with cloud_support.calls() as made:
        message = fail(
            "image",
            name=name,
            filename=str(disk()),
            disk_format="raw",
            properties={**WRONG, "hw_qemu_guest_agent": "enabled", "hw_cpu_cores": "two", "hw_cpu_policy": "pinned"},
            check_properties="fail",
        )
    assert made.glance == made.keystone == []
    assert message.startswith("properties: ") and all(each in message for each in TOLD)
    assert all(key in message for key in ("hw_qemu_guest_agent", "hw_cpu_cores", "hw_cpu_policy"))
    assert "team" not in message


def test_what_goes_away_may_be_called_anything(succeed: Run, member: Project, name: str) -> None:
    member.create(name, b"d" * 512, os_distr="debian", hw_disk_bus="virtoi")
    gone = dict.fromkeys(("os_distr", "hw_disk_bus"))
    assert "warnings" not in succeed("image", name=name, properties=gone, check_properties="fail")
    assert "os_distr" not in member.only(name)
    assert "warnings" not in succeed("image", name=name, state="absent", properties=WRONG, check_properties="fail")


def test_a_catalogue_is_told_once_for_all_entries_and_each_may_say_otherwise(
    succeed: Run, run: Run, member: Project, name: str
) -> None:
    names = [f"{name}-{number}" for number in range(5)]
    for each in names:
        member.create(each, b"d" * 512)
    entries = [{"name": each} for each in names]
    done = succeed("images", images=entries, defaults={"properties": WRONG})
    assert len(warnings(done)) == len(TOLD)
    labels = f"entry 1 ('{names[0]}'), entry 2 ('{names[1]}'), entry 3 ('{names[2]}') and 2 more: "
    assert labels + TOLD[0] in warnings(done)
    with cloud_support.calls() as made:
        refused = run("images", images=entries, defaults={"properties": WRONG}, check_properties="fail")
    assert refused["failed"] and refused["reason"] == "catalog_problem" and made.glance == []
    assert len(refused["problems"]) == len(names) * len(TOLD)
    own = [{**entry, "check_properties": how} for entry, how in zip(entries, ["none", "none", "warn"], strict=False)]
    mixed = succeed("images", images=own, defaults={"properties": WRONG}, check_properties="fail")
    assert len(warnings(mixed)) == len(TOLD) and all(names[2] in each for each in warnings(mixed))
