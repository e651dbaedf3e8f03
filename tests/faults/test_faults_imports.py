# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults of imports: of the calls that begin and follow them, and of what Glance then does on its own."""

from __future__ import annotations

import hashlib
import threading
import typing as t

import cloud_support
import files_support
import pytest
from judge import STAGING, STORES, eventually, unwritable
from proxy import Answer, Drop, Hold, LoseReply, refusal
from support import SIZE

STAGE, IMPORT, LOOK = r"/stage$", r"/import$", r"^/v2/images/[^/?]+$"
FAILED = r"Glance failed to (import|copy)"
WORDS = "the cupboard is bare"
PASSING: dict[str, t.Any] = {
    "503": Answer(503),
    "401": Answer(401, early=True),
    "dropped": Drop(),
    "reply lost": LoseReply(),
    "gateway gives up": LoseReply(504),
}


@pytest.fixture
def web() -> t.Iterator[files_support.Server]:
    with files_support.serving() as server:
        yield server


@pytest.fixture
def fetched(row, web):
    """The row with an address as its source, from which Glance fetches the data."""
    web.files["/disk.raw"] = row.data
    row.options |= {"filename": None, "uri": f"{web.url}/disk.raw", "disk_format": "raw"}
    return row


@pytest.fixture
def administered(row):
    """The row as the administrator's, who may copy images to other stores."""
    row.project = cloud_support.project("local-admin")
    row.options["cloud"] = "local-admin"
    return row


def _import(project: cloud_support.Project, image_id: str, method: dict[str, t.Any], **body: t.Any) -> None:
    """POST import, by plain HTTP, and wait until its task has let go of the image."""
    project.http("POST", f"/v2/images/{image_id}/import", json={"method": method, **body})

    def is_over() -> None:
        assert not (project.image(image_id) or {}).get("os_glance_import_task")

    eventually(is_over)


def _stage(project: cloud_support.Project, image_id: str, data: bytes) -> None:
    headers = {"Content-Type": "application/octet-stream"}
    project.http("PUT", f"/v2/images/{image_id}/stage", data=data, headers=headers)


#: Left to the thorough run where calls are made in the same way as others.
_OFTEN = [pytest.param(fault, marks=[] if fault == "reply lost" else pytest.mark.thorough) for fault in PASSING]

# --- the calls


@pytest.mark.parametrize("fault", _OFTEN)
@pytest.mark.parametrize(
    ("method", "path"), [("PUT", STAGE), ("POST", IMPORT), ("GET", LOOK)], ids=["PUT stage", "POST import", "GET"]
)
def test_glance_direct_survives(row, method, path, fault):
    row.options["import_method"] = "glance-direct"
    rule = row.proxy.rule(method, path, PASSING[fault])
    row.attempt()
    assert rule.fired
    row.finish(changed=False)


@pytest.mark.parametrize("fault", _OFTEN)
def test_web_download_survives_at_the_post(fetched, fault):
    rule = fetched.proxy.rule("POST", IMPORT, PASSING[fault])
    fetched.attempt()
    assert rule.fired
    fetched.finish(changed=False)


@pytest.mark.parametrize("replaces", [False, True], ids=["create", "replace"])
def test_import_is_refused(row, replaces):
    if replaces:
        row.replaces()
    row.options["import_method"] = "glance-direct"
    row.proxy.rule("POST", IMPORT, refusal(409, WORDS))
    row.attempt(WORDS)
    assert not row.first or not replaces
    row.finish()


# --- what Glance does


@pytest.mark.parametrize("replaces", [False, True], ids=["create", "replace"])
def test_glance_direct_fails_in_the_store(row, replaces):
    """Without the conversion plugin the image stays "importing" for ever."""
    if replaces:
        row.replaces()
    row.options["import_method"] = "glance-direct"
    with unwritable(STORES / "fast"):
        row.attempt(FAILED, well=False)
    assert len(row.images()) == replaces
    row.finish(changed=True)


def test_glance_direct_is_refused_by_the_format_check(row, member):
    """Glance itself leaks the file in the store, also when the image is deleted."""
    with row.held("PUT", STAGE, Hold(after=None), FAILED, well=False, import_method="glance-direct"):
        (image,) = row.images()
        member.patch(image["id"], {"op": "replace", "path": "/disk_format", "value": "qcow2"})
    row.finish(changed=True, leaked=1, import_method="glance-direct")


def test_leftover_of_a_failed_glance_direct(row, member):
    left = member.create(row.name)
    _stage(member, left["id"], row.data)
    with unwritable(STORES / "fast"):
        _import(member, left["id"], {"name": "glance-direct"})
    left = member.image(left["id"])
    assert left["status"] == "importing" and left["os_glance_failed_import"]
    row.attempt()
    row.finish(changed=False)


