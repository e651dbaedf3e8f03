# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The kinds of findings of an audit: how much each matters, what it is called, and what to do about it. Pure."""

from __future__ import annotations

import typing as t


class FindingKind(t.NamedTuple):
    """One kind of finding.

    :param severity: one of :data:`SEVERITIES`.
    :param heading: what it is called on the page.
    :param advice: what to do about it; findings of which that is not true have advice of their own.
    """

    code: str
    severity: str
    heading: str
    advice: str


#: The worst first.
SEVERITIES = ("problem", "warning", "note")

_DELETE = "with the module image (name: its id, state: absent)"
_APPLY = "run the role publish or the module images with this catalogue, not in check mode"
#: Kinds of one severity stand in the order in which they are listed if there are as many findings of each.
KINDS = {
    kind.code: kind
    for kind in (
        FindingKind(
            "missing",
            "problem",
            "Declared, and not there",
            f"To create it, {_APPLY}. If it is not wanted any more, take its entry out of the catalogue.",
        ),
        FindingKind(
            "broken",
            "problem",
            "Broken",
            f"Delete it {_DELETE}, then run the task that was to create it again.",
        ),
        FindingKind(
            "stuck",
            "problem",
            "Stuck on the way",
            f"If nobody is uploading it any more, delete it {_DELETE} and run the upload again. If it is only slow, give the "
            "option stuck_after (of the role: audit_stuck_after) a longer time.",
        ),
        FindingKind(
            "unchecked",
            "problem",
            "Could not be compared",
            "Correct what the message names, and run the audit again.",
        ),
        FindingKind(
            "drift",
            "warning",
            "There, but not as declared",
            f"To make it as declared, {_APPLY}. If it is right as it is, change its entry in the catalogue.",
        ),
        FindingKind(
            "unwanted",
            "warning",
            "Declared to be absent, and there",
            f"To delete it, {_APPLY}. If it is to stay, take state: absent out of its entry.",
        ),
        FindingKind(
            "end_of_life",
            "warning",
            "Past the end of life, and still offered",
            "Publish a newer one, and hide this one with the module image (name: its id, is_hidden: true). If it is still "
            "maintained, set end_of_life to a later day.",
        ),
        FindingKind(
            "no_holder",
            "warning",
            "Family whose name no image has",
            "Run the module image or images with one version of the family (options name and version): the newest good version "
            "then gets the name. If the family is not to be offered any more, set promote: false for its versions.",
        ),
        FindingKind(
            "not_newest",
            "warning",
            "Name not with the newest good version",
            "Run the module image or images with one version of the family (options name and version): the newest good version "
            "then gets the name. To keep the older one under the name, set promote: true for it.",
        ),
        FindingKind(
            "duplicate_name",
            "warning",
            "Several images of one name",
            "Keep one of them. Rename the others with the module image (options id and name), or delete them "
            "(name: the id, state: absent).",
        ),
        FindingKind(
            "duplicate_member",
            "warning",
            "Shared twice with one project",
            "Run the module image_member for this image and project (state: present) as an administrator, which leaves one "
            "membership with the same status. As the owner, run it with state: absent and then with state: present; the project "
            "has to accept the image again. Do not delete the image with other tools before that.",
        ),
        FindingKind(
            "leftover",
            "warning",
            "Left behind by a replacement",
            f"Run the task that was to replace the image again: it finishes or removes this one. Or delete it {_DELETE}.",
        ),
        FindingKind(
            "undeclared",
            "note",
            "There, and not declared",
            f"Add an entry to the catalogue if it is to stay. If not, delete it {_DELETE}.",
        ),
        FindingKind(
            "duplicate_content",
            "note",
            "Same data several times",
            f"If one of them is enough, delete the others {_DELETE}.",
        ),
    )
}
CODES = tuple(KINDS)
