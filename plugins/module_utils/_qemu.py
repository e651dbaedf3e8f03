# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""qemu-img, on files that :mod:`_disk` has found safe, and under limits.

The format is always given and never probed, paths are absolute (other names may be taken for protocols), there is no
shell, and the whole process group is killed when the run is interrupted or the time is up. Formats bear Glance's
names here and qemu's names on the command line. Sizes are bytes, times seconds.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import typing as t

from . import _workfile
from ._errors import FileProblem, MissingDependency, UnsafeImage

#: What a target format is written with: what Glance recognises, what every qemu since 6.0 can write.
_TARGET_OPTIONS: dict[str, tuple[str, ...]] = {
    "raw": (),
    "qcow2": ("compat=1.1",),
    "vmdk": ("subformat=streamOptimized",),
    "vdi": (),
    # Without force_size the size is rounded up to what old disk geometries can express.
    "vhd": ("subformat=dynamic", "force_size=on"),
    "vhdx": ("subformat=dynamic",),
}

#: The formats that can be made.
TARGETS = tuple(_TARGET_OPTIONS)

_QEMU_NAME = {"vhd": "vpc", "iso": "raw"}
#: The formats that qemu-img can check; for the others it ends with a status of its own.
_CHECKED = frozenset({"qcow2", "vmdk", "vdi", "vhdx"})
_SOURCES = frozenset({"raw", "qcow2", "vmdk", "vdi", "vhd", "vhdx", "iso"})

#: For commands that only read a header: Glance's own limits.
_HEADER_CPU = 2
_HEADER_MEMORY = 1024**3
_HEADER_TIME = 30

#: A conversion that gets less far than this in a second is stuck.
_SLOWEST = 2 * 1024**2
_SHORTEST_PATIENCE = 900

_DEATH_SIGNAL_OPTION = 1  # PR_SET_PDEATHSIG


def require_source(disk_format: str, option: str = "src") -> None:
    """:raises UnsafeImage: if files of this format cannot be converted."""
    if disk_format not in _SOURCES:
        raise UnsafeImage(f"{option}: an image of the format {disk_format} cannot be converted.")


def info(path: str, disk_format: str, option: str = "src") -> dict[str, t.Any]:
    """What ``qemu-img info`` tells about a file.

    :raises UnsafeImage: if qemu-img cannot read it, or if it refers to other files, is encrypted, or damaged.
    """
    done = _run(["info", "--output=json", *_input(path, disk_format)], _HEADER_TIME, header_only=True)
    if done.returncode:
        raise UnsafeImage(f"{option}: qemu-img cannot read {path} as {disk_format}: {_last_words(done)}.", file=path)
    told = json.loads(done.stdout)
    specific = told.get("format-specific", {}).get("data", {})
    trouble = {
        "it has a backing file": told.get("backing-filename"),
        "it keeps its data in another file": specific.get("data-file"),
        "it is encrypted": told.get("encrypted"),
        "it is marked as dirty": told.get("dirty-flag"),
        "it is marked as corrupt": specific.get("corrupt"),
    }
    reasons = [reason for reason, found in trouble.items() if found]
    if reasons:
        raise UnsafeImage(f"{option}: the image {path} is not safe: {'; '.join(reasons)}.", file=path)
    return told


def measure(path: str, source_format: str, target_format: str) -> int:
    """The bytes that the uncompressed result of a conversion needs on disk, without its holes.

    qemu-img can tell for raw and qcow2 only; the other formats need about what qcow2 needs.
    """
    target = "raw" if target_format == "raw" else "qcow2"
    done = _run(["measure", "-O", target, "--output=json", *_input(path, source_format)], _SHORTEST_PATIENCE)
    if done.returncode:
        raise UnsafeImage(f"qemu-img cannot read {path} as {source_format}: {_last_words(done)}.", file=path)
    return int(json.loads(done.stdout)["required"])


def convert(
    path: str,
    source_format: str,
    target: str,
    target_format: str,
    *,
    compression_type: str | None = None,
    virtual_size: int = 0,
    name: str | None = None,
) -> None:
    """Write the disk that is in ``path`` into ``target`` in another format, with holes where there are zeros.

    :param target: an existing file; its content is replaced, its owner and mode are not.
    :param compression_type: ``zlib`` or ``zstd``; qcow2 only.
    :param virtual_size: of the disk, for the time that it may take.
    :param name: of the source, for messages; its path without one.
    :raises FileProblem: if it fails; the disk may be full.
    """
    options = list(_TARGET_OPTIONS[target_format])
    # Writing out of order keeps more requests under way; formats that only grow at their end cannot do it.
    flags = ["-W"] if target_format == "raw" else []
    if compression_type:
        flags = ["-c"]
        options.append(f"compression_type={compression_type}")
    command = ["convert", *flags, "-O", _qemu_name(target_format)]
    if options:
        command += ["-o", ",".join(options)]
    patience = _SHORTEST_PATIENCE + virtual_size // _SLOWEST
    done = _run([*command, *_input(path, source_format), _absolute(target)], patience)
    if done.returncode:
        # The last words of some formats are "Invalid argument" then.
        _workfile.require_not_full(target)
        words = _last_words(done).replace(target, "the new file")
        raise FileProblem(f"qemu-img cannot convert {name or path} from {source_format} to {target_format}: {words}.")


