# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module image_service_info: what the service says by plain HTTP, and nothing that fails over an optional call."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
import typing as t

import cloud_support
import pytest
import requests
import yaml
from patience import PATIENCE


class Discovery(http.server.BaseHTTPRequestHandler):
    """Glance with some calls answered by us."""

    upstream: str
    answers: t.ClassVar[dict[str, tuple[int, bytes]]]

    def do_GET(self) -> None:
        if self.path in self.answers:
            status, body = self.answers[self.path]
        else:
            headers = {"X-Auth-Token": self.headers["X-Auth-Token"]}
            answer = requests.get(self.upstream + self.path, headers=headers, timeout=PATIENCE)
            status, body = answer.status_code, answer.content
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: t.Any) -> None:
        """Keep quiet."""


@contextlib.contextmanager
def answering(answers: dict[str, tuple[int, bytes]]) -> t.Iterator[dict[str, t.Any]]:
    """A configuration of the ordinary user's cloud whose Glance gives these answers."""
    handler = type("Handler", (Discovery,), {"upstream": cloud_support.project("local").url, "answers": answers})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        cloud = yaml.safe_load(cloud_support.CLOUDS_YAML.read_text())["clouds"]["local"]
        yield cloud | {"image_endpoint_override": f"http://127.0.0.1:{server.server_address[1]}"}
        server.shutdown()


def test_all_of_it_is_what_the_service_says(succeed, member):
    with cloud_support.calls() as calls:
        result = succeed("image_service_info")
    assert not result["changed"]
    service = result["image_service"]
    assert len(calls.glance) == 6 and not calls.writes

    versions = member.http("GET", "/versions").json()["versions"]
    current = next(version["id"] for version in versions if version["status"] == "CURRENT")
    assert service["api_version"] == current.removeprefix("v") == service["api_versions"][0]["id"]
    assert {f"v{each['id']}" for each in service["api_versions"]} == {version["id"] for version in versions}
    methods = member.http("GET", "/v2/info/import").json()["import-methods"]["value"]
    assert service["import_methods"] == methods and methods
    schema = member.http("GET", "/v2/schemas/image").json()
    for key, attribute in (
        ("disk_formats", "disk_format"),
        ("container_formats", "container_format"),
        ("visibilities", "visibility"),
    ):
        assert service[key] == sorted(filter(None, schema["properties"][attribute]["enum"])) and service[key]
    assert service["required_properties"] == schema.get("required", [])
    assert service["usage"] == member.http("GET", "/v2/info/usage").json()["usage"]
    assert service["refused"] == {}


def test_the_project_is_the_one_of_the_token(succeed, member, other):
    settings = yaml.safe_load(cloud_support.CLOUDS_YAML.read_text())["clouds"]["local"]["auth"]
    with cloud_support.calls() as calls:
        project = succeed("image_service_info")["image_service"]["project"]
    assert project == {
        "id": member.id,
        "name": settings["project_name"],
        "domain_id": settings["project_domain_id"],
        "domain_name": "Default",
    }
    assert not [call for call in calls.keystone if "projects" in call.path or "domains" in call.path]
    theirs = succeed("image_service_info", cloud="local-other")["image_service"]["project"]
    assert theirs["id"] == other.id and theirs["name"] != project["name"]


def test_stores_of_an_ordinary_user_have_no_details(succeed, member):
    service = succeed("image_service_info")["image_service"]
    stores = {store["id"]: store for store in service["stores"]}
    said = member.http("GET", "/v2/info/stores").json()["stores"]
    assert list(stores) == [store["id"] for store in said] and len(said) > 1
    (default,) = [store["id"] for store in said if store.get("default") == "true"]
    assert [each["id"] for each in service["stores"] if each["is_default"]] == [default] == [service["default_store"]]
    assert service["multiple_stores"] and not service["stores_detailed"]
    assert not any(store["is_read_only"] or store["type"] or store["properties"] for store in stores.values())


def test_administrators_see_details_and_need_a_call_less(succeed, admin):
    with cloud_support.calls() as calls:
        service = succeed("image_service_info", cloud="local-admin")["image_service"]
    assert len(calls.glance) == 5
    said = admin.http("GET", "/v2/info/stores/detail").json()["stores"]
    assert service["stores_detailed"] and len(said) == len(service["stores"])
    for store, raw in zip(service["stores"], said, strict=True):
        assert {key: store[key] for key in ("id", "type", "weight", "properties")} == {
            key: raw[key] for key in ("id", "type", "weight", "properties")
        }


def test_check_mode_is_the_same(succeed):
    assert succeed("image_service_info", check=True)["image_service"] == succeed("image_service_info")["image_service"]


EVERYTHING = [
    "/versions",
    "/v2/info/import",
    "/v2/info/stores",
    "/v2/info/stores/detail",
    "/v2/schemas/image",
    "/v2/info/usage",
]


@pytest.mark.parametrize("status", [403, 404, 500])
@pytest.mark.parametrize("path", EVERYTHING)
def test_what_is_forbidden_or_missing_fails_nothing(succeed, path, status):
    whole = succeed("image_service_info")["image_service"]
    with answering({path: (status, b"<h1>no such luck</h1>")}) as cloud:
        service = succeed("image_service_info", cloud=cloud)["image_service"]
    assert service.keys() == whole.keys()
    lost = {
        "/versions": {"api_version": None, "api_versions": []},
        "/v2/info/import": {"import_methods": []},
        "/v2/info/stores": {"multiple_stores": False, "stores": [], "default_store": None},
        "/v2/info/stores/detail": {},
        "/v2/schemas/image": {
            "disk_formats": [],
            "container_formats": [],
            "visibilities": [],
            "required_properties": [],
        },
        "/v2/info/usage": {"usage": None},
    }[path]
    assert {**service, "refused": {}} == {**whole, **lost}
    assert all("no such luck" in words and f"HTTP {status}" in words for words in service["refused"].values())
    assert service["refused"] or status != 500


def test_a_cloud_with_a_single_store_limits_and_required_properties(succeed):
    usage = {"image_size_total": {"limit": 1024, "usage": 1}, "image_count_total": {"limit": -1, "usage": 3}}
    schema = b'{"required": ["os_distro", "architecture"], "properties": {"disk_format": {"enum": [null, "raw"]}}}'
    answers = {
        "/v2/info/stores": (404, b"Multi backend is not supported at this site."),
        "/v2/info/stores/detail": (404, b"Multi backend is not supported at this site."),
        "/v2/info/usage": (200, json.dumps({"usage": usage}).encode()),
        "/v2/schemas/image": (200, schema),
    }
    with answering(answers) as cloud:
        service = succeed("image_service_info", cloud=cloud)["image_service"]
    assert service["multiple_stores"] is False and service["stores"] == [] and service["default_store"] is None
    assert service["usage"] == usage and service["required_properties"] == ["architecture", "os_distro"]
    assert service["disk_formats"] == ["raw"] and service["container_formats"] == service["visibilities"] == []
    assert service["refused"] == {}


def test_credentials_that_are_refused_are_a_failure(fail):
    with answering(dict.fromkeys(EVERYTHING, (401, b"{}"))) as cloud:
        assert "HTTP 401" in fail("image_service_info", cloud=cloud)
    cloud["auth"] = cloud["auth"] | {"password": "wrong-password"}
    assert "refuses the credentials" in fail("image_service_info", cloud=cloud)
