# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""An image as the module ``image`` declares it: options and the outside world brought together for the runner."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import typing as t

from ansible.module_utils.basic import AnsibleModule

from . import _checksum, _content, _content_key, _disk, _identity, _plan, _property_check
from ._apply import Applier
from ._argspec import size_option
from ._cast import meant
from ._course import Course
from ._describe import described
from ._desired import Desired, desired_image
from ._errors import InvalidOption, ServerRefusal, Superseded
from ._finding import Finder
from ._foretold import id_to_come, is_to_come, raw_after
from ._glance import Glance, Json, connect, is_true
from ._image_steps import NEW
from ._needs import needing_each
from ._observed import Image, Observed, in_other_hands, is_image_id
from ._sharing import memberships, status_of
from ._steps import Plan, certain
from ._transfer import Transfer


@contextlib.contextmanager
def declare(module: AnsibleModule) -> t.Iterator[ImageDeclaration]:
    """Make the declaration of one image out of the options of the module ``image``.

    :raises CollectionError: for anything that is wrong with options and files, before the cloud is asked.
    """
    params = module.params
    desired = desired_image(params)
    _property_check.check(desired, params["check_properties"], module.warn)
    local = with_local_facts(desired, params)
    with connect(params) as glance:
        yield declaration(glance, local, params, module.warn)


def declaration(
    glance: Glance,
    local: tuple[_content.LocalFile | None, Desired],
    params: dict[str, t.Any],
    warn: t.Callable[[str], None],
    finder: Finder | None = None,
    expected: frozenset[str] | None = None,
) -> ImageDeclaration:
    """The declaration of one image on a cloud.

    :param local: see :func:`with_local_facts`.
    :param finder: how images are found at first; made by module ``images`` for many at once.
    :param expected: names of images that are going to be there, although they are not yet; None if only this one is declared.
    :raises CollectionError: if names of projects and images cannot be turned into ids.
    """
    file, desired = local
    finder = finder or Finder(glance)
    desired, scope = _with_cloud_facts(glance, finder, desired, params, expected)
    return ImageDeclaration(glance, desired, file, scope, params, warn, finder)


