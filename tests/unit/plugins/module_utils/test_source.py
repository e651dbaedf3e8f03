# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a task may say that data comes from, and how it goes in."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.cloudimage.glance.plugins.module_utils._address import public_address
from ansible_collections.cloudimage.glance.plugins.module_utils._argspec import image_spec, wait_spec
from ansible_collections.cloudimage.glance.plugins.module_utils._desired import Desired, desired_image
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import InvalidOption
from ansible_collections.cloudimage.glance.plugins.module_utils._source import (
    RemoteImage,
    Source,
    declared_source,
    require_uuid,
)
from hypothesis import given, settings
from hypothesis import strategies as st

QUICK = settings(max_examples=100, deadline=None, derandomize=True, database=None)
FAR_ID = "00000000-0000-4000-8000-000000000001"
FAR = {"remote_region": "far", "remote_image_id": FAR_ID}
REMOTE = Source("glance-download", remote=RemoteImage("far", FAR_ID))


def options(**said: t.Any) -> dict[str, t.Any]:
    """All options of the module, with those that are said."""
    spec = image_spec() | wait_spec()
    return {key: each.get("default") for key, each in spec.items()} | {"name": "n"} | said


@pytest.mark.parametrize(
    ("said", "source"),
    [
        ({}, None),
        ({"use_import": True}, None),
        ({"filename": "/f"}, Source(None, path="/f")),
        ({"filename": "/f", "use_import": False}, Source(None, path="/f")),
        ({"filename": "/f", "use_import": True}, Source("glance-direct", path="/f")),
        ({"filename": "/f", "import_method": "glance-direct"}, Source("glance-direct", path="/f")),
        ({"filename": "/f", "import_method": "auto"}, Source("auto", path="/f")),
        ({"filename": "/f", "import_method": "auto", "use_import": True}, Source("auto", path="/f")),
        ({"uri": "http://h/f", "import_method": "auto"}, Source("web-download", uri="http://h/f")),
        (FAR, REMOTE),
        (FAR | {"import_method": "glance-download"}, REMOTE),
        (FAR | {"import_method": "auto"}, REMOTE),
        (FAR | {"remote_image_id": FAR_ID.replace("-", "").upper()}, REMOTE),
        (
            FAR | {"remote_service_interface": "internal"},
            Source("glance-download", remote=RemoteImage("far", FAR_ID, "internal")),
        ),
        ({"uri": "http://h/f"}, Source("web-download", uri="http://h/f")),
        (
            {"uri": " http://h/B\u00e4r disk.raw?a=\u00fc "},
            Source("web-download", uri="http://h/B%C3%A4r%20disk.raw?a=%C3%BC"),
        ),
        ({"uri": "http://b\u00fccher.example/f"}, Source("web-download", uri="http://xn--bcher-kva.example/f")),
        ({"uri": "https://h/f", "import_method": "web-download"}, Source("web-download", uri="https://h/f")),
    ],
)
def test_the_way_in(said: dict[str, t.Any], source: Source | None) -> None:
    assert declared_source(options(**said)) == source


