# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Disk formats: what an image file really is, and whether it is safe. Nothing is run on the file here.

What is unsafe follows Glance's own checks and the advisories OSSA-2023-002, OSSA-2024-001 to 003 and OSSA-2026-002, to
which come encrypted, dirty and corrupt qcow2 files. Formats bear Glance's names (``disk_format``), sizes are bytes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import struct
import traceback
import typing as t

from . import _completeness, _content_type, _vhd
from ._content_type import Content
from ._errors import FileProblem, MissingDependency, UnsafeImage

#: Limit for the size that an image file may claim to have: 10 TiB.
MAX_VIRTUAL_SIZE = 10 * 1024**4

#: Kernels, ramdisks and the root file systems beside them: packed or not, any file can be one.
KERNELS = frozenset({"ami", "ari", "aki"})

#: Formats that a file of no known format keeps from the image whose place it takes.
WITHOUT_SIGNATURE = KERNELS | {"ploop"}

#: What the library recognises, and Glance with it: nothing else may be declared of it.
_INSPECTABLE = frozenset({"qcow2", "vmdk", "vdi", "vhd", "vhdx", "iso", "qed", "luks"})

_INSPECT_BLOCK = 4096
_BIG_INSPECT_BLOCK = 1024 * 1024
_SECTOR = 512


@dataclasses.dataclass(frozen=True)
class Inspection:
    """What an image file really is.

    :param format: Glance's name of the format (``raw``, ``qcow2``, ``vmdk``, ``vdi``, ``vhd``, ``vhdx``, ``iso``, ``ploop``), or
        the name of what it is instead (``qed``, ``qcow``, ``luks``, ``tar``, ``lz4``, ``html`` ...). A disk with a partition table is ``raw``,
        and so is what nothing is recognised in.
    :param virtual_size: bytes of the disk inside; 0 if the file does not tell.
    :param actual_size: bytes that the file takes up on the local disk.
    :param unsafe: why the file must not be used; empty if it may be.
    :param variant: ``fixed`` for a VHD that is only recognised by its end; Glance takes it for raw.
    :param content: what was recognised where the library recognises nothing but a partition table at most.
    :param has_partition_table: whether the library sees one, by its last two bytes; Glance then takes it for raw only.
    """

    format: str
    virtual_size: int
    actual_size: int
    unsafe: tuple[str, ...] = ()
    variant: str | None = None
    content: Content | None = None
    has_partition_table: bool = False

    @property
    def disk_format(self) -> str:
        """The format under which it goes to Glance if it is meant as it is."""
        return self.format if self.content is None or self.format == "ploop" else "raw"

    @property
    def other(self) -> Content | None:
        """What it is instead of a disk image; None if it is one, or nothing was recognised."""
        return None if self.content is None or self.content.is_volume or self.format == "ploop" else self.content


