# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A connection that comes to nothing: the message says who asked which cloud, and what to check."""

from __future__ import annotations

import http.server
import threading
import typing as t
from pathlib import Path

import cloud_support
import files_support
import pytest
import yaml

LOCAL = (
    yaml.safe_load(cloud_support.CLOUDS_YAML.read_text())["clouds"]["local"]
    if cloud_support.CLOUDS_YAML.exists()
    else {}
)
AUTH: dict[str, t.Any] = LOCAL.get("auth", {"auth_url": "http://127.0.0.1:1/v3"})
URL: str = AUTH["auth_url"]
USER = "user 'demo' (domain 'default'), project 'demo' (domain 'default')"
PASSWORD = ("The cloud refuses the credentials", "Check the password, the user and the project")
NO_USER = {"username": None, "password": None, "user_domain_id": None}
ALONE = NO_USER | {"project_name": None, "project_domain_id": None}
APPLICATION = {"application_credential_id": "none", "application_credential_secret": "hush-hush"}


@pytest.mark.parametrize(
    ("auth", "words"),
    [
        ({"password": "hush-hush"}, (*PASSWORD, USER, URL, "region 'RegionOne'")),
        ({"user_domain_id": "none"}, (*PASSWORD, "user 'demo' (domain 'none')")),
        ({"project_name": "none"}, (*PASSWORD, "project 'none'")),
        ({"user_domain_id": None}, ("Expecting to find domain in user", "user_domain_name and project_domain_name")),
        (ALONE | APPLICATION, ("application credential 'none'", "whether it has expired", URL)),
        (NO_USER | {"token": "hush-hush"}, ("Check whether the token has expired", URL)),
        ({"project_name": None, "project_domain_id": None}, ("catalog", "Name the project", USER.partition(",")[0])),
        ({"auth_url": URL.replace("/v3", "/none")}, ("404", "Check auth_url", "/none")),
        ({"auth_url": "http://127.0.0.1:1/v3"}, ("Connection refused", "Check auth_url", USER)),
        ({"auth_url": URL.replace("http:", "https:")}, ("wrong version number", "ca_cert and validate_certs")),
        ({"auth_url": URL.removeprefix("http://")}, ("Write http:// or https:// in front of auth_url",)),
    ],
)
def test_credentials_and_address(fail, auth: dict[str, t.Any], words: tuple[str, ...]) -> None:
    kinds = {"token": "v3token", "application_credential_id": "v3applicationcredential"}
    kind = next((kinds[key] for key in auth if key in kinds), "password")
    said = {key: value for key, value in (AUTH | auth).items() if value is not None}
    told = fail("image_info", cloud=None, auth=said, auth_type=kind, region_name="RegionOne", name="x")
    assert all(word in told for word in words), told
    assert "hush" not in told and "Max retries" not in told


def test_the_name_of_the_cloud(tmp_path: Path) -> None:
    clouds = {"clouds": {"wonderland": LOCAL | {"auth": AUTH | {"password": "hush-hush"}}}}
    (tmp_path / "clouds.yaml").write_text(yaml.safe_dump(clouds))
    environment = {"OS_CLIENT_CONFIG_FILE": str(tmp_path / "clouds.yaml")}
    options = {"cloud": "wonderland", "name": "x"}
    told = files_support.finish_module(files_support.start_module("image_info", tmp_path, options, env=environment))[
        "msg"
    ]
    assert f"cloud 'wonderland', {USER}, auth_url {URL}" in told and "hush" not in told


def test_another_region(fail) -> None:
    told = fail("image_info", cloud=None, auth=AUTH, region_name="Atlantis", name="x")
    assert (
        "Atlantis" in told and "The catalogue has one in 'RegionOne'; see the options region_name and interface" in told
    )


@pytest.mark.parametrize("path", ["", "/v3"])
def test_something_else_at_the_address(fail, path: str) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}{path}"
        told = fail("image_info", cloud={**LOCAL, "auth": AUTH | {"auth_url": url}}, name="x")
    finally:
        server.shutdown()
        server.server_close()
    assert f"auth_url {url}" in told and "Check auth_url" in told


class _Page(http.server.BaseHTTPRequestHandler):
    """Answers with a page, whatever is asked."""

    def do_GET(self) -> None:
        body = b"<html>Welcome</html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_args: t.Any) -> None:
        pass
