# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What one run has to remember from one plan to the next."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass
class Course:
    """How far a run has come; written by those who carry out plans, read by those who make them."""

    #: Ids of images that were made by this run.
    mine: set[str] = dataclasses.field(default_factory=set)
    #: Chosen ids that living images bear, of which a look has shown that none of them is the one that is to be made.
    taken: set[str] = dataclasses.field(default_factory=set)
    #: Whether all that is declared was done, but for names that pass on.
    said: bool = False
