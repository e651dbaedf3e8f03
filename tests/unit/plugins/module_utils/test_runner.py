# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The edge between Ansible and a declaration; the declaration is a fake, because only the wiring is looked at."""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import signal
import typing as t

import pytest
from ansible.module_utils import basic
from ansible_collections.cloudimage.glance.plugins.module_utils import _runner as runner
from ansible_collections.cloudimage.glance.plugins.module_utils._argspec import connection_spec, image_spec
from ansible_collections.cloudimage.glance.plugins.module_utils._errors import ImageFault, Interrupted, Superseded
from ansible_collections.cloudimage.glance.plugins.module_utils._steps import Plan

try:
    from ansible.module_utils import secrets
except ImportError:  # ansible-core before 2.22
    secrets = None

EMPTY = Plan({"a": 1}, {"a": 1})
STEP = Plan({"a": 1}, {"a": 2}, ("do it",))
LAST = Plan({"a": 3}, {"a": 4}, ("do the rest",))


def fail_with(problem: BaseException) -> t.NoReturn:
    raise problem


class Fake:
    """A declaration that plays plans in turn; ``apply`` returns or raises what it is told."""

    def __init__(self, *plans: Plan, does: t.Sequence[t.Any] = ()) -> None:
        self.plans, self.does, self.calls, self.closed = list(plans), list(does), [], False

    @contextlib.contextmanager
    def build(self, _module: t.Any) -> t.Iterator[Fake]:
        try:
            yield self
        finally:
            self.closed = True

    def observe(self) -> int:
        self.calls.append("observe")
        return len(self.plans)

    def plan(self, observed: int) -> Plan:
        assert observed == len(self.plans)
        return self.plans.pop(0) if len(self.plans) > 1 else self.plans[0]

    def apply(self, plan: Plan) -> dict[str, t.Any]:
        self.calls.append("apply")
        act = self.does.pop(0) if self.does else {"image": "applied"}
        if callable(act):
            return act()
        return fail_with(act) if isinstance(act, BaseException) else act

    def predict(self, plan: Plan) -> dict[str, t.Any]:
        self.calls.append("predict")
        return {"image": "foretold"}


@pytest.fixture(name="run")
def _run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> t.Callable[..., dict[str, t.Any]]:
    def run(fake: Fake, check: bool = False, diff: bool = False) -> dict[str, t.Any]:
        arguments = {"ANSIBLE_MODULE_ARGS": {"_ansible_check_mode": check, "_ansible_diff": diff}}
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps(arguments).encode())
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        with pytest.raises(SystemExit) as caught:
            runner.run_declaration(fake.build, {})
        assert fake.closed
        result = json.loads(capsys.readouterr().out)
        assert bool(caught.value.code) == bool(result.get("failed"))
        return result

    return run


Run = t.Callable[..., dict[str, t.Any]]


def test_nothing_to_do_is_not_applied(run: Run) -> None:
    fake = Fake(EMPTY)
    result = run(fake)
    assert (result["changed"], result["actions"], result["image"]) == (False, [], "foretold")
    assert fake.calls == ["observe", "predict"]


def test_a_plan_is_applied(run: Run) -> None:
    fake = Fake(STEP)
    result = run(fake)
    assert (result["changed"], result["actions"], result["image"]) == (True, ["do it"], "applied")
    assert fake.calls == ["observe", "apply"]


def test_check_mode_never_applies(run: Run) -> None:
    fake = Fake(STEP)
    result = run(fake, check=True)
    assert (result["changed"], result["actions"], result["image"]) == (True, ["do it"], "foretold")
    assert fake.calls == ["observe", "predict"]


@pytest.mark.parametrize("check", [False, True])
def test_a_diff_is_there_when_asked_for(run: Run, check: bool) -> None:
    assert "diff" not in run(Fake(STEP), check=check)
    assert run(Fake(STEP), check=check, diff=True)["diff"] == {"before": {"a": 1}, "after": {"a": 2}}


def test_a_plan_that_is_out_of_date_is_made_anew_and_actions_add_up(run: Run) -> None:
    fake = Fake(STEP, LAST, does=[Superseded("meanwhile", actions=["did a part"])])
    result = run(fake, diff=True)
    assert (result["changed"], result["actions"]) == (True, ["did a part", "do the rest"])
    assert result["diff"] == {"before": {"a": 1}, "after": {"a": 4}}
    assert fake.calls == ["observe", "apply"] * 2


def test_what_others_did_is_no_change_of_ours(run: Run) -> None:
    result = run(Fake(STEP, EMPTY, does=[Superseded("meanwhile")]))
    assert (result["changed"], result["actions"]) == (False, [])


def test_what_was_done_before_it_was_superseded_is_a_change(run: Run) -> None:
    result = run(Fake(STEP, EMPTY, does=[Superseded("meanwhile", actions=["did a part"])]))
    assert (result["changed"], result["actions"]) == (True, ["did a part"])


def test_rounds_come_to_an_end(run: Run) -> None:
    fake = Fake(STEP, does=[Superseded("meanwhile")] * 99)
    result = run(fake)
    assert (result["msg"], result["reason"]) == ("meanwhile", "superseded")
    assert 1 < fake.calls.count("apply") < 99


def test_a_problem_is_told_with_its_reason_and_details(run: Run) -> None:
    result = run(Fake(STEP, does=[ImageFault("It broke.", id="1")]))
    assert (result["failed"], result["msg"], result["reason"], result["id"]) == (True, "It broke.", "image_fault", "1")


