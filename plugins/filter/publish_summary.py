# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: publish_summary
version_added: 0.4.0
short_description: Tell what the role publish did on clouds
description:
  - Lines that tell what the role P(cloudimage.glance.publish#role) did on one cloud or many. The playbooks C(publish) and C(catalog)
    show them.
  - Whatever images are called, each of them stays on its line.
author:
  - cloudimage.glance contributors (@cloudimage)
options:
  _input:
    description:
      - What came of each cloud, by the host of the inventory. Each is a dictionary with the keys C(results), C(failures) and C(pruned) as the
        role sets them as facts, C(seconds), and C(failure), why the role failed. All of them may be missing.
    type: dict
    required: true
  part:
    description:
      - With V(changes), a line for each image that was changed.
      - With V(all), a table with a line for each cloud before it, and why a cloud failed behind it.
    type: str
    choices: [all, changes]
    default: all
seealso:
  - plugin: cloudimage.glance.publish
    plugin_type: role
"""

EXAMPLES = r"""
- name: Tell what was changed, after the role publish has run
  ansible.builtin.debug:
    msg: "{{ {'mycloud': {'results': publish_results, 'pruned': publish_pruned}} | cloudimage.glance.publish_summary(part='changes') }}"
  vars:
    publish_results: [{name: debian-13, changed: true, actions: ["create image 'debian-13'"]}]
    publish_pruned: []
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ..module_utils._publish_summary import summary


def publish_summary(clouds: t.Mapping[str, t.Any], part: str = "all") -> list[str]:
    """Lines about clouds; see DOCUMENTATION."""
    if not isinstance(clouds, t.Mapping):
        raise AnsibleFilterError("publish_summary: wants a dictionary of outcomes by host.")
    if part not in ("all", "changes"):
        raise AnsibleFilterError(f"publish_summary: part is {part!r}, neither 'all' nor 'changes'.")
    return summary({str(host): dict(outcome or {}) for host, outcome in clouds.items()}, part == "all")


class FilterModule:
    """What Ansible asks for filters."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """All filters of this file, by name."""
        return {"publish_summary": publish_summary}
