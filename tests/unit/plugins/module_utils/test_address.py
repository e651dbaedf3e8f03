# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses: what is shown of them."""

from __future__ import annotations

import pytest
from ansible.module_utils.common.parameters import remove_values
from ansible_collections.cloudimage.glance.plugins.module_utils import _address
from hypothesis import given
from hypothesis import strategies as st

WORDS = st.text("abcXYZ019-._~%", min_size=1)


@pytest.mark.parametrize(
    ("source", "shown", "name", "secrets"),
    [
        ("/a/b c", "/a/b c", "b c", set()),
        ("/a?b", "/a?b", "a?b", set()),
        ("http://h/a%20b?x=1#f", "http://h/a%20b", "a b", {"?x=1#f"}),
        ("http://h/a?sig=hush-hush", "http://h/a", "a", {"?sig=hush-hush", "sig=hush-hush", "hush-hush"}),
        (
            "http://h/a?b=1&X-Amz-Signature=hush%2Fhush&c=long-enough",
            "http://h/a",
            "a",
            {
                "?b=1&X-Amz-Signature=hush%2Fhush&c=long-enough",
                "b=1&X-Amz-Signature=hush%2Fhush&c=long-enough",
                "hush%2Fhush",
                "hush/hush",
            },
        ),
        ("http://h/a?arch=x", "http://h/a", "a", {"?arch=x"}),
        ("https://ghp_0123456789abcdef@h/a", "https://h/a", "a", {"//ghp_0123456789abcdef@", "ghp_0123456789abcdef"}),
        ("http://h?1", "http://h", "", {"?1"}),
        ("https://kim:hu%40sh@h:1/a", "https://h:1/a", "a", {"//kim:hu%40sh@"}),
        ("https://kim:hush%40hush@h/a", "https://h/a", "a", {"//kim:hush%40hush@", "hush%40hush", "hush@hush"}),
        ("https://kim@h", "https://h", "", {"//kim@"}),
        ("https://h:80/a@b", "https://h:80/a@b", "a@b", set()),
        ("https://[::1]:80/a@b", "https://[::1]:80/a@b", "a@b", set()),
        ("https://@h/a", "https://h/a", "a", set()),
    ],
)
def test_what_is_shown_of_addresses(source: str, shown: str, name: str, secrets: set[str]) -> None:
    assert _address.public_address(source) == shown
    assert _address.file_name_of(source) == name
    assert _address.secrets_of(source) == secrets


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("sha256:http://kim:hush-hush@h/S?hush-hush", "sha256:http://h/S"),
        (" SHA-512 : https://h/S?hush-hush", " SHA-512 : https://h/S"),
        ("http://kim:hush-hush/hush@h/S", "http://h/S"),
        ("http://kim:hush-hush#hush@h/S?hush-hush", "http://h/S"),
        ("http://hush-hush@h/S", "http://h/S"),
    ],
)
def test_addresses_that_are_not_quite_addresses(source: str, shown: str) -> None:
    assert _address.public_address(source) == shown
    assert "hush" not in str(remove_values(source, _address.secrets_of(source)))


@given(WORDS, WORDS, WORDS)
def test_no_part_of_a_login_or_query_is_left(user: str, password: str, query: str) -> None:
    host = "<host>"
    for before in ("", "sha256:"):
        source = f"{before}https://{user}:{password}@{host}/{host}?{query}"
        secrets = _address.secrets_of(source)
        assert all(len(secret) >= 8 or secret[0] in "/?" for secret in secrets)
        shown = remove_values(source, secrets)
        assert not set(shown) & set(f"{user}{password}{query}") - set(f"{before}https:{host}/*")
        assert _address.public_address(source) == f"{before}https://{host}/{host}"


ENCODED = {
    "http://h/a b": "http://h/a%20b",
    " http://h/a\n": "http://h/a",
    "http://h/a\tb": "http://h/a%09b",
    "http://h/B\u00e4r/\u6f22.raw?n=\u00fc x&m=1#\u00e4": "http://h/B%C3%A4r/%E6%BC%A2.raw?n=%C3%BC%20x&m=1#%C3%A4",
    "https://b\u00fccher.Example:8080/\u00e4": "https://xn--bcher-kva.Example:8080/%C3%A4",
    "http://h/100%.raw?x=%zz": "http://h/100%25.raw?x=%25zz",
    "http://h/a%20b%c3%a4": "http://h/a%20b%c3%a4",
    "http://[::1]:9292/a": "http://[::1]:9292/a",
    "HTTP://h": "HTTP://h",
    "http://h?q=a b": "http://h?q=a%20b",
    "https://kim:h\u00e4@h/a": "https://kim:h\u00e4@h/a",
    "https://h/x;y=1,2/(a)[b]*!$'~:@&=+?a=b/c?d&e=f%2Fg+h": "https://h/x;y=1,2/(a)[b]*!$'~:@&=+?a=b/c?d&e=f%2Fg+h",
}


@pytest.mark.parametrize(("address", "sent"), ENCODED.items())
def test_addresses_are_encoded_once(address: str, sent: str) -> None:
    assert _address.encoded(address) == sent
    assert _address.encoded(sent) == sent


@pytest.mark.parametrize(
    "address", ["http://a b/c", "http://\u00e4" + "\u00e4" * 70 + "/c", "nothing", "http://a\n/c", "http://\u00e4..b/"]
)
def test_hosts_that_cannot_be(address: str) -> None:
    with pytest.raises(ValueError):
        _address.encoded(address)


def test_the_query_is_a_secret_in_both_spellings() -> None:
    assert {"sig=hush word", "sig=hush%20word"} <= _address.secrets_of("https://h/a?sig=hush word")
