# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Words that other tools have for our options: what is meant cannot be told by how they are spelt. Pure."""

from __future__ import annotations

import typing as t

#: Options that a word may mean; those that a module has not are passed over.
_MEANT = {
    # Where the content comes from and goes to
    **dict.fromkeys(("source", "image_source", "from", "file", "image_file", "input"), ("src", "filename", "path")),
    **dict.fromkeys(("url", "image_url", "link", "location", "copy_from", "address"), ("uri", "src")),
    "filename": ("src", "path", "dest"),
    "path": ("filename", "dest"),
    "uri": ("src",),
    **dict.fromkeys(("dest", "destination", "output", "target", "to"), ("path", "dest")),
    # What it is
    **dict.fromkeys(("format", "image_format", "type"), ("disk_format",)),
    "disk_format": ("format",),
    **dict.fromkeys(("digest", "hash", "md5", "sha256", "sha512", "sum"), ("checksum",)),
    **dict.fromkeys(("image", "image_name", "title"), ("name",)),
    **dict.fromkeys(("name", "image_name", "image_id"), ("image",)),
    **dict.fromkeys(("metadata", "meta", "property", "attributes"), ("properties",)),
    **dict.fromkeys(("labels", "label", "tag"), ("tags",)),
    # Whose it is, and who may see it
    **dict.fromkeys(("tenant", "tenant_id", "project_id", "owner_id"), ("owner", "project")),
    **dict.fromkeys(("share_with", "shared_with", "projects", "tenants", "access"), ("members",)),
    **dict.fromkeys(("public", "shared", "access_level"), ("visibility",)),
    "protect": ("is_protected",),
    "hide": ("is_hidden",),
    # What it boots with
    **dict.fromkeys(("kernel_id", "linux"), ("kernel",)),
    **dict.fromkeys(("ramdisk_id", "initrd", "initramfs"), ("ramdisk",)),
    # How it is reached
    **dict.fromkeys(("os_cloud", "cloud_name"), ("cloud",)),
    **dict.fromkeys(
        ("username", "password", "auth_url", "project_name", "user_domain_name", "project_domain_name"), ("auth",)
    ),
    **dict.fromkeys(("insecure", "verify_ssl", "ssl_verify", "tls_verify"), ("validate_certs",)),
    **dict.fromkeys(("wait_timeout", "image_timeout"), ("timeout",)),
}


def synonym(word: str, known: t.Container[str]) -> str | None:
    """The option among the known ones that a word means; None if it is no word for one."""
    return next((option for option in _MEANT.get(word, ()) if option in known), None)
