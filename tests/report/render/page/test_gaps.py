"""What was not measured is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from monitorbench.report.model import CheckReport, Report, Verdict
from monitorbench.report.render.page.gaps import gaps

MakeCheck = Callable[..., CheckReport]
MakeReport = Callable[..., Report]


def said(report: Report) -> list[tuple[str, str]]:
    return [(gap.where, gap.what) for gap in gaps(report)]


def plain(make_check: MakeCheck, **changes: Any) -> CheckReport:
    given = {"dropped": (), "controls": (), "evidence": {}, "parameters": {"channel": "thought"}}
    return make_check(**{**given, **changes})


def test_a_decided_check_that_left_nothing_out_has_no_gap(make_check: MakeCheck, make_report: MakeReport) -> None:
    assert said(make_report(plain(make_check))) == []


def test_items_and_controls_without_a_value_are_gaps(make_check: MakeCheck, make_report: MakeReport) -> None:
    check = make_check(parameters={"channel": "thought"}, evidence={})
    assert said(make_report(check)) == [
        ("bottleneck", "left out: no answer was found (3)"),
        ("bottleneck", "the control placebo has no value"),
    ]


@pytest.mark.parametrize("verdict", [Verdict.UNOBSERVED, Verdict.NOT_APPLICABLE, Verdict.ERROR, Verdict.INCONCLUSIVE])
def test_a_check_that_decided_nothing_is_one(verdict: Verdict, make_check: MakeCheck, make_report: MakeReport) -> None:
    found = said(make_report(plain(make_check, verdict=verdict, reason="Why.")))
    assert found == [("bottleneck", f"{verdict.replace('_', ' ')}: Why.")]


def test_notes_and_undefined_scores_are_read_from_the_evidence(make_check: MakeCheck, make_report: MakeReport) -> None:
    evidence = {
        "contexts": [{"context_length": 64, "applied": {"notes": ["an upper bound"]}}, 7],
        "scores": {"order.gamma": {"value": None, "dropped": {"short": 2}}, "ar_ness.local": {"value": 0.5}},
    }
    assert said(make_report(plain(make_check, evidence=evidence))) == [
        ("bottleneck", "depth at 64 positions, applied: an upper bound"),
        ("bottleneck", "order.gamma is undefined: short (2)"),
    ]


@pytest.mark.parametrize("task", ["", "chain"])
def test_interventions_that_came_to_nothing_are_gaps(task: str, make_check: MakeCheck, make_report: MakeReport) -> None:
    none = {"value": None, "standard_error": None, "status": "undefined: no values"}
    found = {"mediation.share": none, "influence": {"mismatch": 0.0}}
    evidence = {"causal": {task: found} if task else found}
    (gap,) = said(make_report(plain(make_check, evidence=evidence)))
    assert gap[1] == f"mediation.share{' on chain' if task else ''} is undefined: no values"


def test_a_channel_that_no_check_is_about_is_one(make_check: MakeCheck, make_report: MakeReport) -> None:
    assert said(make_report(plain(make_check, parameters={}))) == [
        ("zoo:thought-loop", "no check asks what its channel thought holds")
    ]
