# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Properties held against Nova and against the SCS standard."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _hardware as hardware
from ansible_collections.cloudimage.glance.plugins.module_utils import _metadata_standard as standard
from hypothesis import given, settings
from hypothesis import strategies as st

QUICK = settings(max_examples=150, deadline=None, derandomize=True, database=None)

#: An image with which the standard is content.
WHOLE = {
    "architecture": "x86_64",
    "hypervisor_type": "qemu",
    "os_distro": "debian",
    "os_version": "13",
    "os_purpose": "generic",
    "hw_disk_bus": "scsi",
    "hw_scsi_model": "virtio-scsi",
    "hw_rng_model": "virtio",
    "replace_frequency": "monthly",
    "provided_until": "none",
    "uuid_validity": "last-3",
    "image_source": "https://cloud.debian.org/images/cloud/",
    "image_description": "https://wiki.debian.org/Cloud",
    "image_original_user": "debian",
    "image_build_date": "2026-11-21",
}
SIZES = {"min_disk": 8, "min_ram": 512}


def told(
    properties: dict[str, str], options: dict[str, t.Any] | None = None, on: str = "kvm", by: str = "scs"
) -> list[tuple[str, str, bool]]:
    """What is said about properties, as tuples."""
    options = SIZES if options is None else options
    return [(each.key, each.message, each.wrong) for each in standard.remarks(properties, options, on, by)]


def test_a_whole_image_needs_no_remark() -> None:
    assert told(WHOLE) == []


@pytest.mark.parametrize("key", WHOLE)
def test_what_is_missing(key: str) -> None:
    remarks = told({name: value for name, value in WHOLE.items() if name != key})
    advised = ("hypervisor_type", "hw_rng_model", "image_build_date", "hw_scsi_model")
    assert [(about, wrong) for about, message, wrong in remarks] == [(key, key not in advised)]


def test_nothing_is_missing_without_a_standard() -> None:
    assert told({}, {}, by="none") == []
    assert len([1 for key, message, wrong in told({}, {}) if wrong]) == 13


@pytest.mark.parametrize(
    ("options", "missing"),
    [
        ({"min_disk": 1, "min_ram": 1}, []),
        ({"min_disk_from_virtual_size": True, "min_ram": 1}, []),
        ({"min_ram": 1}, ["min_disk"]),
        ({"min_disk": 0, "min_ram": 0}, ["min_disk", "min_ram"]),
    ],
)
def test_sizes(options: dict[str, t.Any], missing: list[str]) -> None:
    assert [key for key, message, wrong in told(WHOLE, options)] == missing


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("os_distro", ["debian", "opensuse", "almalinux"], ["Debian", "", "red hat", "-x"]),
        ("os_version", ["13", "22.04", "rolling"], ["", "  "]),
        (
            "os_purpose",
            ["generic", "oldgeneric", "minimal", "k8snode", "gpu", "network", "custom"],
            ["Generic", "server", ""],
        ),
        (
            "replace_frequency",
            ["yearly", "quarterly", "monthly", "weekly", "daily", "critical_bug", "never"],
            ["hourly", "Monthly", ""],
        ),
        (
            "provided_until",
            ["none", "notice", "2027-06-30"],
            ["forever", "last-3", "2027-06-31", "2027-6-30", "30.06.2027", ""],
        ),
        (
            "uuid_validity",
            ["none", "notice", "forever", "last-1", "last-30", "2027-02-28"],
            ["last-0", "last-N", "last-", "last", "2027-02-30", "always", "last-3 "],
        ),
        (
            "image_build_date",
            ["2026-11-21", "2026-11-21 08:00", "2026-11-21 08:00:59", "2026-11-21T08:00:59Z"],
            ["today", "20261121", "2026-11-21 25:00", "2026-13-21", "2026-1-1", ""],
        ),
        (
            "image_source",
            ["private", "https://a.b/c", "http://a", "ftp://a/b", "ftps://a"],
            ["file:///x", "/x", "", "https://", "Private", "ssh://a"],
        ),
        ("image_description", ["words", "https://a"], ["", " "]),
        ("image_original_user", ["debian", "none"], [""]),
        ("hotfix_hours", ["0", "48"], ["2 days", "-1", "1.5", ""]),
        ("maintained_until", ["2027-06-30"], ["none", "2027"]),
        ("license_included", ["true", "false"], ["yes", "True", "1"]),
    ],
)
def test_formats(key: str, good: list[str], bad: list[str]) -> None:
    for value in good:
        assert told(WHOLE | {key: value}) == [], value
        assert told({key: value}, by="none") == []
    for value in bad:
        ((about, message, wrong),) = told(WHOLE | {key: value})
        assert about == key and wrong and repr(value) in message, value


