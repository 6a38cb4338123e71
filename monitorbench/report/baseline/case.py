"""A check beside what was accepted of it, and how the two compare."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from monitorbench.report.baseline.difference import difference
from monitorbench.report.baseline.entry import SETTLED, checkpoint_of
from monitorbench.report.baseline.model import BaselineFile, Entry
from monitorbench.report.comparison.model import Shift, Standing
from monitorbench.report.comparison.settings import decides, is_bound, settings_of
from monitorbench.report.comparison.standing import (
    Side,
    declared,
    looked_at_early,
    standing,
    tolerance_of,
    worse_side,
)
from monitorbench.report.model import Bound, CheckReport, Report, Verdict

MEASURED = frozenset({Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE})
"""Verdicts that an estimate stands behind: of a broken control, or of a model that solves nothing, it means nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A check, what was accepted of it, and how the two compare.

    Attributes:
        check: as its own bounds judge it.
        accepted: None where nothing was.
        given: whether there is a baseline file.
        versus: whether it has to be shown no worse than the accepted value.
        day: of the run, ISO 8601.
        differs: dotted paths of what differs and decides what is measured; nothing is compared then.
        found: the difference; None where the two cannot be compared.
        side: which side is worse; None where neither is.
        tolerance: by how much it may be worse; None where that is not judged.
        elsewhere: on what else than now the value was accepted, in words; empty where device and dtype are the same.
    """

    check: CheckReport
    accepted: Entry | None
    given: bool
    versus: bool
    day: str
    differs: tuple[str, ...] = ()
    found: Shift | None = None
    side: Side | None = None
    tolerance: float | None = None
    elsewhere: str = ""

    @property
    def standing(self) -> Standing:
        """What the difference says of the tolerance."""
        return standing(self.found, self.side, self.tolerance)


def cases_of(report: Report, file: BaselineFile | None) -> Iterator[Case]:
    """Every check of a report that is held against the file, with what was accepted of it."""
    settings = settings_of(report)
    entries = {} if file is None else file.of(str(report.suite.get("name", "")))
    for check in report.checks:
        versus = declared(check.id, report).get("max_drop_vs") == "previous"
        if check.gated and (file is not None or versus):
            case = Case(
                check=check,
                accepted=entries.get(check.id),
                given=file is not None,
                versus=versus,
                day=report.run.started[:10],
            )
            yield _compared(case, report, settings)


def broken_side(bound: Bound | None, value: float | None) -> Side | None:
    """The side on which a value leaves its bounds; None where it is inside."""
    if bound is None or value is None:
        return None
    if bound.max is not None and value > bound.max:
        return 1
    return -1 if bound.min is not None and value < bound.min else None


def _compared(case: Case, report: Report, settings: dict[str, Any]) -> Case:
    check, accepted = case.check, case.accepted
    if accepted is None:
        return case
    if differs := tuple(_differences(accepted, check, settings)):
        return replace(case, differs=differs)
    tolerance = tolerance_of(declared(check.id, report).get("tolerance"), accepted.value)
    # A failure is let through as it was accepted: where nothing is tolerated, whatever is clearly worse counts.
    usual = None if accepted.verdict in SETTLED else 0.0
    now = checkpoint_of(report).content
    found = None
    if {accepted.verdict, check.verdict} <= MEASURED:
        same = now is not None and now == accepted.checkpoint.content
        found = difference(accepted, check, same_checkpoint=same, sequential=looked_at_early(report))
    side = worse_side(check.bound) or broken_side(check.bound, accepted.value)
    return replace(
        case,
        found=found,
        side=side,
        tolerance=usual if tolerance is None else tolerance,
        elsewhere=_elsewhere(accepted, settings),
    )


def _elsewhere(accepted: Entry, settings: dict[str, Any]) -> str:
    device = {place: value for place, value in accepted.environment.items() if place.startswith("device.")}
    return ", ".join(
        f"{place.removeprefix('device.')} {value}"
        for place, value in device.items()
        if str(settings.get(place, "")) != value
    )


def _differences(accepted: Entry, check: CheckReport, settings: dict[str, Any]) -> Iterator[str]:
    """Dotted paths of what decides what is measured, and differs."""
    if accepted.type != check.type:
        yield f"checks.{check.id}.check"
        return
    now = {place: value for place, value in settings.items() if decides(place, check)}
    own = f"checks.{check.id}."
    for place in sorted({*now, *accepted.settings}):
        before, after = accepted.settings.get(place), now.get(place)
        is_own_bound = place.startswith(own) and is_bound(before, after, accepted.bound, check.bound)
        if before != after and not is_own_bound:
            yield place
    if None not in (accepted.value, check.estimate) and accepted.unit != check.unit:
        yield f"the bound that decides, in {accepted.unit or 'plain numbers'}"
