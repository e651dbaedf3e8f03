# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of projects by id: what Keystone refuses, or does not answer, is left out."""

from __future__ import annotations

import types
import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _connection, _identity
from keystoneauth1 import exceptions

ALL = {"a": "alpha", "b": "beta"}


class Keystone:
    """Answers lists of projects by path: names by id, a status, or a fault."""

    def __init__(self, **answers: t.Any) -> None:
        self.answers, self.asked = answers, []

    def get(self, path: str, timeout: float) -> t.Any:
        self.asked.append(path)
        answer = self.answers["mine" if "auth" in path else "everybody"]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, int):
            return types.SimpleNamespace(status_code=answer, json=lambda: {"error": {}})
        projects = [{"id": each, "name": name} for each, name in answer.items()]
        return types.SimpleNamespace(status_code=200, json=lambda: {"projects": projects} if answer else [])


def named(ids: str, project: str | None = "own", **answers: t.Any) -> tuple[dict[str, str], int]:
    keystone = Keystone(**answers)
    access = types.SimpleNamespace(project_id=project, project_name=project and project.upper())
    glance = types.SimpleNamespace(conn=types.SimpleNamespace(identity=keystone), access=access)
    return _identity.project_names(t.cast(t.Any, glance), ids.split()), len(keystone.asked)


@pytest.mark.parametrize(
    ("ids", "answers", "names", "calls"),
    [
        ("own", {}, {"own": "OWN"}, 0),
        ("", {}, {}, 0),
        ("own a", {"everybody": ALL}, {"own": "OWN", "a": "alpha"}, 1),
        ("a x", {"everybody": ALL}, {"a": "alpha"}, 1),
        ("a b", {"everybody": 403, "mine": {"b": "beta"}}, {"b": "beta"}, 2),
        ("a", {"everybody": 403, "mine": 403}, {}, 2),
        ("own a", {"everybody": 500, "mine": 404}, {"own": "OWN"}, 2),
        ("a", {"everybody": exceptions.EndpointNotFound(), "mine": exceptions.ConnectFailure("no")}, {}, 2),
        ("a", {"everybody": {}, "mine": {}}, {}, 2),
    ],
)
def test_names(
    monkeypatch: pytest.MonkeyPatch, ids: str, answers: dict[str, t.Any], names: dict[str, str], calls: int
) -> None:
    monkeypatch.setattr(_connection, "PAUSES", ())
    assert named(ids, **answers) == (names, calls)


def test_credentials_of_no_project() -> None:
    assert named("a", None, everybody=ALL) == ({"a": "alpha"}, 1)
    glance = types.SimpleNamespace(access=None)
    assert _identity.project_names(t.cast(t.Any, glance), ["a"]) == {}
