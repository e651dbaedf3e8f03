# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The folder that relative paths start from: those of options and of catalogues, and that of ``clouds.yaml``.

On ``localhost`` Ansible runs a module in the folder of the playbook, which is what users expect of a playbook of their own. The
playbooks of the collection lie among its files, where no user keeps anything. Each of them tells its own folder, and the
one in which ``ansible-playbook`` was started, by ``environment``.
"""

from __future__ import annotations

import contextlib
import os

#: The folder of a playbook of the collection, and the one from which it was started; both on the controller.
PLAYBOOK, STARTED = "CLOUDIMAGE_PLAYBOOK_DIR", "CLOUDIMAGE_STARTED_IN"


def enter() -> None:
    """Change to the folder from which a playbook of the collection was started.

    Elsewhere nothing changes: in a playbook of the user's, and on hosts that are not the controller.
    """
    playbook, started = os.environ.get(PLAYBOOK), os.environ.get(STARTED)
    # Whoever runs the module may not be allowed to see either folder, and so stays.
    with contextlib.suppress(OSError):
        if playbook and started and os.path.samefile(os.curdir, playbook):
            os.chdir(started)
