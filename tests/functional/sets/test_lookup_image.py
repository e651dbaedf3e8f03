# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup image, in real playbooks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import cloud_support
import playbook_support
import pytest
import yaml
from patience import PATIENCE

FAMILY, VERSION = "cloudimage_family", "cloudimage_version"
BIN = Path(sys.executable).parent
LOCAL = "cloud='local'"


class Failed(str):
    """The message of a task that failed."""


@pytest.fixture
def evaluate(tmp_path):
    """Templates and what they yield, all in one play: a value, or the message of a failure.

    With ``together`` one task has them all, which is faster, and fails if one of them does.
    """

    def run(
        *templates: str, variables: dict[str, t.Any] | None = None, together: bool = False, **environment: str
    ) -> list[t.Any]:
        messages = [list(templates)] if together else [[each] for each in templates]
        tasks = [{"ansible.builtin.debug": {"msg": each}, "ignore_errors": True} for each in messages]
        book = playbook_support.written(
            tmp_path / "play.yml",
            tasks,
            vars=variables or {},
            vars_files=[str(path) for path in tmp_path.glob("vars-*.yml")],
        )
        code, output = playbook_support.run(book, environment={"HOME": str(tmp_path), **environment})
        assert code == 0 and "Traceback" not in output, output
        results = [json.JSONDecoder().raw_decode(part)[0]["msg"] for part in output.split(" => ")[1:]]
        assert len(results) == len(messages), output
        run.output = output
        if together:
            assert isinstance(results[0], list), results
            return results[0]
        return [each[0] if isinstance(each, list) else Failed(each) for each in results]

    return run


def find(*terms: str, also: str = LOCAL, function: str = "lookup") -> str:
    arguments = ", ".join(["'cloudimage.glance.image'", *map(repr, terms), *filter(None, [also])])
    return f"{{{{ {function}({arguments}) }}}}"


def make(project, family, version, **body):
    """A version of a family, made by plain HTTP."""
    return project.create(f"{family} ({version})", b"data", **{FAMILY: family, VERSION: version, **body})["id"]


def test_names_and_ids(evaluate, member, admin, name):
    odd = f"{name}: ü/[x]"
    ids = {
        "own": member.create(name, b"data", color="red")["id"],
        "odd": member.create(odd, b"data", os_hidden=True)["id"],
        "hidden": member.create(name, b"data", os_hidden=True)["id"],
        "public": admin.create(name, b"data", visibility="public")["id"],
        "theirs": admin.create(f"{name}-2", b"data", visibility="public")["id"],
    }
    assert evaluate(
        find(name),
        find(odd),
        find(ids["hidden"]),
        find(f"{name}-2"),
        find(name, also=f"{LOCAL}, filters={{'owner': {admin.id!r}}}"),
        find(name, odd, function="query"),
        find(name, odd),
        "{{ query('cloudimage.glance.image', [wanted ~ '-2', wanted], cloud='local') }}",
        find(name, also=f"{LOCAL}, attribute='disk_format'"),
        find(name, also=f"{LOCAL}, attribute='properties'"),
        variables={"wanted": name},
        together=True,
    ) == [
        ids["own"],
        ids["odd"],
        ids["hidden"],
        ids["theirs"],
        ids["public"],
        [ids["own"], ids["odd"]],
        f"{ids['own']},{ids['odd']}",
        [ids["theirs"], ids["own"]],
        "raw",
        {"color": "red"},
    ]


def test_an_image_that_was_replaced_is_meant_by_its_id_alone(evaluate, member, name):
    gone = member.create(name, b"data", os_hidden=True, cloudimage_replaced_by="another")["id"]
    refused, found = evaluate(find(name), find(gone))
    assert isinstance(refused, Failed) and found == gone


def test_families(evaluate, member, admin, name):
    old, new = make(member, name, "9", os_hidden=True), make(member, name, "10", tags=["new"])
    make(member, name, "11", cloudimage_exclude_from_latest="true")
    public = make(admin, name, "12", visibility="public")
    theirs = make(admin, name + "-2", "1", visibility="public")
    make(admin, name + "-3", "1", visibility="public", cloudimage_end_of_life="2020-01-01")
    family = f"{LOCAL}, family=true"
    values = evaluate(
        find(name, also=family),
        find(name, f"{name}-2", also=family, function="query"),
        find(name, also=f"{LOCAL}, version=9"),
        find(name, also=f"{family}, version='9'"),
        find(name, also=f"{family}, filters={{'owner': {admin.id!r}}}"),
        find(name, also=f"{family}, filters={{'tag': ['new']}}"),
        together=True,
    )
    assert values == [new, [new, theirs], old, old, public, new]
    no_version, none_good, no_family = evaluate(
        find(name, also=f"{LOCAL}, version='13'"),
        find(f"{name}-3", also=family),
        find(f"{name}-4", also=family),
    )
    assert isinstance(no_version, Failed) and "no version '13'" in no_version
    assert all(isinstance(each, Failed) and "no good version" in each for each in (none_good, no_family))


