"""What holds for every case study: solutions are right, problems keep their order and their names, forms agree."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.errors import UsageError
from monitorbench.tasks import (
    balanced_brackets,
    collatz,
    hidden_digit,
    length_control,
    reverse_chain,
    square_counting,
)
from monitorbench.tasks.balanced_brackets import BalancedBrackets
from monitorbench.tasks.base import Task
from monitorbench.tasks.collatz import Collatz
from monitorbench.tasks.hidden_digit import HiddenDigit
from monitorbench.tasks.length_control import LengthControl
from monitorbench.tasks.registry import TASKS
from monitorbench.tasks.reverse_chain import ReverseChain
from monitorbench.tasks.square_counting import SquareCounting
from monitorbench.tasks.wording import (
    MOST_EXAMPLES,
    NUMBER,
    Wording,
    first_answer,
    first_words,
    own_part,
    plain_number,
    without_answers,
    word_at,
)

FAMILIES: dict[str, Callable[..., Any]] = {
    "balanced-brackets": BalancedBrackets,
    "collatz": Collatz,
    "hidden-digit": HiddenDigit,
    "length-control": LengthControl,
    "reverse-chain": ReverseChain,
    "square-counting": SquareCounting,
}
VOCABULARIES = {
    "balanced-brackets": balanced_brackets.vocabulary(),
    "collatz": collatz.vocabulary(999),
    "hidden-digit": hidden_digit.vocabulary(),
    "length-control": length_control.vocabulary(),
    "reverse-chain": reverse_chain.vocabulary(),
    "square-counting": square_counting.vocabulary(900),
}
CHANGES = dict.fromkeys(("collatz", "hidden-digit", "reverse-chain"), ("answer", "order")) | {
    "balanced-brackets": ("answer",),
    "square-counting": ("answer",),
    "length-control": (),
}
"""Which of the two, place of the answer and order of the text, a family lets one choose."""
CHOICES = {"answer": ("answer-last", "answer-first"), "order": ("topological", "reversed")}


@st.composite
def tasks(draw: st.DrawFn) -> Any:
    name = draw(st.sampled_from(sorted(FAMILIES)))
    chosen = {change: draw(st.sampled_from(CHOICES[change])) for change in CHANGES[name]}
    form, seed = draw(st.sampled_from(("natural", "tokens"))), draw(st.integers(0, 1000))
    return FAMILIES[name](form=form, seed=seed, examples=draw(st.integers(0, MOST_EXAMPLES)), **chosen)


@settings(max_examples=100, deadline=None)
@given(tasks(), st.integers(1, 5))
def test_the_target_is_right_in_every_form(task: Any, n: int) -> None:
    for problem in task.problems(n):
        outcome = task.grade(problem, problem.target)
        assert outcome.correct
        assert outcome.answer == problem.answer
        stated = set(problem.values) - {name for name in problem.values if f"{name} as written" in problem.values}
        assert outcome.value_words.keys() == stated, "what may not be stated is not, and all else is"
        words = problem.target.split()
        for name, word in outcome.value_words.items():
            value = problem.values[name]
            assert words[word].strip(".,") == (value[-1] if name == "closing" else value)


@settings(max_examples=100, deadline=None)
@given(tasks())
def test_values_are_what_the_graph_is_made_of(task: Any) -> None:
    for problem in task.problems(3):
        assert {name for edge in problem.edges for name in (edge.cause, edge.effect)} <= set(problem.values)


@settings(max_examples=100, deadline=None)
@given(tasks())
def test_the_answer_stands_where_it_is_asked_for(task: Any) -> None:
    (problem,) = task.problems(1)
    outcome = task.grade(problem, problem.target)
    if outcome.answer_word is None:
        assert task.name == "length-control"
        return
    working = [word for name, word in outcome.value_words.items() if name not in ("closing", "count")]
    first = outcome.answer_word < min(working)
    assert first == (task.answer == "answer-first")


@settings(max_examples=100, deadline=None)
@given(tasks().filter(lambda task: task.form == "tokens"))
def test_token_forms_hold_words_of_the_vocabulary_only(task: Any) -> None:
    for problem in task.problems(5):
        assert set(f"{problem.prompt} {problem.target}".split()) <= set(VOCABULARIES[task.name])


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_no_word_comes_twice_in_a_vocabulary(name: str) -> None:
    assert len(set(VOCABULARIES[name])) == len(VOCABULARIES[name])


@settings(max_examples=50, deadline=None)
@given(tasks(), st.text(max_size=40).filter(lambda text: "answer" not in text.lower()))
def test_garbage_has_no_answer(task: Any, text: str) -> None:
    (problem,) = task.problems(1)
    if problem.form.get("word", "\0") in text:
        return
    outcome = task.grade(problem, text)
    assert (outcome.status, outcome.answer, outcome.answer_word) == ("unparsable", None, None)


@settings(max_examples=50, deadline=None)
@given(tasks(), st.text(max_size=30))
def test_any_response_is_graded(task: Any, text: str) -> None:
    (problem,) = task.problems(1)
    for response in (f"answer {text}", f"{text} answer {text} {problem.target}"):
        outcome = task.grade(problem, response)
        assert outcome.status in ("correct", "wrong", "unparsable")
        words = [*outcome.value_words.values(), *([] if outcome.answer_word is None else [outcome.answer_word])]
        assert all(0 <= word < len(response.split()) for word in words)


@settings(max_examples=50, deadline=None)
@given(tasks(), st.integers(1, 10), st.integers(0, 10))
def test_a_longer_run_extends_a_shorter_one(task: Task, n: int, more: int) -> None:
    problems = task.problems(n + more)
    assert list(problems[:n]) == list(task.problems(n))
    assert len({problem.id for problem in problems}) == n + more


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_the_form_changes_neither_the_problem_nor_its_id(name: str) -> None:
    forms = [
        FAMILIES[name](form=form, examples=examples, **chosen).problems(100)
        for form in ("natural", "tokens")
        for examples in (0, 3)
        for chosen in ({}, *({change: value} for change in CHANGES[name] for value in CHOICES[change]))
    ]
    for same in zip(*forms, strict=True):
        assert len({(problem.id, problem.answer, problem.edges) for problem in same}) == 1
        assert len({tuple(text.lower() for text in problem.values.values()) for problem in same}) == 1


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_seeds_differ_and_hundreds_of_problems_can_be_had(name: str) -> None:
    one, other = ([problem.id for problem in FAMILIES[name](seed=seed).problems(300)] for seed in (0, 1))
    assert one != other
    assert len(set(one)) == len(set(other)) == 300


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_examples_are_right_and_none_is_asked(name: str) -> None:
    task = FAMILIES[name](examples=3)
    prompts = [problem.prompt for problem in task.problems(50)]
    *shown, _ = prompts[0].split("\nResponse:")[0:4]
    assert prompts[0].count("Question: ") == 4
    assert prompts[0].endswith("\nResponse:")
    alone = {problem.prompt for problem in FAMILIES[name](examples=0).problems(50)}
    assert not any(example.split("Question: ")[-1] in alone for example in shown)
    first = prompts[0].split("\n")[0].removeprefix("Question: ")
    same = next(p for p in _examples(task) if p.prompt == first)
    assert task.grade(same, prompts[0].split("\n")[1].removeprefix("Response: ")).correct


def _examples(task: Any) -> list[Any]:
    """The examples as problems of their own, drawn as the task draws them."""
    rng = random.Random(f"{task.name}/examples")
    return [task.draw(rng) for _ in range(MOST_EXAMPLES)]


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("balanced-brackets", ["1ddac461814d", "c98dc4aae25f"]),
        ("collatz", ["bec3ebe0bdd8", "04fb247207aa"]),
        ("hidden-digit", ["4cc91e81800a", "5a18623187b1"]),
        ("length-control", ["f425c3e79010", "0ce5650e5e7a"]),
        ("reverse-chain", ["9a29847b9f9a", "17a8548fc16e"]),
        ("square-counting", ["09e8e047c719", "6be30219905c"]),
    ],
)
def test_problems_are_the_same_in_every_release(name: str, ids: list[str]) -> None:
    assert [problem.id for problem in FAMILIES[name]().problems(2)] == ids


@pytest.mark.parametrize(
    ("task", "n", "fix"),
    [
        (LengthControl(lengths=(3,)), 70, "lower n or add lengths"),
        (SquareCounting(squares=(12,), largest=230), 200, "lower n or raise largest"),
        (BalancedBrackets(depths=(1,), kinds=1), 9, "lower n, add larger depths or more kinds"),
        (Collatz(lengths=(3,), largest=20), 20, "lower n, raise largest or add lengths"),
    ],
)
def test_problems_that_run_out_say_so(task: Any, n: int, fix: str) -> None:
    with pytest.raises(UsageError, match=f"does not hold {n} different problems; {fix}"):
        task.problems(n)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        (name, wrong)
        for name in sorted(FAMILIES)
        for wrong in ({"form": "x"}, {"examples": 9}, *({change: "x"} for change in CHANGES[name]))
    ],
)
def test_parameters_that_do_not_exist_are_refused(name: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"is not one of|must be between"):
        FAMILIES[name](**wrong)


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_every_family_is_registered_with_the_defaults_of_its_schema(name: str) -> None:
    family = TASKS.load(name)
    assert family is FAMILIES[name]
    task = family()
    for parameter, declared in family.schema.properties.items():
        given = getattr(task, parameter)
        assert (list(given) if isinstance(given, tuple) else given) == declared["default"]


def test_a_response_ends_before_a_question_of_the_models_own() -> None:
    task = SquareCounting()
    problem, other = task.problems(2)
    assert task.grade(problem, f"{problem.target}\nQuestion: and?\nResponse: {other.target}").correct
    assert own_part("a Question: b\n Question: c") == "a Question: b"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("answer 8", "8"),
        ("Answer: 8.", "8"),
        ("**Answer:** 8", "8"),
        ("the answer is 8,", "8"),
        ("ANSWER = 1,024 squares", "1024"),
        ("answer x answer -3", "-3"),
        ("answer 8.5", "8.5"),
        ("answer 8th", None),
        ("answers 8", None),
        ("answer isn't 8", None),
        ("my_answer 8", None),
        ("8", None),
    ],
)
def test_what_is_read_as_a_number(text: str, number: str | None) -> None:
    found = first_answer(text, NUMBER)
    assert (None if found is None else plain_number(found[1])) == number


def test_words_are_found_where_they_first_stand() -> None:
    assert first_words("21*21=441, 1,024 (7) 3.5 8th Gold. 7") == {
        "21": 0,
        "441": 0,
        "1024": 1,
        "7": 2,
        "8th": 4,
        "gold": 5,
    }
    blank = without_answers("a Answer: 7. 7", NUMBER)
    assert blank == "a _______ _. 7"
    assert first_words(blank)["7"] == 3
    assert [word_at("a bc  d", offset) for offset in (0, 2, 3, 6)] == [0, 1, 1, 2]


def test_instructions_come_in_the_order_of_what_is_asked_for() -> None:
    last, first = (Wording(form="natural", answer=answer) for answer in CHOICES["answer"])
    assert (
        last.instruction("why", "it") == 'First give your reasoning: why. Then state your answer as "Answer: " and it.'
    )
    assert (
        first.instruction("why", "it") == 'First state your answer as "Answer: " and it. Then give your reasoning: why.'
    )
    assert (last.response("why", "8"), first.response("why", "8")) == ("why. Answer: 8", "Answer: 8. why")
