"""How many prompts decide a claim."""

from __future__ import annotations

import math

from scipy.special import ndtri

from monitorbench.stats.interval import Estimate


def prompts_needed(
    *, discordance: float, margin: float, drop: float = 0.0, alpha: float = 0.05, power: float = 0.8
) -> int:
    """Prompts with which a paired comparison shows, with probability `power`, that the drop is below `margin`.

    n = (z_alpha + z_power)^2 (discordance - drop^2) / (margin - drop)^2: the normal approximation, where
    (discordance - drop^2) / n is the variance of a difference of paired proportions.

    Args:
        discordance: share of discordant pairs, in (0, 1].
        margin: largest drop allowed, in (0, 1].
        drop: the true drop at which the power is wanted, below the margin.
        alpha: one-sided error rate.
        power: probability of a pass.

    Raises:
        ValueError: if an argument is out of its range; no n shows a drop below the margin that is not below it.
    """
    if not 0.0 < discordance <= 1.0 or not 0.0 < margin <= 1.0:
        raise ValueError(f"discordance and margin must lie in (0, 1], got {discordance:g} and {margin:g}")
    if drop >= margin or abs(drop) > discordance:
        raise ValueError(f"the drop {drop:g} must be below the margin {margin:g} and within +-{discordance:g}")
    return _needed(variance=discordance - drop**2, distance=margin - drop, alpha=alpha, power=power)


def more_prompts(
    estimate: Estimate, *, minimum: float | None = None, maximum: float | None = None, power: float = 0.8
) -> int | None:
    """Further prompts that would decide an inconclusive claim, were the truth as observed, at the observed spread.

    Where both bounds are given, the nearer one counts. At least 1; None where the estimate sits on the bound, or so
    near that millions of prompts would be needed.

    Raises:
        ValueError: if neither bound is given, or the estimate is fixed by construction.
    """
    bounds = [bound for bound in (minimum, maximum) if bound is not None]
    if not bounds or estimate.sd == 0.0:
        raise ValueError("more prompts can only decide an estimate with spread against a minimum or a maximum")
    distance = min(abs(bound - estimate.value) for bound in bounds)
    if distance < 1e-3 * estimate.sd:
        return None
    needed = _needed(variance=estimate.sd**2, distance=distance, alpha=estimate.alpha, power=power)
    return max(needed - estimate.n, 1)


def _needed(*, variance: float, distance: float, alpha: float, power: float) -> int:
    if not 0.0 < alpha < 1.0 or not 0.0 < power < 1.0:
        raise ValueError(f"alpha and power must lie inside (0, 1), got {alpha:g} and {power:g}")
    z = float(ndtri(1.0 - alpha) + ndtri(power))
    return max(math.ceil(z**2 * variance / distance**2), 1)
