"""Brackets that have to be closed: a target balances its sequence, and any other bracket is wrong."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.tasks.balanced_brackets import MOST, PAIRS, BalancedBrackets

CLOSES = {pair[1]: pair[0] for pair in PAIRS}

tasks = st.builds(
    BalancedBrackets,
    depths=st.sets(st.integers(1, MOST), min_size=1).map(lambda depths: tuple(sorted(depths))),
    kinds=st.integers(2, len(PAIRS)),
    answer=st.sampled_from(("answer-last", "answer-first")),
    form=st.sampled_from(("natural", "tokens")),
    examples=st.just(0),
    seed=st.integers(0, 1000),
)


def is_balanced(sequence: str) -> bool:
    stack: list[str] = []
    for bracket in sequence:
        if bracket not in CLOSES:
            stack.append(bracket)
        elif not stack or stack.pop() != CLOSES[bracket]:
            return False
    return not stack


@settings(max_examples=100, deadline=None)
@given(tasks)
def test_the_answer_balances_the_sequence(task: BalancedBrackets) -> None:
    for problem in task.problems(3):
        sequence = "".join(re.findall(r"[()\[\]{}<>]", problem.prompt))
        assert not is_balanced(sequence)
        assert is_balanced(sequence + problem.answer)
        assert len(problem.answer) == int(problem.form["depth"])
        assert len({*sequence, *problem.answer}) <= 2 * task.kinds
        opened = [value for name, value in problem.values.items() if name != "closing"]
        assert [CLOSES[bracket] for bracket in reversed(problem.values["closing"])] == opened
        assert [(edge.cause, edge.effect) for edge in problem.edges] == [
            (f"open {place}", "closing") for place in range(1, len(opened) + 1)
        ]


@settings(max_examples=50, deadline=None)
@given(tasks, st.data())
def test_one_other_bracket_is_wrong(task: BalancedBrackets, data: st.DataObject) -> None:
    (problem,) = task.problems(1)
    place = data.draw(st.integers(0, len(problem.answer) - 1))
    other = data.draw(st.sampled_from([b for b in "()[]{}<>" if b != problem.answer[place]]))
    changed = problem.answer[:place] + other + problem.answer[place + 1 :]
    for answer in (changed, problem.answer[:-1], problem.answer + ")"):
        if answer:
            outcome = task.grade(problem, f"answer {' '.join(answer)}")
            assert (outcome.status, outcome.answer) == ("wrong", answer)


def test_brackets_count_where_they_are_right_however_they_are_spaced() -> None:
    task = BalancedBrackets(examples=0)
    (problem,) = task.problems(1)
    assert problem.target == "Open: ( ( [ (. Answer: ) ] ) )"
    outcome = task.grade(problem, "Open: (, (, { ( and so the answer is: `)]))`")
    assert outcome.correct
    assert outcome.answer_word == 10
    assert outcome.value_words == {"open 1": 1, "open 2": 2, "open 4": 4, "closing": 10}


def test_both_places_of_the_answer() -> None:
    (first,) = BalancedBrackets(answer="answer-first", form="tokens").problems(1)
    assert first.prompt == "answer-first close ( [ { } ] ( ( ( ) ) [ ( { } :"
    assert first.target == "answer ) ] ) ) open ( ( [ ("


@pytest.mark.parametrize("wrong", [{"depths": ()}, {"depths": (0,)}, {"depths": (13,)}, {"kinds": 0}, {"kinds": 5}])
def test_sizes_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must be between"):
        BalancedBrackets(**wrong)  # type: ignore[arg-type]  # wrong on purpose
