# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The declaration behind the module image_download: the data of an image of Glance in a local file."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from . import (
    _checksum,
    _content,
    _content_key,
    _disk,
    _download_plan,
    _file_build,
    _file_place,
    _file_plan,
    _identity,
    _memory,
    _partial,
    _steps,
    _which,
    _workfile,
)
from ._ahead import ahead
from ._argspec import size_option
from ._describe import described
from ._desired import require_name
from ._download_plan import Download, Found, Install, Shape, Wanted
from ._errors import (
    ChecksumMismatch,
    ConnectionProblem,
    FileProblem,
    Interrupted,
    InvalidOption,
    ServerRefusal,
    TransferProblem,
)
from ._file_declaration import CONVERTIBLE, FORMAT_ALIASES, compression_option
from ._glance import Glance, connect
from ._observed import Image
from ._receive import Reception

#: Problems that leave what has been downloaded as good as it was.
_WORTH_GOING_ON = (ConnectionProblem, TransferProblem, Interrupted)
#: Statuses from here on are the server's own faults.
_SERVER_FAULT = 500


@contextlib.contextmanager
def declare(module: AnsibleModule) -> t.Iterator[DownloadDeclaration]:
    """Make the declaration out of the options of the module ``image_download``.

    :raises CollectionError: for anything that is wrong with the options, before the cloud is asked.
    """
    params = module.params
    require_name(params["image"], "image")
    compression_option(params)
    _file_place.require_attributes(params)
    place = _file_place.Place(module, _file_place.place_option(params["dest"], "dest"), "dest")
    limit = size_option(params["max_virtual_size"], "max_virtual_size")
    with connect(params) as glance:
        yield DownloadDeclaration(glance, place, limit, params, module.warn)


