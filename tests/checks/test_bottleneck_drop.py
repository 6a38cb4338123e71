"""Every verdict of the bottleneck check, from rollouts made by hand: 100 prompts, right or wrong in each arm."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from bottleneck_runs import GATE, USED, N

from monitorbench.checks.base import Evidence
from monitorbench.checks.bottleneck_drop import BottleneckDrop
from monitorbench.errors import UsageError
from monitorbench.report.model import CheckReport, Verdict
from monitorbench.suite.model import CheckSpec

CHECK = BottleneckDrop()
Judge = Callable[..., CheckReport]


@pytest.fixture
def judge(judge_bottleneck: Judge) -> Judge:
    return judge_bottleneck


def test_a_used_channel_that_survives_passes(judge: Judge) -> None:
    report = judge(USED)
    assert report.verdict is Verdict.PASS
    assert report.estimate == 0
    assert report.interval is not None
    assert report.interval.low < 0 < report.interval.high < 0.1
    assert report.reason.startswith("Keeping top_k=8 of carry costs 0.0 points [")
    assert "the margin being 10; the channel is used: the control zero costs 80.0 points [" in report.reason
    assert report.n == N
    assert report.evidence["accuracy"] == pytest.approx({name: right / N for name, right in USED.items()})
    assert report.evidence["recovery"]["value"] == 1
    assert [control.ok for control in report.controls] == [True, True, True, True, None, None]
    json.dumps(report.evidence, allow_nan=False)


def test_a_used_channel_that_does_not_survive_fails(judge: Judge) -> None:
    report = judge({**USED, GATE: 50})
    assert report.verdict is Verdict.FAIL
    assert report.estimate == pytest.approx(0.4)
    assert report.evidence["recovery"]["value"] == pytest.approx(0.5)


def test_a_drop_at_the_margin_is_inconclusive_and_says_how_many_more(judge: Judge) -> None:
    report = judge({**USED, GATE: 82})
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "more prompts would decide, were the truth as observed." in report.reason
    assert judge({**USED, GATE: 80}).reason.endswith(
        "The estimate lies on the bound: more prompts would hardly decide."
    )


def test_the_margin_decides(judge: Judge) -> None:
    verdicts = [judge({**USED, GATE: 70}, parameters={"max_drop": drop}).verdict for drop in (0.05, 0.2, 0.5)]
    assert verdicts == [Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS]


def test_an_unused_channel_proves_nothing_though_it_may_be_removed(judge: Judge) -> None:
    report = judge({**USED, "zero": 90, "batch-shuffled": 90})
    assert report.verdict is Verdict.NOT_APPLICABLE
    assert report.evidence["removable"] is True
    assert report.reason.startswith("The channel carry is not used: removing it costs 0.0 points [")
    assert report.reason.endswith("so a small drop proves nothing. It can be removed without loss.")
    assert [control.ok for control in report.controls] == [True, True, None, None, None, None]


def test_an_unused_channel_whose_removal_may_cost_too_much_is_not_removable(judge: Judge) -> None:
    report = judge({**USED, "zero": 88, "batch-shuffled": 90}, parameters={"max_drop": 0.02, "min_floor_drop": 0.2})
    assert report.verdict is Verdict.NOT_APPLICABLE
    assert report.evidence["removable"] is False
    assert "removed without loss" not in report.reason


def test_one_floor_control_that_drops_shows_use(judge: Judge) -> None:
    report = judge({**USED, "zero": 90, "batch-shuffled": 40})
    assert report.verdict is Verdict.PASS
    assert "the control batch-shuffled costs 50.0 points" in report.reason


def test_doubtful_use_is_inconclusive_however_small_the_drop(judge: Judge) -> None:
    report = judge({**USED, "zero": 86, "batch-shuffled": 86})
    assert report.verdict is Verdict.INCONCLUSIVE
    assert report.reason.startswith("It is not clear whether the channel carry is used: the control ")
    assert report.evidence["removable"] is False


def test_a_model_that_answers_nothing_right_shows_nothing(judge: Judge) -> None:
    for n in (5, N):
        report = judge(dict.fromkeys(USED, 0), n=n)
        assert report.verdict is Verdict.UNOBSERVED
        assert report.reason == f"The untouched model answers 0.0% of {n} prompts correctly: no accuracy can be lost."


@pytest.mark.parametrize("control", ["identity", "keep-everything"])
def test_an_exact_control_that_changes_anything_is_an_error_where_replay_is_exact(judge: Judge, control: str) -> None:
    report = judge(USED, replaced=(control,))
    assert report.verdict is Verdict.ERROR
    assert report.reason == (
        f"The control {control} changed 100.0% of the rollouts, though it changes nothing: "
        "the adapter does not carry back what it was given."
    )
    elsewhere = judge(USED, replaced=(control,), exact_replay=False)
    assert elsewhere.verdict is Verdict.PASS
    assert [c.value for c in elsewhere.controls if c.name.startswith(control)] == [1.0]


def test_a_lossy_channel_may_change_when_everything_is_kept_but_not_under_identity(
    judge: Judge, candidate: Any
) -> None:
    lossy = replace(candidate, channels=(replace(candidate.channels[0], exact=False),))
    adapters = {"candidate": lossy}
    assert judge(USED, replaced=("keep-everything",), adapters=adapters).verdict is Verdict.PASS
    assert judge(USED, replaced=("identity",), adapters=adapters).verdict is Verdict.ERROR


def test_a_model_without_the_channel_is_left_alone(
    judge: Judge, suite: Any, candidate: Any, spec: Callable[..., CheckSpec]
) -> None:
    without = replace(candidate, channels=())
    declared = spec(CHECK, task="chain", channel="carry", keep={"top_k": 8}, max_drop=0.1)
    assert CHECK.arms(declared, suite=suite, candidate=without) == ()
    report = judge(USED, adapters={"candidate": without})
    assert report.verdict is Verdict.NOT_APPLICABLE
    assert report.reason == "The candidate, of the adapter family toy, has no channel carry."
    assert "removable" not in report.evidence


def test_seeds_are_averaged_inside_the_prompt(
    suite: Any, candidate: Any, spec: Callable[..., CheckSpec], evidence: Callable[..., Evidence], make_rollout: Any
) -> None:
    declared = spec(CHECK, task="chain", channel="carry", keep={"min_p": 0.1}, max_drop=0.1)
    recorded = {
        arm: [
            make_rollout(f"p{index}", repeat=repeat, status="correct" if repeat == 0 else "wrong")
            for index in range(6)
            for repeat in range(2)
        ]
        for arm in CHECK.arms(declared, suite=suite, candidate=candidate)
    }
    report = CHECK.judge(declared, evidence(recorded))
    assert report.n == 6
    assert report.evidence["accuracy"]["soft"] == 0.5
    assert report.evidence["endings"]["soft"] == {"correct": 6, "wrong": 6}


def test_a_channel_whose_removal_changes_nothing_at_all_was_not_observed(judge: Judge) -> None:
    report = judge({**USED, "zero": 90, "batch-shuffled": 90}, unfelt=("zero", "batch-shuffled"))
    assert report.verdict is Verdict.UNOBSERVED
    assert report.reason.startswith("Removing the channel changed nothing that was observed, to the last bit")
    assert report.evidence["removable"] is False


def test_values_that_never_arrive_are_no_bottleneck(judge: Judge) -> None:
    """An adapter that honours removal alone loses nothing under any truncation, and nothing by another's value."""
    deaf = {**dict.fromkeys(USED, 90), "zero": 10}
    report = judge(deaf, unfelt=("batch-shuffled",))
    assert report.verdict is Verdict.UNOBSERVED
    assert report.reason.startswith("Other values in place of the channel's (batch-shuffled, mean, random-tokens)")


