#!/usr/bin/python
# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_catalog_info
short_description: Check a catalogue of images
version_added: 0.3.0
author:
  - cloudimage.glance contributors (@cloudimage)
description:
  - Reads a catalogue, that is a list of images as M(cloudimage.glance.images) or the role P(cloudimage.glance.publish#role) takes it,
    and tells what is wrong with it. It speaks to no cloud, and without O(sources) it opens no file but the catalogue itself.
  - Looked at are unknown options, types and choices, options that contradict each other, entries that mean the same image,
    promoted versions of one family, kernels and ramdisks that go round in a circle, and the properties of each image.
  - The module does not fail because of a bad catalogue. See RV(valid).
extends_documentation_fragment:
  - cloudimage.glance.attributes
  - cloudimage.glance.attributes.info
requirements:
  - PyYAML (Python library), for O(files)
  - oslo.utils >= 7.3.0 (Python library), and qemu-img where images are converted, for O(sources)
options:
  images:
    description:
      - The entries of the catalogue, each a dictionary with options of M(cloudimage.glance.image) or with the keys of an entry of the role
        P(cloudimage.glance.publish#role). Those that only the role has need C(src).
    type: list
    elements: raw
  defaults:
    description:
      - Options for all entries, those of O(files) included. An entry may say otherwise. V(null) in an entry takes a default away.
      - Dictionaries such as C(properties) are merged key by key.
    type: dict
  files:
    description:
      - Catalogue files on the host on which the module runs. Each is YAML, a list of entries, or a mapping with the keys C(images) and
        C(defaults).
      - Files are read as they are; templates in them are not filled in.
    type: list
    elements: path
  standard:
    description:
      - What the properties of the images are held against.
      - With V(scs) it is version 2 of the image metadata standard of the Sovereign Cloud Stack (SCS-0102). Its C(image_build_date) is only
        recommended here, as it is not known where a source always leads to the newest build.
      - With V(none) only names and values of properties that Nova reads are checked.
      - Of an entry with O(cloudimage.glance.image#module:check_properties), names and values that Nova reads are not checked at all with V(none),
        are among the RV(recommendations) with V(warn), and among the RV(problems) with V(fail).
    type: str
    choices: [none, scs]
    default: scs
  hypervisor_type:
    description:
      - What the images are to run on. Hardware models such as the property C(hw_disk_bus) are held against what Nova can do there.
      - If not given, the property C(hypervisor_type) of an image says it, else it is V(vmware) where a property begins with C(vmware_), and V(kvm)
        elsewhere.
    type: str
    choices: [kvm, lxc, parallels, qemu, uml, vmware, xen]
  sources:
    description:
      - Whether to look at C(src) of the entries, too, as M(cloudimage.glance.image_file) does in check mode. Files of checksums are fetched,
        each once, and local files are read. No image is fetched.
    type: bool
    default: false
    version_added: 0.4.0
seealso:
  - module: cloudimage.glance.image
  - module: cloudimage.glance.images
"""

EXAMPLES = r"""
- name: Check a catalogue file
  cloudimage.glance.image_catalog_info:
    files: [/tmp/cloudimage/catalog.yml]
  register: catalog

- name: Show what is wrong with it
  ansible.builtin.debug:
    msg: "{{ catalog.problems | map(attribute='message') | list }}"

- name: Check entries of a playbook by what Nova knows, and stop unless they are right
  cloudimage.glance.image_catalog_info:
    standard: none
    hypervisor_type: vmware
    defaults:
      properties:
        hw_disk_bus: scsi
    images:
      - name: debian-13
        filename: /srv/images/debian-13.vmdk
        disk_format: vmdk
        properties:
          hw_vif_model: vmxnet3
  register: checked
  failed_when: not checked.valid

- name: Look at the sources, too
  cloudimage.glance.image_catalog_info:
    sources: true
    images:
      - name: rescue
        src: /tmp/cloudimage/rescue.qcow2.xz
        checksum: /tmp/cloudimage/SHA256SUMS
        format: raw
"""

RETURN = r"""
valid:
  description: Whether RV(problems) is empty.
  returned: success
  type: bool
  sample: false
problems:
  description: What is wrong, in the order of the entries.
  returned: success
  type: list
  elements: dict
  contains: &remark
    file:
      description: The catalogue file. V(null) for the options.
      type: str
      sample: /srv/catalog/debian.yml
    entry:
      description: The number of the entry there, counted from 1. V(null) if it is about defaults, or the file as a whole.
      type: int
      sample: 3
    name:
      description: The name of the entry, empty if it has none.
      type: str
      sample: debian-13
    key:
      description: The option or property that it is about. V(null) if it is about none.
      type: str
      sample: visibilty
    message:
      description: All of it in one sentence.
      type: str
      sample: "/srv/catalog/debian.yml: entry 3 ('debian-13'): there is no option 'visibilty'; did you mean 'visibility'?"
recommendations:
  description: What is not wrong, but worth a thought.
  returned: success
  type: list
  elements: dict
  contains: *remark
images:
  description:
    - The entries with their defaults, first those of O(images), then those of each file.
    - Passwords are blanked out, and addresses are without what may be secret in them.
  returned: success
  type: list
  elements: dict
  sample:
    - name: debian-13
      filename: /srv/images/debian-13.vmdk
      disk_format: vmdk
      properties:
        hw_disk_bus: scsi
        hw_vif_model: vmxnet3
files:
  description: The whole paths of O(files).
  returned: success
  type: list
  elements: str
  sample: [/srv/catalog/debian.yml]
  version_added: 0.4.0
folder:
  description: The folder on the host of the module that relative paths start from.
  returned: success
  type: str
  sample: /srv/catalog
  version_added: 0.4.0
sources:
  description:
    - What was found out about C(src) of each entry, in the order of RV(images). Empty for an entry without C(src).
  returned: if O(sources) is V(true)
  type: list
  elements: dict
  contains:
    content_key:
      description: The key of the content that M(cloudimage.glance.image_file) would make.
      type: str
      sample: sha512:4d3e...+raw
    source:
      description: The source, as M(cloudimage.glance.image_file) tells it.
      type: dict
      sample: {address: "https://images.example.com/13/debian-13.qcow2", algorithm: sha512, digest: "4d3e...", size: null}
    options:
      description: What M(cloudimage.glance.image_file) is to be told of the content, by the name of the option.
      type: dict
      sample: {format: raw, compression_type: null, source_format: null, unpack: null}
    failed:
      description: V(true) if the source cannot be used.
      type: bool
    msg:
      description: Why.
      type: str
    reason:
      description: The same in a word, see the user guide.
      type: str
      sample: transfer_problem
"""

from ansible_collections.cloudimage.glance.plugins.module_utils._catalog_info import answer, info_spec
from ansible_collections.cloudimage.glance.plugins.module_utils._runner import run_query


def main():
    """Run the module."""
    run_query(answer, info_spec())


if __name__ == "__main__":
    main()
