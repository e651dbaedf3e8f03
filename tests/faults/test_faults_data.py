# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults while the data of an image is on its way: cuts, wrong sizes, refusals."""

from __future__ import annotations

import contextlib

import cloud_support
import pytest
import requests
from judge import STORES, unwritable
from patience import PATIENCE
from proxy import CutRequest, EditRequest, Hold, refusal
from support import SIZE

FILE, STAGE = r"^/v2/images/[^/]+/file$", r"^/v2/images/[^/]+/stage$"
WORDS = "the cupboard is full"


@pytest.fixture(params=["PUT file", "PUT stage"])
def sent(request, row):
    """The row, and the path of the request that brings its data in."""
    if request.param == "PUT stage":
        row.options["use_import"] = True
    return row, STAGE if request.param == "PUT stage" else FILE


CUTS = [
    ("at byte 0", 0),
    ("at byte 1", 1),
    ("in the middle", SIZE // 2),
    ("before the last byte", -1),
    ("at the end", SIZE),
]


@pytest.mark.parametrize("after", [pytest.param(after, id=place) for place, after in CUTS])
def test_body_cut(sent, after):
    row, path = sent
    rule = row.proxy.rule("PUT", path, CutRequest(after))
    row.attempt()
    assert rule.fired
    row.finish(changed=False)


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(CutRequest(SIZE // 2, linger=1.0), id="noticed late by the server"),
        pytest.param(CutRequest(SIZE // 2, status=502), id="by a gateway that says 502"),
    ],
)
def test_body_cut_in_the_middle(sent, act):
    row, path = sent
    rule = row.proxy.rule("PUT", path, act)
    row.attempt()
    assert rule.fired
    row.finish(changed=False)


def test_body_cut_during_replacement(sent):
    row, path = sent
    row.replaces()
    row.proxy.rule("PUT", path, CutRequest(SIZE // 2))
    row.attempt()
    row.finish(changed=False)


@pytest.mark.parametrize("replaces", [False, True], ids=["create", "replace"])
def test_body_cut_every_time(sent, replaces):
    row, path = sent
    if replaces:
        row.replaces()
    row.proxy.rule("PUT", path, CutRequest(SIZE // 2), times=None)
    row.attempt("does not answer", well=False)
    assert [image["id"] for image in row.images()] == [image["id"] for image in [row.old] if image]
    row.finish(changed=True)


@pytest.mark.parametrize("said", [SIZE - 1, pytest.param(10 * SIZE, marks=pytest.mark.thorough)], ids=["less", "more"])
def test_size_header_is_wrong(sent, said):
    row, path = sent
    row.proxy.rule("PUT", path, EditRequest({"X-OpenStack-Image-Size": str(said)}))
    row.attempt("(?i)size", well=False)
    assert not row.images()
    row.finish(changed=True)


@pytest.mark.parametrize("early", [True, False], ids=["before the body", "after the body"])
def test_quota_exceeded(sent, early):
    """It is no use to try again."""
    row, path = sent
    rule = row.proxy.rule("PUT", path, refusal(413, WORDS, early=early), times=None)
    row.attempt(WORDS, well=False)
    assert rule.fired == 1 and not row.images()
    row.finish(changed=True)


def test_quota_exceeded_during_replacement(row):
    row.replaces()
    row.proxy.rule("PUT", FILE, refusal(413, WORDS), times=None)
    row.attempt(WORDS, well=False)
    assert [image["id"] for image in row.images()] == [row.old["id"]]
    row.finish(changed=True)


@pytest.mark.parametrize("replaces", [False, True], ids=["create", "replace"])
def test_store_that_cannot_be_written_to(row, replaces):
    if replaces:
        row.replaces()
    with unwritable(STORES / "fast"):
        row.attempt("(?i)permission|denied", well=False)
    assert len(row.images()) == replaces
    row.finish(changed=True)


def test_store_that_cannot_be_written_to_for_a_moment(row):
    with contextlib.ExitStack() as broken:
        broken.enter_context(unwritable(STORES / "fast"))
        with row.held("PUT", FILE, Hold(reply=True)):
            broken.close()
    row.finish(changed=False)


def test_format_is_another_than_declared(row, member):
    """415: Glance keeps data, checksum and stores of an image that it says is queued."""
    with row.held("PUT", FILE, Hold(after=None), "(?i)format|match", well=False):
        (image,) = row.images()
        member.patch(image["id"], {"op": "replace", "path": "/disk_format", "value": "qcow2"})
    assert not row.images()
    row.finish(changed=True)


@pytest.mark.parametrize("replaces", [False, True], ids=["create", "replace"])
def test_leftover_of_a_format_mismatch(row, member, replaces):
    if replaces:
        row.replaces()
    left = member.create(row.name, disk_format="qcow2")
    assert member.upload(left["id"], row.data, ok=False).status_code == 415
    left = member.image(left["id"])
    assert left["status"] == "queued" and left["checksum"] and left["stores"]
    if replaces:
        row.attempt("2 images bear the name", well=False)
        member.http("DELETE", f"/v2/images/{left['id']}")
    else:
        row.attempt()
    row.finish(changed=replaces)


def test_signature_that_cannot_be_verified(row):
    """There is no certificate of that name, nor anybody to ask for one."""
    signature = {
        "img_signature": "c2lnbmF0dXJl",
        "img_signature_hash_method": "SHA-256",
        "img_signature_key_type": "RSA-PSS",
        "img_signature_certificate_uuid": "5f6b9c1e-0000-4000-8000-000000000000",
    }
    row.attempt("(?i)signature|certificate", well=False, properties=signature)
    assert not row.images()
    row.finish(changed=True)


def test_token_revoked_in_the_middle(sent):
    row, path = sent
    with row.held("PUT", path, Hold(SIZE // 2)):
        token = row.proxy.calls("PUT")[0].headers["x-auth-token"]
        headers = {"X-Auth-Token": token, "X-Subject-Token": token}
        requests.delete(f"{row.cloud.auth_url}/auth/tokens", headers=headers, timeout=PATIENCE).raise_for_status()
    row.finish(changed=False)


def test_patch_of_somebody_else_in_the_middle(sent, member):
    """Glance answers 200, and the change is lost or not; the image is whole in any case."""
    row, path = sent
    with row.held("PUT", path, Hold(SIZE // 2)):
        image = row.receiving()
        member.patch(image["id"], {"op": "add", "path": "/somebody", "value": "else"})
    row.finish(changed=False)


def test_shared_by_somebody_else_at_the_same_moment(row, member):
    """Glance makes two rows of it then, and cannot delete the image any more."""
    other = "f" * 32
    with row.held("POST", r"/members$", Hold(reply=True), visibility="shared", members=[other]):
        (image,) = row.images()
        cloud_support.double_membership(image["id"], other)
    found = member.http("GET", f"/v2/images/{image['id']}/members").json()["members"]
    assert [(each["member_id"], each["status"]) for each in found] == [(other, "pending")]
    row.finish(changed=False, visibility="shared", members=[other])


def test_deleted_by_somebody_else_in_the_middle(sent, member):
    row, path = sent
    with row.held("PUT", path, Hold(SIZE // 2)):
        image = row.receiving()
        member.http("DELETE", f"/v2/images/{image['id']}")
    row.finish(changed=False)


@pytest.mark.parametrize(
    ("method", "path", "point"),
    [
        pytest.param("POST", r"^/v2/images$", {"reply": True}, id="POST"),
        pytest.param("PUT", FILE, {"after": SIZE // 2}, id="PUT file"),
        pytest.param("PUT", FILE, {"reply": True}, id="end of PUT file"),
        pytest.param("PATCH", r"^/v2/images/", {}, id="PATCH"),
        pytest.param("PATCH", r"^/v2/images/", {"reply": True}, id="end of PATCH"),
        pytest.param("DELETE", r"^/v2/images/", {}, id="DELETE"),
    ],
)
def test_old_image_is_active_until_the_new_one_is(row, member, method, path, point):
    row.replaces()
    with row.held(method, path, Hold(**point)):
        shown = [image for image in row.images() if not image["os_hidden"]]
        assert row.old["id"] in {image["id"] for image in shown}
        for image in shown:
            assert image["status"] == "active"
            assert member.sha512(image["id"]) == image["os_hash_value"]
    row.finish(changed=False)
