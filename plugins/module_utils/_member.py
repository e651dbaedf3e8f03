# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""A membership as the module ``image_member`` declares it: options and both ends brought together for the runner."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import typing as t

from ansible.module_utils.basic import AnsibleModule

from . import _identity, _member_plan
from ._desired import require_name
from ._errors import ConnectionProblem, InvalidOption, ServerRefusal, Superseded
from ._glance import Glance, Json, connect
from ._image_steps import Merge, Share, Unshare
from ._member_plan import Answer, Caller, Found, Wanted
from ._observed import GONE, Image, is_image_id
from ._steps import Plan, Step, certain, sentence

#: Options of the connection that say how, not who, and so hold for the cloud of the member as well.
_SHARED_OPTIONS = ("region_name", "validate_certs", "ca_cert", "api_timeout", "interface")


@contextlib.contextmanager
def declare(module: AnsibleModule) -> t.Iterator[MemberDeclaration]:
    """Make the declaration of one membership out of the options of the module ``image_member``.

    :raises CollectionError: for anything that is wrong with the options, and if a cloud cannot be reached.
    """
    params = module.params
    _require_options(params)
    with contextlib.ExitStack() as clouds:
        glance, receiver = clouds.enter_context(connect(params)), _connect_member(params, clouds)
        task, member = _account(glance), _account(receiver) if receiver else None
        wanted = Wanted(
            params["image"], _member_id(glance, params, task, member), params["state"] == "present", params["status"]
        )
        owner = _owner_id(glance, params, task)
        yield MemberDeclaration(glance, receiver, wanted, Caller(task.project, task.admin, member is not None), owner)


class MemberDeclaration:
    """One declared membership; what :func:`._runner.run_declaration` runs.

    :param receiver: Glance with the credentials of the member, if the task names its cloud.
    :param owner: id of the project that owns the image, if the task says so.
    """

    def __init__(
        self, glance: Glance, receiver: Glance | None, wanted: Wanted, caller: Caller, owner: str | None
    ) -> None:
        self._glance = glance
        self._receiver = receiver
        self._wanted = wanted
        self._caller = caller
        self._owner = owner
        self._membership: Json | None = None

    def observe(self) -> Found:
        """Read the image, and the membership if it can have any."""
        image = self._find()
        self._membership = None
        if image is not None and image.raw["visibility"] == "shared":
            rows = self._glance.rows_of_member(image.id, self._wanted.member)
            self._membership = rows[0] if rows else None
            return Found(image, tuple(row["status"] for row in rows))
        return Found(image)

    def plan(self, observed: Found) -> Plan:
        """See :func:`._member_plan.plan`."""
        return _member_plan.plan(self._wanted, observed, self._caller)

    def apply(self, plan: Plan) -> dict[str, t.Any]:
        """Carry out the plan, and look whether it has lasted."""
        done: list[str] = []
        for step in plan.steps:
            try:
                self._carry_out(step)
            except ServerRefusal as refusal:
                if refusal.status != 404:
                    raise
                raise Superseded(f"Others changed it meanwhile: {refusal.message}", actions=done) from refusal
            done.append(sentence(step))
        if not plan.after:
            return {}
        raw = self._glance.member(plan.after["image_id"], plan.after["member_id"])
        if raw is None or raw["status"] != plan.after["status"]:
            raise Superseded(
                f"The membership of project {plan.after['member_id']} in image {plan.after['image_id']} keeps changing: "
                f"it is {raw['status'] if raw else 'gone'} right after it was set to {plan.after['status']}.",
                actions=done,
            )
        return _result(raw)

    def predict(self, plan: Plan) -> dict[str, t.Any]:
        """The membership, with what the plan would change."""
        return _result({**(self._membership or {}), **plan.after}) if plan.after else {}

    @functools.singledispatchmethod
    def _carry_out(self, step: Step) -> None:
        raise NotImplementedError(f"no way to carry out: {step}")

    @_carry_out.register
    def _share(self, step: Share) -> None:
        self._glance.add_member(step.image, step.member)

    @_carry_out.register
    def _unshare(self, step: Unshare) -> None:
        self._glance.remove_member(step.image, step.member)

    @_carry_out.register
    def _merge(self, step: Merge) -> None:
        self._glance.merge_member(step.image, step.member, step.status)

    @_carry_out.register
    def _answer(self, step: Answer) -> None:
        by = certain(self._receiver) if step.by_member else self._glance
        by.set_member_status(step.image, step.member, step.status)

    def _find(self) -> Image | None:
        """The image that the task means: one that the own project has, or is to receive."""
        name, own = self._wanted.image, self._caller.project
        receiving = own if own == self._wanted.member else None
        query: Json = {"owner": self._owner or own}
        if receiving is not None:
            # without member_status a share that has not been accepted yet is found by its id only
            query = {"visibility": "shared", "member_status": "all"} | ({"owner": self._owner} if self._owner else {})
        found = [image for image in self._glance.named(name, query) if self._concerns(image, receiving)]
        if not found and is_image_id(name):
            image = self._glance.image(name)
            meant = image and image["status"] not in GONE and self._owner in (None, image["owner"])
            return Image(certain(image)) if meant else None
        return _member_plan.pick(map(Image, found), name, receiving)

    def _concerns(self, image: Json, receiving: str | None) -> bool:
        """Whether an image that bears the name may be meant; administrators are shown those of everybody."""
        if receiving is None or not self._caller.admin or self._owner or image["owner"] == receiving:
            return True
        return self._glance.member(image["id"], receiving) is not None


