# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What the lookup ``image`` finds. Runs in the process of Ansible: no module, no signals, and values of Ansible's own types."""

from __future__ import annotations

import collections.abc
import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from . import _secrets
from ._argspec import Spec, connection_spec
from ._describe import described
from ._errors import ContentMissing, InvalidOption
from ._glance import Glance, Json, connect
from ._omitted import require_none_omitted, without_omitted
from ._query import glance_query, of_family, one_named
from ._which import Wish

#: The options beside those of the connection.
_SPEC: Spec = {
    "attribute": {"type": "str", "default": "id"},
    "default": {"type": "raw"},
    "family": {"type": "bool"},
    "filters": {"type": "dict"},
    "version": {"type": "str"},
}


def options_of(named: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The options of the lookup out of what :func:`given` has, as strictly as those of a module.

    Ansible itself would ignore an option that does not exist, and take any text for a truth value, so that another image
    would be found.
    """
    # Loops with with_... say wantlist, which is nothing to a plugin.
    options = {name: value for name, value in named.items() if name != "wantlist"}
    require_none_omitted(options)
    _secrets.conceal(None, _secrets.secrets_in(options))
    checked = ArgumentSpecValidator(connection_spec() | _SPEC).validate(options)
    for name in sorted(checked.unsupported_parameters):
        raise InvalidOption(f"{name}: there is no such option; those of the lookup are {', '.join(_SPEC)}.")
    if checked.error_messages:
        raise InvalidOption(f"{checked.error_messages[0].rstrip('.')}.")
    return checked.validated_parameters


def given(named: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What a lookup was given by name, without Ansible's own types and its placeholder for what is to be omitted."""
    return t.cast(dict[str, t.Any], plain(without_omitted(named)))


def plain(value: t.Any) -> t.Any:
    """A value without the types in which Ansible hands it over: tagged, lazy, unsafe or encrypted ones."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, collections.abc.Mapping):
        return {str(key): plain(value[key]) for key in value}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return "".join([str(value)])


def looked_up(
    terms: list[t.Any], options: dict[str, t.Any], has_default: bool, folder: str | None = None
) -> list[t.Any]:
    """What the lookup returns: an attribute of one image for each term.

    :param folder: that of the playbook, where ``clouds.yaml`` is looked for first.
    :raises ContentMissing: if there is no image for a term, and no default.
    :raises CollectionError: for whatever else is in the way.
    """
    names = [_name(term) for term in terms]
    query = glance_query(options["filters"] or {})
    wishes = [_wish(name, options) for name in names]
    with connect(options, folder) as glance:
        found = [_one(glance, name, wish, query) for name, wish in zip(names, wishes, strict=True)]
        sees_all = None in found and glance.sees_all and not query
    for name, wish, image in zip(names, wishes, found, strict=True):
        if image is None and not has_default:
            raise ContentMissing(_nothing(name, wish, bool(query), sees_all))
    return [options["default"] if image is None else _attribute(image, options["attribute"]) for image in found]


def _name(term: t.Any) -> str:
    if term is None or isinstance(term, (bool, dict, list)) or not str(term):
        raise InvalidOption(f"{term!r} is not the name of an image, nor its id or its family.")
    return str(term)


def _wish(family: str, options: dict[str, t.Any]) -> Wish | None:
    """What is asked for of a family; None if the term is a name."""
    is_family, version = options["family"], options["version"]
    if is_family is False and version is not None:
        raise InvalidOption("version: is a version of a family, so family cannot be false.")
    return Wish(family, version) if is_family or version is not None else None


def _one(glance: Glance, name: str, wish: Wish | None, query: dict[str, t.Any]) -> Json | None:
    if wish is None:
        return one_named(glance, name, query)
    return next(iter(of_family(glance, wish, query)), None)


def _nothing(name: str, wish: Wish | None, filtered: bool, sees_all: bool) -> str:
    """Why there is no image, as far as can be told."""
    where = "of the own project, nor a public one" if sees_all else "that these credentials can see"
    where += ", and that the filters let through" if filtered else ""
    if wish is None:
        return f"There is no image {name!r} {where}."
    if wish.version is not None:
        return f"The family {name!r} has no version {wish.version!r} {where}."
    good = "one that is active, not excluded from latest, and not past its end of life"
    return f"The family {name!r} has no good version {where}: {good}."


def _attribute(image: Json, name: str) -> t.Any:
    keys = described(image)
    if name not in keys:
        raise InvalidOption(f"attribute: an image has no {name!r}; the result of image_info shows what it has.")
    return keys[name]
