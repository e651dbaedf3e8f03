# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Catalogue files, and how entries come together out of them."""

from __future__ import annotations

import builtins
import itertools
import os
import string
import time
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.cloudimage.glance.plugins.module_utils import _catalog as catalog
from ansible_collections.cloudimage.glance.plugins.module_utils import _catalog_check as catalog_check
from ansible_collections.cloudimage.glance.plugins.module_utils import _catalog_file as catalog_file
from ansible_collections.cloudimage.glance.plugins.module_utils._argspec import image_spec
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import CatalogProblem, MissingDependency
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils.catalog_support import gathered
from hypothesis import given, settings
from hypothesis import strategies as st

QUICK = settings(max_examples=100, deadline=None, derandomize=True, database=None)


def bomb(link: str) -> str:
    """YAML of ten lines that stands for a thousand million values."""
    names = string.ascii_lowercase[:10]
    lines = ["a: &a {k: v}"]
    for before, name in itertools.pairwise(names):
        lines.append(f"{name}: &{name} " + link.format(", ".join([f"*{before}"] * 10)))
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# nothing", None),
        ("- {name: a, end_of_life: 2027-06-30}", [{"name": "a", "end_of_life": "2027-06-30"}]),
        ("- 2027-13-45", ["2027-13-45"]),
        ("- {a: 1, b: 1.5, c: true, d: null, e: '1'}", [{"a": 1, "b": 1.5, "c": True, "d": None, "e": "1"}]),
        ("\ufeff- a", ["a"]),
        ("defaults: &d {x: 1}\nimages: [{<<: *d, y: 2}]", {"defaults": {"x": 1}, "images": [{"x": 1, "y": 2}]}),
        ("- &a {x: 1}\n- *a", [{"x": 1}, {"x": 1}]),
        ("- {<<: {x: 1}, x: 2}", [{"x": 2}]),
        ("[010, 1:30, 1_0, 0x1F, 0b10, 0o7, 00, +010]", ["010", "1:30", "1_0", "0x1F", "0b10", "0o7", "00", "+010"]),
        ("[0, 10, -3, +5, 20261101]", [0, 10, -3, 5, 20261101]),
        ("[01.5, 1:30.5, 1_0.5]", ["01.5", "1:30.5", "1_0.5"]),
        ("[1.5, -1.50, 0.5, .5, 1., 1.0e+3, .inf]", [1.5, -1.5, 0.5, 0.5, 1.0, 1000.0, float("inf")]),
        ("{010: 0, 8: 1, !!int 010: 2}", {"010": 0, 8: 2}),
    ],
)
def test_what_yaml_holds(tmp_path: Path, text: str, value: t.Any) -> None:
    path = tmp_path / "catalog.yml"
    path.write_text(text, encoding="utf-8")
    assert catalog_file.load(str(path)) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("images: [1", ["is not YAML", "line 2, column 1"]),
        ("- a\n- {b", ["is not YAML", "line 3, column 1"]),
        ("- \tx: [", ["is not YAML", "line 1"]),
        ("a: *b", ["undefined alias", "line 1, column 4"]),
        ("--- 1\n--- 2", ["another document", "line 2"]),
        (
            "- !!python/object/apply:os.system ['touch /tmp/x']",
            ["could not determine a constructor", "line 1, column 3"],
        ),
        ("- !vault secret", ["could not determine a constructor", "column 3"]),
        ("? [a]\n: b", ["unhashable key"]),
        ("{010: a, '010': b}", ["'010' twice"]),
        ("- name: a\n  tags: []\n  name: b", ["'name' twice", "line 3, column 3"]),
        ("&a [*a]", ["an alias of what it stands in", "line 1"]),
        ("&a {x: *a}", ["an alias of what it stands in"]),
        ("[" * 100_000, ["more than 50 levels"]),
        ("{a: " * 100_000, ["more than 50 levels"]),
        ("\n".join(f"- &a{n} [{f'*a{n - 1}' if n else 1}]" for n in range(3000)), ["more than 50 levels"]),
        (bomb("[{0}]"), ["more than 1000000 values"]),
        (bomb("{{<<: [{0}]}}"), ["more than 1000000 values"]),
        ("9" * 5000, ["not usable YAML", "4300"]),
        ("\0", ["is not YAML", "control characters"]),
    ],
)
def test_what_is_no_catalogue_file(text: str, words: list[str]) -> None:
    began = time.process_time()
    with pytest.raises(catalog_file.Unreadable) as caught:
        catalog_file.parse(text)
    assert time.process_time() - began < 10
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert "\n" not in str(caught.value)


