# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with the entries of a catalogue, and in which order they are done."""

from __future__ import annotations

import graphlib
import itertools
import typing as t
from pathlib import Path

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _catalog as catalog
from ansible_collections.cloudimage.glance.plugins.module_utils import _catalog_check as check
from ansible_collections.cloudimage.glance.plugins.module_utils._argspec import connection_spec, image_spec, wait_spec
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.catalog_support import gathered
from hypothesis import given, settings
from hypothesis import strategies as st

QUICK = settings(max_examples=150, deadline=None, derandomize=True, database=None)
Options = dict[str, t.Any]


def entries(*options: Options) -> list[catalog.Entry]:
    """Entries of the option."""
    return gathered(list(options))


def told(*options: Options) -> list[str]:
    """All that is wrong with entries, without the place."""
    return [str(problem).removeprefix("images: ") for problem in check.examined(entries(*options))[1]]


@pytest.mark.parametrize(
    ("option", "meant"),
    [
        ("visibilty", "visibility"),
        ("is_hiden", "is_hidden"),
        ("Properties", "properties"),
        ("file_name", "filename"),
        ("os_hiden", "os_hidden"),
        ("rui", "uri"),
        ("nmae", "name"),
        ("sze", None),
        ("zebra", None),
        (5, None),
        ("", None),
        ("x" * 10**6, None),
    ],
)
def test_unknown_options(option: t.Any, meant: str | None) -> None:
    (problem,) = check.check(entries({"name": "a", option: "x"}))
    assert (problem.key, problem.number, problem.name) == (str(option), 1, "a")
    hint = f"; did you mean {meant!r}?" if meant else ""
    assert problem.message == f"there is no option {option!r}{hint}"


def test_unknown_defaults_are_told_once(tmp_path: Path) -> None:
    path = tmp_path / "c.yml"
    path.write_text("defaults: {min_rma: 1, tgas: [a]}\nimages: [{name: a}, {name: b, tgas: [b]}, {name: c}]")
    found, unreadable = catalog.read([{"name": "d"}, {"name": "e"}], {"propertys": {}, "timeout": 5}, [str(path)])
    assert not unreadable
    assert [str(problem) for problem in check.examined(found)[1]] == [
        "defaults: there is no option 'propertys'; did you mean 'properties'?",
        "defaults: the option 'timeout' belongs beside images, not in an entry or its defaults",
        f"{path}: defaults: there is no option 'min_rma'; did you mean 'min_ram'?",
        f"{path}: defaults: there is no option 'tgas'; did you mean 'tags'?",
        f"{path}: entry 2 ('b'): there is no option 'tgas'; did you mean 'tags'?",
    ]


@pytest.mark.parametrize("value", [".inf", "-.inf", ".nan"])
def test_numbers_that_are_none(tmp_path: Path, value: str) -> None:
    path = tmp_path / "c.yml"
    path.write_text(f"images: [{{name: a, min_disk: {value}}}]")
    (problem,) = check.examined(catalog.read(None, None, [str(path)])[0])[1]
    assert (problem.key, problem.name) == ("min_disk", "a") and "no number" in problem.message


def test_templates_in_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.yml"
    path.write_text("images: [{name: a, filename: '{{ here }}/a.qcow2', properties: {x: '{{ literal }}'}}]")
    images = [{"name": "b", "uri": "http://x/{{ literal }}"}]
    (problem,) = check.check(catalog.read(images, None, [str(path)])[0])
    assert (problem.origin, problem.key, problem.number) == (str(path), "filename", 1)
    assert problem.message == "filename is a template, '{{ here }}/a.qcow2'; catalogue files are read as they are"


def test_options_of_the_task_do_not_belong_in_an_entry() -> None:
    outside = connection_spec() | wait_spec()
    for option in [*outside, *(alias for each in outside.values() for alias in each.get("aliases", ()))]:
        (problem,) = check.check(entries({"name": "a", option: "x"}))
        assert "belongs beside images" in problem.message and problem.key == option
    assert check.check(entries({"name": "a", "timeout": 5}), image_spec() | {"timeout": {"type": "int"}}) == []


def test_known_options_are_all_right() -> None:
    spec = image_spec()
    names = [*spec, *(alias for option in spec.values() for alias in option.get("aliases", ()))]
    for name in names:
        assert check.check(entries({"name": "a", name: 1})) == []


