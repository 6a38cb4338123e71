"""A run held against the baseline file: what is new or worse counts, and what is known does not.

A run fails only on what is new or worse. So a failure that was accepted, with a reason, is let through until it
expires, while it is not worse than it was; and a check that holds its bounds fails where it is worse than accepted by
more than its tolerance. Noise is no regression: worse is only what is so with its whole interval. A check that says
`max_drop_vs: previous` asks for more: it passes only where its whole interval is within the tolerance. Each difference
is judged at 5 % by itself, under `alert: any` as well.
"""

from __future__ import annotations

from dataclasses import replace

from monitorbench.report.baseline import words
from monitorbench.report.baseline.case import Case, broken_side, cases_of
from monitorbench.report.baseline.entry import SETTLED
from monitorbench.report.baseline.model import BaselineFile, Entry
from monitorbench.report.comparison.model import Standing
from monitorbench.report.exit_code import is_worse
from monitorbench.report.model import Acceptance, CheckReport, Held, Report, Verdict


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
    before, now = (broken_side(case.check.bound, value) for value in (accepted.value, case.check.estimate))
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
