# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What properties of an image ought to say: by Nova, and by a standard. Tables, pure.

The standard ``scs`` is version 2 of the SCS Image Metadata standard (scs-0102-v2-image-metadata.md in
github.com/SovereignCloudStack/standards, as of August 2026). Its mandatory ``image_build_date`` is only recommended here,
since nobody knows it while the source of an image is an address that always leads to the newest build.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import re
import typing as t

from ._hardware import NUMBERS, OTHER_PROPERTIES, SWITCH_WORDS, SWITCHES, VALUES, allowed, as_nova_reads
from ._slips import slip_of
from ._suggestions import nearest

STANDARDS = ("none", "scs")


@dataclasses.dataclass(frozen=True)
class Remark:
    """Something about the properties of one image."""

    #: The property, or the option.
    key: str
    message: str
    #: Whether it is wrong, rather than worth a thought.
    wrong: bool = True


class _Rule(t.NamedTuple):
    """What a standard says about a property."""

    demand: str
    expected: str
    fits: t.Callable[[str], bool]


def _one_of(*words: str) -> tuple[str, t.Callable[[str], bool]]:
    return "one of " + ", ".join(words), words.__contains__


def _is_date(value: str, *forms: str) -> bool:
    for form in forms or ("%Y-%m-%d",):
        try:
            datetime.datetime.strptime(value, form)
        except ValueError:
            continue
        return len(value) >= len("2026-11-21")
    return False


def _is_date_or(*words: str) -> t.Callable[[str], bool]:
    return lambda value: value in words or _is_date(value)


def _is_build_date(value: str) -> bool:
    return _is_date(value, "%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ")


def _is_validity(value: str) -> bool:
    return value in ("none", "notice", "forever") or bool(re.fullmatch(r"last-[1-9]\d{0,5}", value)) or _is_date(value)


def _is_source(value: str) -> bool:
    return value == "private" or bool(re.fullmatch(r"(https?|ftps?)://[^\s/].*", value))


_TRUTH = _one_of("true", "false")
_DATE = ("a date such as 2027-06-30", _is_date)
_TEXT = ("a text", lambda value: bool(value.strip()))

#: Properties of the standard scs.
_SCS: dict[str, _Rule] = {
    "architecture": _Rule("mandatory", *_TEXT),
    "os_distro": _Rule(
        "mandatory", "in lower case, such as debian", lambda value: bool(re.fullmatch(r"[a-z0-9][a-z0-9._-]*", value))
    ),
    "os_version": _Rule("mandatory", *_TEXT),
    "os_purpose": _Rule(
        "mandatory", *_one_of("generic", "oldgeneric", "minimal", "k8snode", "gpu", "network", "custom")
    ),
    "hw_disk_bus": _Rule("mandatory", *_TEXT),
    "replace_frequency": _Rule(
        "mandatory", *_one_of("yearly", "quarterly", "monthly", "weekly", "daily", "critical_bug", "never")
    ),
    "provided_until": _Rule("mandatory", "none, notice or a date such as 2027-06-30", _is_date_or("none", "notice")),
    "uuid_validity": _Rule("mandatory", "none, notice, forever, last-3 or a date such as 2027-06-30", _is_validity),
    "image_source": _Rule("mandatory", "an address (https, http, ftps, ftp) or private", _is_source),
    "image_description": _Rule("mandatory", *_TEXT),
    "image_original_user": _Rule("mandatory", *_TEXT),
    "image_build_date": _Rule("recommended", "a date such as 2026-11-21 or 2026-11-21 08:00", _is_build_date),
    "hypervisor_type": _Rule("recommended", *_TEXT),
    "hw_rng_model": _Rule("recommended", *_TEXT),
    "hotfix_hours": _Rule("optional", "a number of hours", lambda value: bool(re.fullmatch(r"\d{1,6}", value))),
    "patchlevel": _Rule("optional", *_TEXT),
    "license_included": _Rule("optional", *_TRUTH),
    "license_required": _Rule("optional", *_TRUTH),
    "subscription_included": _Rule("optional", *_TRUTH),
    "subscription_required": _Rule("optional", *_TRUTH),
    "maintained_until": _Rule("optional", *_DATE),
    "l1_support_contact": _Rule("optional", *_TEXT),
}
_KNOWN = tuple(sorted(OTHER_PROPERTIES | VALUES.keys() | _SCS.keys()))
#: Names that only OpenStack gives; others may be anybody's own.
_OPENSTACKS = ("hw_", "img_")
#: Names of distributions that libosinfo has, whose list Glance recommends for ``os_distro``, or that images of theirs bear.
_DISTRIBUTIONS = tuple(
    (
        "almalinux alpine amazon arch centos cirros debian fedora flatcar freebsd gentoo kali mandriva netbsd nixos openbsd "
        "opensuse oracle rhel rocky sled sles talos ubuntu windows"
    ).split()
)


