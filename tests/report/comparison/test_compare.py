"""Checks matched between reports, and what became of each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from monitorbench.errors import UsageError
from monitorbench.report.comparison.compare import compare
from monitorbench.report.comparison.model import Kind, Pair, Standing
from monitorbench.report.model import Bound, CheckReport, Report, Verdict

MakeRun = Callable[..., Report]

BEFORE = {str(i): 0.0 for i in range(60)}
WORSE = {str(i): 0.4 * (i % 3) for i in range(60)}
BIT = {str(i): 0.004 * (i % 3) - 0.004 for i in range(60)}


def only_pair(reference: Report, other: Report) -> Pair:
    (against,) = compare({"a": reference, "b": other}).others
    (pair,) = against.pairs
    return pair


@pytest.mark.parametrize(("verdict", "kind"), [(Verdict.PASS, Kind.SAME), (Verdict.FAIL, Kind.CHANGED)])
def test_verdicts_stay_or_change(verdict: Verdict, kind: Kind, make_run: MakeRun) -> None:
    assert only_pair(make_run(), make_run(verdict=verdict)).kind is kind


def test_checks_are_matched_by_id_and_type(
    make_check: Callable[..., CheckReport], make_report: Callable[..., Report]
) -> None:
    kept, dropped, added = (make_check(id=name) for name in ("kept", "dropped", "added"))
    retyped = make_check(id="retyped")
    reference = make_report(kept, dropped, retyped)
    other = make_report(added, dataclasses.replace(retyped, type="other-type"), kept)
    (against,) = compare({"a": reference, "b": other}).others
    assert [(pair.id, pair.kind) for pair in against.pairs] == [
        ("kept", Kind.SAME),
        ("dropped", Kind.MISSING),
        ("retyped", Kind.MISSING),
        ("added", Kind.NEW),
        ("retyped", Kind.NEW),
    ]


@pytest.mark.parametrize(
    ("values", "bound", "standing"),
    [
        (WORSE, Bound(max=0.05), Standing.WORSE),
        (WORSE, Bound(min=0.05), Standing.BETTER),
        (BIT, Bound(max=0.05), Standing.WITHIN),
        (WORSE, Bound(min=0.0, max=0.05), Standing.OPEN),
        (WORSE, None, Standing.OPEN),
    ],
)
def test_the_bound_says_which_side_is_worse(
    values: dict[str, float], bound: Bound | None, standing: Standing, make_run: MakeRun
) -> None:
    assert only_pair(make_run(BEFORE, bound=bound), make_run(values, bound=bound)).standing is standing


@pytest.mark.parametrize(
    ("declared", "tolerance", "standing"),
    [
        (None, None, Standing.OPEN),
        ("much", None, Standing.OPEN),
        ({"abs": 0.01}, 0.01, Standing.WORSE),
        ({"abs": 0.9}, 0.9, Standing.WITHIN),
        ({"abs": 0.01, "rel": 4.0}, 0.8, Standing.WITHIN),
    ],
)
def test_worse_is_what_exceeds_the_declared_tolerance(
    declared: object, tolerance: float | None, standing: Standing, make_run: MakeRun, suite: dict[str, Any]
) -> None:
    asked = {**suite, "checks": [{"id": "bottleneck", "tolerance": declared}]}
    pair = only_pair(make_run(BEFORE, asked=asked, estimate=0.2), make_run(WORSE, asked=asked))
    assert pair.tolerance == tolerance
    assert pair.standing is standing


def test_a_tolerance_that_is_given_goes_before_the_declared_one(make_run: MakeRun) -> None:
    (against,) = compare({"a": make_run(BEFORE), "b": make_run(WORSE)}, tolerances={"bottleneck": 0.9}).others
    assert (against.pairs[0].tolerance, against.pairs[0].standing) == (0.9, Standing.WITHIN)
    with pytest.raises(UsageError, match="--tolerance: no report has a check 'x'; use one of bottleneck"):
        compare({"a": make_run(), "b": make_run()}, tolerances={"x": 0.1})


def test_what_measures_something_else_is_neither_worse_nor_better(make_run: MakeRun, suite: dict[str, Any]) -> None:
    pair = only_pair(make_run(BEFORE), make_run(WORSE, asked={**suite, "sampling": {"seed": 0}}))
    assert pair.shift is not None
    assert pair.standing is Standing.OPEN
    assert pair.differs == ("suite.sampling.sampler.steps", "suite.sampling.sequential")


def test_all_others_are_held_against_the_first(make_run: MakeRun) -> None:
    found = compare({"a": make_run(), "b": make_run(), "c": make_run(verdict=Verdict.ERROR)})
    assert [(other.name, other.pairs[0].kind) for other in found.others] == [("b", Kind.SAME), ("c", Kind.CHANGED)]


def test_reports_without_a_common_check_cannot_be_compared(make_run: MakeRun) -> None:
    with pytest.raises(UsageError, match="b: has no check in common with a"):
        compare({"a": make_run(), "b": make_run(id="x")})
    with pytest.raises(UsageError, match="only one report"):
        compare({"a": make_run()})
