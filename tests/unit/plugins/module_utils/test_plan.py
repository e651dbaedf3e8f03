# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which steps a plan has: tables of what is there, what is declared, and what follows."""

from __future__ import annotations

import contextlib
import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _errors as errors
from ansible_collections.cloudimage.glance.plugins.module_utils._chosen_id import chosen_ids
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils import glance_model as model
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils import plan_hands as hands
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.glance_model import (
    LONG,
    NAME,
    ONE,
    TWO,
    Cloud,
    digest,
    number,
    upload,
    web,
)
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.plan_support import (
    AFTER,
    BEFORE,
    FILE,
    HERE,
    ITSELF,
    KEY,
    NEW,
    OTHER_FILE,
    OTHER_URI,
    OURS,
    POISONED,
    QUEUED,
    REPLACED,
    SOON,
    URI,
    URI_KEY,
    clouded,
    planned,
    replaced,
    short,
    want,
)


@pytest.mark.parametrize(
    ("images", "options", "expected"),
    [
        pytest.param([], FILE, NEW, id="nothing there: created"),
        pytest.param([], {**FILE, "attributes": {"visibility": "public"}}, [*NEW, "change"], id="public comes last"),
        pytest.param([], {**FILE, "attributes": {"protected": True}}, [*NEW, "change"], id="protection comes last"),
        pytest.param([], {**FILE, "attributes": {"visibility": "private"}}, NEW, id="private from the start"),
        pytest.param([], URI, NEW, id="created by import"),
        pytest.param([], {**URI, "wait": False}, ["create", "fill"], id="wait false: neither followed nor verified"),
        pytest.param([], {**FILE, "wait": False}, NEW, id="wait false: an upload is over when it is over"),
        pytest.param([QUEUED], FILE, ["fill 1", "verify 1"], id="slot filled"),
        pytest.param(
            [{"data": None, "disk_format": None}], FILE, ["change 1", "fill 1", "verify 1"], id="slot gets formats"
        ),
        pytest.param(
            [{"data": None, "p": "x"}],
            {**FILE, "properties": {"p": "y"}},
            ["change 1", "fill 1", "verify 1"],
            id="slot: first metadata",
        ),
        pytest.param(
            [QUEUED],
            {**FILE, "attributes": {"visibility": "public"}},
            ["fill 1", "verify 1", "change 1"],
            id="slot: public comes last",
        ),
        pytest.param(
            [QUEUED | {"os_glance_failed_import": "fast"}],
            URI,
            ["change 1", "fill 1", "verify 1"],
            id="slot of a failed import",
        ),
        pytest.param([QUEUED | POISONED], FILE, ["delete 1", *NEW], id="queued with leftovers: made anew"),
        pytest.param(
            [QUEUED | {"stores": "fast"}], FILE, ["delete 1", *NEW], id="queued with data in a store: made anew"
        ),
        pytest.param([QUEUED | {"status": "saving"}], FILE, ["wait 1"], id="saving: wait"),
        pytest.param([QUEUED | {"status": "uploading"}], FILE, ["wait 1"], id="uploading: wait"),
        pytest.param([QUEUED | {"status": "importing"}], FILE, ["wait 1"], id="importing: wait"),
        pytest.param([QUEUED | {"status": "saving"}], {}, ["wait 1"], id="saving, no source: wait"),
        pytest.param([QUEUED | {"status": "saving"}], {**FILE, "wait": False}, [], id="saving, wait false: nothing"),
        pytest.param(
            [QUEUED | {"status": "importing", "os_glance_failed_import": "fast"}],
            FILE,
            ["delete 1", *NEW],
            id="importing that has failed: no wait",
        ),
        pytest.param(
            [QUEUED | {"status": "importing", "os_glance_failed_import": "x", "os_glance_import_task": "t"}],
            FILE,
            ["wait 1"],
            id="importing into the next store: wait",
        ),
        pytest.param([HERE], FILE, [], id="same content"),
        pytest.param([HERE | {"algorithm": "md5"}], FILE, [], id="same by md5 alone"),
        pytest.param([HERE | {"algorithm": "sha256"}], FILE, [], id="same by another algorithm of the cloud"),
        pytest.param([HERE | {"algorithm": None}], FILE, [], id="no digest, same size: taken as it is"),
        pytest.param([{"data": LONG}], FILE, REPLACED, id="other size"),
        pytest.param([{"data": LONG, "algorithm": None}], FILE, REPLACED, id="other size, no digest"),
        pytest.param([{"data": TWO}], FILE, REPLACED, id="same size, other sha512"),
        pytest.param([{"data": TWO, "algorithm": "md5"}], FILE, REPLACED, id="same size, other md5"),
        pytest.param([{"data": LONG, KEY: "k"}], {**FILE, "content_key": "k"}, [], id="same key, whatever the bytes"),
        pytest.param(
            [{"data": LONG, KEY: "k"}], {**FILE, "content_key": "other"}, REPLACED, id="other key, other bytes"
        ),
        pytest.param(
            [HERE | {KEY: "k"}], {**FILE, "content_key": "other"}, ["change 1"], id="other key, same bytes: stamped"
        ),
        pytest.param([HERE], {**FILE, "content_key": "k"}, ["change 1"], id="adopted and stamped"),
        pytest.param(
            [{"data": LONG, KEY: f"sha256:{digest(ONE, 'sha256')}"}], FILE, [], id="stamp is the digest of the file"
        ),
        pytest.param(
            [{"data": LONG, KEY: f"sha256:{digest(TWO, 'sha256')}"}],
            FILE,
            REPLACED,
            id="stamp is the digest of another file",
        ),
        pytest.param([HERE | {KEY: URI_KEY}], URI, [], id="same uri"),
        pytest.param([HERE | {KEY: URI_KEY}], OTHER_URI, REPLACED, id="other uri"),
        pytest.param([HERE], OTHER_URI, [], id="uri, and nothing known of the image: taken as it is"),
        pytest.param([HERE], {**OTHER_URI, "checksum": ("sha512", digest(TWO))}, REPLACED, id="uri: other digest"),
        pytest.param([HERE], {**URI, "checksum": ("sha512", digest(ONE))}, [], id="uri: same digest"),
        pytest.param([HERE], {**FILE, "disk_format": "qcow2"}, REPLACED, id="other disk format"),
        pytest.param([HERE], {**FILE, "container_format": "ova"}, REPLACED, id="other container format"),
        pytest.param(
            [HERE | {KEY: "k"}],
            {**FILE, "content_key": "k", "disk_format": "qcow2"},
            REPLACED,
            id="other format, same key",
        ),
        pytest.param([HERE | {KEY: URI_KEY}], {**URI, "disk_format": "qcow2"}, REPLACED, id="other format, same uri"),
        pytest.param(
            [{"data": TWO}],
            {**FILE, "retire": "delete"},
            [*REPLACED[:-1], "retire 1 delete"],
            id="replaced and deleted",
        ),
        pytest.param(
            [{"data": TWO}],
            {**FILE, "retire": "rename"},
            [*REPLACED[:-1], "retire 1 rename"],
            id="replaced and renamed",
        ),
        pytest.param([{"data": TWO}], {**FILE, "on_content_change": "keep"}, [], id="keep"),
        pytest.param([{"data": TWO, "protected": True}], FILE, REPLACED, id="protected and hidden: replaced"),
        pytest.param([{"data": TWO, "status": "deactivated"}], FILE, REPLACED, id="deactivated old one: replaced"),
        pytest.param([HERE | {"status": "deactivated"}], FILE, ["reactivate 1"], id="present: reactivated"),
        pytest.param([HERE | {"status": "deactivated"}], {}, ["reactivate 1"], id="present, no source: reactivated"),
        pytest.param([HERE], {"state": "inactive"}, ["deactivate 1"], id="inactive"),
        pytest.param([HERE | {"status": "deactivated"}], {"state": "inactive"}, [], id="inactive already"),
        pytest.param(
            [{"data": TWO}],
            {"state": "inactive", **FILE},
            [*NEW, "change", "deactivate", "retire 1 hide"],
            id="inactive with other content",
        ),
        pytest.param([HERE | {"p": "x"}], {"properties": {"p": "x"}}, [], id="property as declared"),
        pytest.param([HERE | {"p": "x"}], {"properties": {"p": None}}, ["change 1"], id="null removes"),
        pytest.param([HERE], {"properties": {"p": None}}, [], id="null, and nothing to remove"),
        pytest.param([HERE | {"p": "x"}], {"purge_properties": True}, ["change 1"], id="purge"),
        pytest.param(
            [HERE | {KEY: "k", "os_glance_importing_to_stores": ""}],
            {"purge_properties": True},
            [],
            id="purge spares what is not the user's",
        ),
        pytest.param([HERE | {"tags": ["b", "a"]}], {"tags": frozenset("ab")}, [], id="tags are a set"),
        pytest.param([HERE | {"tags": ["a"]}], {"tags": frozenset()}, ["change 1"], id="tags: none"),
        pytest.param([HERE | {"tags": ["a"]}], {}, [], id="tags not declared"),
        pytest.param([HERE | {"visibility": "public"}], {}, [], id="visibility not declared"),
        pytest.param([HERE, {"data": TWO, "os_hidden": True}], FILE, [], id="a visible one before a hidden one"),
        pytest.param([HERE | {"os_hidden": True}], FILE, [], id="a hidden one is found"),
        pytest.param([HERE | {"os_hidden": True, BEFORE: number(2)}], FILE, NEW, id="a retired one is none"),
        pytest.param(
            [HERE | {"os_hidden": True, BEFORE: number(2)}, HERE], FILE, [], id="a retired one beside the current one"
        ),
        pytest.param([HERE | {"status": "pending_delete"}], FILE, NEW, id="pending_delete is none"),
        pytest.param(
            [{"data": TWO}, HERE | {SOON: number(1), "os_hidden": True}],
            FILE,
            ["change 2", "retire 1 hide"],
            id="crash after verify: promoted without a transfer",
        ),
        pytest.param(
            [{"data": TWO}, {"data": LONG, SOON: number(1), "os_hidden": True}],
            FILE,
            ["delete 2", *REPLACED],
            id="an incoming one with other content: deleted",
        ),
        pytest.param(
            [{"data": TWO}, QUEUED | {SOON: number(1), "os_hidden": True}],
            FILE,
            ["fill 2", "verify 2", "change 2", "retire 1 hide"],
            id="crash after create: filled",
        ),
        pytest.param(
            [{"data": TWO}, QUEUED | {SOON: number(1), "os_hidden": True, "p": "x"}],
            FILE,
            ["change 2", "fill 2", "verify 2", "change 2", "retire 1 hide"],
            id="crash after create: what another task declared goes before the data comes",
        ),
        pytest.param(
            [{"data": TWO}, QUEUED | {SOON: number(1), "os_hidden": True} | POISONED],
            FILE,
            ["delete 2", *REPLACED],
            id="a broken incoming one: deleted",
        ),
        pytest.param(
            [{"data": TWO}, QUEUED | {SOON: number(1), "status": "saving"}],
            FILE,
            ["wait 2"],
            id="an incoming one on its way: wait",
        ),
        pytest.param(
            [HERE, QUEUED | {SOON: number(1), "status": "saving"}],
            FILE,
            [],
            id="an incoming one that this task does not need",
        ),
        pytest.param(
            [HERE, QUEUED | {SOON: number(1), "os_hidden": True}],
            FILE,
            ["delete 2"],
            id="an incoming one that nobody needs",
        ),
        pytest.param(
            [{"data": TWO}, QUEUED | {SOON: number(1)}, HERE | {SOON: number(1)}],
            FILE,
            ["delete 2", "change 3", "retire 1 hide"],
            id="of two incoming ones the one with data",
        ),
        pytest.param(
            [{"data": TWO}, HERE | {AFTER: number(1)}], FILE, ["retire 1 hide"], id="crash between promote and retire"
        ),
        pytest.param(
            [{"data": TWO}, HERE | {AFTER: number(1)}], {}, ["retire 1 hide"], id="crash before retire, no source"
        ),
        pytest.param(
            [{"data": TWO}, {"data": LONG, AFTER: number(1)}],
            FILE,
            [*NEW, "change", "retire 1 hide", "retire 2 hide"],
            id="crash before retire, then new content: the oldest first",
        ),
        pytest.param(
            [{"data": TWO}, HERE | {SOON: number(1), "status": "deactivated"}],
            FILE,
            ["reactivate 2", "change 2", "retire 1 hide"],
            id="a deactivated incoming one is reactivated before it takes the place",
        ),
        pytest.param(
            [{"data": TWO}, HERE | {SOON: number(1), KEY: URI_KEY}],
            {**URI, "checksum": ("sha512", digest(ONE)), "wait": False},
            ["change 2", "retire 1 hide"],
            id="wait false: the next run promotes what came in",
        ),
        pytest.param([HERE], {"checksum": ("sha512", digest(ONE))}, [], id="checksum without a source: same"),
        pytest.param([HERE], {"checksum": ("md5", digest(ONE, "md5"))}, [], id="checksum without a source: md5"),
        pytest.param(
            [HERE, {"data": TWO}],
            {"checksum": ("sha512", digest(TWO)), "tags": frozenset("a")},
            ["change 2"],
            id="checksum says which",
        ),
        pytest.param(
            [HERE, {"data": TWO}],
            {"state": "absent", "checksum": ("sha512", digest(TWO))},
            ["delete 2"],
            id="absent: checksum says which",
        ),
        pytest.param(
            [HERE],
            {"state": "absent", "checksum": ("sha512", digest(TWO))},
            [],
            id="absent: not the one with that checksum",
        ),
        pytest.param([], {"state": "absent"}, [], id="absent already"),
        pytest.param([HERE], {"state": "absent"}, ["delete 1"], id="absent"),
        pytest.param([HERE | {"os_hidden": True}], {"state": "absent"}, ["delete 1"], id="absent: a hidden one"),
        pytest.param(
            [HERE | {"os_hidden": True, BEFORE: number(2)}], {"state": "absent"}, [], id="absent: not the retired ones"
        ),
        pytest.param([QUEUED | {"status": "saving"}], {"state": "absent"}, ["delete 1"], id="absent: saving"),
        pytest.param(
            [QUEUED | {"status": "importing"}],
            {"state": "absent"},
            ["wait 1"],
            id="absent: not in the middle of an import",
        ),
        pytest.param(
            [QUEUED | {"status": "importing"}],
            {"state": "absent", "wait": False},
            [],
            id="absent: importing, wait false",
        ),
        pytest.param(
            [HERE, QUEUED | {SOON: number(1)}],
            {"state": "absent"},
            ["delete 1", "delete 2"],
            id="absent: with what was on its way",
        ),
        pytest.param(
            [HERE, {"data": TWO, AFTER: number(1)}],
            {"state": "absent"},
            ["delete 2", "delete 1"],
            id="absent: with what was not retired yet",
        ),
        pytest.param([HERE | {"status": "pending_delete"}], {"state": "absent"}, [], id="absent: pending_delete"),
        pytest.param(
            [HERE, HERE | {"image_type": "snapshot", SOON: number(9), "os_hidden": True}],
            FILE,
            [],
            id="a snapshot that inherited stamps is not ours",
        ),
        pytest.param(
            [HERE | {"image_type": "snapshot", KEY: "k"}],
            {**FILE, "source": upload("/img/long"), "content_key": "k"},
            REPLACED,
            id="an inherited content key means nothing",
        ),
        pytest.param(
            [HERE | {KEY: "k", ITSELF: number(9)}],
            {**FILE, "source": upload("/img/long"), "content_key": "k"},
            REPLACED,
            id="nor does that of an image that Cinder made of a volume",
        ),
        pytest.param(
            [HERE | {KEY: "k", ITSELF: number(1)}],
            {**FILE, "source": upload("/img/long"), "content_key": "k"},
            [],
            id="its own content key does",
        ),
    ],
)
def test_steps(images: list[dict[str, t.Any]], options: dict[str, t.Any], expected: list[str]) -> None:
    assert planned(clouded(*images), want(**options)) == expected


