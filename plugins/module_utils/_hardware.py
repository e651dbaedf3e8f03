# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Properties that Nova reads, and the hardware models that it can give to a server, by type of hypervisor. Tables, pure.

Facts from Nova's sources of August 2026: names of properties from ``nova/objects/image_meta.py``, values from
``nova/objects/fields.py`` and ``nova/virt/arch.py``, buses from ``SUPPORTED_DEVICE_BUSES`` in
``nova/virt/libvirt/blockinfo.py``, network models from ``SUPPORTED_VIF_MODELS`` in ``nova/virt/libvirt/vif.py``, those of
VMware from ``nova/virt/vmwareapi/images.py`` and ``vm_util.py``. Network models of Xen from the last Nova that ran it.
"""

from __future__ import annotations

import typing as t

_BUSES_OF_QEMU = ("fdc", "ide", "sata", "scsi", "usb", "virtio")
_BUSES = {
    "kvm": _BUSES_OF_QEMU,
    "qemu": _BUSES_OF_QEMU,
    "lxc": ("lxc",),
    "parallels": ("ide", "scsi"),
    "uml": ("uml",),
    "vmware": ("ide", "scsi"),
    "xen": ("ide", "xen"),
}
_VIFS_OF_KVM = ("e1000", "e1000e", "igb", "ne2k_pci", "pcnet", "rtl8139", "spapr-vlan", "virtio", "vmxnet3")
_VIFS = {
    "kvm": _VIFS_OF_KVM,
    "qemu": (*_VIFS_OF_KVM, "lan9118"),
    "lxc": (),
    "parallels": ("e1000", "rtl8139", "virtio"),
    "vmware": ("e1000", "e1000e", "pcnet", "sriov", "vmxnet", "vmxnet3"),
    "xen": ("e1000", "ne2k_pci", "netfront", "pcnet", "rtl8139"),
}

#: What a property may be with a hypervisor; a hypervisor that is not there takes anything that Nova knows.
MODELS: dict[str, dict[str, tuple[str, ...]]] = {
    "hw_disk_bus": _BUSES,
    "hw_cdrom_bus": {name: buses for name, buses in _BUSES.items() if name != "vmware"},
    "hw_rescue_bus": {name: buses for name, buses in _BUSES.items() if name != "vmware"},
    "hw_vif_model": _VIFS,
    "hw_scsi_model": {"vmware": ("buslogic", "lsilogic", "lsisas1068", "vmpvscsi")},
}

_ALL_BUSES = ("fdc", "ide", "lxc", "sata", "scsi", "uml", "usb", "virtio", "xen")

#: What a property may be at all.
VALUES: dict[str, tuple[str, ...]] = {
    "architecture": tuple(
        (
            "aarch64 alpha armv6 armv7b armv7l cris i686 ia64 lm32 m68k microblaze microblazeel mips mips64 mips64el "
            "mipsel openrisc parisc parisc64 ppc ppc64 ppc64le ppcemb ppcle s390 s390x sh4 sh4eb sparc sparc64 unicore32 "
            "x86_64 xtensa xtensaeb"
        ).split()
    ),
    "hypervisor_type": tuple(
        (
            "baremetal bhyve docker fake hyperv ironic kqemu kvm lxc lxd openvz parallels phyp prsm qemu test uml vbox "
            "vmware vz xen zvm"
        ).split()
    ),
    "hw_cdrom_bus": _ALL_BUSES,
    "hw_cpu_policy": ("dedicated", "mixed", "shared"),
    "hw_cpu_thread_policy": ("isolate", "prefer", "require"),
    "hw_disk_bus": _ALL_BUSES,
    "hw_firmware_type": ("bios", "uefi"),
    "hw_input_bus": ("usb", "virtio"),
    "hw_maxphysaddr_mode": ("emulate", "passthrough"),
    "hw_mem_encryption_model": ("amd-sev", "amd-sev-es", "amd-sev-snp"),
    "hw_pci_numa_affinity_policy": ("legacy", "preferred", "required", "socket"),
    "hw_pointer_model": ("usbtablet",),
    "hw_rescue_bus": _ALL_BUSES,
    "hw_rng_model": ("virtio",),
    "hw_scsi_model": ("buslogic", "ibmvscsi", "lsilogic", "lsisas1068", "lsisas1078", "virtio-scsi", "vmpvscsi"),
    "hw_sound_model": ("ac97", "es1370", "ich6", "ich9", "pcspk", "sb16", "usb", "virtio"),
    "hw_tpm_model": ("tpm-crb", "tpm-tis"),
    "hw_tpm_version": ("1.2", "2.0"),
    "hw_usb_model": ("nec-xhci", "none", "qemu-xhci"),
    "hw_video_model": ("bochs", "cirrus", "gop", "none", "qxl", "vga", "virtio", "vmvga", "xen"),
    "hw_vif_model": tuple(sorted({model for models in _VIFS.values() for model in models})),
    "hw_viommu_model": ("auto", "intel", "smmuv3", "virtio"),
    "hw_watchdog_action": ("disabled", "none", "pause", "poweroff", "reset"),
    "img_config_drive": ("mandatory", "optional"),
    "os_secure_boot": ("disabled", "optional", "required"),
    "os_type": ("linux", "windows"),
    "vm_mode": ("exe", "hvm", "uml", "xen"),
}
#: Properties of which Nova takes everything that is not one of these words for false.
SWITCHES = frozenset(
    """
    hw_boot_menu hw_ephemeral_encryption hw_firmware_stateless hw_locked_memory hw_mem_encryption hw_pmu hw_qemu_guest_agent
    hw_time_hpet hw_vif_multiqueue_enabled hw_virtio_packed_ring img_hide_hypervisor_id os_require_quiesce
    """.split()
)
SWITCH_WORDS = frozenset("0 1 f false n no off on t true y yes".split())
#: Properties that have to be whole numbers.
NUMBERS = frozenset(
    """
    hw_cpu_cores hw_cpu_max_cores hw_cpu_max_sockets hw_cpu_max_threads hw_cpu_sockets hw_cpu_threads hw_maxphysaddr_bits
    hw_numa_nodes hw_serial_port_count hw_video_ram
    """.split()
)
#: Other names for a value, which Nova turns into the one on the right.
_OTHER_NAMES: dict[str, dict[str, str]] = {
    "architecture": {"amd64": "x86_64", "i386": "i686", "i486": "i686", "i586": "i686"},
    "hypervisor_type": {"xapi": "xen"},
    "hw_scsi_model": {"lsilogicsas": "lsisas1068", "paravirtual": "vmpvscsi"},
    "hw_vif_model": {
        "virtuale1000": "e1000",
        "virtuale1000e": "e1000e",
        "virtualpcnet32": "pcnet",
        "virtualsriovethernetcard": "sriov",
        "virtualvmxnet": "vmxnet",
        "virtualvmxnet3": "vmxnet3",
    },
    "vm_mode": {"pv": "xen", "hv": "hvm", "baremetal": "hvm"},
}
_ANY_CASE = ("architecture", "hypervisor_type", "hw_scsi_model", "hw_vif_model", "os_type", "vm_mode")

#: Properties that Nova reads beside those of VALUES.
OTHER_PROPERTIES = frozenset(
    """
    auto_disk_config bdm_v2 bittorrent block_device_mapping cache_in_nova hw_architecture hw_auto_disk_config hw_boot_menu
    hw_cpu_cores hw_cpu_max_cores hw_cpu_max_sockets hw_cpu_max_threads hw_cpu_realtime_mask hw_cpu_sockets
    hw_cpu_threads hw_device_id hw_disk_type hw_emulation_architecture hw_ephemeral_encryption
    hw_ephemeral_encryption_format hw_ephemeral_encryption_secret_uuid hw_firmware_stateless hw_floppy_bus hw_ipxe_boot
    hw_locked_memory hw_machine_type hw_maxphysaddr_bits hw_mem_encryption hw_mem_page_size hw_numa_cpus hw_numa_mem
    hw_numa_nodes hw_pmu hw_qemu_guest_agent hw_redirected_usb_ports hw_rescue_device
    hw_serial_port_count hw_time_hpet hw_video_ram hw_vif_multiqueue_enabled hw_virtio_packed_ring hw_vm_mode
    hypervisor_version_requires img_bdm_v2 img_bittorrent img_block_device_mapping img_cache_in_nova img_compression_level
    img_hide_hypervisor_id img_hv_requested_version img_hv_type img_linked_clone img_mappings img_owner_id
    img_root_device_name img_signature img_signature_certificate_uuid img_signature_hash_method img_signature_key_type
    img_use_agent img_version instance_uuid ipxe_boot kernel_id mappings os_admin_user os_command_line os_distro
    os_require_quiesce os_secure_boot_signature os_shutdown_timeout os_skip_agent_inject_files_at_boot
    os_skip_agent_inject_ssh os_version owner_id ramdisk_id root_device_name vmware_adaptertype vmware_disktype
    vmware_image_version vmware_linked_clone vmware_ostype xenapi_device_id xenapi_image_compression_level
    xenapi_skip_agent_inject_files_at_boot xenapi_skip_agent_inject_ssh xenapi_use_agent
    """.split()
)

#: Types of hypervisor whose hardware is known here.
HYPERVISORS = tuple(sorted(_BUSES))


def hypervisor_of(properties: t.Mapping[str, str]) -> str:
    """What an image is to run on, as far as its properties tell; else KVM, which most clouds have."""
    declared = properties.get("hypervisor_type") or properties.get("img_hv_type")
    if not declared:
        return "vmware" if any(key.startswith("vmware_") for key in properties) else "kvm"
    return as_nova_reads("hypervisor_type", declared)


def as_nova_reads(key: str, value: str) -> str:
    """A value of a property under the name that Nova has for it."""
    value = value.lower() if key in _ANY_CASE else value
    return _OTHER_NAMES.get(key, {}).get(value, value)


def allowed(key: str, hypervisor: str) -> tuple[str, ...] | None:
    """What a property may be with a hypervisor; None if there is no list."""
    return MODELS.get(key, {}).get(hypervisor, VALUES.get(key))
