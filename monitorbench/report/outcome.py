"""What the exit code of a run means, in words, with all that was let through: nothing passes without being named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from monitorbench.report.exit_code import ExitCode, counted, effect, policy_of
from monitorbench.report.model import CheckReport, Report, Verdict
from monitorbench.report.words import one_line, verdict_words

NOTHING_COUNTS = "No check counts: none has severity fail."
STRICT_WOULD = "No check counts: none has severity fail; --strict counts those of severity warn too."


def outcome_words(report: Report) -> str:
    """The meaning of the exit code, what was let through, and whether anything could have failed at all."""
    told = [*_let_through(report), *_counted_as_fails(report), *_nothing_counts(report)]
    return " ".join([ExitCode(report.exit_code).meaning, *told])


def let_through(report: Report) -> tuple[CheckReport, ...]:
    """The gated checks that did not simply pass, and do not count against the run."""
    policy = policy_of(report)
    return tuple(
        check
        for check in report.checks
        if check.gated and _speaks_against(check) and effect(check, policy) is ExitCode.PASS
    )


def _speaks_against(check: CheckReport) -> bool:
    return bool(check.warning) or check.verdict not in (Verdict.PASS, Verdict.NOT_APPLICABLE)


def _let_through(report: Report) -> Iterator[str]:
    if found := let_through(report):
        yield f"Let through: {_named(found)}."


def _counted_as_fails(report: Report) -> Iterator[str]:
    """What would have been let through, had the run not been strict."""
    policy = policy_of(report)
    lenient = replace(policy, strict=False)
    found = [check for check in report.checks if effect(check, policy) is not effect(check, lenient)]
    if found:
        yield f"Not let through, because the run is strict: {_named(found)}."


def _named(checks: Iterable[CheckReport]) -> str:
    return ", ".join(f"{one_line(check.id)}: {verdict_words(check)}" for check in checks)


def _nothing_counts(report: Report) -> Iterator[str]:
    gated = [check for check in report.checks if check.gated]
    if gated and all(counted(check, policy_of(report)) is None for check in gated):
        yield STRICT_WOULD if any(check.severity == "warn" for check in gated) else NOTHING_COUNTS
