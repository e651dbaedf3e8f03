# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: image
version_added: 0.3.0
short_description: The id of an image of OpenStack Glance
description:
  - Turns a name, or a family, into the id of one image. Other plugins and modules then use an id, which nobody else can give to
    an image of theirs.
  - Each term is exactly one image. If there is none, or if a name could mean several, the lookup fails.
  - It runs on the controller, in the process of Ansible, with the openstacksdk and the C(clouds.yaml) of that host. Neither
    C(environment) nor C(module_defaults) of a task reach it; the variable C(cloudimage_cloud) takes their place.
  - One connection serves all terms of a lookup. Each term costs two requests to Glance, an id one more.
author:
  - cloudimage.glance contributors (@cloudimage)
options:
  _terms:
    description:
      - Names of images, compared to the letter; or ids; or families, with O(family).
      - Hidden images are found, but a visible one comes first. An image of the project of the credentials comes before those
        of others that the credentials may see. With the role C(admin), which sees everything, of others only public images are
        found by name or family, unless O(filters) has V(owner) or V(visibility).
    type: list
    elements: str
    required: true
  family:
    description:
      - Whether the terms are families. Then the result is the newest good version, as with
        O(cloudimage.glance.image_info#module:family).
      - The default is V(true) if O(version) is given, else V(false).
    type: bool
  version:
    description:
      - This version of the family, even if it is hidden, not active, excluded from latest, or past its end of life.
    type: str
  filters:
    description:
      - Conditions that the images must meet, as in O(cloudimage.glance.image_info#module:filters).
    type: dict
  attribute:
    description:
      - What to return of the image, by its key in RV(cloudimage.glance.image_info#module:images).
    type: str
    default: id
  default:
    description:
      - What to return for a term that no image is found for. Without it, the lookup fails then.
    type: raw
  cloud:
    description:
      - A string names a cloud of a C(clouds.yaml) file.
      - A dictionary is a whole cloud configuration, as it would stand in such a file. O(auth), O(auth_type),
        O(region_name), O(validate_certs), O(ca_cert), O(client_cert), O(client_key), O(api_timeout) and O(interface)
        must then not be given.
      - Not needed when O(auth) is given, or when C(OS_*) environment variables are set.
    type: raw
    vars:
      - name: cloudimage_cloud
extends_documentation_fragment:
  - cloudimage.glance.openstack
seealso:
  - module: cloudimage.glance.image_info
"""

EXAMPLES = r"""
- name: The id behind a name
  ansible.builtin.debug:
    msg: "{{ lookup('cloudimage.glance.image', 'debian-13', cloud='mycloud') }}"

- name: The newest good version of a family
  ansible.builtin.debug:
    msg: "{{ lookup('cloudimage.glance.image', 'debian-13', family=true, cloud='mycloud') }}"

- name: One version of a family
  ansible.builtin.debug:
    msg: "{{ lookup('cloudimage.glance.image', 'debian-13', version='20261121', cloud='mycloud') }}"

- name: Further tasks name the cloud in one place
  vars:
    cloudimage_cloud: mycloud
  block:
    - name: The newest version for a processor
      ansible.builtin.debug:
        msg: "{{ lookup('cloudimage.glance.image', 'debian-13', family=true, filters={'architecture': 'x86_64'}) }}"

    - name: A list of ids
      ansible.builtin.debug:
        msg: "{{ query('cloudimage.glance.image', 'debian-13', 'debian-13 (20261001)') }}"

    - name: Something else than the id
      ansible.builtin.debug:
        msg: "{{ lookup('cloudimage.glance.image', 'debian-13', attribute='min_disk') }}"

    - name: Is there such an image?
      ansible.builtin.debug:
        msg: "{{ lookup('cloudimage.glance.image', 'debian-14', default='') | length > 0 }}"
"""

RETURN = r"""
_raw:
  description:
    - The O(attribute) of each image, its id unless another one is asked for, in the order of the terms.
  type: list
  elements: raw
"""

import os
import typing as t

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ..module_utils._errors import CollectionError
from ..module_utils._lookup import given, looked_up, options_of, plain


class LookupModule(LookupBase):
    """See DOCUMENTATION."""

    def run(self, terms: list[t.Any], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[t.Any]:
        """Turn terms into ids, or whatever is asked for."""
        try:
            named = given({**kwargs, "_terms": self._flatten(terms)})
            names = named.pop("_terms")
            options = options_of(named)
            if "cloud" not in named:
                options["cloud"] = self._cloud_variable(variables or {})
            folder = os.path.abspath(self._loader.get_basedir()) if self._loader else None
            return looked_up(names, options, "default" in named, folder)
        except CollectionError as problem:
            raise AnsibleLookupError(problem.message) from None

    def _cloud_variable(self, variables: dict[str, t.Any]) -> t.Any:
        """What the variable says that takes the place of the option cloud. It may still be a template."""
        self.set_options(var_options=variables)
        cloud = self.get_option("cloud")
        return plain(cloud if self._templar is None else self._templar.template(cloud))
