"""Coverage of the drop of seed averages, by simulation: prompts of differing difficulty, four rollouts each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitorbench.stats.paired import paired_difference

SIZES = (20, 50, 100)
ICCS = (0.0, 0.3, 0.7)
ARMS = ((0.6, 0.0), (0.6, 0.1), (0.9, 0.05))
SEEDS = 4
RUNS = 10_000
# Fewer than the estimator's own 5,000, which would take hours; the noise of a bound adds under half a point of error.
RESAMPLES = 1000


def cluster_coverage(*, sizes: Sequence[int] = SIZES, runs: int = RUNS) -> list[dict[str, Any]]:
    """One record per n, intraclass correlation, accuracy of the reference and true drop."""
    designs = [(n, icc, *arms) for n in sizes for icc in ICCS for arms in ARMS]
    return [_record(n=n, icc=icc, accuracy=accuracy, drop=drop, runs=runs) for n, icc, accuracy, drop in designs]


def _record(*, n: int, icc: float, accuracy: float, drop: float, runs: int) -> dict[str, Any]:
    rng = np.random.default_rng([n, int(10 * icc), int(100 * accuracy), int(100 * drop)])
    above, below, bootstrapped = 0, 0, 0
    for run in range(runs):
        reference_N = simulated_skill(rng, mean=accuracy, icc=icc, n=n)
        # Half of the prompts keep their difficulty under the candidate, half draw it anew.
        anew_N = simulated_skill(rng, mean=accuracy - drop, icc=icc, n=n)
        candidate_N = np.where(rng.random(n) < 0.5, reference_N * (1.0 - drop / accuracy), anew_N)
        averages = (rng.binomial(SEEDS, skill_N) / SEEDS for skill_N in (reference_N, candidate_N))
        estimate = paired_difference(*averages, resamples=RESAMPLES, seed=run)
        above += estimate.low > drop + 1e-12
        below += estimate.high < drop - 1e-12
        bootstrapped += "bootstrap" in estimate.method
    shares = {"lower": 1 - above / runs, "upper": 1 - below / runs, "two_sided": 1 - (above + below) / runs}
    figures = {**shares, "bootstrapped": bootstrapped / runs}
    design = {"n": n, "icc": icc, "accuracy": accuracy, "drop": drop, "seeds": SEEDS, "runs": runs}
    return {**design, **{name: round(figure, 4) for name, figure in figures.items()}}


def simulated_skill(rng: np.random.Generator, *, mean: float, icc: float, n: int) -> NDArray[np.float64]:
    """(n,) chances of a right answer, whose rollouts then have the intraclass correlation `icc`: a beta-binomial."""
    if icc == 0.0:
        return np.full(n, mean)
    spread = (1.0 - icc) / icc
    return rng.beta(mean * spread, (1.0 - mean) * spread, n)
