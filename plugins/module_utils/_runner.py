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

from . import _folder, _secrets
from ._converge import Convergence, Declaration
from ._errors import CollectionError, Interrupted, InvalidOption
from ._harmless import harmless
from ._omitted import require_none_omitted, without_omitted
from ._suggestions import names_by_alias, nearest


class Catalog(t.Protocol):
    """Many declarations that are planned together, and then carried out side by side."""

    def plan(self) -> None:
        """Observe and plan for all. Sends and writes nothing that changes the cloud."""

    def finish(self, foretells: bool) -> None:
        """Carry out all plans, or foretell what they would do."""

    def report(self, with_diff: bool) -> dict[str, t.Any]:
        """The result of the module; ``failed`` in it says whether the task fails."""


class _Module(AnsibleModule):
    """A module that starts in the folder that users mean, and tells no secrets of its options: neither in its result nor in
    the log of the system, nor if it fails because of them.
    """

    #: The options as they may be shown; a catalogue of them is looked through once.
    _shown: dict[str, t.Any] | None = None

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        _folder.enter()
        super().__init__(*args, **kwargs)

    def _load_params(self) -> None:
        # Before Ansible checks the options, which may fail, and logs them.
        super()._load_params()
        self.params = without_omitted(self.params)
        _secrets.conceal(self, _secrets.secrets_in(self.params))

    def _log_invocation(self) -> None:
        self._shown = _secrets.shown(self.params)
        params, self.params = self.params, self._shown
        try:
            super()._log_invocation()
        finally:
            self.params = params

    def exit_json(self, **kwargs: t.Any) -> t.NoReturn:
        super().exit_json(**self._invocation(), **kwargs)

    def fail_json(self, msg: str, **kwargs: t.Any) -> t.NoReturn:
        unknown = self._unknown_options()
        if unknown:
            msg, kwargs["reason"] = unknown, InvalidOption.reason
        super().fail_json(msg=msg, **self._invocation(), **kwargs)

    def _unknown_options(self) -> str:
        """What to say instead of Ansible's list of all options when it does not know one; empty if it knows them all."""
        unknown = self.validation_result.unsupported_parameters if hasattr(self, "validation_result") else ()
        if not unknown or getattr(self, "_ignore_unknown_opts", False):
            return ""
        names = sorted(each if isinstance(each, str) else ".".join(map(str, each)) for each in unknown)
        known = names_by_alias(self.argument_spec)
        told = [
            f"there is no option {name!r}{nearest(name, known) or '; ansible-doc lists those that there are'}"
            for name in names
        ]
        return f"{str(self._name).rpartition('.')[2]}: {'; '.join(told)}{'' if told[-1].endswith('?') else '.'}"

    def _invocation(self) -> dict[str, t.Any]:
        """What Ansible shows with the results, where it is asked to."""
        # What fails before it is logged has not been looked through for secrets yet
        return {"invocation": {"module_args": _secrets.shown(self.params) if self._shown is None else self._shown}}


def run_declaration(
    build: t.Callable[[AnsibleModule], t.ContextManager[Declaration]], argument_spec: dict[str, t.Any], **kwargs: t.Any
) -> None:
    """Bring a declared state about, or foretell it in check mode, and exit the module.

    :param build: makes the declaration out of a module; a context manager, so that what it opens is closed.
    :param kwargs: further arguments of AnsibleModule, for instance ``mutually_exclusive``.
    """
    module = _Module(argument_spec, supports_check_mode=True, **kwargs)
    with _edge(module), build(module) as declaration:
        outcome = Convergence(declaration, module.warn).finish(module.check_mode)
        module.exit_json(**outcome.report(module._diff))


def run_catalog(
    build: t.Callable[[AnsibleModule], t.ContextManager[Catalog]], argument_spec: dict[str, t.Any], **kwargs: t.Any
) -> None:
    """As :func:`run_declaration`, for many declarations in one module."""
    module = _Module(argument_spec, supports_check_mode=True, **kwargs)
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
    with _edge(module):
        module.exit_json(changed=False, **answer(module))


@contextlib.contextmanager
def _edge(module: AnsibleModule) -> t.Iterator[None]:
    """Turn every exception into ``fail_json``; turn SIGTERM and SIGINT into an exception, so that clean-up runs."""
    try:
        require_none_omitted(module.params)
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