@pytest.mark.parametrize(
    ("said", "option"),
    [
        ({"import_method": "web-download"}, "import_method"),
        ({"import_method": "web-download", "filename": "/f"}, "import_method"),
        ({"import_method": "glance-direct"}, "import_method"),
        ({"import_method": "glance-direct", "uri": "http://h/f"}, "import_method"),
        ({"import_method": "glance-download"}, "import_method"),
        ({"uri": "ftp://h/f"}, "uri"),
        ({"uri": "file:///f"}, "uri"),
        ({"uri": "/f"}, "uri"),
        ({"uri": "http:///f"}, "uri"),
        ({"uri": "http://a b/f"}, "uri"),
        ({"uri": "http://[::1/f"}, "uri"),
        ({"uri": "http://h:99999/f"}, "uri"),
        ({"import_method": "glance-download", "uri": "http://h/f"}, "import_method"),
        (FAR | {"import_method": "web-download"}, "import_method"),
        (FAR | {"import_method": "glance-direct"}, "import_method"),
        ({"remote_region": "far"}, "remote_region, remote_image_id"),
        ({"remote_image_id": FAR_ID}, "remote_region, remote_image_id"),
        (FAR | {"remote_region": ""}, "remote_region, remote_image_id"),
        (FAR | {"remote_image_id": "x"}, "remote_image_id"),
        (FAR | {"disk_format": "raw"}, "disk_format"),
        (FAR | {"container_format": "bare"}, "container_format"),
    ],
)
def test_refusals_name_the_option(said: dict[str, t.Any], option: str) -> None:
    with pytest.raises(InvalidOption, match=f"^{option}: ") as caught:
        declared_source(options(**said))
    assert "\n" not in str(caught.value)


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(InvalidOption, match="web-download needs the option uri; it cannot be used with filename"):
        declared_source(options(import_method="web-download", filename="/f"))
    with pytest.raises(InvalidOption, match=r"glance-download needs the option remote_image_id\.$"):
        declared_source(options(import_method="glance-download"))


@pytest.mark.parametrize(
    "uri",
    [
        "http://me:geheim@h/f",
        "https://:geheim@h/f",
        "ftp://me:geheim@h/f",
        "me:geheim@h/f",
        "ftp://h/f?t=geheim",
        "http://me:geheim@[h/f",
    ],
)
def test_refused_addresses_keep_their_secrets(uri: str) -> None:
    with pytest.raises(InvalidOption, match=r"^uri: ") as caught:
        declared_source(options(uri=uri))
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://h/f", "http://h/f"),
        ("http://h:81/f?a=1&b=2#c", "http://h:81/f"),
        ("http://a:b@h:81/f", "http://h:81/f"),
        ("http://a:b@c@h/f", "http://h/f"),
        ("", ""),
    ],
)
def test_addresses_are_shown_without_secrets(uri: str, shown: str) -> None:
    assert public_address(uri) == shown


@QUICK
@given(st.text())
def test_any_text_is_an_address_or_refused(uri: str) -> None:
    try:
        source = declared_source(options(uri=uri))
    except InvalidOption:
        return
    assert source is None or source.uri == uri


def test_the_identity_of_an_address_does_not_tell_it() -> None:
    one, two = (Desired("n", source=Source("web-download", uri=f"http://h/{each}")) for each in "fg")
    assert one.identity != two.identity
    assert "http" not in (one.identity or "")


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        (Source(path="/f"), "/f"),
        (Source("web-download", uri="http://h/f?t=geheim"), "http://h/f"),
        (REMOTE, f"image {FAR_ID} of region far"),
    ],
)
def test_sources_as_they_are_shown(source: Source, shown: str) -> None:
    assert str(source) == shown


def test_what_tells_content_that_only_glance_reads() -> None:
    assert Source(path="/f").key is None
    assert REMOTE.key == f"glance-image:{FAR_ID}"
    assert (Source(uri="http://h/f").key or "").startswith("uri-sha256:")


def test_the_same_image_of_two_regions_is_the_same() -> None:
    other = Source("glance-download", remote=RemoteImage("farther", FAR_ID, "internal"))
    assert Desired("n", source=other).identity == Desired("n", source=REMOTE).identity


def test_a_declared_checksum_tells_the_content_better() -> None:
    assert Desired("n", source=REMOTE, checksum=("md5", "0")).identity == "md5:0"


def test_ids_are_brought_into_their_usual_form() -> None:
    assert require_uuid(None, "o") is None
    assert require_uuid(FAR_ID.upper(), "o") == FAR_ID
    with pytest.raises(InvalidOption, match=r"^o: 'x' is not a UUID"):
        require_uuid("x", "o")


def test_a_source_is_declared_with_the_image() -> None:
    assert desired_image(options(**FAR)).source == REMOTE
