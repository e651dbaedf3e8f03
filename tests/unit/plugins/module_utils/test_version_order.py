# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order of versions: what dpkg says, what PEP 440 and semver list, and what makers of images write."""

from __future__ import annotations

import itertools
import shutil
import subprocess

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils._version_order import version_key, version_rank
from hypothesis import example, given
from hypothesis import strategies as st

#: Each list ascends. These are for dpkg as well, see deb-version(7); rpm says the same of them.
PACKAGES = [
    ["1.31.0~rc1", "1.31.0~rc2", "1.31.0", "1.31.1~rc1"],
    ["1.0~~", "1.0~~a", "1.0~", "1.0~a", "1.0", "1.0a", "1.0b", "1.0.1"],
    ["1.0~alpha1", "1.0~beta1", "1.0~dev1", "1.0~rc1", "1.0~rc1-1", "1.0~rc1.1"],
    ["9", "10", "0011", "12"],
    ["13", "13.1", "13.9", "13.10"],
    ["1.0", "1.0-1", "1.0-2", "1.0-10", "1.0.0", "1.0.0-1"],
    ["1.0-1~bpo1", "1.0-1", "1.0-1ubuntu1", "1.0-1.1", "1.0.1-0"],
    ["1.0-1", "1.0-1+b1", "1.0-1.1"],
    ["1.0", "1.0+dfsg", "1.0+dfsg-1", "1.0+git20260101", "1.0.1"],
    ["1.0Z", "1.0a", "1.0z"],
    ["20260101", "20260101-1234", "20260101-2345", "20260101.1", "20260101.10", "20260102"],
    ["2026-01-01", "2026-01-02", "2026-02-01", "2026-10-01", "2027-01-01"],
    ["20260101", "20260101T1200", "20260101T1300", "20260102"],
    ["1", "2", "1:0", "1:1", "2:0", "10:0"],
    ["2025a", "2025b", "2026a"],
    ["1.1", "1." + "0" * 50 + "2", "1.10"],
]
#: What the standards list themselves: PEP 440 at "Summary of permitted suffixes and relative ordering", semver at 11.
PEP_440 = (
    "1.dev0 1.0.dev456 1.0a1 1.0a2.dev456 1.0a12.dev456 1.0a12 1.0b1.dev456 1.0b2 1.0b2.post345.dev456 1.0b2.post345 "
    "1.0rc1.dev456 1.0rc1 1.0 1.0+abc.5 1.0+abc.7 1.0+5 1.0.post456.dev34 1.0.post456 1.0.15 1.1.dev1"
).split()
SEMVER = "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0".split()
#: Others that ascend.
SPELLED = [
    ["2.0.0-insiders", "2.0.0-next.1", "2.0.0-next.2", "2.0.0-releasecandidate1", "2.0.0-rc2", "2.0.0"],
    PEP_440,
    SEMVER,
    ["1.0", "1!0.1"],
    ["27.0.0.0b3", "27.0.0.0rc1", "27.0.0.0rc2", "27.0.0", "27.0.0.1rc1", "27.0.0.1", "27.1.0.0rc1", "27.1.0"],
    ["1.0.0-rc.1", "1.0.0-rc.1+build.5", "1.0.0", "1.0.0+20260101", "1.0.1-rc.1"],
    ["v1.9.0-alpha.1", "1.9.0-beta.0", "v1.9.0", "v1.9.1", "1.10.0"],
    ["v1.31.0-rc1+k3s1", "v1.31.0+k3s1", "v1.31.0+k3s2", "v1.31.1+k3s1"],
    ["14.3-ALPHA2", "14.3-BETA3", "14.3-RC1", "14.3-RC4", "14.3-RELEASE", "14.3-RELEASE-p1", "15.0-ALPHA1"],
    ["2.0.0-M1-SNAPSHOT", "2.0.0-M1", "2.0.0.M10", "2.0.0-RC1", "2.0.0-SNAPSHOT", "2.0.0", "2.0.1-SNAPSHOT"],
    ["3.21.0_alpha20260101", "3.21.0_beta1", "3.21.0_pre1", "3.21.0_rc1", "3.21.0", "3.21.0_p1", "3.21.1"],
    ["44_Beta-1.2", "44-1.6", "44-1.10", "45_Beta-1.1"],
    ["9.5-20250101", "9.5-20260101.0", "9.6-beta-1", "9.6-20260201.0"],
    ["4152.2.0", "4152.2.1", "4230.0.0"],
    ["24.04-server-beta", "24.04", "24.04.1", "26.04-snapshot1", "26.04"],
    ["13.0-di-alpha2", "13.0-di-rc1", "13.0-di-rc10", "13.0-release-candidate-2", "13.0", "13.0-1"],
    ["1.0-tech-preview", "1.0"],
    ["1.0.2-dev", "1.0.2", "1.0.2a-dev", "1.0.2a", "1.0.2b"],
    ["12-preview", "12-rc", "12", "12.0-nightly.20260101", "12.0-nightly.20260102", "12.0"],
    ["9.0-daily.5", "9.0-weekly", "9.0"],
    ["21-ea", "21-ea.1", "21", "21+35"],
    ["20260101", "20260101-a1b2c3d", "20260101-b2", "20260102"],
    ["v1.9.0", "v1.9.0-5-g1b2c3d4", "v1.9.1"],
    ["1.0", "1.0^", "1.0^git1", "1.0^git2", "1.0.1"],
    ["trixie-alpha1", "trixie-rc1", "trixie", "trixie-1"],
    ["jammy", "noble", "1"],
    ["build 9", "build 12"],
    ["nightly-20260101", "nightly-20260102", "1.0"],
    ["1.beta", "1.1"],
    ["1.a", "1.1"],
]
ALIKE = [
    ["1.31.0-rc1", "1.31.0~rc1", "v1.31.0rc01", "1.31.0.RC-1", "1.31.0_rc.1", "1.31.0c1", "1.31.0-CR1"],
    ["1.0a1", "1.0-alpha.1", "1.0.alpha1", "1.0-A1", "1.0-a.1", "1.0.a.1"],
    ["13.1", "v13.1", "013_1", " 13.1 "],
    ["2.0.0-M1", "2.0.0.milestone1"],
]
UNLIKE = [["1.0", "1.0.0"], ["!", "?"], ["1.0-1", "1.0.1"], ["1.0a", "1.0-alpha"]]
_DPKG = shutil.which("dpkg")
_NUMBERS = st.lists(st.integers(0, 10**8), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))


