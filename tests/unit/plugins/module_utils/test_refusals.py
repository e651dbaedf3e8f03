# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused before anything is sent."""

from __future__ import annotations

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils import _refusals as refusals
from ansible_collections.cloudimage.glance.plugins.module_utils._desired import Desired
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import ImageFault, InvalidOption
from ansible_collections.cloudimage.glance.plugins.module_utils._image_steps import (
    Change,
    CopyToStores,
    RemoveFromStore,
)
from ansible_collections.cloudimage.glance.plugins.module_utils._observed import Image, Observed
from ansible_collections.cloudimage.glance.tests.unit.plugins.module_utils import glance_model as model

OBSERVED = Observed((), model.PROJECT, model.NOW, import_methods=("web-download",), stores={"a": True, "b": False})
UNKNOWN = Observed((), model.PROJECT, model.NOW)


def test_what_is_not_known_is_not_refused() -> None:
    refusals.require_import_method("copy-image", UNKNOWN)
    refusals.require_import_method(None, OBSERVED)
    refusals.require_stores(Desired("n", stores=("z",)), UNKNOWN)
    refusals.require_stores(Desired("n"), OBSERVED)
    refusals.require_shareable(Desired("n"), "private")


def test_the_option_is_named_that_makes_a_method_necessary() -> None:
    with pytest.raises(InvalidOption, match=r"^import_method: .* does not offer x; it offers web-download\.$"):
        refusals.require_import_method("x", OBSERVED)
    with pytest.raises(InvalidOption, match=r"^stores: .* does not offer copy-image"):
        refusals.require_import_method("copy-image", OBSERVED, "stores")


@pytest.mark.parametrize(
    ("store", "words"), [("z", r"no store 'z'; it has a, b\.$"), ("b", r"'b' of this cloud can only be read\.$")]
)
def test_stores(store: str, words: str) -> None:
    refusals.require_stores(Desired("n", stores=("a",)), OBSERVED)
    with pytest.raises(InvalidOption, match=f"^stores: .*{words}"):
        refusals.require_stores(Desired("n", stores=("a", store)), OBSERVED)


def test_one_missing_part_of_a_signature_is_named() -> None:
    whole = dict.fromkeys(refusals.SIGNATURE, "s")
    refusals.require_whole_signature(Desired("n"), whole, fills=True)
    refusals.require_whole_signature(Desired("n"), {}, fills=True)
    del whole["img_signature_key_type"]
    refusals.require_whole_signature(Desired("n"), whole, fills=False)
    with pytest.raises(InvalidOption, match=r"are all there; img_signature_key_type is missing\.$"):
        refusals.require_whole_signature(Desired("n"), whole, fills=True)


def test_only_a_copy_needs_an_image_that_no_task_holds() -> None:
    image = Image({"id": "i", "status": "active", "os_glance_import_task": "t"})
    refusals.require_released(image, [Change("i", ()), RemoveFromStore("i", "a"), CopyToStores("j", ("a",))])
    with pytest.raises(ImageFault, match="image i for longer than the option timeout"):
        refusals.require_released(image, [CopyToStores("i", ("a",))])
