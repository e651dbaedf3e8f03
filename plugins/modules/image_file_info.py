#!/usr/bin/python
# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_file_info
short_description: Tell the real format, the sizes and the safety of a local disk image file
version_added: 0.1.0
author:
  - cloudimage.glance contributors (@cloudimage)
description:
  - Looks into a disk image file without running anything on it. What is told follows the content, never the name.
  - Whether the file is whole is told by its own headers and tables. What they do not tell is not known.
  - A file that is not there is no error.
extends_documentation_fragment:
  - cloudimage.glance.attributes
  - cloudimage.glance.attributes.actiongroup
  - cloudimage.glance.attributes.info
requirements:
  - oslo.utils >= 7.3.0 (Python library)
options:
  path:
    description:
      - The file to look into.
    type: path
    required: true
  checksum_algorithms:
    description:
      - Hash algorithms whose digests are wanted, for instance V(sha256). They are worked out in one pass over the file,
        and remembered for the next time.
    type: list
    elements: str
    default: []
  max_virtual_size:
    description:
      - A disk that claims to be larger than this does not count as safe.
    type: str
    default: 10TiB
seealso:
  - module: cloudimage.glance.image_file
"""

EXAMPLES = r"""
- name: Look into an image file
  cloudimage.glance.image_file_info:
    path: /tmp/cloudimage/rescue.qcow2
    checksum_algorithms: [sha256, sha512]
  register: looked

- name: Refuse what is not safe
  ansible.builtin.assert:
    that: looked.image_file.safe
    fail_msg: "{{ looked.image_file.reasons | join('; ') }}"
"""

RETURN = r"""
image_file:
  description: What the file is. For a file that is not there RV(image_file.path) and RV(image_file.exists) are told.
  returned: success
  type: dict
  contains:
    path:
      description: The absolute path of the file.
      type: str
      sample: /tmp/cloudimage/rescue.qcow2
    exists:
      description: Whether the file is there.
      type: bool
      sample: true
    format:
      description:
        - The real disk format, one of V(raw), V(qcow2), V(vmdk), V(vdi), V(vhd), V(vhdx), V(iso), V(ploop), V(qed), V(luks).
        - A file that is no disk image has the name of what it is, for instance V(tar), V(ova), V(zip), V(gz), V(lz4), V(dmg), V(html),
          V(plain), V(elf) or V(linux kernel). The user guide has a table.
        - V(raw) is also what nothing is recognised in, see RV(image_file.content).
      type: str
      sample: qcow2
    content:
      description:
        - What was recognised in a file that is in no format which describes itself, for instance V(gpt), V(mbr), V(ext), V(xfs), V(lvm) or
          V(swap) for RV(image_file.format=raw).
        - V(null) if nothing was recognised, and for the other disk formats.
      type: str
      version_added: 0.4.0
      sample: gpt
    packed:
      description:
        - How the file is packed, V(xz), V(gz), V(bz2) or V(zst), known by its first bytes. V(null) if it is not.
        - What is in it is not looked at.
      type: str
      sample: null
    virtual_size:
      description: The size in bytes of the disk inside. V(0) if the file does not tell.
      type: int
      sample: 10737418240
    size:
      description: The size of the file in bytes.
      type: int
      sample: 345678901
    actual_size:
      description: The bytes that the file takes up on the local disk.
      type: int
      sample: 345681920
    safe:
      description: Whether the file may be used as an image.
      type: bool
      sample: false
    reasons:
      description: Why it may not be used, for instance that it is cut off or has a parent.
      type: list
      elements: str
      sample: [it has a backing file]
    content_key:
      description: What the module M(cloudimage.glance.image_file) made the file hold. V(null) if that is not known.
      type: str
      sample: sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae+qcow2
    checksums:
      description: The digests that were asked for, by algorithm.
      type: dict
      sample:
        sha256: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
"""

from ansible_collections.cloudimage.glance.plugins.module_utils._file_declaration import describe
from ansible_collections.cloudimage.glance.plugins.module_utils._runner import run_query


def argument_spec():
    """The options of the module."""
    return {
        "path": {"type": "path", "required": True},
        "checksum_algorithms": {"type": "list", "elements": "str", "default": []},
        "max_virtual_size": {"type": "str", "default": "10TiB"},
    }


def main():
    """Run the module."""
    run_query(lambda module: {"image_file": describe(module.params)}, argument_spec())


if __name__ == "__main__":
    main()