def test_one_connection_for_all_terms(evaluate, member, name):
    for number in range(3):
        member.create(f"{name}-{number}", b"data")
    with cloud_support.calls() as one:
        evaluate(find(f"{name}-0"))
    with cloud_support.calls() as three:
        evaluate(find(*(f"{name}-{number}" for number in range(3))))
    assert (len(one.glance), len(three.glance)) == (2, 6) and not three.writes
    assert len(one.keystone) == len(three.keystone) > 0


def test_nothing_found_and_bad_questions(evaluate, member, name):
    ids = sorted(member.create(f"{name}-twice", b"data")["id"] for _number in range(2))
    unfound = "00000000-0000-0000-0000-000000000000"
    questions = [
        (find(name), f"no image {name!r}"),
        (find(unfound), unfound),
        (find(name, also=f"{LOCAL}, filters={{'status': 'active'}}"), "filters let through"),
        (find(f"{name}-twice"), ids[0]),
        (find(f"{name}-twice"), ids[1]),
        (find(""), "not the name"),
        (find(name, also="cloud='nowhere'"), "nowhere"),
        (find(name, also=f"{LOCAL}, colour='red'"), "colour: there is no such option"),
        (find(name, also=f"{LOCAL}, family=false, version='1'"), "version: "),
        (find(name, also=f"{LOCAL}, family=true, filters={{'cloudimage_family': 'x'}}"), "filters: "),
        (find(ids[0], also=f"{LOCAL}, attribute='beauty'"), "attribute: "),
        (find(name, also=f"{LOCAL}, region_name='Atlantis'"), "region"),
        (find(f"{name}-twice", also=f"{LOCAL}, default=''"), ids[0]),
        (find(name, also="cloud='nowhere', default=''"), "nowhere"),
    ]
    for (question, words), answer in zip(questions, evaluate(*(each for each, _words in questions)), strict=True):
        assert isinstance(answer, Failed) and words in answer and "\n" not in answer, (question, answer)
    assert evaluate(
        find(name, also=f"{LOCAL}, default=''"),
        find(name, ids[0], also=f"{LOCAL}, default='nothing'", function="query"),
        find(name, also=f"{LOCAL}, default=none").replace(" }}", " is none }}"),
        find(name, also=f"{LOCAL}, errors='ignore'", function="query"),
        together=True,
    ) == ["", ["nothing", ids[0]], True, []]


def test_ways_to_a_cloud(evaluate, member, name, tmp_path):
    image_id = member.create(name, b"data")["id"]
    cloud = yaml.safe_load(cloud_support.CLOUDS_YAML.read_text())["clouds"]["local"]
    password_file = tmp_path / "vault-password"
    password_file.write_text("open sesame")
    seal = [BIN / "ansible-vault", "encrypt_string", "--vault-password-file", password_file, cloud["auth"]["password"]]
    sealed = subprocess.run(seal, capture_output=True, text=True, check=True, timeout=PATIENCE).stdout
    (tmp_path / "vars-secret.yml").write_text(f"sealed_password: {sealed}")
    settings = {
        "where": "local",
        "cloudimage_cloud": "{{ where }}",
        "whole": cloud,
        "sealed": {**cloud["auth"], "password": "{{ sealed_password }}"},
        "sealed_whole": {**cloud, "auth": "{{ sealed }}"},
        "wrong": {**cloud["auth"], "password": "hunter2"},
        "region": cloud["region_name"],
    }
    options = [
        "",
        "cloud=whole",
        "cloud=sealed_whole",
        "cloud=none, auth=sealed, region_name=region, verify=true",
    ]
    bad = ["cloud=none, auth=wrong, region_name=region", "cloud=dict(whole, auth=wrong)", "cloud=whole, auth=wrong"]
    answers = evaluate(
        *(find(name, also=each) for each in options + bad),
        variables=settings,
        ANSIBLE_VAULT_PASSWORD_FILE=str(password_file),
    )
    assert answers[: len(options)] == [image_id] * len(options)
    assert all(isinstance(each, Failed) for each in answers[len(options) :]), answers
    assert "hunter2" not in evaluate.output and cloud["auth"]["password"] not in evaluate.output


def test_environment_alone(evaluate, member, name, tmp_path):
    image_id = member.create(name, b"data")["id"]
    assert evaluate(find(name, also=""), OS_CLOUD="local") == [image_id]
    (refused,) = evaluate(find(name, also=""), OS_CLIENT_CONFIG_FILE=str(tmp_path / "none.yaml"))
    assert isinstance(refused, Failed) and "OS_CLOUD" in refused


def test_without_openstacksdk(evaluate, name, tmp_path):
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "openstack.py").write_text("raise ImportError('hidden')\n")
    path = os.pathsep.join([str(tmp_path / "hidden"), os.environ.get("PYTHONPATH", "")])
    (refused,) = evaluate(find(name), PYTHONPATH=path)
    assert isinstance(refused, Failed) and "openstacksdk >= 1.0.0" in refused
