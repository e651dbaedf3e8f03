# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module images against itself, and beside the module image."""

from __future__ import annotations

from pathlib import Path

import pytest
from catalog_support import MARK, Catalogue, Json
from proxy import Hold
from race_support import all_at, cases
from support import SIZE

LIST = ("GET", r"^/v2/images\?")
UPLOAD = ("PUT", r"^/v2/images/[^/]+/file$")


def at_once(catalogue: Catalogue, *orders: Json, lists: int = 2) -> None:
    """Runs that have all seen the same before any of them writes; all end well.

    :param lists: how many lists each of them asks for first, all at once.
    """
    hold = Hold(reply=True)
    rule = catalogue.proxy.rule(*LIST, hold, times=lists * len(orders))
    with catalogue.started(*orders) as running:
        all_at(rule, lists * len(orders))
        hold.release()
        for each in running:
            catalogue.judge_first(each.result())


def versions(catalogue: Catalogue, *numbers: int) -> list[Json]:
    """Versions of one family, each with a file of its own."""
    return [
        {"name": catalogue.name, "version": f"2026{number:02}01", "filename": str(catalogue.disk(number, size=SIZE))}
        for number in numbers
    ]


def whole_family(catalogue: Catalogue, newest: Json) -> dict[str, bytes]:
    """Names and bytes of the versions that are declared now."""
    named = {
        each["name"] if each is newest else f"{each['name']} ({each['version']})": each for each in catalogue.images
    }
    return {name: Path(each["filename"]).read_bytes() for name, each in named.items()}


@pytest.mark.parametrize("work", cases(["replace"], ["create", "change"]))
def test_the_same_catalogue_twice(catalogue, work):
    if work != "create":
        catalogue.run()
        for image in catalogue.images:
            image |= {"filename": str(catalogue.disk(4, size=SIZE))} if work == "replace" else {"tags": ["late"]}
    at_once(catalogue, {}, {})
    catalogue.finish(changed=False)


@pytest.mark.parametrize("new", cases(["different"], ["the same"]), ids="{} new versions".format)
def test_versions_of_one_family(catalogue, new):
    catalogue.options["defaults"] = {"retire": "keep"}
    catalogue.images[:] = versions(catalogue, 1, 2)
    catalogue.run()
    catalogue.proxy.rules()
    first, second = versions(catalogue, 1, 2, 3), versions(catalogue, 1, 2, 4)
    catalogue.images[:] = first
    orders = [{"images": first}, {"images": first if new == "the same" else second}]
    at_once(catalogue, *orders, lists=3)
    catalogue.images[:] = versions(catalogue, 1, 2, 3) + (versions(catalogue, 4) if new == "different" else [])
    images = catalogue.finish(changed=False, expected=whole_family(catalogue, catalogue.images[-1]))
    assert images[catalogue.name]["cloudimage_version"] == catalogue.images[-1]["version"]


def test_beside_the_module_image(catalogue):
    """Both make the same image; the one adds a property, the other the mark of the catalogue."""
    hold = Hold(reply=True)
    rule = catalogue.proxy.rule(*LIST, hold, times=3)
    single = catalogue.images[2] | {"properties": {"single": "yes"}}
    with catalogue.started() as (many,), catalogue.started_alone(single) as one:
        all_at(rule, 3)
        hold.release()
        for each in (many, one):
            catalogue.judge_first(each.result())
    images = catalogue.finish(changed=False)
    held = images[single["name"]]
    assert (held["single"], held[MARK]) == ("yes", catalogue.name)


def test_prune_beside_a_run_that_creates(catalogue):
    """What is just being made is pruned by a run that does not know it; its maker makes it again, or it stays."""
    hold = Hold(after=SIZE // 2)
    rule = catalogue.proxy.rule(*UPLOAD, hold, times=3)
    with catalogue.started() as (maker,):
        all_at(rule, 3)
        with catalogue.started({"images": [{"name": catalogue.name, "state": "absent"}]}) as (pruner,):
            pruner.wait()
            hold.release()
            result = catalogue.judge_first(pruner.result(), well=True)
        assert [each["name"] for each in result["results"]] == [catalogue.name]
        catalogue.judge_first(maker.result())
    catalogue.finish(changed=False)
