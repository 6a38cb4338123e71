"""How many prompts decide a claim."""

from __future__ import annotations

import math

from scipy.special import ndtri

from monitorbench.stats.interval import Estimate

USUAL_POWER = 0.8
_SMALLEST_DISTANCE = 1e-9


def prompts_needed(
    *, discordance: float, margin: float, drop: float = 0.0, alpha: float = 0.05, power: float = USUAL_POWER
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


def detectable_margin(
    n: int, *, discordance: float, drop: float = 0.0, alpha: float = 0.05, power: float = USUAL_POWER
) -> float | None:
    """Smallest margin that `n` prompts show to be kept, with probability `power`: the inverse of `prompts_needed`.

    Args:
        n: prompts, at least 1.
        discordance: as in `prompts_needed`, like the rest.
        drop: see there.
        alpha: see there.
        power: see there.

    Returns:
        The margin, or None where it would exceed 1, the largest drop there is.

    Raises:
        ValueError: if an argument is out of its range.
    """
    if n < 1 or not 0.0 < discordance <= 1.0 or abs(drop) > discordance:
        raise ValueError(f"{n=} must be positive, {discordance=:g} in (0, 1], and {drop=:g} within it")
    # Not smaller than the exact solution, lest rounding ask for one prompt more.
    margin = drop + _quantile(alpha, power) * math.sqrt((discordance - drop**2) / n) * (1.0 + 1e-9)
    return margin if margin <= 1.0 else None


def detectable_drop(
    n: int, *, discordance: float, margin: float, alpha: float = 0.05, power: float = USUAL_POWER
) -> float | None:
    """Smallest true drop that `n` prompts show to exceed the margin, with probability `power`.

    Solves (drop - margin)^2 n = (z_alpha + z_power)^2 (discordance - drop^2), as in `prompts_needed`.

    Args:
        n: prompts, at least 1.
        discordance: share of discordant pairs, in (0, 1].
        margin: largest drop allowed, in [0, 1].
        alpha: one-sided error rate.
        power: probability of a fail.

    Returns:
        The drop, or None where it would exceed the discordance, which no drop does.

    Raises:
        ValueError: if an argument is out of its range.
    """
    if n < 1 or not 0.0 < discordance <= 1.0 or not 0.0 <= margin <= 1.0:
        raise ValueError(f"{n=} must be positive, {discordance=:g} in (0, 1], and {margin=:g} in [0, 1]")
    if margin >= discordance:
        return None
    z2 = _quantile(alpha, power) ** 2
    root = math.sqrt(z2 * (discordance * (n + z2) - n * margin**2))
    drop = (n * margin + root) / (n + z2)
    return drop if drop <= discordance else None


def more_prompts(
    estimate: Estimate, *, minimum: float | None = None, maximum: float | None = None, power: float = USUAL_POWER
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
    # Nobody asks as many prompts as the smallest distance needs, and below it the division has no result.
    return max(math.ceil(_quantile(alpha, power) ** 2 * variance / max(distance, _SMALLEST_DISTANCE) ** 2), 1)


def _quantile(alpha: float, power: float) -> float:
    if not 0.0 < alpha < 1.0 or not 0.0 < power < 1.0:
        raise ValueError(f"alpha and power must lie inside (0, 1), got {alpha:g} and {power:g}")
    return float(ndtri(1.0 - alpha) + ndtri(power))