@pytest.mark.parametrize(
    ("images", "options", "error", "words"),
    [
        pytest.param([], {}, errors.ContentMissing, "no image 'debian-13'", id="nothing there, no source"),
        pytest.param([], {"state": "inactive"}, errors.ImageFault, "to deactivate", id="nothing to deactivate"),
        pytest.param(
            [], {"state": "inactive", **FILE}, errors.ImageFault, "to deactivate", id="nothing to deactivate, source"
        ),
        pytest.param([QUEUED], {}, errors.ContentMissing, "queued", id="a slot, no source"),
        pytest.param([QUEUED | POISONED], {}, errors.ContentMissing, "queued", id="broken, no source"),
        pytest.param([HERE], {"disk_format": "qcow2"}, errors.ContentMissing, "format", id="other format, no source"),
        pytest.param([HERE], {"content_key": "k"}, errors.ContentMissing, "content", id="other key, no source"),
        pytest.param(
            [HERE],
            {"checksum": ("sha512", digest(TWO))},
            errors.ContentMissing,
            "checksum",
            id="other checksum, no source",
        ),
        pytest.param(
            [{"data": TWO}], {**FILE, "on_content_change": "fail"}, errors.ImageFault, "on_content_change", id="fail"
        ),
        pytest.param(
            [{"data": TWO}], {**FILE, "id": number(1)}, errors.InvalidOption, "id", id="other content under an id"
        ),
        pytest.param(
            [{"data": TWO}], {**FILE, "name": number(1)}, errors.InvalidOption, "id", id="other content, name is an id"
        ),
        pytest.param(
            [QUEUED | POISONED], {**FILE, "id": number(1)}, errors.ImageFault, "another id", id="broken under an id"
        ),
        pytest.param(
            [QUEUED | POISONED], {**FILE, "name": number(1)}, errors.ImageFault, number(1), id="broken, name is an id"
        ),
        pytest.param(
            [{"data": TWO, "protected": True}],
            {**FILE, "retire": "delete"},
            errors.InvalidOption,
            "is_protected",
            id="protected and to be deleted",
        ),
        pytest.param(
            [QUEUED | POISONED | {"protected": True}], FILE, errors.ImageFault, "protected", id="broken and protected"
        ),
        pytest.param(
            [HERE | {"protected": True}],
            {"state": "absent"},
            errors.ImageFault,
            "force: true",
            id="absent and protected",
        ),
        pytest.param([HERE, HERE], FILE, errors.AmbiguousImage, number(2), id="two of the name"),
        pytest.param([HERE, HERE], {"state": "absent"}, errors.AmbiguousImage, number(1), id="absent: two of the name"),
        pytest.param([HERE | {"os_hidden": True}] * 2, FILE, errors.AmbiguousImage, number(1), id="two hidden ones"),
        pytest.param(
            [HERE, HERE | {"image_type": "snapshot", AFTER: number(1)}],
            FILE,
            errors.AmbiguousImage,
            number(2),
            id="a snapshot of the same name",
        ),
        pytest.param(
            [], {**FILE, "disk_format": "vdi"}, errors.InvalidOption, "raw", id="a format that the cloud does not take"
        ),
        pytest.param(
            [],
            {**FILE, "checksum": ("sha256", "0" * 64)},
            errors.ChecksumMismatch,
            "sha256",
            id="a checksum that the file does not have",
        ),
        pytest.param(
            [HERE],
            {**FILE, "checksum": ("sha512", digest(TWO))},
            errors.ChecksumMismatch,
            "sha512",
            id="the image has the file, but the file has not the checksum",
        ),
        pytest.param(
            [HERE],
            {"state": "absent", "id": number(1), "checksum": ("sha512", digest(TWO))},
            errors.CollectionError,
            "checksum",
            id="absent: the id has not that checksum",
        ),
        pytest.param(
            [HERE],
            {"state": "absent", "checksum": ("sha256", digest(TWO, "sha256"))},
            errors.CollectionError,
            "checksum",
            id="absent: a checksum that cannot be compared",
        ),
        pytest.param(
            [],
            {"source": model.Source("tarball", uri="http://web/one")},
            errors.InvalidOption,
            "import_method",
            id="an import method that is not there",
        ),
    ],
)
def test_refusals(images: list[dict[str, t.Any]], options: dict[str, t.Any], error: type, words: str) -> None:
    with pytest.raises(error) as caught:
        hands.plan(clouded(*images), want(**options))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_stuck_image_of_a_stranger_is_left_alone() -> None:
    with pytest.raises(errors.ImageFault, match="not made by this collection"):
        planned(clouded(QUEUED | {"status": "saving"}), want(**FILE), stuck=[1])


