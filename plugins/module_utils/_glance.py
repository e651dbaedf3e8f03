# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The hands that reach into Glance: one method an API call; the only file that speaks to it.

openstacksdk gives configuration, authentication and the endpoint; calls are plain requests of its session, because its
resource layer renames and drops properties, repeats uploads with an empty body, and does not look at every status.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import html
import re
import threading
import typing as t

from . import _pause, _throttle
from ._connection import connection, explained, persistently, told_whole
from ._errors import ConnectionProblem, ServerRefusal, Superseded
from ._observed import GONE, is_image_id

Json = dict[str, t.Any]

_PATCH_TYPE = "application/openstack-images-v2.1-json-patch"
#: Items a page; Glance's own limit (api_limit_max) is 1000 by default.
_PAGE = 1000
#: Seconds to connect, and to wait for an answer, of calls without image data.
_CALL_TIMEOUT = (10, 120)
#: Seconds that a single block may take to be sent, and that Glance may take to answer once it has all.
_DATA_TIMEOUT = (300, 3600)
#: How often a membership that two have made at the same moment is made anew.
_SETTLING = 5
#: Two rows of a membership must not be deleted within the same second, for the time is part of their unique key.
_TICK = 1.1
#: Reasons quote what was sent, which can be long.
_REASON_LIMIT = 600
_STATUS_LINE = re.compile(r"^\d{3} [A-Z][A-Za-z ]*: ")


@contextlib.contextmanager
def connect(params: dict[str, t.Any], folder: str | None = None) -> t.Iterator[Glance]:
    """A Glance made of the connection options.

    :param folder: see :func:`._connection.connection`.
    :raises CollectionError: as :func:`._connection.connection`.
    """
    with connection(params, folder) as conn:
        yield Glance(conn, params["api_timeout"])


