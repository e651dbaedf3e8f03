#!/usr/bin/python
# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_retention
version_added: 0.3.0
short_description: Hide, deactivate and delete old images of OpenStack Glance
description:
  - Applies a rule to the images of a project. The rule says which images it is about, which of them are kept, and when the
    others are hidden, deactivated and deleted.
  - Images that belong together form a group. The versions of a family (see M(cloudimage.glance.image)) are one group. Images
    without a version form a group with the images that had the same name before them.
  - An image is superseded when a newer one of its group has taken its place.
  - Run it in check mode first. RV(images) tells for every selected image what would become of it, and why.
author:
  - cloudimage.glance contributors (@cloudimage)
options:
  family:
    description:
      - Versions of this family. Snapshots and images of volumes, which inherit the property, are none.
      - The options O(family), O(name), O(name_pattern), O(tags), O(properties) and O(catalog) say which images the rule is
        about. At least one is needed, and all that are given must hold.
      - Groups are made of the images that are selected. Select whole groups, so that O(keep_last) counts all of them.
    type: str
  name:
    description:
      - Images with this name, compared to the letter. Versions and predecessors that have got another name are found by
        O(family) or O(name_pattern).
    type: str
  name_pattern:
    description:
      - Images whose name matches this pattern; V(*) stands for any characters, V(?) for any one, V([ab]) for one of these, V([!ab]) for
        none of these. Letters must agree in case. The whole name has to match.
      - V(*) selects all images of the project. Glance lists them all, because it cannot compare with patterns.
    type: str
  tags:
    description:
      - Images that have all of these tags.
    type: list
    elements: str
  properties:
    description:
      - Images that have all of these properties, with these values.
    type: dict
  catalog:
    description:
      - Images that bear this mark of a catalogue (property C(cloudimage_catalog)).
    type: str
  owner:
    description:
      - Name or id of the project whose images are meant. The default is the project of the credentials. Images of other
        projects are never touched.
    type: str
    aliases: [project]
  owner_domain:
    description:
      - Name or id of the domain of O(owner), where its name is not unique.
    type: str
    aliases: [project_domain]
  keep_last:
    description:
      - Keep so many images of each group, the newest ones. Versions are ordered by version, other images by creation.
      - Only images that one could go back to count. They have their data, are not excluded from latest, and not past their end of
        life. What is passed over for that is told in RV(images[].why). The image that the name means is among them if it is new
        enough, and is kept anyway.
    type: int
  keep_within:
    description:
      - Keep images that were created less than so long ago.
      - Durations are a whole number and a unit, V(h) (hours), V(d) (days), V(w) (7 days), V(mo) (30 days) or V(y) (365 days), as
        in V(12h) or V(30d). V(0) needs no unit.
    type: str
  hide_after:
    description:
      - Hide images of this age. A hidden image is in no list, and can be used by its id.
      - One of O(hide_after), O(deactivate_after) and O(delete_after) is needed. They must not get shorter in this order. V(0)
        means at once.
      - A stage that is not given is left out. O(deactivate_after) alone does not hide.
    type: str
  deactivate_after:
    description:
      - Deactivate images of this age. Only administrators can read the data of a deactivated image, so that no server can
        be made of it.
    type: str
  delete_after:
    description:
      - Delete images of this age.
    type: str
  age_of:
    description:
      - Where the age of an image counts from.
      - V(superseded) is the time at which it was superseded, as the property C(cloudimage_superseded_at) says. Where that is
        missing, it is the creation of the image that replaced it, or of the next newer one in its group. What is not
        superseded is kept.
      - V(created) is its creation.
    type: str
    choices: [superseded, created]
    default: superseded
  include_shared:
    description:
      - Whether the rule holds for images that other projects can use as well. These are public and community images, and
        those that are shared with at least one project, whatever it has answered.
      - Hiding does not change that, because an image is used by its id. They are left alone unless this is V(true), hidden
        ones too.
    type: bool
    default: false
  include_snapshots:
    description:
      - Whether the rule holds for snapshots of servers as well. The snapshots of one server are a group. No snapshot counts as
        the image that a name means.
    type: bool
    default: false
  require_unused:
    description:
      - Whether only images are deleted of which is known that no server and no volume uses them.
      - So far nothing looks at servers and volumes. With V(true) nothing is deleted therefore, and RV(images[].why) says so. The
        other stages go on.
    type: bool
    default: false
  allow_delete_all:
    description:
      - Whether all selected images of a group may be deleted, such as snapshots of a server, or predecessors whose successor is
        gone or not selected. A rule that would do so is refused otherwise, before anything is done.
      - The image that a name means is kept nevertheless.
    type: bool
    default: false
extends_documentation_fragment:
  - cloudimage.glance.openstack
  - cloudimage.glance.attributes
  - cloudimage.glance.attributes.actiongroup
attributes:
  check_mode:
    support: full
    details:
      - Whether Glance will refuse a single deletion, for instance because its store still needs the image, cannot be foretold.
  diff_mode:
    support: full
  idempotent:
    support: full
    details:
      - Images grow older. A later run may find more to do.
