#!/usr/bin/python
# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_info
version_added: 0.1.0
short_description: Find images of OpenStack Glance
description:
  - Finds images by name, id, family, or filters. The server does the filtering, sorting and limiting, so that the number of calls
    does not grow with the number of images in the cloud.
  - A superset of M(openstack.cloud.image_info). See the migration guide for the differences.
author:
  - cloudimage.glance contributors (@cloudimage)
options:
  name:
    description:
      - Name of the images, compared to the letter; or the id of an image, if none bears such a name.
      - Finds hidden images, too, and images of other projects that the credentials may see.
    type: str
    aliases: [image]
  filters:
    description:
      - Conditions that all hold. Glance's own filters, such as V(owner), V(status), V(visibility), V(tag) (a list means all of
        them), V(os_hidden), V(protected), V(size_min), V(size_max), V(created_at) and V(updated_at) with an operator
        (V(gte:2026-01-01T00:00:00Z)), V(disk_format), V(container_format), V(checksum), V(os_hash_value), V(member_status).
      - Everything else is a property that must have the value.
      - V(id), V(name), V(status), V(disk_format) and V(container_format) may have a list of values, one of which must hold.
      - The names that openstacksdk gives to attributes, such as V(is_protected) and V(is_hidden), work as well; and properties
        may stand in a dictionary V(properties) of their own.
      - Without O(name) and O(family), hidden images are found only with V(is_hidden=true). Community images of others are
        found only with V(visibility=community).
    type: dict
    aliases: [properties]
  family:
    description:
      - Family of images, as O(cloudimage.glance.image#module:family) sets it. The result is its newest good version, or
        nothing if it has none. Good is a version that is active, not excluded from latest, and not past its end of life.
      - Versions are ordered as those of packages are, so that V(13.10) is newer than V(13.9), and V(13) than V(13-rc1).
        Snapshots of servers and images of volumes are no versions, although they inherit the properties of one.
      - If the project of the credentials has versions of the family, those of other projects do not count. If not, all versions
        count that the credentials may see, or with the role C(admin), which sees everything, those that are public.
        O(filters) with V(owner) or V(visibility) say whose are meant.
      - Not together with O(name) and O(sort).
    type: str
    version_added: 0.3.0
  version:
    description:
      - This version of the O(family), even if it is hidden, not active, excluded from latest, or past its end of life.
    type: str
    version_added: 0.3.0
  latest:
    description:
      - With V(false), all versions of the O(family) are listed, the newest first, good or not, and hidden ones too. With
        O(version), all images of that version.
      - V(true), which is what counts if O(family) is given and this is not, means one image at most.
    type: bool
    version_added: 0.3.0
  sort:
    description:
      - Order, as Glance takes it, for instance V(name:asc,created_at:desc). The default is the newest first.
    type: str
  limit:
    description:
      - At most so many images.
    type: int
extends_documentation_fragment:
  - cloudimage.glance.openstack
  - cloudimage.glance.attributes
  - cloudimage.glance.attributes.actiongroup
  - cloudimage.glance.attributes.info
seealso:
  - module: cloudimage.glance.image
  - plugin: cloudimage.glance.image
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Is the image there?
  cloudimage.glance.image_info:
    cloud: mycloud
    name: debian-13
  register: result

- name: Show its status
  ansible.builtin.debug:
    msg: "{{ result.images | map(attribute='status') | list }}"

- name: The newest active image of a distribution
  cloudimage.glance.image_info:
    cloud: mycloud
    filters:
      status: active
      os_distro: debian
      tag: [tested]
    sort: created_at:desc
    limit: 1

- name: The newest good version of a family
  cloudimage.glance.image_info:
    cloud: mycloud
    family: debian-13

- name: All versions of a family, the newest first
  cloudimage.glance.image_info:
    cloud: mycloud
    family: debian-13
    latest: false
  register: result

- name: Show which ones they are
  ansible.builtin.debug:
    msg: "{{ result.images | map(attribute='properties.cloudimage_version') | list }}"

- name: One version, whatever has become of it
  cloudimage.glance.image_info:
    cloud: mycloud
    family: debian-13
    version: "20261001"

- name: Large hidden images
  cloudimage.glance.image_info:
    cloud: mycloud
    filters:
      is_hidden: true
      size_min: 10000000000
"""

RETURN = r"""
images:
  description:
    - The images that were found, under the names that openstacksdk gives to attributes; empty if there are none.
    - Each holds more keys than are listed here; what is not set is null.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Id.
      type: str
      returned: success
      sample: 5f4e3c1a-0b7c-5d52-8a91-3d1a5cf4b6ef
    name:
      description: Name.
      type: str
      returned: success
      sample: debian-13
    status:
      description: Status, V(active) as a rule.
      type: str
      returned: success
      sample: active
    visibility:
      description: Who sees the image.
      type: str
      returned: success
      sample: shared
    is_hidden:
      description: Whether it is left out of lists.
      type: bool
      returned: success
    is_protected:
      description: Whether it is protected from deletion.
      type: bool
      returned: success
    owner_id:
      description: Id of the project that owns it.
      type: str
      returned: success
    disk_format:
      description: Format of the data.
      type: str
      returned: success
      sample: qcow2
    container_format:
      description: Format of the container.
      type: str
      returned: success
      sample: bare
    min_disk:
      description: Disk that a server needs at least, in GB.
      type: int
      returned: success
    min_ram:
      description: Memory that a server needs at least, in MB.
      type: int
      returned: success
    size:
      description: Bytes of the data; null before there is any.
      type: int
      returned: success
    virtual_size:
      description: Bytes of the disk that the data describes, if Glance knows.
      type: int
      returned: success
    hash_algo:
      description: Algorithm of RV(images[].hash_value).
      type: str
      returned: success
      sample: sha512
    hash_value:
      description: Digest of the data, in hexadecimal digits.
      type: str
      returned: success
    checksum:
      description: MD5 digest of the data.
      type: str
      returned: success
    created_at:
      description: When the image was created.
      type: str
      returned: success
    updated_at:
      description: When the image was last changed.
      type: str
      returned: success
    tags:
      description: Tags, sorted.
      type: list
      elements: str
      returned: success
    stores:
      description: Stores that hold the data; empty on a cloud with a single store.
      type: list
      elements: str
      returned: success
    properties:
      description: All properties, as Glance holds them.
      type: dict
      returned: success
"""

from ..module_utils._argspec import connection_spec
from ..module_utils._query import answer
from ..module_utils._runner import run_query


def main() -> None:
    """Entry point."""
    spec = {
        "name": {"type": "str", "aliases": ["image"]},
        "filters": {"type": "dict", "aliases": ["properties"]},
        "family": {"type": "str"},
        "version": {"type": "str"},
        "latest": {"type": "bool"},
        "sort": {"type": "str"},
        "limit": {"type": "int"},
    }
    run_query(answer, spec | connection_spec())


if __name__ == "__main__":
    main()
