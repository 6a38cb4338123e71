"""A baseline file as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from monitorbench.report.baseline.model import BaselineFile
from monitorbench.report.baseline.table import as_json, as_text
from monitorbench.report.model import CheckReport, Report, Verdict

TODAY = date(2027, 1, 15)


@pytest.fixture
def file(
    make_check: Callable[..., CheckReport],
    make_report: Callable[..., Report],
    accepting: Callable[..., BaselineFile],
) -> BaselineFile:
    """A check that passes, and failures that are let through for longer, and for less long, than until today."""
    found = BaselineFile()
    for name, verdict, day in (("a", "pass", 31), ("b", "fail", 31), ("c", "fail", 10)):
        report = make_report(make_check(id=name, verdict=Verdict(verdict)), suite={"name": "s"})
        found = accepting(report, found, expires=date(2027, 1, day))
    return found


def test_what_expires_soonest_comes_first(file: BaselineFile) -> None:
    assert as_text(file, today=TODAY, width=100).splitlines() == [
        "suite  check  verdict  accepted            n    seen        expires",
        "s      c      fail     1.2 pp [-0.4, 3.1]  200  2026-01-02  2027-01-10 (expired)",
        "s      b      fail     1.2 pp [-0.4, 3.1]  200  2026-01-02  2027-01-31",
        "s      a      pass     1.2 pp [-0.4, 3.1]  200  2026-01-02  -",
        "",
        "s: c: as it is",
        "",
        "s: b: as it is",
    ]


def test_an_empty_file_says_so() -> None:
    assert as_text(BaselineFile(), today=TODAY) == "nothing is accepted\n"


def test_a_reason_cannot_forge_a_line(file: BaselineFile) -> None:
    entry = replace(file.of("s")["c"], reason="first\n\x1b[31msecond")
    text = as_text(BaselineFile(suites={"s": {"c": entry}}), today=TODAY)
    assert text.splitlines()[-1] == "s: c: first \N{REPLACEMENT CHARACTER}[31msecond"


def test_json_holds_every_entry_in_the_same_order(file: BaselineFile) -> None:
    listed = json.loads(as_json(file, today=TODAY))["accepted"]
    assert [(each["check"], each["expired"], each["reason"]) for each in listed] == [
        ("c", True, "as it is"),
        ("b", False, "as it is"),
        ("a", False, ""),
    ]
    assert listed[0]["settings"]["checks.c.max_drop"] == 0.05
    assert listed[0]["prompts_by_name"] == 0