def test_a_stuck_image_of_ours_is_made_anew() -> None:
    cloud = Cloud()
    cloud.put(OURS, None, status="saving")
    assert [short(step) for step in hands.plan(cloud, want(**FILE), [OURS]).steps] == ["delete ?", *NEW]


def test_a_stuck_incoming_image_of_ours_is_made_anew() -> None:
    cloud = clouded({"data": TWO})
    ours = chosen_ids(model.PROJECT, NAME, number(1), model.NOW)[0]
    cloud.put(ours, None, status="saving", **{SOON: number(1)})
    assert [short(step) for step in hands.plan(cloud, want(**FILE), [ours]).steps] == ["delete ?", *REPLACED]


def test_an_incoming_image_is_shown_although_its_predecessor_was_deleted_meanwhile() -> None:
    cloud = clouded(HERE | {SOON: number(9), "os_hidden": True})
    hands.run(cloud, want(**FILE))
    assert cloud.images[number(1)]["os_hidden"] is False and SOON not in cloud.images[number(1)]


def test_an_image_stuck_in_import_can_be_made_absent() -> None:
    assert planned(clouded(QUEUED | {"status": "importing"}), want(state="absent"), stuck=[1]) == ["delete 1"]


@pytest.mark.parametrize("options", [{"id": number(1)}, {"name": number(1)}], ids=["id", "name is an id"])
def test_an_id_says_which_of_two(options: dict[str, t.Any]) -> None:
    cloud = clouded(HERE | {"name": "one"}, HERE | {"name": "two"})
    assert planned(cloud, want(**{"name": "one", "tags": frozenset("a"), **options})) == ["change 1"]


