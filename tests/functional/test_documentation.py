# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the documentation says is true: examples run, and documented results are there."""

from __future__ import annotations

import json
import shutil
import typing as t
from pathlib import Path

import ansible_collections.cloudimage.glance as collection
import cloud_support
import files_support
import playbook_support
import pytest
import yaml

PLUGINS = Path(collection.__path__[0]) / "plugins"
MODULES = sorted(path.stem for path in (PLUGINS / "modules").glob("*.py"))
LOOKUPS = sorted(path.stem for path in (PLUGINS / "lookup").glob("*.py"))
#: Where the examples say that they have their files.
NAMED_FOLDER = "/tmp/cloudimage"


def documented(plugin: str, part: str, kind: str = "modules") -> t.Any:
    source = (PLUGINS / kind / f"{plugin}.py").read_text()
    return yaml.safe_load(source.partition(f'{part} = r"""')[2].partition('"""')[0])


@pytest.fixture
def playground(disk, tmp_path) -> Path:
    """A folder with the files that the examples speak of."""
    folder = tmp_path / "cloudimage"
    folder.mkdir()
    image = folder / "debian-13.qcow2"
    shutil.copy(disk(disk_format="qcow2"), image)
    shutil.copy(image, folder / "rescue.qcow2")
    packed = folder / "rescue.qcow2.xz"
    packed.write_bytes(files_support.pack("xz", image.read_bytes()))
    sums = [f"{files_support.sha256(file.read_bytes())}  {file.name}\n" for file in (image, packed)]
    (folder / "SHA256SUMS").write_text("".join(sums))
    return folder


@pytest.mark.parametrize("module", MODULES)
def test_examples_run_and_results_are_as_documented(module, member, playground, tmp_path):
    if module == "image_retention":
        member.create("debian-12", b"data", cloudimage_catalog="standard")
        member.create("nightly-1", b"data", image_type="snapshot")
    tasks = json.loads(json.dumps(documented(module, "EXAMPLES")).replace(NAMED_FOLDER, str(playground)))
    output = _run(tasks, tmp_path)
    missing = _missing(documented(module, "RETURN"), _results(output))
    assert not missing, f"documented, but in no result of the examples: {missing}"


@pytest.mark.parametrize("lookup", LOOKUPS)
def test_examples_of_lookups_run(lookup, member, tmp_path):
    for version, name in (("20261001", "debian-13 (20261001)"), ("20261121", "debian-13")):
        stamps = {"cloudimage_family": "debian-13", "cloudimage_version": version}
        member.create(name, b"data", architecture="x86_64", **stamps)
    _run(documented(lookup, "EXAMPLES", "lookup"), tmp_path)


def _run(tasks: list[dict[str, t.Any]], tmp_path: Path) -> str:
    """Run tasks on the clouds that the examples speak of, without a failure or a warning; returns the output."""
    clouds = yaml.safe_load(cloud_support.CLOUDS_YAML.read_text())["clouds"]
    named = {"clouds": {"mycloud": clouds["local"], "othercloud": clouds["local-other"]}}
    (tmp_path / "clouds.yaml").write_text(yaml.safe_dump(named))
    book = playbook_support.written(tmp_path / "play.yml", tasks)
    environment = {"OS_CLIENT_CONFIG_FILE": str(tmp_path / "clouds.yaml"), **playbook_support.own(tmp_path)}
    code, output = playbook_support.run("-vvv", book, environment=environment)
    assert code == 0, output
    assert "WARNING" not in output
    return output


def _results(output: str) -> list[dict[str, t.Any]]:
    """The results that ansible-playbook -vvv shows: JSON behind an arrow."""
    decoder = json.JSONDecoder()
    return [decoder.raw_decode(part)[0] for part in output.split(" => ")[1:] if part.startswith("{")]


def _missing(described: dict[str, t.Any], results: list[t.Any], path: str = "") -> list[str]:
    """Documented keys that no result has, unless they are documented to be there only sometimes."""
    missing = []
    for key, entry in described.items():
        if not entry.get("returned", "success").startswith("success"):
            continue
        values = [result[key] for result in results if key in result]
        if not values:
            missing.append(path + key)
            continue
        inner = [each for value in values for each in (value if isinstance(value, list) else [value])]
        nested = [each for each in inner if isinstance(each, dict)]
        if entry.get("contains") and nested:
            missing += _missing(entry["contains"], nested, f"{path}{key}.")
    return missing
