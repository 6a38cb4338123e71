"""What the exit code means in words: nothing is let through without being named."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from monitorbench.report.exit_code import ExitCode, overall
from monitorbench.report.model import CheckReport, Policy, Report, Verdict
from monitorbench.report.outcome import outcome_words

MakeCheck = Callable[..., CheckReport]
WARNED = {"warning": "By warn_if: it is broken.", "warn_verdict": Verdict.FAIL}


@pytest.fixture(scope="session")
def said(make_report: Callable[..., Report]) -> Callable[..., str]:
    """What is said besides the meaning of the exit code."""

    def said(*checks: CheckReport, **policy: object) -> str:
        applied = Policy(**policy)  # type: ignore[arg-type]  # as given
        verdict, code = overall(checks, applied)
        words = outcome_words(make_report(*checks, verdict=verdict, exit_code=code, policy=applied))
        assert words.startswith(ExitCode(code).meaning)
        return words.removeprefix(ExitCode(code).meaning).strip()

    return said


def test_of_a_plain_pass_nothing_more_is_said(said: Callable[..., str], make_check: MakeCheck) -> None:
    assert said(make_check(), make_check(id="b", verdict=Verdict.NOT_APPLICABLE)) == ""


def test_a_plain_fail_is_not_let_through(said: Callable[..., str], make_check: MakeCheck) -> None:
    assert said(make_check(verdict=Verdict.FAIL)) == ""


def test_all_that_was_let_through_is_named(said: Callable[..., str], make_check: MakeCheck) -> None:
    checks = (
        make_check(id="a", **WARNED),
        make_check(id="b", severity="warn", verdict=Verdict.FAIL),
        make_check(id="c", severity="info", verdict=Verdict.ERROR),
        make_check(id="d", verdict=Verdict.INCONCLUSIVE),
    )
    named = "a: pass (warning), b: fail (severity warn), c: error (severity info)"
    assert said(*checks) == f"Let through: {named}."
    assert said(*checks, inconclusive="pass") == f"Let through: {named}, d: inconclusive."
    assert said(*checks, strict=True) == (
        "Let through: c: error (severity info). "
        "Not let through, because the run is strict: a: pass (warning), b: fail (severity warn)."
    )


@pytest.mark.parametrize(
    ("severity", "words"),
    [
        ("warn", "No check counts: none has severity fail; --strict counts those of severity warn too."),
        ("info", "No check counts: none has severity fail."),
    ],
)
def test_a_run_that_cannot_fail_says_so(
    severity: str, words: str, said: Callable[..., str], make_check: MakeCheck
) -> None:
    assert said(make_check(severity=severity)) == words


def test_a_name_cannot_begin_another_line(said: Callable[..., str], make_check: MakeCheck) -> None:
    assert "\n" not in said(make_check(), make_check(id="b\nc", severity="warn", verdict=Verdict.FAIL))
