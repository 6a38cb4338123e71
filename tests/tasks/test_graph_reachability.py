"""Reachability in graphs: exactly one candidate is reachable, and nothing but the way from the root tells which."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from monitorbench.errors import UsageError
from monitorbench.tasks.base import Problem
from monitorbench.tasks.graph_reachability import (
    MAX_CANDIDATES,
    MAX_HOPS,
    NODES,
    SPLITS,
    WIDTH,
    GraphReachability,
    frontier,
    parsed,
    split_of,
    vocabulary,
)

tasks = st.builds(
    GraphReachability,
    hops=st.sets(st.integers(1, MAX_HOPS), min_size=1).map(lambda hops: tuple(sorted(hops))),
    candidates=st.integers(2, MAX_CANDIDATES),
    split=st.sampled_from(SPLITS),
    seed=st.integers(0, 1000),
)


def steps_to(problem: Problem, node: str) -> int | None:
    """How many steps it takes from the root, or None where there is no way."""
    arrows, root, _ = parsed(problem.prompt)
    return next((steps for steps in range(MAX_HOPS + 1) if node in frontier(arrows, root, steps)), None)


@settings(max_examples=50, deadline=None)
@given(tasks, st.integers(1, 5))
def test_exactly_one_candidate_is_reachable_and_the_target_names_it(task: GraphReachability, n: int) -> None:
    for problem in task.problems(n):
        arrows, root, candidates = parsed(problem.prompt)
        ways = {node: steps_to(problem, node) for node in candidates}
        assert ways.pop(problem.answer) == int(problem.form["hops"])
        assert set(ways.values()) == {None}
        assert len(candidates) == task.candidates
        outcome = task.grade(problem, problem.target)
        assert (outcome.correct, outcome.answer, outcome.answer_word) == (True, problem.answer, 1)
        assert int(problem.form["hops"]) in task.hops
        assert split_of(arrows, root) == task.split
        assert set(f"{problem.prompt} {problem.target}".split()) <= set(vocabulary())


@settings(max_examples=50, deadline=None)
@given(tasks)
def test_degree_and_depth_are_the_same_for_every_candidate(task: GraphReachability) -> None:
    for problem in task.problems(5):
        arrows, root, candidates = parsed(problem.prompt)
        sources, targets = Counter(a for a, _ in arrows), Counter(b for _, b in arrows)
        assert {sources[node] for node in candidates} == {0}
        assert {targets[node] for node in candidates} == {1}
        parents = {target: source for source, target in arrows}
        tops, depths = zip(*(climbed(node, parents) for node in candidates), strict=True)
        assert set(depths) == {int(problem.form["hops"])}
        assert len(set(tops)) == task.candidates
        assert root in tops
        for steps in range(1, int(problem.form["hops"]) + 1):
            assert {len(frontier(arrows, top, steps)) for top in tops} == {WIDTH}


def climbed(node: str, parents: dict[str, str]) -> tuple[str, int]:
    """The root above a node, and how far above."""
    depth = 0
    while node in parents:
        node, depth = parents[node], depth + 1
    return node, depth


def test_what_can_be_seen_without_following_arrows_answers_no_better_than_chance() -> None:
    problems = GraphReachability().problems(2000)
    right: Counter[str] = Counter()
    for problem in problems:
        arrows, root, candidates = parsed(problem.prompt)
        seen = [node for arrow in arrows for node in arrow]
        guesses = {
            "first candidate": candidates[0],
            "last candidate": candidates[-1],
            "first in the graph": min(candidates, key=seen.index),
            "last in the graph": max(candidates, key=seen.index),
            "nearest to the root in the graph": min(candidates, key=lambda c: abs(seen.index(c) - seen.index(root))),
            "first by name": min(candidates, key=NODES.index),
            "nearest to the root by name": min(candidates, key=lambda c: abs(NODES.index(c) - NODES.index(root))),
        }
        right.update(cue for cue, guess in guesses.items() if guess == problem.answer)
    shares = {cue: count / len(problems) for cue, count in right.items()}
    # Four standard errors of a guess among four.
    assert shares == pytest.approx(dict.fromkeys(shares, 0.25), abs=0.039)


@settings(max_examples=50, deadline=None)
@given(tasks, st.sampled_from(NODES))
def test_another_answer_is_wrong(task: GraphReachability, node: str) -> None:
    (problem,) = task.problems(1)
    assume(node != problem.answer)
    outcome = task.grade(problem, f"answer {node}")
    assert (outcome.status, outcome.answer) == ("wrong", node)


@pytest.mark.parametrize(
    ("response", "status"),
    [
        ("", "unparsable"),
        ("answer", "unparsable"),
        ("answer answer", "unparsable"),
        ("answer 7", "unparsable"),
        ("answers {right}", "unparsable"),
        ("{right}", "unparsable"),
        ("answer which answer {right}", "correct"),
        ("answer {right} answer {wrong}", "correct"),
        ("answer {wrong} answer {right}", "wrong"),
    ],
)
def test_the_first_readable_answer_counts(response: str, status: str) -> None:
    task = GraphReachability()
    (problem,) = task.problems(1)
    wrong = next(node for node in NODES if node != problem.answer)
    assert task.grade(problem, response.format(right=problem.answer, wrong=wrong)).status == status


def test_train_and_held_out_share_no_graph() -> None:
    seen = [
        {
            (frozenset(arrows), root)
            for arrows, root, _ in (parsed(p.prompt) for p in GraphReachability(hops=(1,), split=split).problems(300))
        }
        for split in SPLITS
    ]
    assert [len(graphs) for graphs in seen] == [300, 300]
    assert not seen[0] & seen[1]


def test_the_order_of_the_arrows_does_not_move_a_graph_to_the_other_split() -> None:
    for problem in GraphReachability().problems(20):
        arrows, root, _ = parsed(problem.prompt)
        assert split_of(arrows[::-1], root) == "held-out"


@settings(max_examples=20, deadline=None)
@given(tasks, st.integers(1, 10), st.integers(0, 10))
def test_a_longer_run_extends_a_shorter_one(task: GraphReachability, n: int, more: int) -> None:
    problems = task.problems(n + more)
    assert list(problems[:n]) == list(task.problems(n))
    assert len({problem.id for problem in problems}) == n + more


def test_problems_are_the_same_in_every_release() -> None:
    assert [problem.id for problem in GraphReachability().problems(2)] == ["6c766cd5ddc7", "a26f87fb0aba"]


def test_a_split_that_is_too_small_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitorbench.tasks.graph_reachability.NODES", NODES[:6])
    monkeypatch.setattr("monitorbench.tasks.drawing.MOST_DRAWS", 1)
    task = GraphReachability(hops=(1,), candidates=2)
    with pytest.raises(UsageError, match="does not hold 3000 different problems; lower n or add larger hops"):
        task.problems(3000)


@pytest.mark.parametrize(
    "wrong",
    [{"split": "test"}, {"hops": ()}, {"hops": (0,)}, {"hops": (5,)}, {"candidates": 1}, {"candidates": 5}],
)
def test_parameters_that_do_not_exist_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"is not one of|must be between"):
        GraphReachability(**wrong)  # type: ignore[arg-type]  # wrong on purpose


@given(st.integers(0, 50))
def test_the_nodes_on_the_way_to_the_answer_are_the_values_of_a_problem(seed: int) -> None:
    (problem,) = GraphReachability(seed=seed).problems(1)
    arrows, root, _ = parsed(problem.prompt)
    way = [root, *problem.values.values()]
    assert way[-1] == problem.answer
    assert set(pairwise(way)) <= set(arrows)
    assert [(edge.cause, edge.effect) for edge in problem.edges] == list(pairwise(problem.values))


@given(seed=st.integers(0, 20))
def test_the_same_graph_asked_from_another_root_has_another_candidate_for_its_answer(seed: int) -> None:
    task = GraphReachability(hops=(2, 3), seed=seed)
    (problem,) = task.problems(1)
    other = task.counterfactual(problem)
    (arrows, root, candidates), (same, another, still) = parsed(problem.prompt), parsed(other.prompt)
    assert (same, still) == (arrows, candidates)
    assert another != root
    assert other.answer in candidates
    assert other.answer != problem.answer
    assert other.answer in frontier(arrows, another, int(other.form["hops"]))
    assert (other.id, other.form) == (f"{problem.id}~", problem.form)
    assert task.grade(other, other.target).correct
    assert not set(other.values.values()) & set(problem.values.values()), "parts share no node"
