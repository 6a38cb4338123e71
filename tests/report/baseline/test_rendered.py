"""A known failure is shown as one everywhere, and a regression as a failure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from typing import Any
from xml.etree import ElementTree

import pytest
from rich.console import Console

from monitorbench.report.baseline.judge import held_against
from monitorbench.report.baseline.model import BaselineFile
from monitorbench.report.exit_code import ExitCode, counted, effect, overall
from monitorbench.report.model import Policy, Report, Verdict
from monitorbench.report.render import github, html, junit, markdown, terminal

Ran = Callable[..., Report]
Accepting = Callable[..., BaselineFile]

FAIL: dict[str, Any] = {"verdict": Verdict.FAIL, "reason": "The drop is too large."}
REASON = "<b>deep</b> by design"


def judged(report: Report, file: BaselineFile) -> Report:
    checks = held_against(report, file)
    verdict, code = overall(checks)
    return replace(report, checks=checks, verdict=verdict, exit_code=int(code))


@pytest.fixture
def known(ran: Ran, accepting: Accepting) -> Report:
    """A run whose only failure is known."""
    return judged(ran(**FAIL), accepting(ran(**FAIL), reason=REASON))


@pytest.fixture
def regressed(ran: Ran, accepting: Accepting) -> Report:
    """A run that holds its bounds, and is worse than accepted."""
    return judged(ran(0.2, tolerance={"abs": 0.02}, weights="b"), accepting(ran(0.01)))


def test_a_terminal_names_what_is_let_through_and_offers_no_rerun(known: Report) -> None:
    out = StringIO()
    console = Console(file=out, width=100, color_system=None, markup=False, highlight=False)
    terminal.show_result(known, console, rerun=lambda name: f"again {name}")
    text = out.getvalue()
    assert "bottleneck: fail (known failure)\n  Known failure, let through until 2027-04-01: <b>deep</b>" in text
    assert "again" not in text
    assert text.endswith("Let through:\nbottleneck: fail (known failure).\n")
    assert "pass, exit 0: " in text


def test_a_regression_is_a_failure_with_its_reason(regressed: Report) -> None:
    text = terminal.render(regressed, width=200)
    heading, why = "bottleneck: fail (worse than accepted)", "Worse than accepted, with its whole interval: +19.0 pp"
    assert f"{heading}\n  {why} [16.2, 21.8] from 1.0 pp" in text
    assert "fail, exit 1: " in text
    assert "**fail** (worse than accepted) | bottleneck" in markdown.render(regressed)
    assert github.render(regressed).startswith("::error ")


def test_markdown_and_annotations_are_calm_about_it(known: Report) -> None:
    text = markdown.render(known)
    assert "| fail (known failure) | bottleneck |" in text
    assert "&lt;b&gt;deep&lt;/b&gt; by design" in text
    assert github.render(known).startswith("::warning ")


def test_in_junit_it_is_skipped(known: Report) -> None:
    root = ElementTree.fromstring(junit.render(known))
    (skipped,) = root.iter("skipped")
    assert skipped.get("message", "").startswith("fail (known failure): Known failure, let through until 2027-04-01")
    assert (root.get("failures"), root.get("errors")) == ("0", "0")


def test_the_page_says_so_and_escapes_the_reason(known: Report) -> None:
    page = html.render(known)
    assert "known failure" in page
    assert REASON not in page
    assert "&lt;b&gt;deep&lt;/b&gt; by design" in page


def test_what_is_not_compared_is_told_although_it_passes(ran: Ran, accepting: Accepting) -> None:
    """Else a gate would be off without a word."""
    report = judged(ran(0.01, seed=1, tolerance={"abs": 0.02}), accepting(ran(0.01)))
    why = "Not held against the accepted value, which was measured otherwise (suite.sampling.seed)"
    assert report.verdict is Verdict.PASS
    assert f"bottleneck: pass (not compared)\n  {why}" in terminal.render(report, width=200)
    assert f"bottleneck, pass (not compared): {why}" in markdown.render(report)
    assert github.render(report).startswith("::warning ")
    assert why in github.render(report)


def test_a_check_without_an_accepted_value_is_called_new(ran: Ran) -> None:
    assert "pass (new)" in terminal.render(judged(ran(), BaselineFile()), width=200)


@pytest.mark.parametrize("policy", [Policy(), Policy(strict=True), Policy(inconclusive="pass")])
def test_a_known_failure_counts_as_if_it_had_passed(policy: Policy, known: Report) -> None:
    (check,) = known.checks
    assert (counted(check, policy), effect(check, policy)) == (Verdict.PASS, ExitCode.PASS)
    assert overall([check], policy) == (Verdict.PASS, ExitCode.PASS)
    assert counted(replace(check, gated=False)) is None


def test_a_warning_stays_with_a_check_that_is_worse_than_accepted(ran: Ran, accepting: Accepting) -> None:
    """By `warn_if` it is undecided, by its own bounds it passes, and against the accepted value it fails."""
    warned = {"warn_verdict": Verdict.INCONCLUSIVE, "warning": "By warn_if: inconclusive."}
    report = ran(0.2, tolerance={"abs": 0.02}, weights="b", **warned)
    (check,) = held_against(report, accepting(ran(0.01)))
    assert (check.verdict, check.warning) == (Verdict.FAIL, "By warn_if: inconclusive.")
    assert effect(check, Policy(strict=True)) is ExitCode.FAIL
