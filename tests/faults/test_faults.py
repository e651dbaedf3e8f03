# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults at each call of a creation, of a replacement, and of the authentication."""

from __future__ import annotations

import typing as t

import pytest
from proxy import Answer, CutReply, Delay, Drop, EditRequest, LoseReply, Refuse, Rule, refusal

#: Calls of a creation, in their order, and those that a replacement makes beyond.
CALLS = {
    "list": ("GET", r"^/v2/images\?.*os_hidden=false"),
    "list of hidden": ("GET", r"^/v2/images\?.*os_hidden=true"),
    "schema": ("GET", r"^/v2/schemas/image$"),
    "POST": ("POST", r"^/v2/images$"),
    "PUT file": ("PUT", r"^/v2/images/[^/]+/file$"),
    "final GET": ("GET", r"^/v2/images/[^/?]+$"),
    "PATCH": ("PATCH", r"^/v2/images/[^/]+$"),
    "DELETE": ("DELETE", r"^/v2/images/[^/]+$"),
}
READS = ("list", "list of hidden", "schema", "final GET")
#: What a run has to survive.
PASSING: dict[str, list[t.Any]] = {
    "502, 503, 504 in turn": [Answer(502), Answer(503), Answer(504)],
    "401 once": [Answer(401, early=True)],
    "bad token once": [EditRequest({"X-Auth-Token": "expired"})],
    "dropped": [Drop()],
    "refused for half a second": [Refuse(0.5)],
    "reply lost": [LoseReply()],
    "gateway gives up": [LoseReply(504)],
    "reply cut": [CutReply(10)],
    "slow": [Delay(request=0.2, reply=0.2)],
}
WORDS = "the cupboard is bare"


thorough = pytest.mark.thorough


def _each_at(*places: str, usual: t.Collection[str] = frozenset(PASSING)) -> list[t.Any]:
    """Every passing fault at every place; answers without a body cannot be cut.

    :param usual: those that are not left to the thorough run.
    """
    return [
        pytest.param(place, PASSING[fault], id=f"{fault} at {place}", marks=marks)
        for place in places
        for fault, marks in _marked(PASSING, usual)
        if fault != "reply cut" or place not in ("PUT file", "DELETE")
    ]


def _marked(faults: t.Iterable[str], usual: t.Collection[str]) -> list[tuple[str, t.Any]]:
    """Each fault, and the mark that leaves it to the thorough run unless it is a usual one."""
    return [(fault, [] if fault in usual else thorough) for fault in faults]


def _arm(row: t.Any, place: str, acts: t.Sequence[t.Any]) -> list[Rule]:
    return [row.proxy.rule(*CALLS[place], act) for act in acts]


def _fired(rules: t.Iterable[Rule]) -> bool:
    return all(rule.fired for rule in rules)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(fault, id=f"{fault} at every read", marks=marks)
        for fault, marks in _marked(PASSING, set(PASSING) - {"gateway gives up", "slow"})
    ],
)
def test_create_survives_faults_of_reads(row, fault):
    rules = [rule for place in READS for rule in _arm(row, place, PASSING[fault][-1:])]
    row.attempt()
    assert _fired(rules)
    row.finish(changed=False)


@pytest.mark.parametrize(
    ("place", "acts"), _each_at("POST", "PUT file", usual=set(PASSING) - {"slow", "refused for half a second"})
)
def test_create_survives(row, place, acts):
    rules = _arm(row, place, acts)
    row.attempt()
    assert _fired(rules)
    row.finish(changed=False)


@pytest.mark.parametrize(
    ("place", "acts"),
    [
        *_each_at("POST", "PUT file", usual={"reply lost"}),
        *_each_at("PATCH", "DELETE", usual={"502, 503, 504 in turn", "401 once", "dropped", "reply lost", "reply cut"}),
    ],
)
def test_replacement_survives(row, place, acts):
    row.replaces()
    rules = _arm(row, place, acts)
    row.attempt()
    assert _fired(rules)
    row.finish(changed=False)


@pytest.mark.parametrize("place", ["list", "POST", "PUT file", "final GET"])
def test_500_during_create(row, place):
    """It is Glance's word for any fault of its own: only where data is sent is it known to pass."""
    rules = _arm(row, place, [refusal(500, WORDS)])
    row.attempt(WORDS, well=place == "PUT file")
    assert _fired(rules)
    row.finish()