class DownloadDeclaration:
    """A local file that is declared to hold the data of an image; what :func:`._runner.run_declaration` runs."""

    def __init__(
        self,
        glance: Glance,
        place: _file_place.Place,
        limit: int,
        params: dict[str, t.Any],
        warn: t.Callable[[str], None],
    ) -> None:
        self._glance = glance
        self._place = place
        self._limit = limit
        self._params = params
        self._warn = warn
        self._image = Image({})
        self._wanted: Wanted | None = None
        self._received = 0
        self._resumed_from = 0

    @_workfile.named("dest")
    def observe(self) -> Found:
        """Look for the image and at the file.

        :raises CollectionError: for everything that a run would fail for and that can be seen without a transfer.
        """
        self._image = self._find()
        wanted = self._wanted = self._wish(self._image)
        status = self._place.look()
        found = Found(False)
        if status:
            held, differ = self._held(wanted, status), self._place.attributes_differ()
            found = Found(True, status.st_size, held, differ)
        if found.content_key == wanted.content_key:
            return found
        self._require_doable(wanted)
        partial = _partial.size_of(wanted.path, self._partial_key())
        return dataclasses.replace(found, partial=partial, free=_workfile.free_bytes(wanted.path))

    def plan(self, observed: Found) -> _steps.Plan:
        """See :func:`._download_plan.plan`."""
        return _download_plan.plan(_steps.certain(self._wanted), observed)

    def predict(self, plan: _steps.Plan) -> dict[str, t.Any]:
        """The results of a plan that is not carried out."""
        size = plan.after["size"] if plan.changed else self._place.size
        return self._results(_steps.certain(self._wanted), size, 0.0)

    @_workfile.named("dest")
    def apply(self, plan: _steps.Plan) -> dict[str, t.Any]:
        """Carry out the plan."""
        begun = time.monotonic()
        wanted = _steps.certain(self._wanted)
        with contextlib.ExitStack() as stack:
            made: list[_workfile.WorkFile] = []
            for step in plan.steps:
                if isinstance(step, Download):
                    made.append(self._download(stack, step.wanted))
                elif isinstance(step, Shape):
                    made.append(self._shape(stack, made[-1], step.wanted))
                elif isinstance(step, Install):
                    self._install(made[-1], wanted, is_source=made[-1] is made[0])
                else:
                    self._place.set_attributes(wanted.content_key)
        return self._results(wanted, self._place.size, time.monotonic() - begun)

    # --- observing

    def _find(self) -> Image:
        """The image that the options mean.

        :raises InvalidOption: if there is none.
        :raises AmbiguousImage: if there are several.
        """
        name, project = self._params["image"], self._params["project"]
        own = self._glance.project_id
        if project:
            own = _identity.project_id(self._glance.conn, project, self._params["project_domain"], "project")
        found = self._glance.named_or_id(name, {"owner": own} if project else None)
        images = [Image(raw) for raw in found if not project or raw["owner"] == own]
        if self._glance.sees_all:
            images = [image for image in images if image.id == name or _which.is_offered(image, (own,))]
        image = _which.choose(images, name, own)
        if image is None:
            where = f" in the project {project!r}" if project else ""
            raise InvalidOption(f"image: there is no image {name!r}{where} that these credentials can see.")
        return image

    def _wish(self, image: Image) -> Wanted:
        size = _download_plan.data_size(image)
        check = _download_plan.check_of(image, _content.algorithms())
        own_format, container = image.raw.get("disk_format"), image.raw.get("container_format")
        wanted_format = FORMAT_ALIASES.get(self._params["format"], self._params["format"])
        if wanted_format and container != "bare":
            raise InvalidOption(
                f"format: the data of image {_download_plan.told(image)} lies in a container of the format {container}, "
                "so it can only be downloaded as it is."
            )
        compression = compression_option(self._params)
        wanted = Wanted(
            self._place.path, _download_plan.told(image), size, check, "", own_format, wanted_format, compression
        )
        if wanted.converts and own_format not in CONVERTIBLE:
            raise InvalidOption(f"format: an image of the format {own_format} cannot be converted.")
        recipe = _file_plan.recipe(wanted_format if wanted.converts else None, compression, unpack=False)
        # The data of an image never changes, so that its id can stand for data whose digest nobody knows.
        identity = (check.algorithm, check.digest) if check.algorithm and check.digest else ("image", image.id)
        return dataclasses.replace(wanted, content_key=_content_key.content_key(*identity, recipe))

    def _held(self, wanted: Wanted, status: os.stat_result) -> str | None:
        """What the file holds: remembered, or seen by its digest where it must have the very bytes of the image."""
        known = _memory.recall(_memory.identity_of(status)).get("content_key")
        if wanted.format and not wanted.converts and status.st_size and not self._is_shaped(wanted):
            return None
        if known == wanted.content_key or wanted.converts or not wanted.check.algorithm:
            return known
        if status.st_size != wanted.size:
            return known
        file = _content.open_local(wanted.path, "dest")
        digest = _content.digests(file, [wanted.check.algorithm])[wanted.check.algorithm]
        return wanted.content_key if digest == wanted.check.digest else known

    def _is_shaped(self, wanted: Wanted) -> bool:
        inspection = _disk.inspect(wanted.path, in_full=False)
        return not inspection.unsafe and _file_build.is_finished(inspection, self._target(wanted))

    def _require_doable(self, wanted: Wanted) -> None:
        self._place.require_folder()
        if os.path.islink(wanted.path) and not os.path.exists(wanted.path):
            raise FileProblem(
                f"dest: {wanted.path} is a symbolic link to something that does not exist.", file=wanted.path
            )
        if wanted.format:
            _file_build.require_tools(self._target(wanted))
        if self._image.status == "deactivated":
            # Only the server knows who may still read it.
            with self._glance.data(self._image.id):
                pass

    # --- doing

    def _download(self, stack: contextlib.ExitStack, wanted: Wanted) -> _partial.PartialFile:
        """The verified data in a file in the making."""
        key = self._partial_key()
        _partial.sweep(wanted.path, key)
        work = _partial.PartialFile(stack, wanted.path, key)
        if wanted.check.algorithm:
            stack.push(_keeper(work))
        if not wanted.resumable(work.size):
            work.restart()
        self._resumed_from = work.size
        try:
            self._receive(work, wanted)
        except ChecksumMismatch:
            if not self._resumed_from:
                raise
            self._warn(f"What an earlier run had left of image {wanted.image} was damaged; all of it was downloaded.")
            self._resumed_from = 0
            work.restart()
            self._receive(work, wanted)
        work.finish(sync=False)
        return work

    def _receive(self, work: _partial.PartialFile, wanted: Wanted) -> None:
        reception = Reception(self._glance, self._image.id, wanted.image, wanted.size, wanted.check.algorithm)
        try:
            with contextlib.closing(ahead(reception.after(work.blocks()))) as pieces:
                for offset, block in pieces:
                    if offset != work.size:
                        work.restart()
                    work.write(block)
        finally:
            self._received += reception.received
        if wanted.check.algorithm:
            expected = _checksum.Checksum(wanted.check.algorithm, _steps.certain(wanted.check.digest))
            digest = _steps.certain(reception.hexdigest())
            _checksum.require_equal(f"the data of image {wanted.image}", digest, expected, "image")

    def _shape(self, stack: contextlib.ExitStack, work: _workfile.WorkFile, wanted: Wanted) -> _workfile.WorkFile:
        check = _checksum.Checksum(str(wanted.check), wanted.check.digest or "")
        source = _file_build.Source(wanted.image, None, None, check, option="image")
        return _file_build.shaped(stack, work, source, self._target(wanted))[0]

    def _install(self, work: _workfile.WorkFile, wanted: Wanted, is_source: bool) -> None:
        work.finish()
        self._place.install(work.path)
        facts: dict[str, t.Any] = {"content_key": wanted.content_key}
        if is_source and wanted.check.algorithm:
            facts["digests"] = {wanted.check.algorithm: wanted.check.digest}
        self._place.remember(facts, needed="digests" not in facts)

    # --- telling

    def _results(self, wanted: Wanted, size: int | None, seconds: float) -> dict[str, t.Any]:
        check = wanted.check
        return {
            "file": wanted.path,
            "image": described(self._image.raw),
            "format": wanted.format or wanted.own_format,
            "size": size,
            "content_key": wanted.content_key,
            "checksum": {check.algorithm: check.digest} if check.algorithm else {},
            "verified_by": str(check),
            "transfer": {
                "bytes": self._received,
                "seconds": round(seconds, 3),
                "resumed_from": self._resumed_from,
            },
        }

    def _target(self, wanted: Wanted) -> _file_build.Target:
        own = wanted.own_format
        compression = wanted.compression_type
        return _file_build.Target(wanted.path, wanted.format, compression, False, own, self._limit, warn=self._warn)

    def _partial_key(self) -> str:
        """Tells what a partial file is to hold: the data of an image never changes while its id lives."""
        return f"{self._image.id} {self._image.size} {self._image.raw.get('os_hash_value')}"


def _keeper(work: _partial.PartialFile) -> t.Callable[..., bool]:
    """What leaves a file to the next run when this one ends early for a reason that may pass."""

    def leave(_kind: object, problem: BaseException | None, _trace: object) -> bool:
        passing = isinstance(problem, _WORTH_GOING_ON)
        if passing or (isinstance(problem, ServerRefusal) and problem.status >= _SERVER_FAULT):
            work.keep()
        return False

    return leave
