# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images that are found in a bad state, and faults of a removal."""

from __future__ import annotations

import concurrent.futures

import cloud_support
import files_support
import pytest
import requests
from judge import STORES
from patience import PATIENCE
from proxy import Answer, Drop, Hold, LoseReply, Refuse, refusal
from support import ABSENT, SIZE

DELETE = ("DELETE", r"^/v2/images/")
WORDS = "the cupboard is in use"


def _write(image_id: str, values: str) -> None:
    """Change the row of an image, for moments that no proxy can bring about."""
    cloud_support.write_database(f"UPDATE images SET {values} WHERE id = ?", image_id)


def _unactivate(image_id: str) -> None:
    """What a PATCH leaves that began before the end of an upload and was saved after it."""
    _write(image_id, "status = 'queued', size = NULL")


@pytest.mark.parametrize("made_by", ["us", "somebody else"])
def test_image_that_a_patch_has_unactivated(row, member, made_by):
    if made_by == "us":
        row.run()
    else:
        member.create(row.name, row.data)
    (image,) = row.images()
    _unactivate(image["id"])
    poisoned = member.image(image["id"])
    assert poisoned["status"] == "queued" and poisoned["stores"] and poisoned["size"] is None
    row.attempt()
    assert row.images()[0]["id"] != image["id"]
    row.finish(changed=False)


def test_new_image_that_a_patch_has_unactivated_before_it_took_its_place(row):
    row.replaces()
    with row.held("PUT", r"/file$", Hold(reply=True), "queued"):
        (new,) = [image for image in row.images() if image["id"] != row.old["id"]]
        _unactivate(new["id"])
    row.finish()


def test_new_image_that_a_patch_has_unactivated_while_it_takes_its_place(row):
    """The answer to the PATCH that puts it in its place shows it; the old image must stay."""
    row.replaces()
    with row.held("PATCH", r"^/v2/images/", Hold(after=None), "queued"):
        (new,) = [image for image in row.images() if image["id"] != row.old["id"]]
        _unactivate(new["id"])
    row.finish()


def test_data_file_lost_in_the_store(row, member):
    """Glance goes on saying that all is well, so that the next run has nothing to do: only new content mends it."""
    row.run()
    (image,) = row.images()
    (file,) = [path for path in STORES.rglob(image["id"]) if path.is_file()]
    file.unlink()
    assert member.http("GET", f"/v2/images/{image['id']}/file").status_code == 204
    assert not row.attempt()["changed"]
    row.run(**ABSENT)
    row.finish(changed=True)


def test_image_whose_deletion_was_cut_in_the_middle(row, member):
    """Glance has died between the status and the row: the image is shown for ever, and can neither be used nor deleted."""
    row.run()
    (image,) = row.images()
    _write(image["id"], "status = 'deleted'")
    row.attempt()
    assert [each["status"] for each in row.images() if each["id"] != image["id"]] == ["active"]
    _write(image["id"], "status = 'active'")
    member.http("DELETE", f"/v2/images/{image['id']}")
    row.finish(changed=False)


@pytest.mark.parametrize("same", [True, False], ids=["of the same content", "of other content"])
def test_duplicate_name(row, member, disk, same):
    images = [member.create(row.name, data) for data in (row.data, row.data if same else disk(3).read_bytes())]
    row.attempt("2 images bear the name", well=False)
    assert [image["id"] for image in row.images()] == [image["id"] for image in images]
    member.http("DELETE", f"/v2/images/{images[1]['id']}")
    row.finish(changed=False)


@pytest.mark.parametrize("with_data", [False, True], ids=["empty", "with data"])
def test_queued_image_of_somebody_else(row, member, with_data):
    """An empty one takes the data; an image whose data failed is made anew."""
    left = member.create(row.name, disk_format="qcow2" if with_data else "raw")
    if with_data:
        assert member.upload(left["id"], row.data, ok=False).status_code == 415
    row.attempt()
    assert (row.images()[0]["id"] == left["id"]) is not with_data
    row.finish(changed=False)


# --- removal


@pytest.mark.parametrize(
    "acts",
    [
        pytest.param([Answer(502), Answer(503), Answer(504)], id="502, 503, 504 in turn"),
        pytest.param([Answer(401)], id="401 once", marks=pytest.mark.thorough),
        pytest.param([Drop()], id="dropped"),
        pytest.param([Refuse(0.5)], id="refused for half a second", marks=pytest.mark.thorough),
        pytest.param([LoseReply()], id="reply lost"),
        pytest.param([LoseReply(504)], id="gateway gives up"),
    ],
)
def test_absent_survives(row, acts):
    row.run()
    rules = [row.proxy.rule(*DELETE, act) for act in acts]
    row.attempt(**ABSENT)
    assert all(rule.fired for rule in rules)
    row.vanish()


@pytest.mark.parametrize("status", [403, 409, 500, pytest.param(503, marks=pytest.mark.thorough)])
def test_absent_is_refused(row, status):
    row.run()
    row.proxy.rule(*DELETE, refusal(status, WORDS), times=None)
    row.attempt(WORDS, well=False, **ABSENT)
    assert [image["status"] for image in row.images()] == ["active"]
    row.vanish()


def test_absent_while_somebody_else_deletes_it(row, member):
    """Glance writes the status first and removes the row then; a second deletion between the two is refused."""
    row.run()
    (image,) = row.images()
    with row.held(*DELETE, Hold(after=None), well=True, **ABSENT):
        _write(image["id"], "status = 'deleted'")
    assert (member.image(image["id"]) or {})["status"] == "deleted"
    _write(image["id"], "status = 'active'")
    member.http("DELETE", f"/v2/images/{image['id']}")
    row.vanish()


def test_absent_while_an_import_runs(row, member):
    """A deletion in the middle of an import would leak the file in the store; it is waited for."""
    with files_support.serving() as web:
        web.files["/disk.raw"] = row.data
        web.faults["/disk.raw"] = files_support.Faults(bytes_per_second=SIZE // 2)
        image = member.create(row.name)
        method = {"name": "web-download", "uri": f"{web.url}/disk.raw"}
        member.http("POST", f"/v2/images/{image['id']}/import", json={"method": method})
        row.attempt(**ABSENT)
    row.vanish()


def test_absent_while_an_upload_runs(row, member):
    """The upload of somebody else ends with 410, and Glance clears up."""
    image = member.create(row.name)
    path = f"/v2/images/{image['id']}/file"
    hold = row.proxy.rule("PUT", path, Hold(after=SIZE // 2)).act
    headers = {"Content-Type": "application/octet-stream", "X-Auth-Token": member._session.headers["X-Auth-Token"]}
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        upload = pool.submit(requests.put, row.proxy.url + path, data=row.data, headers=headers, timeout=PATIENCE)
        hold.reached()
        row.attempt(**ABSENT)
        hold.release()
        assert upload.result().status_code == 410
    row.vanish()