@pytest.mark.parametrize(
    ("options", "key", "words"),
    [
        ({}, "name", "has no name"),
        ({"name": None}, "name", "has no name"),
        ({"name": ""}, "name", "has no name"),
        ({"name": ["a"]}, "name", "name is a list, not a text"),
        ({"name": {"a": 1}}, "name", "name is a mapping, not a text"),
        ({"name": "a", "checksum": ["x"]}, "checksum", "checksum is a list"),
        ({"name": False}, "name", "name is a truth value, not a text; put it in quotes"),
        ({"name": "a", "version": 13.1}, "version", "the version 13.1 is a number with a point"),
        ({"name": 24.1}, "name", "the name 24.1 is a number with a point"),
        ({"name": "a", "min_disk": "big"}, "min_disk", "unable to convert to int"),
        ({"name": "a", "properties": "x"}, "properties", "unable to convert to dict"),
        ({"name": "a", "is_hidden": "perhaps"}, "is_hidden", "unable to convert to bool"),
        ({"name": "a", "state": "presnt"}, "state", "did you mean 'present'?"),
        ({"name": "a", "tags": [{"x": 1}, ["y"]], "min_ram": []}, "min_ram", "unable to convert to int"),
        ({"name": "a", "visibility": "pubic"}, "visibility", "did you mean 'public'?"),
        ({"name": "a", "filename": "f", "uri": "u"}, "filename", "mutually exclusive"),
        (
            {"name": "a", "visibility": "public", "is_public": True},
            "visibility",
            "mutually exclusive: visibility|is_public",
        ),
        ({"name": "a", "hidden": True, "os_hidden": True}, "is_hidden", "twice"),
    ],
)
def test_wrong_values(options: Options, key: str, words: str) -> None:
    problems = check.examined(entries({"name": "b"}, options))[1]
    assert [(problem.key, problem.number) for problem in problems] == [(key, 2)]
    assert words in str(problems[0])


def test_options_become_those_of_the_module() -> None:
    params, problems = check.validated(
        entries({"name": 13, "hidden": "yes", "min_disk": "5", "state": None}, {"name": "b"})
    )
    assert not problems and len(params) == 2
    assert params[0] == {name: option.get("default") for name, option in image_spec().items()} | {
        "name": "13",
        "is_hidden": True,
        "hidden": "yes",
        "min_disk": 5,
    }


def test_entries_share_nothing_after_validation() -> None:
    shared = {"a": 1}
    first, second = check.validated(entries({"name": "a", "properties": shared}, {"name": "b", "properties": shared}))[
        0
    ]
    first["properties"]["x"] = 1
    assert second["properties"] == {"a": 1} == shared


ID = "6cb75a65-93b5-4b9c-8a38-7e1bdbaf0a27"
OTHER_ID = "f0a3e5f7-1f57-4d5c-93ea-9a61fb9bd2b8"


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ({"name": "a"}, {"name": "a"}, "the name 'a' is that of entry 1 ('a'), too"),
        ({"name": "13"}, {"name": 13}, "the name '13'"),
        ({"name": "a"}, {"name": "b"}, None),
        ({"name": "a"}, {"name": "A"}, None),
        ({"name": "a", "owner": "x"}, {"name": "a", "project": "x"}, "the name 'a'"),
        ({"name": "a", "owner": "x"}, {"name": "a", "owner": "y"}, None),
        ({"name": "a", "owner": "x", "owner_domain": "d"}, {"name": "a", "owner": "x"}, None),
        ({"name": "a"}, {"name": "a", "owner": "x"}, None),
        ({"name": "a", "id": ID}, {"name": "b", "id": ID.upper()}, f"the id '{ID}'"),
        ({"name": "a", "id": ID}, {"name": "a", "id": OTHER_ID}, None),
        ({"name": "a", "id": ID}, {"name": "a"}, "the name 'a'"),
        (
            {"name": "a", "version": 1},
            {"name": "a", "version": "1"},
            "version '1' of 'a' is that of entry 1 ('a', version 1)",
        ),
        ({"name": "a", "version": 1}, {"name": "a", "version": 2}, None),
        ({"name": "a", "version": 1}, {"name": "b", "version": 1}, None),
        ({"name": "a", "version": 1}, {"name": "a"}, "has the name of entry 1 ('a', version 1)"),
        ({"name": "a", "version": 1, "family": "f"}, {"name": "b", "version": 2, "family": "f"}, "calls it 'a'"),
        ({"name": "a", "version": 1, "family": "f"}, {"name": "a", "version": 2, "family": "g"}, "the family 'f'"),
        ({"name": "a", "version": 1, "family": "a"}, {"name": "a", "version": 2}, None),
        ({"name": "a", "version": 1, "owner": "x"}, {"name": "a", "version": 1, "owner": "y"}, None),
        ({"name": "a", "version": 1, "owner": "x"}, {"name": "a", "owner": "y"}, None),
        ({"name": "a", "version": 1}, {"name": "a (1)"}, "'a (1)' is what entry 1 ('a', version 1) is called"),
        ({"name": "a", "version": 1}, {"name": "a (2)"}, None),
    ],
)
def test_two_entries_for_one_image(one: Options, other: Options, words: str | None) -> None:
    problems = told(one, other)
    assert len(problems) == (1 if words else 0), problems
    assert not words or words in problems[0]
    assert len(told(other, one)) == len(problems)


