"""What a schema cannot say: the parts of a report must not contradict each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import get_args

from monitorbench.report.baseline.contradictions import contradictions as in_accepted
from monitorbench.report.exit_code import ExitCode, overall, warns
from monitorbench.report.model import CheckReport, Inconclusive, Policy, Report

_POLICIES = [Policy(inconclusive=word) for word in get_args(Inconclusive)]
"""What older reports may have been judged by; they do not say."""


def contradictions(report: Report) -> tuple[str, ...]:
    """Every contradiction in a report, as `place: what`; empty if there is none.

    The verdict and the exit code are derived again from the checks, so neither can say what the checks do not.
    """
    return (
        *_in_ids(report),
        *_in_ranges(report),
        *_in_warnings(report),
        *_in_accepted(report),
        *_in_outcome(report),
    )


def _in_ids(report: Report) -> Iterator[str]:
    counts = Counter(check.id for check in report.checks)
    for name, count in counts.items():
        if count > 1:
            yield f"report.checks: {count} checks are called {name!r}"
    for check in report.checks:
        for name in check.rests_on:
            if name not in counts:
                yield f"{_place(check)}.rests_on: there is no check {name!r} in the report"


def _in_ranges(report: Report) -> Iterator[str]:
    for check in report.checks:
        for owner, interval in [("", check.interval), *((f".{each.name}", each.interval) for each in check.controls)]:
            if interval is not None and interval.low > interval.high:
                yield f"{_place(check)}{owner}.interval: {interval.low} is above {interval.high}"
        bound = check.bound
        if bound is not None and bound.min is not None and bound.max is not None and bound.min > bound.max:
            yield f"{_place(check)}.bound: {bound.min} is above {bound.max}"


def _in_accepted(report: Report) -> Iterator[str]:
    for check in report.checks:
        for what in in_accepted(check, report):
            yield f"{_place(check)}.accepted: {what}"


def _in_outcome(report: Report) -> Iterator[str]:
    known = [report.policy] if report.policy is not None else _POLICIES
    outcomes = [overall(report.checks, policy) for policy in known]
    verdict = outcomes[0][0]
    if report.verdict is not verdict:
        yield f"report.verdict: {report.verdict} does not follow from the checks, which come to {verdict}"
    allowed = {ExitCode.UNUSABLE, ExitCode.INTERRUPTED, *(code for _, code in outcomes)}
    if report.exit_code not in allowed:
        yield f"report.exit_code: {report.exit_code} does not follow from the checks, which come to {verdict}"


def _in_warnings(report: Report) -> Iterator[str]:
    """A warning stands where a check comes to something worse by its `warn_if`, and only there."""
    for check in report.checks:
        if bool(check.warning) != warns(check):
            what = "stands, but" if check.warning else "is empty, but"
            yield f"{_place(check)}.warning: {what} the check is {check.verdict}, and by warn_if {check.warn_verdict}"


def _place(check: CheckReport) -> str:
    return f"report.checks.{check.id}"
