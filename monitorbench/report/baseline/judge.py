"""A run held against the baseline file: what is new or worse counts, and what is known does not.

A run fails only on what is new or worse. So a failure that was accepted, with a reason, is let through until it
expires, while it is not worse than it was; and a check that holds its bounds fails where it is worse than accepted by
more than its tolerance. Noise is no regression: worse is only what is so with its whole interval. A check that says
`max_drop_vs: previous` asks for more: it passes only where its whole interval is within the tolerance.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from monitorbench.report.baseline import words
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
from monitorbench.report.exit_code import is_worse
from monitorbench.report.model import Acceptance, Bound, CheckReport, Held, Report, Verdict


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


def held_against(report: Report, file: BaselineFile | None) -> tuple[CheckReport, ...]:
    """The checks of a report, held against what was accepted of them; each has to be as its own bounds judge it.

    Checks that are not gated stay as they are, and without a baseline file so do all that do not ask for
    `max_drop_vs: previous`; those have nothing to be compared with, and are unobserved.

    Args:
        report: a run that was held against nothing yet.
        file: what was accepted; None where no baseline file is given.
    """
    cases = {case.check.id: case for case in cases_of(report, file)}
    return tuple(judged(cases[check.id]) if check.id in cases else check for check in report.checks)


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


def judged(case: Case) -> CheckReport:
    """The check with what became of it; its verdict is that of its own bounds unless the comparison is worse."""
    held, verdict = _finding(case)
    text = words.sentences(held, case)
    accepted, found = case.accepted, case.found
    was_known = accepted is not None and accepted.expires is not None
    return replace(
        case.check,
        verdict=verdict,
        reason=f"{text} {case.check.reason}" if text else case.check.reason,
        accepted=Acceptance(
            held=held,
            by_bounds=case.check.verdict,
            words=text,
            verdict=None if accepted is None else accepted.verdict,
            value=None if accepted is None else accepted.value,
            interval=None if accepted is None else accepted.interval,
            difference=None if found is None else found.value,
            difference_interval=None if found is None else found.interval,
            tolerance=case.tolerance,
            reason=accepted.reason if accepted is not None and was_known else "",
            expires=None if accepted is None else accepted.expires,
        ),
    )


def by_bounds(check: CheckReport) -> CheckReport:
    """The check as its own bounds judge it, whatever it was held against."""
    held = check.accepted
    if held is None:
        return check
    reason = check.reason.removeprefix(held.words).lstrip() if held.words else check.reason
    return replace(check, verdict=held.by_bounds, reason=reason, accepted=None)


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
    found = difference(
        accepted,
        check,
        same_checkpoint=now is not None and now == accepted.checkpoint.content,
        sequential=looked_at_early(report),
    )
    side = worse_side(check.bound) or _broken_side(check.bound, accepted.value)
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


def _finding(case: Case) -> tuple[Held, Verdict]:
    """What becomes of the check, and the verdict that it has then."""
    settled = case.check.verdict in SETTLED
    if case.accepted is None or case.differs:
        held = Held.NEW if case.accepted is None else Held.NOT_COMPARABLE
        passes = case.check.verdict is Verdict.PASS
        return held, Verdict.UNOBSERVED if case.versus and passes else case.check.verdict
    if case.standing is Standing.WORSE:
        return Held.WORSE, Verdict.FAIL
    return _holds(case) if settled else _broken(case, case.accepted)


def _holds(case: Case) -> tuple[Held, Verdict]:
    """Of a check that holds its own bounds, or does not apply."""
    shown = case.standing in (Standing.WITHIN, Standing.BETTER)
    if not case.versus or shown or case.check.verdict is Verdict.NOT_APPLICABLE:
        return Held.NO_WORSE, case.check.verdict
    if case.found is None or case.side is None:
        return Held.NOT_COMPARABLE, Verdict.UNOBSERVED
    return Held.NOT_SHOWN, Verdict.INCONCLUSIVE


def _broken(case: Case, accepted: Entry) -> tuple[Held, Verdict]:
    """Of a check that does not hold its own bounds, and is not clearly worse than accepted."""
    verdict = case.check.verdict
    before, now = (_broken_side(case.check.bound, value) for value in (accepted.value, case.check.estimate))
    if not _is_covered(verdict, accepted.verdict) or (before and now and before != now):
        return Held.REGRESSED, verdict
    if accepted.is_expired(case.day):
        return Held.EXPIRED, verdict
    if case.versus and case.found is not None and case.standing not in (Standing.WITHIN, Standing.BETTER):
        return Held.NOT_SHOWN, verdict
    return Held.KNOWN, verdict


def _is_covered(verdict: Verdict, accepted: Verdict) -> bool:
    """Whether a verdict is what was accepted, or a failure that is now less clear. An error is never accepted."""
    if verdict is Verdict.ERROR or accepted in SETTLED:
        return False
    return verdict is accepted or (verdict is Verdict.INCONCLUSIVE and not is_worse(verdict, accepted))


def _broken_side(bound: Bound | None, value: float | None) -> Side | None:
    """The side on which a value leaves its bounds; None where it is inside."""
    if bound is None or value is None:
        return None
    if bound.max is not None and value > bound.max:
        return 1
    return -1 if bound.min is not None and value < bound.min else None