def a(version: t.Any, **more: t.Any) -> Options:
    """A version of the family a."""
    return {"name": "a", "version": version, **more}


PROMOTED_TOO = "only one version of the family 'a' can be promoted, and entry 1 ('a', version 2) is, too"
GIVEN = "promote is false, but with exclude_from_latest: false other versions would give it the name of the family 'a'"
LET_IN = "exclude_from_latest is false, and entry 1 ('a', version 2) is promoted, which excludes newer versions of the family 'a'"


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        (a(2, promote=True), a(3, promote=True), PROMOTED_TOO),
        (a(2, promote=True), a("1", promote="yes"), PROMOTED_TOO),
        (a(2, promote=True), a(3), None),
        (a(2, promote=True), a(3, promote=False), None),
        (a(2, promote=True), a(3, promote=None), None),
        (a(2, promote=True), a(3, promote="perhaps"), "unable to convert to bool"),
        (a(2, promote=True), a(3, promote=True, owner="x"), None),
        (a(2, promote=True, owner="x"), a(3, promote=True, project="x"), PROMOTED_TOO),
        (a(2, promote=True), {"name": "b", "version": 3, "promote": True}, None),
        (a(2, promote=True), {"name": "a", "family": "a", "version": 3, "promote": True}, PROMOTED_TOO),
        (a(2, promote=True), a("2", promote=True), "version '2' of 'a' is that of entry 1"),
        (a(2, promote=True), a(3, promote=True, state="present"), PROMOTED_TOO),
        # refused by itself, since it cannot have the name
        (a(2, promote=True), a(3, promote=True, state="absent"), None),
        (a(2, promote=True), a(3, state="absent"), None),
        (a(2, promote=True), a(3, exclude_from_latest=False), LET_IN),
        (a(2, promote=True), a(3, exclude_from_latest=False, owner="x"), None),
        (a(2, promote=True), a(3, exclude_from_latest=False, end_of_life="2999-12-31"), LET_IN),
        (a(2, promote=True), a(3, exclude_from_latest=False, end_of_life="2020-12-31"), None),
        (a(2, promote=True), a(1, exclude_from_latest=False), None),
        (a(2, promote=True), a(3, exclude_from_latest=True), None),
        (a(2, promote=True, exclude_from_latest=False), a(3, promote=True, exclude_from_latest=False), PROMOTED_TOO),
        (a(2, promote=True, exclude_from_latest=False), a(3), None),
        (a(2, promote=False, exclude_from_latest=False), a(3), GIVEN),
        (a(2, promote=False, exclude_from_latest=False), a(3, state="absent"), None),
        (a(2, promote=False, exclude_from_latest=False), a(3, promote=False), None),
        (a(2, promote=False, exclude_from_latest=False, end_of_life="2020-12-31"), a(3), None),
        (a(2, promote=False), a(3), None),
        (a(2, promote=True), a(3, promote=False, exclude_from_latest=False), LET_IN),
    ],
)
def test_versions_that_would_take_the_name_from_each_other(one: Options, other: Options, words: str | None) -> None:
    problems = told(one, other)
    assert len(problems) == (1 if words else 0), problems
    assert not words or words in problems[0]
    assert len(told(other, one)) == len(problems)


