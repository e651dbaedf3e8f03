# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The one exception hierarchy of the collection.

Every problem that a user can meet is raised as a :class:`CollectionError` whose text is one clear sentence; the runner
turns it into ``fail_json`` at one edge. Nothing else in the collection ends a module.
"""

from __future__ import annotations

import traceback
import typing as t

from ._harmless import harmless


class CollectionError(Exception):
    """A problem told to the user in one sentence.

    :param message: the sentence; names the option, the file or the server's reason, and never holds a secret.
    :param details: JSON-able facts that are returned beside the message, for instance ``{"ids": [...]}``.
    """

    #: Short machine-readable name, returned as ``reason``; playbooks may branch on it.
    reason = "failed"

    def __init__(self, message: str, **details: t.Any) -> None:
        # What the server says, and what images are called, is in it as others have written it.
        self.message = harmless(message)
        super().__init__(self.message)
        self.details = details


class InvalidOption(CollectionError):
    """An option's value is wrong, or wrong beside another option."""

    reason = "invalid_option"


class CatalogProblem(CollectionError):
    """A catalogue of images is wrong; ``details["problems"]`` lists all that is."""

    reason = "catalog_problem"


class FileProblem(CollectionError):
    """A local file, folder, archive or disk cannot be used as asked."""

    reason = "file_problem"


class UnsafeImage(CollectionError):
    """An image file is not what it is declared to be, or refers to other files, or claims too much."""

    reason = "unsafe_image"


class ChecksumMismatch(CollectionError):
    """Bytes do not have the digest that was declared or that the server reports."""

    reason = "checksum_mismatch"


class MissingDependency(CollectionError):
    """A Python library or a program is missing on the host that runs the module."""

    reason = "missing_dependency"


class TransferProblem(CollectionError):
    """A download from a URL failed: its status, a broken connection, an early end."""

    reason = "transfer_problem"


class AmbiguousImage(CollectionError):
    """Several images bear the name; ``details["ids"]`` lists them."""

    reason = "ambiguous_image"


class ContentMissing(CollectionError):
    """The plan needs image data, and the task names no source for it."""

    reason = "content_missing"


class ConnectionProblem(CollectionError):
    """The cloud cannot be reached or refuses the credentials."""

    reason = "connection_problem"


class ServerRefusal(CollectionError):
    """The server answered a call with an error.

    :param status: the HTTP status of the answer; ``headers`` are those of it.
    """

    reason = "server_refusal"

    def __init__(self, message: str, status: int, headers: t.Mapping[str, str] | None = None, **details: t.Any) -> None:
        super().__init__(message, status=status, **details)
        self.status = status
        self.headers = headers or {}


class ImageFault(CollectionError):
    """An image did not reach the declared state: a failed import, a lost upload, a stuck status."""

    reason = "image_fault"


class Superseded(CollectionError):
    """Somebody else acted on the image in the meantime: observe and plan anew. Never meant to reach the user."""

    reason = "superseded"


class Interrupted(CollectionError):
    """SIGTERM or SIGINT arrived; raised in the main thread so that clean-up runs."""

    reason = "interrupted"


class ImagesFailed(CollectionError):
    """Some of many declared images did not reach their state; ``details["results"]`` says which and why."""

    reason = "images_failed"


def as_result(fault: Exception) -> dict[str, t.Any]:
    """What a result tells of one failure among several: ``msg``, ``reason`` and details, ``exception`` if nobody foresaw it."""
    if isinstance(fault, CollectionError):
        return {"msg": fault.message, "reason": fault.reason, **fault.details}
    lines = traceback.format_exception(fault)
    return {
        "msg": f"Unexpected {type(fault).__name__}: {fault}",
        "reason": "unexpected",
        "exception": "".join(lines),
    }
