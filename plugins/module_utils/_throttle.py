# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Servers that ask to be left alone for a while: answers with 429, and with 503 and Retry-After (RFC 9110, 10.2.3; RFC 6585, 4)."""

from __future__ import annotations

import datetime
import email.utils
import itertools
import re
import time
import typing as t

#: Seconds between tries where the server does not say when to come back.
_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
_NEVER = float("inf")
#: What is shown of a header.
_SHOWN = 40

_allowance: float = 180


def allow(seconds: float) -> None:
    """Say how long this process, which runs one task, may put off a call: the option ``timeout``."""
    global _allowance
    _allowance = seconds


class Patience:
    """How long one call may still be put off."""

    def __init__(self) -> None:
        self._deadline: float | None = None
        self._pauses = itertools.chain(_PAUSES, itertools.repeat(_PAUSES[-1]))

    def pause(self, status: int, headers: t.Mapping[str, str]) -> float | None:
        """Seconds to wait before the call is made again; None if the answer asks for none, or for more than there are."""
        if not asks_for_patience(status, headers):
            return None
        now = time.monotonic()
        self._deadline = self._deadline or now + _allowance
        pause = retry_after(headers) or next(self._pauses)
        return pause if now + pause <= self._deadline else None


def asks_for_patience(status: int, headers: t.Mapping[str, str]) -> bool:
    """Whether an answer says that the same call may be taken later."""
    return status == 429 or (status == 503 and retry_after(headers) is not None)


def retry_after(headers: t.Mapping[str, str]) -> float | None:
    """Seconds that the header Retry-After says, as a number or as a date beside that of the answer; None if it says nothing.

    What is past, and 0, says nothing of use either.
    """
    said = str(headers.get("Retry-After") or "").strip()
    if re.fullmatch(r"\d+", said, re.ASCII):
        return (int(said) if len(said) < 10 else _NEVER) or None
    date = _date(said)
    if date is None:
        return None
    now = _date(str(headers.get("Date") or "")) or datetime.datetime.now(datetime.UTC)
    seconds = (date - now).total_seconds()
    return seconds if seconds > 0 else None


def explanation(status: int, headers: t.Mapping[str, str]) -> str:
    """A sentence about what was waited for, to stand behind the server's words; empty if the answer asks for no patience."""
    if not asks_for_patience(status, headers):
        return ""
    if retry_after(headers) is None:
        return f" It does not say when to come back, and was asked again for {_allowance:g} seconds (option timeout)."
    said = " ".join(str(headers["Retry-After"]).split())[:_SHOWN]
    return f" It says Retry-After: {said}, and that is more than is left of the {_allowance:g} seconds of the option timeout."


def _date(text: str) -> datetime.datetime | None:
    try:
        date = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=datetime.UTC)