def test_an_id_with_another_name_renames() -> None:
    cloud = clouded(HERE | {"name": "old name"})
    assert hands.run(cloud, want(id=number(1))).image == number(1)
    assert cloud.images[number(1)]["name"] == NAME


@pytest.mark.parametrize("image", [HERE, QUEUED], ids=["active", "slot"])
def test_a_name_that_is_an_id_does_not_rename(image: dict[str, t.Any]) -> None:
    cloud = clouded(image)
    hands.run(cloud, want(name=number(1), **FILE))
    assert cloud.images[number(1)]["name"] == NAME


def test_an_id_beside_a_name_that_is_the_same_id_does_not_rename() -> None:
    cloud = clouded(QUEUED)
    declared = want(name=number(1), id=number(1), **FILE)
    hands.run(cloud, declared)
    assert planned(cloud, declared) == []


def test_an_id_of_nothing_is_given_to_the_new_image() -> None:
    cloud = Cloud()
    assert hands.run(cloud, want(id=number(7), **FILE)).image == number(7)


def test_an_image_is_made_in_the_project_that_is_declared() -> None:
    declared = want(**FILE, attributes={"owner": "f" * 32})
    create = hands.plan(Cloud(), declared, project="f" * 32).steps[0]
    assert create.body["owner"] == "f" * 32