def test_licences_that_contradict_each_other() -> None:
    assert told(WHOLE | {"license_included": "true", "license_required": "false"}) == []
    assert [key for key, message, wrong in told(WHOLE | {"license_included": "true", "license_required": "true"})] == [
        "license_required"
    ]


@pytest.mark.parametrize(
    ("key", "on", "good", "bad"),
    [
        ("hw_disk_bus", "kvm", ["virtio", "scsi", "ide", "sata", "usb", "fdc"], ["xen", "lxc", "VIRTIO", "nvme", ""]),
        ("hw_disk_bus", "qemu", ["virtio", "sata"], ["uml"]),
        ("hw_disk_bus", "xen", ["xen", "ide"], ["virtio", "scsi"]),
        ("hw_disk_bus", "vmware", ["scsi", "ide"], ["virtio", "sata"]),
        ("hw_disk_bus", "lxc", ["lxc"], ["virtio"]),
        ("hw_disk_bus", "parallels", ["ide", "scsi"], ["sata", "virtio"]),
        ("hw_disk_bus", "ironic", ["virtio", "xen"], ["nvme"]),
        ("hw_cdrom_bus", "kvm", ["sata", "ide"], ["xen"]),
        ("hw_cdrom_bus", "vmware", ["sata", "virtio"], ["nvme"]),
        (
            "hw_vif_model",
            "kvm",
            ["virtio", "e1000", "igb", "vmxnet3", "VirtualVmxnet3"],
            ["lan9118", "netfront", "vmxnet"],
        ),
        ("hw_vif_model", "qemu", ["lan9118"], ["netfront"]),
        ("hw_vif_model", "vmware", ["vmxnet3", "VirtualE1000e", "E1000", "sriov"], ["virtio", "rtl8139"]),
        ("hw_vif_model", "xen", ["netfront", "e1000"], ["virtio", "vmxnet3"]),
        ("hw_vif_model", "lxc", [], ["virtio"]),
        ("hw_scsi_model", "kvm", ["virtio-scsi", "lsilogic", "paraVirtual"], ["virtio_scsi", "megaraid"]),
        (
            "hw_scsi_model",
            "vmware",
            ["lsilogic", "lsiLogicsas", "paravirtual", "buslogic"],
            ["virtio-scsi", "ibmvscsi"],
        ),
        ("hw_video_model", "kvm", ["virtio", "vga", "none", "bochs"], ["vbe", "Virtio"]),
        ("hw_firmware_type", "kvm", ["uefi", "bios"], ["efi", "UEFI"]),
        ("hw_rng_model", "kvm", ["virtio"], ["tpm"]),
        ("hw_watchdog_action", "kvm", ["reset", "disabled"], ["reboot"]),
        ("architecture", "kvm", ["x86_64", "aarch64", "amd64", "X86_64"], ["arm64", "risc-v", "x86-64"]),
        ("hypervisor_type", "kvm", ["qemu", "kvm", "QEMU", "xapi", "hyperv"], ["esxi", "hyper-v"]),
        ("vm_mode", "kvm", ["hvm", "pv"], ["full"]),
        ("os_type", "kvm", ["linux", "Windows"], ["freebsd"]),
    ],
)
def test_hardware(key: str, on: str, good: list[str], bad: list[str]) -> None:
    for value in good:
        assert [each for each in told({key: value}, on=on, by="none") if each[2]] == [], value
    for value in bad:
        ((about, message, wrong),) = told({key: value}, on=on, by="none")
        assert about == key and wrong and repr(value) in message, value


