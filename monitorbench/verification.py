"""Every verdict of a report once more, from what the report records; nothing is run, and no store is needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

from monitorbench.adapters.registry import ADAPTERS
from monitorbench.checks.derivation import BOUND, REASON, VERDICT, Basis, Line, Verifiable, missing
from monitorbench.checks.family import alarms
from monitorbench.checks.registry import CHECKS
from monitorbench.errors import MonitorbenchError
from monitorbench.report.baseline.judge import by_bounds
from monitorbench.report.consistency import contradictions
from monitorbench.report.exit_code import overall, policy_of, warns
from monitorbench.report.model import CheckReport, Inconclusive, Interval, Policy, Report, Verdict
from monitorbench.stats.interval import LEVEL

RUN = "the run"
"""What the lines about the whole report stand under."""
NO_FILE = "what was accepted stands in the baseline file"
TIGHT = "?warn_if"
"""Ends the name of a check by its tighter bounds: no id may hold it."""
_NO_PARAMETERS = ("severity", "warn_if", "tolerance", "max_drop_vs")
_PROSE = (REASON, "evidence.channels")
"""Parts in words; where checks are taken together, they quote what others came to by themselves."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """What was found of one check, or of the run as a whole.

    Attributes:
        name: id of the check.
        lines: one for each thing that was looked at.
    """

    name: str
    lines: tuple[Line, ...]


def verify(report: Report, *, suite_sha256: str | None = None) -> tuple[Verified, ...]:
    """Derive again what a report says, check by check, then the run.

    Args:
        report: the report, which may contradict itself.
        suite_sha256: hash of the suite's text and of what it includes; None where the suite is not at hand.
    """
    basis, declared = _basis(report), _suite_checks(report)
    tests = dict(_tests(report, declared))
    settled = _settled(tests, basis) if "alert" in report.suite else {}
    found = []
    for check in report.checks:
        lines = [*_declared(check, report, declared.get(check.id, {})), *_derived(check.id, tests, settled, basis)]
        tight = f"{check.id}{TIGHT}"
        due = _derived(tight, tests, settled, basis) if tight in tests else ()
        lines += [missing("accepted", NO_FILE)] if check.accepted is not None else []
        lines += _warning(check, {line.what: line for line in due})
        found.append(Verified(name=check.id, lines=tuple(lines)))
    return (*found, Verified(name=RUN, lines=tuple(_of_run(report, list(declared), suite_sha256))))


def _suite_checks(report: Report) -> dict[str, Mapping[str, Any]]:
    """What the suite says of each check, by id; a suite is free-form, and may say nothing that makes sense."""
    listed = report.suite.get("checks")
    return {
        str(each["id"]): each
        for each in (listed if isinstance(listed, list | tuple) else ())
        if isinstance(each, Mapping) and "id" in each
    }


def _basis(report: Report) -> Basis:
    candidate = next((model for model in report.models if model.role == "candidate"), None)
    return Basis(
        suite=report.suite,
        judged={check.id: by_bounds(check) for check in report.checks},
        channels=() if candidate is None else candidate.channels,
        left_to_right=None if candidate is None else _left_to_right(candidate.family),
    )


def _left_to_right(family: str) -> bool | None:
    try:
        return bool(ADAPTERS.load(family).left_to_right)
    except MonitorbenchError:
        return None


def _tests(report: Report, declared: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, CheckReport]]:
    """Every check, and every check by the tighter bounds of its `warn_if`."""
    for check in map(by_bounds, report.checks):
        yield check.id, check
        warn_if = declared.get(check.id, {}).get("warn_if")
        if warn_if and check.warn_verdict is not None:
            yield (
                f"{check.id}{TIGHT}",
                replace(
                    check,
                    parameters={**check.parameters, **warn_if},
                    severity="info" if check.severity == "info" else "warn",
                    verdict=check.warn_verdict,
                    bound=check.warn_bound,
                ),
            )


def _derived(
    name: str, tests: Mapping[str, CheckReport], settled: Mapping[str, CheckReport], basis: Basis
) -> tuple[Line, ...]:
    """The lines of one check; where checks belong together, at the level and with the verdict that come of all."""
    if name not in settled:
        return _lines(tests[name], basis)
    due = settled[name]
    level = LEVEL if due.interval is None or due.interval.level == 1.0 else due.interval.level
    found = [line for line in _lines(tests[name], replace(basis, level=level)) if line.what not in _PROSE]
    return tuple(
        replace(line, derived=due.verdict.value) if line.what == VERDICT and not line.why else line for line in found
    )


def _lines(check: CheckReport, basis: Basis) -> tuple[Line, ...]:
    """The lines of one check; what is no evidence of its type at all is a mismatch, not a breakdown."""
    try:
        kind = CHECKS.load(check.type)()
    except MonitorbenchError:
        return (missing(VERDICT, f"the check type {check.type} is not installed here"),)
    if not isinstance(kind, Verifiable):
        return (missing(VERDICT, f"the check type {check.type} does not say how it is derived"),)
    if "raised" in check.evidence:
        return (missing(VERDICT, "rollouts raised, and what their prompts would have come to is in every interval"),)
    try:
        found = tuple(kind.verify(check, basis))
        # Batches that had to be halved are told at the end of the reason.
        return tuple(line for line in found if line.what != REASON) if "batches" in check.evidence else found
    except Exception as error:  # whatever a forged or damaged piece of evidence leads to
        told = f"{type(error).__name__}: {error}"
        return (Line(what="evidence", recorded="what the verdict rests on", derived=f"nothing ({told})"),)


def _settled(tests: Mapping[str, CheckReport], basis: Basis) -> dict[str, CheckReport]:
    """Verdicts and levels of checks that are taken together, as `Judge` corrects them for their number."""

    def judged_at(name: str, level: float) -> CheckReport:
        one = tests[name]
        verdict = next((line for line in _lines(one, replace(basis, level=level)) if line.what == VERDICT), None)
        if verdict is None or verdict.why:
            return one
        exact = one.interval is not None and one.interval.level == 1.0
        interval = one.interval if exact else Interval(low=0.0, high=0.0, level=level, method="-")
        return replace(one, verdict=Verdict(verdict.derived), interval=interval)

    found = {name: judged_at(name, LEVEL) for name in tests}
    for severity, tight in (("fail", False), ("warn", False), ("warn", True)):
        family = {
            name: each for name, each in found.items() if each.severity == severity and name.endswith(TIGHT) is tight
        }
        found |= alarms(family, judged_at, level=LEVEL)
    return found


def _declared(check: CheckReport, report: Report, declared: Mapping[str, Any]) -> Iterator[Line]:
    """What the suite says of the check."""
    parameters = {name: value for name, value in declared.items() if name not in _NO_PARAMETERS}
    recorded = {"id": check.id, "check": check.type, **check.parameters}
    yield Line(what="parameters", recorded=recorded, derived=parameters)
    yield Line(what="severity", recorded=check.severity, derived=declared.get("severity", "fail"))
    if not check.gated:
        named = any(check.id in other.rests_on for other in report.checks)
        yield Line(what="gated", recorded="a check rests on it" if named else "no", derived="a check rests on it")
    if bool(declared.get("warn_if")) is not (check.warn_verdict is not None):
        yield Line(
            what="warn_verdict", recorded=check.warn_verdict, derived="what warn_if comes to, where there is one"
        )


def _warning(check: CheckReport, due: Mapping[str, Line]) -> Iterator[Line]:
    for what in (VERDICT, BOUND):
        if what in due:
            yield replace(due[what], what=f"warn_{what}")
    yield Line(what="warning", recorded=bool(check.warning), derived=warns(check))


def _of_run(report: Report, declared: list[str], suite_sha256: str | None) -> Iterator[Line]:
    yield Line(what="contradictions", recorded=list(contradictions(report)), derived=[])
    yield Line(what="checks", recorded=[check.id for check in report.checks], derived=declared)
    verdict, code = overall(report.checks, policy_of(report))
    yield Line(what="verdict", recorded=report.verdict.value, derived=verdict.value)
    known = [report.policy] if report.policy else [Policy(inconclusive=word) for word in get_args(Inconclusive)]
    codes = {int(overall(report.checks, each)[1]) for each in known}
    if len(codes) > 1 and report.exit_code in codes:
        yield missing("exit_code", "what an inconclusive check does to it is not kept in older reports")
    else:
        yield Line(what="exit_code", recorded=report.exit_code, derived=int(code))
    if suite_sha256 is None:
        yield missing("suite_sha256", "it is the hash of the suite's text, which is not in the report; name the suite")
    else:
        yield Line(what="suite_sha256", recorded=report.suite_sha256, derived=suite_sha256)
    yield missing("models", "they are hashes of files that are not in the report")
