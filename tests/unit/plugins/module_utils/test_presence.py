# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the cloud is still there: asked once for many."""

from __future__ import annotations

import concurrent.futures
import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import (
    ConnectionProblem,
    FileProblem,
    ImageFault,
    ServerRefusal,
)
from ansible_collections.cloudimage.glance.plugins.module_utils._presence import NotTried, Presence

SILENCE = ConnectionProblem("The cloud does not answer.")
GATEWAY = ServerRefusal("Nobody at home.", 503)


class Fake:
    """A Glance that answers, or not, and counts how often it is asked."""

    def __init__(self, fault: Exception | None) -> None:
        self.fault = fault
        self.asked = 0

    def schema(self) -> dict[str, t.Any]:
        self.asked += 1
        if self.fault:
            raise self.fault
        return {}


def presence(fault: Exception | None) -> tuple[Fake, Presence]:
    glance = Fake(fault)
    return glance, Presence(t.cast("t.Any", glance))


@pytest.mark.parametrize(
    "fault", [FileProblem("x"), ImageFault("x"), ServerRefusal("x", 500), NotTried("x"), ValueError()]
)
def test_faults_that_say_nothing_about_the_connection(fault: Exception) -> None:
    glance, here = presence(SILENCE)
    here.doubt(fault)
    here.require()
    assert not glance.asked


@pytest.mark.parametrize("doubt", [SILENCE, GATEWAY], ids=["silence", "gateway"])
@pytest.mark.parametrize("fault", [SILENCE, GATEWAY], ids=["silence", "gateway"])
def test_a_cloud_that_is_away_is_asked_once(doubt: Exception, fault: ConnectionProblem | ServerRefusal) -> None:
    glance, here = presence(fault)
    here.doubt(doubt)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        faults = [each.exception() for each in [pool.submit(here.require) for _number in range(50)]]
    assert glance.asked == 1 and {type(each) for each in faults} == {NotTried}
    assert {str(each) for each in faults} == {f"Not tried, because the cloud is away. {fault.message}"}


@pytest.mark.parametrize("answer", [None, ServerRefusal("x", 403)], ids=["answer", "refusal"])
def test_a_cloud_that_answers_is_asked_again_only_after_the_next_fault(answer: Exception | None) -> None:
    glance, here = presence(answer)
    here.doubt(SILENCE)
    here.require()
    here.require()
    assert glance.asked == 1
    here.doubt(GATEWAY)
    here.require()
    assert glance.asked == 2