def test_hardware_is_told_with_the_hypervisor_and_the_nearest_word() -> None:
    ((_key, message, _wrong),) = told({"hw_disk_bus": "virtoi"}, by="none")
    assert message == (
        "the property hw_disk_bus is 'virtoi'; Nova takes fdc, ide, sata, scsi, usb, virtio with kvm; did you mean 'virtio'?"
    )
    ((_key, message, _wrong),) = told({"hw_vif_model": "virtio"}, on="lxc", by="none")
    assert message == "the property hw_vif_model is 'virtio'; Nova takes none with lxc"
    ((_key, message, _wrong),) = told({"os_type": "bsd"}, by="none")
    assert message == "the property os_type is 'bsd'; Nova takes linux, windows"


def test_a_scsi_model_belongs_to_a_scsi_bus() -> None:
    assert told({"hw_scsi_model": "virtio-scsi"}, by="none") == []
    assert told({"hw_scsi_model": "virtio-scsi", "hw_disk_bus": "scsi"}, by="none") == []
    ((key, message, wrong),) = told({"hw_scsi_model": "virtio-scsi", "hw_disk_bus": "virtio"}, by="none")
    assert key == "hw_scsi_model" and not wrong and "no effect" in message


@pytest.mark.parametrize(
    ("key", "meant", "wrong"),
    [
        ("hw_disc_bus", "hw_disk_bus", True),
        ("hw_vif_modle", "hw_vif_model", True),
        ("HW_DISK_BUS", "hw_disk_bus", True),
        ("img_config_driv", "img_config_drive", True),
        ("os_dsitro", "os_distro", False),
        ("image_orginal_user", "image_original_user", False),
        ("provided_till", "provided_until", False),
        ("trait:HW_CPU_X86_AVX2", None, False),
        ("hw_numa_cpus.0", None, False),
        ("hw_numa_mem.12", None, False),
        ("team", None, False),
        ("os_admin_user", None, False),
        ("x" * 10_000, None, False),
        ("", None, False),
    ],
)
def test_misspelt_properties(key: str, meant: str | None, wrong: bool) -> None:
    remarks = told({key: "required"}, by="none")
    if meant is None:
        assert remarks == []
    else:
        ((about, message, grave),) = remarks
        assert (about, grave) == (key, wrong) and f"did you mean {meant!r}?" in message


def test_no_known_property_counts_as_misspelt() -> None:
    for key in [*hardware.VALUES, *hardware.OTHER_PROPERTIES, *WHOLE]:
        assert not [message for about, message, wrong in told({key: "x"}, by="none") if "no property" in message], key


def test_tables_agree() -> None:
    """What a hypervisor can have is a word that Nova knows."""
    for key, by_hypervisor in hardware.MODELS.items():
        for hypervisor, models in by_hypervisor.items():
            assert hypervisor in hardware.HYPERVISORS
            assert set(models) <= set(hardware.VALUES[key]), (key, hypervisor)
            assert hypervisor in hardware.VALUES["hypervisor_type"]
    assert not set(hardware.VALUES) & hardware.OTHER_PROPERTIES


def image(**properties: str) -> dict[str, str]:
    return WHOLE | properties