def check(path: str, disk_format: str) -> None:
    """Let qemu-img look for errors in a file that it made.

    :raises FileProblem: if it finds one.
    """
    if words := _errors_in(path, disk_format):
        raise FileProblem(f"qemu-img check found errors in the {disk_format} file that was made: {words}.")


def require_sound(path: str, disk_format: str, name: str, option: str = "src") -> None:
    """Let qemu-img look for errors in a source: it would read on over some of them, with zeros for the rest.

    :param name: of the source, for messages.
    :raises UnsafeImage: if it finds one.
    """
    if words := _errors_in(path, disk_format):
        raise UnsafeImage(
            f"{option}: the image {name} is damaged: qemu-img check found errors in it ({words}). Get it anew, or, if "
            "you know that its disk is whole, let qemu-img check -r all repair it.",
            file=path,
        )


def _errors_in(path: str, disk_format: str) -> str | None:
    """What qemu-img check says about errors in a file; None if it finds none, or cannot check this format."""
    if disk_format not in _CHECKED:
        return None
    done = _run(["check", *_input(path, disk_format)], _SHORTEST_PATIENCE)
    # 3: clusters that nothing refers to, which does no harm.
    return None if done.returncode in (0, 3) else _errors_told(done)


def require_program() -> str:
    """The absolute path of qemu-img.

    :raises MissingDependency: if it is not installed.
    """
    program = shutil.which("qemu-img")
    if program is None:
        raise MissingDependency(
            "The program qemu-img is needed to convert images, and is not installed; it is in the package qemu-utils "
            "on Debian and Ubuntu, and qemu-img on Fedora and RHEL."
        )
    return os.path.abspath(program)


def _run(arguments: list[str], patience: float, header_only: bool = False) -> subprocess.CompletedProcess[str]:
    program = require_program()
    prepare = _preparation(header_only)
    process = subprocess.Popen(
        [program, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
        preexec_fn=prepare,
    )
    try:
        output, complaints = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired as problem:
        raise FileProblem(f"qemu-img {arguments[0]} did not come to an end within {patience:.0f} seconds.") from problem
    finally:
        _end(process)
    return subprocess.CompletedProcess(arguments[:1], process.returncode, output, complaints)


def _preparation(header_only: bool) -> t.Callable[[], None]:
    """What the child does before it becomes qemu-img: take on limits, and die with its parent."""
    control = _process_control()

    def prepare() -> None:
        if control is not None:
            control(_DEATH_SIGNAL_OPTION, signal.SIGKILL, 0, 0, 0)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if header_only:
            resource.setrlimit(resource.RLIMIT_CPU, (_HEADER_CPU, _HEADER_CPU))
            resource.setrlimit(resource.RLIMIT_AS, (_HEADER_MEMORY, _HEADER_MEMORY))

    return prepare


def _process_control() -> t.Callable[..., t.Any] | None:
    """Linux' prctl; without it a killed module may leave qemu-img to finish its work for nothing."""
    import ctypes

    try:
        return t.cast("t.Callable[..., t.Any]", ctypes.CDLL(None).prctl)
    except (OSError, AttributeError):
        return None


def _end(process: subprocess.Popen[str]) -> None:
    """Kill what is left of the process group, and take its exit status."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def _qemu_name(disk_format: str) -> str:
    return _QEMU_NAME.get(disk_format, disk_format)


def _input(path: str, disk_format: str) -> list[str]:
    """Arguments for a file that is read.

    The size of a VHD is the one that it tells. By itself qemu-img multiplies cylinders, heads and sectors of some
    programs, among them VirtualBox and Virtual PC, and cuts off what this product is too small for.
    """
    if disk_format != "vhd":
        return ["-f", _qemu_name(disk_format), _absolute(path)]
    name = _absolute(path).replace(",", ",,")
    options = f"driver=vpc,force_size_calc=current_size,file.driver=file,file.filename={name}"
    return ["--image-opts", options]


def _absolute(path: str) -> str:
    if not os.path.isabs(path):
        raise ValueError(f"a relative path: {path}")
    return path


def _errors_told(done: subprocess.CompletedProcess[str]) -> str:
    """The first error of ``qemu-img check``, whose last words only sum up."""
    for line in (done.stderr or "").splitlines():
        if line.startswith("ERROR"):
            return line.removeprefix("ERROR").lstrip(": ").rstrip(". ")
    return _last_words(done)


def _last_words(done: subprocess.CompletedProcess[str]) -> str:
    """The gist of what qemu-img said last, without its name and a full stop."""
    lines = [line.strip() for line in (done.stderr or done.stdout or "").splitlines() if line.strip()]
    if not lines:
        ended = f"signal {-done.returncode}" if done.returncode < 0 else f"exit status {done.returncode}"
        return f"it ended with {ended}"
    return lines[-1].removeprefix("qemu-img: ").rstrip(".")
