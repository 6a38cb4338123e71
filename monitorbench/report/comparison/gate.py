"""What a comparison comes to as an exit code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from monitorbench.errors import UsageError
from monitorbench.report.comparison.model import Against, Comparison, FailOn, Judgement, Kind, Pair, Standing
from monitorbench.report.exit_code import ExitCode, effect, is_worse, worst_code


def judge(comparison: Comparison, fail_on: FailOn) -> Judgement:
    """What a comparison comes to.

    `regression`: a verdict that got worse asks for the code of the verdict that it came to, an estimate that got worse
    by more than its tolerance for 1, a check that is missing for 3. `change`: these, and 1 for any other verdict that
    changed, for new and missing checks, and for estimates that got better. `never`: 0.

    Raises:
        UsageError: `fail_on` is another word.
    """
    if fail_on not in get_args(FailOn):
        raise UsageError(f"unknown value {fail_on!r}", where="--fail-on", fix=f"use one of {get_args(FailOn)}")
    if fail_on == "never":
        return Judgement(fail_on=fail_on, code=ExitCode.PASS)
    found = [each for other in comparison.others for each in _found(other, fail_on)]
    code = worst_code(code for code, _ in found)
    return Judgement(fail_on=fail_on, code=code, reasons=tuple(sentence for _, sentence in found))


def refuse_unlike(comparison: Comparison) -> None:
    """Refuse to judge where checks measure something else than in the reference.

    Raises:
        UsageError: a setting differs that decides what a gated check measures; all of them are named.
    """
    for other in comparison.others:
        concerned = {pair.id for pair in other.pairs if pair.gated and pair.differs}
        if concerned:
            places = [each.place for each in other.differs if concerned.intersection(each.checks)]
            raise UsageError(
                f"measures something else than the reference: {', '.join(places)} differ",
                where=other.name,
                fix="run both with the same settings, or judge the verdicts alone with --allow-differences",
            )


def _found(other: Against, fail_on: FailOn) -> Iterator[tuple[ExitCode, str]]:
    for pair in other.pairs:
        if pair.gated and (code := _code(pair, fail_on)) is not ExitCode.PASS:
            yield code, f"{other.name}: {pair.id}: {_what(pair)}"


def _code(pair: Pair, fail_on: FailOn) -> ExitCode:
    every_change = ExitCode.FAIL if fail_on == "change" else ExitCode.PASS
    if pair.reference is None:
        return every_change
    if pair.other is None:
        return worst_code((every_change, ExitCode.UNDECIDED))
    codes = [ExitCode.PASS]
    if is_worse(pair.other.verdict, pair.reference.verdict):
        codes.append(effect(pair.other))
    if pair.standing is Standing.WORSE:
        codes.append(ExitCode.FAIL)
    if pair.kind is Kind.CHANGED or pair.standing is Standing.BETTER:
        codes.append(every_change)
    return worst_code(codes)


def _what(pair: Pair) -> str:
    if pair.reference is None or pair.other is None:
        return f"is {pair.kind}"
    if pair.kind is Kind.CHANGED:
        return f"{pair.reference.verdict} became {pair.other.verdict}"
    return f"is {pair.standing} by more than its tolerance"
