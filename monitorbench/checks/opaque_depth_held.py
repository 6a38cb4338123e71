"""Depths that a report holds, for judging them again where no model can be traced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitorbench.checks.opaque_depth_counts import Depth, Depths
from monitorbench.errors import NotRecordedError

if TYPE_CHECKING:
    from monitorbench.report.model import CheckReport, Report
    from monitorbench.suite.model import CheckSpec, Suite

TYPE = "opaque-depth-ratio"


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """The depths that a report holds of one model at one context length."""

    channels: frozenset[str]
    known: Mapping[frozenset[str], Depth]

    def depth(self, interpretable: frozenset[str]) -> Depth:
        """As `Depths.depth`."""
        if interpretable not in self.known:
            cut = ", ".join(sorted(interpretable)) or "nothing"
            raise NotRecordedError(f"the depth with {cut} cut is not in the report", fix="run the suite")
        return self.known[interpretable]


def held(role: str, spec: CheckSpec, suite: Suite, report: Report, length: int) -> Depths:
    """The depths of a model that a report holds, counted as a check asks for.

    Raises:
        NotRecordedError: it holds none such.
    """
    sampling = report.suite["sampling"]
    same = sampling["max_new_tokens"] == suite.sampling.max_new_tokens and sampling["sampler"] == dict(
        suite.sampling.sampler
    )
    asked = spec.parameters["convention"], length
    for context in _contexts(report, *asked) if same else ():
        if role == "candidate":
            return of_candidate(context)
        if "baseline" in context:
            depth = Depth.held(context["baseline"])
            return Held(channels=frozenset(depth.cut_at), known={frozenset(depth.cut_at): depth})
    what = f"no depth of the {role} at {length:,} positions under the convention {asked[0]} is in the report"
    raise NotRecordedError(what, fix="run the suite")


def of_candidate(context: Mapping[str, Any]) -> Held:
    """The depths of the candidate in one context of a check's evidence."""
    candidate: Mapping[str, Any] = context["candidate"]
    applied, several = context["applied"], candidate.get("by_channel", {})
    found = [Depth.held(each) for each in (candidate["opaque"], candidate["interpretable"], *several.values(), applied)]
    return Held(channels=frozenset(found[1].cut_at), known={frozenset(depth.cut_at): depth for depth in found})


def _contexts(report: Report, convention: str, length: int) -> Iterator[Mapping[str, Any]]:
    for check in report.checks:
        if _counts(check) and check.parameters["convention"] == convention:
            yield from (each for each in check.evidence["contexts"] if each["context_length"] == length)


def _counts(check: CheckReport) -> bool:
    return check.type == TYPE and "contexts" in check.evidence
