# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of the options of a module is secret, and how they are shown."""

from __future__ import annotations

import typing as t

import pytest
from ansible.module_utils.common.parameters import remove_values
from ansible_collections.cloudimage.glance.plugins.module_utils import _secrets


def blanked(value: t.Any, **options: t.Any) -> str:
    """What Ansible makes of a value."""
    secrets = _secrets.secrets_in(options)
    return str(remove_values(value, secrets))


@pytest.mark.parametrize(
    "name",
    ["Authorization", "Proxy-Authorization", "cookie", "X-Auth-Token", "PRIVATE-TOKEN", "x-api-key", "X-Secret-Id"],
)
@pytest.mark.parametrize("before", ["", "Bearer ", "Basic  "])
def test_headers_that_bear_credentials(name: str, before: str) -> None:
    headers = {name: f"{before}hush-hush", "Accept": "application/octet-stream", "Range": "0"}
    secrets = _secrets.secrets_in({"headers": headers})
    assert secrets == {f"{before}hush-hush", "hush-hush"}
    assert "hush" not in blanked([headers, "told hush-hush"], headers=headers)
    assert "application/octet-stream" in blanked(headers, headers=headers)


@pytest.mark.parametrize(
    ("headers", "secrets"),
    [
        (None, set()),
        ([], set()),
        ({}, set()),
        ({"X-Token": ""}, set()),
        ({"X-Token": None}, set()),
        ({"X-Token": "1"}, set()),
        ({"X-Token": 1234567890}, {"1234567890"}),
        ({"Authorization": "Bearer 1"}, {"Bearer 1"}),
        ("Authorization=hush-hush", {"hush-hush"}),
        ('{"Authorization": "hush-hush"}', {"hush-hush"}),
        ("hush-hush", {"hush-hush"}),
        ({5: "five hundred"}, set()),
    ],
)
def test_short_texts_are_no_secrets(headers: t.Any, secrets: set[str]) -> None:
    assert _secrets.secrets_in({"headers": headers}) == secrets


def test_options_of_one_image_and_of_many() -> None:
    def entry(number: int) -> dict[str, t.Any]:
        return {
            "name": "a",
            "src": f"http://h/a?one-secret-{number}",
            "uri": f"http://h/a?two-secret-{number}",
            "filename": f"http://h/a?three-secret-{number}",
            "checksum": f"sha256:http://h/a?four-secret-{number}",
            "headers": {"X-Key": f"five-secret-{number}"},
            "tags": None,
        }

    options = entry(1) | {"images": [entry(2), "text", 5], "defaults": entry(3)}
    assert "secret" in str(options) and "secret" not in blanked(options, **options)
    for strange in ({}, {"images": "a", "defaults": 1}, {"src": 5, "uri": None, "headers": 7}, {"images": [[{}]]}):
        assert _secrets.secrets_in(strange) == set()


@pytest.mark.parametrize(
    ("auth", "secrets"),
    [
        ({"password": "a", "username": "kim", "project_name": "images", "project_domain_id": "default"}, {"a"}),
        (
            {"auth_url": "https://kim:hush-hush@h/v3", "token": "t", "passcode": 5},
            {"//kim:hush-hush@", "hush-hush", "t", "5"},
        ),
        ({"application_credential_id": "i", "application_credential_secret": "s"}, {"s"}),
        (
            {"system_scope": "all", "protocol": "openid", "client_secret": "s", "pasword": "p", "x": [{"y": "z"}]},
            {"s", "p", "z"},
        ),
        ({"password": None, "reauthenticate": True}, set()),
        ("password=a username=kim", {"a"}),
        ('{"password": "a", "username": "kim"}', {"a"}),
    ],
)
def test_of_credentials_only_passwords_are_secret(auth: t.Any, secrets: set[str]) -> None:
    for options in ({"auth": auth}, {"cloud": {"auth": auth}}, {"member_cloud": {"auth": auth, "region_name": "R"}}):
        assert _secrets.secrets_in(options) == secrets
        assert isinstance(auth, str) or "images" not in auth.values() or "images" in str(_secrets.shown(options))
    assert _secrets.secrets_in({"cloud": "images"}) == set()


ADDRESS = "https://u:hush@h/a?sig=hush#hush"


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({"src": ADDRESS}, {"src": "https://h/a"}),
        (
            {"source": ADDRESS, "checksum": f"sha256:{ADDRESS}"},
            {"source": "https://h/a", "checksum": "sha256:https://h/a"},
        ),
        (
            {"images": [{"src": ADDRESS, "url_password": "p"}, 5]},
            {"images": [{"src": "https://h/a", "url_password": _secrets.HIDDEN}, 5]},
        ),
        ({"images": [f'"src": "{ADDRESS}"']}, {"images": [_secrets.HIDDEN]}),
        ({"images": f"{ADDRESS} {ADDRESS}"}, {"images": "https://h/a"}),
        ({"headers": {"Accept": "a", "X-Anything": "b"}}, {"headers": {"Accept": "a", "X-Anything": _secrets.HIDDEN}}),
        ({"headers": "Accept=a"}, {"headers": _secrets.HIDDEN}),
        ({"password": "hush", "auth_type": "token"}, {"password": _secrets.HIDDEN, "auth_type": "token"}),
        ({"auth": {"password": "a", "username": "kim"}}, {"auth": {"password": _secrets.HIDDEN, "username": "kim"}}),
        ({"cloud": '{"auth": {"password": "a"}}'}, {"cloud": _secrets.HIDDEN}),
        (
            {"properties": {"image_source": "https://h/a?b=c"}, "timeout": 3},
            {"properties": {"image_source": "https://h/a?b=c"}, "timeout": 3},
        ),
    ],
)
def test_options_as_they_are_shown(options: dict[str, t.Any], shown: dict[str, t.Any]) -> None:
    assert _secrets.shown(options) == shown
    assert "hush" not in str(remove_values(str(options), _secrets.secrets_in(options)))