class Glance:
    """Glance's API v2 (https://docs.openstack.org/api-ref/image/v2/), as raw JSON.

    Every method raises ServerRefusal with the server's reason for a status that it does not expect, and ConnectionProblem
    if there is no answer. Passing faults are retried here, except in the two methods that send image data.
    """

    def __init__(self, conn: t.Any, api_timeout: int | None = None) -> None:
        self.conn = conn
        self._call_timeout = api_timeout or _CALL_TIMEOUT
        self._adapter = conn.config.get_session_client("image")
        self._renewing = threading.Lock()

    @property
    def project_id(self) -> str:
        """The project that the credentials are scoped to."""
        with explained():
            return persistently(self.conn.session.get_project_id) or ""

    @property
    def access(self) -> t.Any:
        """What Keystone says of the credentials (keystoneauth1.access.AccessInfo); None where there is no Keystone."""
        session = self.conn.session
        if not hasattr(session.auth, "get_access"):
            return None
        with explained():
            return persistently(lambda: session.auth.get_access(session))

    @property
    def sees_all(self) -> bool:
        """Whether Glance shows the images of all projects, private ones too: to those who have the role admin."""
        access = self.access
        return access is not None and "admin" in access.role_names

    def regions(self) -> set[str]:
        """The regions of which the catalogue has an image service; empty where there is no catalogue."""
        access = self.access
        catalog = access.service_catalog.catalog if access else []
        return {endpoint["region"] for entry in catalog if entry["type"] == "image" for endpoint in entry["endpoints"]}

    @functools.cached_property
    def _service(self) -> str:
        """Address of the service. Every Glance has API v2 at /v2, so the versions need not be asked for."""
        try:
            with explained():
                endpoint = persistently(lambda: self._adapter.get_endpoint(skip_discovery=True))
            if not endpoint:
                raise ConnectionProblem("The cloud's catalogue has no image service for this region and interface.")
        except ConnectionProblem as problem:
            regions = ", ".join(sorted(map(repr, self.regions())))
            there = (
                f" The catalogue has one in {regions}; see the options region_name and interface." if regions else ""
            )
            raise told_whole(problem, self.conn, there) from problem.__cause__
        return endpoint.rstrip("/").removesuffix("/v2")

    # --- reading

    def named(self, name: str, query: t.Mapping[str, t.Any] | None = None, limit: int | None = None) -> list[Json]:
        """The images that bear exactly this name; hidden ones too, unless the query says which.

        Asked for with an operator, because a bare ``name=a:b`` is refused; compared again, because databases may ignore case.

        :param query: further parameters of GET /v2/images.
        """
        found = self.hidden_too({"name": f"eq:{name}", **(query or {})}, limit)
        return [image for image in found if image["name"] == name]

    def named_or_id(self, name: str, query: t.Mapping[str, t.Any] | None = None) -> list[Json]:
        """As :meth:`named`; if no image bears the name, the one whose id it is, whatever the query says."""
        found = self.named(name, query)
        if not found and is_image_id(name):
            image = self.image(name)
            return [image] if image else []
        return found

    def hidden_too(self, query: t.Mapping[str, t.Any], limit: int | None = None) -> list[Json]:
        """As :meth:`images`, but hidden ones are not left out."""
        choices = [query["os_hidden"]] if "os_hidden" in query else ["false", "true"]
        found = [image for hidden in choices for image in self.images({**query, "os_hidden": hidden}, limit)]
        return found[:limit]

    def images(self, query: t.Mapping[str, t.Any], limit: int | None = None) -> t.Iterator[Json]:
        """GET /v2/images, page by page.

        Of one owner all are listed: Glance leaves community images of others out, for administrators too, if it is not told.

        :param query: Glance's own parameters; a list is sent as repeated parameters.
        :param limit: at most so many images.
        """
        marker = None
        query = {"visibility": "all", **query} if "owner" in query else query
        while limit is None or limit > 0:
            page = dict(query, limit=min(limit or _PAGE, _PAGE))
            answer = self._call(
                "GET", "/images", "list images", params=page | ({"marker": marker} if marker else {})
            ).json()
            yield from answer["images"]
            if "next" not in answer or not answer["images"]:
                return
            marker = answer["images"][-1]["id"]
            limit = limit - len(answer["images"]) if limit is not None else None

    def image(self, image_id: str) -> Json | None:
        """GET /v2/images/{id}; None if there is none, or none that may be seen."""
        answer = self._call("GET", f"/images/{image_id}", f"show image {image_id}", ok=(200, 404))
        return answer.json() if answer.status_code == 200 else None

    def members(self, image_id: str) -> list[Json]:
        """GET /v2/images/{id}/members: ``member_id`` and ``status`` each, one for each project.

        Of a membership that stands there twice (see :meth:`add_member`) Glance shows and changes the first.
        """
        firsts: dict[str, Json] = {}
        for member in self.membership_rows(image_id):
            firsts.setdefault(member["member_id"], member)
        return list(firsts.values())

    def membership_rows(self, image_id: str) -> list[Json]:
        """As :meth:`members`, but with every row of a membership that stands there twice, in the order in which Glance takes them."""
        what = f"list the members of image {image_id}"
        return self._call("GET", f"/images/{image_id}/members", what).json()["members"]

    def tasks(self, image_id: str) -> list[Json]:
        """GET /v2/images/{id}/tasks, newest first; empty where the cloud does not have the call (before API 2.12)."""
        answer = self._call("GET", f"/images/{image_id}/tasks", f"list the tasks of image {image_id}", ok=(200, 404))
        tasks = answer.json().get("tasks", []) if answer.status_code == 200 else []
        return sorted(tasks, key=lambda task: task.get("created_at") or "", reverse=True)

    def schema(self) -> Json:
        """GET /v2/schemas/image."""
        return self._call("GET", "/schemas/image", "show the schema of images").json()

    def import_methods(self) -> list[str]:
        """GET /v2/info/import; empty where the cloud has no import."""
        answer = self._call("GET", "/info/import", "show the import methods", ok=(200, 404))
        return answer.json()["import-methods"]["value"] if answer.status_code == 200 else []

    def stores(self) -> list[Json] | None:
        """GET /v2/info/stores: ``id`` each, and ``default``, ``read-only``, ``description``; None with a single store."""
        answer = self._call("GET", "/info/stores", "show the stores", ok=(200, 404))
        return answer.json()["stores"] if answer.status_code == 200 else None

    def stores_in_detail(self) -> list[Json] | None:
        """GET /v2/info/stores/detail: with type, weight and properties; None where that is not allowed, or not there."""
        answer = self._call("GET", "/info/stores/detail", "show the stores in detail", ok=(200, 403, 404))
        return answer.json()["stores"] if answer.status_code == 200 else None

    def usage(self) -> Json | None:
        """GET /v2/info/usage: limit and usage by quota; empty where Keystone keeps no limits, None before Glance 24."""
        answer = self._call("GET", "/info/usage", "show the usage of quotas", ok=(200, 404))
        return answer.json()["usage"] if answer.status_code == 200 else None

    def versions(self) -> list[Json]:
        """GET /versions: ``id`` ("v2.17") and ``status`` each, newest first."""
        answer = self._call("GET", "/versions", "list the versions of its API", ok=(200, 300), api="")
        return answer.json()["versions"]

    def data(self, image_id: str, start: int = 0, length: int | None = None) -> contextlib.closing[t.Any]:
        """GET /v2/images/{id}/file as a response that is read block by block, and closed by ``with``.

        :param start: the first byte wanted; 206 is the status of an answer that begins there, 200 of one that has it all.
        :param length: how many bytes are wanted; None for all up to the end.
        :raises ServerRefusal: also for 204, an image without data.
        """
        end = "" if length is None else start + length - 1
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-{end}"} if start or length else {})
        what = f"read the data of image {image_id}"
        answer = self._call("GET", f"/images/{image_id}/file", what, ok=(200, 204, 206), stream=True, headers=headers)
        if answer.status_code == 204:
            answer.close()
            raise ServerRefusal(
                f"Glance has no data of image {image_id}: none was uploaded, or its store has lost it (HTTP 204).",
                204,
                request_id=answer.headers.get("x-openstack-request-id"),
            )
        return contextlib.closing(answer)

    # --- writing

    def create(self, body: Json) -> Json | None:
        """POST /v2/images; None if the id is taken, by an image that lives or by a deleted one."""
        answer = self._call("POST", "/images", f"create the image {body['name']!r}", ok=(201, 409), json=body)
        return answer.json() if answer.status_code == 201 else None

    def upload(self, image_id: str, body: t.Iterable[bytes], size: int, store: str | None = None) -> None:
        """PUT /v2/images/{id}/file.

        Never repeated here: whoever repeats it has to look at the image first.

        :param body: blocks; has ``__len__``, so that Content-Length is sent and Glance notices a cut.
        :param size: bytes, told to Glance ahead (Glance 31 and newer compares it with what arrives).
        """
        store_header = {"X-Image-Meta-Store": store} if store else {}
        self._data(f"/images/{image_id}/file", f"upload data into image {image_id}", body, size, store_header)

    def stage(self, image_id: str, body: t.Iterable[bytes], size: int) -> None:
        """PUT /v2/images/{id}/stage; as :meth:`upload`."""
        self._data(f"/images/{image_id}/stage", f"stage data for image {image_id}", body, size, {})

    def start_import(
        self, image_id: str, method: Json, stores: t.Sequence[str] = (), all_must_succeed: bool = True
    ) -> None:
        """POST /v2/images/{id}/import.

        :param method: for instance ``{"name": "web-download", "uri": "http://..."}``.
        :param all_must_succeed: whether the whole import fails when a single store does.
        """
        body: Json = {"method": method} | ({"stores": list(stores)} if stores else {})
        body |= {} if all_must_succeed else {"all_stores_must_succeed": False}
        self._call("POST", f"/images/{image_id}/import", f"import data into image {image_id}", ok=(202,), json=body)

    def patch(self, image_id: str, operations: t.Sequence[Json]) -> Json:
        """PATCH /v2/images/{id}; all or nothing. Returns the image as it is then."""
        what = f"change image {image_id}"
        headers = {"Content-Type": _PATCH_TYPE}
        return self._call("PATCH", f"/images/{image_id}", what, json=list(operations), headers=headers).json()

    def delete(self, image_id: str) -> None:
        """DELETE /v2/images/{id}; one that is gone already, or that somebody else deletes at the same moment, is fine.

        Memberships that stand there twice are made single first; see :meth:`add_member` for what becomes of the image otherwise.
        """
        self._make_members_single(image_id)
        try:
            self._call("DELETE", f"/images/{image_id}", f"delete image {image_id}", ok=(204, 404))
        except ServerRefusal:
            # Glance sets the status first and removes the row then: between the two a second deletion is refused.
            raw = self.image(image_id)
            if raw is not None and raw["status"] not in GONE:
                raise

    def set_active(self, image_id: str, active: bool) -> None:
        """POST /v2/images/{id}/actions/reactivate or .../deactivate."""
        action = "reactivate" if active else "deactivate"
        self._call("POST", f"/images/{image_id}/actions/{action}", f"{action} image {image_id}", ok=(204,))

    def member(self, image_id: str, project_id: str) -> Json | None:
        """GET /v2/images/{id}/members/{project}; None if it is no member, or the image cannot be seen."""
        what = f"show the member {project_id} of image {image_id}"
        answer = self._call("GET", f"/images/{image_id}/members/{project_id}", what, ok=(200, 404))
        return answer.json() if answer.status_code == 200 else None

    def rows_of_member(self, image_id: str, project_id: str) -> list[Json]:
        """All rows of one membership, see :meth:`membership_rows`; none if it is no member, or the image cannot be seen."""
        what = f"list the members of image {image_id}"
        answer = self._call("GET", f"/images/{image_id}/members", what, ok=(200, 404))
        rows = answer.json()["members"] if answer.status_code == 200 else []
        return [row for row in rows if row["member_id"] == project_id]

    def add_member(self, image_id: str, project_id: str) -> None:
        """POST /v2/images/{id}/members; a member that is there already is fine.

        Two who do so at the same moment leave two rows of the membership, for NULL is part of the unique key (Glance 33). Glance
        then cannot delete the image any more: it sets the status, answers 500, and keeps the record for ever. So all but one row
        are taken away while nobody has answered.
        """
        for _attempt in range(_SETTLING):
            rows = self.membership_rows(image_id) if self._add_membership_row(image_id, project_id) else []
            pending = [row for row in rows if row["member_id"] == project_id and row["status"] == "pending"]
            if len(pending) < 2:
                return
            for _row in pending[1:]:
                self._remove_membership_row(image_id, project_id)
        # Others may have taken away at the same moment, and left none.
        self._add_membership_row(image_id, project_id)

    def remove_member(self, image_id: str, project_id: str) -> None:
        """DELETE /v2/images/{id}/members/{project} until it is none any more: see :meth:`add_member` for why once can be too few."""
        for attempt in range(_SETTLING):
            try:
                if not self._remove_membership_row(image_id, project_id):
                    return
            except ServerRefusal as refusal:
                if refusal.status != 500 or not attempt:
                    raise
                _pause.pause(_TICK)
        raise Superseded(f"Others keep sharing image {image_id} with project {project_id}.")

    def merge_member(self, image_id: str, project_id: str, status: str) -> None:
        """Leave one row of a membership that stands there twice, with this status; that of another row is only for administrators.

        The row that Glance takes away is the one whose status counts.
        """
        self._remove_extra_rows(image_id, self.rows_of_member(image_id, project_id))
        # Others may have done the same at the same moment, and left none.
        self._add_membership_row(image_id, project_id)
        row = self.member(image_id, project_id)
        if row is not None and row["status"] != status:
            self.set_member_status(image_id, project_id, status)

    def _make_members_single(self, image_id: str) -> None:
        """Of an image that is not shared, and so is refused with 403, nobody can see or change the members."""
        what = f"list the members of image {image_id}"
        answer = self._call("GET", f"/images/{image_id}/members", what, ok=(200, 403, 404))
        if answer.status_code == 200:
            self._remove_extra_rows(image_id, answer.json()["members"])

    def _remove_extra_rows(self, image_id: str, rows: t.Iterable[Json]) -> None:
        projects = collections.Counter(row["member_id"] for row in rows)
        for project_id in (projects - collections.Counter(projects.keys())).elements():
            self._remove_membership_row(image_id, project_id)
            _pause.pause(_TICK)

    def _add_membership_row(self, image_id: str, project_id: str) -> bool:
        what, body = f"share image {image_id} with project {project_id}", {"member": project_id}
        return self._call("POST", f"/images/{image_id}/members", what, ok=(200, 409), json=body).status_code == 200

    def _remove_membership_row(self, image_id: str, project_id: str) -> bool:
        what = f"stop sharing image {image_id} with project {project_id}"
        answer = self._call("DELETE", f"/images/{image_id}/members/{project_id}", what, ok=(204, 404))
        return answer.status_code == 204

    def set_member_status(self, image_id: str, project_id: str, status: str) -> Json:
        """PUT /v2/images/{id}/members/{project}: accepted, rejected or pending; for the member itself, or an administrator."""
        what = f"set the member {project_id} of image {image_id} to {status}"
        return self._call("PUT", f"/images/{image_id}/members/{project_id}", what, json={"status": status}).json()

    def remove_from_store(self, image_id: str, store: str) -> None:
        """DELETE /v2/stores/{store}/{id}; where it is not in that store any more is fine.

        Glance looks first whether it is the last store, so that a repeated call is refused where the first one has done it.
        """
        what = f"remove image {image_id} from the store {store}"
        try:
            self._call("DELETE", f"/stores/{store}/{image_id}", what, ok=(204, 404))
        except ServerRefusal:
            raw = self.image(image_id)
            if raw and store not in (raw.get("stores") or "").split(","):
                return
            raise

    # --- the wire

    def _call(
        self, method: str, path: str, what: str, ok: tuple[int, ...] = (200,), api: str = "/v2", **kwargs: t.Any
    ) -> t.Any:
        """One call without image data; passing faults are retried."""

        def ask() -> t.Any:
            return self._request(api + path, method, timeout=self._call_timeout, **kwargs)

        with explained():
            answer = persistently(ask)
            if answer.status_code == 401 and self._renews_token(answer):
                answer = persistently(ask)
        _expect(answer, what, ok)
        if answer.status_code < 300 and not kwargs.get("stream"):
            _require_json(answer, what)
        return answer

    def _data(self, path: str, what: str, body: t.Iterable[bytes], size: int, headers: dict[str, str]) -> None:
        """PUT image data, once; the token is another one for the next try, if it was refused."""
        headers = {"Content-Type": "application/octet-stream", "X-OpenStack-Image-Size": str(size)} | headers
        with explained():
            answer = self._request("/v2" + path, "PUT", data=body, headers=headers, timeout=_DATA_TIMEOUT)
            if answer.status_code == 401:
                self._renews_token(answer)
        _expect(answer, what, (204,))

    def _request(self, path: str, method: str, **kwargs: t.Any) -> t.Any:
        """One request, once: the library's own retries would send an empty body the second time."""
        return self._adapter.request(
            self._service + path,
            method,
            raise_exc=False,
            connect_retries=0,
            status_code_retries=0,
            allow_reauth=False,
            **kwargs,
        )

    def _renews_token(self, refusal: t.Any) -> bool:
        """Whether there can be another token than the one that was refused.

        It expires for all threads at once. Only the first of them forgets it; keystoneauth, left alone, makes the others fail.
        """
        session = self.conn.session
        with self._renewing:
            current = persistently(session.get_auth_headers) or {}
            if current.items() <= dict(refusal.request.headers).items():
                return session.invalidate()
            return True


