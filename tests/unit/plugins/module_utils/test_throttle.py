# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What servers say with 429, 503 and Retry-After, and how long they are waited for."""

from __future__ import annotations

import datetime
import email.utils

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _throttle
from requests.structures import CaseInsensitiveDict

NOON = "Tue, 01 Dec 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("7", 7),
        (" 120 ", 120),
        ("86400", 86400),
        ("9" * 5000, float("inf")),
        ("0", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("soon", None),
        ("", None),
        (None, None),
        ("Tue, 01 Dec 2026 12:00:30 GMT", 30),
        ("Tuesday, 01-Dec-26 12:00:30 GMT", 30),
        ("Tue, 01 Dec 2026 13:00:30 +0100", 30),
        ("Tue, 01 Dec 2026 12:00:30 -0000", 30),
        ("Wed, 02 Dec 2026 12:00:00 GMT", 86400),
        ("Tue, 01 Dec 2026 11:59:00 GMT", None),
        ("Tue, 99 Dec 2026 12:00:30 GMT", None),
    ],
)
def test_when_to_come_back(said: str | None, seconds: float | None) -> None:
    """A date is compared with that of the answer: the clocks of both sides need not agree."""
    headers = CaseInsensitiveDict({"date": NOON} | ({"retry-after": said} if said is not None else {}))
    assert _throttle.retry_after(headers) == seconds
    assert _throttle.asks_for_patience(429, headers)
    assert _throttle.asks_for_patience(503, headers) == (seconds is not None)
    assert not any(_throttle.asks_for_patience(status, headers) for status in (200, 413, 498, 500, 502, 504))


def test_a_date_without_one_of_the_answer() -> None:
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    seconds = _throttle.retry_after({"Retry-After": email.utils.format_datetime(later, usegmt=True)})
    assert seconds and 3000 < seconds <= 3600


@pytest.fixture(name="clock")
def _clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(_throttle.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(_throttle, "_allowance", 0)
    _throttle.allow(20)
    return now


def test_what_is_waited_for(clock: list[float]) -> None:
    patience = _throttle.Patience()
    for status, after, pause in [(429, "7", 7), (200, "7", None), (503, None, None), (503, "7", 7), (429, "7", None)]:
        assert patience.pause(status, {"Retry-After": after} if after else {}) == pause
        clock[0] += pause or 0
    assert _throttle.Patience().pause(429, {"Retry-After": "7"}) == 7, "each call has its own"


def test_a_server_that_does_not_say_when_is_asked_less_and_less_often(clock: list[float]) -> None:
    patience, pauses = _throttle.Patience(), []
    while (pause := patience.pause(429, {"Retry-After": "0"})) is not None:
        pauses.append(pause)
        clock[0] += pause
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0] and sum(pauses) <= 20


@pytest.mark.parametrize("timeout", [0, -5])
def test_no_time_is_no_time(clock: list[float], timeout: int) -> None:
    _throttle.allow(timeout)
    assert _throttle.Patience().pause(429, {}) is None


def test_it_is_explained(clock: list[float]) -> None:
    assert _throttle.explanation(429, {"Retry-After": "1 day\n"}).count("option timeout") == 1
    assert "Retry-After: 86400" in _throttle.explanation(503, {"Retry-After": "86400"})
    assert _throttle.explanation(503, {}) == _throttle.explanation(413, {"Retry-After": "9"}) == ""
