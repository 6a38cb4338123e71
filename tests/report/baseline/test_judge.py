"""A run held against what was accepted: what is new or worse counts, what is known does not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from monitorbench.report.baseline.judge import by_bounds, held_against
from monitorbench.report.baseline.model import BaselineFile
from monitorbench.report.exit_code import overall
from monitorbench.report.model import Bound, CheckReport, Held, Interval, Report, Verdict

Ran = Callable[..., Report]
Accepting = Callable[..., BaselineFile]

FAIL: dict[str, Any] = {"verdict": Verdict.FAIL, "reason": "The drop is too large."}
PASS, FAILS, UNSURE, NOTHING, BROKEN = (
    Verdict.PASS,
    Verdict.FAIL,
    Verdict.INCONCLUSIVE,
    Verdict.UNOBSERVED,
    Verdict.ERROR,
)


def held(report: Report, file: BaselineFile | None) -> CheckReport:
    (check,) = held_against(report, file)
    return check


def standing(check: CheckReport) -> Held | None:
    return None if check.accepted is None else check.accepted.held


def code(check: CheckReport) -> int:
    return overall([check])[1]


def test_without_a_baseline_file_nothing_is_held_against_anything(ran: Ran) -> None:
    assert held(ran(), None).accepted is None


def test_a_check_that_is_not_gated_stays_as_it_is(ran: Ran, accepting: Accepting) -> None:
    assert held(ran(gated=False), accepting(ran())).accepted is None


@pytest.mark.parametrize(("found", "exit_code"), [({}, 0), (FAIL, 1)])
def test_of_a_new_check_its_own_verdict_counts(found: dict[str, Any], exit_code: int, ran: Ran) -> None:
    check = held(ran(**found), BaselineFile())
    assert (standing(check), code(check)) == (Held.NEW, exit_code)
    assert check.reason.startswith("New: nothing was accepted of this check.") is bool(found)


@pytest.mark.parametrize(
    ("accepted", "now", "outcome", "exit_code"),
    [
        (PASS, PASS, Held.NO_WORSE, 0),
        (PASS, FAILS, Held.REGRESSED, 1),
        (PASS, UNSURE, Held.REGRESSED, 3),
        (FAILS, PASS, Held.NO_WORSE, 0),
        (FAILS, FAILS, Held.KNOWN, 0),
        (FAILS, UNSURE, Held.KNOWN, 0),
        (FAILS, NOTHING, Held.REGRESSED, 3),
        (FAILS, BROKEN, Held.REGRESSED, 3),
        (UNSURE, UNSURE, Held.KNOWN, 0),
        (UNSURE, FAILS, Held.REGRESSED, 1),
        (NOTHING, NOTHING, Held.KNOWN, 0),
        (NOTHING, BROKEN, Held.REGRESSED, 3),
    ],
)
def test_a_known_failure_covers_itself_and_what_is_less_clear(
    accepted: Verdict, now: Verdict, outcome: Held, exit_code: int, request: pytest.FixtureRequest
) -> None:
    ran, accepting = request.getfixturevalue("ran"), request.getfixturevalue("accepting")
    check = held(ran(verdict=now), accepting(ran(verdict=accepted)))
    assert (standing(check), check.verdict, code(check)) == (outcome, now, exit_code)


def test_a_known_failure_says_why_and_until_when(ran: Ran, accepting: Accepting) -> None:
    check = held(ran(0.2, **FAIL), accepting(ran(0.2, **FAIL), reason="the carry is new."))
    assert check.reason == (
        "Known failure, let through until 2027-04-01: the carry is new. Not clearly worse than accepted: 0.0 pp from "
        "20.0 pp of 2027-01-01, the tolerance being 0.0 pp (the accepted checkpoint itself, with the same result). "
        "The drop is too large."
    )
    assert check.known
    assert check.accepted is not None
    assert (check.accepted.reason, check.accepted.expires) == ("the carry is new.", "2027-04-01")


@pytest.mark.parametrize(("day", "outcome"), [("2027-04-01", Held.KNOWN), ("2027-04-02", Held.EXPIRED)])
def test_a_known_failure_expires_after_its_last_day(day: str, outcome: Held, ran: Ran, accepting: Accepting) -> None:
    check = held(ran(day=day, **FAIL), accepting(ran(**FAIL)))
    assert (standing(check), code(check)) == (outcome, 0 if outcome is Held.KNOWN else 1)
    assert "2027-04-01: as it is." in check.reason


@pytest.mark.parametrize(
    ("tolerance", "value", "outcome"),
    [
        (None, 0.30, Held.NO_WORSE),
        ({"abs": 0.02}, 0.012, Held.NO_WORSE),
        ({"abs": 0.02}, 0.04, Held.NO_WORSE),  # 3 points, give or take 2.8: within the noise
        ({"abs": 0.02}, 0.07, Held.WORSE),
        ({"abs": 0.02}, -0.30, Held.NO_WORSE),
        ({"rel": 0.5}, 0.07, Held.WORSE),
        ({"rel": 5}, 0.07, Held.NO_WORSE),
        ({"abs": 0.02, "rel": 5}, 0.07, Held.NO_WORSE),
    ],
)
def test_a_check_that_holds_its_bounds_fails_where_it_is_worse_with_its_whole_interval(
    tolerance: dict[str, float] | None, value: float, outcome: Held, ran: Ran, accepting: Accepting
) -> None:
    check = held(ran(value, tolerance=tolerance, weights="b"), accepting(ran(0.01)))
    assert standing(check) is outcome
    assert (check.verdict, code(check)) == ((FAILS, 1) if outcome is Held.WORSE else (PASS, 0))
    assert check.reason.startswith("Worse than accepted, with its whole interval: +6.0 pp") is (outcome is Held.WORSE)


def test_what_is_within_the_noise_is_said(ran: Ran, accepting: Accepting) -> None:
    check = held(ran(0.04, tolerance={"abs": 0.02}, weights="b"), accepting(ran(0.01)))
    assert check.reason.startswith(
        "Whether it is worse than accepted is within the noise: +3.0 pp [0.2, 5.8] from 1.0 pp of 2027-01-01, the "
        "tolerance being 2.0 pp (intervals of both combined)."
    )


def test_a_value_of_another_device_or_dtype_is_compared_and_named(ran: Ran, accepting: Accepting) -> None:
    on_gpu = dataclasses.replace(ran(0.01), device={"type": "cuda", "dtype": "bfloat16"})
    now = dataclasses.replace(ran(0.07, tolerance={"abs": 0.02}), device={"type": "cpu", "dtype": "bfloat16"})
    assert "from 1.0 pp of 2027-01-01, then with type cuda, the tolerance being" in held(now, accepting(on_gpu)).reason


@pytest.mark.parametrize(
    ("bound", "value", "outcome"),
    [
        (Bound(max=0.9), 0.9, Held.WORSE),
        (Bound(max=0.9), 0.1, Held.NO_WORSE),
        (Bound(min=0.1), 0.1, Held.WORSE),
        (Bound(min=0.1), 0.9, Held.NO_WORSE),
        (Bound(min=0.1, max=0.9), 0.9, Held.NO_WORSE),
        (None, 0.9, Held.NO_WORSE),
    ],
)
def test_the_bound_says_which_side_is_worse(
    bound: Bound | None, value: float, outcome: Held, ran: Ran, accepting: Accepting
) -> None:
    common = {"bound": bound, "parameters": {"task": "chain"}}
    check = held(ran(value, tolerance={"abs": 0.05}, weights="b", **common), accepting(ran(0.5, **common)))
    assert standing(check) is outcome


@pytest.mark.parametrize(("value", "outcome"), [(0.22, Held.KNOWN), (0.30, Held.WORSE)])
def test_a_known_failure_covers_nothing_that_is_clearly_worse(
    value: float, outcome: Held, ran: Ran, accepting: Accepting
) -> None:
    """Also without a tolerance: the value that was accepted is what is let through."""
    check = held(ran(value, weights="b", **FAIL), accepting(ran(0.2, **FAIL)))
    assert (standing(check), code(check)) == (outcome, 0 if outcome is Held.KNOWN else 1)


@pytest.mark.parametrize("verdict", [BROKEN, NOTHING, Verdict.NOT_APPLICABLE])
def test_an_estimate_that_means_nothing_is_not_compared(verdict: Verdict, ran: Ran, accepting: Accepting) -> None:
    """A control came out wrong, nothing was solved, or the channel is not used: its number is no regression."""
    now = ran(0.5, tolerance={"abs": 0.02}, weights="b", verdict=verdict)
    assert held(now, accepting(ran(0.01))).verdict is verdict
    if verdict is not BROKEN:
        later = ran(0.5, tolerance={"abs": 0.02}, weights="b")
        assert held(later, accepting(ran(0.01, verdict=verdict))).verdict is PASS


def test_an_undecided_check_that_is_clearly_worse_than_accepted_fails(ran: Ran, accepting: Accepting) -> None:
    now = ran(0.07, tolerance={"abs": 0.02}, weights="b", verdict=UNSURE)
    check = held(now, accepting(ran(0.01)))
    assert (standing(check), check.verdict) == (Held.WORSE, FAILS)


@pytest.mark.parametrize(("value", "outcome"), [(0.6, Held.KNOWN), (0.1, Held.REGRESSED)])
def test_a_failure_on_the_other_side_of_two_bounds_is_another_one(
    value: float, outcome: Held, ran: Ran, accepting: Accepting
) -> None:
    common = {"bound": Bound(min=0.2, max=0.5), "parameters": {"task": "chain"}, **FAIL}
    check = held(ran(value, half=0.05, weights="b", **common), accepting(ran(0.6, half=0.05, **common)))
    assert standing(check) is outcome
    assert ("on the other side of its bounds" in check.reason) is (outcome is Held.REGRESSED)


def test_what_was_measured_otherwise_is_not_compared(ran: Ran, accepting: Accepting) -> None:
    """Neither is a failure let through that was accepted under other settings."""
    file = accepting(ran(0.2, **FAIL))
    check = held(ran(0.2, seed=1, **FAIL), file)
    assert (standing(check), code(check)) == (Held.NOT_COMPARABLE, 1)
    assert check.reason.startswith(
        "Not held against the accepted value, which was measured otherwise (suite.sampling.seed); "
    )
    other = held(ran(0.2, parameters={"task": "chain", "max_drop": 0.05, "keep": {"top_k": 4}}), file)
    assert "(checks.bottleneck.keep.top_k)" in other.reason
    assert standing(held(ran(0.2, type="other-type"), file)) is Held.NOT_COMPARABLE
    assert standing(held(ran(0.2, unit="ratio"), file)) is Held.NOT_COMPARABLE


def test_another_bound_or_number_of_prompts_measures_the_same(ran: Ran, accepting: Accepting) -> None:
    changed = {"bound": Bound(max=0.04), "parameters": {"task": "chain", "max_drop": 0.04, "keep": {"top_k": 8}}}
    check = held(ran(0.07, tolerance={"abs": 0.02}, weights="b", n=10, **changed), accepting(ran(0.01)))
    assert standing(check) is Held.WORSE


def versus(value: float, half: float = 0.02, **changes: Any) -> dict[str, Any]:
    return {"value": value, "half": half, "versus": True, "tolerance": {"abs": 0.03}, "weights": "b"} | changes


@pytest.mark.parametrize(
    ("found", "outcome", "verdict"),
    [
        (versus(0.01, half=0.005), Held.NO_WORSE, PASS),
        (versus(-0.2), Held.NO_WORSE, PASS),
        (versus(0.02), Held.NOT_SHOWN, UNSURE),
        (versus(0.2), Held.WORSE, FAILS),
        (versus(0.01, verdict=Verdict.NOT_APPLICABLE), Held.NO_WORSE, Verdict.NOT_APPLICABLE),
        (versus(0.01, bound=None), Held.NOT_COMPARABLE, NOTHING),
        (versus(0.01, estimate=None, interval=None), Held.NOT_COMPARABLE, NOTHING),
        (versus(0.01, seed=1), Held.NOT_COMPARABLE, NOTHING),
        (versus(0.01, verdict=UNSURE, half=0.005), Held.REGRESSED, UNSURE),
    ],
)
def test_against_the_last_accepted_value_no_worse_has_to_be_shown(
    found: dict[str, Any], outcome: Held, verdict: Verdict, ran: Ran, accepting: Accepting
) -> None:
    check = held(ran(**found), accepting(ran(0.01, half=0.005)))
    assert (standing(check), check.verdict) == (outcome, verdict)


def test_what_is_not_shown_says_how_many_more_prompts_would_decide(ran: Ran, accepting: Accepting) -> None:
    check = held(ran(**versus(0.02)), accepting(ran(0.01, half=0.005)))
    assert check.reason.startswith("Not shown to be no worse than accepted: +1.0 pp [-1.1, 3.1] from 1.0 pp")
    assert "About 286 more prompts in both runs would decide." in check.reason


@pytest.mark.parametrize(
    ("file", "why"),
    [(None, "no baseline file is given"), (BaselineFile(), "the baseline file holds none of this check")],
)
def test_without_an_accepted_value_nothing_was_observed(file: BaselineFile | None, why: str, ran: Ran) -> None:
    check = held(ran(**versus(0.01)), file)
    assert (standing(check), check.verdict, code(check)) == (Held.NEW, NOTHING, 3)
    assert why in check.reason
    assert held(ran(**versus(0.2), **FAIL), file).verdict is FAILS


def test_a_known_failure_that_has_to_be_shown_no_worse_is_not_let_through_on_noise(
    ran: Ran, accepting: Accepting
) -> None:
    file = accepting(ran(**versus(0.2), **FAIL))
    check = held(ran(**versus(0.21, half=0.05, weights="c"), **FAIL), file)
    assert (standing(check), code(check)) == (Held.NOT_SHOWN, 1)
    assert standing(held(ran(**versus(0.2), **FAIL), file)) is Held.KNOWN


def test_the_verdict_by_its_own_bounds_can_be_had_again(ran: Ran, accepting: Accepting) -> None:
    for report in (ran(0.2, tolerance={"abs": 0.02}, weights="b"), ran(**versus(0.02)), ran(**FAIL)):
        (own,) = report.checks
        assert by_bounds(held(report, accepting(ran()))) == own


def test_a_plain_number_without_an_interval_counts_as_it_is(ran: Ran, accepting: Accepting) -> None:
    file = accepting(ran(0.01, interval=None))
    check = held(ran(0.05, interval=None, tolerance={"abs": 0.02}, weights="b"), file)
    assert standing(check) is Held.WORSE
    assert check.accepted is not None
    assert check.accepted.difference_interval is not None
    assert check.accepted.difference_interval.method == "plain numbers subtracted: there are no intervals"


def test_depths_are_compared_exactly_and_rounding_is_no_difference(ran: Ran, accepting: Accepting) -> None:
    def depth(value: float, weights: str) -> Report:
        exact = Interval(low=value, high=value, level=1.0, method="fixed by construction")
        asked = {"tolerance": {"abs": 0.02}, "bound": Bound(max=1.5), "parameters": {"max_ratio": 1.5}}
        return ran(value, unit="ratio", interval=exact, weights=weights, **asked)

    file = accepting(depth(1.10, "a"))
    assert 1.12 - 1.10 > 0.02
    assert standing(held(depth(1.12, "b"), file)) is Held.NO_WORSE
    assert standing(held(depth(1.13, "b"), file)) is Held.WORSE
