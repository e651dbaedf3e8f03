# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""``Content-Encoding``: what a server did to a file on its way, although it was asked not to (RFC 9110, section 8.4)."""

from __future__ import annotations

import typing as t
import zlib

from . import _address, _archive, _unpack
from ._errors import FileProblem

#: What is undone, and the name that :mod:`_unpack` has for it; deflate is zlib's format, or bare.
_UNDONE = {"gzip": "gz", "x-gzip": "gz", "zstd": "zst", "deflate": "deflate"}
_NOT_UNDONE = frozenset({"br", "compress", "x-compress", "dcb", "dcz", "exi", "pack200-gzip"})

#: Files that are packed already; servers tell of them as of an encoding, and mean the files as they are.
_PACKED_NAMES = {"gz": (".gz", ".tgz"), "zst": (".zst", ".tzst"), "deflate": (".zz", ".zlib")}


class UnknownEncoding(Exception):
    """An encoding that cannot be undone; its text is the name."""


def encodings(header: str | None, address: str) -> tuple[str, ...]:
    """What is to be undone, the last one applied first.

    Nothing is, where the name of the file says that this is how it lies there: ``disk.raw.gz`` with ``Content-Encoding: gzip``.
    Words that are no encodings are passed over, as browsers do.

    :param header: the header ``Content-Encoding``.
    :raises UnknownEncoding: if one of them is known, but cannot be undone here.
    """
    named = [word.strip().lower() for word in (header or "").split(",")]
    for word in named:
        if word in _NOT_UNDONE:
            raise UnknownEncoding(word)
    kinds = [_UNDONE[word] for word in reversed(named) if word in _UNDONE]
    file_name = _address.file_name_of(address).lower()
    if kinds and file_name.endswith(_PACKED_NAMES[kinds[-1]]):
        kinds.pop()
    return tuple(kinds)


def undone(blocks: t.Iterable[bytes], kinds: t.Iterable[str], name: str) -> t.Iterable[bytes]:
    """The bytes before they were encoded, in blocks of bounded size.

    :param name: of the file, for messages.
    :raises FileProblem: if they are damaged or cut.
    :raises MissingDependency: for zstd without the Python library zstandard.
    """
    for kind in kinds:
        reader = _archive.Reader(blocks)
        blocks = (
            _inflated(reader, name) if kind == "deflate" else _unpack.unpacked(reader, kind, _archive.Archive(name))
        )
    return blocks


def _inflated(reader: _archive.Reader, name: str) -> t.Iterator[bytes]:
    """Most servers send zlib's format, as they should (RFC 1950); some send it without its frame."""
    head = reader.peek(2)
    if not head:
        return
    has_frame = head[0] & 15 == 8 and int.from_bytes(head, "big") % 31 == 0
    decoder = zlib.decompressobj(wbits=15 if has_frame else -15)
    for block in reader:
        data = block
        while data and not decoder.eof:
            try:
                yield decoder.decompress(data, _archive.BLOCK_SIZE)
            except zlib.error as problem:
                raise FileProblem(f"{name} came with a damaged Content-Encoding: {problem}.") from problem
            data = decoder.unconsumed_tail
    if not decoder.eof:
        raise FileProblem(f"{name} came with a damaged Content-Encoding: it ends early.")
