# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What the bytes of a file are, where they are in none of the formats that oslo.utils knows. Pure.

Only the first HEAD_SIZE and the last TAIL_SIZE bytes are looked at, so that it costs the same for every file.
"""

from __future__ import annotations

import codecs
import dataclasses
import re
import struct

from . import _signatures, _unpack
from ._signatures import Kind

#: How many of the first bytes :func:`recognised` wants to see; the last thing in them are ZFS's uberblocks.
HEAD_SIZE = 256 * 1024
#: How many of the last; the superblock of Linux md 0.90 lies up to 128 KiB before the end.
TAIL_SIZE = 128 * 1024

_BLOCK = 512
#: How much of the beginning has to be text for a file to be one.
_TEXT_SIZE = 4096
#: Types of tar headers that say something about the member behind them: pax records, long names, the label of a volume.
_TAR_EXTENSIONS = (b"x", b"g", b"L", b"K", b"X", b"V")
#: How a page begins, whatever its encoding.
_PAGE = re.compile(
    rb"\s*(<!--.*?-->\s*)*<(!doctype\s+html\b|html\b|head\b|title\b|body\b|\?xml\b|error>)", re.IGNORECASE | re.DOTALL
)
_MD_MAGIC = b"\xfc\x4e\x2b\xa9"

_WORDS: dict[Kind, str] = {
    "volume": "a disk with {}",
    "archive": "an archive ({})",
    "packed": "packed with {}",
    "image": "a disk image in the format {}, which is not supported",
    "format": "a disk image in the format {}",
    "kernel": "a kernel or the like ({})",
    "program": "a program ({})",
    "document": "a document ({})",
    "text": "a text ({})",
}


@dataclasses.dataclass(frozen=True)
class Content:
    """What a file was recognised as.

    :param name: the usual short name, for instance ``tar``, ``ova``, ``lz4``, ``html`` or ``ext``.
    :param kind: what sort of thing that is.
    :param member: name of the first file in it, where that is easily told.
    """

    name: str
    kind: Kind
    member: str | None = None

    def __str__(self) -> str:
        words = _WORDS[self.kind].format(self.name)
        # The name comes out of the file, and may be anything
        return f"{words} whose first member is {self.member[:60]!a}" if self.member else words

    @property
    def is_volume(self) -> bool:
        """Whether it is what Glance calls raw: a disk, or what lies on one."""
        return self.kind == "volume"

    def advice(self, declared: str = "disk_format") -> str:
        """What to do with something that is no disk image.

        :param declared: the option that says what it is meant to be.
        """
        if self.name in _unpack.KINDS:
            return (
                f"unpack it first with the module image_file or the role publish, or say {declared}: aki or ari if it is a "
                "kernel or ramdisk"
            )
        ways: dict[Kind, str] = {
            "archive": "unpack it first, and name the disk that is in it",
            "packed": "unpack it first with the tool that made it",
            "image": "convert it first with a tool that reads it",
            "kernel": f"say {declared}: aki (or ari) if it is to boot servers",
            "program": f"say {declared}: aki if it is a kernel",
            "text": "look at it, the source may have answered with it in the place of the image",
        }
        return ways.get(self.kind, "name the file of the disk")


def misgiving(content: Content | None, what: str) -> str | None:
    """What to warn of where something is declared to be raw, and is no disk; None if it may well be one.

    :param content: what was recognised.
    :param what: the subject of the sentence, for instance ``filename: /srv/disk.raw``.
    """
    if content is None or content.is_volume:
        return None
    return f"{what} is declared to be raw, and it is {content}; it is taken as it is, and no server boots from it."


def glimpsed(head: bytes, tail: bytes, size: int) -> Content | None:
    """As :func:`recognised`, for data that oslo.utils does not see: most formats of Glance are told, too.

    A hybrid ISO is not, for it is a raw disk as well.
    """
    return _by_table(_signatures.FORMATS, head) or recognised(head, tail, size)


def image_format(head: bytes) -> str | None:
    """The format of Glance, or qed, whose magic number begins a file, whether the rest of its header is there or not."""
    found = _by_table(_signatures.FORMATS, head)
    return found.name.partition(" ")[0] if found else None


def recognised(head: bytes, tail: bytes, size: int) -> Content | None:
    """What a file is; None if nothing is recognised, as with zeros, random data, and disks without any known mark.

    :param head: its first HEAD_SIZE bytes, or all of a smaller file.
    :param tail: its last TAIL_SIZE bytes, likewise; empty if they are not known.
    :param size: of the file, in bytes.
    """
    if kind := _unpack.sniff(head[: _unpack.HEAD_SIZE]):
        return Content(kind, "packed")
    return (
        _tar(head)
        or _by_table(_signatures.FIRST, head)
        or _by_structure(head)
        or _by_table(_signatures.VOLUMES, head)
        or _partitioned(head)
        or _by_end(tail, size)
        or _text(head)
    )


def _by_table(rows: tuple[_signatures.Row, ...], head: bytes) -> Content | None:
    for name, kind, pairs in rows:
        if all(head.startswith(magic, offset) for offset, magic in pairs):
            return Content(name, kind)
    return None


def _tar(head: bytes) -> Content | None:
    """A tar archive of any kind (POSIX ustar and pax, GNU, V7): the checksum of its first header is right.

    Named after its first member where others do: OVF 2.0 (DSP0243, 5.3) wants the descriptor first, XenServer ova.xml.
    """
    if not _is_tar_header(head[:_BLOCK]):
        return None
    position, name = 0, b""
    while _is_tar_header(header := head[position : position + _BLOCK]):
        if header[156:157] not in _TAR_EXTENSIONS:
            name = name or header[:100].split(b"\0")[0]
            break
        begin, size = position + _BLOCK, _octal(header[124:136]) or 0
        name = _extended_name(header[156:157], head[begin : begin + size]) or name
        position = begin + -(-size // _BLOCK) * _BLOCK
    member = name.decode("utf-8", "replace")
    if member.lower().endswith(".ovf"):
        return Content("ova", "archive", member)
    if member == "ova.xml":
        return Content("xva", "archive", member)
    return Content("tar", "archive", member or None)


def _extended_name(kind: bytes, data: bytes) -> bytes:
    """The name that a header of an extension gives the member behind it; empty if it gives none."""
    if kind == b"L":
        return data.split(b"\0")[0]
    found = re.search(rb"(?:\A|\n)\d+ (?:path|GNU\.sparse\.name)=([^\n]+)\n", data) if kind == b"x" else None
    return found[1] if found else b""


def _is_tar_header(header: bytes) -> bool:
    told = _octal(header[148:156])
    if len(header) < _BLOCK or told is None or not header[0]:
        return False
    rest = header[:148] + b" " * 8 + header[156:]
    return told in (sum(rest), sum(struct.unpack(f"{_BLOCK}b", rest)))


def _octal(field: bytes) -> int | None:
    """A number of a tar header; None if it is none."""
    digits = field.strip(b" \0")
    return int(digits, 8) if re.fullmatch(rb"[0-7]+", digits) else None


def _by_structure(head: bytes) -> Content | None:
    """What has a short magic number, or none, and a header that can be held against rules."""
    if head[:2] == b"\x1f\x9d" and len(head) > 3 and head[2] & 0x60 == 0 and 9 <= head[2] & 0x1F <= 16:
        return Content("compress", "packed")
    if _is_lzma(head):
        return Content("lzma", "packed")
    if _is_old_cpio(head, "<") or _is_old_cpio(head, ">"):
        return Content("cpio", "archive")
    if head[:2] == b"MZ" and len(head) >= 64 and head.startswith(b"PE\0\0", struct.unpack_from("<I", head, 60)[0]):
        return Content("pe", "program")
    if re.match(rb"#! ?/[\x20-\x7e]+\r?\n", head[:300]):
        return Content("script", "program")
    return None


def _is_lzma(head: bytes) -> bool:
    """The header of lzma-file-format.txt (LZMA SDK): properties, size of the dictionary, size of the content, first byte 0."""
    if len(head) < 18 or head[0] >= 225 or head[13]:
        return False
    dictionary, size = struct.unpack_from("<IQ", head, 1)
    # The two forms that the specification recommends, and xz insists on
    usual = any(dictionary in (1 << power, 3 << power - 1) for power in range(12, 32)) or dictionary == 0xFFFFFFFF
    return usual and (size == 0xFFFFFFFFFFFFFFFF or 0 < size < 1 << 48)


def _is_old_cpio(head: bytes, order: str) -> bool:
    """The binary format of cpio(5): 13 numbers of 16 bits, then the name with its final NUL."""
    if len(head) < 28:
        return False
    magic, _device, _inode, mode = struct.unpack_from(order + "4H", head)
    (length,) = struct.unpack_from(order + "H", head, 20)
    if magic != 0o070707 or not 2 <= length <= 4096 or mode >> 12 not in (1, 2, 4, 6, 8, 10, 12):
        return mode == 0 and magic == 0o070707 and head[26:37] == b"TRAILER!!!\0"
    return b"\0" not in head[26 : 25 + length] and head[25 + length : 26 + length] == b"\0"


def _partitioned(head: bytes) -> Content | None:
    """A master boot record with a partition, or the boot record of a FAT without its name; as oslo.utils sees them."""
    if head[510:512] != b"\x55\xaa":
        return None
    if (head[0x10], head[0x15]) == (2, 0xF8):
        return Content("fat", "volume")
    kinds = {head[446 + 16 * number + 4] for number in range(4)}
    return Content("gpt" if 0xEE in kinds else "mbr", "volume") if kinds != {0} else Content("boot record", "volume")


def _by_end(tail: bytes, size: int) -> Content | None:
    for name, kind, pairs in _signatures.LAST:
        if all(len(tail) >= offset and tail.startswith(magic, len(tail) - offset) for offset, magic in pairs):
            return Content(name, kind)
    # Linux md_p.h: version 1.0 lies 8 KiB before the end or a little more, 0.90 in the last whole 64 KiB block but one.
    for place in ((size // _BLOCK - 16 & ~7) * _BLOCK, (size & ~0xFFFF) - 0x10000):
        offset = place - (size - len(tail))
        if offset >= 0 and tail.startswith(_MD_MAGIC, offset):
            return Content("md raid", "volume")
    return None


def _text(head: bytes) -> Content | None:
    """A page, a list of checksums, an error message: text with at least one blank or line break at its beginning, or a tag."""
    text = _decoded(head[:_TEXT_SIZE])
    if text is None or not re.search(r"\s|\A\ufeff?<[!?A-Za-z][^<]*>", text):
        return None
    begin = text.lstrip("\ufeff \t\r\n").lower()
    if re.match(r"(<!--.*?-->\s*|<\?xml[^>]*>\s*)*<(!doctype html|html|head|title|body)\b", begin, re.DOTALL):
        return Content("html", "text")
    if begin.startswith("<") and re.match(r"<[!?a-z]", begin):
        return Content("xml", "text")
    if re.match(r'[{[]\s*(["{[\]}]|-?\d|true|false|null)', begin):
        return Content("json", "text")
    return Content("plain", "text")


def _decoded(block: bytes) -> str | None:
    """The text that a block is, in UTF-8 or in UTF-16 with a mark; None if it is none. A last character may be cut.

    Pages may be in any other encoding that has ASCII in it.
    """
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"), (b"", "utf-8")):
        if block.startswith(mark):
            try:
                text = codecs.getincrementaldecoder(encoding)().decode(block[len(mark) :])
            except UnicodeDecodeError:
                if mark or not _PAGE.match(block):
                    return None
                text = block.decode("latin-1")
            return None if re.search(r"[\0-\x06\x0e-\x1a\x1c-\x1f\x7f]", text) else text
    return None
