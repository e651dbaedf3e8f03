#!/usr/bin/python
# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_download
version_added: 0.2.0
short_description: Make a local file hold the data of an image of OpenStack Glance
description:
  - Downloads the data of an image, verifies it, and converts it to another disk format on request.
  - The file is replaced in one stroke once it is complete and verified. Until then the old one stays.
  - A file that has the data already is left alone, and nothing is downloaded. It is recognised by its size and digest,
    whoever made it. A converted file is recognised by what the run that made it has remembered, in the folder
    C(cloudimage.glance) below E(XDG_CACHE_HOME) or C(~/.cache) of the user that runs the module; one that was changed
    since in any way, its timestamps included, is made anew. Where that folder cannot be written there is a warning, and
    each run makes the file anew.
  - Zeros become holes where the file system has them.
author:
  - cloudimage.glance contributors (@cloudimage)
options:
  image:
    description:
      - Name of the image, compared to the letter; or its id, if no image bears such a name.
      - Of several images with the name, those of the own project are preferred, then those that are active or
        deactivated, then those that were not replaced by a newer one, then those that are not hidden. If several are
        left, it is an error.
      - A community image of another project, and an image whose sharing was not accepted, are found by their id only. With the
        role C(admin), which sees everything, so are all images of other projects that are not public, unless O(project) says whose.
    type: str
    required: true
    aliases: [name]
  project:
    description:
      - Name or id of the project that owns the image. Without it the image may belong to any project.
    type: str
  project_domain:
    description:
      - Name or id of the domain of O(project), where its name is not unique.
    type: str
  dest:
    description:
      - The file to make. Its folder must exist, and have room for the data, and for the converted image as well if it
        must be converted. A folder, a mount point, and anything in C(/dev) outside C(/dev/shm) are not accepted.
      - A symbolic link to a file is replaced by the new file.
    type: path
    required: true
    aliases: [path]
  format:
    description:
      - The disk format that the file is to have. The image is inspected, and converted if its C(disk_format) is another.
      - Without it the file has the very bytes of the image, whatever they are.
      - V(vpc) is another name of V(vhd). A VHD is dynamic, a VMDK is of the type streamOptimized.
    type: str
    choices: [raw, qcow2, vmdk, vdi, vhd, vhdx, vpc]
    aliases: [disk_format]
  compression_type:
    description:
      - Make a compressed qcow2, in this way, whatever the image is. Without it a qcow2 is not compressed when it is made here.
      - Needs O(format=qcow2).
    type: str
    choices: [zlib, zstd]
    version_added: 0.4.0
  max_virtual_size:
    description:
      - The largest size that the disk may claim to have, for instance V(20GiB). Matters only with O(format).
    type: str
    default: 10TiB
extends_documentation_fragment:
  - cloudimage.glance.openstack
  - cloudimage.glance.attributes
  - cloudimage.glance.attributes.actiongroup
  - ansible.builtin.files
attributes:
  check_mode:
    support: full
    details:
      - Looks for the image and at the file, and downloads nothing.
  diff_mode:
    support: full
  idempotent:
    support: full
requirements:
  - oslo.utils >= 7.3.0 (Python library), if O(format) is given
  - qemu-img, if O(format) is given (package C(qemu-utils) on Debian)
notes:
  - The data is verified against C(os_hash_value) of the image with the algorithm that C(os_hash_algo) names; where
    Glance has none, or the host lacks the algorithm, against C(checksum), which is MD5; and where there is none either,
    against the size, with a warning. RV(verified_by) tells which.
  - O(owner), O(group) and O(mode) are those of the file. The project that owns the image is O(project).
  - A broken connection is borne a few times, and the download goes on where it broke off if the store can do that.
    There is no limit for the time that the whole takes. A connection on which nothing comes for O(api_timeout) seconds,
    two minutes by default, counts as broken.
  - A download that is interrupted, or that fails because of the connection or the server, leaves its part in a hidden
    file beside O(dest), whose name begins with a dot, the name of O(dest) and C(.cloudimage-). The next run for the same
    image and O(dest) goes on with it, and removes it. Any other failure leaves nothing behind.
seealso:
  - module: cloudimage.glance.image
  - module: cloudimage.glance.image_file
  - module: cloudimage.glance.image_info
"""

EXAMPLES = r"""
- name: Upload an image, so that there is one to download
  cloudimage.glance.image:
    cloud: mycloud
    name: debian-13
    filename: /tmp/cloudimage/debian-13.qcow2

- name: Download it as it is
  cloudimage.glance.image_download:
    cloud: mycloud
    image: debian-13
    dest: /tmp/cloudimage/debian-13-copy.qcow2
    mode: "0644"