def inspect(path: str, *, in_full: bool = True) -> Inspection:
    """Look into an image file without running anything on it.

    :param path: a regular file that can be read.
    :param in_full: look through its tables as well, whether the disk is whole; False for no more than its header.
    :raises MissingDependency: if oslo.utils is missing or too old.
    :raises FileProblem: if the file cannot be read.
    """
    library = require_library()
    try:
        with open(path, "rb") as stream:
            status = os.fstat(stream.fileno())
            actual_size = status.st_blocks * _SECTOR
            if fixed := _fixed_vhd_size(stream, status.st_size):
                return Inspection("vhd", fixed, actual_size, variant="fixed")
            head, tail = _ends(stream, status.st_size)
            stream.seek(0)
            found = _detect(library, stream, big_blocks=head.startswith(b"KDMV"))
    except OSError as problem:
        raise FileProblem(f"The file {path} cannot be read: {problem.strerror}.", file=path) from problem
    names = {str(inspector) for inspector in found}
    unsafe = [*_violations(library, found), *_own_violations(head, names)]
    if names == {"iso", "gpt"}:
        names = {"iso"}
    if len(names) > 1:
        unsafe.insert(0, f"it looks like several formats at once ({', '.join(sorted(names))})")
    name = _name(names, head)
    if name == "qcow":  # which the library takes for a qcow2 of which it understands nothing
        unsafe = ["it is in the format qcow, version 1, which Glance refuses; convert it to qcow2 first"]
    elif name == "raw" and (begun := _content_type.image_format(head)):
        # The library needs a header of a certain length; qemu does not
        name, unsafe = begun, [f"its {begun} header is cut off or damaged"]
    virtual_size = status.st_size if name in ("raw", "iso", "luks") else _claimed_size(found, head)
    content = _content_type.recognised(head, tail, status.st_size) if name == "raw" else None
    if name == "luks":
        content = Content(name, "image")
    elif content and not content.is_volume:
        # What is no disk has no partition table; a kernel has the mark of one
        name, unsafe = content.name, [reason for reason in unsafe if not reason.startswith(_OF_PARTITIONS)]
    if in_full and not unsafe:
        unsafe += _incompleteness(path, name)
    return Inspection(
        name, virtual_size, actual_size, tuple(unsafe), content=content, has_partition_table="gpt" in names
    )


def require_safe(
    inspection: Inspection,
    path: str,
    *,
    disk_format: str | None,
    max_virtual_size: int = MAX_VIRTUAL_SIZE,
    option: str = "filename",
    accept_fixed_vhd: bool = False,
) -> None:
    """Refuse an image file that is not what it is declared to be, or that is unsafe, or that claims too much.

    :param disk_format: the declared format, under Glance's name; None if nothing is declared.
    :param accept_fixed_vhd: whether a VHD without a header will do; Glance refuses it, qemu-img reads it.
    :raises UnsafeImage: with one sentence that names the option and the file.
    """
    details = {"file": path, "real_format": inspection.format}
    if inspection.unsafe:
        raise UnsafeImage(f"{option}: the image {path} is not safe: {'; '.join(inspection.unsafe)}.", **details)
    if disk_format is not None and not _is_as_declared(inspection, disk_format):
        told = f"{other}; {other.advice('disk_format')}" if (other := inspection.other) else inspection.format
        raise UnsafeImage(f"{option}: the image {path} is declared to be {disk_format}, and it is {told}.", **details)
    if inspection.has_partition_table and (disk_format in WITHOUT_SIGNATURE or (disk_format and inspection.other)):
        way = f"; with container_format: {disk_format} it takes it as it is" if disk_format in KERNELS else ""
        raise UnsafeImage(
            f"{option}: the image {path} has the mark of a partition table (bytes 55 AA at 510), and Glance refuses it as "
            f"{disk_format}{way}.",
            **details,
        )
    if inspection.variant == "fixed" and not accept_fixed_vhd:
        raise UnsafeImage(
            f"{option}: the image {path} is a VHD of fixed size, which Glance does not recognise; make it a dynamic "
            "one with the module image_file and its option format.",
            **details,
        )
    if inspection.virtual_size > max_virtual_size:
        raise UnsafeImage(
            f"{option}: the image {path} claims a virtual size of {inspection.virtual_size} bytes, and "
            f"{max_virtual_size} is the limit (max_virtual_size).",
            **details,
        )


def require_disk(inspection: Inspection, path: str, option: str = "filename", declared: str = "disk_format") -> None:
    """Refuse what would be taken for a raw disk although it is something else, or although nothing shows that it is one.

    For files of which no format is declared.

    :param declared: the option that would declare it.
    :raises UnsafeImage: with one sentence that names the option and the file, and what to do.
    """
    if inspection.format != "raw" and inspection.content is None:
        return
    if inspection.content and not inspection.other:
        return
    what = f"the file {path} is no disk image of a known format"
    if other := inspection.other:
        told = f"{what}, but {other}; {other.advice(declared)}"
    elif inspection.virtual_size % _SECTOR:
        told = (
            f"{what}, and its {inspection.virtual_size} bytes are no whole number of sectors ({_SECTOR} bytes); say "
            f"{declared}: raw (or aki, ari) if it is meant as it is"
        )
    else:
        told = (
            f"{what}: no partition table, no file system and no boot record is found in it; say {declared}: raw (or aki, "
            "ari) if it is meant as it is"
        )
    raise UnsafeImage(f"{option}: {told}.", file=path, real_format=inspection.format)


