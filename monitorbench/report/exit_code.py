"""From the verdicts of single checks to the verdict of the run and the exit code of the process."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Literal, get_args

from monitorbench.errors import UsageError
from monitorbench.report.model import CheckReport, Verdict

Inconclusive = Literal["fail", "warn", "pass"]


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
    ExitCode.PASS: "Every gated check passed, was not applicable, or was inconclusive where that is let through.",
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


def worst_first(checks: Iterable[CheckReport]) -> tuple[CheckReport, ...]:
    """Checks as a reader has to see them: gated ones first, each kind from the worst verdict to the best."""
    return tuple(sorted(checks, key=lambda check: (not check.gated, _WORST_VERDICT_FIRST.index(check.verdict))))


def is_worse(verdict: Verdict, reference: Verdict) -> bool:
    """Whether a verdict is worse than another. One that does not apply is as good as one that passed."""
    if reference in (Verdict.PASS, Verdict.NOT_APPLICABLE) and verdict in (Verdict.PASS, Verdict.NOT_APPLICABLE):
        return False
    return _WORST_VERDICT_FIRST.index(verdict) < _WORST_VERDICT_FIRST.index(reference)


def worst_code(codes: Iterable[ExitCode]) -> ExitCode:
    """The code that wins when several apply; PASS when there are none."""
    return min(codes, key=_WORST_CODE_FIRST.index, default=ExitCode.PASS)


def code_of(verdict: Verdict, inconclusive: Inconclusive = "fail") -> ExitCode:
    """The exit code that one check asks for by itself.

    Args:
        verdict: what the check came to.
        inconclusive: `fail` leaves the run undecided when a check is; `warn` and `pass` let it through.

    Raises:
        UsageError: if `inconclusive` is another word.
    """
    policies = get_args(Inconclusive)
    if inconclusive not in policies:
        raise UsageError(f"unknown value {inconclusive!r}", where="--inconclusive", fix=f"use one of {policies}")
    if verdict is Verdict.FAIL:
        return ExitCode.FAIL
    if verdict in (Verdict.PASS, Verdict.NOT_APPLICABLE):
        return ExitCode.PASS
    if verdict is Verdict.INCONCLUSIVE and inconclusive != "fail":
        return ExitCode.PASS
    return ExitCode.UNDECIDED


def overall(checks: Iterable[CheckReport], inconclusive: Inconclusive = "fail") -> tuple[Verdict, ExitCode]:
    """The verdict and the exit code of a run.

    Only gated checks count, and known failures as if they had passed. The verdict is the worst among them, whatever
    `inconclusive` says: a run that was let through still reads `inconclusive`. A run in which no gated check applied
    has decided nothing, and does not pass.

    Raises:
        UsageError: if `inconclusive` is not one of its three words.
    """
    verdicts = [Verdict.PASS if check.known else check.verdict for check in checks if check.gated]
    verdict = min(verdicts, key=_WORST_VERDICT_FIRST.index, default=Verdict.NOT_APPLICABLE)
    code = worst_code(code_of(each, inconclusive) for each in verdicts)
    return verdict, ExitCode.UNDECIDED if verdict is Verdict.NOT_APPLICABLE else code
