"""The depths that the check compares: candidate and baseline, at every context length, by what is cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitorbench.notices import TraceStarted, tell

if TYPE_CHECKING:
    from monitorbench.adapters.base import Adapter
    from monitorbench.checks.base import Evidence
    from monitorbench.depth import DepthResult
    from monitorbench.suite.model import CheckSpec, Suite


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    """What was counted at one context length.

    Attributes:
        context_length: positions in all.
        opaque: the candidate with every channel opaque.
        interpretable: the candidate with every channel cut.
        applied: the candidate with the channel cut that counts as interpretable; the bounds are about this one. Of
            several such channels, the one that shortens it most is cut: each was shown with the others as they are.
        baseline: the baseline with every channel cut; None where no bound compares with it.
    """

    context_length: int
    opaque: DepthResult
    interpretable: DepthResult
    applied: DepthResult
    baseline: DepthResult | None

    @property
    def ratio(self) -> float:
        """The depth that applies, in baselines.

        Raises:
            UsageError: the baseline's depth is 0.
        """
        assert self.baseline is not None  # only asked for where a bound compares with the baseline
        return self.applied.ratio(self.baseline)


def count(spec: CheckSpec, evidence: Evidence, *, shown: frozenset[str], against_baseline: bool) -> tuple[Counted, ...]:
    """Trace the candidate, and the baseline where it is needed, once at each context length, shortest first.

    Args:
        spec: the check.
        evidence: the suite and its models.
        shown: channels that count as interpretable.
        against_baseline: whether a bound compares with the baseline.

    Raises:
        UsageError: a context length is too short for a model.
        UnknownOperationError: a model runs an operation without a depth rule.
    """
    found = []
    for length in context_lengths(spec):
        candidate = _traced("candidate", spec, evidence, length)
        found.append(
            Counted(
                context_length=length,
                opaque=candidate.depth(frozenset()),
                interpretable=candidate.depth(candidate.channels),
                applied=candidate.depth_with_one_cut(shown),
                baseline=_baseline(spec, evidence, length) if against_baseline else None,
            )
        )
    return tuple(found)


def context_lengths(spec: CheckSpec) -> list[int]:
    """The context lengths that a check declares, shortest first."""
    declared = spec.parameters["context_length"]
    return sorted(declared) if isinstance(declared, list) else [declared]


def as_json(counted: Counted) -> dict[str, Any]:
    """Everything counted at one context length, for the report; of the depth that applies, the path by module too."""
    from monitorbench.depth.explain import condensed

    base = counted.baseline
    return {
        "context_length": counted.context_length,
        "candidate": {
            "opaque": _result_as_json(counted.opaque, base),
            "interpretable": _result_as_json(counted.interpretable, base),
        },
        "applied": {**_result_as_json(counted.applied, base), "modules": condensed(counted.applied)},
        **({} if base is None else {"baseline": _result_as_json(base, base)}),
    }


def _baseline(spec: CheckSpec, evidence: Evidence, length: int) -> DepthResult:
    """The baseline at its most readable: its own opaque channels must not make the same in a candidate pass."""
    traced = _traced("baseline", spec, evidence, length)
    return traced.depth(traced.channels)


def _traced(role: str, spec: CheckSpec, evidence: Evidence, length: int) -> _Traced:
    """A model at one context length; no bound changes its depths."""
    if (role, length) not in evidence.kept:
        evidence.kept[role, length] = _Traced(evidence.adapters[role], spec, evidence.suite, length)
    found: _Traced = evidence.kept[role, length]
    return found


class _Traced:
    """Depths of one model at one context length; it is traced once."""

    def __init__(self, adapter: Adapter, spec: CheckSpec, suite: Suite, context_length: int) -> None:
        from monitorbench.adapters.batches import own_settings
        from monitorbench.depth import trace_segment

        sampler = own_settings(adapter, suite.sampling.sampler)
        segments = adapter.segments(
            context_length=context_length, max_new_tokens=suite.sampling.max_new_tokens, sampler=sampler
        )
        named = {name for segment in segments for name in (*segment.inputs, *segment.outputs)}
        self.channels = frozenset(channel.name for channel in adapter.carries(sampler) if channel.name in named)
        self._traces = []
        for number, segment in enumerate(segments, start=1):
            name = f"{adapter.family} at {context_length:,} positions"
            tell(TraceStarted(model=name, segment=segment.name, number=number, total=len(segments)))
            self._traces.append(trace_segment(segment, spec.parameters["convention"]))

    def depth(self, interpretable: frozenset[str]) -> DepthResult:
        from monitorbench.depth import compose

        return compose(self._traces, interpretable & self.channels)

    def depth_with_one_cut(self, shown: frozenset[str]) -> DepthResult:
        """The smallest depth with one of these channels cut; with none, where there is none."""
        cuts = [frozenset({channel}) for channel in sorted(shown & self.channels)] or [frozenset[str]()]
        return min((self.depth(cut) for cut in cuts), key=lambda result: result.depth)


def _result_as_json(result: DepthResult, base: DepthResult | None) -> dict[str, Any]:
    return {
        "depth": result.depth,
        **({} if base is None else {"ratio": result.ratio(base)}),
        "depth_at_fewest_repeats": result.depth_at_fewest_repeats,
        "cut_at": list(result.interpretable),
        "segments": [{"name": s.segment, "gates": s.gates, "repeat": list(s.repeat)} for s in result.segments],
        "path": [{"segment": step.segment, "times": step.times, "gates": step.gates} for step in result.path],
        "notes": list(result.notes),
    }