class ImageDeclaration:
    """One declared image; what :func:`._runner.run_declaration` runs.

    :param scope: id of the project in which the name is looked up.
    :param finder: how images are found at first.
    """

    def __init__(
        self,
        glance: Glance,
        desired: Desired,
        file: _content.LocalFile | None,
        scope: str,
        params: dict[str, t.Any],
        warn: t.Callable[[str], None],
        finder: Finder,
    ) -> None:
        self._glance = glance
        self._finder = finder
        self._desired = desired
        self._params = params
        self._file = file
        self._scope = scope
        self._max_virtual_size = size_option(params["max_virtual_size"], "max_virtual_size")
        self._transfer = Transfer(glance, file, params["timeout"])
        self._warn = warn
        self._stuck: set[str] = set()
        self._course = Course()
        #: What was seen, by id.
        self.found: dict[str, Json] = {}

    @property
    def is_preliminary(self) -> bool:
        """Whether it refers to images that are not there yet; such a plan is not to be carried out."""
        return any(map(is_to_come, self._desired.properties.values()))

    @property
    def boots_with(self) -> dict[str, str]:
        """Ids of the kernel and the ramdisk that it is declared to have, by the names or ids by which it names them."""
        ids = {self._params[option]: self._desired.properties.get(f"{option}_id") for option in ("kernel", "ramdisk")}
        return {name: image_id for name, image_id in ids.items() if name and image_id}

    def observe(self) -> Observed:
        """Read what is there under the name, then whatever else the plan asks for."""
        found = self._find()
        self._finder = self._finder.fresh
        self.found = {image["id"]: image for image in found}
        images, now = tuple(Image(raw) for raw in found), datetime.datetime.now(datetime.UTC)
        observed = Observed(
            images=images,
            project_id=self._scope,
            now=now,
            stuck=frozenset(self._stuck),
            said=self._course.said,
            in_hands=in_other_hands(images, now, self._course.mine) if self._desired.wait else frozenset(),
        )
        while questions := _plan.questions(self._desired, observed):
            observed = self._answer(questions, observed)
        return observed

    def plan(self, observed: Observed) -> Plan:
        """See :func:`._plan.plan`."""
        return _plan.plan(self._desired, observed)

    def apply(self, plan: Plan) -> dict[str, t.Any]:
        """Carry out the plan."""
        raw = Applier(self._glance, self._transfer, self._stuck, self._warn, self._course).run(plan)
        return self._result(raw)

    def predict(self, plan: Plan) -> dict[str, t.Any]:
        """What is there, with what the plan would change."""
        if not plan.after:
            return self._result(None)
        raw = self.found.get(plan.after.get("id", ""), {})
        if plan.changed:
            raw = raw_after(plan.after, raw)
            if raw["id"] == NEW or is_to_come(raw["id"]):
                del raw["id"]
        return self._result(raw)

    def _result(self, raw: Json | None) -> dict[str, t.Any]:
        transfer = {"bytes": self._transfer.bytes, "seconds": round(self._transfer.seconds, 3)}
        return {"transfer": transfer} | ({"image": described(raw)} if raw else {})

    def _find(self) -> list[Json]:
        desired = self._desired
        if desired.version is None:
            if desired.id:
                return self._finder.by_id(desired.id)
            return self._finder.by_name(desired.name, self._scope)
        found = self._finder.by_family(certain(desired.family), self._scope)
        found = found + self._finder.by_name(desired.name, self._scope)
        found += self._finder.by_id(desired.id) if desired.id else []
        # What somebody hides or shows between the lists of those in sight and of hidden ones is in neither of them
        missed = self.found.keys() - {image["id"] for image in found}
        found += [image for each in sorted(missed) for image in self._finder.by_id(each)]
        return list({image["id"]: image for image in found}.values())

    def _answer(self, questions: _plan.Questions, observed: Observed) -> Observed:
        """Find out what a plan asks for."""
        news: dict[str, t.Any] = {}
        if questions.digests:
            news["digests"] = observed.digests | _content.digests(certain(self._file), questions.digests)
        if questions.source_format:
            inspection = self._inspected()
            news |= {"source_format": inspection.disk_format, "source_virtual_size": inspection.virtual_size}
            news["source_other"] = inspection.other
        if questions.schema:
            properties = self._glance.schema().get("properties", {})
            news["schema"] = {key: properties.get(key, {}).get("enum") for key in ("disk_format", "container_format")}
        if questions.import_methods:
            news["import_methods"] = tuple(self._glance.import_methods())
        if questions.stores:
            stores = self._glance.stores() or []
            news["stores"] = {store["id"]: not is_true(store.get("read-only")) for store in stores if store["id"]}
        if questions.members_of:
            rows = memberships(self._members(questions.members_of))
            news["members"] = {project: status_of(statuses) for project, statuses in rows.items()}
            news["doubled"] = {project: statuses for project, statuses in rows.items() if len(statuses) > 1}
            news["answers_for_members"] = bool(news["doubled"]) and self._glance.sees_all
        if questions.relatives:
            news["relatives"] = tuple(map(Image, self._finder.by_family(questions.relatives, self._scope)))
        if questions.needing:
            news["needing"] = observed.needing | needing_each(self._glance, questions.needing)
        return dataclasses.replace(observed, **news)

    def _members(self, image_id: str) -> list[Json]:
        try:
            return self._glance.membership_rows(image_id)
        except ServerRefusal as fault:
            if fault.status == 404 and self._glance.image(image_id) is None:
                raise Superseded(f"The image {image_id} was removed by somebody else.") from fault
            raise

    def _inspected(self) -> _disk.Inspection:
        """What the local file really is, once it is known to be safe and what it is declared to be."""
        path = certain(self._file).path
        inspection = _disk.inspect(path)
        container = self._desired.container_format or self._container_held()
        declared = self._desired.disk_format if container == "bare" else None
        _disk.require_safe(inspection, path, disk_format=declared, max_virtual_size=self._max_virtual_size)
        if declared is None and container == "bare" and not self._replaces_without_signature():
            _disk.require_disk(inspection, path)
        return inspection

    def _container_held(self) -> str:
        """The container format that a new image takes over, or gets."""
        held = {raw.get("container_format") for raw in self.found.values()} - {None}
        return "bare" if "bare" in held or not held else min(map(str, held))

    def _replaces_without_signature(self) -> bool:
        """Whether there is a kernel or the like, whose format a new file takes over."""
        return any(raw.get("disk_format") in _disk.WITHOUT_SIGNATURE for raw in self.found.values())