- name: Download it, converted
  cloudimage.glance.image_download:
    cloud: mycloud
    image: debian-13
    dest: /tmp/cloudimage/debian-13.raw
    format: raw
    max_virtual_size: 20GiB
  register: result

- name: Show where it is, and how it was verified
  ansible.builtin.debug:
    msg: "{{ result.file }} has {{ result.size }} bytes, verified by {{ result.verified_by }}"
"""

RETURN = r"""
file:
  description: The absolute path of the file.
  returned: success
  type: str
  sample: /tmp/cloudimage/debian-13.raw
image:
  description:
    - The image, under the names that openstacksdk gives to its attributes.
    - Holds more keys than are listed here; what is not set is null.
  returned: success
  type: dict
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
    owner_id:
      description: Id of the project that owns it.
      type: str
      returned: success
    disk_format:
      description: Format of the data in Glance.
      type: str
      returned: success
      sample: qcow2
    size:
      description: Bytes of the data in Glance.
      type: int
      returned: success
      sample: 345678901
    hash_algo:
      description: Algorithm of RV(image.hash_value).
      type: str
      returned: success
      sample: sha512
    hash_value:
      description: Digest of the data in Glance.
      type: str
      returned: success
    properties:
      description: Every property as Glance holds it.
      type: dict
      returned: success
format:
  description: The disk format of the file. Without O(format) it is what Glance tells, which is not verified.
  returned: success
  type: str
  sample: raw
size:
  description: The size of the file in bytes. V(null) in check mode, if a converted file has yet to be made.
  returned: success
  type: int
  sample: 10737418240
content_key:
  description: The identity of what the file holds, the digest of the image and what is done to it.
  returned: success
  type: str
  sample: sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce+raw
checksum:
  description:
    - Algorithm and digest that the data of the image is verified against. The file has this digest unless it was converted.
    - Empty if Glance tells none.
  returned: success
  type: dict
  sample:
    sha512: cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce
verified_by:
  description: What the data is verified against, the name of a hash algorithm or V(size).
  returned: success
  type: str
  sample: sha512
actions:
  description: What was done, or would be done in check mode.
  returned: success
  type: list
  elements: str
  sample:
    - download image 'debian-13' (5f4e3c1a-0b7c-5d52-8a91-3d1a5cf4b6ef), 345678901 bytes, and verify its sha512
    - convert it from qcow2 to raw
    - write /tmp/cloudimage/debian-13.raw
transfer:
  description: What was downloaded.
  returned: success
  type: dict
  contains:
    bytes:
      description: Bytes that came from Glance.
      type: int
      returned: success
      sample: 345678901
    seconds:
      description: Seconds that it took, conversion included.
      type: float
      returned: success
      sample: 4.2
    resumed_from:
      description: Bytes that an interrupted run before had left, and that were not downloaded again.
      type: int
      returned: success
      sample: 0
diff:
  description: The file before and after, in diff mode.
  returned: in diff mode
  type: dict
  sample:
    before: {exists: false}
    after: {exists: true, content_key: "sha512:cf83...+raw", size: null}
reason:
  description:
    - A short name of what went wrong, such as V(invalid_option), V(ambiguous_image), V(image_fault), V(content_missing),
      V(file_problem), V(checksum_mismatch), V(unsafe_image), V(transfer_problem), V(server_refusal) or
      V(connection_problem).
  returned: failure
  type: str
  sample: checksum_mismatch
"""

from ansible_collections.cloudimage.glance.plugins.module_utils._argspec import connection_spec
from ansible_collections.cloudimage.glance.plugins.module_utils._download import declare
from ansible_collections.cloudimage.glance.plugins.module_utils._file_declaration import FORMATS
from ansible_collections.cloudimage.glance.plugins.module_utils._runner import run_declaration


def argument_spec():
    """The options of the module."""
    return {
        **connection_spec(),
        "image": {"type": "str", "required": True, "aliases": ["name"]},
        "project": {"type": "str"},
        "project_domain": {"type": "str"},
        "dest": {"type": "path", "required": True, "aliases": ["path"]},
        "format": {"type": "str", "choices": list(FORMATS), "aliases": ["disk_format"]},
        "compression_type": {"type": "str", "choices": ["zlib", "zstd"]},
        "max_virtual_size": {"type": "str", "default": "10TiB"},
    }


def main():
    """Run the module."""
    run_declaration(declare, argument_spec(), required_by={"project_domain": "project"}, add_file_common_args=True)


if __name__ == "__main__":
    main()
