# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cloud on which the images of a project may not hold more than three mebibytes."""

from __future__ import annotations

import files_support
import pytest
import variant_support

VARIANT = variant_support.SMALL
MIB = files_support.MIB


def _is_true_reason(message: str, use_import: bool) -> bool:
    """Of a failed import, Glance tells its user no more than that it has failed."""
    return "Internal Error" in message if use_import else "quota" in message and "413" in message


@pytest.mark.parametrize("use_import", [False, True], ids=["upload", "import"])
def test_file_over_the_quota_is_refused_and_a_smaller_one_goes_in(
    succeed, fail, member, name, disk, nothing_new, use_import
):
    message = fail("image", name=name, filename=disk(1, size=4 * MIB), use_import=use_import)
    assert _is_true_reason(message, use_import)
    assert member.named(name) == []
    assert succeed("image", name=name, filename=disk(2), use_import=use_import)["changed"]
    assert member.only(name)["size"] == MIB
    succeed("image", name=name, state="absent")


@pytest.mark.parametrize("use_import", [False, True], ids=["upload", "import"])
def test_replacement_over_the_quota_leaves_the_old_image(succeed, fail, member, name, disk, use_import):
    """Old and new image have to be there for a moment, so that both count."""
    succeed("image", name=name, filename=disk(1), properties={"a": "b"})
    before, files = member.named(name), variant_support.files()
    options = {"name": name, "filename": disk(2, size=int(2.5 * MIB)), "use_import": use_import, "retire": "delete"}
    assert _is_true_reason(fail("image", **options), use_import)
    assert member.named(name) == before and variant_support.files() == files
    assert not succeed("image", name=name, filename=disk(1))["changed"]


def test_download_by_the_cloud_over_the_quota_leaves_nothing(fail, member, name, disk, nothing_new):
    with files_support.serving() as server:
        server.files["/disk"] = disk(1, size=4 * MIB).read_bytes()
        message = fail("image", name=name, uri=f"{server.url}/disk", disk_format="raw")
    assert _is_true_reason(message, use_import=True)
    assert member.named(name) == []
