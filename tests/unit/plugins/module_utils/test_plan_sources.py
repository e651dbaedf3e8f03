# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans about where data comes from, and what becomes of an image on its way in."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _errors as errors
from ansible_collections.cloudimage.glance.plugins.module_utils import _image_steps as steps
from ansible_collections.cloudimage.glance.plugins.module_utils import _plan
from ansible_collections.cloudimage.glance.plugins.module_utils._content_type import Content
from ansible_collections.cloudimage.glance.plugins.module_utils._refusals import SIGNATURE
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils import plan_hands as hands
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.glance_model import (
    LONG,
    ONE,
    REMOTE_LONG,
    REMOTE_ONE,
    TWO,
    Cloud,
    digest,
    far,
    number,
    upload,
    web,
)
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.plan_support import (
    FILE,
    HERE,
    KEY,
    NEW,
    OTHER_FILE,
    QUEUED,
    REPLACED,
    SOON,
    URI,
    clouded,
    planned,
    replaced,
    want,
)

AUTO = {"source": upload("/img/one", "auto"), "imported": True}
FAR = {"source": far(REMOTE_ONE), "imported": True}
FAR_LONG = {"source": far(REMOTE_LONG), "imported": True}
BIG = {"source": upload("/img/long")}
WHOLE = dict.fromkeys(SIGNATURE, "s")
IN_PARTS = dict.fromkeys(SIGNATURE[:2], "s")
FAR_KEY = f"glance-image:{REMOTE_ONE}"


@pytest.mark.parametrize(
    ("methods", "method"), [(("glance-direct",), "glance-direct"), (("web-download",), None), ((), None)]
)
def test_auto_is_by_import_where_there_is_one(methods: tuple[str, ...], method: str | None) -> None:
    cloud = Cloud(import_methods=methods)
    assert hands.plan(cloud, want(**AUTO)).steps[1].source.method == method
    hands.run(cloud, want(**AUTO))
    assert planned(cloud, want(**AUTO)) == []


def test_an_imported_file_is_known_by_its_digest_before_its_data_is_there() -> None:
    """A run may be killed while the cloud makes something else of it."""
    create = hands.plan(Cloud(), want(source=upload("/img/one", "glance-direct"))).steps[0]
    assert create.body[KEY] == f"sha512:{digest(ONE)}"
    assert KEY not in hands.plan(Cloud(), want(**FILE)).steps[0].body


def test_auto_does_not_fill_an_image_that_has_its_content() -> None:
    assert planned(clouded(HERE), want(**AUTO)) == []


@pytest.mark.parametrize("wait", [True, False], ids=["wait", "wait false"])
@pytest.mark.parametrize("images", [[], [{"data": TWO}]], ids=["new", "replaced"])
def test_a_converted_file_is_known_again(images: list[dict[str, t.Any]], wait: bool) -> None:
    """The bytes in Glance are others than those that were sent."""
    cloud = clouded(*images, converts_to="raw")
    declared = want(source=upload("/img/long", "glance-direct"), imported=True, wait=wait, disk_format="qcow2")
    for image_id in hands.run(cloud, declared).created:
        if cloud.images[image_id]["status"] == "importing":
            cloud.settle(image_id)
    image = cloud.images[hands.run(cloud, declared).image or ""]
    assert (image["disk_format"], image[KEY]) == ("raw", f"sha512:{digest(LONG)}")
    assert planned(cloud, declared) == []


@pytest.mark.parametrize(
    ("image", "options", "expected"),
    [
        pytest.param(None, FAR, [*NEW, "lookagain"], id="new: its formats are not known before"),
        pytest.param(None, {**FAR, "wait": False}, ["create", "fill"], id="new, wait false"),
        pytest.param(HERE | {KEY: FAR_KEY}, FAR, [], id="there"),
        pytest.param(HERE, FAR, [], id="there, and nothing known of where it is from: taken as it is"),
        pytest.param(
            HERE | {KEY: FAR_KEY}, FAR_LONG, [*NEW, "change", "retire 1 hide", "lookagain"], id="another one: replaced"
        ),
        pytest.param(HERE | {KEY: FAR_KEY}, URI, REPLACED, id="another source: replaced"),
        pytest.param(HERE, {**FAR, "state": "absent"}, ["delete 1"], id="absent"),
    ],
)
def test_an_image_of_another_region(
    image: dict[str, t.Any] | None, options: dict[str, t.Any], expected: list[str]
) -> None:
    cloud = clouded(*([image] if image else []))
    assert planned(cloud, want(**options)) == expected


