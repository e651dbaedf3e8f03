# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers that ask to be left alone for a while: 429, and 503 with Retry-After, from Glance and from Keystone."""

from __future__ import annotations

import dataclasses
import signal

import cloud_support
import files_support
import pytest
import yaml
from patience import wait_until
from proxy import Answer, refusal

WORDS = "Rate limit exceeded"
IMAGE = r"^/v2/images/[^/?]+"


def later(status: int = 429, after: str | None = "1", *, early: bool = False) -> Answer:
    """An answer that asks to come back later."""
    answer = refusal(status, WORDS, early=early)
    return dataclasses.replace(answer, headers={**answer.headers, **({"Retry-After": after} if after else {})})


#: The writes of an import.
WRITES = {
    "POST image": ("POST", r"^/v2/images$"),
    "PUT stage": ("PUT", f"{IMAGE}/stage$"),
    "POST import": ("POST", f"{IMAGE}/import$"),
    "POST member": ("POST", f"{IMAGE}/members$"),
}


def test_an_import_that_is_shared(row):
    rules = [row.proxy.rule(*call, later()) for call in WRITES.values()]
    rules += [row.proxy.rule("GET", path, later()) for path in (r"^/v2/images\?", f"{IMAGE}$", r"^/v2/info/import$")]
    row.options |= {"use_import": True, "visibility": "shared", "members": ["f" * 32]}
    row.attempt()
    assert all(rule.fired for rule in rules)
    row.finish(changed=False)


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(later(), id="429"),
        pytest.param(later(early=True), id="429 before the data was read"),
        pytest.param(later(after=None), id="429 without Retry-After"),
        pytest.param(later(after="-1"), id="429 with a strange Retry-After"),
        pytest.param(later(503, "1"), id="503"),
    ],
)
def test_a_replacement(row, act):
    """More than once at the data: more often than a fault of the connection would be borne there."""
    row.replaces()
    rules = [row.proxy.rule("PUT", f"{IMAGE}/file$", act, times=4 if act.headers.get("Retry-After") == "1" else 1)]
    rules += [row.proxy.rule(method, f"{IMAGE}$", act) for method in ("PATCH", "DELETE")]
    row.attempt()
    assert all(rule.fired for rule in rules)
    row.finish(changed=False)


def test_changes(row):
    row.run(visibility="shared", members=["f" * 32])
    calls = {"withdrawn": ("DELETE", "/members/"), "off": ("POST", "/deactivate$"), "on": ("POST", "/reactivate$")}
    rules = [row.proxy.rule(method, path, later()) for method, path in calls.values()]
    row.attempt(members=[], purge_members=True)
    row.run(state="inactive")
    row.run()
    assert all(rule.fired for rule in rules)
    row.finish(changed=False)


@pytest.mark.parametrize("after", ["86400", "Fri, 31 Dec 2100 00:00:00 GMT"])
@pytest.mark.parametrize("call", [("GET", r"^/v2/images\?"), ("POST", r"^/v2/images$"), ("PUT", f"{IMAGE}/file$")])
def test_too_long(row, call, after):
    """It ends at once, and says why."""
    rule = row.proxy.rule(*call, later(after=after), times=None)
    row.attempt(f"{WORDS}.*Retry-After: {after}, .*180 seconds of the option timeout", well=False)
    assert rule.fired == 1
    row.finish()


def test_too_often(row):
    rule = row.proxy.rule("POST", r"^/v2/images$", later(after=None), times=None)
    row.attempt(f"{WORDS}.*asked again for 2 seconds .option timeout", well=False, timeout=2)
    assert rule.fired > 1
    row.finish()


@pytest.mark.parametrize("act", [later(), later(503)])
def test_keystone(row, act):
    rules = [row.cloud.keystone.rule(*call, act) for call in (("GET", r"^/v3/?$"), ("POST", r"/auth/tokens$"))]
    row.attempt()
    assert all(rule.fired for rule in rules)
    row.finish()


def test_names_of_projects(row):
    """They are looked up through openstacksdk, which has exceptions of its own."""
    settings = yaml.safe_load(cloud_support.CLOUDS_YAML.read_text())["clouds"]["local-admin"]
    settings["identity_endpoint_override"] = f"{row.cloud.keystone.url}/v3"
    rules = [row.cloud.keystone.rule("GET", r"/projects", act) for act in (later(), Answer(503))]
    result = row.cloud.run("image", cloud=settings, name=row.name, owner="nobody", filename=row.file)
    assert all(rule.fired for rule in rules) and "there is no project 'nobody'" in result["msg"]
    row.attempt()
    row.finish()


def test_keystone_for_too_long(row):
    row.cloud.keystone.rule("POST", r"/auth/tokens$", later(after="86400"), times=None)
    row.attempt("Retry-After: 86400", well=False)
    row.finish()


def test_a_wait_ends_when_the_run_is_to_end(row):
    rule = row.proxy.rule("POST", r"^/v2/images$", later(after="150"), times=None)
    process = row.cloud.start("image", **{key: str(value) for key, value in row.options.items()})
    wait_until(lambda: rule.fired)
    process.send_signal(signal.SIGTERM)
    row.judge_first(files_support.finish_module(process), "^Interrupted by SIGTERM", well=False)
    row.finish()