def test_public_is_asked_for_before_data_moves() -> None:
    create = hands.plan(Cloud(), want(**FILE, attributes={"visibility": "public"})).steps[0]
    assert (create.probe_visibility, create.body["visibility"]) == ("public", "private")


def test_everything_else_is_in_the_post() -> None:
    declared = want(
        **FILE,
        attributes={"min_disk": 3, "min_ram": 64, "os_hidden": True},
        properties={"p": "x", "gone": None},
        tags=frozenset("ba"),
        content_key="k",
    )
    body = hands.plan(Cloud(), declared).steps[0].body
    assert body == {
        "name": NAME,
        "disk_format": "raw",
        "container_format": "bare",
        "min_disk": 3,
        "min_ram": 64,
        "os_hidden": True,
        "p": "x",
        "tags": ["a", "b"],
        KEY: "k",
    }


HERITAGE = {
    "visibility": "public",
    "protected": True,
    "min_disk": 5,
    "min_ram": 6,
    "tags": ["a"],
    "os_distro": "debian",
    "disk_format": "raw",
    "container_format": "ova",
}
TO_BE_LOST = {
    "img_signature": "s",
    "img_signature_hash_method": "SHA-256",
    KEY: "k",
    AFTER: number(9),
    "os_glance_failed_import": "x",
    "owner_specified.openstack.md5": "0",
}


