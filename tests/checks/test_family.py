"""An alarm if any check fails, at an error rate that holds for all of them together."""

from __future__ import annotations

from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from monitorbench.checks.family import alarms
from monitorbench.report.model import CheckReport, Interval, Verdict

ALPHA = 0.05
LEVEL = 1.0 - 2.0 * ALPHA


def judged(name: str, p: float, level: float = LEVEL, *, gated: bool = True, exact: bool = False) -> CheckReport:
    """A check that fails by bounds at an error rate of `p` and above."""
    verdict = Verdict.FAIL if p <= (1.0 - level) / 2.0 + 1e-12 else Verdict.PASS
    interval = Interval(low=0.0, high=1.0, level=1.0 if exact else level, method="stated")
    return CheckReport(
        id=name,
        type="stated",
        line=1,
        file="s.yaml",
        gated=gated,
        verdict=verdict,
        reason="It is so.",
        interval=interval,
    )


def taken_together(p_values: dict[str, float]) -> dict[str, Verdict]:
    reports = {name: judged(name, p) for name, p in p_values.items()}
    found = alarms(reports, lambda name, level: judged(name, p_values[name], level), level=LEVEL)
    return {name: report.verdict for name, report in found.items()}


def test_a_fail_that_would_be_one_of_many_by_chance_is_no_alarm():
    assert taken_together({"a": 0.03, "b": 0.5}) == {"a": Verdict.INCONCLUSIVE, "b": Verdict.PASS}


def test_a_strong_fail_makes_room_for_a_weaker_one():
    """0.01 is below 0.05 / 2, and once it counts, 0.04 is below 0.05 / 1."""
    assert taken_together({"a": 0.01, "b": 0.04}) == {"a": Verdict.FAIL, "b": Verdict.FAIL}


def test_one_check_alone_is_judged_as_ever():
    assert taken_together({"a": 0.049}) == {"a": Verdict.FAIL}


def test_the_reason_says_that_it_failed_by_itself():
    reports = {name: judged(name, p) for name, p in {"a": 0.03, "b": 0.5}.items()}
    found = alarms(reports, lambda name, level: judged(name, 0.03, level), level=LEVEL)
    assert found["a"].reason.startswith("It fails by itself, but among 2 checks")


def test_an_alarm_shows_the_interval_that_it_rests_on():
    found = alarms(
        {"a": judged("a", 0.001), "b": judged("b", 0.9)},
        lambda name, level: judged(name, {"a": 0.001, "b": 0.9}[name], level),
        level=LEVEL,
    )
    assert found["a"].interval is not None
    assert found["a"].interval.level == 1.0 - 2.0 * ALPHA / 2


def test_what_is_judged_exactly_stands_aside():
    """It fails whatever else fails, and the others are not judged more strictly because of it."""
    reports = {"exact": judged("exact", 0.0, exact=True), "a": judged("a", 0.04)}
    found = alarms(reports, lambda name, level: judged(name, 0.04, level), level=LEVEL)
    assert {name: report.verdict for name, report in found.items()} == {"exact": Verdict.FAIL, "a": Verdict.FAIL}


def test_checks_that_are_not_gated_stand_aside():
    reports = {"by the way": judged("by the way", 0.5, gated=False), "a": judged("a", 0.04)}
    found = alarms(reports, lambda name, level: judged(name, 0.04, level), level=LEVEL)
    assert found["a"].verdict is Verdict.FAIL


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=8))
def test_the_alarms_are_those_that_holm_rejects(p_values: list[float]):
    found = taken_together({str(index): p for index, p in enumerate(p_values)})
    with patch("gc.collect"):  # at every call statsmodels would look through all that other tests have loaded
        rejected = multipletests(p_values, alpha=ALPHA, method="holm")[0]
    assert [found[str(index)] is Verdict.FAIL for index in range(len(p_values))] == list(rejected)