def test_what_was_done_before_a_problem_is_told(run: Run) -> None:
    does = [Superseded("meanwhile", actions=["did a part"]), ImageFault("It broke.", actions=["did more"])]
    result = run(Fake(STEP, LAST, does=does))
    assert (result["failed"], result["changed"], result["actions"]) == (True, True, ["did a part", "did more"])
    assert "actions" not in run(Fake(STEP, does=[ImageFault("It broke.")]))


def test_a_bug_is_told_in_one_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ansible itself decides whether the traceback is shown."""
    told: dict[str, t.Any] = {}
    fail_json = basic.AnsibleModule.fail_json
    monkeypatch.setattr(
        basic.AnsibleModule, "fail_json", lambda self, **facts: (told.update(facts), fail_json(self, **facts))
    )
    result = run(Fake(STEP, does=[ZeroDivisionError("by zero")]))
    assert (result["msg"], result["reason"]) == ("Unexpected ZeroDivisionError: by zero", "unexpected")
    assert "Traceback" in told["exception"]


def test_warnings_reach_the_user(run: Run) -> None:
    assert "mind" in json.dumps(run(Fake(Plan({}, {}, warnings=("mind",))))["warnings"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_interrupts_so_that_clean_up_runs(run: Run, number: signal.Signals) -> None:
    before = signal.getsignal(number)
    seen = []

    def killed() -> t.NoReturn:
        try:
            os.kill(os.getpid(), number)
            signal.pause()
        except Interrupted as interrupted:
            seen.append(interrupted)
            raise
        raise AssertionError("unreachable")

    result = run(Fake(STEP, does=[killed]))
    assert (result["msg"], result["reason"]) == (f"Interrupted by {number.name}.", "interrupted")
    assert seen
    assert signal.getsignal(number) == before


def test_a_query_changes_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(basic, "_ANSIBLE_ARGS", b'{"ANSIBLE_MODULE_ARGS": {"_ansible_check_mode": true}}')
    monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
    with pytest.raises(SystemExit):
        runner.run_query(lambda module: {"images": []}, {})
    result = json.loads(capsys.readouterr().out)
    assert (result["changed"], result["images"]) == (False, [])


def blanked(text: str) -> str:
    """What the controller makes of it, since ansible-core 2.22; before, modules did."""
    return secrets.mask_secrets(text) if secrets else text


@pytest.mark.parametrize("wrong", [{}, {"state": "wrong"}, {"source": "http://u:hush@h/b?sig=hush"}])
def test_secrets_are_neither_in_the_result_nor_in_the_log_of_the_system(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], wrong: dict[str, t.Any]
) -> None:
    """Short ones neither, of which Ansible could not blank out all occurrences."""
    options = {
        "uri": "http://u:hush@h/a?sig=hush",
        "headers": {"Authorization": "hush"},
        "auth": {"password": "hush", "username": "kim", "project_name": "images"},
        "images": [{"src": "http://u:hush@h/a", "headers": "X-Token=hush"}, "http://u:hush@h/b"],
    }
    spec: dict[str, t.Any] = {name: {"type": "raw"} for name in options} | {"state": {"choices": ["present"]}}
    logged: list[t.Any] = []
    log = basic.AnsibleModule.log
    monkeypatch.setattr(
        basic.AnsibleModule, "log", lambda *args, **named: (logged.append((args[1:], named)), log(*args, **named))
    )
    monkeypatch.setattr("syslog.syslog", lambda *args: logged.append(args))
    hidden = {"_ansible_inject_invocation": True} if "_ansible_inject_invocation" in inspect.getsource(basic) else {}
    monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": options | hidden | wrong}).encode())
    monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
    with pytest.raises(SystemExit):
        runner.run_query(lambda _module: {"told": "http://u:hush@h/a?sig=hush"}, spec)
    result = json.loads(capsys.readouterr().out)
    assert result.get("failed", False) == bool(wrong)
    assert result["invocation"]["module_args"]["auth"]["project_name"] == "images"
    assert "hush" not in str(result["invocation"]) and "hush" not in str(logged)
    result.pop("_ansible_new_secrets", None)
    assert "hush" not in blanked(str(result))
    assert bool(logged) == (not wrong)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"nmae": "a"}, "image: there is no option 'nmae'; did you mean 'name'?"),
        ({"source": "a"}, "image: there is no option 'source'; did you mean 'filename'?"),
        ({"file": "a", "name": "b"}, "image: there is no option 'file'; did you mean 'filename'?"),
        (
            {"url": "a", "hidde": 1},
            "image: there is no option 'hidde'; did you mean 'hidden'?; there is no option 'url'; did you mean 'uri'?",
        ),
        ({"xyzzy": "a"}, "image: there is no option 'xyzzy'; ansible-doc lists those that there are."),
        ({"password": "hush-hush"}, "image: there is no option 'password'; did you mean 'auth'?"),
    ],
)
def test_an_unknown_option_is_told_with_what_is_meant(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], options: dict[str, t.Any], told: str
) -> None:
    """Not with a list of all options; and before what is missing, which it may be."""
    arguments = {"ANSIBLE_MODULE_ARGS": {"_ansible_module_name": "cloudimage.glance.image", **options}}
    monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps(arguments).encode())
    monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
    with pytest.raises(SystemExit):
        runner.run_query(lambda _module: {}, connection_spec() | image_spec())
    result = json.loads(capsys.readouterr().out)
    assert (result["msg"], result["reason"]) == (told, "invalid_option")
