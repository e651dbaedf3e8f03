# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Declarations, clouds and plans in few words, for the tests of plans."""

from __future__ import annotations

import typing as t

from ansible_collections.cloudimage.glance.plugins.module_utils import _image_steps as steps
from ansible_collections.cloudimage.glance.plugins.module_utils._chosen_id import chosen_ids
from ansible_collections.cloudimage.glance.plugins.module_utils._desired import Desired
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils import glance_model as model
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils import plan_hands as hands
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.glance_model import (
    NAME,
    ONE,
    Cloud,
    number,
    upload,
    web,
)

FILE = {"source": upload("/img/one")}
OTHER_FILE = {"source": upload("/img/two")}
URI = {"source": web("http://web/one")}
OTHER_URI = {"source": web("http://web/two")}
STAGED = {"source": upload("/img/one", "glance-direct")}

POISONED = model.holding(ONE) | {"size": None}
SOON = "cloudimage_incoming_for"
AFTER = "cloudimage_replaces"
BEFORE = "cloudimage_replaced_by"
KEY = "cloudimage_content_key"
ITSELF = "cloudimage_image_id"
URI_KEY = Desired(NAME, **URI).identity


def want(**options: t.Any) -> Desired:
    """A declaration of NAME."""
    return Desired(**({"name": NAME} | options))


def clouded(*images: dict[str, t.Any], **facts: t.Any) -> Cloud:
    """A cloud with these images under NAME, numbered from 1; ``facts`` are those of the cloud."""
    cloud = Cloud(**facts)
    for position, image in enumerate(images, 1):
        cloud.put(position, **image)
    return cloud


def short(step: t.Any) -> str:
    """A step in few words: its kind, and the number of the image that was there before."""
    image = getattr(step, "image", "")
    known = {number(each): f" {each}" for each in range(1, 10)} | {"": "", steps.NEW: ""}
    extra = {
        steps.Retire: "how",
        steps.Share: "member",
        steps.Unshare: "member",
        steps.CopyToStores: "stores",
        steps.RemoveFromStore: "store",
    }.get(type(step))
    words = type(step).__name__.lower() + known.get(image, " ?")
    more = getattr(step, extra) if extra else ""
    return " ".join([words, *([more] if isinstance(more, str) else more)]).rstrip()


def planned(cloud: Cloud, desired: Desired, stuck: t.Collection[int] = ()) -> list[str]:
    """The steps of the plan, in few words."""
    return [short(step) for step in hands.plan(cloud, desired, [number(each) for each in stuck]).steps]


NEW = ["create", "fill", "verify"]
REPLACED = ["create", "fill", "verify", "change", "retire 1 hide"]
QUEUED = {"data": None}
HERE = {"data": ONE}
#: Made by this collection today, when there was nothing under the name.
OURS = chosen_ids(model.PROJECT, NAME, None, model.NOW)[0]


def replaced(cloud: Cloud, **options: t.Any) -> dict[str, t.Any]:
    """Replace image 1, and return its successor."""
    outcome = hands.run(cloud, want(**options))
    assert outcome.created == [outcome.image]
    return cloud.images[outcome.image]