@QUICK
@given(st.text(alphabet="abc:-[]{}&*<>!?|'\"# \n\t0.\x07\u2028\ufeff", max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        catalog_file.parse(text)
    except catalog_file.Unreadable as problem:
        assert str(problem)


@QUICK
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(alphabet=st.characters(exclude_categories=["C"]), max_size=9),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcxyz", min_size=1), inner, max_size=4),
        max_leaves=20,
    )
)
def test_what_was_written_is_read(value: t.Any) -> None:
    assert catalog_file.parse(yaml.safe_dump(value)) == value


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "latin").write_bytes("- name: a\n- name: M\xfcnchen".encode("latin-1"))
    with (tmp_path / "large").open("wb") as large:
        large.truncate(17 * 2**20)
    found = {}
    for name in ("missing", "fifo", "loop", "latin", "large", "."):
        with pytest.raises(CatalogProblem) as caught:
            gathered(files=[str(tmp_path / name)])
        found[name] = caught.value.message
    assert "No such file" in found["missing"] and str(tmp_path / "missing") in found["missing"]
    assert "not a regular file" in found["fifo"] and "not a regular file" in found["."]
    assert "cannot be read" in found["loop"]
    assert "not UTF-8 (line 2)" in found["latin"]
    assert "larger than 16 MiB" in found["large"]
    assert catalog.read(None, None, ["/dev/zero"])[1][0].message == "is not a regular file"
    assert "cannot be read" in catalog.read(None, None, ["a\0b"])[1][0].message


def test_pyyaml_is_only_needed_for_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "c.yml").write_text("[]")
    original = builtins.__import__

    def without_yaml(name: str, *args: t.Any, **kwargs: t.Any) -> t.Any:
        if name == "yaml":
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_yaml)
    assert gathered([{"name": "a"}])[0].name == "a"
    with pytest.raises(MissingDependency, match="PyYAML"):
        gathered(files=[str(tmp_path / "c.yml")])


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ["holds nothing"]),
        ("hello", ["holds a text"]),
        ("7", ["holds a number"]),
        ("{}", ["the key images is missing"]),
        ("images:", ["the key images is missing or empty"]),
        ("images: {name: a}", ["images is a mapping, not a list"]),
        ("imags: []\nimages: []", ["there is no key 'imags' beside images and defaults; did you mean 'images'?"]),
        ("images: []\ndefaults: [1]", ["defaults is a list, not a mapping"]),
        ("- name: a\n- just a text\n- [b]\n- null", ["entry 2: is a text", "entry 3: is a list", "entry 4: is a null"]),
    ],
)
def test_files_of_another_shape(tmp_path: Path, text: str, problems: list[str]) -> None:
    path = tmp_path / "c.yml"
    path.write_text(text)
    entries, found = catalog.read(None, None, [str(path)])
    assert len(found) == len(problems)
    for problem, words in zip(found, problems, strict=True):
        assert words in str(problem) and str(problem).startswith(f"{path}: ")
    assert [entry.name for entry in entries] == (["a"] if text.startswith("- name: a") else [])


def test_all_problems_are_told_and_the_first_in_words(tmp_path: Path) -> None:
    path = tmp_path / "c.yml"
    path.write_text("[1, 2]")
    with pytest.raises(CatalogProblem) as caught:
        gathered(["x"], files=[str(path)])
    assert caught.value.reason == "catalog_problem"
    assert caught.value.message == "images: entry 1: is a text, not a mapping of options. And 2 more, see problems."
    assert len(caught.value.details["problems"]) == 3 and str(path) in caught.value.details["problems"][2]
    with pytest.raises(CatalogProblem) as caught:
        gathered([None])
    assert caught.value.message == "images: entry 1: is a null, not a mapping of options."


