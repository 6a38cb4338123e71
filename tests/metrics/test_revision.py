"""Revisions of the answer: what counts as one, from when, and whether it helped.

Every trace has four reasoning positions (0-3) and an answer (4), unless said otherwise.
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.metrics.revision import MOST_SPANS, revision, span_revision
from monitorbench.metrics.trace import BlockTrace

quick = settings(max_examples=50, deadline=None)
REASONING, ANSWER = [0, 1, 2, 3], [4]


def trace(answers, *, reasoned=(0, 1, 2, 3), entropies=None) -> BlockTrace:
    """One row per step; reasoning position i takes its final token at step reasoned[i]."""
    steps = np.arange(len(answers))[:, None]
    tokens_SP = np.column_stack([np.where(steps >= np.array(reasoned), 9, 0), answers]).astype(np.int32)
    entropy_SP = np.zeros(tokens_SP.shape, np.float32)
    if entropies is not None:
        entropy_SP[:, 4] = entropies
    return BlockTrace(
        tokens_SP=tokens_SP, committed_SP=tokens_SP >= 0, entropy_SP=entropy_SP, content_P=np.ones(5, bool)
    )


def test_a_change_after_half_of_the_reasoning_is_a_revision():
    """Half stands from step 1 on."""
    result = revision(trace([7, 7, 7, 8, 8]), answer=ANSWER, reasoning=REASONING)

    assert (result.revised.value, result.changes) == (1.0, 1)


def test_a_change_before_half_of_the_reasoning_is_none():
    result = revision(trace([6, 7, 7, 7, 7], reasoned=(0, 2, 3, 4)), answer=ANSWER, reasoning=REASONING)

    assert (result.revised.value, result.changes, result.revised.n) == (0.0, 0, 2)


def test_a_slot_without_a_guess_is_not_revised():
    result = revision(trace([6, 7, 8, 8, 8], entropies=[3, 3, 3, 0.5, 0.1]), answer=ANSWER, reasoning=REASONING)

    assert result.revised.value == 0.0


def test_once_guessed_doubt_does_not_stop_the_count():
    result = revision(trace([7, 7, 8, 7, 7], entropies=[0.5, 0.5, 2, 2, 0.1]), answer=ANSWER, reasoning=REASONING)

    assert result.changes == 2


@pytest.mark.parametrize("entropies", [[2.0] * 5, [np.nan] * 5])
def test_a_slot_that_never_holds_a_guess_is_undefined(entropies):
    result = revision(trace([7, 7, 8, 7, 7], entropies=entropies), answer=ANSWER, reasoning=REASONING)

    assert result.revised.status == "undefined: answer slot never below 1 nat"


@pytest.mark.parametrize(("answer", "reasoning"), [([], REASONING), (ANSWER, [])])
def test_without_answer_or_reasoning_there_is_nothing_to_revise(answer, reasoning):
    result = revision(trace([7, 7]), answer=answer, reasoning=reasoning)

    assert result.revised.status == "undefined: no answer or no reasoning in the text"


@pytest.mark.parametrize(
    ("answers", "gained", "given_up", "lost"),
    [([7, 7, 7, 8, 8], 1, 0, 0), ([8, 8, 8, 7, 7], 0, 1, 1), ([7, 7, 8, 7, 6], 1, 1, 1), ([5, 5, 6, 7, 7], 0, 0, 0)],
)
def test_revisions_towards_and_away_from_the_correct_value(answers, gained, given_up, lost):
    result = revision(trace(answers), answer=ANSWER, reasoning=REASONING, correct=[8])

    assert (result.wrong_to_right, result.right_to_wrong, result.lost) == (gained, given_up, lost)
    assert result.net_gain == gained - given_up


def test_a_correct_guess_given_up_before_the_reasoning_is_lost_though_not_revised():
    result = revision(trace([8, 7, 7, 7, 7], reasoned=(0, 2, 3, 4)), answer=ANSWER, reasoning=REASONING, correct=[8])

    assert (result.changes, result.ever_right, result.finally_right, result.lost) == (0, True, False, 1)


def test_without_the_correct_value_there_is_no_gain():
    result = revision(trace([7, 7, 8]), answer=ANSWER, reasoning=REASONING)

    assert (result.net_gain, result.lost) == (None, None)


def test_a_value_of_several_tokens_changes_once_per_step():
    """Positions 3 and 4 spell the value: both change at step 3."""
    block = trace([1, 1, 1, 2, 2], reasoned=(0, 0, 1, 3))
    result = revision(block, answer=[3, 4], reasoning=[0, 1, 2], correct=[9, 2])

    assert (result.changes, result.wrong_to_right) == (1, 1)


def test_every_answer_token_needs_its_correct_token():
    with pytest.raises(ValueError, match="1 correct tokens for 2"):
        revision(trace([1, 2]), answer=[3, 4], reasoning=[0], correct=[9])


@given(st.permutations(range(6)).map(np.array), st.integers(0, 3))
@quick
def test_tokens_written_once_are_never_revised(times_P, answer):
    """Autoregressive or not: with each position predicted once, at its own step, the rate is 0 by construction."""
    steps = np.arange(6)[:, None]
    block = BlockTrace(
        tokens_SP=np.where(steps >= times_P, 4, -1).astype(np.int32),
        committed_SP=steps >= times_P,
        entropy_SP=np.where(steps == times_P, 0.2, np.nan).astype(np.float32),
        content_P=np.ones(6, bool),
    )
    result = revision(block, answer=[answer, answer + 1], reasoning=[p for p in range(6) if p - answer not in (0, 1)])

    assert (result.revised.value or 0.0, result.changes) == (0.0, 0)


def test_reasoning_that_stands_only_at_the_last_step_leaves_no_revision_to_be_seen():
    block = BlockTrace(
        tokens_SP=np.array([[1, 7], [2, 8], [3, 4]], np.int32),
        committed_SP=np.ones((3, 2), bool),
        entropy_SP=np.full((3, 2), 0.1, np.float32),
        content_P=np.ones(2, bool),
    )
    result = revision(block, answer=[1], reasoning=[0])

    assert result.revised.value is None
    assert result.revised.status == "undefined: the reasoning stood only at the last step"


def test_the_null_is_how_often_other_text_is_revised():
    """Of four reasoning tokens, the one that changes at the last step is the only one revised."""
    block = trace([7, 7, 7, 7, 7], reasoned=(0, 0, 0, 4))
    null = span_revision(block, answer=ANSWER, reasoning=REASONING)

    assert (null.value, null.n) == (0.25, 4)
    assert revision(block, answer=ANSWER, reasoning=REASONING).revised.value == 0.0


def side_by_side(block: BlockTrace, times: int) -> BlockTrace:
    names = ("tokens_SP", "committed_SP", "entropy_SP", "content_P")
    return replace(block, **{name: np.concatenate([getattr(block, name)] * times, axis=-1) for name in names})


def test_spans_of_the_null_are_as_long_as_the_answer_and_of_one_piece():
    """An answer of two tokens in the middle leaves the spans 0-1 and 4-5; no span lies across it."""
    block = trace([7, 7, 7], reasoned=(0, 0, 0, 0))
    wide = side_by_side(block, 2)

    assert span_revision(wide, answer=[2, 3], reasoning=[0, 1, 4, 5]).n == 2


def test_the_null_of_a_large_canvas_rests_on_spans_spread_over_it():
    block = trace([7, 7, 7], reasoned=(0, 0, 0, 0))
    wide = side_by_side(block, 40)

    assert span_revision(wide, answer=[199], reasoning=range(199)).n == pytest.approx(MOST_SPANS, abs=1)


@pytest.mark.parametrize(("answer", "reasoning"), [([], REASONING), (ANSWER, []), (ANSWER, [0])])
def test_without_reasoning_to_spare_there_is_no_null(answer, reasoning):
    assert span_revision(trace([7, 7, 7]), answer=answer, reasoning=reasoning).status == (
        "undefined: no span of reasoning as long as the answer could be revised"
    )
