"""A claim passes only when its whole interval keeps it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.stats.interval import Estimate
from monitorbench.stats.noninferiority import Decision, judge_drop, judge_range
from monitorbench.stats.paired import paired_difference

quick = settings(max_examples=50, deadline=None)
unit = st.floats(0.0, 1.0)


def between(low: float, high: float) -> Estimate:
    return Estimate(value=(low + high) / 2.0, low=low, high=high, level=0.9, n=100, sd=0.3, method="any")


@pytest.mark.parametrize(
    ("low", "high", "decision"),
    [(-0.02, 0.03, Decision.PASS), (0.06, 0.1, Decision.FAIL), (0.01, 0.08, Decision.INCONCLUSIVE)],
)
def test_a_drop_passes_below_the_margin_fails_above_and_straddles_otherwise(low, high, decision):
    assert judge_drop(between(low, high), max_drop=0.05) is decision


@pytest.mark.parametrize(
    ("low", "high", "decision"),
    [
        (0.45, 0.55, Decision.PASS),
        (0.1, 0.3, Decision.FAIL),
        (0.7, 0.9, Decision.FAIL),
        (0.3, 0.5, Decision.INCONCLUSIVE),
        (0.3, 0.7, Decision.INCONCLUSIVE),
    ],
)
def test_a_range_has_two_sides(low, high, decision):
    assert judge_range(between(low, high), minimum=0.4, maximum=0.6) is decision


def test_a_fixed_value_on_the_bound_passes():
    assert judge_range(Estimate.fixed(1.5), maximum=1.5) is Decision.PASS


@given(st.tuples(unit, unit).map(sorted), st.tuples(unit, unit).map(sorted))
@quick
def test_raising_the_margin_never_turns_a_pass_into_anything_else(ends, margins):
    rank = {Decision.FAIL: 0, Decision.INCONCLUSIVE: 1, Decision.PASS: 2}
    tight, loose = (rank[judge_drop(between(*ends), max_drop=margin)] for margin in margins)

    assert tight <= loose


@given(st.tuples(unit, unit).map(sorted), unit)
@quick
def test_minimum_and_maximum_mirror_each_other(ends, bound):
    low, high = ends

    assert judge_range(between(low, high), maximum=bound) is judge_range(between(-high, -low), minimum=-bound)


@pytest.mark.parametrize(("bounds", "message"), [({}, "needs a"), ({"minimum": 1.0, "maximum": 0.0}, "exceeds")])
def test_a_range_without_sense_is_refused(bounds, message):
    with pytest.raises(ValueError, match=message):
        judge_range(between(0.0, 1.0), **bounds)


def test_an_unchanged_model_rarely_fails_and_a_model_at_the_margin_rarely_passes():
    """n = 200, 10 % discordant: a gate on the point estimate errs in 19 % either way; this one within about 5 %."""
    rng = np.random.default_rng(7)

    def decisions(losses: float, gains: float) -> list[Decision]:
        tables = rng.multinomial(200, [losses, gains, 1.0 - losses - gains], size=2000)
        judged = {
            (b, c): judge_drop(
                paired_difference([1] * b + [0] * c + [1] * (200 - b - c), [0] * b + [1] * c + [1] * (200 - b - c)),
                max_drop=0.02,
            )
            for b, c in {(int(b), int(c)) for b, c, _ in tables}
        }
        return [judged[int(b), int(c)] for b, c, _ in tables]

    unchanged, at_margin, beyond = decisions(0.05, 0.05), decisions(0.06, 0.04), decisions(0.07, 0.03)

    assert np.mean([decision is Decision.FAIL for decision in unchanged]) <= 0.02
    assert np.mean([decision is Decision.PASS for decision in at_margin]) <= 0.06
    assert np.mean([decision is Decision.PASS for decision in beyond]) <= 0.01