def test_an_image_of_another_region_brings_its_formats_and_what_is_declared_goes_before_the_rest() -> None:
    cloud = clouded({"data": TWO, KEY: "old", "os_distro": "near", "p": "x"})
    declared = want(**FAR_LONG, properties={"hw_disk_bus": "virtio"})
    outcome = hands.run(cloud, declared)
    image = cloud.images[outcome.image or ""]
    held = {key: image[key] for key in ("disk_format", "container_format", "hw_disk_bus", "os_distro", "p")}
    assert held == {
        "disk_format": "qcow2",
        "container_format": "bare",
        "hw_disk_bus": "virtio",
        "os_distro": "far",
        "p": "x",
    }
    assert planned(cloud, declared) == []


def test_what_the_other_region_brings_is_not_foretold() -> None:
    found = hands.plan(Cloud(), want(**FAR))
    assert not {"disk_format", "container_format"} & set(found.after)
    assert found.actions[1] == f"let Glance fetch image {REMOTE_ONE} of region far"
    assert found.actions[-1] == "look at (new) again: formats and properties came from the other region"


def test_what_came_in_without_a_wait_keeps_what_it_brought() -> None:
    cloud = clouded({"data": TWO, KEY: "old"})
    declared = want(**FAR_LONG, wait=False)
    (incoming,) = hands.run(cloud, declared).created
    cloud.settle(incoming)
    assert hands.run(cloud, declared).image == incoming
    assert cloud.images[incoming]["hw_disk_bus"] == "scsi"
    assert planned(cloud, declared) == []


def test_a_cloud_without_glance_download_is_told_before_anything_is_sent() -> None:
    with pytest.raises(errors.InvalidOption, match=r"^import_method: this cloud does not offer glance-download"):
        planned(Cloud(import_methods=("web-download",)), want(**FAR))


@pytest.mark.parametrize(
    "options",
    [{"properties": {"r": "x"}}, {"properties": {"r": None}}, {"purge_properties": True}],
    ids=["set", "null", "purge"],
)
def test_what_the_cloud_adds_on_an_import_gives_way_to_what_is_declared(options: dict[str, t.Any]) -> None:
    cloud = Cloud(injected={"r": "injected"})
    declared = want(source=web(), imported=True, **options)
    image = cloud.images[hands.run(cloud, declared).image or ""]
    assert image.get("r") == options.get("properties", {}).get("r")
    assert planned(cloud, declared) == []


def test_what_the_cloud_adds_on_an_import_stays_otherwise() -> None:
    cloud = Cloud(injected={"r": "injected"})
    assert planned(cloud, want(**URI)) == NEW
    assert cloud.images[hands.run(cloud, want(**URI)).image or ""]["r"] == "injected"
    assert planned(cloud, want(**URI)) == []


@pytest.mark.parametrize(
    ("image", "options", "min_disk"),
    [
        pytest.param(None, FILE, 1, id="raw: its size"),
        pytest.param(None, BIG, 3, id="qcow2: the disk in it, rounded up"),
        pytest.param(None, {"source": upload("/img/long", "glance-direct")}, 3, id="by import"),
        pytest.param(None, {"source": web("http://web/long"), "disk_format": "qcow2"}, 3, id="fetched by Glance"),
        pytest.param(None, FAR_LONG, 3, id="from another region"),
        pytest.param({"data": LONG, "disk_format": "qcow2"}, {}, 3, id="there already"),
        pytest.param({"data": LONG, "disk_format": "qcow2", "min_disk": 9}, {}, 3, id="it was too much"),
        pytest.param({"data": LONG, "virtual_size": None}, {}, 1, id="raw, from before Glance told"),
        pytest.param({"data": TWO, "min_disk": 9}, BIG, 3, id="replaced"),
        pytest.param(
            {"data": LONG, "disk_format": "qcow2", "container_format": "ova", "min_disk": 7}, {}, 7, id="not told"
        ),
    ],
)
def test_min_disk_from_the_virtual_size(
    image: dict[str, t.Any] | None, options: dict[str, t.Any], min_disk: int
) -> None:
    cloud = clouded(*([image] if image else []))
    declared = want(fit_min_disk=True, **options)
    assert cloud.images[hands.run(cloud, declared).image or ""]["min_disk"] == min_disk
    assert planned(cloud, declared) == []


def test_that_the_virtual_size_is_not_known_is_said_aloud() -> None:
    unknown = HERE | {"disk_format": "qcow2", "virtual_size": None}
    assert hands.plan(clouded(unknown), want(fit_min_disk=True)).warnings == (
        f"Glance does not tell the virtual size of image {number(1)}; min_disk is left as it is.",
    )
    assert not hands.plan(clouded(unknown), want()).warnings


