"""What notices add up to: how much is done, and how long the rest will take."""

from __future__ import annotations

import pytest

from monitorbench.notices import (
    ArmStarted,
    CaseDone,
    CaseStarted,
    CheckJudged,
    CheckStarted,
    RolloutsDone,
    RunPlanned,
    RunStarted,
    TraceStarted,
    TrialStarted,
    Working,
)
from monitorbench.progress.gauges import Gauges, in_words

PLAN = RunPlanned(suite="s", arms=1, rollouts=100, checks=2)


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gauges(clock: Clock) -> Gauges:
    return Gauges(clock)


def test_nothing_is_said_before_anything_goes_on(gauges: Gauges) -> None:
    assert gauges.text() == ""
    gauges(PLAN)
    assert gauges.text() == ""


def test_the_rest_takes_as_long_for_each_as_what_is_done(gauges: Gauges, clock: Clock) -> None:
    gauges(PLAN)
    clock.now += 600  # arms are prepared: no pace of the model
    gauges(ArmStarted(arm="a", rollouts=100))
    clock.now += 30
    assert gauges.text() == "recording a: 0 of 100 rollouts, 30 s so far"
    gauges(RolloutsDone(arm="a", done=25, total=100))
    assert gauges.text() == "recording a: 25 of 100 rollouts, about 2 min left"


def test_what_comes_from_the_store_says_nothing_of_the_pace(gauges: Gauges, clock: Clock) -> None:
    gauges(PLAN)
    gauges(ArmStarted(arm="a", rollouts=100, reused=80))
    gauges(RolloutsDone(arm="a", done=80, total=100))
    clock.now += 10
    assert gauges.text() == "recording a: 80 of 100 rollouts, 10 s so far"
    gauges(RolloutsDone(arm="a", done=90, total=100))
    assert gauges.text() == "recording a: 90 of 100 rollouts, about 10 s left"


def test_arms_that_no_plan_could_know_are_counted_as_they_come(gauges: Gauges) -> None:
    gauges(PLAN)
    gauges(ArmStarted(arm="a", rollouts=100))
    gauges(RolloutsDone(arm="a", done=100, total=100))
    gauges(ArmStarted(arm="b", rollouts=40))
    gauges(RolloutsDone(arm="b", done=10, total=40))
    assert gauges.kept == (110, 140)


def test_judging_is_timed_from_its_own_beginning(gauges: Gauges, clock: Clock) -> None:
    gauges(PLAN)
    clock.now += 500
    gauges(CheckStarted(check="c", type="t"))
    clock.now += 4
    gauges(CheckJudged(check="c", verdict="pass", report=None))
    gauges(CheckStarted(check="d", type="t"))
    assert gauges.text() == "judging d: 1 of 2 checks, about 4 s left"


def test_a_step_stands_before_what_it_is_a_part_of_until_that_goes_on(gauges: Gauges, clock: Clock) -> None:
    gauges(PLAN)
    gauges(CheckStarted(check="c", type="t"))
    gauges(TraceStarted(model="m", segment="forward", number=1, total=2))
    clock.now += 7
    gauges(TraceStarted(model="m", segment="head", number=2, total=2))
    assert gauges.text() == "tracing m: head: 1 of 2 segments, about 7 s left"
    gauges(CheckJudged(check="c", verdict="pass", report=None))
    assert gauges.text().startswith("judging c: 1 of 2 checks")


def test_a_step_ends_when_all_of_it_is_done(gauges: Gauges) -> None:
    gauges(Working(what="reading", done=3, total=4, unit="rows"))
    assert gauges.text().startswith("reading: 3 of 4 rows")
    gauges(Working(what="reading", done=4, total=4, unit="rows"))
    assert gauges.text() == ""


def test_a_step_that_nobody_can_count_says_how_long_it_takes(gauges: Gauges, clock: Clock) -> None:
    gauges(Working(what="loading\nm"))
    clock.now += 125
    assert gauges.text() == "loading m, 2 min so far"
    gauges(Working(what="loading n"))
    assert gauges.text() == "loading n, 1 s so far", "another one begins anew"


def test_trials_are_counted(gauges: Gauges) -> None:
    gauges(TrialStarted(arm="a", rollouts=40, number=2, total=3))
    assert gauges.text().startswith("timing a batch of 40: a: 1 of 3 batches")


def test_of_many_runs_the_time_left_is_that_of_all(gauges: Gauges, clock: Clock) -> None:
    gauges(RunStarted(number=1, total=3))
    gauges(PLAN)
    gauges(ArmStarted(arm="a", rollouts=100))
    clock.now += 20
    gauges(RolloutsDone(arm="a", done=50, total=100))
    assert gauges.text() == "run 1 of 3: recording a: 50 of 100 rollouts, about 20 s left"
    clock.now += 20
    gauges(RunStarted(number=2, total=3))
    assert gauges.text() == "run 2 of 3, about 80 s left"
    gauges(PLAN)
    gauges(ArmStarted(arm="a", rollouts=100))
    assert gauges.text() == "run 2 of 3 (about 80 s left): recording a: 0 of 100 rollouts"


def test_a_case_that_is_over_leaves_nothing_behind(gauges: Gauges) -> None:
    gauges(CaseStarted(case="x", number=1, total=2))
    gauges(PLAN)
    gauges(ArmStarted(arm="a", rollouts=100))
    gauges(CaseDone(case="x", outcome=None))
    assert gauges.kept == (0, 0)
    assert gauges.text() == "case 1 of 2: x, 1 s so far"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "1 s"), (89, "89 s"), (90, "2 min"), (3000, "50 min"), (5400, "1.5 h")]
)
def test_times_have_no_more_digits_than_matter(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
