#!/usr/bin/python
# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_service_info
version_added: 0.2.0
short_description: Show what an OpenStack Glance offers
description:
  - Shows the versions of the API, import methods, stores, formats, required properties and the usage of quotas, as the image
    service tells them to these credentials.
  - What a cloud does not have, or does not show to these credentials, is empty or null; it is no failure.
  - Glance tells nobody about the quota that C(user_storage_quota) in its configuration sets. An empty
    RV(image_service.usage) is no promise that there is room.
author:
  - cloudimage.glance contributors (@cloudimage)
options: {}
extends_documentation_fragment:
  - cloudimage.glance.openstack
  - cloudimage.glance.attributes
  - cloudimage.glance.attributes.actiongroup
  - cloudimage.glance.attributes.info
seealso:
  - module: cloudimage.glance.image
  - module: cloudimage.glance.image_info
"""

EXAMPLES = r"""
- name: What does the cloud offer?
  cloudimage.glance.image_service_info:
    cloud: mycloud
  register: result

- name: Go on only if the store and the import method are there
  ansible.builtin.assert:
    that:
      - "'fast' in (service.stores | map(attribute='id'))"
      - "'web-download' in service.import_methods"
      - "'qcow2' in service.disk_formats"
      - service.api_version is version('2.12', '>=')
  vars:
    service: "{{ result.image_service }}"

- name: Is there room for 10 GiB more, as far as Glance tells?
  ansible.builtin.assert:
    that: (quota.limit | int) < 0 or (quota.usage | int) + 10240 <= (quota.limit | int)
    fail_msg: "The images of the project hold {{ quota.usage }} MiB, and {{ quota.limit }} MiB is the limit."
    success_msg: "{{ 'Glance tells of no limit, which is no promise.' if (quota.limit | int) < 0 else 'There is room.' }}"
  vars:
    quota: "{{ (result.image_service.usage or {}).image_size_total | default({'limit': -1, 'usage': 0}) }}"
"""

RETURN = r"""
image_service:
  description: What the image service offers.
  returned: success
  type: dict
  contains:
    api_version:
      description: The current version of the API; null if the cloud does not tell.
      type: str
      returned: success
      sample: "2.17"
    api_versions:
      description: All versions of the API, newest first.
      type: list
      elements: dict
      returned: success
      contains:
        id:
          description: Number of the version.
          type: str
          returned: success
          sample: "2.17"
        status:
          description: V(CURRENT), V(SUPPORTED), V(DEPRECATED) or V(EXPERIMENTAL).
          type: str
          returned: success
          sample: CURRENT
    import_methods:
      description: Ways in which the cloud imports data; empty if none.
      type: list
      elements: str
      returned: success
      sample: [glance-direct, web-download, copy-image]
    multiple_stores:
      description: Whether the cloud has several stores to choose from. If not, it does not name the one that it has.
      type: bool
      returned: success
    stores:
      description: The stores, in the order in which the cloud tells them; empty on a cloud with a single store.
      type: list
      elements: dict
      returned: success
      contains:
        id:
          description: Name of the store.
          type: str
          returned: success
          sample: fast
        description:
          description: What the operator says about it, or null.
          type: str
          returned: success
        is_default:
          description: Whether data goes there unless told otherwise.
          type: bool
          returned: success
        is_read_only:
          description: Whether data cannot be put there.
          type: bool
          returned: success
        type:
          description: Kind of the store; null unless RV(image_service.stores_detailed).
          type: str
          returned: success
          sample: file
        weight:
          description: Stores of greater weight are read from first; null unless RV(image_service.stores_detailed).
          type: int
          returned: success
        properties:
          description: Settings of the store, by its kind; null unless RV(image_service.stores_detailed).
          type: dict
          returned: success
    stores_detailed:
      description: Whether the cloud shows details of stores to these credentials, as it does to administrators.
      type: bool
      returned: success
    default_store:
      description: Name of the default store; null if the cloud names none.
      type: str
      returned: success
      sample: fast
    disk_formats:
      description: Disk formats that the cloud allows, sorted.
      type: list
      elements: str
      returned: success
      sample: [iso, qcow2, raw]
    container_formats:
      description: Container formats that the cloud allows, sorted.
      type: list
      elements: str
      returned: success
      sample: [bare, ova]
    visibilities:
      description: Visibilities that the API knows, sorted. Whether these credentials may use them is up to the cloud's policy.
      type: list
      elements: str
      returned: success
      sample: [community, private, public, shared]
    required_properties:
      description: Attributes and properties that the schema demands of every image; empty as a rule.
      type: list
      elements: str
      returned: success
    project:
      description:
        - The project of the credentials, as their token tells; V(null) where the cloud needs no token, or the token is of no project.
      type: dict
      returned: success
      version_added: 0.4.0
      contains:
        id:
          description: Its id, by which O(cloudimage.glance.image#module:owner) and O(cloudimage.glance.image#module:members) know it.
          type: str
          returned: success
          sample: 5f705ecb4ab24c5a8b0ab3d1b06e1e23
        name:
          description: Its name; V(null) if the token does not tell.
          type: str
          returned: success
          sample: images
        domain_id:
          description: The id of its domain; V(null) if the token does not tell.
          type: str
          returned: success
          sample: default
        domain_name:
          description: The name of its domain; V(null) if the token does not tell.
          type: str
          returned: success
          sample: Default
    usage:
      description:
        - Limits and usage of the project's quotas, by name of the quota; each a dictionary with C(limit) (-1 is none) and
          C(usage). V(image_size_total) and V(image_stage_total) count MiB, V(image_count_total) and
          V(image_count_uploading) images.
        - Empty where the cloud keeps no limits of images in Keystone; null where Glance is too old to tell, or refuses. There
          may be a C(user_storage_quota) all the same, about which Glance tells nobody.
      type: dict
      returned: success
      sample: {image_size_total: {limit: 10240, usage: 512}}
    refused:
      description: What Glance said about calls that it refused, by what they are about; empty as a rule.
      type: dict
      returned: success
"""

from ..module_utils._argspec import connection_spec
from ..module_utils._runner import run_query
from ..module_utils._service import answer


def main() -> None:
    """Entry point."""
    run_query(answer, connection_spec())


if __name__ == "__main__":
    main()
