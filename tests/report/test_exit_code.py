"""The exit code is a function of the gated verdicts and of what the user lets through."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.errors import UsageError
from monitorbench.report.exit_code import ExitCode, Inconclusive, code_of, overall, worst_code
from monitorbench.report.model import CheckReport, Verdict

PASS, FAIL, INCONCLUSIVE = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE
NOT_APPLICABLE, UNOBSERVED, ERROR = Verdict.NOT_APPLICABLE, Verdict.UNOBSERVED, Verdict.ERROR

MakeCheck = Callable[..., CheckReport]
verdicts = st.lists(st.sampled_from(Verdict), max_size=6)
policies = st.sampled_from(["fail", "warn", "pass"])


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
    assert overall([make_check(verdict=each) for each in gated], policy) == (verdict, code)


@given(verdicts=verdicts, policy=policies, data=st.data())
@settings(max_examples=50, deadline=None)
def test_the_order_of_the_checks_does_not_matter(
    verdicts: list[Verdict], policy: Inconclusive, data: st.DataObject, make_check: MakeCheck
) -> None:
    checks = [make_check(verdict=each) for each in verdicts]
    assert overall(data.draw(st.permutations(checks)), policy) == overall(checks, policy)


@given(gated=verdicts, ungated=verdicts, policy=policies)
@settings(max_examples=50, deadline=None)
def test_ungated_checks_never_count(
    gated: list[Verdict], ungated: list[Verdict], policy: Inconclusive, make_check: MakeCheck
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
    verdict: Verdict, policy: Inconclusive, make_check: MakeCheck
) -> None:
    if verdict is not NOT_APPLICABLE:
        assert overall([make_check(verdict=verdict)], policy) == (verdict, code_of(verdict, policy))


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


def test_a_misspelled_policy_is_refused_rather_than_read_as_lenient() -> None:
    with pytest.raises(UsageError, match="--inconclusive: unknown value 'pas'"):
        code_of(PASS, "pas")  # type: ignore[arg-type]  # what a user may type
