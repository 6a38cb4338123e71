"""How often a suite errs, from the reports of many runs of one checkpoint."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitorbench.calibration import calibrate, rates, rates_of, reseeded
from monitorbench.notices import RunDone
from monitorbench.planning import vocabulary
from monitorbench.report.model import Bound, CheckReport, Interval, Report, Verdict
from monitorbench.suite.loader import load
from monitorbench.suite.model import Suite

TEXT = """\
schema_version: 1
name: run
model: zoo:masked-chain
device: cpu
tasks:
  chain: {family: arithmetic-chain, n: 6, lengths: [3], seed: 7}
sampling: {max_new_tokens: 18, batch_size: 6, seed: 3, sampler: {remasking: random}}
checks:
  - {id: order, check: chronology-score, task: chain, metric: order.gamma, min: 0}
"""


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    path = tmp_path / "s.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return load(path, vocabulary())


def drop(value: float, half: float = 0.02, *, most: float = 0.05) -> CheckReport:
    """A drop with its interval, judged against the largest one allowed."""
    low, high = value - half, value + half
    verdict = Verdict.PASS if high <= most else Verdict.FAIL if low > most else Verdict.INCONCLUSIVE
    return CheckReport(
        id="bottleneck",
        type="bottleneck-drop",
        line=1,
        file="s.yaml",
        gated=True,
        verdict=verdict,
        reason="So it is.",
        estimate=value,
        interval=Interval(low=low, high=high, level=0.9, method="stated"),
        bound=Bound(max=most),
        n=100,
    )


def test_a_fail_is_false_where_all_runs_together_keep_the_bound():
    found = rates([drop(0.0), drop(0.01), drop(0.08), drop(0.04)])
    assert found.verdicts == {"pass": 2, "fail": 1, "inconclusive": 1}
    assert found.truth == pytest.approx(0.0325)
    assert found.keeps is True
    assert found.false_fail is not None
    assert found.false_fail.value == 0.25
    assert found.false_pass is None, "a pass cannot be false where the bound is kept"
    assert found.inconclusive.value == 0.25


def test_a_pass_is_false_where_all_runs_together_break_the_bound():
    found = rates([drop(0.0), drop(0.2)])
    assert (found.keeps, found.false_fail) == (False, None)
    assert found.false_pass is not None
    assert found.false_pass.value == 0.5


def test_rates_of_few_runs_have_wide_intervals():
    found = rates([drop(0.0)] * 20)
    assert found.false_fail is not None
    assert found.false_fail.value == 0.0
    assert found.false_fail.high == pytest.approx(1 - 0.05 ** (1 / 20)), "one-sided, exact: 13.9 %"


def test_at_the_edge_the_same_intervals_are_held_against_the_truth():
    """Mean 0.1: [0.05, 0.09] lies inside of `at most 0.1`, [0.11, 0.15] above, [0.08, 0.12] on both sides."""
    found = rates([drop(0.07), drop(0.13), drop(0.1)])
    assert found.edge_pass is not None
    assert found.edge_fail is not None
    assert (found.edge_pass.value, found.edge_fail.value) == (pytest.approx(1 / 3), pytest.approx(1 / 3))


def test_what_never_came_to_an_estimate_has_no_truth():
    unseen = replace(drop(0.0), verdict=Verdict.UNOBSERVED, estimate=None, interval=None)
    found = rates([unseen, unseen])
    assert (found.runs, found.truth, found.keeps, found.edge_fail) == (0, None, None, None)
    assert found.verdicts == {"unobserved": 2}


@given(st.lists(st.floats(-0.3, 0.3), min_size=1, max_size=20))
def test_only_one_of_the_two_errors_can_arise_and_shares_add_up(values: list[float]):
    reports = [drop(value) for value in values]
    found = rates(reports)
    assert (found.false_fail is None) != (found.false_pass is None)
    assert sum(found.verdicts.values()) == len(reports)
    assert found.edge_fail is not None
    assert found.edge_pass is not None
    assert found.edge_fail.value + found.edge_pass.value <= 1.0 + 1e-12


def test_every_run_has_seeds_of_its_own_for_rollouts_and_problems(suite: Suite):
    seeds = {(one.sampling.seed, one.tasks["chain"].parameters["seed"]) for one in map(reseeded, [suite] * 3, range(3))}
    assert len(seeds) == 3
    assert all(sampling != 3 and task != 7 for sampling, task in seeds)


def test_the_runs_differ_and_the_models_are_loaded_once(suite: Suite, monkeypatch: pytest.MonkeyPatch):
    from monitorbench.adapters import factory

    loads, real = [], factory.load_model
    monkeypatch.setattr(factory, "load_model", lambda role, *a, **k: (loads.append(role), real(role, *a, **k))[1])
    reports = [one.report for one in calibrate(suite, 3) if isinstance(one, RunDone) and isinstance(one.report, Report)]
    assert loads == ["candidate"]
    assert len({report.checks[0].estimate for report in reports}) == 3
    (found,) = rates_of(reports)
    assert (found.check, found.runs) == ("order", 3)


def test_the_quickstart_errs_rarely_on_the_checkpoint_that_it_ships_with():
    """The committed record: `calibrate suites/quickstart.monitor.yaml --runs 60 --only bottleneck`."""
    path = Path(__file__).parents[1] / "reports" / "reference" / "calibration-diffusion-chain.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    assert (record["suite"]["model"]["source"], record["runs"]) == ("zoo:diffusion-chain", 60)
    (check,) = record["checks"]
    assert check["keeps"] is True
    assert check["false_fail"]["high"] <= 0.05
    assert sum(check["verdicts"].values()) == 60
