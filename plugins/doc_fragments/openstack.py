# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """How to reach a cloud; mirrors connection_spec() and wait_spec() of plugins/module_utils/_argspec.py."""

    DOCUMENTATION = r"""
options:
  cloud:
    description:
      - A string names a cloud of a C(clouds.yaml) file.
      - A dictionary is a whole cloud configuration, as it would stand in such a file. O(auth), O(auth_type),
        O(region_name), O(validate_certs), O(ca_cert), O(client_cert), O(client_key), O(api_timeout) and O(interface)
        must then not be given.
      - Not needed when O(auth) is given, or when C(OS_*) environment variables are set.
    type: raw
  auth:
    description:
      - What the authentication plugin needs; for the usual password plugin V(auth_url), V(username), V(password),
        V(project_name) and the domains.
    type: dict
  auth_type:
    description:
      - Name of the keystoneauth plugin to authenticate with.
    type: str
  region_name:
    description:
      - Name of the region.
    type: str
  validate_certs:
    description:
      - Whether TLS certificates are verified.
    type: bool
    aliases: [verify]
  ca_cert:
    description:
      - Path of a bundle of certificate authorities.
    type: str
    aliases: [cacert]
  client_cert:
    description:
      - Path of a client certificate.
    type: str
    aliases: [cert]
  client_key:
    description:
      - Path of the key of the client certificate.
    type: str
    aliases: [key]
  api_timeout:
    description:
      - Seconds without an answer after which a single call is given up.
    type: int
  interface:
    description:
      - Which endpoint of the service catalogue to use.
    type: str
    choices: [public, internal, admin]
    default: public
    aliases: [endpoint_type]
  sdk_log_path:
    description:
      - File to which openstacksdk writes a log of its calls. Nothing is logged when this is not given.
    type: str
  sdk_log_level:
    description:
      - How much goes into O(sdk_log_path).
    type: str
    choices: [INFO, DEBUG]
    default: INFO
requirements:
  - python >= 3.11
  - openstacksdk >= 1.0.0
notes:
  - Values come from C(clouds.yaml) (in the folder of the playbook, C(~/.config/openstack) or C(/etc/openstack), or the file
    that E(OS_CLIENT_CONFIG_FILE) names), then from C(OS_*) environment variables, then from the options.
"""

    WAIT = r"""
options:
  wait:
    description:
      - Whether to wait until the server has done what it does on its own, such as an import. What has to be over before the
        next step is waited for in any case.
    type: bool
    default: true
  timeout:
    description:
      - Seconds to wait for what the server does on its own. A running transfer of data is never cut short by it.
    type: int
    default: 180
"""