def _expect(answer: t.Any, what: str, ok: tuple[int, ...]) -> t.Any:
    if answer.status_code in ok:
        return answer
    waited = _throttle.explanation(answer.status_code, answer.headers)
    raise ServerRefusal(
        f"Glance refused to {what}: {_reason(answer)} (HTTP {answer.status_code}).{waited}",
        answer.status_code,
        answer.headers,
        request_id=answer.headers.get("x-openstack-request-id"),
    )


def is_true(value: t.Any) -> bool:
    """Whether a flag of a store is set: Glance says ``"true"``, or nothing."""
    return str(value).lower() == "true"


def plain(words: str) -> str:
    """What the server says, in one line and without the general phrase that Glance puts before the reason of a 413."""
    return " ".join(words.split()).rpartition("The response body: ")[2]


def _require_json(answer: t.Any, what: str) -> None:
    """Refuse an answer that Glance cannot have given: that of a portal or a gateway in between."""
    kind = answer.headers.get("Content-Type", "")
    if answer.content and "json" not in kind:
        raise ConnectionProblem(
            f"What was asked to {what} and answered with HTTP {answer.status_code} is not Glance: the answer is not JSON "
            f"but {kind or 'of no type'} and begins with {answer.text[:80]!r}."
        )


def _reason(answer: t.Any) -> str:
    """The server's own words out of an error answer, which is HTML, JSON or plain text."""
    from openstack import exceptions

    try:
        exceptions.raise_from_response(answer)
    except exceptions.HttpException as fault:
        words = plain(html.unescape(str(fault.details or fault.message or "")))
        words = _STATUS_LINE.sub("", words).partition(": Failed validating")[0]
        return words[:_REASON_LIMIT].rstrip(".") or "no reason given"
    return f"an answer that was not expected: {answer.text[:200]!r}"
