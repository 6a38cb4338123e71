"""Recovery: the share of a channel's worth that survives the bottleneck."""

import numpy as np
import pytest

from monitorbench.stats.recovery import recovery


def arms(rng: np.random.Generator, *, prompts: int, bottleneck: float, floor: float) -> tuple[np.ndarray, ...]:
    """Right-or-wrong outcomes of three arms under common luck: accuracy .9 and two lower ones."""
    luck = rng.random(prompts)
    return tuple((luck < accuracy).astype(float) for accuracy in (0.9, bottleneck, floor))


def test_recovery_is_one_minus_the_ratio_of_drops():
    reference, bottleneck, floor = np.ones(100), np.ones(100), np.zeros(100)
    bottleneck[:20], floor[:20] = 0.0, 1.0
    estimate = recovery(reference, bottleneck, floor)

    assert estimate is not None
    assert estimate.value == pytest.approx(1.0 - 0.2 / 0.8)
    assert estimate.method == "BCa bootstrap over prompts"
    assert estimate.low < estimate.value < estimate.high


def test_a_lossless_bottleneck_is_still_uncertain():
    estimate = recovery(np.ones(60), np.ones(60), np.zeros(60))

    assert estimate is not None
    assert estimate.value == 1.0
    assert estimate.low < 0.97
    assert estimate.method == "range over both drops' intervals"


def test_without_a_floor_drop_there_is_no_recovery():
    assert recovery(np.ones(60), np.ones(60), np.ones(60)) is None


def test_three_prompts_show_no_floor_drop():
    assert recovery([1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]) is None


@pytest.mark.parametrize(("bottleneck", "floor"), [(0.7, 0.3), (0.85, 0.5), (0.4, 0.3)])
def test_bounds_err_at_no_more_than_about_5_percent(bottleneck, floor):
    rng = np.random.default_rng(int(100 * bottleneck))
    truth = 1.0 - (0.9 - bottleneck) / (0.9 - floor)
    estimates = [
        recovery(*arms(rng, prompts=80, bottleneck=bottleneck, floor=floor), resamples=400, seed=run)
        for run in range(500)
    ]

    assert all(estimate is not None for estimate in estimates)
    assert np.mean([estimate.low > truth for estimate in estimates]) <= 0.08
    assert np.mean([estimate.high < truth for estimate in estimates]) <= 0.08


def test_drops_in_one_proportion_on_every_prompt_still_get_an_interval():
    """A bottleneck that does exactly what the floor does: no prompt moves the ratio, yet nothing is certain."""
    reference, gone = np.zeros(120), np.zeros(120)
    reference[:12] = 1.0
    estimate = recovery(reference, gone, gone)

    assert estimate is not None
    assert estimate.value == 0.0
    assert estimate.low < 0.0 < estimate.high
