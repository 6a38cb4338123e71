"""Where values stand, when something is changed, and what is put in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from planted import WORDS, recorded

from monitorbench.causal.spans import lexicon, moment, spans, tail
from monitorbench.metrics.trace import BlockTrace, Trace
from monitorbench.rollouts.arm import Rollout
from monitorbench.tasks.arithmetic_chain import ArithmeticChain
from monitorbench.tasks.base import ANSWER, Problem

PROBLEM = Problem(id="p", prompt="", target="", answer="9", values={"a": "5", "b": "9"})


def rollout(times: list[int], *, answer: tuple[int, ...] = (3,), steps: int = 6, padding: int = 2) -> Rollout:
    """A text of one token at each time; `times` says from which step on each is what it is."""
    final_P = np.array([*range(1, len(times) + 1), *[0] * padding], np.int32)
    at_P = np.array([*times, *[0] * padding])
    tokens_SP = np.where(np.arange(steps)[:, None] >= at_P, final_P, 99).astype(np.int32)
    block = BlockTrace(
        tokens_SP=tokens_SP,
        committed_SP=tokens_SP != 99,
        entropy_SP=np.zeros(tokens_SP.shape, np.float32),
        content_P=np.arange(final_P.size) < len(times),
    )
    return Rollout(
        problem=PROBLEM,
        repeat=0,
        text="",
        tokens=tuple(range(1, len(times) + 1)),
        finished=True,
        status="correct",
        trace=Trace(blocks=(block,)),
        value_positions={"a": (0,), "b": (2,)},
        answer_positions=answer,
    )


@pytest.mark.parametrize(
    ("name", "step"),
    [("start", 0), ("reasoning-25", 1), ("reasoning-50", 2), ("reasoning-75", 4), ("answer-stable", 3)],
)
def test_moments_are_steps_of_the_run_as_it_is(name: str, step: int) -> None:
    assert moment(rollout([1, 2, 4, 3, 5]), name, 0) == step


def test_a_moment_may_never_come() -> None:
    assert moment(rollout([0, 0, 0], answer=()), "answer-stable", 0) is None
    assert moment(rollout([0], answer=(0,)), "reasoning-50", 0) is None


def test_values_and_a_right_answer_have_spans_in_their_block() -> None:
    found = spans(rollout([0] * 4))
    assert {name: (span.positions, span.tokens) for name, span in found.items()} == {
        "a": ((0,), (1,)),
        "b": ((2,), (3,)),
        ANSWER: ((3,), (4,)),
    }
    assert ANSWER not in spans(replace(rollout([0] * 4), status="wrong"))


def test_positions_count_from_the_start_of_their_block_and_none_runs_across_blocks() -> None:
    one = rollout([0] * 4, padding=0)
    two = replace(
        one,
        tokens=tuple(range(8)),
        trace=Trace(blocks=one.trace.blocks * 2),
        value_positions={"a": (5,), "b": (3, 4)},
        answer_positions=(7,),
    )
    found = spans(two)
    assert found.keys() == {"a", ANSWER}
    assert (found["a"].block, found["a"].positions, found["a"].tokens) == (1, (1,), (5,))
    assert moment(two, "answer-stable", 1) == 0
    assert moment(two, "answer-stable", 0) is None


def test_what_is_put_in_is_what_the_model_itself_writes() -> None:
    task = ArithmeticChain(lengths=(2, 3))
    base, store = recorded(task, links="forward")
    known = lexicon(store.rollouts(base.arm))
    assert len(known) > 20
    assert all([WORDS[token] for token in tokens] == [value] for (value, _), tokens in known.items())


def test_the_tail_is_what_stands_behind_the_end() -> None:
    found = tail(rollout([0] * 4, padding=3))
    assert found is not None
    assert (found.positions, found.tokens) == ((5, 6), (0, 0)), "the token that ends the text is left alone"
    assert tail(rollout([0] * 4, padding=1)) is None
    assert tail(replace(rollout([0] * 4, padding=3), finished=False)) is None