def test_each_further_promoted_version_is_told_with_the_option() -> None:
    problems = check.check(entries(a(1, promote=True), a(3), a(2, promote=True), a(4, promote=True)))
    assert [(problem.key, problem.number) for problem in problems] == [("promote", 3), ("promote", 4)]
    assert all("entry 1 ('a', version 1) is, too" in str(problem) for problem in problems)


def test_a_promoted_version_that_is_to_be_absent_is_refused_by_itself() -> None:
    (entry,) = declared = entries(a(3, promote=True, state="absent"))
    problem = check.desired_of(entry, check.validated(declared)[0][0] | {"wait": True, "timeout": 60})
    assert isinstance(problem, catalog.Problem) and problem.key == "promote"


def test_the_other_entry_is_named_with_its_file() -> None:
    pair = [catalog.Entry("/a.yml", 1, {"name": "x"}), catalog.Entry("/b.yml", 7, {"name": "x"})]
    (problem,) = check.check(pair)
    assert str(problem) == "/b.yml: entry 7 ('x'): the name 'x' is that of /a.yml: entry 1 ('x'), too"


@pytest.mark.parametrize(
    ("images", "circle"),
    [
        ([("a", "a", None)], "a -> a"),
        ([("a", "b", None), ("b", None, "a")], "a -> b -> a"),
        ([("a", "b", "c"), ("b", None, None), ("c", "d", None), ("d", None, "a")], "a -> c -> d -> a"),
        ([("a", "b", "c"), ("b", None, None), ("c", None, None)], None),
        ([("a", "somewhere else", None)], None),
        ([("top", "a", None), ("a", "b", None), ("b", "a", None)], "a -> b -> a"),
    ],
)
def test_circles(images: list[tuple[str, str | None, str | None]], circle: str | None) -> None:
    declared = [{"name": name, "kernel": kernel, "ramdisk": ramdisk} for name, kernel, ramdisk in images]
    problems = told(*declared)
    assert len(problems) == (1 if circle else 0), problems
    if circle:
        walk = problems[0].rpartition(": ")[2].split(" -> ")
        assert walk[0] == walk[-1] and set(walk) == set(circle.split(" -> ")) and len(walk) == len(circle.split(" -> "))
        links = {(name, target) for name, *targets in images for target in targets}
        assert all(pair in links for pair in itertools.pairwise(walk))


@pytest.mark.parametrize(
    ("other", "kernel", "words"),
    [
        ({"name": "k", "state": "absent"}, "k", "kernel is entry 2 ('k'), which is declared absent"),
        ({"name": "k", "state": "inactive"}, "k", "kernel is entry 2 ('k'), which is declared inactive"),
        ({"name": "k", "id": ID, "state": "absent"}, ID, "kernel is entry 2 ('k'), which is declared absent"),
        (
            {"name": "k", "version": 1, "state": "absent"},
            "k (1)",
            "kernel is entry 2 ('k', version 1), which is declared",
        ),
        ({"name": "k", "version": 1, "state": "absent"}, "k", None),
        ({"name": "k", "state": "present"}, "k", None),
        ({"name": "k", "state": "absent", "owner": "x"}, "k", "declared absent"),
        ({"name": "other", "state": "absent"}, "k", None),
    ],
)
def test_a_kernel_that_is_declared_away(other: Options, kernel: str, words: str | None) -> None:
    problems = told({"name": "a", "kernel": kernel}, other)
    assert len(problems) == (1 if words else 0) and (not words or words in problems[0]), problems
    assert told({"name": "a", "kernel": kernel, "state": "absent"}, other) == []


def test_circles_by_id_and_over_versions_and_several_of_them() -> None:
    assert "circle" in told({"name": "a", "id": ID, "kernel": "b"}, {"name": "b", "ramdisk": ID})[0]
    assert (
        "circle"
        in told({"name": "a", "version": 1}, {"name": "a", "version": 2, "kernel": "b"}, {"name": "b", "kernel": "a"})[
            0
        ]
    )
    assert len(told({"name": "a", "kernel": "a"}, {"name": "b", "kernel": "b"}, {"name": "c", "kernel": "a"})) == 2
    assert told({"name": "a", "owner": "x", "kernel": "a"}, {"name": "a"}) == []
    assert told({"name": "a", "state": "absent", "kernel": "a"}) == []


