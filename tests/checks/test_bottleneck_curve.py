"""A ladder of bottlenecks: one rung gates, all of them are told, and losses that may be the sampler's are named."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from bottleneck_runs import GATE, USED, arm_name

from monitorbench.checks.bottleneck_drop import BottleneckDrop
from monitorbench.checks.bottleneck_lost import Lost
from monitorbench.report.model import CheckReport, Verdict

CHECK = BottleneckDrop()
LADDER = {"keep": [{"top_k": k} for k in (8, 4, 2, 1)]}
FALLING = {**USED, "top_k=4": 89, "top_k=2": 88, "top_k=1": 40}
LOOP = {"status": "unparsable", "finished": False, "tokens": (7,) * 24}
CUT_OFF = {"status": "unparsable", "finished": False, "tokens": tuple(range(24))}


@pytest.fixture
def climb(judge_bottleneck: Callable[..., CheckReport]) -> Callable[..., CheckReport]:
    """Judges the ladder 8, 4, 2, 1 on so many right prompts per arm."""

    def climb(
        right: Mapping[str, int] = FALLING, *, parameters: Mapping[str, Any] = {}, **fields: Any
    ) -> CheckReport:  # never changed
        return judge_bottleneck(dict(right), parameters={**LADDER, **parameters}, **fields)

    return climb


Climb = Callable[..., CheckReport]


def test_all_rungs_run_beside_one_set_of_controls(suite: Any, candidate: Any, spec: Any) -> None:
    declared = spec(CHECK, task="chain", channel="carry", max_drop=0.1, **LADDER)
    names = [arm_name(arm) for arm in CHECK.arms(declared, suite=suite, candidate=candidate)]
    rungs = ["top_k=8", "top_k=4", "top_k=2", "top_k=1"]
    controls = ["identity", "keep-everything", "zero", "batch-shuffled", "mean", "random-tokens"]
    assert names == ["soft", *rungs, *controls]


def test_the_first_rung_gates_and_the_knee_is_told(climb: Climb) -> None:
    report = climb()
    assert report.verdict is Verdict.PASS
    assert report.estimate == 0
    assert report.reason.startswith("Keeping top_k=8 of carry costs 0.0 points")
    assert report.reason.endswith("Of 4 rungs, top_k=8 gates. The smallest k that holds is 2.")
    assert report.evidence["gate"] == "top_k=8"
    assert report.evidence["knee"] == {"top_k": 2}
    assert "from the loosest rung to the tightest, each at alpha = 0.05" in report.evidence["knee_method"]
    assert report.evidence["standing"] == "readable"
    json.dumps(report.evidence, allow_nan=False)


def test_the_curve_holds_every_rung(climb: Climb) -> None:
    curve = climb().evidence["rungs"]
    assert [rung["keep"] for rung in curve] == LADDER["keep"]
    assert [rung["accuracy"] for rung in curve] == pytest.approx([0.9, 0.89, 0.88, 0.4])
    assert [rung["drop"]["value"] for rung in curve] == pytest.approx([0, 0.01, 0.02, 0.5])
    assert all(rung["drop"]["low"] < rung["drop"]["value"] < rung["drop"]["high"] for rung in curve)
    assert {(rung["drop"]["level"], rung["drop"]["method"]) for rung in curve} == {(0.9, "Tango score")}
    assert [rung["decision"] for rung in curve] == ["pass", "pass", "pass", "fail"]
    assert [rung["standing"] for rung in curve] == ["readable", "readable", "readable", "not readable"]
    assert [rung["recovery"]["value"] for rung in curve] == pytest.approx([1, 1 - 1 / 80, 1 - 2 / 80, 1 - 50 / 80])
    assert all(rung["recovery"]["low"] < rung["recovery"]["high"] for rung in curve)
    assert [rung["gates"] for rung in curve] == [True, False, False, False]
    assert [rung["lost"]["rollouts"] for rung in curve] == [0, 1, 2, 50]
    assert curve[3]["endings"] == {"correct": 40, "wrong": 60}


def test_the_rung_that_a_suite_names_gates(climb: Climb) -> None:
    report = climb(parameters={"gate_at": {"top_k": 1}})
    assert report.verdict is Verdict.FAIL
    assert report.estimate == pytest.approx(0.5)
    assert "Of 4 rungs, top_k=1 gates. The smallest k that holds is 2." in report.reason
    assert report.evidence["knee"] == {"top_k": 2}, "does not depend on the gate"


def test_a_rung_that_holds_below_one_that_does_not_is_no_knee(climb: Climb) -> None:
    assert climb({**FALLING, "top_k=4": 70, "top_k=1": 90}).evidence["knee"] == {"top_k": 8}
    report = climb({**FALLING, GATE: 60})
    assert report.evidence["knee"] is None
    assert report.reason.endswith(
        "No smallest k that holds can be named: the loosest rung, top_k=8, was not shown to hold."
    )


def test_the_largest_threshold_that_holds_is_the_knee_of_min_p(climb: Climb) -> None:
    keep = {"keep": [{"min_p": 0.1}, {"min_p": 0.03}], "gate_at": {"min_p": 0.03}}
    report = climb({**USED, "min_p=0.03": 90, "min_p=0.1": 60}, parameters=keep)
    assert report.verdict is Verdict.PASS
    assert report.reason.endswith("Of 2 rungs, min_p=0.03 gates. The largest p that holds is 0.03.")


def test_a_threshold_that_no_token_reaches_is_told(climb: Climb) -> None:
    """The argmax is kept then, and with it more than was asked for."""
    keep = {"keep": [{"min_p": 0.03}, {"min_p": 0.1}]}
    counted = {"min_p=0.1": {"positions": 4, "argmax only": 1}, "top_k=8": {"positions": 4}}
    curve = climb({**USED, "min_p=0.03": 90, "min_p=0.1": 60}, parameters=keep, counts=counted).evidence["rungs"]
    assert [rung["argmax_only"] for rung in curve] == [None, 0.25]
    assert climb(counts=counted).evidence["rungs"][0]["argmax_only"] is None, "top_k has no threshold"


def test_an_unused_channel_has_no_knee(climb: Climb) -> None:
    """Every rung is within the margin, and so is carrying nothing."""
    report = climb({**dict.fromkeys(FALLING, 90)})
    assert report.verdict is Verdict.NOT_APPLICABLE
    assert report.evidence["knee"] is None
    assert report.evidence["standing"] == "removable"
    assert [rung["decision"] for rung in report.evidence["rungs"]] == ["pass"] * 4


def test_a_single_rung_speaks_of_no_ladder(judge_bottleneck: Climb) -> None:
    report = judge_bottleneck(USED)
    assert "rungs" not in report.reason
    assert report.evidence["knee"] == {"top_k": 8}


def test_a_drop_that_is_mostly_loops_points_to_the_sampler(climb: Climb) -> None:
    """The verdict stays what it is."""
    report = climb(parameters={"gate_at": {"top_k": 1}}, lost={"top_k=1": LOOP})
    assert report.verdict is Verdict.FAIL
    assert report.evidence["mostly_loops"] is True
    assert report.evidence["lost"] == {"rollouts": 50, "endings": {"looping": 50}, "mostly_loops": True}
    assert report.reason.endswith(
        "Under top_k=1, 50 of 50 rollouts that were lost loop. The sampler (its entropy bound, its steps, the token "
        "budget), not the reading, may be what fails there: see sampling.sampler."
    )


def test_a_rung_that_does_not_gate_is_named_for_its_loops_too(climb: Climb) -> None:
    report = climb(lost={"top_k=1": LOOP, "top_k=2": LOOP})
    assert report.verdict is Verdict.PASS
    assert report.evidence["mostly_loops"] is False, "this is about the rung that gates"
    assert [rung["lost"]["mostly_loops"] for rung in report.evidence["rungs"]] == [False, False, True, True]
    assert "Under top_k=1, 50 of 50 rollouts" in report.reason
    assert "Under top_k=2" not in report.reason, "what holds needs no excuse"


def test_texts_that_only_use_up_the_budget_are_no_excuse(climb: Climb) -> None:
    """A garbled carry may leave a text without an end."""
    report = climb(lost={"top_k=1": CUT_OFF})
    assert report.evidence["rungs"][3]["lost"]["endings"] == {"budget exhausted": 50}
    assert "sampler" not in report.reason
    assert "sampler" not in climb().reason, "wrong answers are the reading's"


@pytest.mark.parametrize(
    ("endings", "mostly", "words"),
    [
        ({}, False, "0 of 0 rollouts that were lost loop"),
        ({"looping": 1, "wrong": 1}, True, "1 of 2 rollouts that were lost loop"),
        ({"looping": 1, "wrong": 2}, False, "1 of 3 rollouts that were lost loop"),
        (
            {"looping": 2, "budget exhausted": 2},
            True,
            "2 of 4 rollouts that were lost loop and 2 more use up the token budget",
        ),
        (
            {"looping": 1, "budget exhausted": 2},
            False,
            "1 of 3 rollouts that were lost loop and 2 more use up the token budget",
        ),
    ],
)
def test_mostly_is_at_least_half(endings: dict[str, int], mostly: bool, words: str) -> None:
    lost = Lost(endings=endings)
    assert lost.mostly_loops is mostly
    assert lost.in_words() == words


def test_every_arm_tells_how_its_rollouts_ended(climb: Climb) -> None:
    evidence = climb(lost={"zero": LOOP, "top_k=1": CUT_OFF}).evidence
    assert evidence["endings"]["zero"] == {"correct": 10, "looping": 90}
    assert evidence["endings"]["top_k=1"] == {"correct": 40, "budget exhausted": 60}
    assert evidence["finish_rate"]["zero"] == pytest.approx(0.1)
    assert evidence["finish_rate"]["soft"] == 1
    assert evidence["steps"] == dict.fromkeys(evidence["accuracy"], 2.0)


def test_loops_without_a_state_do_not_excuse_it(climb: Climb, candidate: Any) -> None:
    """A state has no rungs and no reading that the sampler could have spoilt."""
    recurrent = replace(candidate, channels=(replace(candidate.channels[0], kind="state", axis="position"),))
    report = climb(USED, adapters={"candidate": recurrent}, lost={"zero": LOOP})
    assert report.verdict is Verdict.FAIL
    assert report.evidence["gate"] == "zero"
    assert report.evidence["rungs"] == []
    assert report.evidence["mostly_loops"] is True
    assert "sampler" not in report.reason


def test_a_lossy_channel_also_tells_what_truncation_adds_to_the_write(climb: Climb, candidate: Any) -> None:
    lossy = replace(candidate, channels=(replace(candidate.channels[0], exact=False),))
    right = {**FALLING, "keep-everything": 80}
    curve = climb(right, adapters={"candidate": lossy}).evidence["rungs"]
    assert curve[3]["drop"]["value"] == pytest.approx(0.5)
    assert curve[3]["drop_beyond_the_write"]["value"] == pytest.approx(0.4)
    assert "drop_beyond_the_write" not in climb().evidence["rungs"][3]


def test_mean_and_random_tokens_are_told_and_decide_nothing(climb: Climb) -> None:
    told = {**FALLING, "mean": 90, "random-tokens": 90}
    report = climb(told)
    assert report.verdict is Verdict.PASS
    controls = {control.name: control for control in report.controls}
    for name in ("mean", "random-tokens"):
        control = controls[f"{name}: accuracy drop"]
        assert control.value == 0
        assert control.interval is not None
        assert control.ok is None
        assert control.expected == "for comparison: zero and batch-shuffled decide"
    unused = climb({**dict.fromkeys(FALLING, 90), "mean": 0, "random-tokens": 0})
    assert unused.evidence["standing"] == "removable"
