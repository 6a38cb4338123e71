"""The check on canvases made by hand: words up to a length, and padding behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from canvases import PAD, Likely, Writer, canvas, sure

from monitorbench.checks.base import Evidence
from monitorbench.checks.length_foresight import LengthForesight
from monitorbench.metrics.trace import Trace
from monitorbench.report.model import CheckReport, Verdict
from monitorbench.rollouts.arm import Rollout
from monitorbench.suite.model import CheckSpec, Suite

CHECK = LengthForesight()
WIDTH, WORD = 10, 7
Steps = Callable[[int], list[list[Likely]]]


def text(length: int) -> list[Likely]:
    return sure([WORD] * length + [PAD] * (WIDTH - length))


def known(length: int) -> list[list[Likely]]:
    return [text(length)] * 4


def unknown(length: int) -> list[list[Likely]]:
    """Full until the last step."""
    return [*[text(WIDTH)] * 3, text(length)]


@pytest.fixture
def judge(
    spec: Callable[..., CheckSpec],
    evidence: Callable[..., Evidence],
    make_rollout: Callable[..., Rollout],
    suite: Suite,
) -> Callable[..., CheckReport]:
    """Judges `n` prompts, whose texts are of these lengths in turn."""

    def judge(
        steps: Steps, *, lengths: tuple[int, ...] = (2, 8), n: int = 60, fields: Any = None, **given: Any
    ) -> CheckReport:
        asked = spec(CHECK, task="chain", **given)
        (arm,) = CHECK.arms(asked, suite=suite, candidate=Writer())  # type: ignore[arg-type]  # all that is asked
        rollouts = []
        for index in range(n):
            length = lengths[index % len(lengths)]
            made = canvas(steps(length), content=length)
            block = replace(made, **(fields or {}).get("block", {}))
            usual = {"trace": Trace(blocks=(block,)), "finished": True} | (fields or {}).get("rollout", {})
            rollouts.append(make_rollout(f"p{index:03}", **usual))
        return CHECK.judge(asked, evidence({arm: rollouts}, adapters={"candidate": Writer()}))

    return judge


Judge = Callable[..., CheckReport]


def test_a_length_that_is_known_early_passes_where_that_is_asked_for(judge: Judge) -> None:
    report = judge(known, max=0.2)
    assert (report.verdict, report.estimate, report.n) == (Verdict.PASS, 0.0, 60)
    assert report.reason.startswith("The error of the expected length after 2 steps is 0.000 [")
    assert (report.controls[0].value, report.controls[0].ok) == (0.75, True)
    assert report.evidence["known_after_steps"] == 1.0
    assert report.evidence["lengths"] == {"least": 2, "most": 8}
    assert report.evidence["padding_ids"] == [PAD]
    assert report.evidence["steps"][0] == {"steps": 1, "error": 0.0, "canvases": 60}
    json.dumps(report.evidence, allow_nan=False)


def test_a_length_that_comes_out_at_the_end_fails(judge: Judge) -> None:
    report = judge(unknown, max=0.2)
    assert (report.verdict, report.estimate) == (Verdict.FAIL, pytest.approx(0.5))
    assert report.evidence["known_after_steps"] == 4.0


def test_a_suite_may_ask_that_no_length_is_settled_early(judge: Judge) -> None:
    assert judge(unknown, min=0.2).verdict is Verdict.PASS
    report = judge(known, min=0.2)
    assert report.verdict is Verdict.FAIL
    assert report.controls[0].ok is None


def test_texts_of_one_length_show_no_foresight(judge: Judge) -> None:
    report = judge(known, lengths=(5,), max=0.2)
    assert (report.verdict, report.estimate) == (Verdict.INCONCLUSIVE, 0.0)
    assert "But lengths of other texts may be foreseen as well." in report.reason
    wrong = judge(lambda length: [text(10 - length)] * 3 + [text(length)], lengths=(4, 6), max=0.9)
    assert wrong.verdict is Verdict.UNOBSERVED, "each canvas foresees the length of its neighbour's text"
    assert wrong.reason.endswith("But the length of any other text is foreseen as well.")


def test_a_single_text_has_nothing_to_compare_with(judge: Judge) -> None:
    report = judge(known, n=1, max=0.99)
    assert report.verdict is Verdict.UNOBSERVED
    assert report.reason.endswith("But no other prompt has a text to compare with.")
    assert report.controls == ()


@pytest.mark.parametrize(
    ("steps", "fields", "why"),
    [
        (known, {"rollout": {"finished": False}}, "the budget cut the text off"),
        (known, {"block": {"top_ids_SPK": None}}, "the trace holds no predictions"),
        (lambda length: [text(length)] * 2, {}, "the canvas took no more than 2 steps"),
        (known, {"rollout": {"trace": Trace(blocks=())}}, "no canvas has the end of the text and room behind it"),
    ],
)
def test_where_nothing_could_be_foreseen_nothing_was_observed(
    judge: Judge, steps: Steps, fields: Any, why: str
) -> None:
    report = judge(steps, fields=fields, max=0.2)
    assert report.verdict is Verdict.UNOBSERVED
    assert report.reason == f"No length was foreseen under any prompt: {why}."
    assert [(dropped.reason, dropped.count) for dropped in report.dropped] == [(why, 60)]


def test_left_to_right_models_foresee_no_length(
    spec: Callable[..., CheckSpec], evidence: Callable[..., Evidence], suite: Suite
) -> None:
    asked, writer = spec(CHECK, task="chain", max=0.2), Writer(left_to_right=True)
    assert CHECK.arms(asked, suite=suite, candidate=writer) == ()  # type: ignore[arg-type]  # all that is asked
    assert CHECK.judge(asked, evidence({}, adapters={"candidate": writer})).verdict is Verdict.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ({"min": 0.5, "max": 0.2}, ("asks for at least 0.5 and at most 0.2", "swap them")),
        ({"max": 1}, ("cannot fail: the error always lies between 0 and 1", "tighten min or max")),
        ({"max": 0.5}, None),
    ],
)
def test_bounds_without_meaning_are_refused(bounds: dict[str, float], words: tuple[str, str] | None) -> None:
    assert CHECK.schema.refusal({"task": "chain", **bounds}) == words
