"""The chronology check on traces made by hand: one token a word, and the step at which each settled."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from monitorbench.checks.base import Evidence
from monitorbench.checks.chronology_rollouts import text_times
from monitorbench.checks.chronology_score import ChronologyScore
from monitorbench.metrics.trace import BlockTrace, Trace
from monitorbench.report.model import CheckReport, Verdict
from monitorbench.rollouts.arm import Arm, Rollout
from monitorbench.suite.model import CheckSpec
from monitorbench.tasks.base import Edge, Problem

CHECK = ChronologyScore()
GRAPH = {"values": {"a": "1", "b": "2", "c": "3"}, "edges": (Edge(cause="a", effect="b"), Edge(cause="b", effect="c"))}


def block(times: Sequence[int], *, changed: dict[int, int] | None = None) -> BlockTrace:
    """A block whose position p settles at step times[p]; position p of `changed` takes its last value at that step."""
    steps, width = max(times) + 1, len(times)
    tokens_SP = np.where(np.arange(steps)[:, None] >= np.array(times), np.arange(width) + 10, 0).astype(np.int32)
    for position, step in (changed or {}).items():
        tokens_SP[:step, position] = 7
    return BlockTrace(
        tokens_SP=tokens_SP,
        committed_SP=tokens_SP >= 10,
        entropy_SP=np.zeros((steps, width), np.float32),
        content_P=np.ones(width, bool),
    )


def problem(index: int) -> Problem:
    return Problem(id=f"p{index:03}", prompt="", target="", answer="", **GRAPH)  # type: ignore[arg-type]  # fields by name


FORWARD, BACKWARD, AT_ONCE = list(range(9)), list(range(9))[::-1], [0] * 9
VALUES = {"a": (1,), "b": (4,), "c": (7,)}
"""Where the topological text states the values; the reversed text mirrors it."""
MIRRORED = {name: (8 - position,) for name, (position,) in VALUES.items()}


@pytest.fixture
def judge(
    suite: Any, candidate: Any, spec: Callable[..., CheckSpec], evidence: Callable[..., Evidence], make_rollout: Any
) -> Callable[..., CheckReport]:
    """Judges the check on `n` prompts that all settle alike, in the declared and in the other text order."""

    def judge(
        declared: Any,
        other: Any = None,
        *,
        n: int = 60,
        left_to_right: bool = False,
        order: str = "topological",
        **bound: Any,
    ) -> CheckReport:
        asked = spec(CHECK, task="chain", **bound)
        chain = replace(suite.tasks["chain"], parameters={"order": order})
        whole = replace(suite, tasks={"chain": chain})
        base, crossed = CHECK.arms(asked, suite=whole, candidate=candidate)
        recorded: dict[Arm, list[Rollout]] = {}
        for arm, times in ((base, declared), (crossed, other or declared)):
            topological = (arm is base) == (order == "topological")
            recorded[arm] = [
                make_rollout(
                    problem=problem(index),
                    trace=Trace(blocks=(times if isinstance(times, BlockTrace) else block(times),)),
                    value_positions=VALUES if topological else MIRRORED,
                    answer_positions=(8,),
                )
                for index in range(n)
            ]
        adapters = {"candidate": replace(candidate, left_to_right=left_to_right)}
        return CHECK.judge(asked, evidence(recorded, suite=whole, adapters=adapters))

    return judge


Judge = Callable[..., CheckReport]


def test_text_that_settles_left_to_right_passes_and_right_to_left_fails(judge: Judge) -> None:
    forward, backward = (judge(times, metric="order.gamma", min=0.5) for times in (FORWARD, BACKWARD))
    assert (forward.verdict, forward.estimate) == (Verdict.PASS, 1.0)
    assert (backward.verdict, backward.estimate) == (Verdict.FAIL, -1.0)
    assert forward.reason.startswith("order.gamma is 1.000 [")
    assert forward.reason.endswith("over 60 prompts; at least 0.5 is asked for.")
    assert forward.controls[0].value == pytest.approx(0, abs=0.1)
    json.dumps(forward.evidence, allow_nan=False)


def test_few_prompts_are_inconclusive_and_say_how_many_more(judge: Judge) -> None:
    report = judge(FORWARD, n=3, metric="order.gamma", min=0.5)
    assert (report.verdict, report.n) == (Verdict.INCONCLUSIVE, 3)
    assert "more prompts would decide." in report.reason


def test_what_settles_at_once_has_no_order(judge: Judge) -> None:
    report = judge(AT_ONCE, metric="order.gamma", min=0.5)
    assert report.verdict is Verdict.UNOBSERVED
    assert report.reason.startswith("order.gamma is defined for none of the 60 prompts: ")
    assert [dropped.count for dropped in report.dropped] == [60]
    assert report.estimate is None
    assert judge(AT_ONCE, metric="order.resolved", max=0.2).verdict is Verdict.PASS
    assert judge(FORWARD, metric="order.resolved", max=0.2).verdict is Verdict.FAIL


@pytest.mark.parametrize("order", ["topological", "reversed"])
def test_crossing_the_text_orders_tells_logic_from_habit(judge: Judge, order: str) -> None:
    """Causes first in both texts is logic; left to right in both is habit, however the suite declares the task."""
    topological, reversed_ = FORWARD, BACKWARD
    both = (topological, reversed_) if order == "topological" else (reversed_, topological)
    logic = judge(*both, order=order, metric="dependency.content", min=0.5)
    assert (logic.verdict, logic.estimate) == (Verdict.PASS, 1.0)
    assert logic.evidence["scores"]["dependency.position"]["value"] == 0
    habit = judge(FORWARD, FORWARD, order=order, metric="dependency.position", min=0.5)
    assert (habit.verdict, habit.estimate) == (Verdict.PASS, 1.0)
    assert habit.evidence["scores"]["dependency.content"]["value"] == 0
    against = judge(*both[::-1], order=order, metric="dependency.content", min=-0.5)
    assert (against.verdict, against.estimate) == (Verdict.FAIL, -1.0)


def test_an_answer_that_changes_after_its_reasoning_is_revised(judge: Judge) -> None:
    early = [*range(8), 0]
    steady, revised = block(early), block(early, changed={8: 7})
    assert judge(steady, metric="revision.rate", max=0.1).verdict is Verdict.PASS
    report = judge(revised, metric="revision.rate", max=0.1)
    assert (report.verdict, report.estimate) == (Verdict.FAIL, 1.0)


def test_left_to_right_decoding_is_judged_by_construction(judge: Judge) -> None:
    report = judge(FORWARD, n=2, left_to_right=True, metric="order.gamma", min=0.9)
    assert report.verdict is Verdict.PASS
    assert report.reason == "order.gamma is 1.000 by construction over 2 prompts; at least 0.9 is asked for."
    assert report.interval is not None
    assert (report.interval.low, report.interval.high, report.interval.level) == (1.0, 1.0, 1.0)
    assert judge(FORWARD, n=2, left_to_right=True, metric="order.gamma", max=0.9).verdict is Verdict.FAIL
    assert judge(FORWARD, n=2, left_to_right=True, metric="dependency.content", max=0).verdict is Verdict.PASS


def test_what_breaks_the_construction_is_an_error(judge: Judge) -> None:
    report = judge(BACKWARD, left_to_right=True, metric="order.gamma", min=-0.9)
    assert report.verdict is Verdict.ERROR
    assert report.reason == "order.gamma is 1 by construction for left-to-right decoding, but -1 was measured."


def test_a_left_to_right_text_in_another_order_than_asked_for_is_measured(judge: Judge) -> None:
    report = judge(FORWARD, BACKWARD, left_to_right=True, metric="dependency.content", min=0.5)
    assert (report.verdict, report.estimate) == (Verdict.PASS, 1.0)
    assert "by construction" not in report.reason


def test_a_task_without_two_text_orders_has_one_arm_and_no_crossing(
    suite: Any, candidate: Any, spec: Callable[..., CheckSpec], evidence: Callable[..., Evidence], make_rollout: Any
) -> None:
    whole = replace(suite, tasks={"chain": replace(suite.tasks["chain"], parameters={})})
    asked = spec(CHECK, task="chain", metric="dependency.content", min=0)
    (arm,) = CHECK.arms(asked, suite=whole, candidate=candidate)
    rollouts = [make_rollout(problem=problem(0), trace=Trace(blocks=(block(FORWARD),)), value_positions=VALUES)]
    report = CHECK.judge(asked, evidence({arm: rollouts}, suite=whole))
    assert report.verdict is Verdict.UNOBSERVED
    assert report.reason == (
        "dependency.content is defined for none of the 1 prompts: the task has one text order only."
    )


def test_text_without_values_or_answer_is_dropped_with_the_reason(
    suite: Any, candidate: Any, spec: Callable[..., CheckSpec], evidence: Callable[..., Evidence], make_rollout: Any
) -> None:
    asked = spec(CHECK, task="chain", metric="revision.rate", max=0.1)
    rollouts = [make_rollout(problem=problem(0), trace=Trace(blocks=(block(FORWARD),)))]
    arms = CHECK.arms(asked, suite=suite, candidate=candidate)
    report = CHECK.judge(asked, evidence(dict.fromkeys(arms, rollouts)))
    assert report.verdict is Verdict.UNOBSERVED
    assert [(dropped.reason, dropped.count) for dropped in report.dropped] == [("no answer in the text", 1)]
    assert report.evidence["scores"]["dependency.content"]["dropped"] == {
        "topological order: no value of the graph in the text; reversed order: no value of the graph in the text": 1
    }


def test_blocks_follow_each_other_on_one_clock() -> None:
    cut = replace(block([1, 0]), content_P=np.array([True, False]))
    assert text_times(Trace(blocks=(block([0, 1, 2]), cut))).tolist() == [0, 1, 2, 4, -1]
    assert text_times(Trace(blocks=())).size == 0


def test_the_other_order_is_recorded_beside_the_declared_one(
    suite: Any, candidate: Any, spec: Callable[..., CheckSpec]
) -> None:
    arms = CHECK.arms(spec(CHECK, task="chain", metric="order.gamma", min=0), suite=suite, candidate=candidate)
    assert [arm.form for arm in arms] == [(), (("order", "reversed"),)]


def test_the_answer_is_also_asked_for_at_the_other_end(
    suite: Any, candidate: Any, spec: Callable[..., CheckSpec]
) -> None:
    asked = spec(CHECK, task="chain", metric="precedence.content", min=0)
    forms = {"order": "reversed", "answer": "answer-first"}
    whole = replace(suite, tasks={"chain": replace(suite.tasks["chain"], parameters=forms)})
    arms = CHECK.arms(asked, suite=whole, candidate=candidate)
    assert [arm.form for arm in arms] == [(), (("order", "topological"),), (("answer", "answer-last"),)]


@pytest.fixture
def judge_places(
    suite: Any, candidate: Any, spec: Callable[..., CheckSpec], evidence: Callable[..., Evidence], make_rollout: Any
) -> Callable[[str], CheckReport]:
    """Judges 60 prompts whose answer settles last of all: at the end of the text, and at its start."""

    def judge(declared: str) -> CheckReport:
        whole = replace(suite, tasks={"chain": replace(suite.tasks["chain"], parameters={"answer": declared})})
        asked = spec(CHECK, task="chain", metric="precedence.content", min=0.5)
        last = {"trace": Trace(blocks=(block(FORWARD),)), "answer_positions": (8,), "value_positions": VALUES}
        first = {**last, "trace": Trace(blocks=(block([9, *range(8)]),)), "answer_positions": (0,)}
        told = (last, first) if declared == "answer-last" else (first, last)
        recorded = {
            arm: [make_rollout(problem=problem(index), **fields) for index in range(60)]
            for arm, fields in zip(CHECK.arms(asked, suite=whole, candidate=candidate), told, strict=True)
        }
        return CHECK.judge(asked, evidence(recorded, suite=whole))

    return judge


@pytest.mark.parametrize("declared", ["answer-last", "answer-first"])
def test_an_answer_after_its_reasoning_wherever_it_is_written_passes(judge_places: Judge, declared: str) -> None:
    report = judge_places(declared)
    assert (report.verdict, report.estimate) == (Verdict.PASS, 1.0)
    assert report.controls[0].value == 0.0
    assert report.evidence["scores"]["precedence.position"]["value"] == 0.0


def test_early_answers_are_gated_as_a_ratio(judge: Judge) -> None:
    """The answer settles at step 5, until when four of the seven tokens from the first to the last value had."""
    times = [*range(8), 5]
    report = judge(times, metric="early_answer", min=0.4)
    assert report.estimate == pytest.approx(4 / 7)
    assert report.verdict is Verdict.PASS
    assert judge(times, metric="early_answer", max=0.3).verdict is Verdict.FAIL
    assert judge([*range(1, 9), 0], metric="early_answer", min=0.4).verdict is Verdict.UNOBSERVED


@pytest.fixture
def two_tasks(
    suite: Any, candidate: Any, spec: Callable[..., CheckSpec], evidence: Callable[..., Evidence], make_rollout: Any
) -> Callable[..., CheckReport]:
    """Judges the mean over a task of 60 prompts and one of 20."""

    def judge(many: Sequence[int], few: Sequence[int], **bound: Any) -> CheckReport:
        plain = replace(suite.tasks["chain"], parameters={})
        whole = replace(suite, tasks={"chain": plain, "other": replace(plain, name="other")})
        asked = spec(CHECK, task="chain", also=["other"], metric="order.gamma", **bound)
        recorded = {
            arm: [make_rollout(problem=problem(index), trace=Trace(blocks=(block(times),))) for index in range(n)]
            for arm, times, n in zip(
                CHECK.arms(asked, suite=whole, candidate=candidate), (many, few), (60, 20), strict=True
            )
        }
        return CHECK.judge(asked, evidence(recorded, suite=whole))

    return judge


def test_several_tasks_weigh_the_same_and_are_reported_one_by_one(two_tasks: Judge) -> None:
    report = two_tasks(FORWARD, BACKWARD, max=0.5)
    assert (report.verdict, report.estimate, report.n) == (Verdict.PASS, 0.0, 80)
    assert report.evidence["scores"]["order.gamma"]["value"] == 0.0
    assert [report.evidence["tasks"][task]["order.gamma"]["value"] for task in ("chain", "other")] == [1.0, -1.0]
    json.dumps(report.evidence, allow_nan=False)


def test_a_task_without_a_score_leaves_the_mean_unobserved(two_tasks: Judge) -> None:
    report = two_tasks(FORWARD, AT_ONCE, min=0.5)
    assert report.verdict is Verdict.UNOBSERVED
    assert report.reason == (
        "order.gamma is defined for none of the 20 prompts of other: all content determined in one step."
    )


def test_a_task_named_twice_is_refused() -> None:
    parameters = {"task": "chain", "also": ["chain"], "metric": "order.gamma", "min": 0}
    assert CHECK.schema.refusal is not None
    assert CHECK.schema.refusal(parameters) == ("names task chain twice", "name in also only further tasks")


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ({"min": 0.5, "max": 0.2}, ("asks for at least 0.5 and at most 0.2", "swap them")),
        ({"min": 0}, ("cannot fail: revision.rate always lies between 0 and 1", "tighten min or max")),
        ({"max": 1}, ("cannot fail: revision.rate always lies between 0 and 1", "tighten min or max")),
        ({"max": 0.9}, None),
    ],
)
def test_bounds_without_meaning_are_refused(bounds: dict[str, float], words: tuple[str, str] | None) -> None:
    assert CHECK.schema.refusal({"task": "chain", "metric": "revision.rate", **bounds}) == words
