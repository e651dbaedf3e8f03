# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""One image that its catalogue no longer names on its way out: with ``state: absent``, but for what forbids pruning."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from . import _plan
from ._apply import Applier
from ._compare import picture_of
from ._desired import Desired
from ._finding import Finder
from ._glance import Glance
from ._image_steps import Delete
from ._observed import CATALOG, Image, Observed, in_other_hands
from ._steps import Plan
from ._transfer import Transfer
from ._versions import (
    best,
    family_of,
    is_called_after_version,
    is_excluded,
    name_of_family,
    newest_good,
    version_of,
)


@dataclasses.dataclass(frozen=True)
class Departure:
    """An image that is to go.

    :param mark: what it bears, unless somebody has taken it over.
    :param others: ids of all images that are to go; none of them inherits a name.
    :param leaves_name: whether it is the one that passes on the name of its family.
    """

    image: Image
    mark: str
    others: frozenset[str] = frozenset()
    leaves_name: bool = False


class Farewell:
    """A declaration that is run by :class:`._converge.Convergence`.

    :param finder: finds the image, and its family.
    :param timeout: seconds for which others who are at work on it are waited for.
    """

    def __init__(
        self, glance: Glance, finder: Finder, departure: Departure, timeout: int, warn: t.Callable[[str], None]
    ) -> None:
        self._glance = glance
        self._finder = finder
        self._departure = departure
        self._timeout = timeout
        self._warn = warn
        self._stuck: set[str] = set()

    def observe(self) -> Observed:
        """Read the image, and what there is besides of its family and under its name, if that has to pass on."""
        image = self._departure.image
        owner, family = image.owner or "", family_of(image)
        found = self._finder.by_id(image.id)
        if found and family and self._departure.leaves_name:
            found = found + self._finder.by_family(family, owner)
            found += self._finder.by_name(found[0]["name"] or "", owner)
        images = tuple({raw["id"]: Image(raw) for raw in found}.values())
        now = datetime.datetime.now(datetime.UTC)
        in_hands = in_other_hands(images, now, ())
        return Observed(images=images, project_id=owner, now=now, stuck=frozenset(self._stuck), in_hands=in_hands)

    def plan(self, observed: Observed) -> Plan:
        """See :func:`plan`."""
        return plan(self._departure, observed)

    def apply(self, plan: Plan) -> dict[str, t.Any]:
        """Carry out the plan."""
        Applier(self._glance, Transfer(self._glance, None, self._timeout), self._stuck, self._warn).run(plan)
        return {}

    def predict(self, plan: Plan) -> dict[str, t.Any]:
        """Nothing beside the plan itself."""
        return {}


def plan(departure: Departure, observed: Observed) -> Plan:
    """What is to be done so that an image goes; nothing if somebody has taken it over, or protected it. Pure.

    The name of a family passes on as it does with ``state: absent``, unless another version of the family has one, too.
    """
    image = next((each for each in observed.images if each.id == departure.image.id), None)
    if image is None:
        return Plan({}, {})
    if image.stamp(CATALOG) != departure.mark or image.protected:
        return Plan(picture_of(image), picture_of(image))
    desired = Desired(name=image.name or "", state="absent", id=image.id)
    others = [each for each in observed.images if each.id not in departure.others and not _is_twin(each, image)]
    if departure.leaves_name and _is_missed(image, others, observed):
        desired = dataclasses.replace(desired, family=family_of(image), version=version_of(image))
    else:
        others = []
    decided = _plan.plan(desired, dataclasses.replace(observed, images=(image, *others)))
    return dataclasses.replace(decided, steps=tuple(map(_explained, decided.steps)))


def name_leavers(images: t.Iterable[Image]) -> frozenset[str]:
    """Ids of those that pass on the name of their family, if it is that: one for each name in a family. Pure."""
    bearers: dict[tuple[str, str, str], list[Image]] = {}
    for image in images:
        if (family := family_of(image)) and image.name and not is_called_after_version(image):
            bearers.setdefault((image.owner or "", family, image.name), []).append(image)
    return frozenset(image.id for image in map(best, bearers.values()) if image)


def _is_missed(image: Image, others: t.Iterable[Image], observed: Observed) -> bool:
    """Whether a family is left without its name when an image goes, although there is a version that can have it."""
    family = family_of(image)
    if not family or image.name != name_of_family([each for each in observed.images if family_of(each) == family]):
        return False
    relatives = [each for each in others if family_of(each) == family]
    # One that is excluded may have just passed its name on, and has it still
    if any(each.name == image.name for each in relatives) and not is_excluded(image):
        return False
    if any(each.name == image.name and not each.hidden for each in others if each not in relatives):
        return False  # Somebody else's image goes by the name already.
    return newest_good(relatives, family, observed.now) is not None


def _is_twin(image: Image, other: Image) -> bool:
    """Whether images are one version of one family, or even the same."""
    known = family_of(image), version_of(image)
    return image.id == other.id or (known[0] is not None and known == (family_of(other), version_of(other)))


def _explained(step: t.Any) -> t.Any:
    return dataclasses.replace(step, why="no longer in the catalogue") if isinstance(step, Delete) else step
