# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: harmless
version_added: 0.4.0
short_description: Make a text harmless to read
description:
  - Writes out what cannot be seen in a text, or changes what stands around it - line breaks, controls of a terminal, marks that turn the
    direction of writing. What images are called then stays on its line.
author:
  - cloudimage.glance contributors (@cloudimage)
options:
  _input:
    description: Any text, for instance the name of an image.
    type: raw
    required: true
"""

EXAMPLES = r"""
- name: Show a name that somebody else has chosen
  ansible.builtin.debug:
    msg: "{{ 'debian-13\\nall is well' | cloudimage.glance.harmless }} stays on one line"
"""

RETURN = r"""
_value:
  description: The text, on one line, with C(\\n), C(\\x1b) and C(\\u202e) where such characters were.
  type: str
"""

import typing as t

from ..module_utils._harmless import harmless


class FilterModule:
    """What Ansible asks for filters."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """All filters of this file, by name."""
        return {"harmless": harmless}
