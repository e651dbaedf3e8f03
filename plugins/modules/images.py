#!/usr/bin/python
# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: images
version_added: 0.3.0
short_description: Declare a whole catalogue of images of OpenStack Glance
description:
  - Makes many images be as declared, each as M(cloudimage.glance.image) does, with one token and few calls.
  - All images are looked at together and planned before the first of them is changed. Then some of them at a time are
    uploaded and changed.
  - An image that fails does not stop the others. The result lists each with its outcome, in the order given, and the task fails
    at the end with the reasons.
  - What is wrong with the catalogue itself, such as keys that are none, values of the wrong kind, two entries for one
    image or two promoted versions of a family, is found before the cloud is asked. Two entries that turn out to be about one
    image, one by its id and one by its name, are refused before anything is changed.
author:
  - cloudimage.glance contributors (@cloudimage)
options:
  images:
    description:
      - The images. Each entry takes the options of M(cloudimage.glance.image), but for those of the connection, and for O(wait)
        and O(timeout).
      - Images that others name as O(cloudimage.glance.image#module:kernel) or
        O(cloudimage.glance.image#module:ramdisk) are made before them.
    type: list
    elements: raw
  files:
    description:
      - Catalogue files in YAML, on the host that runs the module. Each holds a list of entries, or a mapping with the keys
        C(images) and C(defaults).
      - Their entries come after those of O(images). M(cloudimage.glance.image_catalog_info) checks them without a cloud.
    type: list
    elements: path
  defaults:
    description:
      - Options for all entries that do not say otherwise. Dictionaries, such as C(properties), are merged key by key.
    type: dict
  catalog:
    description:
      - Name of this catalogue. Each image that is declared here and is not to be absent bears it as a mark (property
        C(cloudimage_catalog)).
      - Must be one of its own for each catalogue of a project.
    type: str
  check_properties:
    description:
      - What becomes of properties that look wrong, in entries that do not say otherwise. See
        O(cloudimage.glance.image#module:check_properties). With V(fail) all of them are told at once, before the cloud is asked.
    type: str
    choices: [warn, fail, none]
    version_added: 0.4.0
  prune:
    description:
      - Whether to delete images that bear the mark O(catalog) and that the catalogue does not name any more. Needs O(catalog).
      - Only in the projects in which the catalogue declares images, or in that of the credentials, and only if no entry failed.
      - Protected images stay, with a warning. So do images that were replaced by one that is named, and versions of a family
        of which any version is named; M(cloudimage.glance.image_retention) takes care of those. What an entry was found to mean
        counts as named, whether or not it bears the mark.
      - Where it cannot be told whether an image was replaced by one that is named, because what came between them is gone, it stays, with a
        warning.
      - Kernels and ramdisks of images that stay are not deleted, and neither are further versions of theirs. Where an image could
        not be deleted, its kernel and ramdisk stay, too, and the result says so.
      - When the version with the name of a family is deleted, and versions stay that do not bear the mark or are protected, the
        name passes to the newest good one, as it does with O(cloudimage.glance.image#module:state=absent).
      - Snapshots of servers and images of volumes, which inherit the mark, stay.
      - Images that are public or community are deleted with a warning, since other projects can use them, too.
      - Refused with an empty catalogue.
    type: bool
    default: false
  workers:
    description:
      - How many images are worked on at a time.
    type: int
    default: 4
extends_documentation_fragment:
  - cloudimage.glance.openstack
  - cloudimage.glance.openstack.wait
  - cloudimage.glance.attributes
  - cloudimage.glance.attributes.actiongroup
attributes:
  check_mode:
    support: full
    details:
      - As with M(cloudimage.glance.image). Each image is foretold as if those that go before it were done. Where it needs the
        id of another one that is not there yet, words stand in its place.
  diff_mode:
    support: full
    details:
      - Shows the images that change, each under its name, and leaves out the others.
  idempotent:
    support: full
requirements:
  - oslo.utils >= 7.3.0 (Python library), if an entry has a C(filename)
  - PyYAML (Python library), if O(files) is given; openstacksdk brings it with it
seealso:
  - module: cloudimage.glance.image
  - module: cloudimage.glance.image_catalog_info
  - module: cloudimage.glance.image_retention
"""

EXAMPLES = r"""
- name: Three images, of which no more than the differences are written down
  cloudimage.glance.images:
    cloud: mycloud
    catalog: base
    prune: true
    defaults:
      disk_format: qcow2
      properties:
        hw_disk_bus: virtio
    images:
      - name: debian-13
        filename: /tmp/cloudimage/debian-13.qcow2
        properties:
          os_distro: debian
      - name: debian-12
        filename: /tmp/cloudimage/debian-13.qcow2
        properties:
          os_distro: debian
          hw_disk_bus: scsi
      - name: debian-11
        state: absent
  register: catalog

- name: Tell what came of each
  ansible.builtin.debug:
    msg: "{{ item.name }}: {{ item.actions | join(', ') | default('as it was', true) }}"
  loop: "{{ catalog.results }}"
  loop_control:
    label: "{{ item.name }}"
"""

RETURN = r"""
results:
  description: Each image with its outcome, in the order given.
  returned: success, and when images failed
  type: list
  elements: dict
  contains:
    name:
      description: Name of the image.
      type: str
      returned: always
      sample: debian-13
    version:
      description: Version of the image, null if it has none.
      type: str
      returned: always
      sample: "20261101"
    changed:
      description: Whether something was done, or would be.
      type: bool
      returned: always
    failed:
      description: Whether it failed.
      type: bool
      returned: always
    msg:
      description: Why it failed.
      type: str
      returned: when it failed
      sample: "filename: /srv/images/debian-13.qcow2 does not exist."
    reason:
      description: Short name of the kind of failure, as with M(cloudimage.glance.image).
      type: str
      returned: when it failed
      sample: file_problem
    actions:
      description: What was done, or would be.
      type: list
      elements: str
      returned: always
    image:
      description: The image, as RV(cloudimage.glance.image#module:image) shows it, without what is null there.
      type: dict
      returned: unless it failed or is absent
    transfer:
      description: Bytes and seconds of its upload.
      type: dict
      returned: unless it failed
      sample: {bytes: 0, seconds: 0.0}
    diff:
      description: The image before and after.
      type: dict
      returned: with C(--diff), unless it failed
pruned:
  description: Images that were deleted because the catalogue does not name them any more, or would be.
  returned: success, and when images failed
  type: list
  elements: dict
  contains:
    name:
      description: Name of the image.
      type: str
      returned: always
      sample: debian-10
    id:
      description: Id of the image.
      type: str
      returned: always
      sample: 5f4e3c1a-0b7c-5d52-8a91-3d1a5cf4b6ef
    changed:
      description: Whether it was deleted, or would be.
      type: bool
      returned: always
    failed:
      description: Whether it could not be deleted.
      type: bool
      returned: always
    msg:
      description: Why it could not be deleted.
      type: str
      returned: when it failed
    reason:
      description: Short name of the kind of failure.
      type: str
      returned: when it failed
    actions:
      description: What was done, or would be.
      type: list
      elements: str
      returned: always
actions:
  description:
    - All that was done, or would be, each with the name of its image.
    - In the order in which the images are given, and for each image in the order of its steps. Images are worked on side by side
      and after those that they need, so that it is not the order in time. What was pruned, which comes last, stands at the end.
  returned: success, and when images failed
  type: list
  elements: str
  sample: ["debian-13: create image 'debian-13'"]
diff:
  description:
    - Each image that changes, before and after, in the order of RV(actions).
    - Where several have the same name and version, the id of the image, if it is declared, or that of the project stands behind
      it, as it does with images that are pruned.
  returned: with C(--diff), on success, and when images failed
  type: list
  elements: dict
  contains:
    before_header:
      description: The name of the image, with its version if it has one.
      type: str
      returned: always
      sample: debian-13 (20261101)
    after_header:
      description: The same.
      type: str
      returned: always
      sample: debian-13 (20261101)
    before:
      description: The image as it was found, empty if there was none.
      type: dict
      returned: always
    after:
      description: The image as it is then, empty if it is deleted.
      type: dict
      returned: always
problems:
  description: All that is wrong with the catalogue.
  returned: when the catalogue is wrong
  type: list
  elements: str
  sample: ["/srv/catalog.yml: entry 3 ('debian-13'): there is no option 'visibilty'; did you mean 'visibility'?"]
reason:
  description:
    - Short name of the kind of failure, V(images_failed) if images failed, V(catalog_problem) if the catalogue is wrong.
  returned: failure
  type: str
  sample: images_failed
"""

from ..module_utils._argspec import catalog_spec, check_spec, connection_spec, wait_spec
from ..module_utils._images import declare
from ..module_utils._runner import run_catalog


def main() -> None:
    """Entry point."""
    own = {
        "catalog": {"type": "str"},
        "prune": {"type": "bool", "default": False},
        "workers": {"type": "int", "default": 4},
    }
    run_catalog(declare, catalog_spec() | check_spec() | own | connection_spec() | wait_spec())


if __name__ == "__main__":
    main()
