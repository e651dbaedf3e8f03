# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The declaration behind the module image_file: what it finds, what it plans, what it does, what it tells."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from . import (
    _address,
    _checksum,
    _content,
    _content_key,
    _disk,
    _fetch,
    _file_build,
    _file_place,
    _file_plan,
    _memory,
    _qemu,
    _steps,
    _unpack,
    _workfile,
)
from ._argspec import size_option
from ._errors import InvalidOption

#: The algorithm for the identity of a local source that is declared without a checksum.
_OWN_ALGORITHM = "sha256"

#: Names that people use for formats, and Glance's.
FORMAT_ALIASES = {"vpc": "vhd"}

FORMATS = (*_qemu.TARGETS, *FORMAT_ALIASES)
#: What can be converted, and what a source can be declared to be: a kernel or ramdisk, which is neither unpacked nor converted, or any file.
CONVERTIBLE = (*FORMATS, "iso")
SOURCE_FORMATS = (*CONVERTIBLE, "ploop", *sorted(_disk.KERNELS), _file_build.ANY)


class FileDeclaration:
    """A local file that is declared to be there with some content, or not to be there."""

    def __init__(self, module: AnsibleModule) -> None:
        self._options = module.params
        path = _file_place.place_option(module.params["path"], "path")
        # The source is looked at in more than one place, and told of once
        self._target = _target(module.params, path, functools.cache(module.warn))
        _file_place.require_attributes(module.params)
        self._source: _file_build.Source | None = None
        self._wanted = _file_plan.Wanted(self._target.path)
        self._inspection: _disk.Inspection | None = None
        self._place = _file_place.Place(module, self._target.path, "path")

    @_workfile.named("path")
    def observe(self) -> _file_plan.Found:
        """Look at the file and, for ``state: present``, at the source.

        :raises CollectionError: for everything that a run would fail for and that can be seen without a transfer.
        """
        status = self._place.look()
        if self._options["state"] == "present":
            self._source = _source(self._options, self._target.path)
            self._wanted = _wanted(self._source, self._target)
        found = self._found(status) if status else _file_plan.Found(exists=False)
        if self._source is not None and found.content_key != self._wanted.content_key:
            self._require_buildable(self._source)
        return found

    def plan(self, observed: _file_plan.Found) -> _steps.Plan:
        """Compare."""
        return _file_plan.plan(self._wanted, observed)

    def predict(self, plan: _steps.Plan) -> dict[str, t.Any]:
        """The results of a plan that is not carried out."""
        return self._results(plan, None, 0.0)

    @_workfile.named("path")
    def apply(self, plan: _steps.Plan) -> dict[str, t.Any]:
        """Carry out the plan."""
        begun = time.monotonic()
        built = None
        for step in plan.steps:
            if isinstance(step, _file_plan.Build):
                built = self._build(t.cast("_file_build.Source", self._source))
            elif isinstance(step, _file_plan.SetAttributes):
                self._place.set_attributes(self._wanted.content_key)
            else:
                _remove(self._target.path)
        return self._results(plan, built, time.monotonic() - begun)

    def _found(self, status: os.stat_result) -> _file_plan.Found:
        if self._source is None:
            return _file_plan.Found(True, size=status.st_size)
        self._inspection = _disk.inspect(self._target.path, in_full=False) if status.st_size else None
        return _file_plan.Found(
            True,
            format=self._inspection.format if self._inspection else None,
            size=status.st_size,
            content_key=self._content_key(status, self._source),
            attributes_differ=self._place.attributes_differ(),
        )

    def _content_key(self, status: os.stat_result, source: _file_build.Source) -> str | None:
        """What the file holds: remembered, or seen by its digest where it has the very bytes of the source."""
        identity = _memory.identity_of(status)
        known = _memory.recall(identity).get("content_key")
        if known is not None or self._inspection is None:
            return known
        if source.file is not None and source.file.size != status.st_size:
            return None
        file = _content.open_local(self._target.path, "path")
        if self._target.unpack and _unpack.packed_with(file):
            return None
        self._inspection = _disk.inspect(self._target.path)
        if not _file_build.is_finished(self._inspection, self._target) or self._inspection.unsafe:
            return None
        digest = _content.digests(file, [source.checksum.algorithm])[source.checksum.algorithm]
        return self._wanted.content_key if digest == source.checksum.digest else None

    def _require_buildable(self, source: _file_build.Source) -> None:
        self._place.require_folder()
        _require_buildable(source, self._target)

    def _build(self, source: _file_build.Source) -> _file_build.Built:
        built = _file_build.build(source, self._target, self._place.install)
        facts: dict[str, t.Any] = {"content_key": self._wanted.content_key}
        if built.is_source:
            facts["digests"] = {source.checksum.algorithm: source.checksum.digest}
        self._place.remember(facts, needed=not built.is_source)
        self._inspection = built.inspection
        return built

    def _results(self, plan: _steps.Plan, built: _file_build.Built | None, seconds: float) -> dict[str, t.Any]:
        current = built is not None or plan.after == plan.before
        inspection = self._inspection if current and plan.after["exists"] else None
        transfer = {"bytes": built.received if built else 0, "seconds": round(seconds, 3)}
        return {
            "path": self._target.path,
            "content_key": self._wanted.content_key,
            "format": inspection.format if inspection else self._wanted.format,
            "disk_format": self._disk_format(inspection),
            "virtual_size": inspection.virtual_size if inspection else None,
            "size": self._place.size if inspection else None,
            "source": _told_source(self._source, built) if self._source else None,
            "transfer": transfer,
        }

    def _disk_format(self, inspection: _disk.Inspection | None) -> str | None:
        """The format under which Glance takes the file; None as long as that is not known."""
        if self._target.source_format in _disk.KERNELS:
            return self._target.source_format
        if self._target.source_format == "raw" and not self._target.format:
            return "raw"
        return inspection.disk_format if inspection else self._target.format


