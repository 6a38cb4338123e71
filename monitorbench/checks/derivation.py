"""What of a check's report can be derived again from the report itself, line by line, and what cannot."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from monitorbench.checks.base import LOOKED
from monitorbench.checks.per_prompt import KEY, MOST_PROMPTS, NULL, values_in
from monitorbench.checks.shares import Shares
from monitorbench.report.model import CheckReport, Control, Interval, Verdict
from monitorbench.stats.estimators import Estimators
from monitorbench.stats.interval import LEVEL, Estimate
from monitorbench.suite.model import CheckSpec

Status = Literal["match", "mismatch", "not derivable"]
VERDICT, REASON, BOUND = "verdict", "reason", "bound"
NO_FAMILY = "the adapter family of the candidate is not installed here"


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One thing that a report says, and what it has to be.

    Attributes:
        what: its place in the check's report.
        recorded: what the report says.
        derived: what follows from the rest of the report.
        why: why nothing follows; empty where something does.
    """

    what: str
    recorded: Any = None
    derived: Any = None
    why: str = ""

    @property
    def status(self) -> Status:
        """Whether the two agree."""
        if self.why:
            return "not derivable"
        return "match" if same(self.recorded, self.derived) else "mismatch"


@dataclass(frozen=True, kw_only=True, slots=True)
class Basis:
    """What a check's report may be derived from beside itself.

    Attributes:
        suite: the suite as it was run.
        judged: the reports of all checks by id.
        channels: names of what the candidate carries.
        left_to_right: whether it writes left to right by construction; None where its family is not installed.
        level: two-sided confidence level of the verdict.
    """

    suite: Mapping[str, Any]
    judged: Mapping[str, CheckReport]
    channels: tuple[str, ...] = ()
    left_to_right: bool | None = None
    level: float = LEVEL

    @property
    def estimators(self) -> Estimators:
        """What every sampled estimate was made by."""
        return Estimators(level=self.level, sequential=bool(self.suite["sampling"].get("sequential")))


@runtime_checkable
class Verifiable(Protocol):
    """A check type whose reports can be derived again; optional for a check type."""

    def verify(self, found: CheckReport, basis: Basis) -> Iterator[Line]:
        """What can be derived; the verdict always has a line."""


def spec_of(found: CheckReport) -> CheckSpec:
    """The check that a report is about, as its suite declared it."""
    return CheckSpec(id=found.id, type=found.type, parameters=found.parameters, file=found.file, line=found.line)


def missing(what: str, why: str) -> Line:
    """What does not follow from the report, and why."""
    return Line(what=what, why=why)


def nothing(found: CheckReport) -> Iterator[Line]:
    """The lines of a report that holds no measurement: neither a pass nor a fail follows from nothing."""
    if found.verdict in (Verdict.PASS, Verdict.FAIL):
        yield of_verdict(found, Verdict.UNOBSERVED)
    else:
        yield missing(VERDICT, f"nothing was measured that it could follow from: {found.reason}")


def not_held(found: CheckReport) -> Iterator[Line]:
    """The lines of a verdict whose values by prompt are not in the report."""
    if not found.evidence:
        yield from nothing(found)
        return
    many = found.n is not None and found.n > MOST_PROMPTS
    why = f"values of more than {MOST_PROMPTS:,} prompts are not kept" if many else "values by prompt are not kept"
    yield missing("estimate and interval", why)
    yield missing(VERDICT, why)


def of_verdict(found: CheckReport, verdict: Verdict) -> Line:
    """The line of the verdict."""
    return Line(what=VERDICT, recorded=found.verdict.value, derived=verdict.value)


def of_estimate(found: CheckReport, estimate: Estimate | None) -> Iterator[Line]:
    """The lines of the estimate, its interval and its number of prompts."""
    yield Line(what="estimate", recorded=found.estimate, derived=None if estimate is None else estimate.value)
    yield Line(what="interval", recorded=plain(found.interval), derived=ends(estimate))
    if estimate is not None:
        yield Line(what="n", recorded=found.n, derived=estimate.n)


