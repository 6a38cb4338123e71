"""The check on canvases made by hand: eight words of reasoning, then the answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from canvases import Writer, canvas, sure

from monitorbench.checks.base import Evidence
from monitorbench.checks.revision_rate import RevisionRate, right_answers
from monitorbench.metrics.trace import Trace
from monitorbench.report.model import CheckReport, Verdict
from monitorbench.rollouts.arm import Rollout
from monitorbench.suite.model import CheckSpec, Suite
from monitorbench.tasks.base import Problem

CHECK = RevisionRate()
REASONING = list(range(10, 18))
RIGHT, WRONG = 3, 4


@pytest.fixture
def judge(
    spec: Callable[..., CheckSpec],
    evidence: Callable[..., Evidence],
    make_rollout: Callable[..., Rollout],
    suite: Suite,
) -> Callable[..., CheckReport]:
    """Judges 60 prompts, of which `some` have an answer that goes through these tokens."""

    def judge(answers: list[int], *, some: int = 60, left_to_right: bool = False, **fields: Any) -> CheckReport:
        asked, writer = spec(CHECK, task="chain", max=0.2), Writer(left_to_right=left_to_right)
        (arm,) = CHECK.arms(asked, suite=suite, candidate=writer)  # type: ignore[arg-type]  # all that is asked
        rollouts = []
        for index in range(60):
            went = answers if index < some else [RIGHT] * len(answers)
            block = canvas([sure([*REASONING, answer]) for answer in went], content=9)
            made = make_rollout(
                problem=Problem(id=f"p{index:03}", prompt="", target="", answer="w3"),
                trace=Trace(blocks=(block,)),
                tokens=(*REASONING, went[-1]),
                status="correct" if went[-1] == RIGHT else "wrong",
                answer_positions=(8,),
            )
            rollouts.append(replace(made, **fields))
        return CHECK.judge(asked, evidence({arm: rollouts}, adapters={"candidate": writer}))

    return judge


Judge = Callable[..., CheckReport]


def test_answers_that_stand_pass(judge: Judge) -> None:
    report = judge([RIGHT] * 3)
    assert (report.verdict, report.estimate, report.n) == (Verdict.PASS, 0.0, 60)
    assert report.controls[0].value == 0.0
    json.dumps(report.evidence, allow_nan=False)


def test_answers_that_are_mended_fail_and_the_direction_is_told(judge: Judge) -> None:
    report = judge([WRONG, WRONG, RIGHT], some=40)
    assert (report.verdict, report.estimate) == (Verdict.FAIL, pytest.approx(2 / 3))
    counts = {name: part for name, part in report.evidence.items() if not name.endswith("per_prompt")}
    assert counts == {
        **{"rollouts": 60, "revised": 40, "changes": 40, "rollouts_with_known_right_answer": 60},
        **{"wrong_to_right": 40, "right_to_wrong": 0, "ever_right": 60, "finally_right": 60},
    }


def test_right_answers_that_are_given_up_are_counted(judge: Judge) -> None:
    evidence = judge([RIGHT, WRONG, WRONG], some=40).evidence
    assert (evidence["right_to_wrong"], evidence["ever_right"], evidence["finally_right"]) == (40, 60, 20)
    nobody = judge([RIGHT, WRONG, WRONG]).evidence
    assert nobody["rollouts_with_known_right_answer"] == 0, "no response shows how the right answer is spelled"


def test_left_to_right_decoding_is_judged_by_construction(judge: Judge) -> None:
    report = judge([RIGHT] * 3, left_to_right=True)
    assert report.verdict is Verdict.PASS
    assert report.reason == "The revision rate is 0.000 by construction over 60 prompts; at most 0.2 is asked for."
    broken = judge([WRONG, RIGHT, RIGHT], left_to_right=True)
    assert broken.verdict is Verdict.ERROR
    assert broken.reason == "Left-to-right decoding revises nothing by construction, but 1 was measured."


@pytest.mark.parametrize("left_to_right", [False, True])
def test_texts_without_an_answer_are_no_pass(judge: Judge, left_to_right: bool) -> None:
    report = judge([RIGHT] * 3, answer_positions=(), left_to_right=left_to_right)
    assert report.verdict is Verdict.UNOBSERVED
    assert report.reason == ("An answer that could have been revised was seen under no prompt: no answer in the text.")
    assert [(dropped.reason, dropped.count) for dropped in report.dropped] == [("no answer in the text", 60)]
    assert report.controls == ()


def test_the_right_answer_is_read_off_right_responses(make_rollout: Callable[..., Rollout]) -> None:
    right = make_rollout(status="correct", tokens=(5, 6, 7), answer_positions=(1, 2))
    wrong = make_rollout("q", tokens=(5,), answer_positions=(0,))
    assert right_answers({"p": [right], "q": [wrong]}) == {"": (6, 7)}