def with_local_facts(desired: Desired, params: dict[str, t.Any]) -> tuple[_content.LocalFile | None, Desired]:
    """Look at the local file and resolve the checksum.

    :raises CollectionError: if either cannot be used.
    """
    file = None
    if desired.state == "absent":
        desired = dataclasses.replace(desired, source=None)
    if desired.source and desired.source.path:
        file = _content.open_local(desired.source.path)
        desired = dataclasses.replace(
            desired, source=dataclasses.replace(desired.source, path=file.path, size=file.size)
        )
    of_a_source = desired.state == "absent" and (params["filename"] or params["uri"])
    if params["checksum"] is not None and not of_a_source:
        address = desired.source.uri if desired.source else None
        checksum = _checksum.resolve(params["checksum"], file.path if file else address or desired.name)
        desired = dataclasses.replace(desired, checksum=(checksum.algorithm, checksum.digest))
    elif file and desired.content_key:
        _content_key.require_key(file, desired.content_key)
    return file, desired


def scope_of(glance: Glance, params: dict[str, t.Any]) -> str:
    """The id of the project in which a name is looked up.

    :raises InvalidOption: if it is declared, and there is none.
    """
    if params["owner"]:
        return _identity.project_id(glance.conn, params["owner"], params["owner_domain"])
    return glance.project_id


def _with_cloud_facts(
    glance: Glance, finder: Finder, desired: Desired, params: dict[str, t.Any], expected: frozenset[str] | None
) -> tuple[Desired, str]:
    """Turn the names of projects and images into ids; also return the project in which the name is looked up."""
    own, scope = glance.project_id, scope_of(glance, params)
    _require_region(glance, desired)
    attributes = dict(desired.attributes)
    if params["owner"] and (scope != own or desired.id):
        attributes["owner"] = scope
    properties = dict(desired.properties)
    if desired.state != "absent":
        for option in ("kernel", "ramdisk"):
            if params[option]:
                properties[f"{option}_id"] = _reference(finder, params[option], (own, scope), option, expected)
    members = desired.members and frozenset(
        _identity.project_id(glance.conn, member, params["members_domain"], "members") for member in desired.members
    )
    return dataclasses.replace(desired, attributes=attributes, properties=properties, members=members), scope


def _require_region(glance: Glance, desired: Desired) -> None:
    """:raises InvalidOption: if the catalogue has no image service in the region that Glance is to fetch from."""
    remote = desired.source.remote if desired.source else None
    regions = glance.regions() if remote else set()
    if remote and regions and remote.region not in regions:
        listed = ", ".join(sorted(regions))
        raise InvalidOption(
            f"remote_region: the catalogue has no image service in {remote.region!r}, only in {listed}."
        )


def _reference(
    finder: Finder, name_or_id: str, projects: tuple[str, str], option: str, expected: frozenset[str] | None
) -> str:
    """The id of an image that another image refers to: one of the own project rather than one of others.

    :param projects: ids of the own project, and of the one that the image is of.
    :param expected: names of images that are going to be there; until then words stand in the place of the id.
    :raises InvalidOption: if there is none.
    :raises AmbiguousImage: if there are several.
    """
    if is_image_id(name_or_id):
        return name_or_id
    found = [Image(raw) for raw in finder.by_reference(name_or_id, *projects)]
    image = meant([each for each in found if each.owner == projects[0]] or found, name_or_id, option)
    if not image and expected and name_or_id in expected:
        return id_to_come(name_or_id)
    if not image:
        alone = " If another task makes it, it is not there yet in check mode: declare both in one task of the module images."
        raise InvalidOption(f"{option}: there is no active image {name_or_id!r}.{alone if expected is None else ''}")
    return image.id
