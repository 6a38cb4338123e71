"""What is drawn of the evidence of each check type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from monitorbench.report.model import Bound, CheckReport, Control, Interval, Verdict
from monitorbench.report.render.page.bottleneck import bottleneck
from monitorbench.report.render.page.chronology import chronology
from monitorbench.report.render.page.classes import classes
from monitorbench.report.render.page.depth import depth
from monitorbench.report.render.page.figures import MOST, figures

MakeCheck = Callable[..., CheckReport]


def rung(name: str, drop: tuple[float, float, float], decision: str, *, gates: bool = False) -> dict[str, Any]:
    value, low, high = drop
    ends = {"value": value, "low": low, "high": high}
    return {"name": name, "drop": ends, "decision": decision, "gates": gates, "accuracy": 0.9, "standing": "readable"}


LADDER: dict[str, Any] = {
    "rungs": [
        rung("top_k=8", (0.0, -0.02, 0.02), "pass", gates=True),
        rung("top_k=1", (0.3, 0.2, 0.4), "fail"),
    ],
    "knee": {"top_k": 8},
    "knee_method": "fixed sequence",
    "recovery": {"value": 1.0, "low": 0.8, "high": 1.2, "floor": "zero"},
    "accuracy": {"soft": 0.9, "zero": 0.5},
    "steps": {"soft": 8.0, "zero": 7.5},
    "finish_rate": {"soft": 1.0, "zero": 0.5},
    "endings": {"soft": {"correct": 9, "wrong": 1}, "zero": {"correct": 5, "looping": 5}},
}
FLOOR = Control(
    name="zero: accuracy drop",
    value=0.4,
    interval=Interval(low=0.3, high=0.5, level=0.9, method="Tango score"),
    expected="above 0.05",
    ok=True,
)


def test_rungs_and_controls_share_an_axis_and_the_margin_is_about_rungs(make_check: MakeCheck) -> None:
    parameters = {"channel": "thought", "max_drop": 0.1}
    shown = bottleneck(make_check(evidence=LADDER, parameters=parameters, controls=(FLOOR,)))
    rows = {row.label: row for row in shown.chart.rows}
    assert list(rows) == ["top_k=8", "top_k=1", "zero"]
    assert [row.tone for row in rows.values()] == ["good", "bad", "plain"]
    assert [row.bounded for row in rows.values()] == [True, True, False]
    assert [row.strong for row in rows.values()] == [True, False, False]
    assert rows["zero"].words == "40.0 pp [30.0, 50.0]"
    assert shown.chart.zone is not None
    _, margin = shown.chart.zone
    low, high = rows["top_k=8"].high, rows["top_k=1"].low
    assert low is not None
    assert high is not None
    assert low < margin < high
    assert shown.knee == "Tightest rung that holds with all looser ones: top_k 8 (fixed sequence)."
    assert shown.recovery == "Recovered of what the control zero costs: 100.0% [80.0%, 120.0%]."
    assert [(part.name, part.start, part.width) for part in shown.arms[1].endings] == [
        ("correct", 0.0, 50.0),
        ("wrong", 50.0, 0.0),
        ("looping", 50.0, 50.0),
    ]


def test_arms_follow_the_ladder(make_check: MakeCheck) -> None:
    names = ("top_k=1", "top_k=8", "soft", "zero")
    evidence = {
        **LADDER,
        **{what: dict.fromkeys(names, 1.0) for what in ("accuracy", "steps", "finish_rate")},
        "endings": {name: {"correct": 1} for name in names},
    }
    shown = bottleneck(make_check(evidence=evidence, parameters={"channel": "thought", "max_drop": 0.1}, controls=()))
    assert [arm.name for arm in shown.arms] == ["soft", "top_k=8", "top_k=1", "zero"]


def test_a_ladder_that_holds_nowhere_says_so(make_check: MakeCheck) -> None:
    evidence = {**LADDER, "knee": None, "recovery": None}
    shown = bottleneck(make_check(evidence=evidence, parameters={"channel": "thought", "max_drop": 0.1}, controls=()))
    assert (shown.knee, shown.recovery) == ("No rung holds together with all looser ones.", "")


def place(name: str, gates: int, *branches: dict[str, Any], times: int = 1, **operations: int) -> dict[str, Any]:
    return {"name": name, "gates": gates, "times": times, "operations": operations, "branches": list(branches)}


def counted(depth: int, **more: Any) -> dict[str, Any]:
    return {"depth": depth, "cut_at": ["thought"], "path": [{"segment": "step", "times": 2, "gates": 5}], **more}


def depth_check(make_check: MakeCheck, applied: dict[str, Any]) -> CheckReport:
    context = {
        "context_length": 1024,
        "candidate": {"opaque": counted(4000), "interpretable": counted(10)},
        "applied": applied,
    }
    channels = {"thought": {"interpretable": True, "why": "check bottleneck passed"}}
    return make_check(evidence={"convention": "circuit", "contexts": [context], "channels": channels})


def test_places_on_the_path_are_as_wide_as_their_gates(make_check: MakeCheck) -> None:
    layers = place("layers", 8, place("0-1", 8, place("mlp", 3, mm=3), times=2, mean=1))
    shown = depth(depth_check(make_check, counted(10, modules=place("depth", 10, layers, add=2), ratio=2.0)))
    assert [(f.name, f.level, f.start, f.width, f.operation) for f in shown.frames] == [
        ("depth", 0, 0.0, 100.0, False),
        ("add", 1, 80.0, 20.0, True),
        ("layers", 1, 0.0, 80.0, False),
        ("0-1 \N{MULTIPLICATION SIGN}2", 2, 0.0, 80.0, False),
        ("mean", 3, 60.0, 20.0, True),
        ("mlp", 3, 0.0, 60.0, False),
        ("mm", 4, 0.0, 60.0, True),
    ]
    assert shown.frames[-1].words == "depth / layers / 0-1 / mlp / mm: 6 gates, 60.0%"
    assert shown.levels == 5
    (row,) = shown.rows
    assert (row.opaque, row.interpretable, row.applied, row.baseline, row.ratio) == ("4,000", "10", "10", "-", "2.00x")


def test_a_report_without_modules_shows_segments(make_check: MakeCheck) -> None:
    shown = depth(depth_check(make_check, counted(10)))
    assert [(f.name, f.width) for f in shown.frames] == [("depth", 100.0), ("step \N{MULTIPLICATION SIGN}2", 100.0)]


SCORES = {
    "order.gamma": {"value": 0.4, "low": 0.3, "high": 0.5, "n": 9, "null": 0.0, "dropped": {"short": 1}},
    "revision.rate": {"value": 0.1, "low": 0.05, "high": 0.2, "n": 10, "null": None, "dropped": {}},
    "early_answer": {"value": None, "n": 0, "dropped": {"never open": 7, "short": 9}},
}


def test_the_gated_score_comes_first_and_nulls_are_marked(make_check: MakeCheck) -> None:
    evidence = {"scores": SCORES, "reading": {"reading": "chronological", "why": "it is"}}
    parameters = {"metric": "revision.rate"}
    check = make_check(evidence=evidence, parameters=parameters, bound=Bound(max=0.3), verdict=Verdict.PASS)
    shown = chronology(check)
    (scores,) = shown.scores
    assert [(row.label, row.strong, row.tone, row.null) for row in scores.chart.rows] == [
        ("revision.rate", True, "good", None),
        ("order.gamma", False, "plain", 50.0),
    ]
    assert scores.chart.rows[1].note == "n 9, 1 without; null 0.000"
    assert scores.undefined == [("early_answer", "short (9); never open (7)")]
    assert scores.chart.zone == (0.0, 65.0)
    assert (shown.reading, shown.why) == ("chronological", "it is")


def test_tasks_are_shown_one_by_one_after_their_mean(make_check: MakeCheck) -> None:
    evidence = {"scores": SCORES, "tasks": {"one": SCORES, "two": SCORES}}
    shown = chronology(make_check(evidence=evidence, parameters={"metric": "order.gamma"}))
    assert [part.task for part in shown.scores] == ["", "one", "two"]
    assert [part.chart.rows[0].strong for part in shown.scores] == [True, False, False]


def steps(count: int) -> list[dict[str, Any]]:
    return [{"step": number, "kept": 10, "classes": [0.5, 0.5]} for number in range(count)]


@pytest.mark.parametrize(("count", "columns"), [(3, 3), (1000, 334)])
def test_classes_fill_a_column_for_each_step_or_every_few(count: int, columns: int, make_check: MakeCheck) -> None:
    empty = {"step": count, "kept": 0, "classes": None}
    found = {"share": 0.5, "null": 0.1, "steps": [*steps(count), empty]}
    entry = {
        **{"token": "x", "before": "a", "final": "b", "after": "c", "prompt": "p"},
        **{"position": 3, "step": 1, "steps": 2, "probability": 0.97},
    }
    evidence = {
        "classes": ["final", "other"],
        "filters": {"min_p": found},
        "residue": {"total": 1, "listed": [entry]},
    }
    shown = classes(make_check(evidence=evidence, parameters={"channel": "thought"}))
    (one,) = shown.filters
    assert len(one.columns) == columns
    assert [(part.which, part.top, part.height) for part in one.columns[0].parts] == [(0, 0.0, 50.0), (1, 50.0, 50.0)]
    assert one.words == "50.0% like the final text; 10.0% under the final text of another prompt"
    assert one.columns[0].words == "step 0, 10 tokens: final 50.0%, other 50.0%"
    assert [(each.token, each.final, each.probability) for each in shown.residue] == [("x", "b", "0.97")]


@pytest.mark.parametrize("by_task", [False, True])
def test_causal_scores_have_a_chart_of_their_own(by_task: bool, make_check: MakeCheck) -> None:
    effect = {"value": 0.4, "standard_error": 0.1, "n": 20, "status": "ok"}
    none = {"value": None, "standard_error": None, "n": 0, "status": "undefined: no values"}
    found: dict[str, Any] = {"post_hoc.index": effect, "mediation.share": none, "influence": {"mismatch": 0.0}}
    evidence = {"scores": SCORES, "causal": {"one": found, "two": found} if by_task else found}
    shown = chronology(make_check(evidence=evidence, parameters={"metric": "post_hoc.index"}))
    effects = [part for part in shown.scores if part.causal]
    assert [part.task for part in effects] == (["one", "two"] if by_task else [""])
    (row,) = effects[0].chart.rows
    assert (row.words, row.strong, row.low, row.high) == ("0.400 \N{PLUS-MINUS SIGN} 0.100", True, 65.0, 75.0)
    assert effects[0].undefined == [("mediation.share", "undefined: no values")]


def test_figures_are_shown_by_their_place(make_check: MakeCheck) -> None:
    evidence = {
        "share": {"value": 0.5, "low": 0.25, "high": 0.75, "method": "exact"},
        "values": {"in the text": 7, "found": True, "none": None},
        "listed": [1, 2],
        "word": "x" * 300,
    }
    assert list(figures(make_check(evidence=evidence)).rows) == [
        ("share", "0.5 [0.25, 0.75]"),
        ("values / in the text", "7"),
        ("values / found", "yes"),
        ("word", "x" * 200),
    ]
    many = figures(make_check(evidence={str(number): number for number in range(MOST + 2)}))
    assert (len(many.rows), many.more) == (MOST, 2)