@pytest.mark.parametrize(
    ("image", "options", "fine"),
    [
        pytest.param(None, {**FILE, "properties": WHOLE}, True, id="new, whole"),
        pytest.param(None, {**FILE, "properties": IN_PARTS}, False, id="new, in parts"),
        pytest.param(None, {**FILE, "properties": WHOLE | {SIGNATURE[3]: ""}}, False, id="new, one empty"),
        pytest.param(None, FILE, True, id="new, none"),
        pytest.param(QUEUED | IN_PARTS, FILE, False, id="a slot with parts"),
        pytest.param(QUEUED | WHOLE, FILE, True, id="a slot with all"),
        pytest.param({"data": TWO} | WHOLE, {**FILE, "properties": IN_PARTS}, False, id="replaced, declared in parts"),
        pytest.param({"data": TWO} | WHOLE, FILE, True, id="replaced: the signature was of other bytes"),
        pytest.param(HERE, {"properties": IN_PARTS}, False, id="there, declared in parts"),
        pytest.param(HERE | IN_PARTS, {"properties": {"p": "x"}}, True, id="there in parts, and none of this task"),
        pytest.param(
            HERE | WHOLE, {"properties": {SIGNATURE[0]: None}}, False, id="there, a part of it is to be removed"
        ),
        pytest.param(HERE | WHOLE, {"properties": dict.fromkeys(SIGNATURE)}, True, id="there, removed whole"),
    ],
)
def test_a_signature_is_whole_or_none(image: dict[str, t.Any] | None, options: dict[str, t.Any], fine: bool) -> None:
    cloud = clouded(*([image] if image else []))
    if fine:
        hands.run(cloud, want(**options))
        return
    with pytest.raises(errors.InvalidOption, match=r"^properties: a signature is verified only if .* missing\.$"):
        planned(cloud, want(**options))


PROTECTED = HERE | {"protected": True}


def test_what_is_protected_is_deleted_with_force_alone() -> None:
    assert planned(clouded(PROTECTED), want(state="absent", force=True)) == ["delete 1"]
    for attributes in ({}, {"protected": False}):
        with pytest.raises(errors.ImageFault, match="is protected; it is deleted only with force: true"):
            planned(clouded(PROTECTED), want(state="absent", attributes=attributes))


@pytest.mark.parametrize(
    ("status", "stuck", "expected"),
    [
        ("saving", [], ["wait 1"]),
        ("saving", [1], ["delete 1"]),
        ("uploading", [], ["delete 1"]),
        ("importing", [], ["wait 1"]),
    ],
)
def test_protection_is_not_lifted_while_data_moves(status: str, stuck: list[int], expected: list[str]) -> None:
    """It would be lost, and the image would still be protected."""
    cloud = clouded(QUEUED | {"protected": True, "status": status})
    assert planned(cloud, want(state="absent", force=True), stuck) == expected


def test_force_lifts_protection_from_everything_that_goes() -> None:
    cloud = clouded(PROTECTED, PROTECTED | {SOON: number(1), "os_hidden": True})
    hands.run(cloud, want(state="absent", force=True))
    assert not cloud.images


def test_force_says_nothing_about_a_replacement() -> None:
    with pytest.raises(errors.InvalidOption, match=r"^retire: "):
        planned(clouded(PROTECTED), want(**OTHER_FILE, retire="delete", force=True))


def test_a_signature_does_not_pass_to_other_bytes() -> None:
    assert not set(SIGNATURE) & set(replaced(clouded({"data": TWO} | WHOLE), **FILE))


def test_what_is_no_disk_is_told_where_it_goes_in_as_raw() -> None:
    def warnings(**options: t.Any) -> tuple[str, ...]:
        desired = want(**{**FILE, **options})
        observed = dataclasses.replace(
            hands.observe(clouded(), desired), source_other=Content("tar", "archive", "disk.raw")
        )
        return _plan.plan(desired, observed).warnings

    (told,) = warnings(disk_format="raw")
    assert told.startswith("filename: /img/one is declared to be raw, and it is an archive (tar) whose first member is")
    assert warnings(disk_format="aki") == warnings(disk_format="raw", container_format="ova") == ()
    assert warnings(disk_format="raw", source=upload("/img/one", "glance-direct")) == (), "the cloud may unpack it"


@pytest.mark.parametrize(
    ("cloud", "options", "expected"),
    [
        (clouded(), {**FILE, "disk_format": "raw"}, (False, True)),
        (clouded(), {**AUTO, "disk_format": "raw"}, (True, True)),
        (clouded(), {**URI, "disk_format": "raw"}, (True, True)),
        (clouded({"data": TWO, KEY: "uri-sha256:0"}), URI, (True, False)),
        (clouded(QUEUED), URI, (True, True)),
    ],
)
def test_what_is_imported_is_looked_at(cloud: Cloud, options: dict[str, t.Any], expected: tuple[bool, bool]) -> None:
    """And is no more than a warning where somebody has said that it is raw."""
    (verify,) = [step for step in hands.plan(cloud, want(**options)).steps if isinstance(step, steps.Verify)]
    assert (verify.imported is not None, verify.declares_format) == expected
