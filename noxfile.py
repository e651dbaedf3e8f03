# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks of antsibull-nox that no other tool has.

"make test" runs them with "nox --no-venv --no-install" in the one environment with all tools, pinned, since a dozen
environments take minutes to make. In that mode antsibull-nox silently skips what needs a copy of the collection (mypy,
ruff check, ansible-lint, antsibull-docs, ansible-test): those tools are called by the Makefile itself.
"""

from __future__ import annotations

import antsibull_nox

antsibull_nox.load_antsibull_nox_toml()
