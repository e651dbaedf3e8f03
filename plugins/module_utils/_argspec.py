# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Groups of options that several modules share; ``plugins/doc_fragments`` documents the same groups."""

from __future__ import annotations

import re
import typing as t

from ansible.module_utils.common.text.formatters import human_to_bytes

from ._errors import InvalidOption

Spec = dict[str, dict[str, t.Any]]


def connection_spec() -> Spec:
    """How to reach a cloud: the options of openstack.cloud's modules, name by name."""
    return {
        "cloud": {"type": "raw"},
        "auth_type": {"type": "str"},
        # What of it is secret, _secrets.py says: no_log would blank out names of projects wherever they occur.
        "auth": {"type": "dict", "no_log": False},
        "region_name": {"type": "str"},
        "validate_certs": {"type": "bool", "aliases": ["verify"]},
        "ca_cert": {"type": "str", "aliases": ["cacert"]},
        "client_cert": {"type": "str", "aliases": ["cert"]},
        "client_key": {"type": "str", "no_log": True, "aliases": ["key"]},
        "api_timeout": {"type": "int"},
        "interface": {
            "type": "str",
            "default": "public",
            "choices": ["public", "internal", "admin"],
            "aliases": ["endpoint_type"],
        },
        "sdk_log_path": {"type": "str"},
        "sdk_log_level": {"type": "str", "default": "INFO", "choices": ["INFO", "DEBUG"]},
    }


def wait_spec() -> Spec:
    """Whether and how long to wait for what the server does on its own."""
    return {
        "wait": {"type": "bool", "default": True},
        "timeout": {"type": "int", "default": 180},
    }


def check_spec() -> Spec:
    """What becomes of properties that look wrong."""
    return {"check_properties": {"type": "str", "choices": ["warn", "fail", "none"]}}


def image_spec() -> Spec:
    """One declared image: what the module ``image`` takes beside the connection."""
    return {
        **check_spec(),
        "checksum": {"type": "str"},
        "container_format": {"type": "str"},
        "content_key": {"type": "str", "no_log": False},
        "disk_format": {"type": "str"},
        "end_of_life": {"type": "str"},
        "exclude_from_latest": {"type": "bool"},
        "family": {"type": "str"},
        "filename": {"type": "path"},
        "force": {"type": "bool", "default": False},
        "id": {"type": "str"},
        "import_method": {"type": "str", "choices": ["auto", "glance-direct", "web-download", "glance-download"]},
        "is_hidden": {"type": "bool", "aliases": ["hidden", "os_hidden"]},
        "is_protected": {"type": "bool", "aliases": ["protected"]},
        "is_public": {"type": "bool"},
        "kernel": {"type": "str"},
        "max_virtual_size": {"type": "str", "default": "10TiB"},
        "members": {"type": "list", "elements": "str"},
        "members_domain": {"type": "str"},
        "min_disk": {"type": "int"},
        "min_disk_from_virtual_size": {"type": "bool", "default": False},
        "min_ram": {"type": "int"},
        "name": {"type": "str", "required": True},
        "on_content_change": {"type": "str", "default": "replace", "choices": ["replace", "keep", "fail"]},
        "owner": {"type": "str", "aliases": ["project"]},
        "owner_domain": {"type": "str", "aliases": ["project_domain"]},
        "promote": {"type": "bool"},
        "properties": {"type": "dict"},
        "purge_members": {"type": "bool", "default": False},
        "purge_properties": {"type": "bool", "default": False},
        "ramdisk": {"type": "str"},
        "remote_image_id": {"type": "str"},
        "remote_region": {"type": "str"},
        "remote_service_interface": {
            "type": "str",
            "default": "public",
            "choices": ["public", "internal", "admin"],
        },
        "retire": {"type": "str", "default": "hide", "choices": ["hide", "delete", "rename", "keep"]},
        "state": {"type": "str", "default": "present", "choices": ["present", "absent", "inactive"]},
        "stores": {"type": "list", "elements": "str"},
        "tags": {"type": "list", "elements": "str"},
        "uri": {"type": "str"},
        "use_import": {"type": "bool"},
        "version": {"type": "str"},
        "visibility": {"type": "str", "choices": ["public", "private", "shared", "community"]},
        "volume": {"type": "str"},
    }


def catalog_spec() -> Spec:
    """Where the entries of a catalogue come from. What an entry may hold, ``_catalog_check.py`` says."""
    return {
        "images": {"type": "list", "elements": "raw"},
        "defaults": {"type": "dict"},
        "files": {"type": "list", "elements": "path"},
    }


def publish_spec() -> Spec:
    """What an entry for the role ``publish`` has beside the options of :func:`image_spec`."""
    formats = ["raw", "qcow2", "vmdk", "vdi", "vhd", "vhdx", "vpc"]
    return {
        "src": {"type": "str"},
        "format": {"type": "str", "choices": formats},
        "compression_type": {"type": "str", "choices": ["zlib", "zstd"]},
        "source_format": {"type": "str", "choices": [*formats, "iso", "ploop", "aki", "ami", "ari", "any"]},
        "unpack": {"type": "bool"},
        "max_unpack_memory": {"type": "str"},
        "timeout": {"type": "int"},
        "headers": {"type": "dict"},
        "url_username": {"type": "str"},
        "url_password": {"type": "str", "no_log": True},
        "validate_certs": {"type": "bool"},
        "ca_path": {"type": "path"},
    }


def image_rules() -> dict[str, t.Any]:
    """Rules between the options of :func:`image_spec`, as arguments of AnsibleModule."""
    return {"mutually_exclusive": [("filename", "volume", "uri", "remote_image_id"), ("visibility", "is_public")]}


def size_option(value: str, option: str) -> int:
    """Bytes out of ``20GiB``, ``20G`` or ``21474836480``.

    :raises InvalidOption: if it is no size.
    """
    try:
        size = human_to_bytes(re.sub(r"(?i)(?<=[kmgtpe])i(?=b?$)", "", value.strip()))
    except ValueError as problem:
        raise InvalidOption(f"{option}: {value!r} is no size; write 20GiB, for instance.") from problem
    if size <= 0:
        raise InvalidOption(f"{option}: must be more than nothing.")
    return size
