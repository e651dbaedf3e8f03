# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Where the data of a declared image comes from, and how it goes in. Pure."""

from __future__ import annotations

import dataclasses
import hashlib
import typing as t
import urllib.parse
import uuid

from ._address import encoded, public_address
from ._errors import InvalidOption
from ._steps import certain


@dataclasses.dataclass(frozen=True)
class RemoteImage:
    """An image of another region of the same Keystone, which Glance itself fetches (glance-download)."""

    region: str
    id: str
    interface: str = "public"


@dataclasses.dataclass(frozen=True)
class Source:
    """Where the image data comes from.

    :param method: None for a direct upload, the name of a Glance import method, or "auto": as the cloud offers.
    :param path: a local file, or None.
    :param uri: an address that Glance itself fetches, or None.
    :param remote: an image of another region, or None.
    :param size: bytes of the local file, or None.
    """

    method: str | None = None
    path: str | None = None
    uri: str | None = None
    remote: RemoteImage | None = None
    size: int | None = None

    def __str__(self) -> str:
        if self.remote:
            return f"image {self.remote.id} of region {self.remote.region}"
        return self.path if self.path else public_address(self.uri or "")

    @property
    def option(self) -> str:
        """The option that names it, for messages."""
        return "remote_image_id" if self.remote else "filename" if self.path else "uri"

    @property
    def key(self) -> str | None:
        """What tells content that only Glance reads; None for a local file, whose digest tells it."""
        if self.remote:
            return f"glance-image:{self.remote.id}"
        return f"uri-sha256:{hashlib.sha256(self.uri.encode()).hexdigest()}" if self.uri else None


def declared_source(params: dict[str, t.Any]) -> Source | None:
    """Where the data comes from and how it goes in.

    :raises InvalidOption: if the way in does not fit what is to go in.
    """
    method, path, uri, remote = params["import_method"], params["filename"], params["uri"], _remote_image(params)
    option = "filename" if path else "uri" if uri else "remote_image_id" if remote else None
    wanted = {"web-download": "uri", "glance-direct": "filename", "glance-download": "remote_image_id"}.get(method)
    if wanted and option != wanted:
        beside = f"; it cannot be used with {option}" if option else ""
        raise InvalidOption(f"import_method: {method} needs the option {wanted}{beside}.")
    if path:
        return Source(method=method or ("glance-direct" if params["use_import"] else None), path=path)
    if uri:
        return Source(method="web-download", uri=_checked_uri(uri))
    if remote:
        return Source(method="glance-download", remote=remote)
    return None


def _remote_image(params: dict[str, t.Any]) -> RemoteImage | None:
    image_id, region = params["remote_image_id"], params["remote_region"]
    if image_id is None and region is None:
        return None
    if not image_id or not region:
        raise InvalidOption("remote_region, remote_image_id: the one says nothing without the other.")
    for option in ("disk_format", "container_format"):
        if params[option]:
            raise InvalidOption(
                f"{option}: glance-download takes the format of the remote image; leave the option out."
            )
    return RemoteImage(region, certain(require_uuid(image_id, "remote_image_id")), params["remote_service_interface"])


def _checked_uri(uri: str) -> str:
    """The address as Glance takes it: encoded where people write blanks or letters beyond ASCII."""
    try:
        uri = encoded(uri)
        parts = urllib.parse.urlsplit(uri)
        _port = parts.port
    except ValueError:
        raise InvalidOption("uri: must be an http or https address with a host.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidOption("uri: must be an http or https address with a host.")
    if parts.username or parts.password:
        raise InvalidOption(
            "uri: an address with a user or password in it is refused, because Glance keeps it where others can read it."
        )
    return uri


def require_uuid(value: str | None, option: str) -> str | None:
    """An id in its usual spelling; None stays None.

    :raises InvalidOption: if it is no UUID.
    """
    if value is None:
        return None
    try:
        return str(uuid.UUID(value))
    except ValueError:
        raise InvalidOption(f"{option}: {value!r} is not a UUID, and Glance takes nothing else.") from None
