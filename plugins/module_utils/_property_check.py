# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What the modules ``image`` and ``images`` say of properties that look wrong: ``check_properties``. Pure."""

from __future__ import annotations

import typing as t

from ._desired import Desired
from ._errors import InvalidOption
from ._hardware import hypervisor_of
from ._metadata_standard import Remark, doubts

#: What ``check_properties`` is if nobody says.
USUAL = "warn"


def looks_wrong(desired: Desired) -> list[Remark]:
    """Declared properties that look like a slip, or that Nova would not take; those to be removed may be called anything."""
    held = {key: value for key, value in desired.properties.items() if value is not None}
    return [] if desired.state == "absent" else list(doubts(held, hypervisor_of(held)))


def check(desired: Desired, how: str | None, warn: t.Callable[[str], None]) -> None:
    """Warn of each property that looks wrong, or refuse all of them at once.

    :param how: ``check_properties`` of the task.
    :raises InvalidOption: with a sentence for each of them, if the task says ``fail``.
    """
    how = how or USUAL
    remarks = looks_wrong(desired) if how != "none" else []
    sentences = [sentence(remark.message) for remark in remarks]
    if sentences and how == "fail":
        raise InvalidOption(f"properties: {' '.join(sentences)}", problems=sentences)
    for each in sentences:
        warn(f"properties: {each}")


def sentence(message: str) -> str:
    """A remark with a mark at its end."""
    return message if message.endswith("?") else f"{message}."
