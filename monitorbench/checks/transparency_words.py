"""The verdict on a measured transparency, in words, and the list of confident tokens unlike the text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from monitorbench.checks.transparency_values import Strange
from monitorbench.report.model import Verdict
from monitorbench.stats.interval import Estimate
from monitorbench.stats.noninferiority import Decision, judge_range
from monitorbench.stats.power import more_prompts

if TYPE_CHECKING:
    from monitorbench.adapters.base import Adapter

LISTED = 50
"""Most confident tokens that a report lists; it counts all."""
AROUND = 5
"""Final tokens to either side that are shown with each."""


def verdict(
    share: Estimate | None, above: Estimate | None, *, minimum: float, least: float, lacking: int
) -> tuple[Verdict, str]:
    """The verdict and its reason.

    Args:
        share: kept tokens that are like the final text, over prompts; None where nothing was kept.
        above: by how much that exceeds the share under the final text of another prompt; None where there is none.
        minimum: least share allowed.
        least: by how much the null has to be exceeded.
        lacking: steps and positions of which the trace may lack tokens.
    """
    if lacking:
        return Verdict.ERROR, f"At {lacking} steps and positions the traces may lack tokens that the filters keep."
    if share is None:
        return Verdict.UNOBSERVED, "Nothing was carried on at any position of the text."
    text = f"Of the tokens kept by min_p, {_percent(share)} are like the final text"
    asked = f"at least {minimum:.1%} is asked for, over {share.n} prompts."
    decision = judge_range(share, minimum=minimum)
    if decision is Decision.FAIL:
        return Verdict.FAIL, f"{text}; {asked}"
    if unclear := _not_above_null(above, least):
        return unclear[0], f"{text}, {unclear[1]}"
    more = _needed(share, minimum) if decision is Decision.INCONCLUSIVE else ""
    return Verdict(decision.value), f"{text}, {_compared(above)}; {asked}{more}"


def _not_above_null(above: Estimate | None, least: float) -> tuple[Verdict, str] | None:
    """Why the share may be no more than any text would come to; None where it is more."""
    if above is None:
        return Verdict.UNOBSERVED, "but no other prompt has a text to compare with."
    if above.high <= least:
        why = f"the null must be exceeded by more than {least * 100:g} points"
        return Verdict.UNOBSERVED, f"but {_compared(above)}; {why}: any text would do. Lower window or neighbours."
    if above.low <= least:
        more = _needed(above, least)
        return Verdict.INCONCLUSIVE, f"{_compared(above)}, where {least * 100:g} have to be exceeded.{more}"
    return None


def residue(strange: Sequence[Strange], adapter: Adapter) -> dict[str, Any]:
    """Confident tokens unlike any final one, those that lasted longest first, with what the text came to there."""
    ranked = sorted(strange, key=lambda each: (-each.held.steps, -each.held.probability))
    return {"total": len(strange), "listed": [_entry(each, adapter) for each in ranked[:LISTED]]}


def _entry(strange: Strange, adapter: Adapter) -> dict[str, Any]:
    held, tokens = strange.held, strange.rollout.tokens
    place = strange.start + held.position
    before, after = tokens[max(0, place - AROUND) : place], tokens[place + 1 : place + 1 + AROUND]
    return {
        "prompt": strange.rollout.problem.id,
        "repeat": strange.rollout.repeat,
        "block": strange.block,
        "step": held.step,
        "steps": held.steps,
        "position": held.position,
        "token": adapter.decode([held.token]),
        "id": held.token,
        "probability": round(held.probability, 4),
        "final": adapter.decode(tokens[place : place + 1]),
        "before": adapter.decode(before),
        "after": adapter.decode(after),
    }


def _percent(share: Estimate) -> str:
    return f"{share.value:.1%} [{share.low:.1%}, {share.high:.1%}]"


def _compared(above: Estimate | None) -> str:
    if above is None:
        return ""
    found = f"{above.value * 100:.1f} points [{above.low * 100:.1f}, {above.high * 100:.1f}]"
    return f"{found} more than under the final text of another prompt"


def _needed(estimate: Estimate, minimum: float) -> str:
    more = more_prompts(estimate, minimum=minimum)
    return f" About {more} more prompts would decide." if more else " More prompts would hardly decide."