def of_bound(found: CheckReport, **ends_: float | None) -> Line:
    """The line of the bound, which is what the check's parameters say."""
    return Line(what=BOUND, recorded=_bound(found), derived={"min": None, "max": None, **ends_})


def of_controls(found: CheckReport, controls: Sequence[Control]) -> Iterator[Line]:
    """One line for each control, and one for their names."""
    recorded = {control.name: control for control in found.controls}
    yield Line(what="controls", recorded=list(recorded), derived=[control.name for control in controls])
    for control in controls:
        if control.name in recorded:
            yield Line(
                what=f"controls: {control.name}", recorded=_control(recorded[control.name]), derived=_control(control)
            )


def of_report(found: CheckReport, derived: CheckReport, *evidence: str) -> Iterator[Line]:
    """The lines of everything that a check concludes from what it measured, and of named parts of its evidence."""
    yield of_verdict(found, derived.verdict)
    yield Line(what="estimate", recorded=found.estimate, derived=derived.estimate)
    yield Line(what="interval", recorded=plain(found.interval), derived=plain(derived.interval))
    yield Line(what=BOUND, recorded=_bound(found), derived=_bound(derived))
    yield Line(what="n", recorded=found.n, derived=derived.n)
    yield Line(what="rests_on", recorded=found.rests_on, derived=derived.rests_on)
    yield from of_controls(found, derived.controls)
    for name in evidence:
        yield Line(what=f"evidence.{name}", recorded=found.evidence.get(name), derived=derived.evidence.get(name))
    yield of_reason(found, derived.reason)


def of_reason(found: CheckReport, derived: str) -> Line:
    """The line of the reason, without what a sequential run adds to it."""
    said = found.reason.rpartition(LOOKED)[0] if "sequential" in found.evidence else found.reason
    return Line(what=REASON, recorded=said, derived=derived)


def values_of(found: CheckReport) -> Shares | None:
    """What each prompt contributed; None where that is not held."""
    values = values_in(found.evidence.get(KEY))
    dropped = {each.reason: each.count for each in found.dropped}
    return None if values is None else Shares(values=values, missing=dropped)


def nulls_of(found: CheckReport) -> Shares | None:
    """The same of the null; why prompts have none is not held."""
    values = values_in(found.evidence.get(NULL))
    return None if values is None else Shares(values=values, missing={})


def ends(estimate: Estimate | None) -> dict[str, Any] | None:
    """An estimate's interval as a report holds it."""
    if estimate is None:
        return None
    return {"low": estimate.low, "high": estimate.high, "level": estimate.level, "method": estimate.method}


def plain(interval: Interval | None) -> dict[str, Any] | None:
    """An interval as JSON."""
    if interval is None:
        return None
    return {"low": interval.low, "high": interval.high, "level": interval.level, "method": interval.method}


def same(recorded: Any, derived: Any) -> bool:
    """Whether two JSON values agree; numbers to nine digits, which another processor may round otherwise."""
    if isinstance(recorded, bool) or isinstance(derived, bool) or recorded is None or derived is None:
        return recorded is derived
    if isinstance(recorded, int | float) and isinstance(derived, int | float):
        return math.isclose(recorded, derived, rel_tol=1e-9, abs_tol=1e-12)
    if isinstance(recorded, Mapping) and isinstance(derived, Mapping):
        return recorded.keys() == derived.keys() and all(same(recorded[key], derived[key]) for key in recorded)
    if isinstance(recorded, list | tuple) and isinstance(derived, list | tuple):
        return len(recorded) == len(derived) and all(map(same, recorded, derived))
    return bool(recorded == derived)


def _bound(found: CheckReport) -> dict[str, Any] | None:
    return None if found.bound is None else {"min": found.bound.min, "max": found.bound.max}


def _control(control: Control) -> dict[str, Any]:
    return {"value": control.value, "interval": plain(control.interval), "ok": control.ok}
