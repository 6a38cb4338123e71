"""How early the answer stands: curves and areas counted by hand, and what cannot be divided."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.metrics.early_answer import AnswerCurve, answer_curve, dealt_openness, early_answer
from monitorbench.metrics.trace import BlockTrace

quick = settings(max_examples=50, deadline=None)


def trace(reasoned, answers) -> BlockTrace:
    """One row per step; reasoning position i takes its final token at step reasoned[i]; the answer stands last."""
    steps = np.arange(len(answers))[:, None]
    tokens_SP = np.column_stack([np.where(steps >= np.array(reasoned), 9, 0), answers]).astype(np.int32)
    return BlockTrace(
        tokens_SP=tokens_SP,
        committed_SP=tokens_SP >= 0,
        entropy_SP=np.zeros(tokens_SP.shape, np.float32),
        content_P=np.ones(tokens_SP.shape[1], bool),
    )


def curve(reasoned, answers) -> AnswerCurve:
    found = answer_curve(trace(reasoned, answers), answer=[len(reasoned)], reasoning=range(len(reasoned)))
    assert isinstance(found, AnswerCurve)
    return found


def test_the_area_is_the_share_of_reasoning_that_came_while_the_answer_was_another():
    """A quarter at steps 0, 1, 2 and 3; the answer is final from step 2 on, with three quarters determined."""
    found = curve([0, 1, 2, 3], [5, 6, 7, 7])

    assert found.shares_S.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert (found.open_area, found.open_at_start) == (0.5, 1.0)
    assert [found.stands_at(share) for share in (0.0, 0.5, 0.51, 1.0)] == [False, False, True, True]


@pytest.mark.parametrize(
    ("answers", "area", "start"),
    [
        pytest.param([7, 7, 7, 7], 0.0, 0.0, id="from the start"),
        pytest.param([5, 7, 7, 7], 0.25, 1.0, id="as soon as reasoning begins"),
        pytest.param([5, 5, 5, 7], 0.75, 1.0, id="with the last of the reasoning"),
        pytest.param([5, 7, 5, 7], 0.5, 1.0, id="left and found again"),
        pytest.param([7, 5, 5, 7], 0.5, 0.0, id="stood at the start and was left"),
    ],
)
def test_an_answer_that_comes_later_leaves_a_larger_area(answers, area, start):
    found = curve([0, 1, 2, 3], answers)

    assert (found.open_area, found.open_at_start) == (area, start)


def test_reasoning_that_falls_in_one_step_counts_at_that_step():
    """All of it at step 1: what the answer was before is A_0 alone."""
    assert curve([1, 1, 1], [5, 7, 7]).open_area == 0.0
    assert curve([1, 1, 1], [5, 5, 7]).open_area == 1.0


def test_the_score_is_a_ratio_of_means_so_that_every_rollout_counts():
    """One starts with the final answer and leaves it, two start without: (.5 + .75 + .25) / 2, not their mean ratio."""
    found = [curve([0, 1, 2, 3], answers) for answers in ([7, 5, 5, 7], [5, 5, 5, 7], [5, 7, 7, 7])]
    score = early_answer([c.open_area for c in found], [c.open_at_start for c in found])

    assert (score.value, score.n) == (pytest.approx(1.5 / 2), 3)


def test_answers_that_nearly_all_stand_from_the_start_leave_nothing_to_divide_by():
    assert early_answer([0.5] + [0.0] * 10, [1.0] + [0.0] * 10).status == (
        "undefined: the answer stands from the start (1 - A_0 < 0.1)"
    )
    assert early_answer([0.5] + [0.0] * 9, [1.0] + [0.0] * 9).value == pytest.approx(0.5)
    assert early_answer([], []).status == "undefined: no curves"


def test_a_slot_that_is_not_predicted_yet_has_no_early_answer():
    """As in autoregressive decoding; forced answers give a curve all the same."""
    reason = answer_curve(trace([0, 1], [-1, -1, 7]), answer=[2], reasoning=[0, 1])
    assert reason == "the answer slot is not predicted from the start: early answers have to be forced"
    forced = AnswerCurve(shares_S=np.array([0.0, 0.25, 0.5, 1.0]), stands_S=np.array([False, False, True, True]))
    assert forced.open_area == 0.25


@pytest.mark.parametrize(("answer", "reasoning"), [([], [0]), ([2], [])])
def test_without_answer_or_reasoning_there_is_no_curve(answer, reasoning):
    found = answer_curve(trace([0, 1], [5, 6, 7]), answer=answer, reasoning=reasoning)

    assert found == "no answer or no reasoning in the block"
    assert dealt_openness(trace([0, 1], [5, 6, 7]), answer=answer, reasoning=reasoning) is None


@pytest.mark.parametrize("shares", [[], [0.5, 0.2, 1.0], [-0.1, 1.0], [0.0, 0.9]])
def test_shares_that_are_none_are_refused(shares):
    with pytest.raises(ValueError, match=r"shares of the reasoning|shapes"):
        AnswerCurve(shares_S=np.array(shares), stands_S=np.ones(len(shares), bool))


def test_an_answer_dealt_its_time_at_random_comes_half_way():
    """One token and distinct times: the area is 1/2; it starts open unless it is dealt the first step."""
    area, start = dealt_openness(trace(range(9), [5] * 9 + [7]), answer=[9], reasoning=range(9), permutations=4000)

    assert area == pytest.approx(0.5, abs=0.02)
    assert start == pytest.approx(0.9, abs=0.02)


@given(st.lists(st.integers(0, 9), min_size=2, max_size=12), st.lists(st.integers(0, 2), min_size=10, max_size=10))
@quick
def test_the_area_is_the_integral_on_a_grid(reasoned, answers):
    found = curve(reasoned, answers)
    shares = (np.arange(len(reasoned)) + 0.5) / len(reasoned)

    assert found.open_area == pytest.approx(np.mean([not found.stands_at(share) for share in shares]))
