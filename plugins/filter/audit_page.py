# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: audit_page
version_added: 0.3.0
short_description: Make an HTML page of audits
description:
  - Makes one self-contained HTML page out of what the module M(cloudimage.glance.image_audit_info) returned for one cloud or
    many. The role P(cloudimage.glance.audit#role) uses it, and brings the template, the style and the script.
  - Whatever images are called, it stays text. The template is rendered with autoescape, what cannot be seen is written out,
    and a Content-Security-Policy in the page allows this style and this script by their digests, and nothing else.
author:
  - cloudimage.glance contributors (@cloudimage)
options:
  _input:
    description:
      - What the module returned, by the host of the inventory. A host whose result has no images is shown as failed, with its
        C(msg).
    type: dict
    required: true
  template:
    description: The Jinja template of the page.
    type: str
    required: true
  style:
    description: Its style.
    type: str
    required: true
  script:
    description: Its script.
    type: str
    required: true
  title:
    description: Title of the page.
    type: str
    default: Images
seealso:
  - module: cloudimage.glance.image_audit_info
"""

EXAMPLES = r"""
- name: Write a page about one cloud
  ansible.builtin.copy:
    content: "{{ {'mycloud': audit} | cloudimage.glance.audit_page(template, style, script, title='Images of mycloud') }}"
    dest: /tmp/audit.html
    mode: "0644"
  vars:
    files: /usr/share/ansible/collections/ansible_collections/cloudimage/glance/roles/audit
    template: "{{ lookup('ansible.builtin.file', files ~ '/templates/page.html.j2') }}"
    style: "{{ lookup('ansible.builtin.file', files ~ '/files/page.css') }}"
    script: "{{ lookup('ansible.builtin.file', files ~ '/files/page.js') }}"
"""

RETURN = r"""
_value:
  description: The page.
  type: str
"""

import base64
import hashlib
import typing as t

import jinja2
import markupsafe
from ansible.errors import AnsibleFilterError

from ..module_utils._audit_page import page_data
from ..module_utils._audit_words import harmless


def audit_page(clouds: t.Mapping[str, t.Any], template: str, style: str, script: str, title: str = "Images") -> str:
    """One self-contained HTML page; see DOCUMENTATION."""
    if not isinstance(clouds, t.Mapping):
        raise AnsibleFilterError("audit_page: wants a dictionary of audits by host.")
    style, script = f"\n{style}\n", f"\n{script}\n"
    for what, text in (("style", style), ("script", script)):
        if f"</{what}" in text.lower():
            raise AnsibleFilterError(f"audit_page: the {what} holds its own end tag.")
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    data = page_data({str(host): dict(result or {}) for host, result in clouds.items()})
    # Page data is what others have written: only the three texts of ours are not escaped.
    return environment.from_string(str(template)).render(
        data,
        title=harmless(title),
        policy=f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'",
        style=markupsafe.Markup(style),  # noqa: S704
        script=markupsafe.Markup(script),  # noqa: S704
    )


def _digest(text: str) -> str:
    """How a Content-Security-Policy names an inline style or script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


class FilterModule:
    """What Ansible asks for filters."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """All filters of this file, by name."""
        return {"audit_page": audit_page}
