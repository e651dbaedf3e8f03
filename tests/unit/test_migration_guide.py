# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of the migration guide and the tests that show them to be true, held against each other.

Each test of tests/functional/incumbent says with the decorator ``shows`` which rows it is about. Neither the
guide nor those tests are run here: both are read.
"""

from __future__ import annotations

import ast
import itertools
import re
import typing as t
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
GUIDE = REPOSITORY / "docs" / "docsite" / "rst" / "migration_guide.rst"
TESTS = sorted((REPOSITORY / "tests" / "functional" / "incumbent").glob("test_*.py"))

#: Sections of the guide with a table, by the name under which tests refer to its rows.
TABLES = {
    "image": "Module image: what differs",
    "image_info": "Module image_info: what differs",
    "more": "What openstack.cloud does not have",
}

#: Every option of openstack.cloud.image and openstack.cloud.image_info 2.5 beside those of the connection, aliases included.
INCUMBENT_OPTIONS = {
    "image": """
        checksum container_format disk_format filename id import_method is_protected protected is_public kernel min_disk
        min_ram name owner project owner_domain project_domain properties ramdisk state tags timeout uri use_import
        visibility volume wait
    """.split(),
    "image_info": ["image", "name", "filters", "properties"],
}


class Proof(t.NamedTuple):
    """A test, and the rows that it shows."""

    name: str
    rows: tuple[str, ...]
    decorators: str


def sections() -> dict[str, str]:
    """Text of each section by its title."""
    parts = re.split(r"^(.+)\n(?:-{3,}|={3,})\n", GUIDE.read_text(), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def rows(section: str) -> list[list[str]]:
    """Rows of the one list-table in a section, its head left out."""
    assert section.count(".. list-table::") == 1
    table = section[section.index("   * - ") :]
    table = "\n".join(itertools.takewhile(lambda line: not line or line.startswith("   "), table.splitlines()))
    found = [re.split(r"^     - ", row, flags=re.M) for row in re.split(r"^   \* - ", table, flags=re.M)[1:]]
    assert {len(row) for row in found} == {len(found[0])}
    return [[" ".join(cell.split()) for cell in row] for row in found[1:]]


def titles() -> dict[str, list[str]]:
    """Each row under the name by which tests refer to it."""
    named: dict[str, list[str]] = {}
    for table, title in TABLES.items():
        for row in rows(sections()[title]):
            name = f"{table}: {plain(row[0])}"
            assert name not in named, f"two rows are called {name!r}"
            named[name] = row
    return named


def plain(cell: str) -> str:
    return cell.replace("``", "")


def proofs() -> list[Proof]:
    """Every test of openstack.cloud's defects."""
    functions = [
        node for path in TESTS for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)
    ]
    return [
        Proof(function.name, shown(function), " ".join(map(ast.unparse, function.decorator_list)))
        for function in functions
        if function.name.startswith("test_")
    ]


def shown(function: ast.FunctionDef) -> tuple[str, ...]:
    """The arguments of the decorator ``shows``."""
    return tuple(
        ast.literal_eval(argument)
        for decorator in function.decorator_list
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "shows"
        for argument in decorator.args
    )


def options(module: str) -> dict[str, dict[str, t.Any]]:
    """Documented options of a module, with their aliases, and those of the fragments that it extends."""
    plugins = REPOSITORY / "plugins"
    texts = [plugins / "modules" / f"{module}.py", plugins / "doc_fragments" / "openstack.py"]
    found: dict[str, dict[str, t.Any]] = {}
    for node in itertools.chain.from_iterable(ast.walk(ast.parse(text.read_text())) for text in texts):
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Constant):
            continue
        documentation = yaml.safe_load(node.value.value) if "options:" in str(node.value.value) else {}
        for name, option in documentation.get("options", {}).items():
            found |= dict.fromkeys([name, *option.get("aliases", [])], option)
    return found


def test_every_row_of_the_guide_is_shown_by_a_test():
    assert len(titles()) > 50
    missing = set(titles()) - {row for proof in proofs() for row in proof.rows}
    assert not missing, "tests/functional/incumbent have no test that shows these rows"


def test_every_test_shows_a_row_of_the_guide():
    assert len(proofs()) > 80
    assert not [proof.name for proof in proofs() if not proof.rows], (
        "say with the decorator shows which row it is about"
    )
    wrong = {f"{proof.name} shows {row!r}" for proof in proofs() for row in proof.rows if row not in titles()}
    assert not wrong, "the migration guide has no such rows"


def test_tests_are_called_once_and_never_left_out():
    names = [proof.name for proof in proofs()]
    assert sorted(names) == sorted(set(names))
    assert not [proof.name for proof in proofs() if re.search("skip|xfail", proof.decorators)]
    assert not [
        path.name for path in TESTS if re.search(r"pytest\.(skip|xfail|importorskip)|pytestmark", path.read_text())
    ]


@pytest.mark.parametrize("module", INCUMBENT_OPTIONS)
def test_every_option_of_openstack_cloud_is_an_option_here(module):
    assert not set(INCUMBENT_OPTIONS[module]) - set(options(module))


def test_rows_name_options_and_values_that_exist():
    """In the first column, and in what is said to be so here, ``option`` or ``option: value``."""
    known = options("image") | options("image_info")
    other = {"--diff", "null", "images", "owner_specified.openstack.*"} | {"actions", "transfer", "diff", "reason"}
    for name, row in titles().items():
        if name.startswith("more: "):
            continue
        for literal in re.findall(r"``([^`]+)``", row[0]):
            option, _colon, value = literal.partition(": ")
            assert option in known or option in other, f"{name}: there is no option {option!r}"
        for option, value in re.findall(r"``([a-z_]+): ([^`]+)``", f"{row[0]} {row[2]} {row[3]}"):
            choices = known.get(option, {}).get("choices")
            assert not choices or value in choices, f"{name}: {option} is never {value!r}"
