#!/usr/bin/python
# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_file
short_description: Make a local disk image file have given content in a wanted format
version_added: 0.1.0
author:
  - cloudimage.glance contributors (@cloudimage)
description:
  - Makes the file O(path) hold the disk image that O(src) names, fetched, verified, unpacked, inspected and converted.
  - Download, hash and unpacking are one pass over the bytes. The bytes are verified before anything but the unpacking
    touches them, and the image is inspected before C(qemu-img) does.
  - The file is replaced in one stroke once it is complete. Until then the old one stays, and on failure or interruption
    nothing else is left behind. What a killed run left is removed by the next one for the same path.
  - A file that holds the declared content already is left alone, which costs no transfer, no unpacking and no hashing.
    This is remembered in the folder C(cloudimage.glance) below E(XDG_CACHE_HOME) or C(~/.cache) of the user that runs
    the module. A file that was changed since in any way, its timestamps included, is made anew.
  - Zeros become holes where the file system has them.
extends_documentation_fragment:
  - cloudimage.glance.attributes
  - cloudimage.glance.attributes.actiongroup
  - ansible.builtin.files
attributes:
  check_mode:
    support: full
    details:
      - Reads and inspects local files and fetches a file of checksums, but not the image.
  diff_mode:
    support: full
  idempotent:
    support: full
requirements:
  - oslo.utils >= 7.3.0 (Python library)
  - qemu-img, if O(format) is given (package C(qemu-utils) on Debian)
  - zstandard (Python library), for files that are packed with zstd
