#!/usr/bin/python
# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image
version_added: 0.1.0
short_description: Declare one image of OpenStack Glance
description:
  - Makes an image be there with given content and metadata, be deactivated, or be gone.
  - Content counts. When the file, the digest or the O(content_key) differs from what Glance holds, a new image is uploaded
    out of sight, verified, and put in the place of the old one; there is never a moment without an active image under the
    name.
  - What a task does not say is left alone, and passes to the new image when content is replaced.
  - With O(version), several images of one family are there side by side, and the newest good one has the name.
  - A superset of M(openstack.cloud.image). See the migration guide for the differences.
author:
  - cloudimage.glance contributors (@cloudimage)
options:
  name:
    description:
      - Name of the image, compared to the letter. Or the id of an image, if none bears such a name.
      - Looked up in the project that the credentials are scoped to, or in that of O(owner). Hidden images are found, too; a
        visible one takes precedence over a hidden one.
      - Together with O(id), the name that the image is to have.
      - Together with O(version), the name that the newest good version has. The others are called after their version, for
        instance C(debian-13 (20261001)).
    type: str
    required: true
  state:
    description:
      - V(present) is an active image, V(inactive) is one that is deactivated, V(absent) is none. With V(inactive), the image
        must be there already.
      - V(absent) leaves the images alone that were replaced and hidden or renamed before; see O(retire).
    type: str
    choices: [present, absent, inactive]
    default: present
  id:
    description:
      - Id of the image; says which one is meant if several bear the name, and is given to an image that is created.
      - Glance never takes an id again that has been deleted, and an id never gets new content.
      - Together with O(version), makes an image a version that is there already.
    type: str
  family:
    description:
      - What the image is a version of; O(name) if not given. Needs O(version).
      - Stored with the image (property C(cloudimage_family)). A family is looked up in the same project as the name.
    type: str
    version_added: 0.3.0
  version:
    description:
      - Which version of O(family) the image is; put it in quotes, for YAML drops zeros at the end of V(13.10).
      - The image is found by its family and version, whatever its name is. Snapshots of servers and images of volumes,
        which inherit these properties, are none.
      - Versions are ordered as those of packages are, so V(9) is older than V(10), and V(13) than V(13.1). Pre-releases such as
        V(13~rc1), V(13-rc1) and V(13b2) are older than V(13). The user guide has a table.
      - A new version is made, filled and verified under a name of its own. What the task does not say passes to it from the
        image that has the name. Then it gets the name; see O(promote).
      - Stored with the image (property C(cloudimage_version)).
    type: str
    version_added: 0.3.0
  promote:
    description:
      - Which version has the name once the task is done. If not given, the newest good one. Good is what is active, not
        excluded (O(exclude_from_latest)), and not past its end of life (O(end_of_life)).
      - V(true) gives it to this version. The version is not excluded any more, and newer good ones are, so that the next run
        does not give the name away again. This is how to go back to an older version.
      - V(false) keeps a version that does not have the name from getting it, by this task or any other, until it is promoted; it
        is excluded, as with O(exclude_from_latest=true). A version that has the name keeps it.
      - The name is given to one image first, and taken from the other one then; see O(retire) for what becomes of that. If no
        version is good, the one that has the name keeps it.
      - An image that has the name and is no version loses it to the first good version. It is then called after the time at
        which it was created, and never deleted.
    type: bool
    version_added: 0.3.0
  exclude_from_latest:
    description:
      - Whether the image is never to be the newest one of its family; for one that turned out to be bad. If it has the name,
        the newest good version gets it.
      - Stored with the image (property C(cloudimage_exclude_from_latest)).
    type: bool
    version_added: 0.3.0
  end_of_life:
    description:
      - The last day on which the image is good, in UTC, for instance V(2027-06-30). An empty text removes it.
      - Nothing happens on the day itself. The next task for a version of the family gives the name to a version that is good.
      - Stored with the image (property C(cloudimage_end_of_life)).
    type: str
    version_added: 0.3.0
  filename:
    description:
      - Local file with the data of the image. It must really be what O(disk_format) says, and safe; it must not refer to other
        files (backing file, external data file, extents, a parent), and must not be cut off.
      - To convert, unpack or download a file first see M(cloudimage.glance.image_file), or the role
        P(cloudimage.glance.publish#role).
    type: path
  force:
    description:
      - With O(state=absent), whether an image is deleted even if it is protected.
    type: bool
    default: false
    version_added: 0.2.0
  uri:
    description:
      - HTTP or HTTPS address from which Glance itself fetches the data (import method C(web-download)).
      - Its content cannot be seen from here. It counts as changed when O(uri), O(checksum) or O(content_key) changes.
      - Blanks and letters beyond ASCII are encoded; what is encoded already stays as it is.
    type: str
  remote_image_id:
    description:
      - Id of an image in another region, which Glance itself fetches (import method C(glance-download)), with the token of
        these credentials. Both regions must share one Keystone.
      - Glance takes the formats of that image, and those of its properties that the operator has chosen; what O(properties)
        says comes on top. O(disk_format) and O(container_format) are refused beside it.
      - The data of an image never changes, so the content counts as changed when the id does.
    type: str
    version_added: 0.2.0
  remote_region:
    description:
      - Region of O(remote_image_id), as Keystone's catalogue names it.
    type: str
    version_added: 0.2.0
  remote_service_interface:
    description:
      - Interface in Keystone's catalogue by which Glance reaches the other region.
    type: str
    choices: [public, internal, admin]
    default: public
    version_added: 0.2.0
  check_properties:
    description:
      - What becomes of declared properties that look wrong - a name that is one slip away from one that OpenStack or the standard of
        SCS knows (C(os_distr)), or a value that Nova would not take (C(hw_disk_bus=virtoi)), with the hypervisor that
        C(hypervisor_type) names, or KVM.
      - With V(warn), which it is if not given, there is a warning for each. With V(fail) the task fails before anything is sent,
        and the message lists all of them. With V(none) properties are taken as they are.
      - Properties of your own, which resemble no known one, are never looked at.
    type: str
    choices: [warn, fail, none]
    version_added: 0.4.0
  checksum:
    description:
      - Digest that the source must have, as V(sha256:...), V(sha512:...), likewise md5, sha1, sha224 or sha384, as bare
        hexadecimal digits whose number tells the algorithm, or the address of a file of checksums (a URL, or a path
        with a slash such as C(./SHA256SUMS)) in which the name of the file is looked up.
      - For O(filename) it is verified before anything is sent, for O(uri) after the import, before the image is opened.
      - Without a source it says which image is meant.
    type: str
  content_key:
    description:
      - Names the content where its bytes cannot, because they were converted or packed anew on their way; for instance the
        digest of the original plus how it was converted. RV(cloudimage.glance.image_file#module:content_key) is such a key.
      - Stored with the image (property C(cloudimage_content_key)). While the key is the same, the content counts as the same
        and O(filename) is not read.
      - If the module M(cloudimage.glance.image_file) is known to have made O(filename) out of something else, the key is refused, unless
        there is a O(checksum) of the file as well.
      - With a key and without a source the task fails with RV(ignore:reason=content_missing) if the image does not have that
        content.
    type: str
  on_content_change:
    description:
      - What to do when the image is there with other content than the source.
      - V(replace) makes a new image that takes its place, V(keep) leaves the content alone, V(fail) fails.
    type: str
    choices: [replace, keep, fail]
    default: replace
  retire:
    description:
      - What becomes of an image that was replaced, or of a version that has lost the name of its family.
      - V(hide) hides it. Servers made from it can still be rebuilt and moved, and nothing is lost.
      - V(rename) hides it, and adds the time at which it was created to its name.
      - V(delete) deletes it. If the store still needs it, or if other images need it as kernel or ramdisk, it is hidden instead,
        with a warning; later runs leave it there, M(cloudimage.glance.image_retention) deletes it when nobody needs it any
        more. Images that another entry of M(cloudimage.glance.images) tells which kernel and ramdisk they have do not count.
      - V(keep) leaves a version in sight. Needs O(version). An image whose content was replaced within the same version is
        hidden.
      - A version that has lost the name is called after its version, with each of them, and has the time in its property
        C(cloudimage_superseded_at). With V(delete) a protected one is hidden, and so is the one that the task itself is about,
        or that another entry declares (M(cloudimage.glance.images)).
      - O(is_hidden) comes before this for the version that the task is about.
      - An image that is hidden or renamed keeps its own members and its visibility. What is withdrawn from the new image
        later has to be withdrawn from it as well, by its id.
    type: str
    choices: [hide, delete, rename, keep]
    default: hide
  disk_format:
    description:
      - Format of the data, for instance V(qcow2), V(raw) or V(iso); what is allowed is up to the cloud.
      - Defaults to the real format of O(filename), and to V(qcow2) for O(uri).
      - Has to be said for a file in which nothing is recognised, neither a format nor a partition table, a file system or a boot
        record, and for one that is something else, such as an archive or a text. With V(raw) it is uploaded as it is; there is a
        warning if it is something else. What Glance fetches from O(uri) as V(raw) is looked at once it is there.
      - With V(aki), V(ari) and V(ami), a file is taken as it is, packed or not.
      - Cannot be changed on an image. If it differs, the content counts as changed, unless the image bears the key or the
        digest of what this task imports; the cloud has converted it then.
    type: str
  container_format:
    description:
      - Format of the container, nearly always V(bare), which is the default for new images.
      - Cannot be changed on an image. If it differs, the content counts as changed, as with O(disk_format).
    type: str
  max_virtual_size:
    description:
      - A file that claims to be a larger disk than this is refused.
    type: str
    default: 10TiB
  properties:
    description:
      - Properties that the image is to have. Booleans and numbers become texts, as Glance holds nothing else.
      - A null value removes the property.
      - The properties of a signature (C(img_signature) and the three that belong to it) have to be there all or not at all,
        because Glance verifies nothing if one of them is missing. They are set before the data comes in.
    type: dict
  purge_properties:
    description:
      - Whether to remove properties that O(properties) does not name. What Glance, openstacksdk and this collection write
        themselves stays.
    type: bool
    default: false
  tags:
    description:
      - All tags that the image is to have. An empty list removes them all.
    type: list
    elements: str
  visibility:
    description:
      - Who sees the image. Left alone if not given; for a new image the cloud's default, usually V(shared).
      - A new image becomes V(public) or V(community) only once its data is verified.
    type: str
    choices: [public, private, shared, community]
  members:
    description:
      - Projects that share the image, by name or id. Members that are there and not named here stay, unless O(purge_members).
      - Only shared images have members. For an image with another visibility the task has to say O(visibility=shared), too.
      - A project has to accept the image before its lists show it; see M(cloudimage.glance.image_member).
      - A name is looked up in Keystone, which few but administrators may do. An id is taken as it is; Glance does not check
        whether there is such a project.
      - When content is replaced the members pass to the new image, and have to accept it again. They keep the replaced image,
        too, unless it is deleted; see O(retire).
    type: list
    elements: str
    version_added: 0.2.0
  members_domain:
    description:
      - Name or id of the domain of the projects in O(members), where their names are not unique.
    type: str
    version_added: 0.2.0
  purge_members:
    description:
      - Whether to withdraw the image from projects that O(members) does not name. Images that it has replaced are left alone.
    type: bool
    default: false
    version_added: 0.2.0
  is_public:
    description:
      - The old way to say O(visibility=public) or O(visibility=private).
    type: bool
  is_hidden:
    description:
      - Whether the image is left out of lists.
    type: bool
    aliases: [hidden, os_hidden]
  is_protected:
    description:
      - Whether the image is protected from deletion. A new image is protected once its data is verified.
    type: bool
    aliases: [protected]
  min_disk:
    description:
      - Disk that a server needs at least, in GB.
    type: int
  min_disk_from_virtual_size:
    description:
      - Whether O(min_disk) is set to what the disk in the image needs, rounded up to whole gibibytes.
    type: bool
    default: false
    version_added: 0.2.0
  min_ram:
    description:
      - Memory that a server needs at least, in MB.
    type: int
  owner:
    description:
      - Name or id of the project that owns the image, and in which O(name) is looked up. For administrators.
      - Together with O(id), the project that the image is to belong to.
    type: str
    aliases: [project]
  owner_domain:
    description:
      - Name or id of the domain of O(owner), where the name of a project is not unique.
    type: str
    aliases: [project_domain]
  kernel:
    description:
      - Name or id of an image to boot as kernel; sets the property C(kernel_id).
      - A name means an image of the own project, or one of others that the credentials may see; with the role C(admin), which
        sees everything, one of the O(owner), or a public one.
    type: str
  ramdisk:
    description:
      - Name or id of an image to boot as initial ramdisk; sets the property C(ramdisk_id).
    type: str
  stores:
    description:
      - Ids of the stores that are to hold the data, and no other; M(cloudimage.glance.image_service_info) lists those of the
        cloud. Data of a new image goes into the first of them directly, or into several by the import C(glance-direct).
      - Data that is there is copied into further stores (import method C(copy-image)) and then removed from the others, which
        is for administrators as a rule. It is never removed from its last store. An administrator names the project of the
        image with O(owner).
      - Where the data is, is what Glance has on record. A file that was lost in a store is not noticed.
      - An error on a cloud with a single store.
    type: list
    elements: str
    version_added: 0.2.0
  use_import:
    description:
      - Whether O(filename) goes in by the import method C(glance-direct) rather than by direct upload, so that the cloud can
        process it.
    type: bool
  import_method:
    description:
      - How the data comes in. V(glance-direct) needs O(filename) and is the same as O(use_import=true); V(web-download)
        needs O(uri) and is the default with it.
      - V(glance-download) needs O(remote_image_id) and is the default with it.
      - V(auto) takes V(glance-direct) for O(filename) where the cloud offers it, and direct upload where it does not.
      - Imports are followed to their end; one that fails ends the task at once.
    type: str
    choices: [auto, glance-direct, web-download, glance-download]
  volume:
    description:
      - Not supported yet. Accepted, so that the answer to a task that is moved here from another collection is a clear one.
    type: str
extends_documentation_fragment:
  - cloudimage.glance.openstack
  - cloudimage.glance.openstack.wait
  - cloudimage.glance.attributes
  - cloudimage.glance.attributes.actiongroup
attributes:
  check_mode:
    support: full
    details:
      - Cannot foretell what the cloud's policy, quota and stores will refuse, what a cloud makes of data that it imports, and
        what is decided only after the task has waited or looked again.
  diff_mode:
    support: full
  idempotent:
    support: full
requirements:
  - oslo.utils >= 7.3.0 (Python library), if O(filename) is given
seealso:
  - module: cloudimage.glance.image_info
  - module: cloudimage.glance.image_file
  - module: cloudimage.glance.image_member
  - module: cloudimage.glance.image_service_info
"""

EXAMPLES = r"""
- name: Upload an image, and again whenever the file changes
  cloudimage.glance.image:
    cloud: mycloud
    name: debian-13
    filename: /tmp/cloudimage/debian-13.qcow2
    disk_format: qcow2
    properties:
      os_distro: debian
      hw_disk_bus: virtio
      hw_qemu_guest_agent: true

- name: Verify the file first, against the file of checksums beside it
  cloudimage.glance.image:
    cloud: mycloud
    name: debian-13
    filename: /tmp/cloudimage/debian-13.qcow2
    checksum: /tmp/cloudimage/SHA256SUMS
    retire: delete

- name: Change metadata of an image that is there, and remove a property
  cloudimage.glance.image:
    cloud: mycloud
    name: debian-13
    min_disk: 2
    tags: [linux, tested]
    properties:
      hw_disk_bus: scsi
      hw_qemu_guest_agent: null

- name: Share it with two projects and no other
  cloudimage.glance.image:
    cloud: mycloud
    name: debian-13
    visibility: shared
    members: [4f1b0c5a7e2d4d0c9a3b8e6f5d4c3b2a, 0a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d]
    purge_members: true

- name: Forbid its use for new servers
  cloudimage.glance.image:
    cloud: mycloud
    name: debian-13
    state: inactive

- name: Remove it
  cloudimage.glance.image:
    cloud: mycloud
    name: debian-13
    state: absent

- name: A first version, which gets the name
  cloudimage.glance.image:
    cloud: mycloud
    name: debian-13
    version: "20261001"
    filename: /tmp/cloudimage/debian-13.qcow2

- name: A new version, which gets the name; the one before stays in sight as "debian-13 (20261001)"
  cloudimage.glance.image:
    cloud: mycloud
    name: debian-13
    version: "20261101"
    filename: /tmp/cloudimage/rescue.qcow2
    end_of_life: "2030-06-30"
    retire: keep

- name: Go back to the version before
  cloudimage.glance.image:
    cloud: mycloud
    name: debian-13
    version: "20261001"
    promote: true

- name: Forward again
  cloudimage.glance.image:
    cloud: mycloud
    name: debian-13
    version: "20261101"
    promote: true

- name: Or say that a version is bad; the newest good one gets the name
  cloudimage.glance.image:
    cloud: mycloud
    name: debian-13
    version: "20261101"
    exclude_from_latest: true
"""

RETURN = r"""
image:
  description:
    - The image as it is now, or would be in check mode; under the names that openstacksdk gives to its attributes.
    - Holds more keys than are listed here; what is not set is null.
  returned: success and O(state) is not V(absent)
  type: dict
  contains:
    id:
      description: Id. Not there in check mode for an image that would be created.
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
      description: Bytes of the data.
      type: int
      returned: success
    virtual_size:
      description: Bytes of the disk that the data describes, if Glance knows.
      type: int
      returned: success
    hash_algo:
      description: Algorithm of RV(image.hash_value).
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
actions:
  description: What was done, or would be done, in order.
  returned: success, and when a task fails that has changed something
  type: list
  elements: str
  sample: ["create image 'debian-13'", "upload 349175808 bytes of /tmp/debian-13.qcow2", "verify size and digest of the data"]
transfer:
  description: What was sent to Glance from here.
  returned: success
  type: dict
  contains:
    bytes:
      description: Bytes of image data.
      type: int
      returned: success
    seconds:
      description: Seconds that it took.
      type: float
      returned: success
reason:
  description: Short name of the kind of problem, for playbooks that decide by it.
  returned: failure
  type: str
  sample: content_missing
"""

from ..module_utils._argspec import connection_spec, image_rules, image_spec, wait_spec
from ..module_utils._image import declare
from ..module_utils._runner import run_declaration


def main() -> None:
    """Entry point."""
    run_declaration(declare, image_spec() | connection_spec() | wait_spec(), **image_rules())


if __name__ == "__main__":
    main()
