"""What rollouts that raised do to a verdict: they are told and counted, and never make a check pass.

A prompt of which a rollout raised, in any arm that a check reads, is left out of all of them. What its rollouts would
have come to is not known, so that every interval is widened to hold it (`Estimators.unseen`): a check passes, or fails,
only if it would whatever those had come to (worst-case bounds of Horowitz and Manski, Econometrica 63 (1995) 281). And
where more than a few of an arm's rollouts raised, nothing is said but that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from monitorbench.report.model import CheckReport, Dropped, Verdict

if TYPE_CHECKING:
    from monitorbench.rollouts.arm import Rollout
    from monitorbench.rollouts.whole_prompts import WholePrompts

MOST = 0.05
"""Share of an arm's rollouts that may raise; of more, a check that reads it comes to no verdict."""
TOLD = 5
"""Reasons that are told one by one, the commonest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Raised:
    """Rollouts of one arm that raised.

    Attributes:
        arm: what the arm is called.
        rollouts: those that raised.
        of: rollouts of the arm.
    """

    arm: str
    rollouts: Sequence[Rollout]
    of: int

    @property
    def share(self) -> float:
        """Their share, in (0, 1]."""
        return len(self.rollouts) / self.of


def raised_in(store: WholePrompts) -> tuple[Raised, ...]:
    """Of every arm that was read, the rollouts that raised; arms without any are left out."""
    found = []
    for arm in store.read:
        everything = store.everything(arm)
        if raised := [rollout for rollout in everything if rollout.raised]:
            found.append(Raised(arm=arm.label, rollouts=raised, of=len(everything)))
    return tuple(found)


def with_raised(found: CheckReport, store: WholePrompts) -> CheckReport:
    """A check's report with what raised in the arms that it read."""
    raised = raised_in(store)
    if not raised:
        return found
    worst = max(raised, key=lambda each: each.share)
    reasons = Counter(rollout.error for each in raised for rollout in each.rollouts)
    count, of = reasons.total(), len(store.left_out)
    told = f"{_many(count, 'rollout')} raised, of {_many(of, 'prompt')}; the first: {raised[0].rollouts[0].error}."
    if worst.share > MOST:
        told += (
            f" Of {worst.arm} {len(worst.rollouts):,} of {worst.of:,} did, more than {MOST:.0%}: nothing can be said. "
            "A further run tries them again."
        )
        found = replace(found, verdict=Verdict.ERROR, reason=told)
    else:
        told += " These prompts are left out, and the interval holds whatever they would have come to."
        found = replace(found, reason=f"{found.reason} {told}")
    evidence = {"prompts": of, "too_many": worst.share > MOST, "arms": _arms(raised), "reasons": _most(reasons)}
    dropped = tuple(Dropped(reason=f"raised {reason}", count=n) for reason, n in _most(reasons).items())
    return replace(found, dropped=(*found.dropped, *dropped), evidence={**found.evidence, "raised": evidence})


def too_many(found: CheckReport) -> bool:
    """Whether a check came to no verdict because so many rollouts raised, which may be a smaller share of more."""
    return bool(found.evidence.get("raised", {}).get("too_many"))


def with_batches(found: CheckReport, store: WholePrompts, declared: int) -> CheckReport:
    """A check's report with the batch sizes at which the arms that it read ran, where one had to be halved."""
    ran = {arm: Counter(rollout.rows for rollout in store.everything(arm)) for arm in store.read}
    smaller = {rows for counts in ran.values() for rows in counts if 0 < rows < declared}
    if not smaller:
        return found
    by_arm = {arm.label: {str(rows): count for rows, count in sorted(counts.items())} for arm, counts in ran.items()}
    told = f"For want of memory some rollouts ran in batches of {', '.join(map(str, sorted(smaller)))}, not {declared}."
    return replace(found, reason=f"{found.reason} {told}", evidence={**found.evidence, "batches": by_arm})


def _arms(raised: Sequence[Raised]) -> Mapping[str, Any]:
    return {each.arm: {"raised": len(each.rollouts), "of": each.of} for each in raised}


def _most(reasons: Counter[str]) -> dict[str, int]:
    ranked = sorted(reasons.items(), key=lambda each: (-each[1], each[0]))
    rest = sum(count for _, count in ranked[TOLD:])
    return dict(ranked[:TOLD]) | ({"something else": rest} if rest else {})


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
