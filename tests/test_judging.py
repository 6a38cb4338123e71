"""Checks taken as a family, and checks that are looked at while prompts come in, on a reference checkpoint."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitorbench.api import run_suite
from monitorbench.checks.base import Evidence
from monitorbench.checks.base import report as check_report
from monitorbench.judging import Judge
from monitorbench.planning import Plan, vocabulary
from monitorbench.report.model import CheckReport, Report, Verdict
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
    suite = Suite(
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
    specs = [CheckSpec(id=name, type="stated", parameters={}, file="s.yaml", line=1) for name in ids]
    plan = Plan(checks=tuple((spec, FailsAlone()) for spec in specs), arms=())
    judge = Judge(suite=suite, plan=plan, adapters={"candidate": None}, store=None, exact_replay=True)
    assert judge.is_decided() is decided
    assert judge.judged == {}
