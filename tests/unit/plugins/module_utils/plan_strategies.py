# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any state of affairs, and anything that a task can say about it."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cloudimage.glance.plugins.module_utils._chosen_id import chosen_ids
from ansible_collections.cloudimage.glance.plugins.module_utils._desired import Desired
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils import glance_model as model
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.glance_model import (
    LONG,
    NAME,
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
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.plan_support import AFTER as REPLACES
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.plan_support import BEFORE as REPLACED_BY
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.plan_support import (
    KEY,
    OURS,
    POISONED,
    URI_KEY,
)
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.plan_support import SOON as INCOMING
from hypothesis import strategies as st

CONTENTS = (ONE, TWO, LONG)
IN_MOTION = ("saving", "uploading", "importing")
KEYS = ("k", "build:42", f"sha256:{digest(ONE, 'sha256')}", URI_KEY)


def is_at_work(raw: dict[str, t.Any]) -> bool:
    """Whether time will change it."""
    copying = raw["status"] in model.USABLE and "os_glance_import_task" in raw
    return raw["status"] in IN_MOTION or copying


def rarely(value: t.Any, *others: t.Any) -> st.SearchStrategy[t.Any]:
    """Mostly the first value."""
    return st.sampled_from([value, value, value, *others])


#: What a user may have set, flat.
METADATA = st.fixed_dictionaries(
    {
        "visibility": st.sampled_from(model.VISIBILITIES),
        "protected": rarely(False, False, False, True),
        "min_disk": st.integers(0, 2),
        "tags": st.sampled_from([[], ["a"], ["a", "b"]]),
        "disk_format": rarely("raw", "qcow2", "aki"),
        "stores": rarely("fast", "slow", "fast,slow", "tape,fast,slow"),
    },
    optional={
        "p": st.sampled_from("xy"),
        "q/~": st.sampled_from("xy"),
        "img_signature": st.just("s"),
        "os_glance_importing_to_stores": st.just(""),
        KEY: st.sampled_from(KEYS),
    },
)
STATES = [{"status": "active"}, {"status": "deactivated"}]
#: A task that copies an image, or has died with the process that did.
LOCKS = rarely({}, {}, {}, {"os_glance_import_task": "task"})
WITH_DATA = st.builds(
    lambda flat, data, algorithm, status, lock: flat | status | lock | {"data": data, "algorithm": algorithm},
    METADATA,
    st.sampled_from(CONTENTS),
    rarely("sha512", "sha256", "md5", None),
    rarely(*STATES),
    LOCKS,
)
WITHOUT_DATA = st.builds(
    lambda flat, facts: {key: flat[key] for key in flat if key != "stores"} | {"data": None} | facts,
    METADATA,
    st.sampled_from(
        [
            {"status": "queued"},
            POISONED,
            {"status": "saving"},
            {"status": "uploading"},
            {"status": "importing", "os_glance_import_task": "task"},
            {"status": "importing", "os_glance_failed_import": "fast"},
        ]
    ),
)
ANY_IMAGE = st.one_of(WITH_DATA, WITH_DATA, WITHOUT_DATA)
PARTS = st.lists(
    st.sampled_from(["incoming", "incoming", "outgoing", "outgoing", "retired", "snapshot", "gone", "other"]),
    max_size=3,
)
FATES = st.sampled_from(["active", "queued", "stuck", "poisoned", "gone"])
FATES_OF_COPIES = st.sampled_from(["active", "failed", "stuck"])
MEMBERS = st.sampled_from([{}, {"m": "pending"}, {"m": "accepted", "n": "rejected"}])
IMPORTS = rarely(
    ("glance-direct", "web-download", "glance-download", "copy-image"),
    ("web-download", "glance-download", "copy-image"),
    ("glance-direct", "web-download"),
)
MOSTLY, HALF = rarely(True, False), st.booleans()


@st.composite
def clouds(draw: st.DrawFn) -> Cloud:
    """What a name can come to: a current image, what is on its way, what was replaced, and strangers."""
    cloud = Cloud(
        import_methods=draw(IMPORTS),
        injected=draw(rarely({}, {}, {"r": "injected"})),
        converts_to=draw(rarely(None, "raw")),
    )
    if draw(st.integers(0, 5)) == 0:
        cloud.stores = {}
    current = None
    if draw(MOSTLY):
        current = cloud.put(1 if draw(HALF) else OURS, **draw(ANY_IMAGE) | {"os_hidden": not draw(MOSTLY)})
        cloud.members[current] = dict(draw(MEMBERS))
    for position, part in enumerate(draw(PARTS), 2):
        _add(draw, cloud, current, position, part)
    for image_id, raw in cloud.images.items():
        if is_at_work(raw):
            cloud.fates[image_id] = draw(FATES if raw["status"] in IN_MOTION else FATES_OF_COPIES)
            cloud.coming[image_id] = draw(st.sampled_from([(), ("slow", "tape")])) if cloud.stores else ()
    return cloud


def _add(draw: st.DrawFn, cloud: Cloud, current: str | None, position: int, part: str) -> None:
    place = current or number(9)
    if part == "incoming":
        seed = place if draw(MOSTLY) else number(9)
        ours = chosen_ids(model.PROJECT, NAME, seed, model.NOW)[0]
        made = number(position) if ours in cloud.images or draw(HALF) else ours
        cloud.put(made, **draw(ANY_IMAGE) | {INCOMING: seed, "os_hidden": True, "protected": False})
        cloud.members[made] = dict(draw(MEMBERS))
    elif part == "outgoing":
        now = cloud.images.get(place, {"os_hidden": True})
        if REPLACES not in now and now.get("status") == "active" and not now["os_hidden"]:
            now[REPLACES] = cloud.put(position, **draw(WITH_DATA))
            cloud.members[now[REPLACES]] = dict(draw(MEMBERS))
    else:
        settled = current and cloud.images[current]["status"] == "active"
        twin = {"os_hidden": True} if settled else {"name": "another name"}
        roles = {
            "retired": {"os_hidden": True, REPLACED_BY: place},
            "snapshot": {"image_type": "snapshot", INCOMING: number(9), REPLACES: place} | twin,
            "gone": {"status": "pending_delete"},
            "other": {"name": "another name"},
        }
        cloud.put(position, **draw(WITH_DATA) | roles[part])


SOURCES = st.sampled_from(
    [
        None,
        upload("/img/one"),
        upload("/img/two"),
        upload("/img/long", "glance-direct"),
        web("http://web/one"),
        web("http://web/two"),
        far(REMOTE_ONE),
        far(REMOTE_LONG),
        upload("/img/one", "auto"),
        upload("/img/long", "auto"),
    ]
)
DECLARED = st.builds(
    Desired,
    name=rarely(NAME, *[NAME] * 9, number(1)),
    state=rarely("present", "present", "present", "inactive", "absent"),
    id=rarely(None, *[None] * 12, number(1), number(2), OURS),
    attributes=st.fixed_dictionaries(
        {},
        optional={
            "visibility": st.sampled_from(model.VISIBILITIES),
            "protected": st.booleans(),
            "os_hidden": rarely(False, True),
            "min_disk": st.integers(0, 2),
        },
    ),
    disk_format=rarely(None, None, "raw", "raw", "qcow2"),
    container_format=rarely(None, "bare"),
    properties=st.fixed_dictionaries(
        {}, optional={key: st.sampled_from(["x", "y", None]) for key in ("p", "q/~", "r")}
    ),
    purge_properties=st.booleans(),
    tags=st.sampled_from([None, frozenset(), frozenset("a"), frozenset("bc")]),
    source=SOURCES,
    checksum=rarely(None, "sha512", "sha256"),
    content_key=rarely(None, None, None, None, *KEYS[:3]),
    on_content_change=rarely("replace", *["replace"] * 6, "keep", "fail"),
    retire=st.sampled_from(["hide", "delete", "rename"]),
    wait=rarely(True, False),
    members=rarely(None, None, frozenset(), frozenset("m"), frozenset("mo")),
    purge_members=HALF,
    stores=rarely(None, None, ("fast",), ("slow",), ("fast", "slow"), ("slow", "tape"), ("web",)),
    fit_min_disk=rarely(False, False, True),
    force=HALF,
)


def _made_whole(desired: Desired, data: bytes) -> Desired:
    """With what the options of a task can say together, and a digest in place of its algorithm: that of the source."""
    source, algorithm = desired.source, t.cast(t.Any, desired.checksum)
    data = model.data_of(source) if source else data
    remote, fits = bool(source and source.remote), desired.fit_min_disk
    attributes = {key: value for key, value in desired.attributes.items() if not (fits and key == "min_disk")}
    return dataclasses.replace(
        desired,
        attributes=attributes,
        checksum=(algorithm, digest(data, algorithm)) if algorithm else None,
        disk_format=None if remote else desired.disk_format,
        container_format=None if remote else desired.container_format,
        purge_members=desired.purge_members and desired.members is not None,
        imported=bool(source and source.method),
    )


#: Any state of affairs.
CLOUDS = clouds()
#: Anything that a task can say.
DECLARATIONS = st.builds(_made_whole, DECLARED, st.sampled_from(CONTENTS))
