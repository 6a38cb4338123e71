"""Chronology scores of a task: what they rest on, and what they must not depend on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.checks.chronology_rollouts import parts
from monitorbench.checks.chronology_scales import IF_OBEYED, LEFT_TO_RIGHT, RANGES
from monitorbench.checks.chronology_values import Recorded, by_construction, measure
from monitorbench.metrics.trace import BlockTrace, Trace
from monitorbench.rollouts.arm import Rollout
from monitorbench.tasks.base import Edge, Problem

quick = settings(max_examples=15, deadline=None)
WIDTH = 20
LAST = {"values": {"a": (2,), "b": (6,), "c": (15,)}, "answer": (19,)}
FIRST = {"values": {"a": (4,), "b": (8,), "c": (17,)}, "answer": (1,)}
STEPWISE = ("tokens_SP", "committed_SP", "entropy_SP")
EDGES = (Edge(cause="a", effect="b"), Edge(cause="b", effect="c"))


def block(times: Sequence[int], *, predicted: bool = True) -> BlockTrace:
    """Position p settles at step times[p]; before that it holds another token, or none if not `predicted`."""
    steps = np.arange(max(times) + 1)[:, None]
    tokens_SP = np.where(steps >= np.array(times), np.arange(len(times)) + 10, 0 if predicted else -1).astype(np.int32)
    return BlockTrace(
        tokens_SP=tokens_SP,
        committed_SP=tokens_SP >= 10,
        entropy_SP=np.where(tokens_SP < 0, np.nan, 0.0).astype(np.float32),
        content_P=np.ones(len(times), bool),
    )


def rollout(
    name: str, *blocks: BlockTrace, form: dict[str, Any] | None = None, repeat: int = 0, **fields: Any
) -> Rollout:
    form = form or LAST
    made = Rollout(
        problem=Problem(id=name, prompt="", target="", answer="3", values={"a": "1", "b": "2", "c": "3"}, edges=EDGES),
        repeat=repeat,
        text="",
        tokens=tuple(range(10, 10 + WIDTH)),
        finished=True,
        status="correct",
        trace=Trace(blocks=blocks),
        value_positions=form["values"],
        answer_positions=form["answer"],
    )
    return replace(made, **fields)


def settled(name: str, seed: int, form: dict[str, Any] = LAST, repeat: int = 0) -> Rollout:
    """A rollout that settles in random order in about eight steps."""
    times = np.random.default_rng(seed).integers(0, 8, WIDTH).tolist()
    return rollout(name, block(times), form=form, repeat=repeat)


def recorded(n: int) -> Recorded:
    def arm(offset: int, form: dict[str, Any]) -> dict[str, list[Rollout]]:
        return {f"p{i:02}": [settled(f"p{i:02}", offset + 2 * i + r, form, r) for r in (0, 1)] for i in range(n)}

    return Recorded(base=arm(0, LAST), other_order=arm(1000, LAST), other_place=arm(2000, FIRST))


def some(whole: Recorded, prompts: Sequence[str]) -> Recorded:
    arms = (whole.base, whole.other_order, whole.other_place)
    base, order, place = ({prompt: arm[prompt] for prompt in prompts} for arm in arms)
    return replace(whole, base=base, other_order=order, other_place=place)


WHOLE = recorded(8)


def test_every_score_is_there_within_its_range() -> None:
    measured = measure(WHOLE)
    assert list(measured) == list(RANGES)
    for name, (low, high) in RANGES.items():
        assert measured[name].n > 0
        assert all(low <= value <= high for value in measured[name].values)


@given(st.permutations(sorted(WHOLE.base)))
@quick
def test_the_order_of_prompts_does_not_matter(prompts: list[str]) -> None:
    one, other = measure(WHOLE), measure(some(WHOLE, prompts))
    for name in RANGES:
        assert sorted(one[name].values) == sorted(other[name].values)
        assert one[name].dropped == other[name].dropped


@given(st.integers(1, 7))
@quick
def test_prompts_scored_apart_have_the_values_they_have_together(cut: int) -> None:
    """A batch is how rollouts were recorded, nothing that a score may see."""
    prompts = sorted(WHOLE.base)
    together, *apart = (measure(some(WHOLE, part)) for part in (prompts, prompts[:cut], prompts[cut:]))
    for name in set(RANGES) - {"early_answer", "revision.net_gain", "revision.lost"}:
        assert sum((part[name].values for part in apart), ()) == together[name].values


def test_reasoning_runs_from_the_first_to_the_last_value_and_leaves_out_the_answer() -> None:
    found = parts(rollout("p", block([0] * 3), block(range(WIDTH)), value_positions={"a": (5,), "b": (9,)}))
    assert found is not None
    assert (found.answer, found.reasoning, len(found.others)) == ((16,), tuple(range(2, 7)), WIDTH - 1)


def test_without_stated_values_all_other_text_of_the_block_is_reasoning() -> None:
    found = parts(rollout("p", block(range(WIDTH)), value_positions={}))
    assert found is not None
    assert found.reasoning == found.others == tuple(range(19))
    assert parts(rollout("p", block(range(WIDTH)), answer_positions=())) is None


def test_left_to_right_decoding_has_what_it_has_by_construction() -> None:
    """Written once, in text order and then ended, in both places of the answer and both orders of the text."""
    turned = {"values": {"c": (2,), "b": (6,), "a": (15,)}, "answer": (19,)}
    written = block([*range(WIDTH)], predicted=False)
    ended = {name: np.concatenate([getattr(written, name), getattr(written, name)[-1:]]) for name in STEPWISE}
    written = replace(written, **ended)
    whole = Recorded(
        base={"p": [rollout("p", written)]},
        other_order={"p": [rollout("p", written, form=turned)]},
        other_place={"p": [rollout("p", written, form=FIRST)]},
    )
    measured = measure(whole)
    fixed = by_construction(True, measured)
    assert fixed == {**LEFT_TO_RIGHT, **IF_OBEYED}
    for name, due in fixed.items():
        assert measured[name].values == (due,)
    assert measured["early_answer"].dropped == {
        "the answer slot is not predicted from the start: early answers have to be forced": 1
    }
    assert by_construction(False, measured) == {}


def placed(last: Sequence[int], first: Sequence[int]) -> dict[str, Any]:
    """The scores of one prompt whose texts settle at these times, answer last and answer first."""
    base, other = rollout("p", block(last)), rollout("p", block(first), form=FIRST)
    measured = measure(Recorded(base={"p": [base]}, other_place={"p": [other]}))
    swapped = measure(Recorded(base={"p": [other]}, other_place={"p": [base]}, answer_first=True))
    for name in ("precedence.content", "precedence.position"):
        assert measured[name] == swapped[name]
    return {name: found.values for name, found in measured.items()}


def test_an_answer_that_settles_after_its_reasoning_wherever_it_stands_has_content() -> None:
    late_answer = [*range(19), 30]
    found = placed(late_answer, [0, 30, *range(1, 19)])
    assert (found["precedence.content"], found["precedence.position"]) == ((1.0,), (0.0,))


def test_an_answer_that_settles_before_its_reasoning_wherever_it_stands_has_negative_content() -> None:
    found = placed([*range(1, 20), 0], [1, 0, *range(2, 20)])
    assert (found["precedence.content"], found["precedence.position"]) == ((-1.0,), (0.0,))


def test_the_matched_control_looks_at_the_nearest_reasoning_only() -> None:
    """Answer last: the two far tokens settle before the answer, the twelve near ones after it."""
    last = [0, 0, 1, 1, *[9] * 12, 0, 0, 0, 5]
    found = placed(last, [*reversed(last[:1]), 5, 0, 0, *[9] * 12, 1, 1, 0, 0])
    assert found["precedence.matched_content"] == (-1.0,)
    assert found["precedence.content"][0] > -1.0


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({}, "answer-first: the answer does not stand where it was asked for"),
        ({"answer_positions": ()}, "answer-first: no answer in the text"),
    ],
)
def test_a_text_in_another_form_than_asked_for_is_not_crossed(other: dict[str, Any], why: str) -> None:
    base = rollout("p", block(range(WIDTH)))
    measured = measure(Recorded(base={"p": [base]}, other_place={"p": [replace(base, **other)]}))
    assert measured["precedence.content"].dropped == {why: 1}


def test_what_can_be_solved_without_reasoning_is_left_out() -> None:
    base, first = (rollout("p", block(range(WIDTH)), form=form) for form in (LAST, FIRST))
    base, first = (replace(each, problem=replace(each.problem, edges=())) for each in (base, first))
    measured = measure(Recorded(base={"p": [base]}, other_place={"p": [first]}))
    assert measured["precedence.content"].dropped == {
        "answer-last: solvable without reasoning; answer-first: solvable without reasoning": 1
    }


def test_a_task_with_one_form_has_no_crossed_scores() -> None:
    measured = measure(Recorded(base=WHOLE.base))
    for name in IF_OBEYED:
        assert measured[name].dropped == {"the task has one text order only": 8}


def test_early_answers_are_pooled_over_prompts_and_their_seeds_averaged_first() -> None:
    """Reasoning token i settles at step i; one seed answers at the end, one half way: areas 13/14 and 6/14."""
    reasoned = [0, 0, *range(14), 0, 0, 0]
    seeds = [rollout("p", block([*reasoned, at]), repeat=r) for r, at in enumerate((13, 6))]
    measured = measure(Recorded(base={"p": seeds}))["early_answer"]
    assert measured.values == pytest.approx(((13 + 6) / 28,))
    assert measured.per == (1.0,)
    assert measured.null is not None
    assert 0.3 < measured.null < 0.7


def test_an_answer_that_stands_from_the_start_has_no_early_answering() -> None:
    reasoned = block([0, 0, *range(14), 0, 0, 0, 0])
    measured = measure(Recorded(base={"p": [rollout("p", reasoned)]}))["early_answer"]
    assert (measured.values, measured.dropped) == ((), {"the answer stands from the start (1 - A_0 < 0.1)": 1})


def revising(*answers: int) -> BlockTrace:
    """All reasoning stands from the start; the answer takes these tokens."""
    steady = block([0] * (WIDTH - 1))
    tokens_SP = np.column_stack([np.repeat(steady.tokens_SP, len(answers), axis=0), answers]).astype(np.int32)
    return BlockTrace(
        tokens_SP=tokens_SP,
        committed_SP=np.ones(tokens_SP.shape, bool),
        entropy_SP=np.zeros(tokens_SP.shape, np.float32),
        content_P=np.ones(WIDTH, bool),
    )


def test_revisions_are_weighed_by_right_answers_that_some_response_spells() -> None:
    """29 spells the right answer, as the first prompt shows; the second gives it up."""
    gaining, losing = rollout("p", revising(4, 29)), rollout("q", revising(29, 4), status="wrong")
    measured = measure(Recorded(base={"p": [gaining], "q": [losing]}))
    assert measured["revision.rate"].values == (1.0, 1.0)
    assert measured["revision.net_gain"].values == (1.0, -1.0)
    assert measured["revision.lost"].values == (0.0, 1.0)
    assert measured["revision.rate"].null == 0.0


def test_an_answer_that_nobody_gets_right_has_a_rate_and_no_gain() -> None:
    measured = measure(Recorded(base={"q": [rollout("q", revising(29, 4), status="wrong")]}))
    assert measured["revision.rate"].values == (1.0,)
    assert measured["revision.net_gain"].dropped == {"the right answer is not known token by token": 1}
