"""What a report says of a check that was held against the baseline file must follow from what it holds of it."""

from __future__ import annotations

from collections.abc import Iterator

from monitorbench.report.baseline.entry import SETTLED
from monitorbench.report.comparison.model import Shift, Standing
from monitorbench.report.comparison.standing import declared, standing, worse_side
from monitorbench.report.model import Acceptance, CheckReport, Held, Report, Verdict


def contradictions(check: CheckReport, report: Report) -> Iterator[str]:
    """Every contradiction in one check of a report, in words."""
    held, day = check.accepted, report.run.started[:10]
    versus = declared(check.id, report).get("max_drop_vs") == "previous"
    if held is None:
        if check.gated and versus:
            yield "its suite asks for `max_drop_vs: previous`, and it was held against nothing"
        return
    if not check.reason.startswith(held.words):
        yield "the reason does not begin with what is said of the accepted value"
    if held.held is Held.KNOWN:
        yield from _of_known(held, day)
    elif held.held is Held.EXPIRED and (held.expires is None or day <= held.expires):
        yield f"it expired, and is let through until {held.expires} in a run of {day}"
    if (held.held is Held.WORSE) is not (_standing(check, held) is Standing.WORSE) and worse_side(check.bound):
        yield f"it is called {held.held}, which its difference and its tolerance do not say"
    if check.verdict is not _verdict(held, versus=versus):
        yield f"{check.verdict} does not follow from {held.by_bounds} and {held.held}"


def _of_known(held: Acceptance, day: str) -> Iterator[str]:
    if held.by_bounds in (*SETTLED, Verdict.ERROR):
        yield f"{held.by_bounds} cannot be a known failure"
    if held.verdict is None or held.verdict in SETTLED or not held.reason.strip():
        yield "a known failure was accepted as one, with a reason"
    if held.expires is None or day > held.expires:
        yield f"it is let through until {held.expires}, and the run is of {day}"


def _standing(check: CheckReport, held: Acceptance) -> Standing:
    if held.difference is None:
        return Standing.OPEN
    found = Shift(value=held.difference, interval=held.difference_interval, n=None, method="")
    return standing(found, worse_side(check.bound), held.tolerance)


def _verdict(held: Acceptance, *, versus: bool) -> Verdict:
    """What the check has to come to."""
    if held.held is Held.WORSE:
        return Verdict.FAIL
    if held.by_bounds is Verdict.PASS and held.held is Held.NOT_SHOWN:
        return Verdict.INCONCLUSIVE
    if held.by_bounds is Verdict.PASS and held.held in (Held.NEW, Held.NOT_COMPARABLE) and versus:
        return Verdict.UNOBSERVED
    return held.by_bounds
