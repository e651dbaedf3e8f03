# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The catalogue to start from: it passes its own check and the role's, and its checksum files can be read."""

from __future__ import annotations

import typing as t
from pathlib import Path

import ansible_collections.cloudimage.glance as collection
import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.cloudimage.glance.plugins.module_utils import _catalog_info, _checksum
from ansible_collections.cloudimage.glance.plugins.module_utils._address import file_name_of
from ansible_collections.cloudimage.glance.plugins.module_utils._argspec import image_spec, publish_spec
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.catalog_support import gathered

ROOT = Path(collection.__path__[0])
STARTER = ROOT / "playbooks" / "vars" / "distributions.yml"
ENTRIES = gathered(files=[str(STARTER)])
BY_NAME = {entry.name: entry.options for entry in ENTRIES}
SHA256, SHA512 = "ab" * 32, "cd" * 64


def test_the_usual_distributions_are_there() -> None:
    makers = {entry.options["properties"]["os_distro"] for entry in ENTRIES}
    assert makers == {
        *("almalinux", "alpine", "arch", "centos", "cirros", "debian"),
        *("fedora", "freebsd", "opensuse", "rocky", "ubuntu"),
    }
    assert len(BY_NAME) == len(ENTRIES) >= 18


@pytest.mark.parametrize("hypervisor", ["kvm", "qemu", None])
def test_it_passes_its_own_check(hypervisor: str | None) -> None:
    verdict = _catalog_info.judged(None, {"visibility": "public"}, [str(STARTER)], "scs", hypervisor)
    assert [str(problem) for problem in verdict.problems] == []
    assert {remark.key for remark in verdict.recommendations} == {"image_build_date"}


@pytest.mark.parametrize("name", BY_NAME)
def test_the_role_takes_its_entries(name: str) -> None:
    assert ArgumentSpecValidator(image_spec() | publish_spec()).validate(BY_NAME[name]).error_messages == []


@pytest.mark.parametrize("name", BY_NAME)
def test_sources_and_checksums_are_addresses_of_one_maker(name: str) -> None:
    options = BY_NAME[name]
    checksum = _checksum.parse(options["checksum"])
    assert isinstance(checksum, _checksum.ChecksumAddress) and checksum.algorithm in ("sha256", "sha512")
    assert options["src"].startswith("https://") and checksum.address.startswith("https://")
    assert options["src"].split("/")[2] == checksum.address.split("/")[2]
    assert options["src"] == options["properties"]["image_source"]


def gnu(name: str) -> str:
    """As GNU coreutils write it."""
    return f"{SHA256}  {name}\n"


def bsd(name: str) -> str:
    """As BSD tools write it, with the size in front, as Fedora and those after it have it."""
    return f"# {name}: 589299712 bytes\nSHA256 ({name}) = {SHA256}\n"


def signed(text: str) -> str:
    """In a clear signature."""
    head = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n"
    return f"{head}{text}-----BEGIN PGP SIGNATURE-----\n\niQIzBAEBCAAd\n=AbCd\n-----END PGP SIGNATURE-----\n"


#: For each image a file of checksums of the form that its maker publishes, among other files as there.
FORMS: dict[str, t.Callable[[str], str]] = {
    "Debian 13": lambda name: f"{'0' * 128}  {name.replace('.qcow2', '.json')}\n{SHA512}  {name}\n",
    "Ubuntu 24.04": lambda name: f"{'0' * 64} *{name.replace('.img', '-azure.vhd.tar.gz')}\n{SHA256} *{name}\n",
    "Fedora 44": lambda name: signed(bsd(name.replace("Generic", "UKI")).replace(SHA256, "0" * 64) + bsd(name)),
    "Rocky Linux 10": bsd,
    "AlmaLinux 9": lambda name: gnu(name.replace("Generic", "ext4")).replace(SHA256, "0" * 64) + gnu(name),
    "CentOS Stream 10": bsd,
    "openSUSE Leap 16.0": gnu,
    "Alpine 3.24": lambda name: f"{SHA512}\n",
    "Arch Linux": gnu,
    "FreeBSD 15.1": lambda name: f"SHA256 ({name[:-8]}raw.xz) = {'0' * 64}\nSHA256 ({name}) = {SHA256}\n",
    "Cirros 0.6.3": gnu,
}


def test_every_maker_has_a_form() -> None:
    makers = {BY_NAME[name]["properties"]["os_distro"] for name in FORMS}
    assert makers == {options["properties"]["os_distro"] for options in BY_NAME.values()}


@pytest.mark.parametrize("name", FORMS)
def test_checksum_files_can_be_read(name: str, tmp_path: Path) -> None:
    options = BY_NAME[name]
    algorithm, _colon, address = options["checksum"].partition(":")
    path = tmp_path / file_name_of(address)
    path.write_text(FORMS[name](file_name_of(options["src"])))
    found = _checksum.resolve(f"{algorithm}:{path}", options["src"])
    assert found == _checksum.Checksum(algorithm, {"sha256": SHA256, "sha512": SHA512}[algorithm])


def test_alpines_form_with_a_name_can_be_read_too(tmp_path: Path) -> None:
    name = file_name_of(BY_NAME["Alpine 3.24"]["src"])
    (tmp_path / "sum").write_text(f"{SHA512}  {name}\n")
    assert _checksum.resolve(f"{tmp_path}/sum", name).digest == SHA512
