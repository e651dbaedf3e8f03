#!/usr/bin/python
# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_member
version_added: 0.2.0
short_description: Share an image of OpenStack Glance with a project
description:
  - Makes a project be a member of a shared image, or be none; and sets what the project answers.
  - Sharing takes two. The owner of the image proposes it to a project and can withdraw it; the project accepts it, rejects it,
    or leaves it pending. An image that is not accepted works by its id, but is in none of the project's lists.
  - Runs with the credentials of either end. With O(member_cloud), one task does both.
  - Changes memberships only, never the visibility of an image.
author:
  - cloudimage.glance contributors (@cloudimage)
options:
  image:
    description:
      - Name of the image, compared to the letter; or its id, if no image bears such a name.
      - The name is looked up in the project of the credentials, or in that of O(owner). When the credentials are those of the
        member itself, it is looked up among the images that others share with the project, whatever it has answered.
      - A visible image takes precedence over a hidden one, and images that M(cloudimage.glance.image) has replaced do not
        count. Several that remain are an error that lists their ids.
    type: str
    required: true
    aliases: [name]
  member:
    description:
      - Name or id of the project with which the image is shared.
      - Left out, it is the project of O(member_cloud), or without that the project of the credentials themselves.
      - Names other than that of one's own project are looked up in Keystone, which not everybody may do. What looks like an
        id (32 hexadecimal digits, or a UUID) is taken as one; B(neither Keystone nor Glance says whether there is such a
        project).
      - The id of a project is what C(openstack project show) tells, or C(owner_id) of any image that belongs to it.
    type: str
    aliases: [project]
  member_domain:
    description:
      - Name or id of the domain of O(member), where its name is not unique.
    type: str
    aliases: [project_domain]
  member_cloud:
    description:
      - The cloud configuration with the credentials of the member, as O(cloud); the options of the connection are then those
        of the owner, or of an administrator.
      - A string names a cloud of a C(clouds.yaml) file; O(region_name), O(interface), O(validate_certs), O(ca_cert) and
        O(api_timeout) hold for it, too. A dictionary is a whole configuration.
      - Its project must be that of O(member), and its image service the one that has the image.
    type: raw
  owner:
    description:
      - Name or id of the project that owns the image. Says which image is meant if several projects share one of that name, or
        when an administrator runs the task.
    type: str
  owner_domain:
    description:
      - Name or id of the domain of O(owner), where its name is not unique.
    type: str
  state:
    description:
      - V(present) means that the project is a member of the image, V(absent) that it is none. Only the owner of the image and
        administrators can change that.
      - V(absent) needs O(member) or O(member_cloud). An image that is not there has no members.
    type: str
    choices: [present, absent]
    default: present
  status:
    description:
      - What the project answers. Left alone if it is not given; a new member is V(pending).
      - Only the project itself and administrators can set it. The owner can do so by naming O(member_cloud).
      - That the owner could bring an answer back to V(pending) by withdrawing the image and sharing it again is not made use
        of.
    type: str
    choices: [pending, accepted, rejected]
extends_documentation_fragment:
  - cloudimage.glance.openstack
  - cloudimage.glance.attributes
  - cloudimage.glance.attributes.actiongroup
attributes:
  check_mode:
    support: full
    details:
      - Foretells the steps and refuses what cannot be, but for limits of the cloud, which Glance tells only when they are
        exceeded.
      - A task that accepts with the credentials of the member fails in check mode as long as the image is not shared, even
        if a task before it would share it. One task with O(member_cloud) foretells both.
  diff_mode:
    support: full
  idempotent:
    support: full
