"""What checks of one rate share: seeds averaged inside prompts, and a verdict on a range in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitorbench.checks.base import Evidence
from monitorbench.metrics.score import Score
from monitorbench.report.model import Dropped, Verdict
from monitorbench.stats.estimators import Estimators
from monitorbench.stats.interval import Estimate
from monitorbench.stats.noninferiority import Decision, judge_range
from monitorbench.stats.power import more_prompts

if TYPE_CHECKING:
    from monitorbench.rollouts.arm import Rollout

Rollouts = Mapping[str, Sequence["Rollout"]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Shares:
    """A share in [0, 1] for every prompt that has one, by prompt, and how many have none, by reason."""

    values: Mapping[str, float]
    missing: Mapping[str, int]

    def estimate(self, estimators: Estimators) -> Estimate | None:
        """Their mean; None where no prompt has one."""
        return estimators.mean(list(self.values.values())) if self.values else None

    def above(self, other: Shares, estimators: Estimators) -> Estimate | None:
        """By how much they exceed others, over the prompts that have both; None where none has."""
        both = [value - other.values[prompt] for prompt, value in self.values.items() if prompt in other.values]
        return estimators.mean(both, low=-1.0, high=1.0) if both else None

    @property
    def dropped(self) -> tuple[Dropped, ...]:
        """Prompts without a share, for a report."""
        return tuple(Dropped(reason=reason, count=count) for reason, count in sorted(self.missing.items()))

    @property
    def why_none(self) -> str:
        """Why no prompt has a share."""
        return ", ".join(sorted(self.missing)) or "no rollouts"


def shares(rollouts: Rollouts, score_of: Callable[[Rollout], Score]) -> Shares:
    """Averages the seeds of each prompt; one with no defined score is missing for the reason of its first seed."""
    values: dict[str, float] = {}
    missing = Counter[str]()
    for prompt, seeds in rollouts.items():
        scores = [score_of(rollout) for rollout in seeds]
        defined = [score.value for score in scores if score.value is not None]
        if defined:
            values[prompt] = sum(defined) / len(defined)
        else:
            missing[scores[0].status.removeprefix("undefined: ")] += 1
    return Shares(values=values, missing=dict(missing))


def carries_predictions(evidence: Evidence) -> bool:
    """Whether what the candidate predicts at one step reaches the next, beside the tokens of the canvas."""
    return any(channel.axis == "step" for channel in evidence.carried)


def judged(
    what: str, estimate: Estimate, *, least: float | None = None, most: float | None = None
) -> tuple[Verdict, str]:
    """The verdict on a share, and its reason; `what` says what was measured, as the start of a sentence."""
    asked = " and ".join(
        f"{word} {bound:g}" for word, bound in (("at least", least), ("at most", most)) if bound is not None
    )
    ends = " by construction" if estimate.sd == 0.0 else f" [{estimate.low:.3f}, {estimate.high:.3f}]"
    text = f"{what} is {estimate.value:.3f}{ends} over {estimate.n} prompts; {asked} is asked for."
    decision = judge_range(estimate, minimum=least, maximum=most)
    if decision is Decision.INCONCLUSIVE:
        text += needed(estimate, least=least, most=most)
    return Verdict(decision.value), text


def needed(estimate: Estimate, *, least: float | None = None, most: float | None = None) -> str:
    """How many more prompts would decide, as a sentence."""
    more = more_prompts(estimate, minimum=least, maximum=most)
    return f" About {more} more prompts would decide." if more else " More prompts would hardly decide."