def _is_as_declared(inspection: Inspection, disk_format: str) -> bool:
    if disk_format in KERNELS or disk_format == "raw":
        # Glance takes an encrypted disk as raw, and as nothing else
        return inspection.format not in _INSPECTABLE or (disk_format, inspection.format) == ("raw", "luks")
    if disk_format == "ploop":
        return inspection.format in ("ploop", "raw")
    return inspection.format == disk_format


def require_library() -> t.Any:
    """oslo.utils' format inspector. Its features are looked at, not its version, which may be a distribution's.

    :raises MissingDependency: if it is missing or too old.
    """
    from ansible.module_utils.basic import missing_required_lib

    try:
        from oslo_utils.imageutils import format_inspector as library
    except ImportError as problem:
        message = missing_required_lib("oslo.utils >= 7.3.0", url="https://pypi.org/project/oslo.utils/")
        raise MissingDependency(message, exception=traceback.format_exc()) from problem
    if not hasattr(library, "InspectWrapper") or "gpt" not in getattr(library, "ALL_FORMATS", {}):
        raise MissingDependency(missing_required_lib("oslo.utils >= 7.3.0", reason="to inspect image files"))
    return library


def _detect(library: t.Any, stream: t.BinaryIO, big_blocks: bool) -> list[t.Any]:
    """The inspectors that recognise the file; the one for raw if none of the others does.

    :param big_blocks: read on in big blocks after the first: for VMDK, whose end matters, and whose head is short.
        Other formats need the small ones, as the library looks for one thing a block.
    """
    with _quiet_library():
        wrapper = library.InspectWrapper(stream)
        size = _INSPECT_BLOCK
        while wrapper.read(size) and not _matches(wrapper):
            size = _BIG_INSPECT_BLOCK if big_blocks and stream.tell() >= 2 * _BIG_INSPECT_BLOCK else _INSPECT_BLOCK
        wrapper.close()
        return _matches(wrapper)


def _matches(wrapper: t.Any) -> list[t.Any]:
    """The inspectors that match so far; empty while the library is undecided."""
    if hasattr(wrapper, "formats"):
        return list(wrapper.formats or ())
    try:  # oslo.utils before 7.4 knows one match only, and keeps several to itself
        return [wrapper.format] if wrapper.format else []
    except Exception:
        return [inspector for inspector in wrapper._inspectors if str(inspector) != "raw" and inspector.format_match]


def _violations(library: t.Any, found: t.Sequence[t.Any]) -> list[str]:
    """What the library's safety checks say, one reason each."""
    reasons: list[str] = []
    with _quiet_library():
        for inspector in found:
            try:
                inspector.safety_check()
            except library.SafetyCheckFailed as problem:
                reasons += [_reason(str(inspector), check, str(told)) for check, told in problem.failures.items()]
            except library.ImageFormatError as problem:
                reasons.append(f"its {inspector} header is damaged ({problem})")
    # A bootable ISO bears a partition table of its own making, and Glance lets it pass.
    is_iso = any(str(inspector) == "iso" for inspector in found)
    return [reason for reason in reasons if not (is_iso and reason.startswith(_OF_PARTITIONS))]


#: How reasons begin that are about the partition table.
_OF_PARTITIONS = "its partition table"

