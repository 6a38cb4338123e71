"""By how much a check differs from what was accepted of it, and with which interval."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from monitorbench.report.baseline.difference import SAME, difference
from monitorbench.report.baseline.model import BaselineFile
from monitorbench.report.comparison.model import Shift
from monitorbench.report.model import Report

Ran = Callable[..., Report]
Accepting = Callable[..., BaselineFile]

BEFORE = [0.0] * 100
WORSE = [0.0, 1.0] * 50


def prompts(values: Sequence[float], start: int = 0) -> dict[str, float]:
    return {f"p{start + index}": value for index, value in enumerate(values)}


@pytest.fixture
def found(accepting: Accepting) -> Callable[..., Shift]:
    """The difference between two runs of one check."""

    def found(before: Report, after: Report, *, same: bool = False) -> Shift:
        entry = accepting(before).of("s")["bottleneck"]
        shift = difference(entry, after.checks[0], same_checkpoint=same, sequential=False)
        assert shift is not None
        return shift

    return found


def test_prompts_are_paired(ran: Ran, found: Callable[..., Shift]) -> None:
    shift = found(ran(prompts=prompts(BEFORE)), ran(prompts=prompts(WORSE)))
    assert (shift.value, shift.n) == (0.5, 100)
    assert shift.interval is not None
    assert shift.method == "paired by prompt, BCa bootstrap over prompts"
    assert 0.4 < shift.interval.low < 0.5 < shift.interval.high < 0.6


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(prompts(WORSE, start=100), id="other prompts"),
        pytest.param(prompts([1.0] * 9 + [0.0] * 91), id="nine prompts that changed"),
        pytest.param({}, id="nothing by prompt"),
    ],
)
def test_where_pairs_tell_nothing_both_intervals_are_combined(
    after: dict[str, float], ran: Ran, found: Callable[..., Shift]
) -> None:
    shift = found(ran(prompts=prompts(BEFORE), half=0.03), ran(prompts=after, half=0.04))
    assert shift.interval is not None
    assert (shift.n, shift.method) == (None, "intervals of both combined")
    assert shift.value - shift.interval.low == pytest.approx(0.05)
    assert shift.interval.high - shift.value == pytest.approx(0.05)


def test_a_checkpoint_is_no_worse_than_itself(ran: Ran, found: Callable[..., Shift]) -> None:
    """Without an interval only where the result is the same, too: chance is no reason to be let through."""
    shift = found(ran(0.2), ran(0.2), same=True)
    assert (shift.value, shift.method) == (0.0, SAME)
    assert found(ran(0.2), ran(0.2)).method == "intervals of both combined"
    assert found(ran(0.2), ran(0.21), same=True).method == "intervals of both combined"


def test_one_that_measured_nothing_or_something_else_has_no_difference(ran: Ran, accepting: Accepting) -> None:
    entry = accepting(ran()).of("s")["bottleneck"]
    for other in (ran(None), ran(unit="ratio")):
        assert difference(entry, other.checks[0], same_checkpoint=False, sequential=False) is None
