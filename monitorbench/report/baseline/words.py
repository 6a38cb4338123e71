"""What a check is told when it is held against the baseline file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from monitorbench.report.comparison.model import Standing
from monitorbench.report.model import CheckReport, Held, Interval, Verdict
from monitorbench.report.words import estimate_words
from monitorbench.stats.interval import Estimate
from monitorbench.stats.power import more_prompts

if TYPE_CHECKING:
    from monitorbench.report.baseline.case import Case

_MOST_PLACES = 5
_QUANTILE = 1.6449
"""Half the width of a 90 % interval, in standard errors."""


def sentences(held: Held, case: Case) -> str:
    """The sentences that the reason of a check begins with; empty where there is nothing to say."""
    return " ".join(_SENTENCES[held](case))


def number(check: CheckReport, value: float | None, interval: Interval | None) -> str:
    """A value in the unit of a check, with its interval."""
    return estimate_words(replace(check, estimate=value, interval=interval, bound=None))


def _new(case: Case) -> Iterator[str]:
    if case.versus and case.check.verdict is Verdict.PASS:
        why = "the baseline file holds none of this check" if case.given else "no baseline file is given"
        yield f"There is no accepted value to hold it against: {why}; `monitorbench baseline update` accepts one."
    elif case.check.verdict not in (Verdict.PASS, Verdict.NOT_APPLICABLE):
        yield "New: nothing was accepted of this check."


def _not_comparable(case: Case) -> Iterator[str]:
    if not case.differs:
        yield "It cannot be held against the accepted value: one of the two was not measured, or neither side is worse."
        return
    left = len(case.differs) - _MOST_PLACES
    places = [*case.differs[:_MOST_PLACES], *([f"{left} more"] if left > 0 else [])]
    yield (
        f"Not held against the accepted value, which was measured otherwise ({', '.join(places)}); "
        "`monitorbench baseline update` accepts it anew."
    )


def _no_worse(case: Case) -> Iterator[str]:
    if case.versus:
        yield f"No worse than accepted: {_difference(case)}."
    elif case.tolerance is not None and case.found is not None and case.standing is Standing.OPEN and case.side:
        yield f"Whether it is worse than accepted is within the noise: {_difference(case)}."


def _known(case: Case) -> Iterator[str]:
    yield f"Known failure, let through until {_until(case)}: {_reason(case)}."
    if case.found is not None and case.side is not None:
        yield f"Not clearly worse than accepted: {_difference(case)}."


def _expired(case: Case) -> Iterator[str]:
    yield f"A known failure whose time ran out on {_until(case)}: {_reason(case)}."


def _regressed(case: Case) -> Iterator[str]:
    if case.accepted is not None:
        before, now = case.accepted.verdict, case.check.verdict
        way = ", on the other side of its bounds" if before is now else ""
        yield f"Not as accepted: {before} on {case.accepted.last_seen}, {now} now{way}."


def _worse(case: Case) -> Iterator[str]:
    yield f"Worse than accepted, with its whole interval: {_difference(case)}."
    if case.accepted is not None and case.accepted.expires is not None:
        yield f"The known failure was accepted as it was: {_reason(case)}."


def _not_shown(case: Case) -> Iterator[str]:
    yield f"Not shown to be no worse than accepted: {_difference(case)}.{_needed(case)}"


_SENTENCES: Mapping[Held, Callable[[Case], Iterator[str]]] = {
    Held.NEW: _new,
    Held.NO_WORSE: _no_worse,
    Held.KNOWN: _known,
    Held.EXPIRED: _expired,
    Held.REGRESSED: _regressed,
    Held.WORSE: _worse,
    Held.NOT_SHOWN: _not_shown,
    Held.NOT_COMPARABLE: _not_comparable,
}


def _difference(case: Case) -> str:
    check, accepted, found = case.check, case.accepted, case.found
    if accepted is None or found is None:
        return "there is no difference to tell"
    sign = "+" if found.value > 0 else ""
    text = f"{sign}{number(check, found.value, found.interval)} from {number(check, accepted.value, None)}"
    text += f" of {accepted.last_seen}" + (f", then with {case.elsewhere}" if case.elsewhere else "")
    if case.tolerance is not None:
        text += f", the tolerance being {number(check, case.tolerance, None)}"
    return f"{text} ({found.method})"


def _reason(case: Case) -> str:
    return case.accepted.reason.rstrip(".") if case.accepted is not None else ""


def _until(case: Case) -> str:
    return (case.accepted.expires or "") if case.accepted is not None else ""


def _needed(case: Case) -> str:
    """How many more prompts would decide, as a sentence."""
    found, n = case.found, case.check.n
    if found is None or found.interval is None or not n or case.tolerance is None or case.side is None:
        return ""
    paired = found.n or n
    sd = (found.interval.high - found.interval.low) / 2 / _QUANTILE * paired**0.5
    if sd == 0.0:
        return ""
    seen = Estimate(
        value=found.value,
        low=found.interval.low,
        high=found.interval.high,
        level=found.interval.level,
        n=paired,
        sd=sd,
        method=found.method,
    )
    limit = {"maximum": case.tolerance} if case.side == 1 else {"minimum": -case.tolerance}
    more = more_prompts(seen, **limit)
    return f" About {more:,} more prompts in both runs would decide." if more else " More prompts would hardly decide."
