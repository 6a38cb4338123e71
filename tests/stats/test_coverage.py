"""The measured coverage of every interval: the committed figures, and a quick form of the script that made them."""

import json
from pathlib import Path
from typing import Any

import pytest

from monitorbench.stats.coverage import clusters, looks, paired
from monitorbench.stats.coverage.__main__ import main

COMMITTED = Path(__file__).parents[2] / "reports" / "reference" / "coverage.json"
NOMINAL = {"two_sided": 0.9, "lower": 0.95, "upper": 0.95}


@pytest.fixture(scope="module")
def committed() -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(COMMITTED.read_text(encoding="utf-8"), parse_constant=refuse)


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("coverage") / "quick.json"
    assert main(["--quick", "--output", str(path)]) == 0
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_committed_figures_are_of_every_design_of_the_script(committed):
    assert {(r["interval"], r["n"], r["discordance"]) for r in committed["paired"]} == {
        (name, n, discordance) for name in paired.INTERVALS for n in paired.SIZES for discordance in paired.DISCORDANCES
    }
    assert {(r["n"], r["icc"], r["accuracy"], r["drop"], r["seeds"], r["runs"]) for r in committed["clusters"]} == {
        (n, icc, *arms, clusters.SEEDS, clusters.RUNS)
        for n in clusters.SIZES
        for icc in clusters.ICCS
        for arms in clusters.ARMS
    }
    assert {(r["discordance"], r["margin"], r["seeds"], r["runs"], r["looks"]) for r in committed["sequential"]} == {
        (discordance, margin, seeds, looks.RUNS, looks.LOOKS) for discordance, margin, _, seeds in looks.DESIGNS
    }


def test_paired_intervals_cover_at_least_their_level_less_one_point_at_every_difference(committed):
    for record in of_interval(committed, "enumerated"):
        for side, nominal in NOMINAL.items():
            assert record[side]["least"] >= nominal - 0.01, record


def test_paired_intervals_cover_no_more_than_three_points_too_much_where_four_pairs_are_discordant(committed):
    """Averaged over differences; from fifteen discordant pairs on little more than one point."""
    for record in of_interval(committed, "enumerated"):
        discordant = record["n"] * record["discordance"]
        if discordant >= 4:
            assert record["two_sided"]["mean"] <= (0.915 if discordant >= 15 else 0.93), record


def test_the_normal_curve_and_mid_p_would_fall_short(committed):
    """Why the tails are summed in full: the alternatives are right on average, and three points short in places."""
    for name in ("score", "mid-p"):
        short = [record for record in of_interval(committed, name) if record["two_sided"]["least"] < 0.88]
        assert any(record["n"] * record["discordance"] >= 4 for record in short)


def test_seed_averages_are_covered_to_within_two_points_from_50_prompts_on(committed):
    for record in committed["clusters"]:
        if record["n"] >= 50:
            for side, nominal in NOMINAL.items():
                assert record[side] == pytest.approx(nominal, abs=0.02), record


def test_sequential_bounds_err_no_more_often_than_they_may(committed):
    for record in committed["sequential"]:
        assert record["false_pass"] <= looks.ALPHA
        assert record["false_fail"] <= looks.ALPHA


def test_sequential_runs_are_decided(committed):
    """A large drop ends a run long before the n that was planned without one."""
    for record in committed["sequential_lengths"]:
        assert record["decided"] >= 0.85
        if record["drop"] > record["margin"] and record["planned"] > 2 * record["fixed"]:
            assert record["mean"] < 0.6 * record["planned"]


def test_the_quick_form_meets_the_bounds(measured):
    for record in of_interval(measured, "enumerated"):
        assert record["two_sided"]["least"] >= 0.89
    assert {record["n"] for record in measured["clusters"]} == {50}
    shares = [record["two_sided"] for record in measured["clusters"]]
    # 200 runs: four standard errors of one design, and of the mean of nine.
    assert min(shares) >= 0.9 - 0.02 - 0.085
    assert sum(shares) / len(shares) == pytest.approx(0.9, abs=0.02 + 0.028)
    for record in measured["sequential"]:
        # 500 runs: three standard errors.
        assert max(record["false_pass"], record["false_fail"]) <= looks.ALPHA + 0.03


def test_the_quick_form_agrees_with_the_committed_figures(committed, measured):
    for record in measured["paired"]:
        same = [r for r in of_interval(committed, record["interval"]) if (r["n"], r["discordance"]) == design(record)]
        assert same[0]["two_sided"] == pytest.approx(record["two_sided"], abs=2e-4)


def of_interval(figures: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [record for record in figures["paired"] if record["interval"] == name]


def design(record: dict[str, Any]) -> tuple[int, float]:
    return record["n"], record["discordance"]
