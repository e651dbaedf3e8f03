# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The order of versions: as dpkg and rpm have it where they agree, with the pre-releases of PEP 440 and semver. Pure.

See deb-version(7), rpm-version(7), PEP 440 (https://peps.python.org/pep-0440/) and https://semver.org/. A version becomes a
sequence of parts, each of a kind and a text; versions compare as these sequences do. What was chosen where the four differ is
in the table of the user guide.
"""

from __future__ import annotations

import enum
import functools
import re
import string

#: A part: its kind, the length of a number (which has no leading zeros), and the text.
_Part = tuple[int, int, str]


class _Kind(enum.IntEnum):
    """Kinds of parts, the oldest first: what comes before the end of a version makes it older, all else newer."""

    TILDE = 0
    END = 1
    HYPHEN = 2  # weaker than the other signs: 1.0-2 is older than 1.0.1-1, as with the revisions of packages
    CARET = 3
    DEV = 4
    #: A word that follows a number without a sign: 1.0a is older than 1.0.1, also in a pre-release.
    STICKING = 5
    PLUS = 6
    #: In a pre-release numbers are older than words, as semver has it.
    PRE_NUMBER = 7
    WORD = 8
    POST = 9
    NUMBER = 10


_SIGNS = {"~": _Kind.TILDE, "^": _Kind.CARET, "-": _Kind.HYPHEN, "+": _Kind.PLUS}
_PARTS = re.compile(r"[0-9]+|[^\W0-9_]+|[-~^+]")
_EPOCH = re.compile(r"([0-9]+)[:!]")

#: Major, minor, patch.
_NUMBERS_OF_A_RELEASE = 3
#: Words that tell a pre-release, and what they are compared as.
_STAGES = {
    word: word
    for word in "alpha beta canary ea experimental insider milestone next pre preview rc test unstable".split()
} | {
    "candidate": "rc",
    "cr": "rc",
    "insiders": "insider",
    "prerelease": "pre",
    "releasecandidate": "rc",
    "testing": "test",
}
#: Words that tell a build on the way to something, be it a pre-release.
_BUILDS = {word: word for word in "daily nightly snapshot weekly".split()}
_DEV = frozenset({"dev", "devel", "develop", "development"})
#: PEP 440's letters, between a number that is no date and another number, and the milestones of M1. No part of a digest in hex.
_LETTER = re.compile(
    r"(?<![^\W_])([0-9]{1,7})(?:[-._]?([abc])|[-._]([abc])[._])([0-9]+)(?=dev|post|(?![^\W_]))", re.IGNORECASE
)
_LETTERS = {"a": "alpha", "b": "beta", "c": "rc"}
_MILESTONE = re.compile(r"(?<![^\W_])m([0-9]+)(?![^\W_])", re.IGNORECASE)


@functools.lru_cache(maxsize=4096)
def version_key(version: str) -> tuple[tuple[_Part, ...], str]:
    """What orders versions. No two have the same key, so that there is always one that is the newest."""
    return version_rank(version), version


def version_rank(version: str) -> tuple[_Part, ...]:
    """What a version means, whichever way it is written: the same for ``1.31.0-rc1``, ``v1.31.0~rc1`` and ``1.31.0rc01``."""
    text = re.sub(r"^[vV](?=[0-9])", "", version.strip())
    epoch = _EPOCH.match(text)
    text = text[epoch.end() :] if epoch else text
    parts = _read(text) or [(_Kind.WORD, 0, version)]
    return (_number(epoch[1] if epoch else "0", _Kind.NUMBER), *parts, (_Kind.END, 0, ""))


def _read(text: str) -> list[_Part]:
    """The parts of a version. Words mean something only up to the first ``~`` or ``+``; packages take all that follows as it is."""
    at = next((index for index, sign in enumerate(text) if sign in "~+"), len(text))
    head = _LETTER.sub(lambda found: f"{found[1]}-{_LETTERS[(found[2] or found[3]).lower()]}{found[4]}", text[:at])
    head = _MILESTONE.sub(r"milestone\1", head)
    reader = _Reader()
    for found in _PARTS.finditer(head):
        sticks = found.start() > 0 and head[found.start() - 1].isalnum()
        reader.take(found[0], sticks, spelled=True)
    for found in _PARTS.finditer(text, at):
        sticks = found.start() > at and text[found.start() - 1].isalnum()
        reader.take(found[0], sticks, spelled=False)
    return reader.parts


class _Reader:
    """Takes the runs of digits, the words and the signs of a version one by one."""

    def __init__(self) -> None:
        self.parts: list[_Part] = []
        #: Whether what comes is part of a pre-release.
        self._is_pre = False
        #: Words since the last number, which a word of a pre-release takes along: 13.0-di-rc1 is no 13.0.
        self._loose = 0

    def take(self, run: str, sticks: bool, spelled: bool) -> None:
        """Take the next one.

        :param sticks: whether no sign stands between it and the one before it.
        :param spelled: whether the words of pre-releases mean something here.
        """
        if run in _SIGNS:
            self._take_sign(_SIGNS[run], spelled)
        elif run[0] in string.digits:
            self.parts.append(_number(run, _Kind.PRE_NUMBER if self._is_pre else _Kind.NUMBER))
            self._loose = 0
        elif spelled and (pre := self._pre_release(run.lower())):
            self._begin_pre(pre)
        elif spelled and run.lower() == "post":
            self.parts.append((_Kind.POST, 0, ""))
            self._loose = 0
        else:
            self.parts.append((_Kind.STICKING if sticks else _Kind.WORD, 0, run))
            self._loose = 0 if sticks else self._loose + 1

    def _take_sign(self, kind: _Kind, spelled: bool) -> None:
        is_idle = not self.parts or self._is_at(_Kind.HYPHEN, _Kind.TILDE) or (spelled and self._has_begun_pre)
        if kind is _Kind.HYPHEN and is_idle:
            return
        if kind is _Kind.TILDE:
            self._drop_hyphen()
        self._is_pre = (self._is_pre or kind is _Kind.TILDE) and kind is not _Kind.PLUS
        self.parts.append((kind, 0, ""))
        self._loose += kind is _Kind.HYPHEN

    def _pre_release(self, word: str) -> _Part | None:
        """A word as that of a pre-release, if it is one here: in a pre-release, only a build on the way to it begins another."""
        if word in _DEV:
            return _Kind.DEV, 0, ""
        known = _BUILDS if self._is_pre else _STAGES | _BUILDS
        return (_Kind.WORD, 0, known[word]) if word in known else None

    def _begin_pre(self, word: _Part) -> None:
        self._drop_hyphen()
        place = len(self.parts) - self._loose
        loose = [part for part in self.parts[place:] if part[0] is not _Kind.HYPHEN] if place > 0 else []
        if loose:
            del self.parts[place:]
        self._drop_zeros()
        self.parts += [(_Kind.TILDE, 0, ""), word, *loose]
        self._is_pre, self._loose = True, 0

    def _drop_zeros(self) -> None:
        """27.0.0.0rc1 comes before 27.0.0, as OpenStack and PEP 440 mean it: zeros behind the third number count for nothing."""
        numbers = sum(part[0] is _Kind.NUMBER for part in self.parts)
        while numbers > _NUMBERS_OF_A_RELEASE and self.parts[-1] == _number("0", _Kind.NUMBER):
            self.parts.pop()
            numbers -= 1

    @property
    def _has_begun_pre(self) -> bool:
        """Whether its word is the last part: rc-1 is rc1."""
        return len(self.parts) > 1 and self.parts[-2][0] is _Kind.TILDE

    def _is_at(self, *kinds: _Kind) -> bool:
        return self.parts[-1][0] in kinds

    def _drop_hyphen(self) -> None:
        if self.parts and self._is_at(_Kind.HYPHEN):
            self.parts.pop()
            self._loose = max(0, self._loose - 1)


def _number(digits: str, kind: _Kind) -> _Part:
    """Compared as a text of a length, since Python makes no numbers of thousands of digits."""
    digits = digits.lstrip("0")
    return kind, len(digits), digits
