# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Getting image data into Glance: uploads and imports, followed to their end, repeated where that is sound."""

from __future__ import annotations

import time
import typing as t

from . import _content, _pause, _throttle
from ._connection import PAUSES
from ._content_type import HEAD_SIZE, TAIL_SIZE, Content, glimpsed
from ._errors import ChecksumMismatch, ConnectionProblem, ImageFault, ServerRefusal, Superseded
from ._glance import Glance, Json, plain
from ._image_steps import CopyToStores, Fill
from ._observed import Image
from ._receive import Reception, part_of
from ._source import Source
from ._steps import certain

#: Glance hashes with this unless an operator has configured another (hashing_algorithm).
_USUAL_ALGORITHM = "sha512"
#: Seconds between looks at what the server does on its own: soon at first, then every two seconds.
_LOOKS = (0.1, 0.2, 0.4, 0.8, 1.5)
_SLOWEST_LOOK = 2.0
#: Seconds that somebody else gets for the way from one call to the next.
_TURN = 3.0
#: Seconds that Glance gets to notice that a connection was cut, and to clear up.
_SETTLING = 15


class Transfer:
    """Fills images with the data of one source, and verifies what arrived.

    :param file: the local file, if the source is one.
    :param timeout: seconds to wait for imports.
    """

    def __init__(self, glance: Glance, file: _content.LocalFile | None, timeout: float) -> None:
        self._glance = glance
        self._file = file
        self._timeout = timeout
        self._sent_digests: dict[str, str] = {}
        self._imported = False
        #: What went over the wire from here: bytes and seconds.
        self.bytes = 0
        self.seconds = 0.0

    def fill(self, image_id: str, step: Fill) -> None:
        """Put the data in.

        :raises Superseded: if somebody else is filling the image, or has removed it.
        """
        started = time.monotonic()
        if step.source.method is None:
            self._send(
                image_id, lambda body, size: self._glance.upload(image_id, body, size, *step.stores[:1]), "active"
            )
        else:
            self._import(image_id, step)
        self.seconds += time.monotonic() - started

    def verify(self, image_id: str, checksum: tuple[str, str] | None) -> Json:
        """Compare what Glance holds with what was sent, or with the declared digest; return the image.

        A file that went in by import may have been converted or unpacked by the cloud on purpose; then it has another size.

        :raises ChecksumMismatch: if size or digest differ.
        :raises ImageFault: if the image is not active.
        """
        raw = self._glance.image(image_id)
        if raw is None:
            raise Superseded(f"The image {image_id} was removed while its data came in.")
        image = Image(raw)
        if image.status == "queued":
            # Somebody's change of the image that began before the data was in has been saved over it
            raise Superseded(f"The image {image_id} lost its data to a change that somebody else made at that moment.")
        if not image.usable:
            raise ImageFault(f"The image {image_id} is {image.status} after its data was sent.", id=image_id)
        if self._file and self._imported and image.size != self._file.size:
            return raw
        if self._file:
            if image.size != self._file.size:
                raise ChecksumMismatch(f"{self._file.path} has {self._file.size} bytes, and Glance holds {image.size}.")
            self._require_digest(image, None)
        elif checksum:
            self._require_digest(image, checksum)
        return raw

    def content(self, raw: Json) -> Content | None:
        """What the data of an image is, by its first and last bytes; None if nothing is recognised, or they cannot be read."""
        size = certain(Image(raw).size)
        head = part_of(self._glance, raw["id"], 0, min(size, HEAD_SIZE))
        begin = max(0, size - TAIL_SIZE)
        tail = part_of(self._glance, raw["id"], begin, size - begin) if size > HEAD_SIZE else head
        return glimpsed(head, tail, size)

    def copy(self, image_id: str, step: CopyToStores) -> None:
        """Let Glance copy the data into further stores; what it has copied stays, even if another store fails.

        :raises Superseded: if somebody else is copying it, or has.
        :raises ImageFault: if the data is not in each of the stores in the end, with the server's reason.
        """
        try:
            self._glance.start_import(image_id, {"name": "copy-image"}, step.stores, all_must_succeed=False)
        except ServerRefusal as fault:
            raw = self._glance.image(image_id)
            moved = raw is not None and (Image(raw).copying or set(Image(raw).stores) & set(step.stores))
            if fault.status in (400, 409) and moved:
                raise Superseded(fault.message) from fault
            raise
        if not step.wait:
            return
        raw = self._released(image_id, f"copied image {image_id} to the stores {', '.join(step.stores)}")
        missing = [store for store in step.stores if store not in Image(raw).stores]
        if missing:
            raise ImageFault(
                f"Glance failed to copy image {image_id} to the stores {', '.join(missing)}: {self._failure(image_id)}",
                id=image_id,
            )

    def wait_until_settled(self, image_id: str) -> bool:
        """Wait while somebody is at work on an image; False if they still are when the time is up."""
        settled, _raw = self._until(lambda raw: raw is None or not _is_at_work(Image(raw)), image_id, self._timeout)
        return settled

    def wait_until_changed(self, seen: Json) -> bool:
        """Wait a little whether somebody goes on with an image that nobody shows to be at work on; False if not."""
        changed, _raw = self._until(lambda raw: raw is None or not is_same(raw, seen), seen["id"], _TURN)
        return changed

    # --- inside

    def _send(self, image_id: str, put: t.Callable[[t.Iterable[bytes], int], None], done: str) -> None:
        """Send the file, again from its first byte where the server shows that this is sound.

        :param done: the status of an image that has all its data.
        """
        file = certain(self._file)
        renewed = again = False
        patience, pauses = _throttle.Patience(), iter(PAUSES[:3])
        while True:
            stream = _content.HashingStream(file, _USUAL_ALGORITHM)
            try:
                put(stream, file.size)
                self._sent_digests[_USUAL_ALGORITHM] = stream.hexdigest()
                return
            except (ConnectionProblem, ServerRefusal) as fault:
                expired = isinstance(fault, ServerRefusal) and fault.status == 401 and not renewed
                renewed = renewed or expired
                beaten = again and isinstance(fault, ServerRefusal) and fault.status == 409
                if self._arrived_after_all(image_id, fault, done, beaten):
                    return
                again = True
                pause = patience.pause(fault.status, fault.headers) if isinstance(fault, ServerRefusal) else None
                passing = expired or beaten or isinstance(fault, ConnectionProblem) or _is_passing(fault)
                if pause is None and (not passing or (pause := next(pauses, None)) is None):
                    raise
                _pause.pause(pause)
            finally:
                self.bytes += stream.sent
                stream.close()

    def _arrived_after_all(
        self, image_id: str, fault: ConnectionProblem | ServerRefusal, done: str, beaten: bool
    ) -> bool:
        """After a failed transfer: True if the data is there all the same, False if it can be sent again.

        :param beaten: whether it is refused because an earlier try from here, cut off on this side, is still being served.
        :raises Superseded: if somebody else is at work on the image, or has removed it.
        :raises CollectionError: the fault itself, if the image cannot take data any more.
        """
        if isinstance(fault, ServerRefusal) and fault.status in (404, 409, 410) and not beaten:
            raise Superseded(fault.message) from fault

        def is_done(raw: Json) -> bool:
            # An image is uploading from the first staged byte on; it has a size once the last one is there
            return raw["status"] == done and (done != "uploading" or raw.get("size") == certain(self._file).size)

        settled, raw = self._until(
            lambda raw: raw is None or not Image(raw).in_motion or is_done(raw), image_id, _SETTLING
        )
        if raw is None:
            raise Superseded(f"The image {image_id} was removed while its data was sent.") from fault
        if is_done(raw):
            return True
        if not settled or not Image(raw).is_slot:
            raise fault
        return False

    def _import(self, image_id: str, step: Fill) -> None:
        source = step.source
        self._imported = True
        if source.path:
            self._send(image_id, lambda body, size: self._glance.stage(image_id, body, size), "uploading")
        try:
            self._glance.start_import(image_id, _import_method(source), step.stores)
        except ServerRefusal as fault:
            raw = self._glance.image(image_id)
            taken = raw is not None and (Image(raw).in_motion or Image(raw).usable)
            ours = raw is not None and raw["status"] == "uploading" and not raw.get("os_glance_import_task")
            if (fault.status == 409 and taken and not (source.path and ours)) or (fault.status == 404 and raw is None):
                raise Superseded(fault.message) from fault
            raise
        if step.wait:
            self._follow_import(image_id, step)

    def _follow_import(self, image_id: str, step: Fill) -> None:
        """Wait until an import has ended.

        :raises ImageFault: if it failed, with the server's reason, or is not done in time.
        """
        source = step.source
        raw = self._released(image_id, f"imported {source} into image {image_id} by {source.method}")
        missing = [store for store in step.stores if store not in Image(raw).stores]
        if raw["status"] != "active" or raw.get("os_glance_failed_import") or missing:
            where = f" (store {', '.join(missing)})" if missing and raw["status"] == "active" else ""
            raise ImageFault(
                f"Glance failed to import {source} into image {image_id}{where} by {source.method}: "
                f"{self._failure(image_id)}",
                id=image_id,
            )

    def _released(self, image_id: str, what: str) -> Json:
        """The image once the task that works on it has let go of it.

        :param what: what Glance is to have done, in the words of a message.
        :raises ImageFault: if it is not done in time.
        """
        in_time = time.monotonic() + _SLOWEST_LOOK
        ended, raw = self._until(
            lambda raw: raw is None or not raw.get("os_glance_import_task") or self._has_failed(raw, in_time),
            image_id,
            self._timeout,
        )
        if raw is None:
            raise Superseded(f"The image {image_id} was removed while Glance was at work on it.")
        if not ended:
            raise ImageFault(
                f"Glance has not {what} after {self._timeout} seconds (option timeout); it goes on, and a later run will "
                "find its end.",
                id=image_id,
                unfinished=True,
            )
        return raw

    def _has_failed(self, raw: Json, in_time: float) -> bool:
        """Whether the task that holds an image has failed, and will not let go of it any more.

        :param in_time: up to then it is not asked for, because most tasks are soon over.
        """
        if time.monotonic() < in_time:
            return False
        task_id = raw["os_glance_import_task"]
        tasks = self._glance.tasks(raw["id"])
        return any(task["id"] == task_id and task["status"] == "failure" for task in tasks)

    def _failure(self, image_id: str) -> str:
        """Why Glance says that the last task of an image failed."""
        task = next((task for task in self._glance.tasks(image_id) if task.get("message")), {})
        said = plain(task.get("message", ""))
        if said in ("", "Task failed due to Internal Error"):
            return (
                f"{said or 'no reason given'}. Glance's own log says more about task {task.get('id', 'unknown')}; it may be a source "
                "or a store that it cannot reach, data of another format, or a quota."
            )
        return said.rstrip(".")

    def _until(
        self, is_so: t.Callable[[Json | None], bool], image_id: str, patience: float
    ) -> tuple[bool, Json | None]:
        """Look at an image until something is so; False if it is not so in time. Beside that the image as it was last seen."""
        deadline = time.monotonic() + patience
        looks = iter(_LOOKS)
        while not is_so(raw := self._glance.image(image_id)):
            left = deadline - time.monotonic()
            if left <= 0:
                return False, raw
            _pause.pause(min(next(looks, _SLOWEST_LOOK), left))
        return True, raw

    def _require_digest(self, image: Image, checksum: tuple[str, str] | None) -> None:
        """Compare digests by an algorithm that both sides have; where there is none, read the data back."""
        algorithm = checksum[0] if checksum else image.hash_algorithm or _USUAL_ALGORITHM
        wanted = checksum[1] if checksum else self._local_digest(algorithm)
        held = image.digest(algorithm) or self._read_back(image, algorithm)
        if held != wanted:
            expected = f"that of {self._file.path} is" if self._file else "the declared checksum is"
            raise ChecksumMismatch(
                f"The data of image {image.id} has the {algorithm} digest {held}, and {expected} {wanted}."
            )

    def _read_back(self, image: Image, algorithm: str) -> str:
        reception = Reception(self._glance, image.id, image.id, certain(image.size), algorithm)
        for _piece in reception:
            pass
        return certain(reception.hexdigest())

    def _local_digest(self, algorithm: str) -> str:
        if algorithm not in self._sent_digests:
            self._sent_digests.update(_content.digests(certain(self._file), [algorithm]))
        return self._sent_digests[algorithm]


def is_same(one: Json, other: Json) -> bool:
    """Whether nobody has written between two looks at an image."""
    return {**one, "tags": sorted(one.get("tags") or ())} == {**other, "tags": sorted(other.get("tags") or ())}


def _is_at_work(image: Image) -> bool:
    return image.in_motion or image.copying


def _import_method(source: Source) -> Json:
    """The method of POST /v2/images/{id}/import."""
    method: Json = {"name": source.method}
    if source.uri:
        method["uri"] = source.uri
    if source.remote:
        method["glance_region"] = source.remote.region
        method["glance_image_id"] = source.remote.id
        method["glance_service_interface"] = source.remote.interface
    return method


def _is_passing(fault: ServerRefusal) -> bool:
    """Whether a refusal may be gone at the next try; 507 and the like are not."""
    return fault.status in (500, 502, 503, 504)