@pytest.mark.parametrize(
    ("images", "twins"),
    [
        ([image(), image()], [[0, 1]]),
        ([image(), image(os_version="12")], []),
        ([image(), image(architecture="aarch64")], []),
        ([image(), image(os_distro="ubuntu")], []),
        ([image(), image(os_purpose="minimal")], []),
        ([image(os_purpose="oldgeneric"), image(os_purpose="oldgeneric")], []),
        ([image(), image(os_version="12"), image(), image(os_version="12"), image()], [[0, 2, 4], [1, 3]]),
        ([{"os_purpose": "generic"}, {"os_purpose": "generic"}], []),
    ],
)
def test_images_that_cannot_be_told_apart(images: list[dict[str, str]], twins: list[list[int]]) -> None:
    assert [group for key, group in standard.twins(enumerate(images))] == twins


@QUICK
@given(
    st.dictionaries(
        st.sampled_from([*hardware.VALUES, *WHOLE]) | st.text(max_size=12),
        st.sampled_from([*WHOLE.values()]) | st.text(max_size=9),
    ),
    st.sampled_from([*hardware.HYPERVISORS, "ironic", "", "\0"]),
    st.sampled_from(standard.STANDARDS),
)
def test_any_properties_get_a_verdict(properties: dict[str, str], hypervisor: str, by: str) -> None:
    for key, message, _wrong in told(properties, {}, hypervisor, by):
        assert key in {*properties, *WHOLE, "min_disk", "min_ram"}
        assert message and not message.endswith(".")


@pytest.mark.parametrize(
    ("properties", "about"),
    [
        ({"hw_qemu_guest_agent": "enabled"}, ["hw_qemu_guest_agent"]),
        ({"hw_qemu_guest_agent": "Yes", "hw_boot_menu": "true", "hw_pmu": "0"}, []),
        ({"hw_cpu_cores": "two", "hw_video_ram": "16"}, ["hw_cpu_cores"]),
        ({"hw_cpu_policy": "pinned", "hw_cpu_thread_policy": "isolate"}, ["hw_cpu_policy"]),
        (
            {"img_config_drive": "true", "hw_pci_numa_affinity_policy": "strict"},
            ["img_config_drive", "hw_pci_numa_affinity_policy"],
        ),
        ({"trait:HW_CPU_X86_AVX2": "requird"}, ["trait:HW_CPU_X86_AVX2"]),
        ({"os_distro": "debain"}, ["os_distro"]),
        ({"os_distro": "Debian"}, []),
        ({"os_distro": "debian13"}, []),
        ({"os_distro": "gardenlinux"}, []),
        ({"vmware_ostype": "otherGuest", "hw_vif_model": "vmxnet"}, []),
    ],
)
def test_what_nova_would_not_take(properties: dict[str, str], about: list[str]) -> None:
    assert [remark.key for remark in standard.doubts(properties, hardware.hypervisor_of(properties))] == about


#: Properties as catalogues out there have them: of SCS, openstack-image-manager, Gardener, Glance, Cinder, Ironic and openstacksdk.
_OF_OTHERS = """
    base_image_ref boot_roles build_id build_number checksum_url cinder_encryption_key_id cinder_img_volume_type commit_sha
    cpu_arch default_user deploy_kernel deploy_ramdisk distro gardenlinux_version git_commit hide_hypervisor_id image_id image_license
    image_location image_name image_owner image_type image_url image_version internal_version ipa_version k8s_version kernel_version
    kubernetes_version license login_password login_user maintained_by maintainer managed_by_osism os_codename os_eol os_family
    os_hash_algo os_image_version os_name os_release os_variant os_version_codename os_version_id owner_project_name
    owner_specified.openstack.md5 owner_specified.openstack.object owner_specified.openstack.sha256 owner_user_name
    pipeline_id release release_date root_gb rootfs_uuid source source_url support_contact talos_version tenant_id user_id uuid version
    version_id vm_version volume_type whole_disk_image
""".split()


@pytest.mark.parametrize("key", _OF_OTHERS)
def test_properties_of_ones_own_are_no_slips(key: str) -> None:
    assert told({key: "x"}, by="none") == []
