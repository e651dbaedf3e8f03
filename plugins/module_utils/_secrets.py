# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What the options of a module hold that must not be shown, and how Ansible is told.

``no_log`` of an option is too coarse: it blanks out whole addresses, and each value of ``auth``, names of projects among
them, wherever they occur. What is secret is found by its place instead: an invocation is shown without it, and Ansible
blanks its texts out of all else.
"""

from __future__ import annotations

import re
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.validation import check_type_dict

from . import _address

try:
    from ansible.module_utils.secrets import register_secrets  # type: ignore[import-untyped,import-not-found,unused-ignore]
except ImportError:  # ansible-core before 2.22
    register_secrets = None

#: What stands in place of a secret; Ansible's own word.
HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"

#: Options that hold what Glance shows to others, or names that it does.
_HELD = frozenset(
    {"name", "id", "family", "version", "tags", "properties", "members", "filters", "kernel", "ramdisk", "content_key"}
)
_PASSWORDS = ("url_password", "client_key", "key")
#: What does not belong where options are, but may be written there.
_MISPLACED = re.compile(r"passw|passphrase|secret|token", re.IGNORECASE)
_CLOUDS = ("cloud", "member_cloud")
_ENTRIES = ("images", "defaults")
#: How those keys of ``auth`` end that are no secrets: the options of keystoneauth's plugins that are not marked so.
_PUBLIC = (
    *(
        "url",
        "uri",
        "endpoint",
        "name",
        "id",
        "type",
        "region",
        "domain",
        "scope",
        "protocol",
        "provider",
        "method",
        "methods",
    ),
    *("host", "port", "timeout"),
)
#: Headers that say nothing of who asks.
_HARMLESS = re.compile(r"accept(-.*)?|cache-control|content-(type|length)|if-.*|pragma|range|user-agent", re.IGNORECASE)
#: The word before the credentials, as in "Bearer ...".
_SCHEME = re.compile(r"\A[A-Za-z][\w-]*\s+")
#: What may stand between several addresses in one text.
_BETWEEN = re.compile(r"[\s,\"'\[\]{}]+")

Verdict = tuple[set[str], t.Any]


def secrets_in(options: t.Mapping[str, t.Any]) -> set[str]:
    """The texts in options that must not be shown, those of the images among them included."""
    return _of_options(options)[0]


def shown(options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Options as they may be shown: addresses without logins and queries, and no password."""
    return t.cast(dict[str, t.Any], _of_options(options)[1])


def conceal(module: AnsibleModule | None, secrets: set[str]) -> None:
    """Have Ansible blank texts out of all that a module tells, and since ansible-core 2.22 out of the rest of the run.

    :param module: None in a plugin, of which earlier versions blank nothing out.
    """
    if register_secrets:
        register_secrets(secrets)
    elif module:
        module.no_log_values |= secrets


def _of_options(options: t.Mapping[str, t.Any]) -> Verdict:
    verdicts = {name: _of_option(str(name), value) for name, value in options.items()}
    return _all(verdicts.values()), {str(name): public for name, (_secrets, public) in verdicts.items()}


def _of_option(name: str, value: t.Any) -> Verdict:
    """What is secret in an option, and the option as it may be shown."""
    if value in (None, "") or name in _HELD:
        return set(), value
    if name in _PASSWORDS or _MISPLACED.search(name):
        return set(_texts(value)), HIDDEN
    if name == "headers":
        return _of_mapping(value, _of_headers)
    if name == "auth":
        return _of_mapping(value, _of_credentials)
    if name in _CLOUDS and not _is_plain_name(value):
        return _of_mapping(value, _of_options)
    if name in _ENTRIES and isinstance(value, dict):
        return _of_options(value)
    if isinstance(value, list):
        verdicts = [_of_options(each) if isinstance(each, dict) else _of_option("", each) for each in value]
        return _all(verdicts), [public for _secrets, public in verdicts]
    return _of_text(value) if isinstance(value, str) else (set(), value)


def _of_mapping(value: t.Any, judge: t.Callable[[dict[t.Any, t.Any]], Verdict]) -> Verdict:
    """The verdict about a mapping, which Ansible also takes as a text: as JSON, or as ``key=value``."""
    if isinstance(value, dict):
        return judge(value)
    try:
        return judge(check_type_dict(value))[0], HIDDEN
    except (TypeError, ValueError):
        return _address.long_ones(set(_texts(value))), HIDDEN


def _of_headers(headers: dict[t.Any, t.Any]) -> Verdict:
    values = [str(value).strip() for name, value in headers.items() if _address.bears_credentials(str(name))]
    public = {name: value if _HARMLESS.fullmatch(str(name)) else HIDDEN for name, value in headers.items()}
    return _address.long_ones({part for value in values for part in (value, _SCHEME.sub("", value))}), public


def _of_credentials(auth: dict[t.Any, t.Any]) -> Verdict:
    verdicts = {key: _of_credential(str(key), value) for key, value in auth.items()}
    return _all(verdicts.values()), {key: public for key, (_secrets, public) in verdicts.items()}


def _of_credential(key: str, value: t.Any) -> Verdict:
    if value is None or isinstance(value, bool):
        return set(), value
    if key.endswith(_PUBLIC):
        return _of_text(value) if isinstance(value, str) else (set(), value)
    return set(_texts(value)), HIDDEN


def _of_text(text: str) -> Verdict:
    pieces = [text, *_BETWEEN.split(text)] if text.count("://") > 1 else [text]
    secrets = set().union(*(_address.secrets_of(piece) for piece in pieces))
    public = _address.public_address(text)
    return secrets, HIDDEN if secrets and public == text else public


def _is_plain_name(cloud: t.Any) -> bool:
    return isinstance(cloud, str) and not cloud.lstrip().startswith("{")


def _all(verdicts: t.Iterable[Verdict]) -> set[str]:
    return set().union(*(secrets for secrets, _public in verdicts))


def _texts(value: t.Any) -> t.Iterator[str]:
    """All texts and numbers in a value, whatever its shape."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif value is not None and not isinstance(value, bool) and str(value):
        yield str(value)
