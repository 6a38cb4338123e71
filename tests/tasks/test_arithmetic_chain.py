"""Chains of additions: every problem's own solution is right, and nothing else is."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from monitorbench.errors import UsageError
from monitorbench.tasks.arithmetic_chain import (
    ANSWER_PLACES,
    MAX_LENGTH,
    MODULUS,
    ORDERS,
    SPLITS,
    ArithmeticChain,
    split_of,
    vocabulary,
)
from monitorbench.tasks.base import Problem

tasks = st.builds(
    ArithmeticChain,
    lengths=st.sets(st.integers(1, MAX_LENGTH), min_size=1, max_size=3).map(lambda lengths: tuple(sorted(lengths))),
    order=st.sampled_from(ORDERS),
    answer=st.sampled_from(ANSWER_PLACES),
    split=st.sampled_from(SPLITS),
    seed=st.integers(0, 1000),
)


def chain_of(problem: Problem) -> tuple[int, ...]:
    """First value and increments, read back from the prompt."""
    ((start, name),) = re.findall(r"(?<!\S)(\d+) -> (\w)", problem.prompt)
    steps = {cause: (int(step), effect) for cause, step, effect in re.findall(r"(\w) ?\+(\d+) -> (\w)", problem.prompt)}
    chain = [int(start)]
    while name in steps:
        step, name = steps[name]
        chain.append(step)
    return tuple(chain)


@settings(max_examples=50, deadline=None)
@given(tasks, st.integers(1, 5))
def test_the_target_is_right_in_every_form(task: ArithmeticChain, n: int) -> None:
    for problem in task.problems(n):
        outcome = task.grade(problem, problem.target)
        words = problem.target.split()
        assert outcome.correct
        assert outcome.answer == problem.answer
        assert outcome.answer_word is not None
        assert words[outcome.answer_word - 1 : outcome.answer_word + 1] == ["answer", problem.answer]
        assert outcome.value_words.keys() == problem.values.keys()
        for name, word in outcome.value_words.items():
            assert words[word - 1 : word + 1] == [name, problem.values[name]]
        assert (outcome.answer_word == 1) == (task.answer == "answer-first")
        stated = sorted(outcome.value_words, key=lambda name: outcome.value_words[name])
        assert stated == (list(problem.values) if task.order == "topological" else list(problem.values)[::-1])


@settings(max_examples=50, deadline=None)
@given(tasks)
def test_the_prompt_means_what_the_value_graph_says(task: ArithmeticChain) -> None:
    for problem in task.problems(3):
        chain, names = chain_of(problem), list(problem.values)
        assert list(problem.values.values()) == [str(total % MODULUS) for total in itertools.accumulate(chain)]
        assert [(edge.cause, edge.effect) for edge in problem.edges] == list(itertools.pairwise(names))
        assert problem.prompt.split()[-3:] == ["ask", names[-1], ":"]
        assert problem.prompt.split()[:2] == [task.order, task.answer]
        assert len(chain) - 1 in task.lengths
        assert split_of(chain) == task.split
        assert set(f"{problem.prompt} {problem.target}".split()) <= set(vocabulary())


@settings(max_examples=50, deadline=None)
@given(tasks, st.integers(0, MODULUS - 1))
def test_another_answer_is_wrong(task: ArithmeticChain, answer: int) -> None:
    (problem,) = task.problems(1)
    assume(str(answer) != problem.answer)
    outcome = task.grade(problem, problem.target.replace(f"answer {problem.answer}", f"answer {answer}"))
    assert (outcome.status, outcome.answer) == ("wrong", str(answer))


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=40).filter(lambda text: "answer" not in text))
def test_garbage_has_no_answer(text: str) -> None:
    task = ArithmeticChain()
    (problem,) = task.problems(1)
    outcome = task.grade(problem, text)
    assert (outcome.status, outcome.answer, outcome.answer_word) == ("unparsable", None, None)


@pytest.mark.parametrize(
    ("response", "status"),
    [
        ("answer", "unparsable"),
        ("answer answer", "unparsable"),
        ("answer ²", "unparsable"),
        ("answer -3", "unparsable"),
        ("answers {right}", "unparsable"),
        ("answer x answer {right}", "correct"),
        ("answer 71 answer {right}", "wrong"),
        ("answer 0{right}", "wrong"),
        ("{right}", "unparsable"),
    ],
)
def test_the_first_readable_answer_counts(response: str, status: str) -> None:
    task = ArithmeticChain()
    (problem,) = task.problems(1)
    assert task.grade(problem, response.format(right=problem.answer)).status == status


def test_a_value_counts_where_it_is_first_stated_rightly() -> None:
    task = ArithmeticChain(lengths=(1,))
    (problem,) = task.problems(1)
    (first, value), (second, _) = problem.values.items()
    outcome = task.grade(problem, f"{first} x {first} {value} {second} x {first} {value}")
    assert outcome.value_words == {first: 3}


def test_train_and_held_out_share_no_problem() -> None:
    seen = [
        {chain_of(problem) for problem in ArithmeticChain(lengths=(1, 2), split=split).problems(300)}
        for split in SPLITS
    ]
    assert seen[0]
    assert seen[1]
    assert not seen[0] & seen[1]


@settings(max_examples=20, deadline=None)
@given(tasks, st.integers(1, 10), st.integers(0, 10))
def test_a_longer_run_extends_a_shorter_one(task: ArithmeticChain, n: int, more: int) -> None:
    problems = task.problems(n + more)
    assert list(problems[:n]) == list(task.problems(n))
    assert len({problem.id for problem in problems}) == n + more


def test_problems_are_different_even_where_chains_are_few() -> None:
    assert len({problem.id for problem in ArithmeticChain(lengths=(1,), split="train").problems(2000)}) == 2000


def test_a_split_that_is_too_small_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitorbench.tasks.drawing.MOST_DRAWS", 1)
    with pytest.raises(UsageError, match="does not hold 2000 different problems; lower n or add longer lengths"):
        ArithmeticChain(lengths=(1,), split="train").problems(2000)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 100), st.sampled_from(SPLITS))
def test_the_form_changes_neither_the_problem_nor_its_id(seed: int, split: str) -> None:
    forms = [
        ArithmeticChain(order=order, answer=answer, seed=seed, split=split).problems(4)
        for order in ORDERS
        for answer in ANSWER_PLACES
    ]
    for same in zip(*forms, strict=True):
        assert len({problem.id for problem in same}) == 1
        assert len({problem.prompt.split(maxsplit=2)[2] for problem in same}) == 1
        assert len({(problem.answer, tuple(problem.values.items()), problem.edges) for problem in same}) == 1
        assert len({problem.target for problem in same}) == 4


@pytest.mark.parametrize(
    "wrong",
    [{"order": "random"}, {"answer": "x"}, {"split": "test"}, {"lengths": ()}, {"lengths": (0,)}, {"lengths": (12,)}],
)
def test_parameters_that_do_not_exist_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"is not one of|lengths must be between 1 and"):
        ArithmeticChain(**wrong)  # type: ignore[arg-type]  # wrong on purpose
