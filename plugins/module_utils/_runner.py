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

from ._errors import CollectionError, Interrupted, Superseded
from ._steps import Plan

#: How often a run observes and plans anew when others act on the same object at the same moment.
_ROUNDS = 50


class Declaration(t.Protocol):
    """A declared state: where it stands, what is to be done, and the doing."""

    def observe(self) -> t.Any:
        """Read the outside world. Sends and writes nothing."""

    def plan(self, observed: t.Any) -> Plan:
        """Compare; pure."""

    def apply(self, plan: Plan) -> dict[str, t.Any]:
        """Carry out the steps of a plan and return the result keys of the module.

        :raises Superseded: if somebody else acted meanwhile and the plan is out of date.
        """

    def predict(self, plan: Plan) -> dict[str, t.Any]:
        """The result keys of the module for a plan that is not carried out (check mode, or nothing to do)."""


def run_declaration(
    build: t.Callable[[AnsibleModule], t.ContextManager[Declaration]], argument_spec: dict[str, t.Any], **kwargs: t.Any
) -> None:
    """Bring a declared state about, or foretell it in check mode, and exit the module.

    :param build: makes the declaration out of a module; a context manager, so that what it opens is closed.
    :param kwargs: further arguments of AnsibleModule, for instance ``mutually_exclusive``.
    """
    module = AnsibleModule(argument_spec, supports_check_mode=True, **kwargs)
    _keep_secrets(module)
    with _edge(module), build(module) as declaration:
        module.exit_json(**_converge(module, declaration))


def run_query(
    answer: t.Callable[[AnsibleModule], dict[str, t.Any]], argument_spec: dict[str, t.Any], **kwargs: t.Any
) -> None:
    """Answer a question without changing anything, and exit the module."""
    module = AnsibleModule(argument_spec, supports_check_mode=True, **kwargs)
    _keep_secrets(module)
    with _edge(module):
        module.exit_json(changed=False, **answer(module))


def _keep_secrets(module: AnsibleModule) -> None:
    """Blank out what is secret in a whole cloud configuration, which is an option that Ansible knows nothing about."""
    public = ("url", "name", "id", "type", "region")
    for option in ("cloud", "member_cloud"):
        cloud = module.params.get(option)
        auth = cloud.get("auth") if isinstance(cloud, dict) else None
        if isinstance(auth, dict):
            module.no_log_values |= {
                str(value) for key, value in auth.items() if value and not str(key).endswith(public)
            }


def _converge(module: AnsibleModule, declaration: Declaration) -> dict[str, t.Any]:
    """Observe, plan and apply until a plan has been carried out whole; the result is read off the plans."""
    before: dict[str, t.Any] | None = None
    actions: list[str] = []
    for round_left in reversed(range(_ROUNDS)):
        try:
            plan = declaration.plan(declaration.observe())
            before = plan.before if before is None else before
            for warning in plan.warnings:
                module.warn(warning)
            act = declaration.predict if module.check_mode or not plan.changed else declaration.apply
            outcome = act(plan)
        except Superseded as news:
            if not round_left:
                raise
            actions += news.details.get("actions", [])
            continue
        actions += plan.actions
        result = dict(outcome, changed=bool(actions), actions=actions)
        if module._diff:
            result["diff"] = {"before": before, "after": plan.after}
        return result
    raise AssertionError("unreachable: the last round returns or raises")


@contextlib.contextmanager
def _edge(module: AnsibleModule) -> t.Iterator[None]:
    """Turn every exception into ``fail_json``; turn SIGTERM and SIGINT into an exception, so that clean-up runs."""
    try:
        with _interruptible():
            yield
    except CollectionError as problem:
        module.fail_json(msg=problem.message, reason=problem.reason, **problem.details)
    except Exception as bug:  # an unforeseen fault must still end in one sentence, with the traceback on -vvv only
        if isinstance(bug.__context__, Interrupted):  # a signal in the middle of a library's own handling of errors
            module.fail_json(msg=bug.__context__.message, reason=Interrupted.reason)
        module.fail_json(
            msg=f"Unexpected {type(bug).__name__}: {bug}", reason="unexpected", exception=traceback.format_exc()
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
