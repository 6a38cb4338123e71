"""From reports to their comparison: checks matched by id and type, and what became of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from monitorbench.errors import UsageError
from monitorbench.report.comparison.model import Against, Comparison, Differs, Kind, Pair, Standing
from monitorbench.report.comparison.pairing import shift
from monitorbench.report.comparison.settings import differences
from monitorbench.report.comparison.standing import declared, looked_at_early, standing, tolerance_of, worse_side
from monitorbench.report.model import CheckReport, Report


def compare(reports: Mapping[str, Report], *, tolerances: Mapping[str, float] | None = None) -> Comparison:
    """Hold reports against a reference.

    Args:
        reports: by name; the first is the reference.
        tolerances: by how much an estimate may be worse, in its own unit, by check id; they go before what the suite of
            the other report declares for the check, `tolerance: {abs, rel}`.

    Raises:
        UsageError: there are fewer than two reports, one of them has no check in common with the reference, or no
            report has a check that a tolerance names.
    """
    given = tolerances or {}
    known = {check.id for report in reports.values() for check in report.checks}
    if unknown := sorted(given.keys() - known):
        fix = f"use one of {', '.join(sorted(known))}"
        raise UsageError(f"no report has a check {unknown[0]!r}", where="--tolerance", fix=fix)
    (name, reference), *others = reports.items()
    if not others:
        raise UsageError("there is only one report", where=name, fix="name a second one, other than the first")
    return Comparison(
        name=name, reference=reference, others=tuple(_against(reference, name, *other, given) for other in others)
    )


def _against(
    reference: Report, reference_name: str, name: str, other: Report, tolerances: Mapping[str, float]
) -> Against:
    differs = differences(reference, other)
    pairs = tuple(_pairs(reference, other, differs, tolerances))
    if not any(pair.reference and pair.other for pair in pairs):
        raise UsageError(
            f"has no check in common with {reference_name}, by id and type",
            where=name,
            fix="compare reports of the same suite",
        )
    return Against(name=name, report=other, differs=differs, pairs=pairs)


def _pairs(
    reference: Report, other: Report, differs: tuple[Differs, ...], tolerances: Mapping[str, float]
) -> Iterator[Pair]:
    after = {(check.id, check.type): check for check in other.checks}
    sequential = any(looked_at_early(report) for report in (reference, other))
    for check in reference.checks:
        twin = after.pop((check.id, check.type), None)
        if twin is None:
            yield Pair(id=check.id, type=check.type, kind=Kind.MISSING, reference=check, other=None)
        else:
            tolerance = tolerances.get(check.id, _tolerance(check, other))
            yield _pair(check, twin, differs, tolerance, sequential=sequential)
    for check in after.values():
        yield Pair(id=check.id, type=check.type, kind=Kind.NEW, reference=None, other=check)


def _pair(
    check: CheckReport,
    twin: CheckReport,
    differs: tuple[Differs, ...],
    tolerance: float | None,
    *,
    sequential: bool,
) -> Pair:
    found = shift(check, twin, sequential=sequential)
    because = tuple(each.place for each in differs if check.id in each.checks)
    return Pair(
        id=check.id,
        type=check.type,
        kind=Kind.SAME if check.verdict is twin.verdict else Kind.CHANGED,
        reference=check,
        other=twin,
        shift=found,
        differs=because,
        tolerance=tolerance,
        standing=Standing.OPEN if because else standing(found, worse_side(twin.bound), tolerance),
    )


def _tolerance(check: CheckReport, report: Report) -> float | None:
    return tolerance_of(declared(check.id, report).get("tolerance"), check.estimate)
