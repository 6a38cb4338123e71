"""Checks that are taken together: an alarm if any fails, at an error rate that holds for all of them.

`gate: all` needs none of this: a release has to pass every check, each at its own error rate, and the rate of the whole
is no higher (an intersection-union test: Berger, Technometrics 24 (1982) 295).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from monitorbench.report.model import CheckReport, Verdict

JudgeAt = Callable[[str, float], CheckReport]
"""Judges the check of an id again at another two-sided confidence level."""


def alarms(reports: Mapping[str, CheckReport], judge_at: JudgeAt, *, level: float) -> dict[str, CheckReport]:
    """Reports in which a check fails only if it does so as one of many, by Holm's step-down procedure.

    Holm, Scandinavian Journal of Statistics 6 (1979) 65: of m p-values, the k smallest are significant while the i-th
    is at most alpha / (m - i + 1). A p-value is at most a when the check fails by bounds at a, so that checks are
    judged again at smaller and smaller error rates instead. What is judged exactly cannot fail by chance, and stands
    aside.

    Args:
        reports: every check as it is judged by itself, by id.
        judge_at: judges one of them again at another level.
        level: the two-sided level of `reports`; alpha is half of what is missing to 1.
    """
    alpha = (1.0 - level) / 2.0
    family = [name for name, report in reports.items() if report.gated and not _is_exact(report)]
    failing = [name for name in family if reports[name].verdict is Verdict.FAIL]
    kept: dict[str, CheckReport] = {}
    for step in range(len(failing)):
        share = alpha / (len(family) - step)
        judged = {name: judge_at(name, 1.0 - 2.0 * share) for name in failing}
        stricter = {name: report for name, report in judged.items() if report.verdict is Verdict.FAIL}
        if len(stricter) <= step:
            break
        kept = stricter
    silent = {name: _not_alone(reports[name], len(family)) for name in failing if name not in kept}
    return {**reports, **kept, **silent}


def _is_exact(report: CheckReport) -> bool:
    return report.interval is not None and report.interval.level == 1.0


def _not_alone(report: CheckReport, tests: int) -> CheckReport:
    text = f"It fails by itself, but among {tests} checks a failure like this is no alarm yet (Holm). {report.reason}"
    return replace(report, verdict=Verdict.INCONCLUSIVE, reason=text)
