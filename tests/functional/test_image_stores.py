# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In which stores an image is, as the module image declares it; the local cloud has the stores fast and slow."""

from __future__ import annotations

import contextlib

import cloud_support
import pytest

BOTH = ["fast", "slow"]


def stores(image):
    return set(image["stores"].split(","))


def files_of(image):
    """The stores in whose folder the data of an image really lies."""
    root = cloud_support.CLOUD_DIR / "data" / "glance" / "stores"
    return {folder.name for folder in root.iterdir() if (folder / image["id"]).exists()}


@pytest.fixture
def keeps(succeed):
    """Run the module image as the administrator, who alone may copy and remove data."""

    def run(name, **options):
        return succeed("image", cloud="local-admin", name=name, **options)

    return run


@contextlib.contextmanager
def broken(store):
    """A store that cannot be written to."""
    folder = cloud_support.CLOUD_DIR / "data" / "glance" / "stores" / store
    aside = folder.with_name(f"{store}-aside")
    folder.rename(aside)
    folder.touch()
    try:
        yield
    finally:
        folder.unlink()
        aside.rename(folder)


@pytest.mark.parametrize("wanted", [["slow"], ["fast"], ["slow", "fast"]])
def test_a_new_image_is_in_the_declared_stores(succeed, member, name, disk, wanted):
    foretold = succeed("image", name=name, filename=disk(), stores=wanted, check=True)
    done = succeed("image", name=name, filename=disk(), stores=wanted)
    assert done["actions"] == foretold["actions"]
    image = member.only(name)
    assert stores(image) == files_of(image) == set(wanted)
    assert sorted(done["image"]["stores"]) == sorted(wanted) == done["diff"]["after"]["stores"]
    assert not succeed("image", name=name, filename=disk(), stores=wanted)["changed"]
    assert not succeed("image", name=name, filename=disk())["changed"]


def test_copied_to_a_further_store_and_removed_from_one(keeps, admin, name, disk):
    keeps(name, filename=disk())
    old = admin.only(name)
    foretold = keeps(name, stores=BOTH, check=True)
    assert foretold["diff"]["before"]["stores"] == ["fast"] and foretold["diff"]["after"]["stores"] == BOTH
    with cloud_support.calls() as calls:
        assert keeps(name, stores=BOTH)["actions"] == foretold["actions"]
    assert not [call for call in calls.glance if call.method == "PUT"], "Glance copies, not we"
    image = admin.only(name)
    assert image["id"] == old["id"] and files_of(image) == set(BOTH)
    assert not keeps(name, stores=["slow", "fast"])["changed"], "stores are a set"

    assert keeps(name, stores=["slow"])["changed"]
    image = admin.only(name)
    assert stores(image) == files_of(image) == {"slow"} and admin.sha512(image["id"]) == image["os_hash_value"]


def test_moved_from_store_to_store(keeps, admin, name, disk):
    keeps(name, filename=disk(), stores=["fast"])
    with cloud_support.calls() as calls:
        keeps(name, stores=["slow"])
    copied = calls.index("POST", "/import")
    assert copied < next(i for i, call in enumerate(calls.glance) if call.method == "DELETE"), (
        "never out of the last one"
    )
    assert files_of(admin.only(name)) == {"slow"}


def test_a_deactivated_image_is_copied_and_stays_so(keeps, admin, name, disk):
    keeps(name, filename=disk(), state="present")
    keeps(name, state="inactive", stores=BOTH)
    image = admin.only(name)
    assert files_of(image) == set(BOTH) and image["status"] == "deactivated"
    assert not keeps(name, state="inactive", stores=BOTH)["changed"]


def test_a_deactivated_image_stays_so_when_the_copy_fails(keeps, fail, admin, name, disk):
    keeps(name, filename=disk())
    keeps(name, state="inactive")
    with broken("slow"):
        assert "slow" in fail("image", cloud="local-admin", name=name, state="inactive", stores=BOTH)
    assert admin.only(name)["status"] == "deactivated"


def test_stores_and_content_change_at_once(keeps, admin, name, disk):
    keeps(name, filename=disk(1), stores=["fast"])
    keeps(name, filename=disk(2), stores=["slow"])
    image = admin.only(name)
    assert files_of(image) == {"slow"}
    assert not keeps(name, filename=disk(2), stores=["slow"])["changed"]


@pytest.mark.parametrize("check", [False, True])
def test_a_store_that_does_not_exist(fail, member, name, disk, check):
    with cloud_support.calls() as calls:
        told = fail("image", name=name, filename=disk(), stores=["fast", "tape"], check=check)
    assert told == "stores: this cloud has no store 'tape'; it has fast, slow."
    assert not calls.writes


def test_no_store_at_all(fail, name):
    assert fail("image", name=name, stores=[]).startswith("stores: ")


def test_a_user_who_may_not_copy(fail, member, name, disk):
    member.create(name, disk().read_bytes())
    told = fail("image", name=name, stores=BOTH)
    assert told.startswith("stores: ") and "copy_image" in told and "403" in told
    assert stores(member.only(name)) == {"fast"}


def test_a_store_that_fails_is_named_and_the_next_run_copies_again(keeps, fail, admin, name, disk):
    keeps(name, filename=disk())
    with broken("slow"):
        told = fail("image", cloud="local-admin", name=name, stores=BOTH)
    assert "slow" in told and "copy" in told
    assert stores(admin.only(name)) == {"fast"}
    assert keeps(name, stores=BOTH)["changed"]
    assert files_of(admin.only(name)) == set(BOTH)


def test_an_import_into_a_store_that_fails_leaves_nothing(fail, succeed, member, name, disk):
    with broken("slow"):
        told = fail("image", name=name, filename=disk(), stores=BOTH)
    assert "import" in told
    assert member.named(name) == []
    assert succeed("image", name=name, filename=disk(), stores=BOTH)["changed"]
    assert files_of(member.only(name)) == set(BOTH)