_REASONS = {
    "backing_file": "it has a backing file",
    "data_file": "it keeps its data in another file (data_file)",
    "unknown_features": "it has qcow2 features that Glance refuses (extended_l2 or newer ones)",
    "banned": "this format is not allowed anywhere in OpenStack",
}


def _reason(name: str, check: str, told: str) -> str:
    if check in _REASONS:
        return _REASONS[check]
    if name == "vmdk":
        return f"its VMDK {check} is refused ({told}; allowed are monolithicSparse and streamOptimized)"
    if check == "mbr":
        return f"{_OF_PARTITIONS} is refused ({told})"
    return f"{name} {check} check failed ({told})"


def _own_violations(head: bytes, names: set[str]) -> list[str]:
    """What the library does not look at, and qemu-img or a hypervisor would stumble over."""
    if _is_descriptor(head):
        return ["it is a VMDK descriptor, whose data are in other files"]
    if "qcow2" not in names or len(head) < 104:
        return []
    reasons = []
    version, encryption = struct.unpack(">I", head[4:8])[0], struct.unpack(">I", head[32:36])[0]
    features = struct.unpack(">Q", head[72:80])[0] if version >= 3 else 0
    if encryption:
        reasons.append("it is encrypted")
    if features & 1:
        reasons.append("it is marked as dirty: it was not closed properly, or is in use")
    if features & 2:
        reasons.append("it is marked as corrupt")
    return reasons


def _name(names: set[str], head: bytes) -> str:
    """Glance's name of a format that was recognised; two of them the library does not always know."""
    if head.startswith(b"LUKS\xba\xbe"):
        return "luks"
    if names == {"qcow2"} and head[4:8] == b"\0\0\0\1":
        return "qcow"
    name = "vmdk" if _is_descriptor(head) else sorted(names)[0]
    return "raw" if name == "gpt" else name


def _is_descriptor(head: bytes) -> bool:
    return head[:64].lstrip().lower().startswith(b"# disk descriptorfile")


def _incompleteness(path: str, name: str) -> list[str]:
    try:
        fault = _completeness.fault(path, name)
    except OSError as problem:
        raise FileProblem(f"The file {path} cannot be read: {problem.strerror}.", file=path) from problem
    return [fault] if fault else []


def _claimed_size(found: t.Sequence[t.Any], head: bytes) -> int:
    if footer := _vhd.Footer.of(head[:_SECTOR]):
        return footer.current_size  # the library takes the size that the disk had when it was made
    try:
        return max(int(inspector.virtual_size) for inspector in found)
    except Exception:  # a damaged header; the safety checks tell
        return 0


def _ends(stream: t.BinaryIO, size: int) -> tuple[bytes, bytes]:
    """The first and the last bytes of a file, as many as tell what it is."""
    stream.seek(0)
    head = stream.read(_content_type.HEAD_SIZE)
    stream.seek(max(0, size - _content_type.TAIL_SIZE))
    return head, stream.read(_content_type.TAIL_SIZE)


def _fixed_vhd_size(stream: t.BinaryIO, size: int) -> int:
    """The disk size of a VHD that has nothing but a footer (fixed type, checksum right); 0 for every other file."""
    if size < 2 * _SECTOR:
        return 0
    stream.seek(size - _SECTOR)
    footer = stream.read(_SECTOR)
    if len(footer) < _SECTOR or not footer.startswith(b"conectix"):
        return 0
    disk_size, disk_type, checksum = *struct.unpack(">Q", footer[48:56]), *struct.unpack(">II", footer[60:68])
    total = ~(sum(footer) - sum(footer[64:68])) & 0xFFFFFFFF
    return disk_size if disk_type == 2 and checksum == total and disk_size <= size - _SECTOR else 0


@contextlib.contextmanager
def _quiet_library() -> t.Iterator[None]:
    """Keep the library's log lines off standard error, where Ansible would show them as noise."""
    import logging

    logger = logging.getLogger("oslo_utils.imageutils.format_inspector")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before