@pytest.mark.parametrize(
    "place", [pytest.param(place, marks=marks) for place, marks in _marked(list(CALLS)[3:], {"PATCH", "DELETE"})]
)
def test_500_during_replacement(row, place):
    row.replaces()
    rules = _arm(row, place, [refusal(500, WORDS)])
    row.attempt(WORDS, well=place == "PUT file")
    assert _fired(rules)
    row.finish()


@pytest.mark.parametrize(
    "acts", [pytest.param(PASSING[fault], id=fault, marks=marks) for fault, marks in _marked(PASSING, {"reply lost"})]
)
@pytest.mark.parametrize(
    ("before", "options", "method", "path"),
    [
        pytest.param(
            {"properties": {"a": 1, "b": 2}},
            {"properties": {"a": None, "b": 3}},
            *CALLS["PATCH"],
            id="a property removed",
        ),
        pytest.param({}, {"visibility": "shared", "members": ["f" * 32]}, "POST", r"/members$", id="shared"),
        pytest.param(
            {"visibility": "shared", "members": ["f" * 32]},
            {"members": [], "purge_members": True},
            "DELETE",
            r"/members/",
            id="withdrawn",
        ),
        pytest.param({}, {"state": "inactive"}, "POST", r"/deactivate$", id="deactivated"),
        pytest.param({"state": "inactive"}, {}, "POST", r"/reactivate$", id="reactivated"),
    ],
)
def test_change_survives(row, before, options, method, path, acts):
    row.run()
    row.run(**before)
    rules = [row.proxy.rule(method, path, act) for act in acts]
    row.attempt(**options)
    assert _fired(rules) and not row.run(**options)["changed"]
    row.finish(changed="state" in options)


@pytest.mark.parametrize(
    ("place", "act", "truth"),
    [
        pytest.param("list", Drop(), "does not answer", id="dropped at list"),
        pytest.param("list", refusal(401, WORDS), WORDS, id="401 at list"),
        pytest.param("POST", refusal(503, WORDS), WORDS, id="503 at POST", marks=thorough),
        pytest.param("PUT file", refusal(503, WORDS), WORDS, id="503 at PUT file"),
        pytest.param("PUT file", refusal(401, WORDS, early=True), WORDS, id="401 at PUT file"),
        pytest.param("PUT file", Drop(), "does not answer", id="dropped at PUT file", marks=thorough),
        pytest.param("PATCH", refusal(502, WORDS), WORDS, id="502 at PATCH"),
        pytest.param("DELETE", LoseReply(504), "504", id="504 at DELETE after the server has acted", marks=thorough),
    ],
)
def test_lasting_fault(row, place, act, truth):
    """It ends soon, in the server's own words, and the old image, if there is one, stays."""
    if place in ("PATCH", "DELETE"):
        row.replaces()
    row.proxy.rule(*CALLS[place], act, times=None)
    row.attempt(truth, well=False if place != "DELETE" else None)
    row.finish()


def test_answer_that_is_no_json(row):
    row.proxy.rule(*CALLS["list"], Answer(200, b"<html>Welcome to the airport's wireless network</html>"))
    row.attempt("JSON|expected")
    row.finish()


def test_no_answer_to_the_post_in_time(row):
    rule = row.proxy.rule(*CALLS["POST"], Delay(reply=2.0))
    while not rule.fired:  # on a busy machine another call may take a second
        row.attempt("(?i)time", well=False, api_timeout=1)
    row.finish()


@pytest.mark.parametrize(
    ("call", "act"),
    [
        pytest.param(call, act, id=f"{fault} at {place}")
        for place, call in {"discovery": ("GET", r"^/v3/?$"), "token": ("POST", r"/auth/tokens$")}.items()
        for fault, act in {
            "503": Answer(503),
            "refused for a second": Refuse(1.0),
            "dropped": Drop(),
            "reply lost": LoseReply(),
            "reply cut": CutReply(10),
        }.items()
    ],
)
def test_keystone(row, call, act):
    rule = row.cloud.keystone.rule(*call, act)
    row.attempt()
    assert rule.fired
    row.finish()


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(("GET", r"^/v3/?$"), id="discovery", marks=thorough),
        pytest.param(("POST", r"/auth/tokens$"), id="token"),
    ],
)
def test_keystone_says_401(row, call):
    """The first is keystoneauth's: it waits for itself for ever, and has to be stopped."""
    row.cloud.keystone.rule(*call, refusal(401, WORDS), times=None)
    row.attempt("credentials", well=False)
    row.finish()