def pairs(lists: list[list[str]]) -> list[tuple[str, str]]:
    """All pairs of each list, the older one first."""
    return [pair for ascending in lists for pair in itertools.combinations(ascending, 2)]


@pytest.mark.parametrize("ascending", PACKAGES + SPELLED, ids=" < ".join)
def test_order(ascending: list[str]) -> None:
    wrong = [pair for pair in pairs([ascending]) if version_key(pair[0]) >= version_key(pair[1])]
    assert wrong == []


@pytest.mark.skipif(not _DPKG, reason="dpkg is not installed")
def test_dpkg_says_the_same() -> None:
    """One process for each pair, of which there are not many."""
    wrong = [
        (older, newer)
        for older, newer in pairs(PACKAGES)
        if subprocess.run([str(_DPKG), "--compare-versions", older, "lt", newer], check=False).returncode
    ]
    assert wrong == []


@pytest.mark.parametrize("alike", ALIKE, ids=str)
def test_ways_to_write_one_version(alike: list[str]) -> None:
    assert len(set(map(version_rank, alike))) == 1
    assert len(set(map(version_key, alike))) == len(alike), "one of them is the newest all the same"


@pytest.mark.parametrize("unlike", UNLIKE, ids=str)
def test_two_versions(unlike: list[str]) -> None:
    assert len(set(map(version_rank, unlike))) == len(unlike)


@given(st.lists(st.text(max_size=12) | st.text("019.~-+^:! _vabcrcdevT", max_size=12), max_size=6, unique=True))
@example(["³", "٣", "1" * 5000, "", "-", "~", "^~", "rc", "rc-", "1:"])
def test_any_texts_have_one_order(texts: list[str]) -> None:
    ascending = sorted(texts, key=version_key)
    assert all(version_key(one) < version_key(two) for one, two in itertools.combinations(ascending, 2))


@given(
    _NUMBERS,
    st.sampled_from(["-", ".", "_", "~", " ", ""]),
    st.sampled_from("alpha ALPHA beta Beta rc RC pre preview dev snapshot SNAPSHOT nightly daily".split()),
    st.sampled_from(["", "1", ".12", "-3", ".20260101", "1+build.7", ".1.dev2"]),
)
def test_a_pre_release_is_older_than_its_release_and_newer_than_the_one_before(
    release: str, sign: str, word: str, rest: str
) -> None:
    before, _point, last = release.rpartition(".")
    earlier = f"{before}.{int(last) - 1}.5" if before and int(last) else ""
    assert version_key(release + sign + word + rest) < version_key(release)
    assert not earlier or version_key(earlier) < version_key(release + sign + word + rest)


@given(
    _NUMBERS,
    st.sampled_from(["-1", "-20260101", ".post1", "+b1", "+rc1", "-p1", "_p2", "T1200", ".1", "a", "^git1", "-lts"]),
)
def test_what_follows_a_release_is_newer(release: str, rest: str) -> None:
    assert version_key(release) < version_key(release + rest)
