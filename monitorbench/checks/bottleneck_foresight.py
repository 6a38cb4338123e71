"""What a number of prompts can tell of a bottleneck, before anything is recorded."""

from __future__ import annotations

from collections.abc import Iterable

from monitorbench.checks.base import Foresight
from monitorbench.stats.power import detectable_drop, detectable_margin, prompts_needed
from monitorbench.suite.model import CheckSpec, Suite

DISCORDANCES = (0.05, 0.1, 0.2)
"""Shares of prompts whose outcome a bottleneck may change: what is seen depends on it, and is not known before."""


def foresee(spec: CheckSpec, suite: Suite, power: float) -> Foresight:
    """Which drops the prompts of the check's task can rule out, and which they can show.

    The warning assumes the least of `DISCORDANCES`, so that none is for nothing.
    """
    task, margin = suite.tasks[spec.parameters["task"]], spec.parameters["max_drop"]
    ruled_out = {share: detectable_margin(task.n, discordance=share, power=power) for share in DISCORDANCES}
    shown = {share: detectable_drop(task.n, discordance=share, margin=margin, power=power) for share in DISCORDANCES}
    shares = ", ".join(f"{share:.0%}" for share in DISCORDANCES)
    words = (
        f"{task.n:,} prompts rule out drops above {_points(ruled_out.values())} points, and show drops from "
        f"{_points(shown.values())} points on to exceed {margin * 100:g}, where the bottleneck changes the outcome of "
        f"{shares} of the prompts"
    )
    figures = {"discordances": list(DISCORDANCES), "ruled_out": list(ruled_out.values()), "shown": list(shown.values())}
    return Foresight(
        n=task.n,
        words=words,
        figures=figures,
        warning=_warning(spec, task.name, task.n, margin),
    )


def _points(drops: Iterable[float | None]) -> str:
    return ", ".join("none" if drop is None else f"{drop * 100:.1f}" for drop in drops)


def _warning(spec: CheckSpec, task: str, n: int, margin: float) -> str:
    share = DISCORDANCES[0]
    needed = prompts_needed(discordance=share, margin=margin)
    if needed <= n:
        return ""
    return (
        f"check {spec.id} will hardly be decided: showing a drop below {margin * 100:g} points takes about "
        f"{needed:,} prompts, even if the bottleneck costs nothing and changes the outcome of only {share:.0%} of them "
        f"(assumed); task {task} has {n:,}; raise its n or max_drop"
    )