def test_what_is_not_declared_passes_to_the_new_image() -> None:
    new = replaced(clouded({"data": TWO} | HERITAGE | TO_BE_LOST), **FILE)
    assert {key: new[key] for key in HERITAGE} == HERITAGE
    assert not (set(TO_BE_LOST) - {AFTER}) & set(new)
    assert (new[AFTER], new["status"], new["os_hidden"]) == (number(1), "active", False)


def test_what_is_declared_goes_before_what_is_inherited() -> None:
    cloud = clouded({"data": TWO} | HERITAGE)
    new = replaced(
        cloud,
        **FILE,
        attributes={"visibility": "private", "protected": False},
        properties={"os_distro": None, "p": "x"},
        tags=frozenset(),
    )
    assert (new["visibility"], new["protected"], new["tags"], new["p"]) == ("private", False, [], "x")
    assert "os_distro" not in new


def test_a_lost_signature_is_said_aloud() -> None:
    warnings = hands.plan(clouded({"data": TWO, "img_signature": "s"}), want(**FILE)).warnings
    assert any("signature" in each for each in warnings)


def test_members_pass_before_the_new_image_takes_the_place() -> None:
    cloud = clouded({"data": TWO})
    cloud.members[number(1)] = {"b": "pending", "a": "accepted"}
    found = hands.plan(cloud, want(**FILE))
    assert [short(step) for step in found.steps] == [*NEW, "share a", "share b", "change", "retire 1 hide"]
    assert any("accept" in each and " a " in each for each in found.warnings)


def test_members_pass_to_an_image_that_is_not_shared_yet() -> None:
    """A run that declared another visibility left the incoming image."""
    cloud = clouded({"data": TWO}, HERE | {SOON: number(1), "os_hidden": True, "visibility": "private"})
    cloud.members[number(1)] = {"a": "pending"}
    hands.run(cloud, want(**FILE))
    assert cloud.members[number(2)] == {"a": "pending"}


def test_members_do_not_pass_to_an_image_that_is_declared_private() -> None:
    cloud = clouded({"data": TWO})
    cloud.members[number(1)] = {"a": "pending"}
    assert planned(cloud, want(**FILE, attributes={"visibility": "private"})) == REPLACED


@pytest.mark.parametrize("source", [FILE, URI], ids=["upload", "import"])
def test_stores_pass_to_the_new_image(source: dict[str, t.Any]) -> None:
    new = replaced(clouded({"data": TWO, "stores": "fast,slow", KEY: "old"}), **{**source, "content_key": "new"})
    assert set(new["stores"].split(",")) == {"fast", "slow"}


def test_a_kernel_stays_a_kernel() -> None:
    assert replaced(clouded({"data": TWO, "disk_format": "aki"}), **FILE)["disk_format"] == "aki"


def test_rename_says_when_the_old_one_was_made_and_fits() -> None:
    long_name = "n" * 255
    cloud = clouded({"data": TWO, "name": long_name})
    hands.run(cloud, want(name=long_name, **FILE, retire="rename"))
    old = cloud.images[number(1)]
    assert old["name"].endswith(f" ({model.TODAY})")
    assert (len(old["name"]), old["os_hidden"]) == (255, True)


def test_a_protected_leftover_is_not_deleted_unasked() -> None:
    """Crash between promote and retire; the task that comes then says retire: delete."""
    cloud = clouded({"data": TWO, "protected": True}, HERE | {AFTER: number(1)})
    try:
        hands.run(cloud, want(**FILE, retire="delete"))
    except errors.CollectionError as refusal:
        assert "protected" in str(refusal)
    assert number(1) in cloud.images


