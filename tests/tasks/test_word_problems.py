"""Sums in English: every problem's own answer is right, and nothing else is."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from monitorbench.errors import UsageError
from monitorbench.tasks.base import Problem
from monitorbench.tasks.registry import TASKS
from monitorbench.tasks.word_problems import MOST_EXAMPLES, OPERATIONS, SMALLEST, WORKINGS, WordProblems

QUESTION = re.compile(r"(\w+) has (\d+) (\w+) and (gets|gives away) (\d+)( more)?\. How many \3 does \1 have\?")

tasks = st.builds(
    WordProblems,
    operations=st.sets(st.sampled_from(list(OPERATIONS)), min_size=1).map(lambda names: tuple(sorted(names))),
    largest=st.integers(2, 200),
    examples=st.integers(0, MOST_EXAMPLES),
    working=st.sampled_from(WORKINGS),
    seed=st.integers(0, 1000),
)


def read(question: str) -> tuple[str, int, int]:
    """Operation and numbers of a question, read back from its words."""
    found = QUESTION.fullmatch(question)
    assert found is not None
    return ("add" if found[4] == "gets" else "subtract"), int(found[2]), int(found[5])


def asked(problem: Problem) -> str:
    """The question that is left open."""
    *_, question, answer = problem.prompt.split("\n")
    assert answer == "Answer:"
    return question.removeprefix("Question: ")


def test_a_prompt_shows_how_to_answer() -> None:
    (problem,) = WordProblems(operations=("add", "subtract"), examples=2).problems(1)
    assert problem.prompt == (
        "Question: Eve has 7 cups and gets 9 more. How many cups does Eve have?\n"
        "Answer: 7 + 9 = 16\n"
        "Question: Tom has 7 apples and gives away 5. How many apples does Tom have?\n"
        "Answer: 7 - 5 = 2\n"
        "Question: Max has 5 apples and gets 5 more. How many apples does Max have?\n"
        "Answer:"
    )
    assert (problem.target, problem.answer) == ("5 + 5 = 10", "10")
    (direct,) = WordProblems(working="hidden", examples=1).problems(1)
    assert direct.prompt.split("\n")[1] == "Answer: 16"


@settings(max_examples=50, deadline=None)
@given(tasks, st.integers(1, 5))
def test_the_target_is_right_in_every_form(task: WordProblems, n: int) -> None:
    for problem in task.problems(n):
        outcome = task.grade(problem, problem.target)
        assert outcome.correct
        assert outcome.answer == problem.answer
        assert outcome.answer_word == outcome.value_words["result"] == len(problem.target.split()) - 1


@settings(max_examples=50, deadline=None)
@given(tasks)
def test_the_question_means_what_the_answer_says(task: WordProblems) -> None:
    for problem in task.problems(3):
        operation, start, change = read(asked(problem))
        assert operation in task.operations
        assert SMALLEST <= start <= task.largest
        assert SMALLEST <= change <= task.largest
        assert int(problem.answer) == (start + change if operation == "add" else start - change) >= 0


@settings(max_examples=50, deadline=None)
@given(tasks)
def test_the_examples_are_right_and_none_is_asked(task: WordProblems) -> None:
    problems = task.problems(20)
    questions, answers = (
        re.findall(r"Question: (.*)", problems[0].prompt),
        re.findall(r"Answer: (.*)", problems[0].prompt),
    )
    assert len(answers) == len(questions) - 1 == task.examples
    for question, answer in zip(questions, answers, strict=False):
        operation, start, change = read(question)
        assert int(answer.split()[-1]) == (start + change if operation == "add" else start - change)
        assert (len(answer.split()) == 5) == (task.working == "shown")
    assert not {asked(problem) for problem in problems} & set(questions[:-1])


@settings(max_examples=50, deadline=None)
@given(tasks, st.integers(-5, 400))
def test_another_answer_is_wrong(task: WordProblems, answer: int) -> None:
    (problem,) = task.problems(1)
    assume(str(answer) != problem.answer)
    outcome = task.grade(problem, f"{problem.target} is {answer}")
    assert (outcome.status, outcome.answer, outcome.value_words) == ("wrong", str(answer), {})


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=40).filter(lambda text: not re.search("[0-9]", text)))
def test_garbage_has_no_answer(text: str) -> None:
    task = WordProblems()
    (problem,) = task.problems(1)
    outcome = task.grade(problem, text)
    assert (outcome.status, outcome.answer, outcome.answer_word) == ("unparsable", None, None)


@pytest.mark.parametrize(
    ("response", "status", "word"),
    [
        ("{right}", "correct", 0),
        (" {right}\nQuestion: Ben has 2", "correct", 0),
        ("\n\nThe answer is {right}.\n99", "correct", 3),
        ("2 + 70 = {right}", "correct", 4),
        ("{right} apples and 1 more", "wrong", 3),
        ("x={right}", "correct", 0),
        ("-{right}", "wrong", 0),
        ("0{right}", "wrong", 0),
        ("{right}.5", "wrong", 0),
        ("1,{right}", "wrong", 0),
        ("3\n{right}", "wrong", 0),
        ("²", "unparsable", None),
    ],
)
def test_the_last_number_of_the_first_line_with_one_counts(response: str, status: str, word: int | None) -> None:
    task = WordProblems()
    (problem,) = task.problems(1)
    outcome = task.grade(problem, response.format(right=problem.answer))
    assert (outcome.status, outcome.answer_word) == (status, word)


@settings(max_examples=20, deadline=None)
@given(tasks, st.integers(1, 10), st.integers(0, 10))
def test_a_longer_run_extends_a_shorter_one(task: WordProblems, n: int, more: int) -> None:
    problems = task.problems(n + more)
    assert list(problems[:n]) == list(task.problems(n))
    assert len({problem.id for problem in problems}) == n + more


def test_the_form_changes_neither_the_problem_nor_its_id() -> None:
    forms = [WordProblems(working=working, examples=n).problems(300) for working in WORKINGS for n in (0, 3, 8)]
    for same in zip(*forms, strict=True):
        assert len({(problem.id, problem.answer) for problem in same}) == 1


def test_problems_that_run_out_say_so() -> None:
    task = WordProblems(largest=2, examples=0)
    assert len(task.problems(40)) == 40, "8 names with 6 things each, less those that may be examples"
    with pytest.raises(UsageError, match="no 49 different problems with numbers up to 2; lower n or raise largest"):
        task.problems(49)


@pytest.mark.parametrize(
    "wrong",
    [{"operations": ()}, {"operations": ("divide",)}, {"largest": 1}, {"examples": 9}, {"working": "x"}],
)
def test_parameters_that_do_not_exist_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"is not one of|there must be operations"):
        WordProblems(**wrong)  # type: ignore[arg-type]  # wrong on purpose


def test_it_is_registered() -> None:
    assert TASKS.load("word-problems") is WordProblems
