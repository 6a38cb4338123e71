"""From the verdicts of single checks to the verdict of the run and the exit code of the process."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import get_args

from monitorbench.errors import UsageError
from monitorbench.report.model import CheckReport, Inconclusive, Policy, Report, Verdict
from monitorbench.suite.model import Severity

USUAL = Policy()
"""What holds where the command line says nothing else."""


class ExitCode(IntEnum):
    """What the process ends with."""

    PASS = 0
    FAIL = 1
    UNUSABLE = 2
    UNDECIDED = 3
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        """What the code says about the run, in one sentence."""
        return _MEANINGS[self]


_MEANINGS = {
    ExitCode.PASS: "Every gated check passed, was not applicable, or was let through.",
    ExitCode.FAIL: "At least one gated check failed.",
    ExitCode.UNUSABLE: "The suite, the command line or the checkpoint cannot be used, so nothing was decided.",
    ExitCode.UNDECIDED: (
        "No gated check failed, but one errored, was inconclusive or observed nothing, or no gated check applied."
    ),
    ExitCode.INTERRUPTED: "The run was interrupted before it was over.",
}

_WORST_CODE_FIRST = (ExitCode.INTERRUPTED, ExitCode.UNUSABLE, ExitCode.FAIL, ExitCode.UNDECIDED, ExitCode.PASS)
_WORST_VERDICT_FIRST = (
    Verdict.FAIL,
    Verdict.ERROR,
    Verdict.UNOBSERVED,
    Verdict.INCONCLUSIVE,
    Verdict.PASS,
    Verdict.NOT_APPLICABLE,
)
_SETTLED = (Verdict.PASS, Verdict.NOT_APPLICABLE)


def worst_first(checks: Iterable[CheckReport]) -> tuple[CheckReport, ...]:
    """Checks as a reader has to see them: gated ones first, and of them whatever did not simply pass.

    These go by what they may do to a run, fail before warn before info, then from the worst verdict to the best.
    """

    def key(check: CheckReport) -> tuple[object, ...]:
        settled = check.known or (check.verdict in _SETTLED and not check.warning)
        rank = _WORST_VERDICT_FIRST.index(check.verdict)
        return not check.gated, settled, get_args(Severity).index(check.severity), rank, not check.warning

    return tuple(sorted(checks, key=key))


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of several verdicts; NOT_APPLICABLE when there are none."""
    return min(verdicts, key=_WORST_VERDICT_FIRST.index, default=Verdict.NOT_APPLICABLE)


def is_worse(verdict: Verdict, reference: Verdict) -> bool:
    """Whether a verdict is worse than another. One that does not apply is as good as one that passed."""
    if reference in _SETTLED and verdict in _SETTLED:
        return False
    return _WORST_VERDICT_FIRST.index(verdict) < _WORST_VERDICT_FIRST.index(reference)


def worst_code(codes: Iterable[ExitCode]) -> ExitCode:
    """The code that wins when several apply; PASS when there are none."""
    return min(codes, key=_WORST_CODE_FIRST.index, default=ExitCode.PASS)


def warns(check: CheckReport) -> bool:
    """Whether a check that does not break its own bounds comes to something worse by its `warn_if`."""
    kept = check.own_verdict in (Verdict.PASS, Verdict.INCONCLUSIVE)
    return kept and check.warn_verdict is not None and is_worse(check.warn_verdict, check.own_verdict)


def counted(check: CheckReport, policy: Policy = USUAL) -> Verdict | None:
    """The verdict with which a check counts; None where it does not count.

    Only gated checks of severity fail count, and under `strict` those of severity warn too. Under `strict` a check that
    does not break its own bounds counts with what its `warn_if` says, where that is worse. A known failure counts as if
    it had passed.
    """
    severities = ("fail", "warn") if policy.strict else ("fail",)
    if not check.gated or check.severity not in severities:
        return None
    if check.known:
        return Verdict.PASS
    if policy.strict and check.warn_verdict is not None and warns(check):
        return worst((check.verdict, check.warn_verdict))
    return check.verdict


def effect(check: CheckReport, policy: Policy = USUAL) -> ExitCode:
    """The exit code that one check asks for by itself: the one place where that is decided.

    Raises:
        UsageError: `policy.inconclusive` is none of its three words.
    """
    words = get_args(Inconclusive)
    if policy.inconclusive not in words:
        raise UsageError(
            f"unknown value {policy.inconclusive!r}", where="--inconclusive", fix=f"use {', '.join(words)}"
        )
    verdict = counted(check, policy)
    if verdict is Verdict.FAIL:
        return ExitCode.FAIL
    let_through = verdict is Verdict.INCONCLUSIVE and policy.inconclusive != "fail"
    if verdict in (None, Verdict.PASS, Verdict.NOT_APPLICABLE) or let_through:
        return ExitCode.PASS
    return ExitCode.UNDECIDED


def overall(checks: Iterable[CheckReport], policy: Policy = USUAL) -> tuple[Verdict, ExitCode]:
    """The verdict and the exit code of a run.

    Only checks that count do so. The verdict is the worst among them, whatever `policy.inconclusive` says: a run that
    was let through still reads `inconclusive`. A run in which no check counted, or none of them applied, has decided
    nothing, and does not pass.

    Raises:
        UsageError: `policy.inconclusive` is none of its three words.
    """
    listed = tuple(checks)
    verdict = worst(found for check in listed if (found := counted(check, policy)) is not None)
    code = worst_code(effect(check, policy) for check in listed)
    return verdict, ExitCode.UNDECIDED if verdict is Verdict.NOT_APPLICABLE else code


def policy_of(report: Report, *, inconclusive: Inconclusive | None = None, strict: bool = False) -> Policy:
    """The policy of a report's run, with what is asked for instead: another word, or to be strict as well."""
    own = report.policy or USUAL
    return Policy(inconclusive=inconclusive or own.inconclusive, strict=strict or own.strict)
