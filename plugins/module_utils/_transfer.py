# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Getting image data into Glance: uploads and imports, followed to their end, repeated where that is sound."""

from __future__ import annotations

import time
import typing as t

from . import _content
from ._connection import PAUSES
from ._desired import Source
from ._errors import ChecksumMismatch, ConnectionProblem, ImageFault, ServerRefusal, Superseded
from ._glance import Glance, Json
from ._image_steps import Fill
from ._observed import Image
from ._steps import certain

#: Glance hashes with this unless an operator has configured another (hashing_algorithm).
_USUAL_ALGORITHM = "sha512"
#: Seconds between looks at what the server does on its own: soon at first, then every two seconds.
_LOOKS = (0.1, 0.2, 0.4, 0.8, 1.5)
_SLOWEST_LOOK = 2.0
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
        #: Content key of the file, if an import of the cloud made other bytes of it.
        self.processed_key: str | None = None
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

        A file that went in by import may have been converted or unpacked by the cloud on purpose: see :attr:`processed_key`.

        :raises ChecksumMismatch: if size or digest differ.
        :raises ImageFault: if the image is not active.
        """
        raw = self._glance.image(image_id)
        if raw is None:
            raise Superseded(f"The image {image_id} was removed while its data came in.")
        image = Image(raw)
        if not image.usable:
            raise ImageFault(f"The image {image_id} is {image.status} after its data was sent.", id=image_id)
        if self._file and self._imported and not self._is_as_sent(image):
            self.processed_key = f"{_USUAL_ALGORITHM}:{self._local_digest(_USUAL_ALGORITHM)}"
        elif self._file:
            if image.size != self._file.size:
                raise ChecksumMismatch(f"{self._file.path} has {self._file.size} bytes, and Glance holds {image.size}.")
            self._require_digest(image, None)
        elif checksum:
            self._require_digest(image, checksum)
        return raw

    def wait_until_settled(self, image_id: str) -> bool:
        """Wait while somebody is at work on an image; False if they still are when the time is up."""
        return self._until(lambda raw: raw is None or not Image(raw).in_motion, image_id, self._timeout)

    # --- inside

    def _send(self, image_id: str, put: t.Callable[[t.Iterable[bytes], int], None], done: str) -> None:
        """Send the file, again from its first byte where the server shows that this is sound.

        :param done: the status of an image that has all its data.
        """
        file = certain(self._file)
        renewed = False
        for pause in (*PAUSES[:3], None):
            stream = _content.HashingStream(file, _USUAL_ALGORITHM)
            try:
                put(stream, file.size)
                self._sent_digests[_USUAL_ALGORITHM] = stream.hexdigest()
                return
            except (ConnectionProblem, ServerRefusal) as fault:
                expired = isinstance(fault, ServerRefusal) and fault.status == 401 and not renewed
                if expired:
                    renewed = True
                    self._glance.renew_token()
                if self._arrived_after_all(image_id, fault, done):
                    return
                passing = expired or isinstance(fault, ConnectionProblem) or _is_passing(fault)
                if pause is None or not passing:
                    raise
                time.sleep(pause)
            finally:
                self.bytes += stream.sent
                stream.close()

    def _arrived_after_all(self, image_id: str, fault: ConnectionProblem | ServerRefusal, done: str) -> bool:
        """After a failed transfer: True if the data is there all the same, False if it can be sent again.

        :raises Superseded: if somebody else is at work on the image, or has removed it.
        :raises CollectionError: the fault itself, if the image cannot take data any more.
        """
        if isinstance(fault, ServerRefusal) and fault.status in (404, 409, 410):
            raise Superseded(fault.message) from fault
        settled = self._until(
            lambda raw: raw is None or not Image(raw).in_motion or raw["status"] == done, image_id, _SETTLING
        )
        raw = self._glance.image(image_id)
        if raw is None:
            raise Superseded(f"The image {image_id} was removed while its data was sent.") from fault
        if raw["status"] == done:
            return True
        if not settled or not Image(raw).is_slot:
            raise fault
        return False

    def _import(self, image_id: str, step: Fill) -> None:
        source = step.source
        self._imported = True
        if source.path:
            self._send(image_id, lambda body, size: self._glance.stage(image_id, body, size), "uploading")
        method = {"name": source.method} | ({"uri": source.uri} if source.uri else {})
        try:
            self._glance.start_import(image_id, method, step.stores)
        except ServerRefusal as fault:
            raw = self._glance.image(image_id)
            if fault.status == 409 and raw and (Image(raw).in_motion or Image(raw).usable):
                raise Superseded(fault.message) from fault
            raise
        if step.wait:
            self._follow_import(image_id, source)

    def _follow_import(self, image_id: str, source: Source) -> None:
        """Wait until an import has ended.

        :raises ImageFault: if it failed, with the server's reason, or is not done in time.
        """
        ended = self._until(lambda raw: raw is None or not raw.get("os_glance_import_task"), image_id, self._timeout)
        raw = self._glance.image(image_id)
        if raw is None:
            raise Superseded(f"The image {image_id} was removed while Glance imported its data.")
        if not ended:
            raise ImageFault(
                f"Glance has not finished the {source.method} import of {source} into image {image_id} after "
                f"{self._timeout} seconds (option timeout); it goes on, and a later run will find its end.",
                id=image_id,
                unfinished=True,
            )
        if raw["status"] != "active" or raw.get("os_glance_failed_import"):
            reason = next((task["message"] for task in self._glance.tasks(image_id) if task.get("message")), "")
            raise ImageFault(
                f"Glance failed to import {source} into image {image_id} by {source.method}: {reason or 'no reason given'}",
                id=image_id,
            )

    def _until(self, is_so: t.Callable[[Json | None], bool], image_id: str, patience: float) -> bool:
        """Look at an image until something is so; False if it is not so in time."""
        deadline = time.monotonic() + patience
        looks = iter(_LOOKS)
        while not is_so(self._glance.image(image_id)):
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(next(looks, _SLOWEST_LOOK), left))
        return True

    def _require_digest(self, image: Image, checksum: tuple[str, str] | None) -> None:
        """Compare digests by an algorithm that both sides have; where there is none, read the data back."""
        algorithm = checksum[0] if checksum else image.hash_algorithm or _USUAL_ALGORITHM
        wanted = checksum[1] if checksum else self._local_digest(algorithm)
        held = image.digest(algorithm) or self._glance.digest(image.id, algorithm)
        if held != wanted:
            expected = f"that of {self._file.path} is" if self._file else "the declared checksum is"
            raise ChecksumMismatch(
                f"The data of image {image.id} has the {algorithm} digest {held}, and {expected} {wanted}."
            )

    def _is_as_sent(self, image: Image) -> bool:
        algorithm = image.hash_algorithm
        return algorithm is not None and image.digest(algorithm) == self._local_digest(algorithm)

    def _local_digest(self, algorithm: str) -> str:
        if algorithm not in self._sent_digests:
            self._sent_digests.update(_content.digests(certain(self._file), [algorithm]))
        return self._sent_digests[algorithm]


def _is_passing(fault: ServerRefusal) -> bool:
    """Whether a refusal may be gone at the next try; 507 and the like are not."""
    return fault.status in (500, 502, 503, 504)
