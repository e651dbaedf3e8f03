# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images and reports for the tests of audits."""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.cloudimage.glance.plugins.module_utils._audit import audit
from ansible_collections.cloudimage.glance.plugins.module_utils._audit_drift import entries
from ansible_collections.cloudimage.glance.plugins.module_utils._audit_facts import Facts
from ansible_collections.cloudimage.glance.plugins.module_utils._observed import Image
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.glance_model import signed

NOW = datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.UTC)
OLD, YOUNG = "2026-11-20T12:00:00Z", "2026-11-21T11:30:00Z"
HASH = {"os_hash_algo": "sha512", "os_hash_value": "ab" * 64}
Json = dict[str, t.Any]


def image(image_id: str = "a", **raw: t.Any) -> Image:
    """An active image, without findings."""
    plain = {"name": f"name-{image_id}", "status": "active", "visibility": "shared", "owner": "p", "size": 10}
    dates = {"created_at": OLD, "updated_at": raw.pop("updated_at", OLD)}
    hashes = {"os_hash_algo": "sha512", "os_hash_value": image_id}
    return Image({"id": image_id, **plain, **dates, **hashes, **signed(image_id, raw)})


def version(image_id: str, number: str, **raw: t.Any) -> Image:
    name = raw.pop("name", f"debian ({number})")
    return image(image_id, name=name, cloudimage_family="debian", cloudimage_version=number, **raw)


def audited(*images: Image, declared: list[Json] | None = None, **more: t.Any) -> Json:
    known = None if declared is None else tuple(entries(declared))
    return audit(Facts(tuple(images), NOW, datetime.timedelta(hours=1), known, "p", **more))


def result(before: Json, after: Json, **more: t.Any) -> Json:
    return {"name": "n", "changed": before != after, "diff": {"before": before, "after": after}} | more
