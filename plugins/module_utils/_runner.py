# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The edge between Ansible and the collection: the only place that knows check mode, diff, exit_json and fail_json.

A module hands :func:`run_declaration` a function that makes a :class:`Declaration` out of its parameters, or
:func:`run_query` one that answers a question. Problems are raised as CollectionError and end here.
"""

from __future__ import annotations

import contextlib
import signal
import traceback
import typing as t

from ansible.module_utils.basic import AnsibleModule

from . import _address, _folder
from ._converge import Convergence, Declaration
from ._errors import CollectionError, Interrupted
from ._harmless import harmless


class Catalog(t.Protocol):
    """Many declarations that are planned together, and then carried out side by side."""

    def plan(self) -> None:
        """Observe and plan for all. Sends and writes nothing that changes the cloud."""

    def finish(self, foretells: bool) -> None:
        """Carry out all plans, or foretell what they would do."""

    def report(self, with_diff: bool) -> dict[str, t.Any]:
        """The result of the module; ``failed`` in it says whether the task fails."""


class _Module(AnsibleModule):
    """A module that starts in the folder that users mean, and tells no secrets of its options, even if it fails because of them."""

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        _folder.enter()
        super().__init__(*args, **kwargs)

    def fail_json(self, *args: t.Any, **kwargs: t.Any) -> t.NoReturn:
        _keep_secrets(self)
        super().fail_json(*args, **kwargs)


def run_declaration(
    build: t.Callable[[AnsibleModule], t.ContextManager[Declaration]], argument_spec: dict[str, t.Any], **kwargs: t.Any
) -> None:
    """Bring a declared state about, or foretell it in check mode, and exit the module.

    :param build: makes the declaration out of a module; a context manager, so that what it opens is closed.
    :param kwargs: further arguments of AnsibleModule, for instance ``mutually_exclusive``.
    """
    module = _Module(argument_spec, supports_check_mode=True, **kwargs)
    _keep_secrets(module)
    with _edge(module), build(module) as declaration:
        outcome = Convergence(declaration, module.warn).finish(module.check_mode)
        module.exit_json(**outcome.report(module._diff))


def run_catalog(
    build: t.Callable[[AnsibleModule], t.ContextManager[Catalog]], argument_spec: dict[str, t.Any], **kwargs: t.Any
) -> None:
    """As :func:`run_declaration`, for many declarations in one module."""
    module = _Module(argument_spec, supports_check_mode=True, **kwargs)
    _keep_secrets(module)
    with _edge(module), build(module) as catalog:
        catalog.plan()
        catalog.finish(module.check_mode)
        report = catalog.report(module._diff)
        if report["failed"]:
            module.fail_json(**report)
        module.exit_json(**report)


def run_query(
    answer: t.Callable[[AnsibleModule], dict[str, t.Any]], argument_spec: dict[str, t.Any], **kwargs: t.Any
) -> None:
    """Answer a question without changing anything, and exit the module."""
    module = _Module(argument_spec, supports_check_mode=True, **kwargs)
    _keep_secrets(module)
    with _edge(module):
        module.exit_json(changed=False, **answer(module))


def _keep_secrets(module: AnsibleModule) -> None:
    """Blank out what is secret in addresses, headers and whole cloud configurations, of which Ansible knows nothing.

    It returns the options of a module with its results.
    """
    module.no_log_values |= _address.secrets_in(module.params)
    public = ("url", "name", "id", "type", "region")
    for option in ("cloud", "member_cloud"):
        cloud = module.params.get(option)
        auth = cloud.get("auth") if isinstance(cloud, dict) else None
        if isinstance(auth, dict):
            module.no_log_values |= {
                str(value) for key, value in auth.items() if value and not str(key).endswith(public)
            }


@contextlib.contextmanager
def _edge(module: AnsibleModule) -> t.Iterator[None]:
    """Turn every exception into ``fail_json``; turn SIGTERM and SIGINT into an exception, so that clean-up runs."""
    try:
        with _interruptible():
            yield
    except CollectionError as problem:
        details = dict(problem.details)
        if "actions" in details:
            details["changed"] = bool(details["actions"])
        module.fail_json(msg=problem.message, reason=problem.reason, **details)
    except Exception as bug:  # an unforeseen fault must still end in one sentence, with the traceback on -vvv only
        if isinstance(bug.__context__, Interrupted):  # a signal in the middle of a library's own handling of errors
            module.fail_json(msg=bug.__context__.message, reason=Interrupted.reason)
        module.fail_json(
            msg=harmless(f"Unexpected {type(bug).__name__}: {bug}"),
            reason="unexpected",
            exception=traceback.format_exc(),
        )


@contextlib.contextmanager
def _interruptible() -> t.Iterator[None]:
    """Raise Interrupted in the main thread when the process is asked to end."""

    def interrupt(number: int, _frame: t.Any) -> t.NoReturn:
        raise Interrupted(f"Interrupted by {signal.Signals(number).name}.")

    previous = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
