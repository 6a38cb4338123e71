"""What counts as a difference between what a case came to and what it had to come to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from monitorbench.report.model import CheckReport, Control, Interval, Report, Verdict
from monitorbench.selftest.cases import Case
from monitorbench.selftest.outcome import REPLAYS, Outcome

CASE = Case(name="x", model="x", suite="quickstart", truth="Is so.", expected={"a": Verdict.PASS, "b": Verdict.FAIL})


def check(name: str, verdict: Verdict, **found: object) -> CheckReport:
    fields = {"type": "t", "line": 1, "file": "f", "gated": True, "reason": f"{name} it is.", **found}
    return CheckReport(id=name, verdict=verdict, **fields)  # type: ignore[arg-type]  # given by name


@pytest.fixture
def outcome() -> Callable[..., Outcome]:
    def outcome(*checks: CheckReport, error: str = "") -> Outcome:
        versions = {"monitorbench": "0"}
        facts = {"versions": versions, "device": {"type": "cpu"}, "suite_sha256": "", "suite": {}, "models": ()}
        report = Report(verdict=Verdict.PASS, exit_code=0, checks=checks, run=None, **facts)  # type: ignore[arg-type]
        return Outcome(
            case=CASE, report=None if error else report, error=error, seconds=2.0, rollouts=100, peak_bytes=3_000_000
        )

    return outcome


def test_the_expected_verdicts_are_no_difference(outcome: Callable[..., Outcome]) -> None:
    assert outcome(check("a", Verdict.PASS), check("b", Verdict.FAIL)).differences == ()


def test_another_verdict_is_told_with_its_reason(outcome: Callable[..., Outcome]) -> None:
    found = outcome(check("a", Verdict.INCONCLUSIVE), check("b", Verdict.FAIL)).differences
    assert found == ("a: expected pass, came to inconclusive: a it is.",)


def test_a_check_that_was_not_run_and_one_that_nobody_expects(outcome: Callable[..., Outcome]) -> None:
    found = outcome(check("a", Verdict.PASS), check("c", Verdict.PASS)).differences
    assert found == ("b: expected fail, was not run", "c: no verdict is expected of it")


def test_a_case_that_could_not_be_run_is_a_difference(outcome: Callable[..., Outcome]) -> None:
    failed = outcome(error="no such thing")
    assert failed.differences == ("no such thing",)
    assert failed.as_json()["as_expected"] is False


def test_the_record_holds_figures_and_cost(outcome: Callable[..., Outcome]) -> None:
    controls = (Control(name=REPLAYS, value=0.25),)
    interval = Interval(low=0.1, high=0.3, level=0.9, method="m")
    found = {"estimate": 0.2, "interval": interval, "n": 9, "controls": controls, "evidence": {"accuracy": {"soft": 1}}}
    record = outcome(replace(check("a", Verdict.PASS), **found), check("b", Verdict.FAIL)).as_json()
    assert record["checks"]["a"] == {
        "verdict": "pass",
        "estimate": 0.2,
        "interval": [0.1, 0.3],
        "n": 9,
        "accuracy": {"soft": 1},
    }
    assert record["replay_mismatch"] == 0.25
    assert (record["seconds"], record["rollouts_per_second"], record["peak_megabytes"]) == (2.0, 50.0, 3)