@pytest.mark.parametrize(
    ("under", "entry", "merged"),
    [
        ({"visibility": "public"}, {"name": "a"}, {"visibility": "public", "name": "a"}),
        ({"visibility": "public"}, {"visibility": "private"}, {"visibility": "private"}),
        ({"visibility": "public"}, {"visibility": None}, {"visibility": None}),
        (
            {"properties": {"a": 1, "b": 2}},
            {"properties": {"b": 3, "c": None}},
            {"properties": {"a": 1, "b": 3, "c": None}},
        ),
        ({"properties": {"a": 1}}, {"properties": None}, {"properties": None}),
        ({"tags": ["a"]}, {"tags": ["b"]}, {"tags": ["b"]}),
        ({"hidden": True}, {"is_hidden": False}, {"is_hidden": False}),
        ({"is_hidden": True}, {"os_hidden": False}, {"os_hidden": False}),
        ({"project": "x"}, {"owner": "y", "project": "z"}, {"owner": "y", "project": "z"}),
    ],
)
def test_defaults_lie_under_entries(under: dict[str, t.Any], entry: dict[str, t.Any], merged: dict[str, t.Any]) -> None:
    before = (repr(under), repr(entry))
    assert gathered([entry], under)[0].options == merged
    assert (repr(under), repr(entry)) == before


def test_a_path_that_is_none() -> None:
    found, problems = catalog.read([{"name": "a"}], None, [""])
    assert len(found) == 1 and [str(problem) for problem in problems] == ["files: the path of a file is empty"]


def test_the_defaults_of_a_file_lie_between(tmp_path: Path) -> None:
    path = tmp_path / "c.yml"
    path.write_text(
        "defaults: {min_disk: 2, properties: {b: file, c: file}}\nimages: [{name: x, properties: {c: entry}}, {name: y, min_ram: 3}]"
    )
    defaults = {"min_disk": 1, "min_ram": 1, "properties": {"a": "option", "b": "option"}}
    own, first, second = gathered([{"name": "w"}], defaults, [str(path)])
    assert own.options == {"name": "w", **defaults}
    assert first.options == {
        "name": "x",
        "min_disk": 2,
        "min_ram": 1,
        "properties": {"a": "option", "b": "file", "c": "entry"},
    }
    assert second.options["min_ram"] == 3 and second.options["properties"]["c"] == "file"
    assert (own.place, first.place, second.place) == ("images: entry 1", f"{path}: entry 1", f"{path}: entry 2")


@pytest.mark.parametrize(
    ("options", "label", "family"),
    [
        ({"name": "debian-13", "version": 20261101}, "entry 3 ('debian-13', version 20261101)", "debian-13"),
        ({"name": "debian-13", "version": "1", "family": "d"}, "entry 3 ('debian-13', version 1)", "d"),
        ({"name": "debian-13", "family": "d"}, "entry 3 ('debian-13')", ""),
        ({"name": 13}, "entry 3 ('13')", ""),
        ({"name": ["a"], "version": {"b": 1}}, "entry 3", ""),
        ({}, "entry 3", ""),
        ({"name": "x" * 300}, f"entry 3 ('{'x' * 77}...')", ""),
    ],
)
def test_what_messages_call_an_entry(options: dict[str, t.Any], label: str, family: str) -> None:
    entry = catalog.Entry("/srv/c.yml", 3, options)
    assert (entry.label, entry.family) == (label, family)
    assert str(entry.problem("name", "is odd")) == f"/srv/c.yml: {label}: is odd"


def test_ansible_makes_numbers_of_texts_where_an_option_is_one(tmp_path: Path) -> None:
    path = tmp_path / "catalog.yml"
    path.write_text(
        "- {name: a, version: 010, min_disk: 010, min_ram: 1_000}\n- {name: b, min_disk: 1:30, min_ram: 0x1F}\n"
    )
    (first, _second), problems = catalog_check.validated(gathered(files=[str(path)]))
    assert (first["version"], first["min_disk"], first["min_ram"]) == ("010", 10, 1000), "no octal, no base of sixty"
    assert sorted((problem.number, problem.key) for problem in problems) == [(2, "min_disk"), (2, "min_ram")]


def test_who_writes_src_is_told_where_it_belongs() -> None:
    assert catalog.nearest("src", image_spec()) == (
        "; the role publish takes src, and the module image_file makes a local file of it for filename"
    )
    assert catalog.nearest("src", ("raw", "vmdk")) == "" and "'src'" in catalog.nearest("srcc", ("src", "filename"))