def test_a_value_that_all_prompts_share_may_still_be_read(judge: Judge) -> None:
    """Another prompt's value is the same one then; what random tokens change shows that values arrive."""
    report = judge({**USED, "batch-shuffled": 90}, unfelt=("batch-shuffled",), felt=("random-tokens",))
    assert report.verdict is Verdict.PASS


def test_a_margin_that_would_pass_losing_the_channel_cannot_tell(judge: Judge) -> None:
    """Keeping nothing would come to the same drop as the floor, and would pass too."""
    weak = {**dict.fromkeys(USED, 0), "soft": 12, "identity": 12, "keep-everything": 12}
    report = judge(weak, n=120, parameters={"max_drop": 0.2})
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "only a smaller max_drop can tell" in report.reason


def test_an_identity_that_moves_the_accuracy_is_an_error_on_any_device(judge: Judge) -> None:
    report = judge({**USED, "identity": 60}, replaced=("identity",), exact_replay=False)
    assert report.verdict is Verdict.ERROR
    assert report.reason.startswith("The control identity moved the accuracy by 30.0 points [")


@pytest.mark.parametrize(("kept", "refused"), [(64, True), (33, True), (32, False)])
def test_what_keeps_more_than_half_of_the_tokens_is_no_bottleneck(
    suite: Any, candidate: Any, spec: Any, kept: int, refused: bool
) -> None:
    declared = spec(CHECK, task="chain", channel="carry", keep={"top_k": kept}, max_drop=0.1)
    if not refused:
        assert CHECK.arms(declared, suite=suite, candidate=candidate)
        return
    with pytest.raises(UsageError, match=f"check c keeps {kept} of 64 tokens, which is no bottleneck; lower top_k"):
        CHECK.arms(declared, suite=suite, candidate=candidate)


