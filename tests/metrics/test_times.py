"""Three clocks on one trace: determined, accepted for the last time, accepted for the first time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from monitorbench.metrics.times import (
    NEVER,
    acceptance_times,
    commit_times,
    content_times,
    determination_times,
    mid_ranks,
    trace_times,
    value_times,
)
from monitorbench.metrics.trace import BlockTrace, Trace

quick = settings(max_examples=50, deadline=None)
MASKED = -1


def trace(tokens_SP, committed_SP=None, content_P=None) -> BlockTrace:
    tokens_SP = np.asarray(tokens_SP, dtype=np.int32)
    steps_positions = tokens_SP.shape
    return BlockTrace(
        tokens_SP=tokens_SP,
        committed_SP=np.ones(steps_positions, bool) if committed_SP is None else np.asarray(committed_SP, bool),
        entropy_SP=np.zeros(steps_positions, np.float32),
        content_P=np.ones(steps_positions[1], bool) if content_P is None else np.asarray(content_P, bool),
    )


def test_a_position_is_determined_when_its_argmax_stays():
    """Column by column: right from the start; right, wrong, right; settled at the last step; no prediction at first."""
    block = trace([[5, 7, 1, MASKED], [5, 8, 2, MASKED], [5, 7, 3, 9], [5, 7, 4, 9]])

    assert determination_times(block).tolist() == [0, 2, 3, 2]


def test_acceptance_that_was_taken_back_shows_as_a_gap_between_the_clocks():
    """Column by column: kept; taken back and given again; given and taken back for good; never given."""
    block = trace(np.zeros((4, 4)), committed_SP=[[1, 1, 0, 0], [1, 0, 1, 0], [1, 1, 1, 0], [1, 1, 0, 0]])

    assert acceptance_times(block).tolist() == [0, 0, 1, NEVER]
    assert commit_times(block).tolist() == [0, 2, 1, NEVER]


@pytest.mark.parametrize("clock", [determination_times, commit_times, acceptance_times])
def test_only_content_has_times(clock):
    block = trace(np.zeros((3, 4)), content_P=[1, 1, 0, 0])

    assert clock(block).tolist() == [0, 0, NEVER, NEVER]
    assert content_times(block, clock).tolist() == [0, 0]


@pytest.mark.parametrize("clock", [determination_times, commit_times, acceptance_times])
def test_a_block_without_steps_has_no_times(clock):
    assert clock(trace(np.zeros((0, 3)))).tolist() == [NEVER] * 3


def test_a_position_without_prediction_is_never_determined():
    assert determination_times(trace([[3, MASKED]])).tolist() == [0, NEVER]


def test_every_block_has_its_own_clock():
    blocks = (trace([[1, MASKED], [1, 2]]), trace([[MASKED, 4], [3, 4]]))

    assert [times.tolist() for times in trace_times(Trace(blocks=blocks))] == [[0, 1], [1, 0]]


def test_a_value_is_complete_with_its_last_token():
    times_P = np.array([4, 2, NEVER, 7])

    assert value_times(times_P, [[0], [0, 1], [1, 3], [1, 2]]).tolist() == [4, 4, 7, NEVER]


def test_ranks_count_positions_not_calls():
    """Two share the first call, so each has the mean of ranks 1 and 2; where there is no time there is no rank."""
    assert mid_ranks(np.array([3, 7, 3, 9])).tolist() == [1.5, 3.0, 1.5, 4.0]
    assert np.isnan(mid_ranks(np.array([4, NEVER]))).tolist() == [False, True]
    assert mid_ranks(np.array([], int)).size == 0


def test_one_position_a_call_gives_every_clock_the_ranks_of_the_text():
    """As an autoregressive model writes: nothing is predicted before its call, nothing is taken back."""
    tokens_SP = np.where(np.tri(5, dtype=bool), 4, MASKED)
    block = trace(tokens_SP, committed_SP=tokens_SP >= 0)

    for clock in (determination_times, commit_times, acceptance_times):
        assert mid_ranks(clock(block)).tolist() == [1, 2, 3, 4, 5]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=30).map(np.array))
@quick
def test_ranks_are_scipys_and_do_not_depend_on_how_many_calls_passed(times_P):
    ranks_P = mid_ranks(times_P)

    assert ranks_P.tolist() == rankdata(times_P, method="average").tolist()
    assert ranks_P.tolist() == mid_ranks(times_P**2 + 3).tolist()
    assert ranks_P.sum() == times_P.size * (times_P.size + 1) / 2


@given(st.integers(1, 12), st.integers(1, 6), st.randoms(use_true_random=False))
@quick
def test_clocks_agree_with_their_definitions_step_by_step(steps, positions, random):
    tokens_SP = np.array([[random.randint(0, 2) for _ in range(positions)] for _ in range(steps)])
    committed_SP = np.array([[random.random() < 0.5 for _ in range(positions)] for _ in range(steps)])
    block = trace(tokens_SP, committed_SP)
    determined, first, last = determination_times(block), acceptance_times(block), commit_times(block)

    for p in range(positions):
        assert determined[p] == min(s for s in range(steps) if (tokens_SP[s:, p] == tokens_SP[-1, p]).all())
        starts = [s for s in range(steps) if committed_SP[s, p] and (s == 0 or not committed_SP[s - 1, p])]
        assert (first[p], last[p]) == ((starts[0], starts[-1]) if starts else (NEVER, NEVER))
