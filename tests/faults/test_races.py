# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module image against itself: several tasks at the same moment, brought to the same point by holding them in the proxy."""

from __future__ import annotations

import datetime
import hashlib
import typing as t
from pathlib import Path

import files_support
import pytest
from proxy import Hold
from race_support import all_at, cases, started, together, wait_until, watched
from support import Cloud, Row

#: The last that a task reads before it makes an image: it has seen what is there, and has not written.
BEFORE_CREATE = ("GET", r"/v2/schemas/image$")
#: The last that a task reads before it patches the image under a name: the hidden ones.
BEFORE_CHANGE = ("GET", r"/v2/images\?.*os_hidden=true")
CREATE = ("POST", r"/v2/images$")
UPLOAD = ("PUT", r"/v2/images/[^/]+/file$")
STAGE = ("PUT", r"/v2/images/[^/]+/stage$")
IMPORT = ("POST", r"/v2/images/[^/]+/import$")
#: When the ids that are chosen for new images begin to be those of another day (_chosen_id.py).
DAWN = datetime.datetime.now(datetime.UTC).replace(hour=3, minute=17, second=43, microsecond=0)
Orders = t.Sequence[dict[str, t.Any]]


def at_once(cloud: Cloud, point: tuple[str, str], orders: Orders) -> list[dict[str, t.Any]]:
    """Run tasks that all wait for each other at a point: each has read the same, and none has written."""
    hold = Hold(reply=True)
    rule = cloud.glance.rule(*point, hold, times=len(orders))
    with started(cloud, orders) as running:
        all_at(rule, len(orders))
        hold.release()
        return [each.result() for each in running]


def all_well(row: Row, results: list[dict[str, t.Any]]) -> None:
    """None of them has failed."""
    for result in results:
        row.judge_first(result)


def winner(row: Row, files: t.Iterable[Path]) -> Path:
    """The file whose content the image has; it becomes what the row goes on to declare."""
    held = row.project.only(row.name)["os_hash_value"]
    files = {hashlib.sha512(file.read_bytes()).hexdigest(): file for file in files}
    row.file = row.options["filename"] = files[held]
    row.data = row.file.read_bytes()
    return row.file


@pytest.mark.parametrize(
    ("number", "content"), cases([(2, "different"), (10, "the same"), (10, "different")], [(2, "the same")])
)
def test_creators(row, cloud, disk, number, content):
    files = [disk(seed if content == "different" else 1) for seed in range(number)]
    orders = [{**row.options, "filename": file, "properties": {f"by_{i}": "x"}} for i, file in enumerate(files)]
    all_well(row, at_once(cloud, BEFORE_CREATE, orders))
    winner(row, files)
    image = row.finish(changed=False)
    if content == "the same":
        assert {key for key in image if key.startswith("by_")} == {f"by_{i}" for i in range(number)}


@pytest.mark.parametrize("way", cases(["web-download of different addresses"], ["glance-direct", "web-download"]))
def test_creators_by_import(row, cloud, disk, way):
    files = [disk(seed if "different" in way else 1) for seed in (1, 2)]
    with files_support.serving() as web:
        orders = [{**row.options, "import_method": way.split()[0]} for _file in files]
        if way != "glance-direct":
            web.files = {f"/{file.name}": file.read_bytes() for file in files}
            for order, file in zip(orders, files, strict=True):
                del order["filename"]
                order |= {"uri": f"{web.url}/{file.name}", "disk_format": "raw"}
        all_well(row, at_once(cloud, BEFORE_CREATE, orders))
        file = winner(row, files)
        row.options = next(order for order in orders if "uri" not in order or order["uri"].endswith(file.name))
        row.finish(changed=False)


def test_import_into_an_image_that_another_has_begun(row, cloud, disk):
    """The one prepares the image for its own address, and comes too late to fill it."""
    files = [disk(1), disk(2)]
    with files_support.serving() as web:
        web.files = {f"/{file.name}": file.read_bytes() for file in files}
        web.faults[f"/{files[0].name}"] = files_support.Faults(bytes_per_second=files_support.MIB)
        orders = [{"name": row.name, "uri": f"{web.url}/{file.name}", "disk_format": "raw"} for file in files]
        holds = [Hold(), Hold()]
        rules = [cloud.glance.rule(*IMPORT, hold, first=1) for hold in holds]
        with started(cloud, [order | {"retire": "delete"} for order in orders]) as running:
            wait_until(lambda: all(rule.fired for rule in rules) or any(each.has_ended() for each in running))
            for hold in holds:
                hold.release()
            all_well(row, [each.result() for each in running])
        file = winner(row, files)
        row.options = {**next(order for order in orders if order["uri"].endswith(file.name)), "retire": "delete"}
        row.finish(changed=False)


@pytest.mark.parametrize(
    ("number", "content", "retire"),
    cases(
        [(2, "different", "hide"), (5, "different", "delete")],
        [
            (n, content, retire)
            for n in (2, 5)
            for content in ("the same", "different")
            for retire in ("delete", "hide")
        ],
    ),
)
def test_replacers(row, cloud, disk, number, content, retire):
    row.replaces()
    files = [disk(10 + (seed if content == "different" else 1)) for seed in range(number)]
    orders = [{**row.options, "filename": file, "retire": retire} for file in files]
    with watched(row):
        all_well(row, at_once(cloud, BEFORE_CREATE, orders))
    file = winner(row, files)
    assert not row.run(filename=file, retire=retire)["changed"]
    if retire == "hide":
        _only_retired_ones_are_hidden(row, files)
    row.finish(changed=False)


