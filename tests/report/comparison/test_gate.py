"""What a comparison comes to: every pair of verdicts, and every kind of change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from monitorbench.errors import UsageError
from monitorbench.report.comparison.compare import compare
from monitorbench.report.comparison.gate import judge, refuse_unlike
from monitorbench.report.comparison.model import Comparison, FailOn
from monitorbench.report.model import CheckReport, Report, Verdict

MakeRun = Callable[..., Report]
MakeCheck = Callable[..., CheckReport]
MakeReport = Callable[..., Report]

CODES = {Verdict.FAIL: 1, Verdict.ERROR: 3, Verdict.UNOBSERVED: 3, Verdict.INCONCLUSIVE: 3}
WORST_FIRST = [*CODES, Verdict.PASS]
BEFORE = {str(i): 0.0 for i in range(60)}
WORSE = {str(i): 0.4 * (i % 3) for i in range(60)}


def code(comparison: Comparison, fail_on: FailOn) -> int:
    return int(judge(comparison, fail_on).code)


@pytest.mark.parametrize("after", list(Verdict))
@pytest.mark.parametrize("before", list(Verdict))
def test_a_verdict_that_got_worse_is_a_regression(before: Verdict, after: Verdict, make_run: MakeRun) -> None:
    def rank(verdict: Verdict) -> int:
        return WORST_FIRST.index(Verdict.PASS if verdict is Verdict.NOT_APPLICABLE else verdict)

    found = compare({"a": make_run(verdict=before), "b": make_run(verdict=after)})
    assert code(found, "regression") == (CODES[after] if rank(after) < rank(before) else 0)
    assert code(found, "change") == (0 if before is after else 1)
    assert code(found, "never") == 0


def test_an_estimate_that_got_worse_is_a_regression_while_the_verdict_stands(make_run: MakeRun) -> None:
    found = compare({"a": make_run(BEFORE), "b": make_run(WORSE)})
    judged = judge(found, "regression")
    assert (judged.code, judged.reasons) == (1, ("b: bottleneck: is worse by more than its tolerance",))
    assert judged.words == "exit 1: 1 finding (fail on regression)."


def test_an_estimate_that_got_better_is_a_change_only(make_run: MakeRun) -> None:
    found = compare({"a": make_run(WORSE), "b": make_run(BEFORE)})
    assert (code(found, "regression"), code(found, "change")) == (0, 1)


def test_a_missing_check_is_undecided_and_a_new_one_no_regression(
    make_check: MakeCheck, make_report: MakeReport
) -> None:
    one, two = make_report(make_check()), make_report(make_check(), make_check(id="more", verdict=Verdict.FAIL))
    lost, gained = compare({"a": two, "b": one}), compare({"a": one, "b": two})
    assert (code(lost, "regression"), code(lost, "change")) == (3, 1)
    assert (code(gained, "regression"), code(gained, "change")) == (0, 1)


def test_what_is_not_gated_is_told_and_never_judged(make_run: MakeRun) -> None:
    found = compare({"a": make_run(), "b": make_run(verdict=Verdict.FAIL, gated=False)})
    assert code(found, "change") == 0


@pytest.mark.parametrize(("severity", "usual", "strict"), [("fail", 1, 1), ("warn", 0, 1), ("info", 0, 0)])
def test_a_regression_counts_as_a_fail_of_the_check_would(
    severity: str, usual: int, strict: int, make_run: MakeRun
) -> None:
    for worse in ({"verdict": Verdict.FAIL}, {"values": WORSE}):
        found = compare(
            {"a": make_run(BEFORE, severity=severity), "b": make_run(**{"values": BEFORE} | worse, severity=severity)}
        )
        for fail_on in ("regression", "change"):
            assert judge(found, fail_on).code == usual
            assert judge(found, fail_on, strict=True).code == strict


def test_a_new_warning_is_a_regression_where_warnings_count(make_run: MakeRun) -> None:
    warned = {"warning": "By warn_if: it is broken.", "warn_verdict": Verdict.FAIL}
    found = compare({"a": make_run(warn_verdict=Verdict.PASS), "b": make_run(**warned)})
    assert judge(found, "change").code == 0
    judged = judge(found, "regression", strict=True)
    assert (judged.code, judged.reasons) == (1, ("b: bottleneck: pass became pass (warning)",))


def test_a_check_that_cannot_count_needs_no_equal_settings(make_run: MakeRun, suite: dict[str, Any]) -> None:
    asked = {**suite, "sampling": {**suite["sampling"], "seed": 7}}
    found = compare({"a": make_run(severity="warn"), "b": make_run(asked=asked, severity="warn")})
    refuse_unlike(found)
    with pytest.raises(UsageError, match="measures something else"):
        refuse_unlike(found, strict=True)


def test_the_worst_of_all_reports_counts(make_run: MakeRun) -> None:
    reports = {"a": make_run(), "b": make_run(verdict=Verdict.ERROR), "c": make_run(verdict=Verdict.FAIL)}
    judged = judge(compare(reports), "regression")
    assert judged.code == 1
    assert judged.reasons == ("b: bottleneck: pass became error", "c: bottleneck: pass became fail")


def test_runs_of_other_settings_are_not_judged(make_run: MakeRun, suite: dict[str, Any]) -> None:
    sampling = {**suite["sampling"], "seed": 7}
    with pytest.raises(UsageError, match=r"b: measures something else than the reference: suite\.sampling\.seed"):
        refuse_unlike(compare({"a": make_run(), "b": make_run(asked={**suite, "sampling": sampling})}))
    refuse_unlike(compare({"a": make_run(), "b": make_run(verdict=Verdict.FAIL)}))


def test_another_word_is_refused(make_run: MakeRun) -> None:
    with pytest.raises(UsageError, match="unknown value 'often'"):
        judge(compare({"a": make_run(), "b": make_run()}), "often")  # type: ignore[arg-type]  # what a caller may write
