#!/usr/bin/python
# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_audit_info
version_added: 0.3.0
short_description: Audit the images of OpenStack Glance
description:
  - Looks at all images of a project, hidden ones and those in any status included, and tells what somebody ought to look at,
    such as broken, stuck and superfluous images, duplicates, and differences from what a catalogue declares.
  - Nothing found is no failure, and neither is something found.
  - The role P(cloudimage.glance.audit#role) makes a report of it, for one cloud or many.
author:
  - cloudimage.glance contributors (@cloudimage)
options:
  declared:
    description:
      - What a catalogue declares. The key C(results) of what the module M(cloudimage.glance.images) returns in check mode
        with diff, each with C(name), C(version), C(changed), C(failed), C(msg), C(actions), C(image) and C(diff).
      - Without it, nothing is said about drift, and about images that are missing or undeclared.
    type: list
    elements: dict
  members:
    description:
      - Whether to ask for the projects that share the images. This costs one call for each image whose visibility is
        V(shared), as it is for new images unless they say otherwise. Eight calls run side by side.
      - Without it, two calls are made for each 1000 images that are there.
      - Names of other projects than one's own are asked of Keystone, in at most two calls. Without the right to list projects,
        those of the user's own projects are found.
    type: bool
    default: false
  owner:
    description:
      - Name or id of the project whose images are looked at. For administrators.
      - The default is the project of the credentials.
    type: str
    aliases: [project]
  owner_domain:
    description:
      - Name or id of the domain of O(owner), where the name of the project is not unique.
    type: str
    aliases: [project_domain]
  all_projects:
    description:
      - Whether to look at all images that the credentials may see, those of all projects for an administrator.
      - Images of projects that O(declared) does not speak of do not count as undeclared.
    type: bool
    default: false
  stuck_after:
    description:
      - How long an image may be V(queued), V(saving), V(uploading) or V(importing) without a change before it counts as
        stuck, and how long one that is to replace another may wait for that. Seconds, or a number with V(s), V(m), V(h),
        V(d) or V(w).
    type: str
    default: 1h
extends_documentation_fragment:
  - cloudimage.glance.openstack
  - cloudimage.glance.attributes
  - cloudimage.glance.attributes.actiongroup
  - cloudimage.glance.attributes.info
seealso:
  - module: cloudimage.glance.image_info
  - module: cloudimage.glance.images
"""

EXAMPLES = r"""
- name: Look at everything that the project has
  cloudimage.glance.image_audit_info:
    cloud: mycloud
    members: true
  register: audit

- name: Show it
  ansible.builtin.debug:
    msg: "{{ audit.table }}"

- name: Go on only if no image is broken or stuck
  ansible.builtin.assert:
    that: audit.summary.by_severity.problem == 0
    fail_msg: "{{ audit.findings | selectattr('severity', 'eq', 'problem') | map(attribute='text') | join(' ') }}"

- name: Something to look at
  cloudimage.glance.image:
    cloud: mycloud
    name: "{{ item }}"
    filename: /tmp/cloudimage/debian-13.qcow2
  loop:
    - debian-13
    - debian-13-copy

- name: What would a catalogue change?
  cloudimage.glance.images:
    cloud: mycloud
    images:
      - name: debian-13
        properties:
          os_distro: debian
  check_mode: true
  diff: true
  register: catalogue

- name: What is there beside what is declared
  cloudimage.glance.image_audit_info:
    cloud: mycloud
    declared: "{{ catalogue.results }}"
    stuck_after: 10m
  register: audit

- name: Show what differs
  ansible.builtin.debug:
    msg: "{{ item.name }}: {{ item.drift }}"
  loop: "{{ audit.images | selectattr('drift') }}"
  loop_control:
    label: "{{ item.name }}"
"""

RETURN = r"""
images:
  description:
    - The images, by name and the newest first.
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
    family:
      description: The family that it is a version of, or null.
      type: str
      returned: success
    version:
      description: Which version it is, or null.
      type: str
      returned: success
    status:
      description: Status.
      type: str
      returned: success
      sample: active
    visibility:
      description: Who sees it.
      type: str
      returned: success
      sample: shared
    hidden:
      description: Whether it is left out of lists.
      type: bool
      returned: success
    protected:
      description: Whether it is protected from deletion.
      type: bool
      returned: success
    owner:
      description: Id of the project that owns it.
      type: str
      returned: success
    owner_name:
      description: Name of that project, if these credentials may know it.
      type: str
      returned: success
    created_at:
      description: When it was created.
      type: str
      returned: success
    updated_at:
      description: When it was last changed.
      type: str
      returned: success
    age_days:
      description: How many days ago it was created.
      type: float
      returned: success
    size:
      description: Bytes of the data; null before there is any.
      type: int
      returned: success
    virtual_size:
      description: Bytes of the disk that the data describes, if Glance knows.
      type: int
      returned: success
    disk_format:
      description: Format of the data.
      type: str
      returned: success
    container_format:
      description: Format of the container.
      type: str
      returned: success
    hash_value:
      description: Digest of the data.
      type: str
      returned: success
    stores:
      description: Stores that hold the data; empty on a cloud with a single store.
      type: list
      elements: str
      returned: success
    tags:
      description: Tags, sorted.
      type: list
      elements: str
      returned: success
    properties:
      description: All properties.
      type: dict
      returned: success
    members:
      description: Projects that share it, with C(member_id), C(member_name) and C(status) each; null without O(members).
      type: list
      elements: dict
      returned: success
    shared_with:
      description: Number of projects that share it; null without O(members).
      type: int
      returned: success
    catalog:
      description: The catalogue that declares it, by its mark, or null.
      type: str
      returned: success
    end_of_life:
      description: The last day of its life, or null.
      type: str
      returned: success
    superseded:
      description: Whether another image has taken its place.
      type: bool
      returned: success
    superseded_at:
      description: When that was, if it is known.
      type: str
      returned: success
    declared:
      description:
        - Whether O(declared) names it.
        - Null where that says nothing, because there is no O(declared), or it was superseded, is another version of a family
          that is declared, or belongs to a project that O(declared) does not speak of.
      type: bool
      returned: success
    drift:
      description: What differs from O(declared).
      type: list
      elements: dict
      returned: success
      contains:
        key:
          description:
            - Attribute, or C(properties.) and the name of a property. V(content) for other data, and V(actions) where only
              the steps are known.
          type: str
          returned: success
        is:
          description: What is there.
          type: raw
          returned: success
        declared:
          description: What is declared.
          type: raw
          returned: success
    findings:
      description: Kinds of findings about it, see RV(findings[].code).
      type: list
      elements: str
      returned: success
findings:
  description:
    - What somebody ought to look at, the most important first. Within one severity, the kinds come first of which there are most.
  returned: success
  type: list
  elements: dict
  contains:
    code:
      description:
        - Kind. V(missing), declared and not there. V(broken), an upload, import or deletion that failed, or an image without data.
          V(stuck), for too long on its way. V(unchecked), an entry of O(declared) that failed.
        - V(drift), not as declared. V(unwanted), declared to be absent. V(end_of_life), past its end of life and still
          offered. V(no_holder), no visible image has the name of a family. V(not_newest), the name of a family is not with its
          newest good version. V(duplicate_name), several images of one name. V(duplicate_member), a membership that Glance has
          twice; told with O(members). V(leftover), made to replace another image and left behind.
        - V(undeclared), there and not declared. V(duplicate_content), several images with the same data.
      type: str
      returned: success
    severity:
      description: V(problem), V(warning) or V(note), in the order of the paragraphs above.
      type: str
      returned: success
    images:
      description: Ids of the images that it is about.
      type: list
      elements: str
      returned: success
    text:
      description: A sentence for people.
      type: str
      returned: success
    advice:
      description: What to do about it, for people.
      type: str
      returned: success
      sample: Correct what the message names, and run the audit again.
summary:
  description: Counts and bytes.
  returned: success
  type: dict
  contains:
    images:
      description: Number of images.
      type: int
      returned: success
    bytes:
      description: Bytes of their data.
      type: int
      returned: success
    duplicate_bytes:
      description: Bytes that would be free if each content were there once.
      type: int
      returned: success
    hidden:
      description: Number of hidden images.
      type: int
      returned: success
    protected:
      description: Number of protected images.
      type: int
      returned: success
    superseded:
      description: Number of images whose place another one has taken.
      type: int
      returned: success
    leftovers:
      description: Number of images that were made to replace another one and left behind.
      type: int
      returned: success
    declared:
      description: Number of entries in O(declared); null without it.
      type: int
      returned: success
    by_status:
      description: Number of images by status.
      type: dict
      returned: success
    by_visibility:
      description: Number of images by visibility.
      type: dict
      returned: success
    by_disk_format:
      description: Number of images by format of the data.
      type: dict
      returned: success
    by_finding:
      description: Number of findings by kind.
      type: dict
      returned: success
    by_severity:
      description: Number of findings by severity.
      type: dict
      returned: success
      sample: {problem: 0, warning: 1, note: 3}
cloud:
  description: Name of the cloud, as the configuration of the connection has it.
  returned: success
  type: str
  sample: mycloud
region:
  description: Region, if the configuration names one.
  returned: success
  type: str
project:
  description: Id of the project that was looked at, or that of the credentials.
  returned: success
  type: str
project_name:
  description: Name of that project, if these credentials may know it.
  returned: success
  type: str
time:
  description: When it was looked at.
  returned: success
  type: str
  sample: "2026-11-21T08:00:00Z"
table:
  description:
    - All of it as lines for a terminal. Characters that cannot be seen, or would act on a terminal, are written as C(\x1b).
  returned: success
  type: list
  elements: str
"""

from ..module_utils._argspec import connection_spec
from ..module_utils._audit_query import answer
from ..module_utils._runner import run_query


def main() -> None:
    """Entry point."""
    spec = {
        "declared": {"type": "list", "elements": "dict"},
        "members": {"type": "bool", "default": False},
        "owner": {"type": "str", "aliases": ["project"]},
        "owner_domain": {"type": "str", "aliases": ["project_domain"]},
        "all_projects": {"type": "bool", "default": False},
        "stuck_after": {"type": "str", "default": "1h"},
    }
    run_query(answer, spec | connection_spec(), mutually_exclusive=[("owner", "all_projects")])


if __name__ == "__main__":
    main()
