#!/usr/bin/env bash
# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# A script, because ansible-test would take a target of this name for the collection's role of the same name.
# ansible-test tells scripts nothing of integration_config.yml.
set -eux
export ANSIBLE_ROLES_PATH=..
ansible-playbook -i "${INVENTORY_PATH:-../../inventory}" --extra-vars @../../integration_config.yml "$@" test.yml
