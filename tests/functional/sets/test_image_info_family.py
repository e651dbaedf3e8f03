# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module image_info: the newest good version of a family, one version, all of them."""

from __future__ import annotations

import cloud_support
import pytest

FAMILY, VERSION = "cloudimage_family", "cloudimage_version"
EXCLUDED, END_OF_LIFE = "cloudimage_exclude_from_latest", "cloudimage_end_of_life"


def make(project, family, version, **body):
    """A version of a family, made by plain HTTP."""
    body = {FAMILY: family, VERSION: version, **body}
    return project.create(f"{family} ({version})", b"data", **body)["id"]


@pytest.fixture
def ids(member, name):
    """Versions of a family in all states, by version. 10 is the newest good one."""
    made = {
        "9": make(member, name, "9", os_hidden=True),
        "10": make(member, name, "10", architecture="aarch64"),
        "10.1": make(member, name, "10.1", **{END_OF_LIFE: "2020-01-01"}),
        "11": make(member, name, "11", **{EXCLUDED: "true"}),
        "12": member.create(name, **{FAMILY: name, VERSION: "12"})["id"],
        "13": make(member, name, "13", os_hidden=True),
    }
    member.http("POST", f"/v2/images/{made['13']}/actions/deactivate")
    make(member, name, "99", image_type="snapshot")
    make(member, name + "-other", "99")
    return made


@pytest.fixture
def found(succeed):
    """Ids of what image_info finds."""

    def find(**options):
        return [image["id"] for image in succeed("image_info", **options)["images"]]

    return find


def test_newest_one_and_all_versions(found, ids, name):
    with cloud_support.calls() as calls:
        assert found(family=name) == [ids["10"]]
    assert len(calls.glance) == 2 and not calls.writes
    assert found(family=name, latest=True) == [ids["10"]]
    assert found(family=name, latest=False) == [ids[each] for each in ("13", "12", "11", "10.1", "10", "9")]
    assert found(family=name, latest=False, limit=2) == [ids["13"], ids["12"]]
    assert found(family=name, filters={"architecture": "aarch64"}, limit=5) == [ids["10"]]
    assert found(family=name, filters={"architecture": "x86_64"}) == []
    assert found(family=name, latest=False, filters={"is_hidden": True}) == [ids["13"], ids["9"]]
    assert found(family=name.upper()) == []
    assert found(family="eq:" + name) == []


def test_one_version_whatever_has_become_of_it(found, ids, name):
    for version, image_id in ids.items():
        assert found(family=name, version=version) == [image_id]
    assert found(family=name, version="13", latest=True) == [ids["13"]]
    assert found(family=name, version="13", latest=False) == [ids["13"]]
    assert found(family=name, version="13", filters={"is_hidden": False}) == []
    assert found(family=name, version="99") == []


def test_whose_versions_count(found, member, other, admin, name):
    public = make(admin, name, "2", visibility="public")
    community = make(other, name, "3", visibility="community")
    make(other, name, "4", visibility="private")
    assert found(family=name) == [public]
    assert found(family=name, filters={"visibility": "community"}) == [community]
    assert found(cloud="local-other", family=name, latest=False, filters={"owner": admin.id}) == [public]

    shared = make(other, name, "5")
    other.http("POST", f"/v2/images/{shared}/members", json={"member": member.id})
    assert found(family=name) == [public]
    member.http("PUT", f"/v2/images/{shared}/members/{member.id}", json={"status": "accepted"})
    assert found(family=name) == [shared]
    assert found(family=name, latest=False) == [shared, public]
    # An administrator is shown what is private to others, too, and anybody can make a newest version of anything.
    assert found(cloud="local-admin", family=name) == [public]
    admin.http("DELETE", f"/v2/images/{public}")
    assert found(cloud="local-admin", family=name) == found(cloud="local-admin", family=name, latest=False) == []
    assert found(cloud="local-admin", family=name, filters={"owner": other.id}) == [shared]
    assert found(cloud="local-admin", family=name, filters={"visibility": "private"}, latest=False) != []

    # A snapshot of a server inherits the properties, and makes nobody a maker of the family.
    make(member, name, "2", image_type="snapshot")
    assert found(family=name) == [shared]
    own = make(member, name, "1")
    assert found(family=name) == found(family=name, latest=False) == [own]
    assert found(family=name, version="5") == []
    assert found(family=name, version="5", filters={"owner": other.id}) == [shared]


def test_names_of_families_are_plain_text(found, member, name):
    family = f'in:"{name}", ü/[x]*&y=1'
    image_id = make(member, family, "1.0 (beta)")
    assert found(family=family) == [image_id]
    assert found(family=family, version="1.0 (beta)") == [image_id]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"latest": False}, "latest: "),
        ({"latest": True, "name": "x"}, "latest: "),
        ({"version": "1"}, "version: "),
        ({"version": "1", "name": "x"}, "version: "),
        ({"family": "x", "name": "x"}, "name: "),
        ({"family": "x", "sort": "name"}, "sort: "),
        ({"family": "x", "limit": 0}, "limit: "),
        ({"family": ""}, "family: "),
        ({"family": "x", "version": ""}, "version: "),
        ({"family": "x", "filters": {FAMILY: "y"}}, "filters: "),
    ],
)
def test_contradictions(fail, options, named):
    with cloud_support.calls() as calls:
        assert fail("image_info", **options).startswith(named)
    assert not calls.glance