def test_a_long_chain_is_no_circle_and_no_trouble() -> None:
    chain = [{"name": f"i{n}", "kernel": f"i{n + 1}"} for n in range(3000)]
    assert check.check(entries(*chain)) == []
    (problem,) = check.check(entries(*chain, {"name": "i3000", "kernel": "i0"}))
    assert problem.message.count(" -> ") == 3001


@pytest.mark.parametrize(
    ("images", "waits"),
    [
        ([{"name": "a"}, {"name": "b"}], [set(), set()]),
        ([{"name": "a", "kernel": "k", "ramdisk": "r"}, {"name": "k"}, {"name": "r"}], [{1, 2}, set(), set()]),
        ([{"name": "a", "kernel": ID}, {"name": "k", "id": ID}], [{1}, set()]),
        ([{"name": "a", "version": v} for v in ("10", "9", "9.1")], [set(), {2}, {0}]),
        ([{"name": "a", "version": "2"}, {"name": "a", "version": "1", "promote": True}], [set(), {0}]),
        ([{"name": "a", "version": "2", "promote": True}, {"name": "a", "version": "1"}], [{1}, set()]),
        ([{"name": "a", "version": "2", "promote": "yes"}, {"name": "a", "version": "1"}], [{1}, set()]),
        ([{"name": "a", "version": "2"}, {"name": "a", "version": "1", "owner": "x"}], [set(), set()]),
        ([{"name": "a", "id": ID}, {"name": "a", "id": OTHER_ID}], [set(), {0}]),
        (
            [{"name": "k", "version": "2"}, {"name": "k", "version": "1"}, {"name": "a", "kernel": "k"}],
            [set(), {0}, {0, 1}],
        ),
        ([{"name": "a", "kernel": "k"}, {"name": "k", "owner": "x"}, {"name": "k"}], [{2}, set(), set()]),
        ([{"name": "a", "kernel": "k"}, {"name": "k", "owner": "x"}], [{1}, set()]),
        ([{"name": "a", "kernel": "k"}, {"name": "k", "state": "absent"}], [{1}, set()]),
        (
            [{"name": "a", "kernel": "k (2)"}, {"name": "k", "version": 2}, {"name": "k", "version": 3}],
            [{1}, {2}, set()],
        ),
    ],
)
def test_who_waits_for_whom(images: list[Options], waits: list[set[int]]) -> None:
    assert check.dependencies(entries(*images)) == waits


NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
IMAGES = st.fixed_dictionaries(
    {"name": NAMES},
    optional={
        "kernel": NAMES,
        "ramdisk": NAMES,
        "version": st.sampled_from(["1", "2", "10"]),
        "family": st.sampled_from(["a", "f"]),
        "owner": st.sampled_from(["x", "y"]),
        "state": st.sampled_from(["present", "absent"]),
    },
)


@QUICK
@given(st.lists(IMAGES, max_size=8))
def test_a_catalogue_without_problems_can_be_put_in_order(images: list[Options]) -> None:
    declared = entries(*images)
    if check.check(declared):
        return
    waits = check.dependencies(declared)
    order = list(graphlib.TopologicalSorter(dict(enumerate(waits))).static_order())
    assert sorted(order) == list(range(len(images)))
    for index, entry in enumerate(declared):
        for other, rival in enumerate(declared):
            if index != other and (entry.owner, entry.name) == (rival.owner, rival.name):
                assert order.index(index) != order.index(other)


ANYTHING = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.lists(st.text(max_size=2), max_size=2)
)
KEYS = st.sampled_from([*image_spec(), "hidden", "project", "cloud", "zebra"]) | st.integers() | st.text(max_size=3)


@QUICK
@given(
    st.lists(
        st.dictionaries(KEYS, ANYTHING | st.dictionaries(st.text(max_size=2), ANYTHING, max_size=2), max_size=6),
        max_size=4,
    )
)
def test_whatever_is_declared_gets_a_verdict(images: list[Options]) -> None:
    declared = entries(*images)
    params, problems = check.examined(declared)
    assert len(params) == len(images)
    assert all(str(problem) and problem.number for problem in problems)
    assert not problems or {problem.number for problem in problems} <= set(range(1, len(images) + 1))
