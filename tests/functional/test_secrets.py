# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No secret is in anything that a whole run of ansible-playbook tells: its output, its log, and what callbacks are given."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import cloud_support
import files_support
import playbook_support
import pytest
import yaml
from cloud_support import Project

#: Writes down all results as callbacks get them.
CALLBACK = """
import json, os
from ansible.plugins.callback import CallbackBase

class CallbackModule(CallbackBase):
    CALLBACK_VERSION, CALLBACK_TYPE, CALLBACK_NAME = 2.0, "aggregate", "witness"

    def _note(self, result, *args, **named):
        with open(os.environ["WITNESS"], "a") as file:
            file.write(json.dumps(getattr(result, "result", None) or result._result, default=str))

    v2_runner_on_ok = v2_runner_on_failed = v2_runner_item_on_ok = v2_runner_item_on_failed = v2_runner_retry = _note
"""
#: Stands in every secret, and nowhere else.
MARK = "hu5h"
#: A signed address of S3, one with a short login, and a token of GitLab in place of a user.
SIGNED = f"?X-Amz-Expires=300&X-Amz-Signature={MARK}-signature%2F1&b=1"
LOGIN = f"kim:{MARK}"
TOKEN = f"glpat-{MARK}-0123456789"
HEADERS = {"Authorization": f"Bearer {MARK}-bearer", "X-Api-Key": f"{MARK}-key", "Accept": "text/plain"}


def play(tmp_path: Path, given: t.Any, *tasks: dict[str, t.Any]) -> str:
    """All that a run tells of tasks, whether they fail or not.

    :param given: value of the variable ``given``.
    """
    # Of a task that fails, Ansible shows how it is written in the playbook.
    (tmp_path / "variables.yml").write_text(yaml.safe_dump({"given": given}))
    failing = [{"ignore_errors": True, **task} for task in tasks]
    book = playbook_support.written(tmp_path / "play.yml", failing, vars_files=["variables.yml"])
    code, told = witnessed(tmp_path, "--diff", book)
    assert code == 0, told
    return told


def witnessed(tmp_path: Path, *arguments: str | Path) -> tuple[int, str]:
    """The exit code of a run, and all that it tells: its output, its log, and the results that callbacks get."""
    (tmp_path / "callbacks").mkdir(exist_ok=True)
    (tmp_path / "callbacks" / "witness.py").write_text(CALLBACK)
    told = [tmp_path / "witness.json", tmp_path / "ansible.log"]
    settings = {
        "ANSIBLE_CALLBACK_PLUGINS": str(tmp_path / "callbacks"),
        "ANSIBLE_CALLBACKS_ENABLED": "witness",
        "ANSIBLE_INJECT_INVOCATION": "1",
        "ANSIBLE_LOG_PATH": str(told[1]),
        "WITNESS": str(told[0]),
        **playbook_support.own(tmp_path),
    }
    code, output = playbook_support.run("-vvv", *arguments, environment=settings)
    assert "Traceback" not in output, output
    return code, "\n".join([output, *(path.read_text() for path in told)])


def refuse_secrets(told: str) -> None:
    """Fail if a secret was told, and show where."""
    places = [told[max(0, found.start() - 200) : found.end() + 80] for found in re.finditer(MARK, told)]
    assert not places, places[:5]


@pytest.fixture
def credentials() -> dict[str, t.Any]:
    """The options of the connection, without clouds.yaml."""
    settings = yaml.safe_load(cloud_support.CLOUDS_YAML.read_text())["clouds"]["local"]
    return {"auth": settings["auth"], "region_name": settings["region_name"]}


def test_modules(member: Project, name: str, tmp_path: Path, disk: t.Callable[..., Path], credentials: t.Any) -> None:
    file, wrong = str(disk(1)), credentials["auth"] | {"password": f"{MARK}!"}
    nowhere = f"http://{LOGIN}@127.0.0.1:1/a{SIGNED}"
    cloud = {"cloud": "local"}
    with files_support.serving() as server:
        server.files["/a"] = disk(1).read_bytes()
        here = server.url.replace("//", f"//{LOGIN}@") + f"/a{SIGNED}"
        entries = [
            {"name": name, "filename": file, "checksum": f"sha256:{nowhere}"},
            {"name": f"{name}-2", "uri": nowhere, "disk_format": "raw"},
        ]
        published = {"name": name, "src": nowhere, "headers": HEADERS, "url_password": MARK, "checksum": nowhere}
        digest = files_support.sha256(server.files["/a"])
        catalog = tmp_path / "catalog.yml"
        catalog.write_text(yaml.safe_dump([published | {"url_password": f"{MARK}-of-file"}]))
        modules: list[tuple[str, dict[str, t.Any]]] = [
            ("image", {**cloud, "name": name, "uri": nowhere, "disk_format": "raw"}),
            ("image", {**cloud, "name": name, "uri": f"http://{TOKEN}@127.0.0.1:1/a", "disk_format": "raw"}),
            ("image", {**cloud, "name": name, "source": nowhere}),
            ("image", {**cloud, "name": name, "filename": file, "checksum": f"sha256:{nowhere}"}),
            ("image", {**credentials, "auth": wrong, "name": name}),
            ("image", {**cloud, "name": name, "filename": file, "state": "wrong", "uri": nowhere}),
            ("images", {**cloud, "images": entries}),
            ("images", {**cloud, "images": [published]}),
            ("images", {**cloud, "files": [str(catalog)], "defaults": {"checksum": nowhere}}),
            ("image_file", {"path": f"{tmp_path}/f", "src": here, "headers": HEADERS, "checksum": digest}),
            ("image_file", {"path": f"{tmp_path}/g", "src": nowhere, "headers": str(HEADERS), "timeout": 1}),
            ("image_catalog_info", {"images": [published | {"auth": wrong}], "files": [str(catalog)]}),
            ("image_info", {"cloud": {**credentials, "auth": wrong}, "name": name}),
            ("image_download", {**credentials, "auth": wrong, "name": name, "path": f"{tmp_path}/d"}),
        ]
        given = {"modules": [options for _module, options in modules], "auth": wrong}
        tasks = [
            {f"cloudimage.glance.{module}": None, "args": f"{{{{ given.modules[{number}] }}}}"}
            for number, (module, _options) in enumerate(modules)
        ]
        lookup = {"msg": "{{ lookup('cloudimage.glance.image', 'x', auth=given.auth) }}"}
        told = play(tmp_path, given, *tasks, {"ansible.builtin.debug": lookup})
    refuse_secrets(told)
    assert told.count('"module_args"') >= len(modules), "the invocations are shown"
    assert "text/plain" in told and wrong["project_name"] in told and "127.0.0.1:1/a" in told