def test_a_new_image_that_is_not_waited_for_is_not_yet_open_in_the_place_of_another() -> None:
    cloud = clouded({"data": TWO, "visibility": "public", "protected": True})
    body = hands.plan(cloud, want(**URI, content_key="k", wait=False)).steps[0].body
    assert (body["os_hidden"], body["visibility"], body.get("protected", False)) == (True, "private", False)


def test_wait_false_drops_nothing_that_is_declared_when_a_slot_is_filled() -> None:
    cloud = clouded(QUEUED)
    declared = {"visibility": "private", "protected": True, "os_hidden": True}
    outcome = hands.run(cloud, want(**URI, wait=False, attributes=declared))
    assert {key: cloud.images[outcome.image][key] for key in declared} == declared


def test_a_slot_does_not_keep_the_key_of_content_that_never_came() -> None:
    cloud = clouded(QUEUED | {KEY: URI_KEY})
    outcome = hands.run(cloud, want(**OTHER_FILE))
    assert KEY not in cloud.images[outcome.image]


def test_a_ready_image_keeps_its_formats() -> None:
    """They cannot change once there is data; the run that made it declared them, this one does not."""
    cloud = clouded({"data": TWO, "disk_format": "qcow2"}, HERE | {SOON: number(1), KEY: URI_KEY, "os_hidden": True})
    cloud.images[number(1)][KEY] = "other"
    assert hands.run(cloud, want(**URI)).image == number(2)
    assert cloud.images[number(2)]["disk_format"] == "raw"


@pytest.mark.parametrize("key", ["k", "other"])
def test_what_an_image_has_inherited_gives_way_to_what_is_declared(key: str) -> None:
    cloud = clouded(HERE | {KEY: "k", ITSELF: number(9), SOON: number(8), "p": "x"})
    hands.run(cloud, want(**FILE, content_key=key))
    own = {name: value for name, value in cloud.images[number(1)].items() if name.startswith("cloudimage_")}
    assert own == {KEY: key, ITSELF: number(1)} and cloud.images[number(1)]["p"] == "x"


@pytest.mark.parametrize("inherited", [{}, {ITSELF: number(9), KEY: "k", "cloudimage_family": "f"}])
def test_what_is_written_on_a_replaced_image_counts_there_alone(inherited: dict[str, str]) -> None:
    cloud = clouded({"data": TWO} | inherited)
    hands.run(cloud, want(**FILE))
    own = {name for name in cloud.images[number(1)] if name.startswith("cloudimage_")}
    assert own == {ITSELF, BEFORE, "cloudimage_superseded_at"} and cloud.images[number(1)][ITSELF] == number(1)


@pytest.mark.parametrize("purges", [False, True])
def test_a_snapshot_that_becomes_an_ordinary_image_has_no_stamps_of_another(purges: bool) -> None:
    cloud = clouded(HERE | {"image_type": "snapshot", ITSELF: number(9), KEY: "k", "cloudimage_catalog": "c"})
    task = want(purge_properties=True) if purges else want(properties={"image_type": None})
    hands.run(cloud, task)
    assert not [name for name in cloud.images[number(1)] if name.startswith(("cloudimage_", "image_type"))]
    assert not hands.plan(cloud, task).steps


def test_a_slot_that_is_a_copy_has_no_stamps_of_another() -> None:
    cloud = clouded(QUEUED | {ITSELF: number(9), AFTER: number(8), "cloudimage_catalog": "c"})
    hands.run(cloud, want(**URI, wait=False))
    own = {name: value for name, value in cloud.images[number(1)].items() if name.startswith("cloudimage_")}
    assert own == {KEY: URI_KEY, ITSELF: number(1)}


def test_a_snapshot_that_is_replaced_has_a_successor_that_is_ours() -> None:
    cloud = clouded({"data": TWO, "image_type": "snapshot", "base_image_ref": number(9)})
    hands.run(cloud, want(**FILE, content_key="k"))
    assert planned(cloud, want(**FILE, content_key="k")) == []


def test_a_snapshot_of_an_incoming_image_is_no_leftover() -> None:
    cloud = clouded(HERE, HERE | {SOON: number(1), "os_hidden": True})
    cloud.snapshot(number(2), "a snapshot", 3)
    cloud.snapshot(number(2), NAME, 4)
    cloud.images[number(4)]["os_hidden"] = True
    hands.run(cloud, want(**FILE))
    assert {number(1), number(3), number(4)} == set(cloud.images)


def test_a_key_that_looks_like_a_digest_is_not_taken_for_one() -> None:
    """content_key: build:42 in an earlier run; no host can hash with "build"."""
    assert planned(clouded(HERE | {KEY: "build:42"}), want(**FILE)) == []


def test_a_retired_image_that_was_brought_back_can_be_hidden() -> None:
    cloud = clouded(HERE | {BEFORE: number(9)})
    hands.run(cloud, want(attributes={"os_hidden": True}))
    assert planned(cloud, want(attributes={"os_hidden": True})) == []