def remarks(
    properties: t.Mapping[str, str],
    options: t.Mapping[str, t.Any],
    hypervisor: str,
    standard: str,
    check: str | None = None,
) -> t.Iterator[Remark]:
    """What is to be said about the properties of an image.

    :param properties: as Glance holds them.
    :param options: the other options of the image, for instance ``min_disk``.
    :param hypervisor: what the image is to run on.
    :param check: ``none`` if what Nova reads is not looked at, ``warn`` if that is never wrong, ``fail`` if it always is.
    """
    if check != "none":
        for remark in doubts(properties, hypervisor):
            yield dataclasses.replace(remark, wrong={"warn": False, "fail": True}.get(check or "", remark.wrong))
        yield from _vain(properties)
    if standard == "scs":
        yield from _missing(properties, options)
        yield from _formats(properties)


def doubts(properties: t.Mapping[str, str], hypervisor: str) -> t.Iterator[Remark]:
    """What looks like a slip, or what Nova would not take."""
    yield from _misspelt(properties)
    yield from _hardware(properties, hypervisor)
    yield from _other_values(properties)
    yield from _distribution(properties.get("os_distro", ""))


def twins(
    images: t.Iterable[tuple[t.Hashable, t.Mapping[str, str]]],
) -> t.Iterator[tuple[tuple[str, ...], list[t.Hashable]]]:
    """Images that users cannot choose between: generic ones of one distribution, version and architecture.

    :param images: public images in sight, each with its properties.
    :return: distribution, version and architecture, with the images that share them.
    """
    groups: dict[tuple[str, ...], list[t.Hashable]] = collections.defaultdict(list)
    for image, properties in images:
        key = tuple(properties.get(name, "") for name in ("os_distro", "os_version", "architecture"))
        if properties.get("os_purpose") == "generic" and all(key):
            groups[key].append(image)
    for key, group in groups.items():
        if len(group) > 1:
            yield key, group


def _misspelt(properties: t.Mapping[str, str]) -> t.Iterator[Remark]:
    for key in properties:
        stem = re.sub(r"\.\d+$", "", key)
        if stem in _KNOWN or key.startswith("trait:"):
            continue
        only_openstack = key.lower().startswith(_OPENSTACKS)
        if near := slip_of(stem, _KNOWN):
            yield Remark(key, f"{key!r} is no property that is known; did you mean {near!r}?", only_openstack)


def _hardware(properties: t.Mapping[str, str], hypervisor: str) -> t.Iterator[Remark]:
    for key, value in properties.items():
        words = allowed(key, hypervisor)
        if words is None or as_nova_reads(key, value) in words:
            continue
        on = f" with {hypervisor}" if words != VALUES.get(key) else ""
        choice = f"Nova takes {', '.join(words)}{on}" if words else f"Nova takes none{on}"
        yield Remark(key, f"the property {key} is {value!r}; {choice}{nearest(value, words)}")


def _other_values(properties: t.Mapping[str, str]) -> t.Iterator[Remark]:
    for key, value in properties.items():
        if key in SWITCHES and value.strip().lower() not in SWITCH_WORDS:
            yield Remark(key, f"the property {key} is {value!r}, which Nova takes for false; write true or false")
        elif key in NUMBERS and not re.fullmatch(r"\d+", value.strip()):
            yield Remark(key, f"the property {key} is {value!r}; Nova takes a whole number")
        elif key.startswith("trait:") and value != "required":
            yield Remark(key, f"the property {key} is {value!r}; Nova takes required, and passes over all else")


def _distribution(value: str) -> t.Iterator[Remark]:
    """A name that is nearly a known one; a digit behind it, or a capital, is no slip."""
    near = slip_of(value.lower(), _DISTRIBUTIONS) if value.isalpha() else None
    if near:
        yield Remark("os_distro", f"the property os_distro is {value!r}; did you mean {near!r}?", wrong=False)


def _vain(properties: t.Mapping[str, str]) -> t.Iterator[Remark]:
    if properties.get("hw_scsi_model") and properties.get("hw_disk_bus", "scsi") != "scsi":
        yield Remark(
            "hw_scsi_model", "the property hw_scsi_model has no effect unless hw_disk_bus is scsi", wrong=False
        )


def _missing(properties: t.Mapping[str, str], options: t.Mapping[str, t.Any]) -> t.Iterator[Remark]:
    for key, rule in _SCS.items():
        if key not in properties and rule.demand != "optional":
            yield Remark(key, f"the property {key} is missing; it is {rule.expected}", rule.demand == "mandatory")
    if not options.get("min_disk") and not options.get("min_disk_from_virtual_size"):
        yield Remark("min_disk", "min_disk is missing; give it, or min_disk_from_virtual_size")
    if not options.get("min_ram"):
        yield Remark("min_ram", "min_ram is missing")
    if properties.get("hw_disk_bus") == "scsi" and "hw_scsi_model" not in properties:
        yield Remark("hw_scsi_model", "with hw_disk_bus scsi the property hw_scsi_model should be set", wrong=False)


def _formats(properties: t.Mapping[str, str]) -> t.Iterator[Remark]:
    for key, rule in _SCS.items():
        if key in properties and not rule.fits(properties[key]):
            yield Remark(key, f"the property {key} is {properties[key]!r}; it has to be {rule.expected}")
    if properties.get("license_included") == properties.get("license_required") == "true":
        yield Remark("license_required", "license_included and license_required cannot both be true")
