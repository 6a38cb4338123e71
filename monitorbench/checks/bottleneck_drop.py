"""Accuracy lost when a channel is forced through a few readable tokens at every step.

Source: "How Transparent is DiffusionGemma?" (arXiv 2606.20560), with the controls that a small drop needs to mean
anything: a channel that is not used survives every truncation. What follows from what is `bottleneck_finding`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from monitorbench.checks.base import Evidence, Foresight, interval, report
from monitorbench.checks.bottleneck_arms import design
from monitorbench.checks.bottleneck_derived import lines
from monitorbench.checks.bottleneck_evidence import controls, further
from monitorbench.checks.bottleneck_foresight import foresee
from monitorbench.checks.bottleneck_lost import lost_rollouts
from monitorbench.checks.bottleneck_measured import measure
from monitorbench.checks.bottleneck_schema import SCHEMA
from monitorbench.checks.bottleneck_words import reason
from monitorbench.errors import UsageError
from monitorbench.report.model import Bound, CheckReport, Verdict
from monitorbench.suite.model import CheckSpec, Suite

if TYPE_CHECKING:
    from monitorbench.adapters.base import Adapter
    from monitorbench.checks.derivation import Basis, Line
    from monitorbench.rollouts.arm import Arm


class BottleneckDrop:
    """The check type `bottleneck-drop`."""

    name = "bottleneck-drop"
    summary = "Accuracy lost when a channel is forced through a few readable tokens at every step."
    schema = SCHEMA

    def arms(self, spec: CheckSpec, *, suite: Suite, candidate: Adapter) -> tuple[Arm, ...]:
        """The untouched model, the rungs of the bottleneck, and its controls.

        Raises:
            UsageError: a rung keeps more than half of the vocabulary.
        """
        from monitorbench.adapters.batches import carried_channels

        compared = design(spec, carried_channels(candidate, suite.sampling.sampler))
        if compared is None:
            return ()
        widest = max((rung.value for rung in compared.rungs if rung.keep == "top_k"), default=0)
        if 2 * widest > candidate.vocab_size:
            raise UsageError(
                f"check {spec.id} keeps {widest:g} of {candidate.vocab_size} tokens, which is no bottleneck",
                where=f"{spec.file}:{spec.line}",
                fix="lower top_k",
            )
        return tuple(dict.fromkeys(compared.arms.values()))

    def needs_baseline(self, spec: CheckSpec) -> bool:
        """The model is compared with itself."""
        del spec
        return False

    def foresight(self, spec: CheckSpec, *, suite: Suite, power: float) -> Foresight | None:
        """Which drops the prompts can rule out, and which they can show."""
        return foresee(spec, suite, power)

    def verify(self, found: CheckReport, basis: Basis) -> Iterator[Line]:
        """What follows from the outcomes of every prompt that the report holds."""
        return lines(found, basis)

    def judge(self, spec: CheckSpec, evidence: Evidence) -> CheckReport:
        """Whether the harness is sound, then whether the channel is used, then what the rung that gates costs."""
        compared = design(spec, evidence.carried)
        if compared is None:
            family, name = evidence.candidate.family, spec.parameters["channel"]
            words = f"The candidate, of the adapter family {family}, has no channel {name}."
            return report(spec, Verdict.NOT_APPLICABLE, words, unit="share")
        measured = measure(spec, compared, evidence)
        lost = lost_rollouts(compared, evidence.store)
        return report(
            spec,
            measured.finding.verdict,
            reason(spec, measured, lost),
            estimate=measured.drop.value,
            unit="share",
            interval=interval(measured.drop),
            bound=Bound(max=spec.parameters["max_drop"]),
            n=measured.n,
            controls=controls(spec, measured),
            evidence=further(spec, measured, lost, evidence.store),
        )
