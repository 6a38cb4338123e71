"""Error rates and run lengths of sequential bounds that are looked at after every prompt, by simulation.

Shape suffixes: R runs, N prompts.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitorbench.stats.power import prompts_needed
from monitorbench.stats.sequential import log_wealth

ALPHA = 0.05
RUNS = 2000
LOOKS = 1000
# Share of discordant pairs, margin, a drop far beyond the margin, and seeds per prompt.
DESIGNS = (
    (0.05, 0.05, 0.05, 1),
    (0.1, 0.02, 0.1, 1),
    (0.1, 0.05, 0.1, 1),
    (0.3, 0.05, 0.2, 1),
    (0.3, 0.1, 0.3, 1),
    (0.3, 0.1, 0.3, 4),
)
_LONGEST = 3


def sequential_errors(*, runs: int = RUNS, looks: int = LOOKS) -> list[dict[str, Any]]:
    """Shares of runs that ever pass, or ever fail, although the drop sits exactly on the margin; both are errors."""
    records = []
    for discordance, margin, _, seeds in DESIGNS:
        drops_RN = _drops(discordance=discordance, drop=margin, seeds=seeds, shape=(runs, looks))
        errors = {"false_pass": _moments(drops_RN, margin, above=False), "false_fail": _moments(drops_RN, margin)}
        shares = {name: round(float((moment_R > 0).mean()), 4) for name, moment_R in errors.items()}
        design = {"discordance": discordance, "margin": margin, "seeds": seeds, "runs": runs, "looks": looks}
        records.append({**design, **shares})
    return records


def sequential_lengths(*, runs: int = RUNS) -> list[dict[str, Any]]:
    """Prompts until a run is decided.

    Against `fixed`, the n that decides with a power of .8 at this very drop, and `planned`, the n of a run that was
    planned without a drop in mind. A run ends undecided at three times the fixed n.
    """
    records = []
    for discordance, margin, large, seeds in DESIGNS:
        for drop in (0.0, large):
            if seeds > 1 or drop == margin:
                continue
            planned = prompts_needed(discordance=discordance, margin=margin)
            fixed = _fixed(discordance=discordance, margin=margin, drop=drop)
            drops_RN = _drops(discordance=discordance, drop=drop, seeds=1, shape=(runs, _LONGEST * fixed))
            moment_R = _moments(drops_RN, margin, above=drop > margin)
            stop_R = np.where(moment_R > 0, moment_R, _LONGEST * fixed)
            decided = {
                "decided_by_fixed": float(np.mean((moment_R > 0) & (moment_R <= fixed))),
                "decided": float(np.mean(moment_R > 0)),
            }
            shares = {name: round(share, 4) for name, share in decided.items()}
            lengths = {"mean": round(float(stop_R.mean()), 1), "median": float(np.median(stop_R))}
            design = {"discordance": discordance, "margin": margin, "drop": drop, "runs": runs}
            records.append({**design, "planned": planned, "fixed": fixed, **lengths, **shares})
    return records


def _fixed(*, discordance: float, margin: float, drop: float) -> int:
    if drop < margin:
        return prompts_needed(discordance=discordance, margin=margin, drop=drop)
    # Showing that a drop exceeds the margin is the mirror of showing that a gain keeps it.
    return prompts_needed(discordance=discordance, margin=2.0 * drop - margin, drop=drop)


def _drops(*, discordance: float, drop: float, seeds: int, shape: tuple[int, int]) -> NDArray[np.float64]:
    """(R, N) paired differences, averaged over seeds; discordance is that of one seed."""
    rng = np.random.default_rng([int(1000 * discordance), int(1000 * drop), seeds])
    rates = [(discordance + drop) / 2.0, max(discordance - drop, 0.0) / 2.0, 1.0 - discordance]
    return np.asarray(rng.choice([1.0, -1.0, 0.0], p=rates, size=(seeds, *shape)).mean(axis=0))


def _moments(drops_RN: NDArray[np.float64], margin: float, *, above: bool = True) -> NDArray[np.int64]:
    """(R,) the first prompt after which the mean is shown to lie above (or below) the margin, 0 if it never is."""
    sign = 1.0 if above else -1.0
    wealth_RN = log_wealth((1.0 + sign * drops_RN) / 2.0, np.full(len(drops_RN), (1.0 + sign * margin) / 2.0))
    shown_RN = wealth_RN >= -math.log(ALPHA)
    return np.where(shown_RN.any(axis=1), shown_RN.argmax(axis=1) + 1, 0)
