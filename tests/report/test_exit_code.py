"""The exit code is a function of the gated verdicts and of what the user lets through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.errors import UsageError
from monitorbench.report.exit_code import (
    ExitCode,
    counted,
    effect,
    overall,
    policy_of,
    warns,
    worst_code,
    worst_first,
)
from monitorbench.report.model import CheckReport, Inconclusive, Policy, Report, Verdict

PASS, FAIL, INCONCLUSIVE = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE
NOT_APPLICABLE, UNOBSERVED, ERROR = Verdict.NOT_APPLICABLE, Verdict.UNOBSERVED, Verdict.ERROR

MakeCheck = Callable[..., CheckReport]
verdicts = st.lists(st.sampled_from(Verdict), max_size=6)
policies = st.builds(Policy, inconclusive=st.sampled_from(["fail", "warn", "pass"]), strict=st.booleans())
severities = st.sampled_from(["fail", "warn", "info"])
_APPLIED = {verdict for verdict in Verdict if verdict is not NOT_APPLICABLE}
WORST_LAST = [ExitCode.PASS, ExitCode.UNDECIDED, ExitCode.FAIL]


@st.composite
def judged(draw: st.DrawFn, make: MakeCheck, severities: st.SearchStrategy[str] = severities) -> CheckReport:
    """Any check that a run could come to, its warning with it."""
    warn_verdict = draw(st.none() | st.sampled_from(Verdict))
    check = make(
        verdict=draw(st.sampled_from(Verdict)),
        gated=draw(st.booleans()),
        severity=draw(severities),
        warn_verdict=warn_verdict,
    )
    return replace(check, warning="By warn_if: it is broken." if warns(check) else "")


@pytest.mark.parametrize(
    ("gated", "verdict", "code"),
    [
        ([PASS], PASS, 0),
        ([PASS, NOT_APPLICABLE], PASS, 0),
        ([FAIL], FAIL, 1),
        ([FAIL, PASS], FAIL, 1),
        ([FAIL, ERROR], FAIL, 1),
        ([FAIL, UNOBSERVED, INCONCLUSIVE], FAIL, 1),
        ([ERROR, PASS], ERROR, 3),
        ([ERROR, UNOBSERVED, INCONCLUSIVE], ERROR, 3),
        ([UNOBSERVED, PASS], UNOBSERVED, 3),
        ([UNOBSERVED, INCONCLUSIVE], UNOBSERVED, 3),
        ([INCONCLUSIVE, PASS], INCONCLUSIVE, 3),
        ([NOT_APPLICABLE], NOT_APPLICABLE, 3),
        ([NOT_APPLICABLE, NOT_APPLICABLE], NOT_APPLICABLE, 3),
        ([], NOT_APPLICABLE, 3),
    ],
)
def test_truth_table(gated: list[Verdict], verdict: Verdict, code: int, make_check: MakeCheck) -> None:
    assert overall([make_check(verdict=each) for each in gated]) == (verdict, code)


@pytest.mark.parametrize("policy", ["warn", "pass"])
@pytest.mark.parametrize(
    ("gated", "verdict", "code"),
    [
        ([INCONCLUSIVE], INCONCLUSIVE, 0),
        ([INCONCLUSIVE, PASS], INCONCLUSIVE, 0),
        ([INCONCLUSIVE, NOT_APPLICABLE], INCONCLUSIVE, 0),
        ([INCONCLUSIVE, UNOBSERVED], UNOBSERVED, 3),
        ([INCONCLUSIVE, FAIL], FAIL, 1),
        ([NOT_APPLICABLE], NOT_APPLICABLE, 3),
    ],
)
def test_inconclusive_checks_are_let_through_on_request_but_still_named(
    policy: Inconclusive, gated: list[Verdict], verdict: Verdict, code: int, make_check: MakeCheck
) -> None:
    assert overall([make_check(verdict=each) for each in gated], Policy(inconclusive=policy)) == (verdict, code)


@given(verdicts=verdicts, policy=policies, data=st.data())
@settings(max_examples=50, deadline=None)
def test_the_order_of_the_checks_does_not_matter(
    verdicts: list[Verdict], policy: Policy, data: st.DataObject, make_check: MakeCheck
) -> None:
    checks = [make_check(verdict=each) for each in verdicts]
    assert overall(data.draw(st.permutations(checks)), policy) == overall(checks, policy)


@given(gated=verdicts, ungated=verdicts, policy=policies)
@settings(max_examples=50, deadline=None)
def test_ungated_checks_never_count(
    gated: list[Verdict], ungated: list[Verdict], policy: Policy, make_check: MakeCheck
) -> None:
    counted = [make_check(verdict=each) for each in gated]
    ignored = [make_check(verdict=each, gated=False) for each in ungated]
    assert overall([*ignored, *counted], policy) == overall(counted, policy)


@given(verdicts=verdicts.filter(bool))
@settings(max_examples=50, deadline=None)
def test_success_means_that_something_passed_and_nothing_spoke_against_it(
    verdicts: list[Verdict], make_check: MakeCheck
) -> None:
    _, code = overall([make_check(verdict=each) for each in verdicts])
    assert (code is ExitCode.PASS) == (PASS in verdicts and set(verdicts) <= {PASS, NOT_APPLICABLE})


@given(verdict=st.sampled_from(Verdict), policy=policies)
@settings(max_examples=50, deadline=None)
def test_a_check_that_applied_alone_decides_as_it_counts(
    verdict: Verdict, policy: Policy, make_check: MakeCheck
) -> None:
    if verdict is not NOT_APPLICABLE:
        check = make_check(verdict=verdict)
        assert overall([check], policy) == (verdict, effect(check, policy))


def test_precedence_when_several_codes_apply() -> None:
    worst_first = [ExitCode.INTERRUPTED, ExitCode.UNUSABLE, ExitCode.FAIL, ExitCode.UNDECIDED, ExitCode.PASS]
    for start in range(len(worst_first)):
        for order in permutations(worst_first[start:]):
            assert worst_code(order) is worst_first[start]
    assert worst_code([]) is ExitCode.PASS


def test_numbers_are_the_documented_ones_and_each_has_one_sentence() -> None:
    assert {code.name: code.value for code in ExitCode} == {
        "PASS": 0,
        "FAIL": 1,
        "UNUSABLE": 2,
        "UNDECIDED": 3,
        "INTERRUPTED": 130,
    }
    for code in ExitCode:
        assert code.meaning.endswith(".")
        assert code.meaning.count(".") == 1


def test_a_misspelled_policy_is_refused_rather_than_read_as_lenient(make_check: MakeCheck) -> None:
    with pytest.raises(UsageError, match="--inconclusive: unknown value 'pas'"):
        effect(make_check(), Policy(inconclusive="pas"))  # type: ignore[arg-type]  # what a user may type


# --- severities


@pytest.mark.parametrize(
    ("severity", "usual", "strict"),
    [
        ("fail", ExitCode.FAIL, ExitCode.FAIL),
        ("warn", ExitCode.PASS, ExitCode.FAIL),
        ("info", ExitCode.PASS, ExitCode.PASS),
    ],
)
def test_what_a_failed_check_does_by_its_severity(
    severity: str, usual: ExitCode, strict: ExitCode, make_check: MakeCheck
) -> None:
    passes, fails = make_check(id="a"), make_check(id="b", verdict=FAIL, severity=severity)
    assert overall([passes, fails])[1] is usual
    assert overall([passes, fails], Policy(strict=True))[1] is strict


@pytest.mark.parametrize("verdict", [ERROR, UNOBSERVED, INCONCLUSIVE])
def test_a_warning_that_is_not_settled_is_let_through_unless_strict(verdict: Verdict, make_check: MakeCheck) -> None:
    checks = [make_check(id="a"), make_check(id="b", verdict=verdict, severity="warn")]
    assert overall(checks) == (PASS, ExitCode.PASS)
    assert overall(checks, Policy(strict=True)) == (verdict, ExitCode.UNDECIDED)


@pytest.mark.parametrize("severity", ["warn", "info"])
def test_a_run_in_which_nothing_can_fail_does_not_pass(severity: str, make_check: MakeCheck) -> None:
    assert overall([make_check(severity=severity)]) == (NOT_APPLICABLE, ExitCode.UNDECIDED)


def test_checks_of_severity_warn_alone_decide_a_strict_run(make_check: MakeCheck) -> None:
    assert overall([make_check(severity="warn")], Policy(strict=True)) == (PASS, ExitCode.PASS)
    assert overall([make_check(severity="info")], Policy(strict=True)) == (NOT_APPLICABLE, ExitCode.UNDECIDED)


@pytest.mark.parametrize(
    ("verdict", "warn_verdict", "strict"),
    [
        (PASS, PASS, PASS),
        (PASS, FAIL, FAIL),
        (PASS, INCONCLUSIVE, INCONCLUSIVE),
        (PASS, ERROR, ERROR),
        (INCONCLUSIVE, INCONCLUSIVE, INCONCLUSIVE),
        (INCONCLUSIVE, FAIL, FAIL),
        (INCONCLUSIVE, PASS, INCONCLUSIVE),
        (FAIL, FAIL, FAIL),
        (ERROR, FAIL, ERROR),
        (UNOBSERVED, UNOBSERVED, UNOBSERVED),
        (NOT_APPLICABLE, FAIL, NOT_APPLICABLE),
    ],
)
def test_a_strict_run_counts_what_warn_if_says_of_a_check_that_breaks_nothing_else(
    verdict: Verdict, warn_verdict: Verdict, strict: Verdict, make_check: MakeCheck
) -> None:
    check = make_check(verdict=verdict, warn_verdict=warn_verdict)
    assert counted(check) is verdict
    assert counted(check, Policy(strict=True)) is strict
    assert warns(check) is (strict is not verdict)


@given(data=st.data(), inconclusive=st.sampled_from(["fail", "warn", "pass"]))
@settings(max_examples=100, deadline=None)
def test_strict_never_lowers_an_exit_code_that_some_check_decided(
    data: st.DataObject, inconclusive: Inconclusive, make_check: MakeCheck
) -> None:
    checks = data.draw(st.lists(judged(make_check), max_size=5))
    usual, strict = (overall(checks, Policy(inconclusive=inconclusive, strict=strict)) for strict in (False, True))
    if usual[0] in _APPLIED:
        assert WORST_LAST.index(strict[1]) >= WORST_LAST.index(usual[1])
    for check in checks:
        effects = [effect(check, Policy(inconclusive=inconclusive, strict=strict)) for strict in (False, True)]
        assert WORST_LAST.index(effects[1]) >= WORST_LAST.index(effects[0])


@given(data=st.data(), inconclusive=st.sampled_from(["fail", "warn", "pass"]))
@settings(max_examples=100, deadline=None)
def test_warnings_change_nothing_unless_strict(
    data: st.DataObject, inconclusive: Inconclusive, make_check: MakeCheck
) -> None:
    policy = Policy(inconclusive=inconclusive)
    checks = data.draw(st.lists(judged(make_check), max_size=5))
    without = [replace(check, warning="", warn_verdict=None) for check in checks if check.severity == "fail"]
    assert overall(checks, policy) == overall(without, policy)


@given(data=st.data(), policy=policies)
@settings(max_examples=100, deadline=None)
def test_checks_of_severity_info_never_count(data: st.DataObject, policy: Policy, make_check: MakeCheck) -> None:
    counting = data.draw(st.lists(judged(make_check, st.sampled_from(["fail", "warn"])), max_size=4))
    told = data.draw(st.lists(judged(make_check, st.just("info")), max_size=4))
    assert overall([*told, *counting], policy) == overall(counting, policy)


# --- what renderings go by


def test_whatever_did_not_simply_pass_comes_first(make_check: MakeCheck) -> None:
    checks = [
        make_check(id="ungated", gated=False, verdict=FAIL),
        make_check(id="passed"),
        make_check(id="warned", warn_verdict=FAIL, warning="By warn_if: it is broken."),
        make_check(id="told", severity="info", verdict=FAIL),
        make_check(id="lenient", severity="warn", verdict=FAIL),
        make_check(id="open", verdict=INCONCLUSIVE),
        make_check(id="failed", verdict=FAIL),
    ]
    order = [check.id for check in worst_first(checks)]
    assert order == ["failed", "open", "warned", "lenient", "told", "passed", "ungated"]


def test_a_report_is_shown_by_the_policy_of_its_run_unless_another_is_asked_for(
    make_report: Callable[..., Report],
) -> None:
    lenient = make_report(policy=Policy(inconclusive="warn"))
    assert policy_of(lenient) == Policy(inconclusive="warn")
    assert policy_of(lenient, inconclusive="fail", strict=True) == Policy(strict=True)
    assert policy_of(make_report(policy=Policy(strict=True))).strict
    assert policy_of(make_report(policy=None)) == Policy()
