"""What a report adds to a baseline file. Only what is chosen changes; a failure is taken in only with a reason."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from monitorbench.errors import UsageError
from monitorbench.report.baseline.case import cases_of
from monitorbench.report.baseline.entry import SETTLED, entry_of
from monitorbench.report.baseline.judge import by_bounds, judged
from monitorbench.report.baseline.model import BaselineFile, Entry
from monitorbench.report.comparison.settings import settings_of
from monitorbench.report.model import CheckReport, Held, Report, Verdict

USUAL_DAYS = 90
"""For how long a known failure is let through unless a day is named."""

_COVERED = (Held.KNOWN, Held.NO_WORSE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What is asked for.

    Attributes:
        only: ids of the checks that are accepted; empty accepts every gated one.
        reason: why failures, and values worse than accepted, are accepted.
        expires: last day on which failures are let through; None stands for 90 days from today.
        today: the day of the update.
    """

    only: tuple[str, ...] = ()
    reason: str = ""
    expires: date | None = None
    today: date

    @property
    def last_day(self) -> date:
        """The last day on which failures are let through that are accepted now."""
        return self.expires or self.today + timedelta(days=USUAL_DAYS)


def updated(file: BaselineFile, report: Report, asked: Request) -> tuple[BaselineFile, tuple[str, ...]]:
    """The file with the chosen checks of a report, and their ids. All other entries stay as they are.

    A failure that is known, not worse than accepted and not expired keeps its reason and its day unless new ones are
    given. Everything else that would count in a run needs a reason: a check that does not hold its bounds, one that is
    worse than accepted by more than its tolerance, and one that asks for `max_drop_vs: previous` and does not show it.

    Raises:
        UsageError: a named check is not there or not gated, the day lies in the past, or something that is chosen
            cannot be accepted; all of it is named.
    """
    checks = _chosen(report, asked.only)
    if asked.last_day < asked.today:
        fix = f"name a day from {asked.today} on"
        raise UsageError(f"{asked.last_day} lies in the past", where="--expires", fix=fix)
    suite = str(report.suite.get("name", ""))
    plain = replace(report, checks=tuple(map(by_bounds, report.checks)))
    found = {case.check.id: judged(case) for case in cases_of(plain, file)}
    settings, entries = settings_of(plain), file.of(suite)
    refused = [words for name in checks for words in _refusals(found[name], asked)]
    if refused:
        raise UsageError("nothing was accepted: " + "; ".join(refused), where=suite)
    own = {check.id: check for check in plain.checks}
    new = {name: _entry(entry_of(own[name], plain, settings), found[name], entries.get(name), asked) for name in checks}
    return file.with_suite(suite, {**entries, **new}), tuple(new)


def _chosen(report: Report, only: Collection[str]) -> tuple[str, ...]:
    gated = [check.id for check in report.checks if check.gated]
    for name in only:
        if name not in gated:
            known = ", ".join(gated) or "none"
            raise UsageError(f"the report has no gated check {name!r}", where="--only", fix=f"it has {known}")
    if not gated:
        raise UsageError("the report has no gated check", fix="accept a report of a run that gates some")
    return tuple(name for name in gated if name in only) if only else tuple(gated)


def _refusals(check: CheckReport, asked: Request) -> Iterator[str]:
    held = check.accepted
    if held is None or held.by_bounds is Verdict.ERROR:
        yield f"{check.id} broke down, and an error is no result: mend it, or leave it out with --only"
    elif _needs_reason(check) and not asked.reason.strip():
        what = "an expired failure" if held.held is Held.EXPIRED else f"a {_called(check)}"
        yield f"{check.id} is {what}: say with --reason why it is accepted"


def _needs_reason(check: CheckReport) -> bool:
    """Whether it counts in a run, other than for want of an accepted value: that has to begin somewhere."""
    held = check.accepted
    if held is None or held.held in _COVERED:
        return False
    return held.by_bounds not in SETTLED or held.held in (Held.WORSE, Held.NOT_SHOWN)


def _called(check: CheckReport) -> str:
    held = check.accepted
    if held is not None and held.by_bounds in SETTLED:
        return "value worse than accepted" if held.held is Held.WORSE else "value not shown to be no worse"
    return _NAMES.get(check.verdict, "failure")


_NAMES = {Verdict.INCONCLUSIVE: "check that decided nothing", Verdict.UNOBSERVED: "check that observed nothing"}


def _entry(entry: Entry, check: CheckReport, before: Entry | None, asked: Request) -> Entry:
    """The entry with what stays of an earlier one, and with its reason."""
    failing = entry.verdict not in SETTLED
    first = entry.first_seen
    if before is not None and before.type == entry.type:
        first = min(before.first_seen, first)
    covered = check.accepted is not None and check.accepted.held in _COVERED
    stays = before if covered and before is not None and failing is (before.verdict not in SETTLED) else None
    reason, expires = ("", None) if stays is None else (stays.reason, stays.expires)
    if asked.reason.strip() and (_needs_reason(check) or (failing and covered)):
        reason, expires = asked.reason.strip(), None
    if failing and (expires is None or asked.expires is not None):
        expires = asked.last_day.isoformat()
    return replace(entry, first_seen=first, reason=reason, expires=expires if failing else None)