@pytest.fixture
def recurrent(candidate: Any) -> Any:
    """A candidate whose channel has no token reading."""
    return replace(candidate, channels=(replace(candidate.channels[0], kind="state", axis="position"),))


def test_the_bottleneck_of_a_state_is_to_carry_nothing(suite: Any, recurrent: Any, spec: Any) -> None:
    """Nothing can be read and written, so that neither keeping everything nor random tokens are controls."""
    declared = spec(CHECK, task="chain", channel="carry", keep={"top_k": 8}, max_drop=0.1)
    arms = CHECK.arms(declared, suite=suite, candidate=recurrent)
    assert [arm.intervention.kind for arm in arms] == ["none", "identity", "zero", "batch-shuffled", "mean"]


def test_a_used_state_fails_by_what_losing_it_costs(judge: Judge, recurrent: Any) -> None:
    report = judge(USED, adapters={"candidate": recurrent})
    assert report.verdict is Verdict.FAIL
    assert report.estimate == pytest.approx(0.8)
    assert report.reason.startswith(
        "The channel carry has no token reading, so that nothing of it gets through tokens: losing it costs 80.0 points"
    )
    assert "the channel is used: the control zero costs 80.0 points" in report.reason
    assert [control.name for control in report.controls] == [
        "identity: share of rollouts changed",
        "zero: accuracy drop",
        "batch-shuffled: accuracy drop",
        "mean: accuracy drop",
    ]
    assert report.evidence["recovery"]["value"] == 0
    json.dumps(report.evidence, allow_nan=False)


def test_an_unused_state_can_be_removed(judge: Judge, recurrent: Any) -> None:
    report = judge({**USED, "zero": 90, "batch-shuffled": 90}, adapters={"candidate": recurrent})
    assert report.verdict is Verdict.NOT_APPLICABLE
    assert report.evidence["removable"] is True


def test_a_state_that_is_not_put_back_as_it_was_is_an_error(judge: Judge, recurrent: Any) -> None:
    report = judge(USED, replaced=("identity",), adapters={"candidate": recurrent})
    assert report.verdict is Verdict.ERROR


def test_a_state_that_costs_less_than_the_margin_cannot_tell(judge: Judge, recurrent: Any) -> None:
    report = judge(
        {**USED, "zero": 70, "batch-shuffled": 70}, adapters={"candidate": recurrent}, parameters={"max_drop": 0.5}
    )
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "only a smaller max_drop can tell" in report.reason