@contextlib.contextmanager
def declare(module: AnsibleModule) -> t.Iterator[FileDeclaration]:
    """The declaration that the options of a module make."""
    yield FileDeclaration(module)


def look(options: dict[str, t.Any]) -> dict[str, t.Any]:
    """What the module image_file tells of a source beforehand, wherever the file will be: ``content_key`` and ``source``.

    :param options: those of the module, but for the ones that are about the file.
    :raises CollectionError: as in check mode.
    """
    target = _target(options, "", lambda _text: None)
    source = _source(options, target.path)
    _require_buildable(source, target)
    return {"content_key": _wanted(source, target).content_key, "source": _told_source(source, None)}


def describe(options: dict[str, t.Any]) -> dict[str, t.Any]:
    """What the module image_file_info tells.

    :raises FileProblem: if there is something that is no image file.
    """
    limit = size_option(options["max_virtual_size"], "max_virtual_size")
    path = os.path.abspath(os.path.expanduser(options["path"]))
    if _file_place.look(path, "path") is None:
        return {"path": path, "exists": False}
    file = _content.open_local(path, "path")
    inspection = _disk.inspect(path)
    reasons = list(inspection.unsafe)
    if inspection.other and inspection.other.kind != "kernel":
        reasons.append(f"it is no disk image, but {inspection.other}")
    if inspection.virtual_size > limit:
        reasons.append(f"it claims a virtual size of {inspection.virtual_size} bytes, and {limit} is the limit")
    return {
        "path": path,
        "exists": True,
        "format": inspection.format,
        "content": inspection.content.name if inspection.content else None,
        "packed": _unpack.packed_with(file),
        "virtual_size": inspection.virtual_size,
        "size": file.size,
        "actual_size": inspection.actual_size,
        "safe": not reasons,
        "reasons": reasons,
        "content_key": _memory.recall(file.identity).get("content_key"),
        "checksums": _content.digests(file, options["checksum_algorithms"]),
    }