def test_absent_leaves_nothing_for_the_next_run() -> None:
    cloud = clouded(HERE, HERE | {"os_hidden": True})
    try:
        hands.run(cloud, want(state="absent"))
    except errors.AmbiguousImage:
        return
    assert planned(cloud, want(state="absent")) == []


def test_absent_foretells_nothing_while_it_waits() -> None:
    assert hands.plan(clouded(QUEUED | {"status": "importing"}), want(state="absent")).after == {}


def test_the_picture_of_a_wait_is_whole() -> None:
    """predict() reads ``properties`` of it."""
    cloud = clouded(QUEUED | {SOON: number(9), "status": "saving", "os_hidden": True})
    assert "properties" in hands.plan(cloud, want(**FILE)).after


def test_doubt_is_said_aloud() -> None:
    assert len(hands.plan(clouded(HERE | {"algorithm": None}), want(**FILE)).warnings) == 1
    assert not hands.plan(clouded(HERE), want(**FILE)).warnings


def test_a_broken_successor_does_not_make_its_predecessor_ambiguous() -> None:
    """Poisoned after promote, before retire; and the process dies again after the new POST."""
    cloud = clouded({"data": TWO}, QUEUED | POISONED | {AFTER: number(1)})
    cloud.life = 2
    with pytest.raises(model.Crashed):
        hands.run(cloud, want(**FILE))
    cloud.life = None
    hands.run(cloud, want(**FILE))
    assert planned(cloud, want(**FILE)) == []


@pytest.mark.parametrize("life", range(1, 8))
@pytest.mark.parametrize("how", ["hide", "rename", "delete"])
def test_a_chain_that_was_not_retired_survives_a_crash(how: str, life: int) -> None:
    """What tells that 1 was replaced is on 2: it has to go last."""
    cloud = clouded({"data": TWO}, {"data": LONG, AFTER: number(1)})
    cloud.life = life
    with contextlib.suppress(model.Crashed):
        hands.run(cloud, want(**FILE, retire=how))
    cloud.life = None
    hands.run(cloud, want(**FILE, retire=how))
    assert len(cloud.shown()) == 1


def test_a_ready_image_keeps_the_stamp_by_which_it_is_known() -> None:
    stamp = {KEY: f"sha256:{digest(ONE, 'sha256')}"}
    cloud = clouded({"data": TWO}, {"data": LONG, SOON: number(1), "os_hidden": True, **stamp})
    hands.run(cloud, want(**FILE))
    assert planned(cloud, want(**FILE)) == []


@pytest.mark.parametrize("image", [QUEUED, QUEUED | POISONED], ids=["slot", "poisoned"])
def test_what_has_no_data_cannot_be_deactivated(image: dict[str, t.Any]) -> None:
    with pytest.raises(errors.ImageFault, match="deactivate"):
        hands.run(clouded(image), want(**FILE, state="inactive"))


@pytest.mark.parametrize("life", [1, 2])
def test_of_a_longer_chain_the_oldest_goes_first(life: int) -> None:
    """Glance lists the newest first."""
    cloud = Cloud()
    for position, replaces in ((3, {AFTER: number(2)}), (2, {AFTER: number(1)}), (1, {})):
        cloud.put(position, **replaces)
    cloud.life = life
    with contextlib.suppress(model.Crashed):
        hands.run(cloud, want(**FILE, retire="delete"))
    cloud.life = None
    hands.run(cloud, want(**FILE, retire="delete"))
    assert cloud.shown() == [number(3)]


def test_a_slot_beside_a_ready_image_is_not_left_behind() -> None:
    cloud = clouded(QUEUED, HERE | {SOON: number(9), "os_hidden": True})
    hands.run(cloud, want(**FILE))
    assert planned(cloud, want(**FILE)) == []


def test_a_replaced_snapshot_is_retired_for_good() -> None:
    cloud = clouded({"data": TWO, "image_type": "snapshot"})
    hands.run(cloud, want(**FILE))
    hands.run(cloud, want(state="absent"))
    assert planned(cloud, want(state="absent")) == []
    assert number(1) in cloud.images


def test_a_replaced_snapshot_does_not_pass_on_that_it_is_one() -> None:
    new = replaced(clouded({"data": TWO, "image_type": "snapshot", "p": "x"}), **FILE)
    assert (new.get("image_type"), new["p"]) == (None, "x")


def test_an_id_that_is_pending_delete_is_refused() -> None:
    with pytest.raises(errors.CollectionError, match="pending_delete"):
        planned(clouded(HERE | {"status": "pending_delete"}), want(id=number(1), **FILE))


def test_secrets_of_an_address_are_not_shown() -> None:
    declared = want(source=web("http://web/one?token=geheim#geheim"))
    assert "geheim" not in " ".join(hands.plan(Cloud(), declared).actions)
