"""The parts of a report must not contradict each other."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from monitorbench.report.consistency import contradictions
from monitorbench.report.exit_code import overall
from monitorbench.report.model import Bound, CheckReport, Control, Interval, Policy, Report, Verdict

MakeCheck = Callable[..., CheckReport]
MakeReport = Callable[..., Report]
WARNED = {"warning": "By warn_if: it is broken.", "warn_verdict": Verdict.FAIL}
UPSIDE_DOWN = Interval(low=0.2, high=0.1, level=0.9, method="cluster bootstrap")


def test_a_sound_report_has_none(make_check: MakeCheck, make_report: MakeReport) -> None:
    depth = make_check(id="depth", rests_on=("bottleneck",))
    assert contradictions(make_report(make_check(), depth)) == ()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"interval": UPSIDE_DOWN}, "report.checks.bottleneck.interval: 0.2 is above 0.1"),
        ({"bound": Bound(min=2.0, max=1.0)}, "report.checks.bottleneck.bound: 2.0 is above 1.0"),
        (
            {"controls": (Control(name="zero", value=0.1, interval=UPSIDE_DOWN),)},
            "report.checks.bottleneck.zero.interval: 0.2 is above 0.1",
        ),
        ({"rests_on": ("ghost",)}, "report.checks.bottleneck.rests_on: there is no check 'ghost' in the report"),
    ],
)
def test_a_check_that_contradicts_itself(
    changes: dict[str, Any], complaint: str, make_check: MakeCheck, make_report: MakeReport
) -> None:
    assert contradictions(make_report(make_check(**changes))) == (complaint,)


def test_two_checks_of_one_name(make_check: MakeCheck, make_report: MakeReport) -> None:
    assert contradictions(make_report(make_check(), make_check())) == (
        "report.checks: 2 checks are called 'bottleneck'",
    )


def test_a_verdict_that_the_checks_do_not_bear_out(make_check: MakeCheck, make_report: MakeReport) -> None:
    report = make_report(make_check(verdict=Verdict.FAIL), verdict=Verdict.PASS)
    assert contradictions(report) == ("report.verdict: pass does not follow from the checks, which come to fail",)


@pytest.mark.parametrize(
    ("verdict", "sound"),
    [
        (Verdict.PASS, {0, 2, 130}),
        (Verdict.FAIL, {1, 2, 130}),
        (Verdict.ERROR, {2, 3, 130}),
        (Verdict.UNOBSERVED, {2, 3, 130}),
        (Verdict.INCONCLUSIVE, {0, 2, 3, 130}),
        (Verdict.NOT_APPLICABLE, {2, 3, 130}),
    ],
)
def test_exit_codes_that_the_checks_bear_out(
    verdict: Verdict, sound: set[int], make_check: MakeCheck, make_report: MakeReport
) -> None:
    report = make_report(make_check(verdict=verdict))
    codes = {code for code in (0, 1, 2, 3, 130) if not contradictions(dataclasses.replace(report, exit_code=code))}
    assert codes == sound


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("inconclusive", ["fail", "warn", "pass"])
def test_a_report_that_names_its_policy_bears_out_one_exit_code(
    verdict: Verdict, strict: bool, inconclusive: Any, make_check: MakeCheck, make_report: MakeReport
) -> None:
    policy = Policy(inconclusive=inconclusive, strict=strict)
    checks = (make_check(verdict=verdict), make_check(id="lenient", severity="warn", verdict=Verdict.FAIL))
    came, due = overall(checks, policy)
    report = make_report(*checks, policy=policy, verdict=came)
    codes = {code for code in (0, 1, 2, 3, 130) if not contradictions(dataclasses.replace(report, exit_code=code))}
    assert codes == {due, 2, 130}


def test_a_strict_fail_cannot_be_passed_off_as_a_pass(make_check: MakeCheck, make_report: MakeReport) -> None:
    report = make_report(make_check(**WARNED), policy=Policy(strict=True))
    assert [complaint.split(":")[0] for complaint in contradictions(report)] == ["report.verdict", "report.exit_code"]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"warning": ""}, "is empty, but the check is pass, and by warn_if fail"),
        ({"warn_verdict": Verdict.PASS}, "stands, but the check is pass, and by warn_if pass"),
        ({"warn_verdict": None}, "stands, but the check is pass, and by warn_if None"),
    ],
)
def test_a_warning_that_does_not_follow(
    changes: dict[str, Any], complaint: str, make_check: MakeCheck, make_report: MakeReport
) -> None:
    assert contradictions(make_report(make_check(**WARNED))) == ()
    found = contradictions(make_report(make_check(**WARNED | changes)))
    assert found == (f"report.checks.bottleneck.warning: {complaint}",)