def _only_retired_ones_are_hidden(row: Row, files: list[Path]) -> None:
    """What was replaced is hidden, whole, no double of what is in its place, and says what has replaced it."""
    images = row.project.named(row.name)
    current = row.project.only(row.name)
    hidden = [image for image in images if image["os_hidden"]]
    ids = {image["id"] for image in images}
    assert row.old and row.old["id"] in ids
    assert len(hidden) == len(set(files))
    assert all(image["status"] == "active" and image["cloudimage_replaced_by"] in ids for image in hidden)
    assert len({image["os_hash_value"] for image in images}) == len(images)
    assert "cloudimage_replaced_by" not in current and "cloudimage_incoming_for" not in current
    for image in hidden:
        row.project.http("DELETE", f"/v2/images/{image['id']}")


@pytest.mark.parametrize(
    ("work", "when"),
    cases(
        [
            ("create", "before the data"),
            ("create", "in the middle of the data"),
            ("replace", "in the middle of the data"),
        ],
        [("replace", "before the data"), ("create", "staged"), ("replace", "staged")],
    ),
)
def test_metadata_during_an_upload(row, cloud, work, when):
    if work == "replace":
        row.replaces()
    if when == "staged":
        row.options["import_method"] = "glance-direct"
    held = {"before the data": (CREATE, Hold(reply=True)), "staged": (IMPORT, Hold())}
    point, hold = held.get(when, (UPLOAD, Hold(after=len(row.data) // 2)))
    rule = cloud.glance.rule(*point, hold)
    change = {"properties": {"late": "yes"}, "tags": ["late"], "visibility": "private", "min_ram": 7}
    with watched(row), started(cloud, [row.options]) as (upload,):
        all_at(rule, 1)
        with started(cloud, [{"name": row.name, **change}]) as (metadata,):
            seen = len(cloud.glance.calls("GET"))
            wait_until(lambda: metadata.has_ended() or len(cloud.glance.calls("GET")) > seen + 5)
            hold.release()
            all_well(row, [upload.result(), metadata.result()])
    image = row.finish(changed=False)
    assert (image.get("late"), image["tags"], image["visibility"], image["min_ram"]) == ("yes", ["late"], "private", 7)


@pytest.mark.parametrize("writers", [3, 6])
@pytest.mark.parametrize("trial", cases([1], [2, 3]))
def test_writers_of_different_properties(row, cloud, writers, trial):
    row.run()
    orders = [{"name": row.name, "properties": {f"by_{number}": str(trial)}} for number in range(writers)]
    all_well(row, at_once(cloud, BEFORE_CHANGE, orders))
    image = row.finish(changed=False)
    assert {key for key in image if key.startswith("by_")} == {f"by_{number}" for number in range(writers)}


def test_writers_of_different_things(row, cloud):
    row.run()
    changes = [{"tags": ["a", "b"]}, {"visibility": "private"}, {"properties": {"c": "d"}}, {"min_disk": 3}]
    all_well(row, at_once(cloud, BEFORE_CHANGE, [{"name": row.name, **change} for change in changes]))
    image = row.finish(changed=False)
    assert (sorted(image["tags"]), image["visibility"], image["c"], image["min_disk"]) == (
        ["a", "b"],
        "private",
        "d",
        3,
    )


def test_absent_during_an_upload(row, cloud):
    """The deletion comes first, and then the upload: in the end the image is there."""
    hold = Hold(after=len(row.data) // 2)
    rule = cloud.glance.rule(*UPLOAD, hold)
    with started(cloud, [row.options]) as (present,):
        all_at(rule, 1)
        with started(cloud, [{"name": row.name, "state": "absent"}]) as (absent,):
            wait_until(lambda: absent.has_ended() or not row.project.named(row.name))
            hold.release()
            all_well(row, [present.result(), absent.result()])
    row.finish(changed=False)


@pytest.mark.parametrize("there", [False, True], ids=["nothing there", "an older image there"])
def test_absent_and_present_at_once(row, cloud, there):
    """Whoever comes last, it is all or nothing."""
    if there:
        row.replaces()
    hold = Hold(reply=True)
    rule = cloud.glance.rule(*BEFORE_CHANGE, hold, times=2)
    with started(cloud, [row.options, {"name": row.name, "state": "absent"}]) as running:
        all_at(rule, 2)
        hold.release()
        all_well(row, [each.result() for each in running])
    images = row.project.named(row.name)
    if images:
        row.judge.settled(row.project, row.name, row.data)
    else:
        row.judge.gone()
    row.finish(changed=not images)


@pytest.mark.parametrize(
    ("work", "held"),
    cases(
        [("create", "both"), ("create", "the earlier one"), ("create", "the later one")],
        [("replace", "both"), ("replace", "the earlier one"), ("replace", "the later one")],
    ),
)
def test_creators_on_both_sides_of_the_daily_change_of_ids(row, cloud, work, held):
    if work == "replace":
        row.replaces()
    clocks = [(DAWN + datetime.timedelta(seconds=offset)).isoformat() for offset in (-2, 2)]
    orders = [{**row.options, "clock": clock} for clock in clocks]
    if held == "both":
        all_well(row, at_once(cloud, BEFORE_CREATE, orders))
    else:
        first, second = orders if held == "the earlier one" else reversed(orders)
        hold = Hold()
        rule = cloud.glance.rule(*CREATE, hold)
        with started(cloud, [first]) as (waiting,):
            all_at(rule, 1)
            results = together(cloud, [second])
            hold.release()
            all_well(row, [*results, waiting.result()])
    row.finish(changed=False)
