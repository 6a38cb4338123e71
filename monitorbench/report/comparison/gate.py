"""What a comparison comes to as an exit code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from monitorbench.errors import UsageError
from monitorbench.report.comparison.model import Against, Comparison, FailOn, Judgement, Kind, Pair, Standing
from monitorbench.report.comparison.words import with_warning
from monitorbench.report.exit_code import ExitCode, counted, effect, is_worse, worst_code
from monitorbench.report.model import CheckReport, Policy, Verdict


def judge(comparison: Comparison, fail_on: FailOn, *, strict: bool = False) -> Judgement:
    """What a comparison comes to. Only checks are judged that count where they were last seen.

    `regression`: a verdict that got worse asks for the code of the verdict that it came to, an estimate that got worse
    by more than its tolerance for 1, a check that is missing for 3. `change`: these, and 1 for any other verdict that
    changed, for new and missing checks, and for estimates that got better. `never`: 0.

    Args:
        comparison: what is compared.
        fail_on: what asks for another code than 0.
        strict: whether warnings count as fails, in each of the reports.

    Raises:
        UsageError: `fail_on` is another word.
    """
    if fail_on not in get_args(FailOn):
        raise UsageError(f"unknown value {fail_on!r}", where="--fail-on", fix=f"use one of {get_args(FailOn)}")
    if fail_on == "never":
        return Judgement(fail_on=fail_on, code=ExitCode.PASS)
    found = [each for other in comparison.others for each in _found(other, fail_on, Policy(strict=strict))]
    code = worst_code(code for code, _ in found)
    return Judgement(fail_on=fail_on, code=code, reasons=tuple(sentence for _, sentence in found))


def refuse_unlike(comparison: Comparison, *, strict: bool = False) -> None:
    """Refuse to judge where checks measure something else than in the reference.

    Raises:
        UsageError: a setting differs that decides what a check measures that counts; all of them are named.
    """
    for other in comparison.others:
        concerned = {pair.id for pair in other.pairs if _counts(pair, Policy(strict=strict)) and pair.differs}
        if concerned:
            places = [each.place for each in other.differs if concerned.intersection(each.checks)]
            raise UsageError(
                f"measures something else than the reference: {', '.join(places)} differ",
                where=other.name,
                fix="run both with the same settings, or judge the verdicts alone with --allow-differences",
            )


def _found(other: Against, fail_on: FailOn, policy: Policy) -> Iterator[tuple[ExitCode, str]]:
    for pair in other.pairs:
        if _counts(pair, policy) and (code := _code(pair, fail_on, policy)) is not ExitCode.PASS:
            yield code, f"{other.name}: {pair.id}: {_what(pair, policy)}"


def _counts(pair: Pair, policy: Policy) -> bool:
    last = pair.other or pair.reference
    return last is not None and counted(last, policy) is not None


def _code(pair: Pair, fail_on: FailOn, policy: Policy) -> ExitCode:
    every_change = ExitCode.FAIL if fail_on == "change" else ExitCode.PASS
    if pair.reference is None:
        return every_change
    if pair.other is None:
        return worst_code((every_change, ExitCode.UNDECIDED))
    codes = [ExitCode.PASS]
    before, after = _as_counted(pair.reference, policy), _as_counted(pair.other, policy)
    if is_worse(after, before):
        codes.append(effect(pair.other, policy))
    if pair.standing is Standing.WORSE:
        codes.append(ExitCode.FAIL)
    if pair.kind is Kind.CHANGED or before is not after or pair.standing is Standing.BETTER:
        codes.append(every_change)
    return worst_code(codes)


def _as_counted(check: CheckReport, policy: Policy) -> Verdict:
    """The verdict with which a check counts; its own where it did not count yet."""
    return counted(check, policy) or check.verdict


def _what(pair: Pair, policy: Policy) -> str:
    if pair.reference is None or pair.other is None:
        return f"is {pair.kind}"
    if pair.kind is Kind.CHANGED or _as_counted(pair.reference, policy) is not _as_counted(pair.other, policy):
        return f"{with_warning(pair.reference)} became {with_warning(pair.other)}"
    return f"is {pair.standing} by more than its tolerance"
