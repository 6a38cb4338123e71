"""The depths that the check compares: candidate and baseline, at every context length, by what is cut."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, Self

from monitorbench.errors import UsageError
from monitorbench.notices import TraceStarted, tell

if TYPE_CHECKING:
    from monitorbench.adapters.base import Adapter
    from monitorbench.checks.base import Evidence
    from monitorbench.depth import DepthResult
    from monitorbench.suite.model import CheckSpec, Suite


@dataclass(frozen=True, kw_only=True, slots=True)
class Depth:
    """One depth, with what a report holds of its path.

    Attributes:
        depth: gates on the longest path.
        fewest: the same with every segment at its smallest repeat.
        cut_at: names at which paths were cut, beside tokens.
        path: `segments`, `path` and `notes` as a report holds them.
        modules: the path by module (`explain.condensed`); None in reports that hold it of another cut only.
    """

    depth: int
    fewest: int
    cut_at: tuple[str, ...]
    path: Mapping[str, Any]
    modules: Mapping[str, Any] | None

    @classmethod
    def of(cls, result: DepthResult) -> Self:
        """The depth that was traced."""
        from monitorbench.depth.explain import condensed

        path = {
            "segments": [{"name": s.segment, "gates": s.gates, "repeat": list(s.repeat)} for s in result.segments],
            "path": [{"segment": step.segment, "times": step.times, "gates": step.gates} for step in result.path],
            "notes": list(result.notes),
        }
        fewest, cut_at = result.depth_at_fewest_repeats, tuple(result.interpretable)
        return cls(depth=result.depth, fewest=fewest, cut_at=cut_at, path=path, modules=condensed(result))

    @classmethod
    def held(cls, found: Mapping[str, Any]) -> Self:
        """The depth that a report holds."""
        return cls(
            depth=found["depth"],
            fewest=found["depth_at_fewest_repeats"],
            cut_at=tuple(found["cut_at"]),
            path={name: found[name] for name in ("segments", "path", "notes")},
            modules=found.get("modules"),
        )

    def ratio(self, baseline: Depth) -> float:
        """This depth over that of a baseline.

        Raises:
            UsageError: the baseline's depth is 0.
        """
        if not baseline.depth:
            raise UsageError("there is no ratio to a depth of 0", fix="name another baseline")
        return self.depth / baseline.depth

    def as_json(self, base: Depth | None) -> dict[str, Any]:
        """For the report."""
        return {
            "depth": self.depth,
            **({} if base is None else {"ratio": self.ratio(base)}),
            "depth_at_fewest_repeats": self.fewest,
            "cut_at": list(self.cut_at),
            **self.path,
            **({} if self.modules is None else {"modules": self.modules}),
        }


class Depths(Protocol):
    """Every depth of one model at one context length that a check may ask for."""

    @property
    def channels(self) -> frozenset[str]:
        """Names of the channels at which it can be cut."""

    def depth(self, interpretable: frozenset[str]) -> Depth:
        """With these channels cut: none of them, all, or one.

        Raises:
            NotRecordedError: it is not at hand, and nothing can be traced.
        """


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    """What was counted at one context length.

    Attributes:
        context_length: positions in all.
        opaque: the candidate with every channel opaque.
        interpretable: the candidate with every channel cut.
        by_channel: the candidate with one channel cut, for each of several.
        applied: the candidate with the channel cut that counts as interpretable; the bounds are about this one. Of
            several such channels, the one that shortens it most is cut: each was shown with the others as they are.
        baseline: the baseline with every channel cut; None where no bound compares with it.
    """

    context_length: int
    opaque: Depth
    interpretable: Depth
    applied: Depth
    baseline: Depth | None
    by_channel: Mapping[str, Depth]

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

    Where no model is at hand, the depths are those of the report whose rollouts are judged again.

    Args:
        spec: the check.
        evidence: the suite and its models.
        shown: channels that count as interpretable.
        against_baseline: whether a bound compares with the baseline.

    Raises:
        UsageError: a context length is too short for a model.
        UnknownOperationError: a model runs an operation without a depth rule.
        NotRecordedError: a depth is not in that report.
    """
    found = []
    for length in context_lengths(spec):
        candidate = _depths("candidate", spec, evidence, length)
        # The baseline at its most readable: its own opaque channels must not make the same in a candidate pass.
        base = _depths("baseline", spec, evidence, length) if against_baseline else None
        baseline = None if base is None else base.depth(base.channels)
        found.append(counted(length, candidate, shown=shown, baseline=baseline))
    return tuple(found)


def counted(length: int, candidate: Depths, *, shown: Iterable[str], baseline: Depth | None) -> Counted:
    """What is counted at one context length, given all depths."""
    channels = sorted(candidate.channels)
    by_channel = {name: candidate.depth(frozenset({name})) for name in channels} if len(channels) > 1 else {}
    cuts = [frozenset({name}) for name in channels if name in shown] or [frozenset[str]()]
    return Counted(
        context_length=length,
        opaque=candidate.depth(frozenset()),
        interpretable=candidate.depth(candidate.channels),
        by_channel=by_channel,
        applied=min(map(candidate.depth, cuts), key=lambda result: result.depth),
        baseline=baseline,
    )


def context_lengths(spec: CheckSpec) -> list[int]:
    """The context lengths that a check declares, shortest first."""
    declared = spec.parameters["context_length"]
    return sorted(declared) if isinstance(declared, list) else [declared]


def as_json(counted: Counted) -> dict[str, Any]:
    """Everything counted at one context length, for the report."""
    base = counted.baseline
    several = {name: depth.as_json(base) for name, depth in counted.by_channel.items()}
    return {
        "context_length": counted.context_length,
        "candidate": {
            "opaque": counted.opaque.as_json(base),
            "interpretable": counted.interpretable.as_json(base),
            **({"by_channel": several} if several else {}),
        },
        "applied": counted.applied.as_json(base),
        **({} if base is None else {"baseline": replace(base, modules=None).as_json(base)}),
    }


def _depths(role: str, spec: CheckSpec, evidence: Evidence, length: int) -> Depths:
    """A model at one context length; no bound changes its depths."""
    if evidence.earlier is not None:
        from monitorbench.checks.opaque_depth_held import held

        return held(role, spec, evidence.suite, evidence.earlier, length)
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
        self._known: dict[frozenset[str], Depth] = {}

    def depth(self, interpretable: frozenset[str]) -> Depth:
        from monitorbench.depth import compose

        if interpretable not in self._known:
            self._known[interpretable] = Depth.of(compose(self._traces, interpretable))
        return self._known[interpretable]