def test_leftover_that_is_staged_and_no_more(row, member):
    """Somebody may be about to import it; it is waited for, and then in the way."""
    left = member.create(row.name)
    _stage(member, left["id"], row.data)
    row.attempt("longer than the option timeout", well=False, timeout=2)
    member.http("DELETE", f"/v2/images/{left['id']}")
    row.finish(changed=True)


def test_staging_area_that_cannot_be_written_to(row):
    with unwritable(STAGING):
        row.attempt("(?i)permission|denied|stage", well=False, import_method="glance-direct")
    row.finish(changed=True)


@pytest.mark.parametrize(
    ("replaces", "status", "cut"),
    [
        pytest.param(False, 404, None, id="create, 404"),
        pytest.param(False, 500, None, id="create, 500", marks=pytest.mark.thorough),
        pytest.param(False, None, SIZE // 2, id="create, cut"),
        pytest.param(True, 404, None, id="replace, 404"),
        pytest.param(True, None, SIZE // 2, id="replace, cut", marks=pytest.mark.thorough),
    ],
)
def test_web_download_of_a_bad_source(fetched, web, replaces, status, cut):
    if replaces:
        fetched.replaces()
        # Without it an image that bears no key would be taken as it is
        fetched.options["checksum"] = f"sha512:{hashlib.sha512(fetched.data).hexdigest()}"
    web.faults["/disk.raw"] = files_support.Faults(
        statuses=[status] * 3 if status else [], cuts=[cut] * 3 if cut else []
    )
    fetched.attempt(FAILED, well=False)
    assert len(fetched.images()) == replaces
    web.faults.clear()
    fetched.finish(changed=True)


def test_web_download_of_a_source_that_is_away(fetched):
    fetched.attempt(FAILED, well=False, uri="http://127.0.0.1:9/disk.raw")
    assert not fetched.images()
    fetched.finish(changed=True)


@pytest.mark.parametrize("uri", ["http://127.0.0.2/disk.raw", "ftp://127.0.0.1/disk.raw"], ids=["address", "scheme"])
def test_web_download_that_the_cloud_refuses(fetched, uri):
    fetched.attempt("(?i)uri|scheme|disk.raw", well=False, uri=uri)
    assert not fetched.images()
    fetched.finish(changed=True)


def test_deleted_by_somebody_else_while_importing(fetched, web, member):
    """In the middle of its download: a little earlier Glance would leak the staged file, and later the one in the store."""
    gate = threading.Event()
    web.faults["/disk.raw"] = files_support.Faults(gate=gate)
    with fetched.held("POST", IMPORT, Hold(reply=True)):
        image = fetched.receiving()
        member.http("DELETE", f"/v2/images/{image['id']}")
        web.faults.clear()
        gate.set()
    fetched.finish(changed=False)


# --- several stores


def test_one_store_failed_and_that_was_allowed(administered, admin):
    left = admin.create(administered.name)
    _stage(admin, left["id"], administered.data)
    with unwritable(STORES / "slow"):
        _import(admin, left["id"], {"name": "glance-direct"}, stores=["fast", "slow"], all_stores_must_succeed=False)
    left = admin.image(left["id"])
    assert (left["status"], left["stores"], left["os_glance_failed_import"]) == ("active", "fast", "slow")
    administered.attempt(stores=["fast", "slow"])
    administered.finish(changed=False, copies=2, stores=["fast", "slow"])


def test_one_of_two_stores_cannot_be_written_to(administered):
    with unwritable(STORES / "slow"):
        administered.attempt(FAILED, well=False, stores=["fast", "slow"])
    administered.finish(changed=True, copies=2, stores=["fast", "slow"])


@pytest.mark.parametrize("fault", _OFTEN)
def test_copy_survives(administered, fault):
    administered.run()
    rule = administered.proxy.rule("POST", IMPORT, PASSING[fault])
    administered.attempt(stores=["fast", "slow"])
    assert rule.fired
    administered.finish(changed=False, copies=2, stores=["fast", "slow"])


def test_copy_fails(administered):
    """The image stays active with what it has; Glance keeps the staged copy for the next try."""
    administered.run()
    with unwritable(STORES / "slow"):
        administered.attempt(FAILED, well=False, stores=["fast", "slow"])
    (image,) = administered.images()
    assert (image["status"], image["stores"]) == ("active", "fast")
    administered.finish(changed=True, copies=2, stores=["fast", "slow"])


@pytest.mark.parametrize(
    "act", [LoseReply(), LoseReply(504), Drop()], ids=["reply lost", "gateway gives up", "dropped"]
)
def test_removal_from_a_store_survives(administered, act):
    administered.run(stores=["fast", "slow"])
    rule = administered.proxy.rule("DELETE", r"^/v2/stores/", act)
    administered.attempt(stores=["slow"])
    assert rule.fired
    assert administered.finish(changed=False, stores=["slow"])["stores"] == "slow"
