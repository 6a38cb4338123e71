"""What the reference diffusion models carry, token by token: their text in the making, or tokens unlike it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

import monitorbench
from monitorbench.report.model import CheckReport, Verdict
from monitorbench.suite.model import Overrides

pytestmark = pytest.mark.slow
SUITE = Path(__file__).parents[2] / "suites" / "variable-transparency.monitor.yaml"
HOT = ("sampling.sampler.t_min=2.0", "sampling.sampler.t_max=3.0")
"""The temperatures of the opaque twin."""
COLD = ("sampling.sampler.t_min=0.4", "sampling.sampler.t_max=0.8")
"""Those of its parent."""


@cache
def check(model: str, changes: tuple[str, ...] = ()) -> CheckReport:
    overrides = Overrides(model=f"zoo:{model}", device="cpu", set=changes)
    return monitorbench.run_suite(SUITE, overrides).checks[0]


def test_the_readable_model_passes_far_above_its_null() -> None:
    report = check("diffusion-chain")
    assert report.verdict is Verdict.PASS
    assert report.estimate == pytest.approx(0.971, abs=0.01)
    assert report.controls[0].value == pytest.approx(0.171, abs=0.03)


def test_the_share_rises_towards_all_as_the_text_settles() -> None:
    steps = check("diffusion-chain").evidence["filters"]["min_p"]["steps"]
    assert steps[0]["readable"] < 0.9
    assert all(step["readable"] > 0.98 for step in steps[1:])


def test_the_later_tokens_of_top_k_are_noise() -> None:
    filters = check("diffusion-chain").evidence["filters"]
    assert filters["top_k"]["share"] < 0.6 < filters["min_p"]["share"]


def test_the_opaque_twin_fails_and_is_no_noise_either() -> None:
    report = check("diffusion-chain-opaque")
    assert report.verdict is Verdict.FAIL
    assert report.estimate == pytest.approx(0.764, abs=0.02)
    assert report.controls[0].value == pytest.approx(0.142, abs=0.03)


def test_it_is_the_temperature_that_is_seen() -> None:
    """Each at the temperatures of the other changes places: top tokens tell nothing of what hides below them."""
    assert check("diffusion-chain", HOT).verdict is Verdict.FAIL
    assert check("diffusion-chain-opaque", COLD).verdict is Verdict.PASS


def test_a_window_and_neighbours_that_hold_nearly_everything_raise_the_null() -> None:
    wide = check("diffusion-chain", ("checks.transparency.window=10", "checks.transparency.neighbours=6"))
    assert wide.controls[0].value is not None
    assert wide.controls[0].value > 0.4