@dataclasses.dataclass(frozen=True)
class _Account:
    """Who credentials are, and where they lead to.

    :param domains: id and name of the domain of the project.
    :param endpoints: ids and addresses of the image service in the catalogue; None if nothing is known.
    """

    project: str
    name: str | None = None
    domains: tuple[str | None, ...] = ()
    admin: bool = False
    endpoints: frozenset[str] | None = None

    def is_called(self, name_or_id: str, domain: str | None) -> bool:
        return name_or_id == self.project or (name_or_id == self.name and domain in (None, *self.domains))


def _account(glance: Glance) -> _Account:
    """Read off the token, so that nobody needs the right to look projects up for one's own."""
    access = glance.access
    if access is None:  # let Glance judge what may be done
        return _Account(glance.project_id, admin=True)
    region = glance.conn.config.get_region_name("image")
    catalog = access.service_catalog.get_endpoints_data("image", region_name=region)
    known = {mark for found in catalog.values() for each in found for mark in (each.endpoint_id, each.url)}
    endpoints = frozenset(known - {None})
    domains = (access.project_domain_id, access.project_domain_name)
    return _Account(access.project_id or "", access.project_name, domains, glance.sees_all, endpoints)


def _connect_member(params: dict[str, t.Any], clouds: contextlib.ExitStack) -> Glance | None:
    """Glance with the credentials of the member; None if the task does not name its cloud.

    :param clouds: closes the connection in the end.
    """
    cloud = params["member_cloud"]
    if cloud is None:
        return None
    options = dict.fromkeys(("auth", "auth_type", "client_cert", "client_key", *_SHARED_OPTIONS))
    if isinstance(cloud, str):
        options |= {option: params[option] for option in _SHARED_OPTIONS}
    logs = {option: params[option] for option in ("sdk_log_path", "sdk_log_level")}
    try:
        return clouds.enter_context(connect({**options, **logs, "cloud": cloud}))
    except (ConnectionProblem, InvalidOption) as problem:
        message = problem.message.removeprefix("cloud: ")
        raise type(problem)(f"member_cloud: {message}", **problem.details) from problem


def _require_options(params: dict[str, t.Any]) -> None:
    require_name(params["image"], "image")
    for option in ("member", "member_domain", "owner", "owner_domain", "member_cloud"):
        if params[option] is not None and params[option] in ("", {}):
            raise InvalidOption(f"{option}: is empty; leave it out if it is not meant.")
    if not isinstance(params["member_cloud"], (str, dict, type(None))):
        raise InvalidOption("member_cloud: neither the name of a cloud nor a whole configuration.")
    if params["state"] == "absent" and params["status"]:
        raise InvalidOption("status: does not go with state: absent; a project that is no member has not answered.")


def _member_id(glance: Glance, params: dict[str, t.Any], task: _Account, member: _Account | None) -> str:
    """The id of the project that the task is about: the declared one, that of ``member_cloud``, or its own."""
    name, domain = params["member"], params["member_domain"]
    if member:
        if name is not None and not member.is_called(name, domain):
            raise InvalidOption(
                f"member_cloud: its credentials are those of project {member.name!r} ({member.project}), not of the "
                f"project {name!r} that member names."
            )
        if task.endpoints is not None and member.endpoints is not None and not task.endpoints & member.endpoints:
            raise InvalidOption("member_cloud: leads to another image service than the cloud that the image is in.")
    scope = member or task
    if name is None or scope.is_called(name, domain):
        if not scope.project:
            raise InvalidOption("member: the credentials are not those of a project; say which one is meant.")
        return scope.project
    return _identity.project_id(glance.conn, name, domain, option="member")


def _owner_id(glance: Glance, params: dict[str, t.Any], task: _Account) -> str | None:
    name, domain = params["owner"], params["owner_domain"]
    if name is None:
        return None
    return task.project if task.is_called(name, domain) else _identity.project_id(glance.conn, name, domain)


def _result(raw: Json) -> dict[str, t.Any]:
    return {"member": {key: value for key, value in raw.items() if key != "schema"}}