def test_the_name_of_a_project_is_no_secret(member: Project, name: str, tmp_path: Path, credentials: t.Any) -> None:
    """Though it stands in auth: nothing else that is called so is blanked out."""
    project = credentials["auth"]["project_name"]
    task = {"cloudimage.glance.image_info": None, "args": "{{ given }}"}
    told = play(
        tmp_path,
        {**credentials, "name": f"{name}-{project}"},
        task,
        {"ansible.builtin.debug": {"msg": f"about {project} and {credentials['auth']['username']}"}},
    )
    assert f"about {project} and {credentials['auth']['username']}" in told
    assert credentials["auth"]["password"] not in told


def test_the_role_publish(member: Project, name: str, tmp_path: Path, disk: t.Callable[..., Path]) -> None:
    with files_support.serving() as server:
        server.files["/a"] = disk(1).read_bytes()
        server.files["/S"] = f"{files_support.sha256(server.files['/a'])}  a\n{'0' * 64}  b\n".encode()
        address = server.url.replace("//", f"//{LOGIN}@")
        entry = {"name": name, "src": f"{address}/a{SIGNED}", "headers": HEADERS, "checksum": f"{address}/S"}
        broken = entry | {"name": f"{name}-2", "src": f"{address}/b{SIGNED}", "url_password": f"{MARK}-2"}
        catalog = tmp_path / "catalog.yml"
        catalog.write_text(yaml.safe_dump([entry | {"name": f"{name}-3"}, broken | {"name": f"{name}-4"}]))
        given = {"images": [entry, broken], "wrong": [entry | {"kernal": "x"}], "files": [str(catalog)]}
        told = play(
            tmp_path,
            given,
            *(
                {
                    "ignore_errors": False,
                    "block": [_publish(images)],
                    "rescue": [{"ansible.builtin.debug": {"msg": "went on"}}],
                }
                for images in ("{{ given.images }}", "{{ given.wrong }}")
            ),
        )
    refuse_secrets(told)
    assert member.only(name)["status"] == member.only(f"{name}-3")["status"] == "active"
    assert "did you mean 'kernel'?" in told


def _publish(images: str) -> dict[str, t.Any]:
    variables = {"publish_cloud": "local", "publish_images": images, "publish_files": "{{ given.files }}"}
    return {"ansible.builtin.include_role": {"name": "cloudimage.glance.publish"}, "vars": variables}


@pytest.mark.parametrize("check", [False, True])
def test_the_playbook_retire(name: str, tmp_path: Path, credentials: t.Any, check: bool) -> None:
    """Each rule may bring the credentials of its cloud along."""
    wrong = {"auth": credentials["auth"] | {"password": f"{MARK}!"}, "region_name": credentials["region_name"]}
    password = credentials["auth"]["password"]
    good = [{**credentials, "family": name, "hide_after": "0"}, {**credentials, "catalog": name, "hide_after": "0"}]
    cases = {
        "good": (good, 0),
        "refused": (
            [*good, {"cloud": wrong, "tags": [name], "hide_after": "0"}, {**wrong, "family": name, "hide_after": "0"}],
            2,
        ),
        "misspelt": ([*good, {**wrong, "family": name, "hide_after": "0", "keep_lats": 1}], 2),
    }
    for case, (rules, expected) in cases.items():
        (tmp_path / "rules.yml").write_text(yaml.safe_dump({"retire_rules": rules}))
        arguments = ("-e", f"@{tmp_path / 'rules.yml'}", *(["--check"] if check else []))
        code, told = witnessed(tmp_path, "cloudimage.glance.retire", *arguments)
        refuse_secrets(told)
        assert code == expected and password not in told, (case, code)
        assert f"(item={name})" in told and "(item=rule 2)" in told, case
