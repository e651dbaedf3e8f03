# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Content keys: what names content that is unpacked or converted on its way, and whether a file may bear one."""

from __future__ import annotations

import hashlib
import re

from . import _content, _memory
from ._errors import ChecksumMismatch

#: What :func:`content_key` returns.
_KEY = re.compile(r"(?P<algorithm>md5|sha1|sha224|sha256|sha384|sha512):(?P<digest>[0-9a-f]+)(?P<recipe>\+.*)?")

#: An image property holds at most this many characters.
_LONGEST_KEY = 255


def content_key(algorithm: str, digest: str, recipe: str | None = None) -> str:
    """The identity of content that is unpacked or converted on its way: its source and what is done to it.

    :param recipe: for instance ``raw`` or ``qcow2,compression_type=zstd``; None for content that stays as it is.
    :returns: ``sha256:<hex>`` or ``sha256:<hex>+<recipe>``, at most 255 characters.
    """
    key = f"{algorithm}:{digest.lower()}" + (f"+{recipe}" if recipe else "")
    if len(key) <= _LONGEST_KEY:
        return key
    return f"{algorithm}:{digest.lower()}+{hashlib.sha256((recipe or '').encode()).hexdigest()}"


def require_key(file: _content.LocalFile, key: str) -> None:
    """Refuse a content key of which it is known that it is not that of a file: it was made out of something else.

    Of a key that is of another kind than the one that is remembered, nothing is known.

    :raises ChecksumMismatch: then.
    """
    known = str(_memory.recall(file.identity).get("content_key", ""))
    remembered, declared = _KEY.fullmatch(known), _KEY.fullmatch(key)
    if not remembered or not declared or known == key:
        return
    is_of_one_kind = remembered.group("algorithm", "recipe") == declared.group("algorithm", "recipe")
    # A file that was made out of one source may itself be the source that a key tells of.
    if is_of_one_kind and _content.digests(file, [declared["algorithm"]])[declared["algorithm"]] != declared["digest"]:
        raise ChecksumMismatch(
            f"content_key: {file.path} was made out of {known}, and {key} is declared; give the content_key that image_file returned when it "
            "made the file, or the checksum of the file if the key is right all the same.",
            expected=key,
            actual=known,
        )