notes:
  - These are kept whatever the rule says. The image that a name means, however old it is; the newest good version of a family;
    protected images; images without data, or on their way; kernels and ramdisks of images that stay.
  - A kernel or ramdisk may have any format, and the image that names it (C(kernel_id), C(ramdisk_id)) need not be selected. Hidden ones
    count, and those of other projects as far as the credentials can see them.
  - So images that have a name each, such as C(test-1) and C(test-2), all stay. To delete those, list them with
    M(cloudimage.glance.image_info), and declare them V(absent) with M(cloudimage.glance.image).
  - A rule knows no catalogue. What M(cloudimage.glance.images) declares is uploaded again by its next run, so take a version out of
    the catalogue before a rule deletes it. When versions with the mark of a catalogue are deleted or deactivated, a warning and
    RV(images[].why) say so, in check mode as well.
  - An image without a name is superseded by nothing, and stays.
  - A rule that selects no image is no error, and is told with a warning.
  - The image that a name means is that which has neither the name of a single version, as V(debian-13 (20261001\)), nor was
    hidden when another one took its place. Of several with one name it is the newest, visible and active ones first.
  - Every image is looked at again right before it is touched. If somebody has changed it since, the task plans anew.
  - An image that cannot be changed does not stop the others. The task fails at the end.
seealso:
  - module: cloudimage.glance.image
  - module: cloudimage.glance.image_info
"""

EXAMPLES = r"""
- name: A version of an image
  cloudimage.glance.image:
    cloud: mycloud
    name: debian-13
    version: "20261001"
    filename: /tmp/cloudimage/debian-13.qcow2
    disk_format: qcow2

- name: Keep the last three versions; hide the others at once, and delete them after 90 days
  cloudimage.glance.image_retention:
    cloud: mycloud
    family: debian-13
    keep_last: 3
    hide_after: 0d
    delete_after: 90d

- name: Predecessors of all images, in stages, public ones included
  cloudimage.glance.image_retention:
    cloud: mycloud
    name_pattern: "*"
    hide_after: 6mo
    deactivate_after: 1y
    delete_after: 2y
    include_shared: true

- name: What would become of the images of a catalogue?
  cloudimage.glance.image_retention:
    cloud: mycloud
    catalog: standard
    keep_within: 30d
    delete_after: 0d
  check_mode: true
  register: result

- name: Show it
  ansible.builtin.debug:
    msg: "{{ item.fate }} {{ item.name }}: {{ item.why }}"
  loop: "{{ result.images }}"
  loop_control:
    label: "{{ item.id }}"

- name: Snapshots of servers that are older than two weeks, but for the newest two of each server
  cloudimage.glance.image_retention:
    cloud: mycloud
    name_pattern: "nightly-*"
    include_snapshots: true
    age_of: created
    keep_last: 2
    delete_after: 2w
"""

RETURN = r"""
images:
  description: All selected images, by group, the newest first; in check mode as well.
  returned: success, and failure once something was done
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
      sample: debian-13 (20261001)
    group:
      description: Name of the group. A family, or the name that its images have or had; the id of an image without a name.
      type: str
      returned: success
      sample: debian-13
    family:
      description: The family that it is a version of; null if it is none.
      type: str
      returned: success
      sample: debian-13
    version:
      description: The version; null if it is none.
      type: str
      returned: success
      sample: "20261001"
    created_at:
      description: When it was created.
      type: str
      returned: success
      sample: "2026-10-01T04:00:00Z"
    superseded_at:
      description: When it was superseded, as far as the rule asks for it; null if it was not, or nothing shows when.
      type: str
      returned: success
      sample: "2026-11-01T04:00:00Z"
    age_days:
      description: Whole days since then, or since the creation with O(age_of=created); null if nothing shows it.
      type: int
      returned: success
      sample: 20
    fate:
      description:
        - V(keep), V(hide), V(deactivate) or V(delete). The last stage that the image has reached, whether or not there is
          something left to do.
      type: str
      returned: success
      sample: hide
    why:
      description: The reason.
      type: str
      returned: success
      sample: superseded 20 days ago, and hide_after is 0d
    changed:
      description: Whether it was changed or deleted, or would be in check mode.
      type: bool
      returned: success
    failed:
      description: Whether Glance refused to change it.
      type: bool
      returned: success
    msg:
      description: What Glance said; null if it did not refuse.
      type: str
      returned: success
actions:
  description: What was done, or would be done in check mode, in order; empty if nothing.
  returned: success, and failure once something was done
  type: list
  elements: str
  sample: ["change metadata of 5f4e3c1a-0b7c-5d52-8a91-3d1a5cf4b6ef: hide it"]
reason:
  description: Short name of the kind of problem, for playbooks that decide by it.
  returned: failure
  type: str
  sample: images_failed
"""

from ..module_utils._argspec import connection_spec
from ..module_utils._retention import declare
from ..module_utils._runner import run_declaration


def main() -> None:
    """Entry point."""
    texts = (
        "family",
        "name",
        "name_pattern",
        "catalog",
        "keep_within",
        "hide_after",
        "deactivate_after",
        "delete_after",
    )
    flags = ("include_shared", "include_snapshots", "require_unused", "allow_delete_all")
    spec = {
        **{option: {"type": "str"} for option in texts},
        **{option: {"type": "bool", "default": False} for option in flags},
        "tags": {"type": "list", "elements": "str"},
        "properties": {"type": "dict"},
        "owner": {"type": "str", "aliases": ["project"]},
        "owner_domain": {"type": "str", "aliases": ["project_domain"]},
        "keep_last": {"type": "int"},
        "age_of": {"type": "str", "default": "superseded", "choices": ["superseded", "created"]},
    }
    run_declaration(
        declare,
        spec | connection_spec(),
        mutually_exclusive=[("name", "name_pattern")],
        required_by={"owner_domain": ["owner"]},
    )


if __name__ == "__main__":
    main()