def compression_option(options: dict[str, t.Any]) -> str | None:
    """How the qcow2 that is to be made is compressed.

    :raises InvalidOption: if something else is to be made.
    """
    if options["compression_type"] and options["format"] != "qcow2":
        raise InvalidOption("compression_type: is for the format qcow2 only.")
    return options["compression_type"]


def _target(options: dict[str, t.Any], path: str, warn: t.Callable[[str], None]) -> _file_build.Target:
    if options["timeout"] < 1:
        raise InvalidOption(f"timeout: {options['timeout']} is not a number of seconds.")
    disk_format = FORMAT_ALIASES.get(options["format"], options["format"])
    source_format = FORMAT_ALIASES.get(options["source_format"], options["source_format"])
    if disk_format and source_format in (*_disk.KERNELS, "ploop", _file_build.ANY):
        raise InvalidOption(f"format: a source that is declared to be {source_format} is not converted.")
    return _file_build.Target(
        path=path,
        format=disk_format,
        compression_type=compression_option(options),
        unpack=source_format not in _disk.KERNELS if options["unpack"] is None else options["unpack"],
        source_format=source_format,
        max_virtual_size=size_option(options["max_virtual_size"], "max_virtual_size"),
        max_unpack_memory=size_option(options["max_unpack_memory"], "max_unpack_memory"),
        warn=warn,
    )


def _source(options: dict[str, t.Any], path: str) -> _file_build.Source:
    http = _fetch.HttpOptions(**{field.name: options[field.name] for field in dataclasses.fields(_fetch.HttpOptions)})
    address = options["src"].strip()
    local = _fetch.local_path(address, "src")
    name = _address.public_address(address)
    declared = options["checksum"]
    if local is None:
        if not declared:
            raise InvalidOption(
                f"checksum: is needed to fetch {name}; give 'sha256:<digits>' or the address of a file of checksums."
            )
        return _file_build.Source(name, None, address, _checksum.resolve(declared, address, http=http), http)
    file = _content.open_local(local, "src")
    if os.path.realpath(file.path) == os.path.realpath(path):
        raise InvalidOption(f"src: {file.path} is the same file as path; a file cannot be made out of itself.")
    if declared:
        checksum = _checksum.resolve(declared, file.path, http=http)
        _checksum.verify(file, checksum)
    else:
        checksum = _checksum.Checksum(_OWN_ALGORITHM, _content.digests(file, [_OWN_ALGORITHM])[_OWN_ALGORITHM])
    return _file_build.Source(file.path, file, None, checksum, http)


def _wanted(source: _file_build.Source, target: _file_build.Target) -> _file_plan.Wanted:
    recipe = _file_plan.recipe(target.format, target.compression_type, target.unpack)
    key = _content_key.content_key(source.checksum.algorithm, source.checksum.digest, recipe)
    return _file_plan.Wanted(target.path, source.name, key, target.format, target.compression_type)


def _require_buildable(source: _file_build.Source, target: _file_build.Target) -> None:
    """:raises CollectionError: for what a build would fail for, as far as it can be seen without a transfer."""
    _file_build.require_tools(target)
    if source.file is not None and not (target.unpack and _unpack.packed_with(source.file)):
        _file_build.inspect_source(source.file.path, source, target)


def _told_source(source: _file_build.Source, built: _file_build.Built | None) -> dict[str, t.Any]:
    return {
        "address": source.name,
        "algorithm": source.checksum.algorithm,
        "digest": source.checksum.digest,
        "size": source.file.size if source.file else built.received if built else None,
    }


def _remove(path: str) -> None:
    _workfile.sweep(path)
    with _workfile.explained(path), contextlib.suppress(FileNotFoundError):
        os.unlink(path)
