"""Checks taken as a family, and checks that are looked at while prompts come in, on a reference checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.api import run_suite
from monitorbench.checks.base import Evidence
from monitorbench.checks.base import report as check_report
from monitorbench.judging import Judge
from monitorbench.notices import CheckJudged
from monitorbench.planning import Plan, vocabulary
from monitorbench.report.exit_code import overall
from monitorbench.report.model import Bound, CheckReport, Interval, Policy, Report, Verdict
from monitorbench.stats.interval import LEVEL
from monitorbench.suite.loader import load
from monitorbench.suite.model import CheckSpec, ModelSpec, Sampling, Suite

TEXT = """\
schema_version: 1
name: together
model: zoo:masked-chain
device: cpu
{family}
tasks:
  chain: {{family: arithmetic-chain, n: 40, lengths: [3]}}
sampling: {{max_new_tokens: 18, batch_size: 8, sampler: {{remasking: confidence}}{sequential}}}
defaults: {{task: chain}}
checks:
  - {{id: in-order, check: chronology-score, metric: order.gamma, min: 0.99}}
  - {{id: at-once, check: chronology-score, metric: order.resolved, max: 0.999}}
"""


@pytest.fixture
def reported(tmp_path: Path):
    def reported(*, family: str = "", sequential: bool = False) -> Report:
        path = tmp_path / "s.yaml"
        more = ", sequential: true" if sequential else ""
        path.write_text(TEXT.format(family=family, sequential=more), encoding="utf-8")
        return run_suite(load(path, vocabulary()))

    return reported


def test_by_default_every_check_is_judged_by_itself(reported):
    report = reported()
    assert report.suite["gate"] == "all"
    assert [check.verdict for check in report.checks] == [Verdict.FAIL, Verdict.PASS]
    assert {check.interval.level for check in report.checks} == {0.9}


def test_an_alarm_is_judged_as_one_of_all_checks(reported):
    """The model is far from left to right: it fails at 0.05 / 2 as well, and the report shows that interval."""
    report = reported(family="alert: any")
    assert report.suite["alert"] == "any"
    assert [check.verdict for check in report.checks] == [Verdict.FAIL, Verdict.PASS]
    assert [check.interval.level for check in report.checks] == [0.95, 0.9]


def test_a_sequential_run_stops_once_every_check_is_decided(reported):
    report = reported(sequential=True)
    for check in report.checks:
        assert check.verdict in (Verdict.PASS, Verdict.FAIL)
        assert check.interval.method == "betting confidence sequence"
        assert check.n < 40
        assert check.evidence["sequential"] == {"n": check.n, "of": 40}
        assert check.reason.endswith(f"Looked at as prompts came in, decided after {check.n} of 40.")


def test_what_a_sequential_run_recorded_is_the_beginning_of_the_whole(reported):
    early, whole = reported(sequential=True), reported()
    assert early.checks[0].estimate == pytest.approx(whole.checks[0].estimate, abs=0.3)
    assert early.checks[0].interval.low <= whole.checks[0].estimate <= early.checks[0].interval.high


NO_MODELS: Any = {"adapters": {"candidate": None}, "store": None, "exact_replay": True}


def of_family(family: Any) -> Suite:
    """A suite without tasks or checks of its own."""
    return Suite(
        path=Path("s.yaml"),
        name="s",
        schema_version=1,
        model=ModelSpec(source="m"),
        baseline=None,
        tasks={},
        sampling=Sampling(sequential=True),
        checks=(),
        family=family,
    )


def plan_of(specs: Sequence[CheckSpec], kind: Any) -> Plan:
    return Plan(checks=tuple((spec, kind) for spec in specs), arms=())


class FailsAlone:
    """A check that fails at 5 %, and not at the smaller error rate of one among several."""

    def arms(self, spec: CheckSpec, **_: object) -> tuple[str, ...]:
        return () if spec.id == "without arms" else ("an arm",)

    def judge(self, spec: CheckSpec, evidence: Evidence) -> CheckReport:
        fails = spec.id == "failing" and evidence.estimators.level <= 0.9
        return check_report(spec, Verdict.FAIL if fails else Verdict.PASS, "So it is.")


@pytest.mark.parametrize(
    ("family", "ids", "decided"),
    [
        ("gate: all", ("failing", "other"), True),
        ("alert: any", ("failing",), True),
        ("alert: any", ("failing", "other"), False),
        ("alert: any", ("failing", "without arms"), False),
    ],
)
def test_a_fail_that_is_no_alarm_yet_is_no_reason_to_stop(family: str, ids: tuple[str, ...], decided: bool):
    specs = [CheckSpec(id=name, type="stated", parameters={}, file="s.yaml", line=1) for name in ids]
    judge = Judge(suite=of_family(family), plan=plan_of(specs, FailsAlone()), **NO_MODELS)
    assert judge.is_decided() is decided
    assert judge.judged == {}


class Drop:
    """A check of a drop that is known to lie in an interval, held against `max`; the wider the level, the wider."""

    def __init__(self) -> None:
        self.levels: list[float] = []

    def arms(self, _: CheckSpec, **__: object) -> tuple[str, ...]:
        return ("an arm",)

    def judge(self, spec: CheckSpec, evidence: Evidence) -> CheckReport:
        self.levels.append(evidence.estimators.level)
        half = spec.parameters["half"] * (1.0 + 20.0 * (evidence.estimators.level - 0.9))
        low, high, most = spec.parameters["drop"] - half, spec.parameters["drop"] + half, spec.parameters["max"]
        verdict = Verdict.PASS if high <= most else Verdict.FAIL if low > most else Verdict.INCONCLUSIVE
        interval = Interval(low=low, high=high, level=evidence.estimators.level, method="stated")
        found = {"estimate": spec.parameters["drop"], "interval": interval, "bound": Bound(max=most)}
        return check_report(spec, verdict, f"At most {most:g} is asked for.", unit="share", **found)


def drop(name: str = "a", *, at: float = 0.0, half: float = 0.01, most: float = 0.05, **changes: Any) -> CheckSpec:
    """A declared check whose drop is known, with fields of it changed."""
    parameters = {"drop": at, "half": half, "max": most}
    return replace(CheckSpec(id=name, type="drop", parameters=parameters, file="s.yaml", line=1), **changes)


def judged(*specs: CheckSpec, family: str = "gate: all", kind: Any = None) -> dict[str, CheckReport]:
    judge = Judge(suite=of_family(family), plan=plan_of(specs, kind or Drop()), **NO_MODELS)
    told = [notice.report for notice in judge.run() if isinstance(notice, CheckJudged)]
    assert told == list(judge.judged.values())  # what listeners hear is what the report will hold
    return judge.judged


def test_what_holds_its_bounds_and_not_those_of_warn_if_passes_with_a_warning() -> None:
    found = judged(drop(at=0.03, warn_if={"max": 0.01}))["a"]
    assert (found.verdict, found.warn_verdict) == (Verdict.PASS, Verdict.FAIL)
    assert (found.bound, found.warn_bound) == (Bound(max=0.05), Bound(max=0.01))
    assert found.reason == "At most 0.05 is asked for."
    assert found.warning == "By warn_if (max 0.01): fail, 3.0 pp [2.0, 4.0], bound <= 1 pp. At most 0.01 is asked for."
    assert found.parameters["max"] == 0.05


def test_a_warning_that_is_undecided_is_said() -> None:
    found = judged(drop(at=0.03, half=0.015, warn_if={"max": 0.02}))["a"]
    assert found.verdict is Verdict.PASS
    assert found.warning.startswith("By warn_if (max 0.02): inconclusive, 3.0 pp [1.5, 4.5]")


@pytest.mark.parametrize(("at", "verdict"), [(0.0, Verdict.PASS), (0.09, Verdict.FAIL)])
def test_of_a_check_that_holds_both_or_breaks_both_nothing_is_warned(at: float, verdict: Verdict) -> None:
    found = judged(drop(at=at, warn_if={"max": 0.02}))["a"]
    assert (found.verdict, found.warn_verdict, found.warning) == (verdict, verdict, "")


def test_both_bounds_are_judged_once_each() -> None:
    kind = Drop()
    judged(drop(at=0.03, warn_if={"max": 0.01}), kind=kind)
    assert kind.levels == [LEVEL, LEVEL]


specs_at = st.builds(
    drop,
    st.just("a"),
    at=st.floats(-0.2, 0.3),
    half=st.floats(0.0, 0.1),
    severity=st.sampled_from(["fail", "warn", "info"]),
)


@given(
    specs=st.lists(specs_at, min_size=1, max_size=4),
    tighter=st.floats(-0.1, 0.049),
    family=st.sampled_from(["gate: all", "alert: any"]),
    policy=st.builds(Policy, inconclusive=st.sampled_from(["fail", "warn", "pass"]), strict=st.just(False)),
)
@settings(max_examples=100, deadline=None)
def test_a_warn_if_changes_neither_verdict_nor_exit_code(
    specs: list[CheckSpec], tighter: float, family: str, policy: Policy
) -> None:
    named = [replace(spec, id=f"c{number}") for number, spec in enumerate(specs)]
    plain = judged(*named, family=family)
    warned = judged(*(replace(spec, warn_if={"max": tighter}) for spec in named), family=family)
    assert [each.verdict for each in warned.values()] == [each.verdict for each in plain.values()]
    assert overall(warned.values(), policy) == overall(plain.values(), policy)


def test_an_alarm_is_not_weakened_by_checks_that_cannot_raise_it() -> None:
    """At 0.05 / 2 its interval would reach below the bound."""
    failing = drop(at=0.065)
    lenient = [drop(f"w{number}", severity="warn") for number in range(5)]
    told = [drop(f"i{number}", severity="info", warn_if={"max": 0.01}) for number in range(5)]
    assert judged(failing, family="alert: any")["a"].verdict is Verdict.FAIL
    assert judged(failing, *lenient, *told, family="alert: any")["a"].verdict is Verdict.FAIL
    assert judged(failing, drop("b"), family="alert: any")["a"].verdict is Verdict.INCONCLUSIVE


def test_breaches_of_warn_if_are_corrected_for_their_own_number() -> None:
    one, other = drop(at=0.026, warn_if={"max": 0.01}), drop("b", severity="warn", warn_if={"max": 0.04})
    alone = judged(one, family="alert: any")["a"]
    assert (alone.warn_verdict, alone.verdict) == (Verdict.FAIL, Verdict.PASS)
    found = judged(one, other, family="alert: any")["a"]
    assert (found.warn_verdict, found.verdict) == (Verdict.INCONCLUSIVE, Verdict.PASS)
    assert "among 2 checks a failure like this is no alarm yet" in found.warning


def test_a_sequential_run_goes_on_until_warnings_are_decided_too() -> None:
    def decided(*specs: CheckSpec) -> bool:
        return Judge(suite=of_family("gate: all"), plan=plan_of(specs, Drop()), **NO_MODELS).is_decided()

    assert decided(drop(at=0.03))
    assert decided(drop(at=0.03, warn_if={"max": 0.01}))
    assert not decided(drop(at=0.03, half=0.015, warn_if={"max": 0.02}))
