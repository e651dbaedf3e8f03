# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What a word that is not known may have meant: by its spelling, or by the words that other tools have for our options. Pure."""

from __future__ import annotations

import difflib
import functools
import typing as t

#: How much of two words has to agree for one to be taken for the other; two of three letters do.
_ALIKE = 0.66

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


def names_by_alias(spec: t.Mapping[str, t.Mapping[str, t.Any]]) -> dict[str, str]:
    """The options of a spec by all the names that they have."""
    names = {name: name for name in spec}
    for name, option in spec.items():
        names |= dict.fromkeys(option.get("aliases", ()), name)
    return names


def nearest(word: t.Any, known: t.Iterable[str]) -> str:
    """``; did you mean 'visibility'?`` if a known word is near, else nothing; and where ``src`` belongs."""
    known = tuple(known)
    if word == "src" and "filename" in known:
        return "; the role publish takes src, and the module image_file makes a local file of it for filename"
    word = str(word).lower()[:100]
    near = synonym(word, known) or close(word, known, _ALIKE)
    return f"; did you mean {near!r}?" if near else ""


@functools.lru_cache(maxsize=1000)
def close(word: str, known: tuple[str, ...], likeness: float) -> str | None:
    """The known word that is nearest to a word. Remembered, as a thousand entries often have one mistake in common."""
    return next(iter(difflib.get_close_matches(word, known, n=1, cutoff=likeness)), None)
