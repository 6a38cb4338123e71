"""Checks taken as a family, and checks that are looked at while prompts come in, on a reference checkpoint."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitorbench.api import run_suite
from monitorbench.planning import vocabulary
from monitorbench.report.model import Report, Verdict
from monitorbench.suite.loader import load

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
