"""Numbers on a line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from monitorbench.report.render.page.axis import Axis, zero_of, zone_of

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)


@given(st.lists(NUMBERS, min_size=1, max_size=8))
def test_an_axis_holds_its_numbers_and_has_few_round_ticks(numbers: list[float]) -> None:
    axis = Axis.around(numbers)
    assert axis.low <= min(numbers)
    assert axis.high >= max(numbers)
    assert 2 <= len(axis.ticks) <= 9
    assert all(0 <= tick.at <= 100 for tick in axis.ticks)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=4))
def test_numbers_beyond_all_measure_lie_at_the_ends(numbers: list[float]) -> None:
    axis = Axis.around(numbers, scale=100)
    assert all(0 <= axis.at(number) <= 100 for number in numbers)
    assert axis.ticks


@given(NUMBERS, NUMBERS)
def test_what_is_larger_lies_further_right(one: float, other: float) -> None:
    axis = Axis.around([-1.0, 1.0])
    assert (axis.at(one) <= axis.at(other)) or one > other


def test_ticks_are_written_in_the_scale_of_the_reader() -> None:
    axis = Axis.around([-0.023, 0.05], scale=100)
    assert [tick.text for tick in axis.ticks] == ["-4", "-2", "0", "2", "4", "6"]
    assert (axis.low, axis.high) == (-0.04, 0.06)


def test_a_bound_is_open_on_the_side_that_it_does_not_name() -> None:
    axis = Axis(low=0.0, high=1.0)
    assert zone_of(axis, None, 0.25) == (0.0, 25.0)
    assert zone_of(axis, 0.25, None) == (25.0, 100.0)
    assert zone_of(axis, None, None) is None
    assert zero_of(axis) == 0.0
    assert zero_of(Axis(low=1.0, high=2.0)) is None
