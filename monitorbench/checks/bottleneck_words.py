"""The verdict of a bottleneck check in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from monitorbench.checks.bottleneck_arms import SOFT
from monitorbench.checks.bottleneck_finding import SHUFFLED, ZERO, Cause, Standing
from monitorbench.checks.bottleneck_ladder import loosest_first
from monitorbench.checks.bottleneck_lost import Lost
from monitorbench.checks.bottleneck_measured import Measured
from monitorbench.stats.interval import Estimate
from monitorbench.stats.power import more_prompts
from monitorbench.suite.model import CheckSpec


def reason(spec: CheckSpec, measured: Measured, lost: Mapping[str, Lost]) -> str:
    """The verdict of the rung that gates, then what the ladder shows, then which losses may be the sampler's."""
    found = measured.finding
    if found.cause in _UNFIT:
        return _UNFIT[found.cause](spec, measured)
    if not found.used:
        return _use(spec, measured)
    return " ".join([_cost(spec, measured), *_ladder(measured), *_loops(measured, lost)])


def points(estimate: Estimate) -> str:
    """A share in points, with its interval."""
    return f"{estimate.value * 100:.1f} points [{estimate.low * 100:.1f}, {estimate.high * 100:.1f}]"


def _use(spec: CheckSpec, measured: Measured) -> str:
    """That the channel is not used, or that this is not clear."""
    least, found, drops = spec.parameters["min_floor_drop"], measured.finding, measured.floors
    channel = measured.design.channel.name
    if found.cause is Cause.USE_UNCLEAR:
        floor = drops[found.control]
        text = f"It is not clear whether the channel {channel} is used: the control {found.control} costs "
        return text + f"{points(floor)}, to be compared with {least * 100:g}.{_needed(floor, least)}"
    text = (
        f"The channel {channel} is not used: removing it costs {points(drops[ZERO])} and shuffling it "
        f"{points(drops[SHUFFLED])}, both below {least * 100:g} points, so a small drop proves nothing."
    )
    return text + (" It can be removed without loss." if found.removable else "")


def _cost(spec: CheckSpec, measured: Measured) -> str:
    """What the bottleneck that gates costs a channel that is used."""
    margin, found = spec.parameters["max_drop"], measured.finding
    floor = f"the channel is used: the control {found.control} costs {points(measured.floors[found.control])}"
    text = f"{_forced(measured)} costs {points(measured.drop)}, the margin being {margin * 100:g}; {floor}."
    if found.cause is Cause.FLOOR_WITHIN_MARGIN:
        more = " Losing the whole channel may cost no more than the margin allows: only a smaller max_drop can tell."
        return text + more
    return text + (_needed(measured.drop, margin) if found.cause is Cause.DROP_UNCLEAR else "")


def _forced(measured: Measured) -> str:
    """What the bottleneck is, as the subject of a sentence."""
    channel = measured.design.channel
    if channel.kind == "state":
        return f"The channel {channel.name} has no token reading, so that nothing of it gets through tokens: losing it"
    return f"Keeping {measured.design.gate} of {channel.name}"


def _ladder(measured: Measured) -> list[str]:
    """Where the knee of a ladder lies; nothing of a single rung."""
    rungs = measured.design.rungs
    if len(rungs) < 2:
        return []
    which = f"Of {len(rungs)} rungs, {measured.design.gate} gates."
    knee, loosest = measured.knee, loosest_first(rungs)[0]
    tightest = f"{'smallest' if loosest.tight_is_small else 'largest'} {loosest.letter} that holds"
    if knee is None:
        return [which, f"No {tightest} can be named: the loosest rung, {loosest.name}, was not shown to hold."]
    return [which, f"The {tightest} is {knee.value:g}."]


def _loops(measured: Measured, lost: Mapping[str, Lost]) -> list[str]:
    """Of every rung that does not hold for what may be the sampler's doing; a state has no reading to be excused."""
    said = [
        f"Under {rung.name}, {lost[rung.name].in_words()}."
        for rung in measured.design.rungs
        if lost[rung.name].mostly_loops and measured.findings[rung.name].standing is not Standing.READABLE
    ]
    return [*said, _SAMPLER] if said else []


_SAMPLER = (
    "The sampler (its entropy bound, its steps, the token budget), not the reading, may be what fails there: see "
    "sampling.sampler."
)


def _needed(estimate: Estimate, margin: float) -> str:
    more = more_prompts(estimate, maximum=margin)
    if more is None:
        return " The estimate lies on the bound: more prompts would hardly decide."
    return f" About {more} more prompts would decide, were the truth as observed."


def _control_changed(_spec: CheckSpec, measured: Measured) -> str:
    control = measured.finding.control
    text = f"The control {control} changed {measured.changed[control]:.1%} of the rollouts, though it changes nothing"
    return text + ": the adapter does not carry back what it was given."


def _identity_moved(_spec: CheckSpec, measured: Measured) -> str:
    control = measured.finding.control
    return f"The control {control} moved the accuracy by {points(measured.drops[control])}, though it changes nothing."


def _nothing_solved(_spec: CheckSpec, measured: Measured) -> str:
    share = sum(measured.accuracy[SOFT]) / measured.n
    return f"The untouched model answers {share:.1%} of {measured.n} prompts correctly: no accuracy can be lost."


def _nothing_felt(_spec: CheckSpec, _measured: Measured) -> str:
    return (
        "Removing the channel changed nothing that was observed, to the last bit: either the adapter's edits do not "
        "arrive, or nothing was ever carried."
    )


def _nothing_written(_spec: CheckSpec, measured: Measured) -> str:
    controls = ", ".join((SHUFFLED, *measured.design.further))
    return (
        f"Other values in place of the channel's ({controls}) changed nothing that was observed, to the last bit, "
        "though removing it did: values that are put back do not arrive, so that the bottleneck did not either, or the "
        "channel says the same of every prompt and every token."
    )


_UNFIT: Mapping[Cause | None, Callable[[CheckSpec, Measured], str]] = {
    Cause.CONTROL_CHANGED: _control_changed,
    Cause.IDENTITY_MOVED: _identity_moved,
    Cause.NOTHING_SOLVED: _nothing_solved,
    Cause.NOTHING_FELT: _nothing_felt,
    Cause.NOTHING_WRITTEN: _nothing_written,
}