notes:
  - An image whose visibility is not V(shared) is an error, with O(state=absent) as well. Glance then shows and changes no
    members, but remembers those of before until the image is shared again.
  - When two share an image with the same project at the same moment, Glance can list that membership twice. This module takes
    care of its own, and O(state=absent) removes all. As long as there are two, Glance fails to delete the image (it stays in
    lists as V(deleted)). O(state=present) leaves one of the two, with the answer that the project has given. For that it needs
    an administrator, or O(member_cloud), if the project has answered; as the owner alone it changes nothing then, and warns.
    The modules of this collection make such a membership single before they delete an image.
  - An administrator is who has the role C(admin).
seealso:
  - module: cloudimage.glance.image
  - name: Image sharing in Glance
    description: The parts of owner and member.
    link: https://docs.openstack.org/api-ref/image/v2/#sharing
"""

EXAMPLES = r"""
- name: An image that can be shared
  cloudimage.glance.image:
    cloud: mycloud
    name: debian-13
    filename: /tmp/cloudimage/debian-13.qcow2
    disk_format: qcow2
    visibility: shared

- name: Share it, and accept it, in one task
  cloudimage.glance.image_member:
    cloud: mycloud
    image: debian-13
    member_cloud: othercloud
    status: accepted

- name: Share it with a project that answers by itself
  cloudimage.glance.image_member:
    cloud: mycloud
    image: debian-13
    member: 3d1a5cf4b6ef4e3c8a915f4e3c1a0b7c

- name: Accept it, with nothing but the credentials of the member
  cloudimage.glance.image_member:
    cloud: othercloud
    image: debian-13
    status: accepted

- name: Take back the answer
  cloudimage.glance.image_member:
    cloud: othercloud
    image: debian-13
    status: pending

- name: Stop sharing it
  cloudimage.glance.image_member:
    cloud: mycloud
    image: debian-13
    member: 3d1a5cf4b6ef4e3c8a915f4e3c1a0b7c
    state: absent
"""

RETURN = r"""
member:
  description: The membership; in check mode as it would be.
  returned: success and O(state=present)
  type: dict
  contains:
    image_id:
      description: Id of the image.
      type: str
      returned: success
      sample: 5f4e3c1a-0b7c-5d52-8a91-3d1a5cf4b6ef
    member_id:
      description: Id of the project.
      type: str
      returned: success
      sample: 3d1a5cf4b6ef4e3c8a915f4e3c1a0b7c
    status:
      description: What the project has answered.
      type: str
      returned: success
      sample: accepted
    created_at:
      description: When the image was shared with the project. Not there in check mode, if that is yet to be done.
      type: str
      returned: success
      sample: "2026-05-01T12:00:00Z"
    updated_at:
      description: When the project has answered last. Not there in check mode, if the image is yet to be shared.
      type: str
      returned: success
      sample: "2026-05-01T12:00:05Z"
actions:
  description: What was done, or would be done in check mode, in order; empty if nothing.
  returned: success
  type: list
  elements: str
  sample: ["share 5f4e3c1a-0b7c-5d52-8a91-3d1a5cf4b6ef with project 3d1a5cf4b6ef4e3c8a915f4e3c1a0b7c"]
reason:
  description: Short name of the kind of problem, for playbooks that decide by it.
  returned: failure
  type: str
  sample: ambiguous_image
"""

from ..module_utils._argspec import connection_spec
from ..module_utils._member import declare
from ..module_utils._runner import run_declaration


def main() -> None:
    """Entry point."""
    spec = {
        "image": {"type": "str", "required": True, "aliases": ["name"]},
        "member": {"type": "str", "aliases": ["project"]},
        "member_domain": {"type": "str", "aliases": ["project_domain"]},
        "member_cloud": {"type": "raw"},
        "owner": {"type": "str"},
        "owner_domain": {"type": "str"},
        "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
        "status": {"type": "str", "choices": ["pending", "accepted", "rejected"]},
    }
    run_declaration(
        declare,
        spec | connection_spec(),
        required_if=[("state", "absent", ("member", "member_cloud"), True)],
        required_by={"member_domain": ["member"], "owner_domain": ["owner"]},
    )


if __name__ == "__main__":
    main()
