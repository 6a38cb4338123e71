"""What an update takes into the baseline file, and what it refuses."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from monitorbench.errors import UsageError
from monitorbench.report.baseline.judge import held_against
from monitorbench.report.baseline.model import BaselineFile, Entry
from monitorbench.report.baseline.update import Request, updated
from monitorbench.report.model import CheckReport, Report, Verdict

Ran = Callable[..., Report]
Accepting = Callable[..., BaselineFile]

FAIL: dict[str, Any] = {"verdict": Verdict.FAIL, "reason": "The drop is too large."}
LATER = "2027-02-01"


def entry(file: BaselineFile) -> Entry:
    return file.of("s")["bottleneck"]


def refusal(report: Report, file: BaselineFile | None = None, **asked: Any) -> str:
    given = {"today": date(2027, 1, 1)} | asked
    with pytest.raises(UsageError) as caught:
        updated(file or BaselineFile(), report, Request(**given))
    return str(caught.value)


def test_an_entry_holds_what_a_later_run_is_held_against(ran: Ran, accepting: Accepting) -> None:
    report = ran(prompts={"p0": 0.0, "p1": 1.0}, tolerance={"abs": 0.02})
    found, (check,) = entry(accepting(report)), report.checks
    assert (found.value, found.unit, found.interval, found.n) == (0.5, "share", check.interval, check.n)
    assert (found.verdict, found.bound, found.tolerance) == (check.verdict, check.bound, {"abs": 0.02})
    assert found.checkpoint.content == ("a" * 64, "b" * 64, "")
    assert found.environment == {
        **{"device.device": "cpu", "device.dtype": "float32"},
        **{"versions.monitorbench": "0.1.0", "versions.python": "3.11.9"},
    }
    assert found.prompts is not None
    assert (found.prompts.low, found.prompts.high, found.prompts.values) == (-1.0, 1.0, {"p0": 0.0, "p1": 1.0})
    assert found.settings == {
        "checks.bottleneck.keep.top_k": 8,
        "checks.bottleneck.max_drop": 0.05,
        "checks.bottleneck.task": "chain",
        "suite.sampling.seed": 0,
        "suite.tasks.chain.family": "arithmetic-chain",
        "suite.tasks.chain.seed": 0,
    }
    assert (found.first_seen, found.last_seen, found.reason, found.expires) == ("2027-01-01", "2027-01-01", "", None)


def test_a_later_value_keeps_the_day_on_which_the_first_was_accepted(ran: Ran, accepting: Accepting) -> None:
    found = entry(accepting(ran(0.02, day=LATER), accepting(ran())))
    assert (found.value, found.first_seen, found.last_seen) == (0.02, "2027-01-01", LATER)


@pytest.mark.parametrize(
    ("verdict", "what"),
    [
        (Verdict.FAIL, "bottleneck is a failure"),
        (Verdict.INCONCLUSIVE, "bottleneck is a check that decided nothing"),
        (Verdict.UNOBSERVED, "bottleneck is a check that observed nothing"),
    ],
)
def test_a_failure_needs_a_reason(verdict: Verdict, what: str, ran: Ran, accepting: Accepting) -> None:
    report = ran(verdict=verdict)
    assert refusal(report, reason=" ") == f"s: nothing was accepted: {what}: say with --reason why it is accepted"
    found = entry(accepting(report, reason=" as planned \n"))
    assert (found.verdict, found.reason, found.expires) == (verdict, "as planned", "2027-04-01")
    assert entry(accepting(report, expires=date(2027, 1, 31))).expires == "2027-01-31"


def test_an_error_is_never_accepted(ran: Ran) -> None:
    assert refusal(ran(verdict=Verdict.ERROR), reason="why not").startswith(
        "s: nothing was accepted: bottleneck broke down, and an error is no result"
    )


def test_a_failure_cannot_expire_in_the_past(ran: Ran) -> None:
    words = refusal(ran(**FAIL), reason="r", expires=date(2026, 12, 31))
    assert words == "--expires: 2026-12-31 lies in the past; name a day from 2027-01-01 on"


def test_a_known_failure_keeps_its_reason_and_its_day(ran: Ran, accepting: Accepting) -> None:
    file = accepting(ran(0.2, **FAIL), reason="first")
    again = ran(0.21, day=LATER, weights="b", **FAIL)
    kept = entry(accepting(again, file, reason="", today=date(2027, 2, 1)))
    assert (kept.value, kept.reason, kept.expires, kept.last_seen) == (0.21, "first", "2027-04-01", LATER)
    renewed = entry(accepting(again, file, reason="second", today=date(2027, 2, 1)))
    assert (renewed.reason, renewed.expires) == ("second", "2027-05-02")
    prolonged = entry(accepting(again, file, reason="", expires=date(2027, 6, 1)))
    assert (prolonged.reason, prolonged.expires) == ("first", "2027-06-01")


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"value": 0.3, "weights": "b"}, "a failure"),
        ({"value": 0.2, "day": "2027-05-01"}, "an expired failure"),
        ({"value": 0.2, "seed": 1}, "a failure"),
    ],
)
def test_a_failure_that_is_worse_or_late_or_another_one_needs_a_new_reason(
    changes: dict[str, Any], what: str, ran: Ran, accepting: Accepting
) -> None:
    assert f"bottleneck is {what}: say with" in refusal(ran(**changes, **FAIL), accepting(ran(0.2, **FAIL)))


def test_a_value_that_is_worse_needs_a_reason_and_does_not_expire(ran: Ran, accepting: Accepting) -> None:
    file, worse = accepting(ran(0.01)), ran(0.2, tolerance={"abs": 0.02}, weights="b")
    assert "bottleneck is a value worse than accepted: say with --reason" in refusal(worse, file)
    file = accepting(worse, file, reason="more depth for less memory")
    assert (entry(file).reason, entry(file).expires) == ("more depth for less memory", None)
    assert entry(accepting(worse, file, reason="")).reason == "more depth for less memory"
    (check,) = held_against(worse, file)
    assert check.verdict is Verdict.PASS


def test_what_is_not_shown_to_be_no_worse_needs_a_reason(ran: Ran, accepting: Accepting) -> None:
    report = ran(0.02, tolerance={"abs": 0.02}, versus=True, weights="b")
    assert "bottleneck is a value not shown to be no worse" in refusal(report, accepting(ran(0.01)))


def test_the_first_value_of_a_check_against_the_last_one_needs_no_reason(ran: Ran) -> None:
    report = ran(tolerance={"abs": 0.02}, versus=True)
    (check,) = held_against(report, None)
    observed = dataclasses.replace(report, checks=(check,))
    file, _ = updated(BaselineFile(), observed, Request(today=date(2027, 1, 1)))
    assert (entry(file).verdict, entry(file).reason) == (Verdict.PASS, "")
    (check,) = held_against(report, file)
    assert check.verdict is Verdict.PASS


def test_a_failure_that_is_mended_needs_no_reason_any_more(ran: Ran, accepting: Accepting) -> None:
    found = entry(accepting(ran(0.01), accepting(ran(0.2, **FAIL)), reason=""))
    assert (found.verdict, found.reason, found.expires) == (Verdict.PASS, "", None)


def test_only_what_is_named_changes(
    ran: Ran, accepting: Accepting, make_check: Callable[..., CheckReport], make_report: Callable[..., Report]
) -> None:
    first, second = make_check(id="first"), make_check(id="second")
    suite = {"name": "s"}
    file = accepting(make_report(first, second, suite=suite))
    later = make_report(*(dataclasses.replace(check, n=7) for check in (first, second)), suite=suite)
    changed = accepting(later, file, only=("second",))
    assert changed.of("s")["first"] == file.of("s")["first"]
    assert changed.of("s")["second"].n == 7
    other = accepting(dataclasses.replace(later, suite={"name": "other"}), file)
    assert (sorted(other.suites), other.of("s")) == (["other", "s"], file.of("s"))


def test_a_check_that_is_not_gated_is_not_accepted(
    make_check: Callable[..., CheckReport], make_report: Callable[..., Report], accepting: Accepting
) -> None:
    report = make_report(make_check(id="first"), make_check(id="second", gated=False), suite={"name": "s"})
    assert list(accepting(report).of("s")) == ["first"]
    assert refusal(report, only=("second",)) == "--only: the report has no gated check 'second'; it has first"
    alone = make_report(make_check(gated=False), suite={"name": "s"})
    assert refusal(alone).startswith("the report has no gated check; ")


def test_all_that_cannot_be_accepted_is_named_and_nothing_is_taken(
    make_check: Callable[..., CheckReport], make_report: Callable[..., Report]
) -> None:
    checks = [make_check(id=name, verdict=Verdict.FAIL) for name in ("first", "second")]
    words = refusal(make_report(*checks, make_check(id="third"), suite={"name": "s"}))
    assert "first is a failure" in words
    assert "second is a failure" in words
    assert "third" not in words
