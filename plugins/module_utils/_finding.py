# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""How a declaration finds the images that it is about: by id, by name or by family; asked for one by one, or all at once."""

from __future__ import annotations

import threading
import typing as t
import urllib.parse

from ._glance import Glance, Json
from ._observed import FAMILY, INCOMING_FOR, Image, is_image_id
from ._which import is_offered

#: Bytes that the names of one question may take in an address; servers refuse request lines of over 4 KiB (gunicorn).
_QUESTION = 3000
#: What Glance's operator ``in`` cannot hold inside of quotation marks.
_NOT_IN_LISTS = ('"', "\\")
#: Glance lists either those in sight or hidden ones.
_HIDDEN = ("false", "true")

#: Kind of question, id of the project, and the name or family.
_Key = tuple[str, str, str]


class Finder:
    """Asks Glance each time."""

    def __init__(self, glance: Glance) -> None:
        self.glance = glance

    @property
    def fresh(self) -> Finder:
        """What to ask after the first time: whoever looks again has a reason to."""
        return Finder(self.glance)

    def by_id(self, image_id: str) -> list[Json]:
        """The image with an id; empty if there is none, or none that may be seen."""
        image = self.glance.image(image_id)
        return [image] if image else []

    def by_name(self, name: str, owner: str) -> list[Json]:
        """The images of a project that bear a name, hidden ones too; if there is none, the image whose id it is."""
        return self.glance.named_or_id(name, {"owner": owner})

    def by_reference(self, name: str, own: str, scope: str) -> list[Json]:
        """The active images of any project that a name may mean; of the own one at least, if it has any.

        :param own: id of the own project.
        :param scope: id of the project whose image refers to it.
        """
        return self.meant(self.glance.named(name), {own, scope})

    def meant(self, found: t.Iterable[Json], projects: t.Collection[str]) -> list[Json]:
        """Those that may be meant by an image of some projects."""
        sees_all = self.glance.sees_all
        return [raw for raw in found if can_be_referred_to(raw) and (not sees_all or is_offered(Image(raw), projects))]

    def by_family(self, family: str, owner: str) -> list[Json]:
        """The images of a project that bear a family, whatever else they are; hidden ones too."""
        found = self.glance.hidden_too({FAMILY: family, "owner": owner})
        return [image for image in found if image.get(FAMILY) == family]


class Prefetched(Finder):
    """Answers out of what was asked for all images together; good for a first plan, see :attr:`fresh`."""

    def __init__(self, glance: Glance) -> None:
        super().__init__(glance)
        self._found: dict[_Key, list[Json]] = {}
        #: Which of the two questions, of those in sight and of hidden ones, were answered.
        self._answered: dict[_Key, set[str]] = {}
        #: What was found under names that no image of the own project bears, by the name and the project that refers to it.
        self._others: dict[tuple[str, str], list[Json]] = {}
        self._referring = threading.Lock()

    def questions(
        self, names: t.Mapping[str, set[str]], families: t.Mapping[str, set[str]]
    ) -> list[t.Callable[[], None]]:
        """The calls that fetch it all; they may be made side by side.

        :param names: by the id of the project, the names to look for; families likewise.
        """
        calls: list[t.Callable[[], None]] = []
        for owner, wanted in names.items():
            for batch in batches(wanted):
                calls += [self._question_of_names(owner, batch, hidden) for hidden in _HIDDEN]
        for owner, wanted in families.items():
            calls += [
                self._question_of_family(owner, family, hidden) for family in sorted(wanted) for hidden in _HIDDEN
            ]
        return calls

    def by_name(self, name: str, owner: str) -> list[Json]:
        found = self._known(("name", owner, name))
        if found is None:
            return super().by_name(name, owner)
        return found or (self.by_id(name) if is_image_id(name) else [])

    def by_reference(self, name: str, own: str, scope: str) -> list[Json]:
        known = self._known(("name", own, name)) or []
        if own_ones := [image for image in known if can_be_referred_to(image)]:
            return own_ones
        # Many images may refer to the same one of somebody else
        with self._referring:
            if (name, scope) not in self._others:
                self._others[name, scope] = super().by_reference(name, own, scope)
            return self._others[name, scope]

    def by_family(self, family: str, owner: str) -> list[Json]:
        found = self._known(("family", owner, family))
        return super().by_family(family, owner) if found is None else found

    def _known(self, key: _Key) -> list[Json] | None:
        """What was found; None if that is not all, because a question failed or was never put."""
        return self._found[key] if len(self._answered.get(key, ())) == len(_HIDDEN) else None

    def _question_of_names(self, owner: str, batch: t.Sequence[str], hidden: str) -> t.Callable[[], None]:
        operator = f"eq:{batch[0]}" if len(batch) == 1 else "in:" + ",".join(f'"{name}"' for name in batch)
        return self._question({("name", owner, name) for name in batch}, "name", operator, hidden)

    def _question_of_family(self, owner: str, family: str, hidden: str) -> t.Callable[[], None]:
        return self._question({("family", owner, family)}, FAMILY, family, hidden)

    def _question(self, keys: set[_Key], attribute: str, operator: str, hidden: str) -> t.Callable[[], None]:
        (kind, owner), *_same = {key[:2] for key in keys}
        # Made before the calls are: two answers come to the same key from two threads
        for key in keys:
            self._found.setdefault(key, [])
            self._answered.setdefault(key, set())

        def ask() -> None:
            for image in self.glance.images({attribute: operator, "owner": owner, "os_hidden": hidden}):
                key = (kind, owner, image.get(attribute) or "")
                if key in keys:
                    self._found[key].append(image)
            for key in keys:
                self._answered[key].add(hidden)

        return ask


def can_be_referred_to(raw: Json) -> bool:
    """Whether an image may be meant as a kernel or ramdisk."""
    image = Image(raw)
    return image.status == "active" and not image.retired and not image.stamp(INCOMING_FOR)


def batches(names: t.Iterable[str]) -> list[list[str]]:
    """Names in groups that fit into one question each."""
    groups: list[list[str]] = []
    room = 0
    for name in sorted(names):
        size = len(urllib.parse.quote_plus(f'"{name}",'))
        if any(sign in name for sign in _NOT_IN_LISTS):
            groups.insert(0, [name])
        elif groups and size <= room:
            groups[-1].append(name)
            room -= size
        else:
            groups.append([name])
            room = _QUESTION - size
    return groups
