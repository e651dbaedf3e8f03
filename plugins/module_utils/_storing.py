# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""In which stores the data of an image is, and how it gets into others: store by store, never out of the last one. Pure."""

from __future__ import annotations

import dataclasses

from ._desired import Desired
from ._image_steps import CopyToStores, RemoveFromStore
from ._observed import Image, Observed
from ._refusals import require_import_method
from ._source import Source
from ._steps import Step


def stores_differ(desired: Desired, image: Image) -> bool:
    """Whether the data is not in exactly the declared stores."""
    return desired.stores is not None and set(desired.stores) != set(image.stores)


def stores_after(desired: Desired, old: Image | None) -> tuple[str, ...]:
    """The stores of a new image: the declared ones, or those of the image that it replaces; empty for the default store."""
    if desired.stores is not None:
        return desired.stores
    return old.stores if old else ()


def way_in(source: Source, stores: tuple[str, ...], observed: Observed) -> Source:
    """The source with the method by which its data goes in.

    A direct upload reaches one store only; the import glance-direct reaches several. ``auto`` takes the import where the
    cloud has it, so that what the cloud does with imported files (conversion, for instance) is done.
    """
    offered = "glance-direct" in (observed.import_methods or ())
    if source.method == "auto":
        return dataclasses.replace(source, method="glance-direct" if offered else None)
    if source.method is None and len(stores) > 1 and offered:
        return dataclasses.replace(source, method="glance-direct")
    return source


def placing(
    desired: Desired, observed: Observed, target: str, there: tuple[str, ...], at_leisure: bool = False
) -> list[Step]:
    """Steps that bring the data of an active image into the declared stores, and then out of the others.

    :param there: the stores that hold it.
    :param at_leisure: whether a copy need not be waited for: nothing else is going to change the image, which would be lost.
    :raises InvalidOption: if it would have to be copied and the cloud has no import method for that.
    """
    if desired.stores is None or set(desired.stores) == set(there):
        return []
    missing = tuple(store for store in desired.stores if store not in there)
    surplus = [store for store in there if store not in desired.stores]
    steps: list[Step] = []
    if missing:
        require_import_method("copy-image", observed, "stores")
        steps.append(CopyToStores(target, missing, wait=bool(surplus) or not at_leisure))
    return steps + [RemoveFromStore(target, store) for store in surplus]