options:
  path:
    description:
      - The file to make. Its folder must exist, and have room for the image, and for the unpacked source as well if
        that must be converted.
      - A symbolic link is replaced by the file.
    type: path
    required: true
    aliases: [dest]
  state:
    description:
      - Whether the file is to be there.
    type: str
    choices: [present, absent]
    default: present
  src:
    description:
      - Where the content comes from, a path on the host that runs the module, or an address with C(file://),
        C(http://) or C(https://).
      - User and password in an address are used and never shown. Neither is its query.
      - A redirect is followed to C(http://) and C(https://) only.
      - A C(Content-Encoding) that a server applies without being asked is undone, unless the name of the file says that it is packed in
        that way.
      - Required for O(state=present).
    type: str
  checksum:
    description:
      - The checksum of the source as it lies there, packed or not.
      - An algorithm and a digest, for instance V(sha256:9f86d0...), with V(md5), V(sha1), V(sha224), V(sha256),
        V(sha384) or V(sha512); or a digest alone, whose length tells the algorithm.
      - Or the address or the path (with a slash) of a file of checksums, such as C(./SHA256SUMS), alone or after the name
        of an algorithm and a colon. In it the name of the source is looked up, and its place beside the file of checksums tells which
        of several is meant. It may have the form of GNU or BSD tools, be wrapped into a PGP clear signature, which is not verified,
        or hold a digest and nothing else. The user guide has the details.
      - Required if O(src) is an C(http) or C(https) address.
    type: str
  format:
    description:
      - The disk format that the file is to have. The image is converted unless it has it already.
      - Without it the format stays as it is.
      - V(vpc) is another name of V(vhd). A VHD is dynamic, a VMDK is of the type streamOptimized.
    type: str
    choices: [raw, qcow2, vmdk, vdi, vhd, vhdx, vpc]
  compression_type:
    description:
      - Write a compressed qcow2, in this way. Without it a qcow2 is not compressed when it is made here.
      - Needs O(format=qcow2).
    type: str
    choices: [zlib, zstd]
  unpack:
    description:
      - Whether a source that is packed with xz, gzip, bzip2 or zstd is unpacked. It is known by its first bytes,
        whatever its name is.
      - If not given, it is, unless O(source_format) says that it is a kernel or ramdisk.
      - Something that follows an archive is left out with a warning, if the checksum in the archive shows that it is whole;
        zeros are left out without.
    type: bool
  source_format:
    description:
      - The disk format that the unpacked source must have. Another one is an error.
      - If not given, the source must be seen to be a disk image. An archive, a text, a program or a format that is not
        supported is refused. With O(format), so is a source in which nothing is recognised, neither a format nor a partition
        table, a file system or a boot record.
      - With V(raw) the source is taken as a raw disk, also if nothing is recognised in it. If it is something else that is no
        disk image, such as an archive, there is a warning.
      - V(aki), V(ari) and V(ami) are kernels, ramdisks and what lies beside them. They are taken as they are, and not unpacked
        unless O(unpack=true).
      - V(any) takes any file that is not unsafe, for instance an OVA for the container format C(ova).
      - V(ploop), V(aki), V(ari), V(ami) and V(any) are not converted, so that they exclude O(format).
    type: str
    choices: [raw, qcow2, vmdk, vdi, vhd, vhdx, vpc, iso, ploop, aki, ami, ari, any]
  max_virtual_size:
    description:
      - The largest size that the disk may claim to have, and the largest size of the unpacked source, for instance
        V(20GiB).
    type: str
    default: 10TiB
  max_unpack_memory:
    description:
      - The most memory that the dictionary of an xz archive or the window of a zstd archive may take, for instance V(2GiB).
        Some MiB come on top. What threads need that unpack side by side stays below it together.
      - The default is enough for what C(xz) and C(zstd) make, unless a larger dictionary (C(--lzma2=dict=)) or window
        (C(--long=)) was asked for. What needs more than this is refused, and the message tells how much it needs.
    type: str
    default: 512MiB
    version_added: 0.4.0
  timeout:
    description:
      - Seconds without a byte from a server after which a connection counts as broken, as it does if it brings less than 1024 bytes a
        second for so long. There is no limit for the whole of O(src). A file of checksums gets twice as long in all.
    type: int
    default: 30
  headers:
    description:
      - Headers to send to HTTP servers. They are sent along on a redirect to the same scheme, host and port, and to no other place.
        O(url_username) and O(url_password) are, too.
      - All three are for the server of O(src). That of O(checksum) gets them if it is the same one, or if O(src) is a local file; otherwise
        its address may hold a login of its own.
      - Values of headers that bear credentials, such as C(Authorization) and C(X-Auth-Token), are not shown.
    type: dict
    default: {}
  url_username:
    description:
      - User for HTTP servers.
    type: str
  url_password:
    description:
      - Password for HTTP servers.
    type: str
  validate_certs:
    description:
      - Whether the certificates of HTTPS servers are verified.
    type: bool
    default: true
  ca_path:
    description:
      - File with the certificates of the authorities to trust.
    type: path
notes:
  - A source that is unsafe is refused, for instance a qcow2 with a backing file, a VMDK that names other files, a
    disk that claims more than O(max_virtual_size), or a file that is cut off.
  - A broken download goes on where it broke off, if the server can do that. Passing faults are borne a few times.
seealso:
  - module: cloudimage.glance.image
  - module: cloudimage.glance.image_file_info
"""

EXAMPLES = r"""
- name: Unpack a local image and convert it to raw
  cloudimage.glance.image_file:
    src: /tmp/cloudimage/rescue.qcow2.xz
    path: /tmp/cloudimage/rescue.raw
    format: raw

- name: Convert to a compressed qcow2, verified against a file of checksums
  cloudimage.glance.image_file:
    src: /tmp/cloudimage/rescue.qcow2.xz
    checksum: /tmp/cloudimage/SHA256SUMS
    path: /tmp/cloudimage/rescue.qcow2
    format: qcow2
    compression_type: zstd
    mode: "0644"

- name: Fetch, verify and unpack an image, and keep its format
  cloudimage.glance.image_file:
    src: "{{ mirror | default('file:///tmp/cloudimage') }}/rescue.qcow2.xz"
    checksum: "sha256:{{ mirror | default('file:///tmp/cloudimage') }}/SHA256SUMS"
    path: /tmp/cloudimage/rescue-as-it-is.qcow2
    max_virtual_size: 20GiB

- name: Remove a file
  cloudimage.glance.image_file:
    path: /tmp/cloudimage/rescue-as-it-is.qcow2
    state: absent
"""

RETURN = r"""
path:
  description: The absolute path of the file.
  returned: success
  type: str
  sample: /tmp/cloudimage/rescue.raw
content_key:
  description:
    - The identity of the content, the digest of the source and what is done to it. The same key means the same content.
    - Also returned in check mode. V(null) for O(state=absent).
  returned: success
  type: str
  sample: sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae+raw
format:
  description:
    - The disk format of the file. In check mode O(format), if the file has yet to be made.
    - The name of what it is instead, for instance V(tar), if it is no disk image.
  returned: success
  type: str
  sample: raw
disk_format:
  description:
    - The disk format to declare for the file when it goes to Glance. It differs from RV(format) for kernels and ramdisks, and for what
      is taken for a raw disk although it is none.
    - V(null) if that is not known before the file is made.
  returned: success
  type: str
  sample: raw
  version_added: 0.4.0
virtual_size:
  description: The size of the disk in bytes. V(null) if the file has yet to be made.
  returned: success
  type: int
  sample: 10737418240
size:
  description: The size of the file in bytes. V(null) if the file is not there yet.
  returned: success
  type: int
  sample: 10737418240
mode:
  description: Permissions of the file. Its owner and group are returned likewise.
  returned: if the file is there
  type: str
  sample: "0644"
source:
  description: What the content was or will be made of. V(null) for O(state=absent).
  returned: success
  type: dict
  contains:
    address:
      description: Path or address, without user, password and query.
      type: str
      sample: https://images.example.com/rescue.qcow2.xz
    algorithm:
      description: The hash algorithm of the digest.
      type: str
      sample: sha256
    digest:
      description: The digest of the source as it is, packed or not.
      type: str
      sample: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
    size:
      description: The size of the source in bytes. V(null) for an address from which nothing was fetched.
      type: int
      sample: 123456789
actions:
  description: What was done, or would be done in check mode.
  returned: success
  type: list
  elements: str
  sample:
    - write /tmp/cloudimage/rescue.raw with the content of /tmp/cloudimage/rescue.qcow2.xz as raw
transfer:
  description: What was read or fetched of the source to make the file.
  returned: success
  type: dict
  contains:
    bytes:
      description: Bytes of the source.
      type: int
      sample: 123456789
    seconds:
      description: Seconds that the making took, unpacking and conversion included.
      type: float
      sample: 4.2
diff:
  description: The file before and after, in diff mode.
  returned: in diff mode
  type: dict
  sample:
    before: {exists: false}
    after: {exists: true, format: raw, content_key: "sha256:2c26...+raw", size: null}
reason:
  description:
    - A short name of what went wrong, such as V(checksum_mismatch), V(unsafe_image), V(file_problem),
      V(invalid_option), V(transfer_problem) or V(missing_dependency).
  returned: failure
  type: str
  sample: checksum_mismatch
"""

from ansible_collections.cloudimage.glance.plugins.module_utils._file_declaration import (
    FORMATS,
    SOURCE_FORMATS,
    declare,
)
from ansible_collections.cloudimage.glance.plugins.module_utils._runner import run_declaration


def argument_spec():
    """The options of the module."""
    return {
        "path": {"type": "path", "required": True, "aliases": ["dest"]},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "src": {"type": "str"},
        "checksum": {"type": "str"},
        "format": {"type": "str", "choices": list(FORMATS)},
        "compression_type": {"type": "str", "choices": ["zlib", "zstd"]},
        "unpack": {"type": "bool"},
        "source_format": {"type": "str", "choices": list(SOURCE_FORMATS)},
        "max_virtual_size": {"type": "str", "default": "10TiB"},
        "max_unpack_memory": {"type": "str", "default": "512MiB"},
        "timeout": {"type": "int", "default": 30},
        "headers": {"type": "dict", "default": {}},
        "url_username": {"type": "str"},
        "url_password": {"type": "str", "no_log": True},
        "validate_certs": {"type": "bool", "default": True},
        "ca_path": {"type": "path"},
    }


def main():
    """Run the module."""
    run_declaration(declare, argument_spec(), required_if=[("state", "present", ["src"])], add_file_common_args=True)


if __name__ == "__main__":
    main()
