"""One word, so many times: a response is right if it holds the word that often, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from monitorbench.tasks.length_control import WORDS, LengthControl

tasks = st.builds(
    LengthControl,
    lengths=st.sets(st.integers(1, 200), min_size=1).map(lambda lengths: tuple(sorted(lengths))),
    form=st.sampled_from(("natural", "tokens")),
    examples=st.just(0),
    seed=st.integers(0, 1000),
)


@settings(max_examples=50, deadline=None)
@given(tasks, st.integers(1, 250))
def test_any_other_length_is_wrong(task: LengthControl, length: int) -> None:
    (problem,) = task.problems(1)
    assert int(problem.answer) in task.lengths
    assert f" {problem.form['word']} " in problem.prompt
    assert f" {problem.answer} " in problem.prompt
    assume(length != int(problem.answer))
    outcome = task.grade(problem, " ".join([problem.form["word"]] * length))
    assert (outcome.status, outcome.answer, outcome.answer_word) == ("wrong", str(length), None)


def test_nothing_else_may_be_written_but_marks_and_capitals_do_not_count() -> None:
    task = LengthControl(lengths=(3,), examples=0)
    (problem,) = task.problems(1)
    word = problem.form["word"]
    assert problem.prompt == f"Write the word {word} exactly 3 times, separated by spaces, and nothing else."
    assert task.grade(problem, f"{word.title()}, {word} {word}.").correct
    assert task.grade(problem, f"Sure: {word} {word} {word}").status == "wrong"
    assert task.grade(problem, f"{word}s").status == "unparsable"


def test_no_word_holds_another_with_a_mark() -> None:
    assert all(word.isalpha() and word.islower() for word in WORDS)


@pytest.mark.parametrize("lengths", [(), (0,), (201,)])
def test_lengths_out_of_range_are_refused(lengths: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="lengths must be between 1 and 200"):
        LengthControl(lengths=lengths)
