"""`monitorbench calibrate`: how often a suite errs on a checkpoint that does not change."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from monitorbench.commands.interrupts import heed
from monitorbench.commands.output import hush
from monitorbench.commands.parsing import Parser, add_quiet, add_suite, overrides_of, whole_number

if TYPE_CHECKING:
    from monitorbench.calibration import Rates
    from monitorbench.report.model import Report
    from monitorbench.stats.interval import Estimate
    from monitorbench.suite.model import Suite

NAME = "calibrate"
SUMMARY = "run a suite many times on the same checkpoint with new seeds, and print how often its verdicts err"

COLUMNS = ("false fail", "false pass", "inconclusive", "fail at the edge", "pass at the edge")


def declare(parser: Parser) -> None:
    """Declare the arguments."""
    add_suite(parser)
    parser.add_argument(
        "--runs",
        metavar="R",
        type=whole_number,
        default=20,
        help="runs, each with new seeds and, where a task draws its problems, new problems (default: 20)",
    )
    parser.add_argument("--output", metavar="PATH", type=Path, help="also write the rates as JSON to this file")
    add_quiet(parser)
    parser.add_argument("--json", action="store_true", help="print the rates as JSON on stdout and all else on stderr")


def execute(options: argparse.Namespace) -> int:
    """Run the suite again and again; the rates are printed, whatever they are."""
    from monitorbench.api import load_suite
    from monitorbench.errors import UsageError
    from monitorbench.invocation import refuse_unwritable
    from monitorbench.ranks.environment import require_one

    require_one(os.environ, NAME)
    if options.runs < 2:
        raise UsageError(f"--runs must be at least 2, got {options.runs}", fix="write a larger number")
    suite = load_suite(options.suite, overrides_of(options))
    if options.output:
        refuse_unwritable(options.output)
    stdout = sys.stdout
    if options.quiet:
        hush()
    reports: list[Report] = []
    try:
        with redirect_stdout(sys.stderr):
            _calibrated(suite, options, reports)
    except KeyboardInterrupt as interrupt:
        # What was measured so far is worth having.
        if len(reports) > 1:
            _deliver(suite, reports, options, stdout)
            interrupt.add_note(f"the rates are those of {len(reports)} of {options.runs} runs")
        raise
    _deliver(suite, reports, options, stdout)
    return 0


def _deliver(suite: Suite, reports: Sequence[Report], options: argparse.Namespace, stdout: TextIO) -> None:
    from monitorbench.calibration import rates_of
    from monitorbench.report.write import write_text

    found, done = rates_of(reports), len(reports)
    text = json.dumps(_record(suite, found, done), indent=2, allow_nan=False) + "\n"
    if options.output:
        write_text(text, options.output)
    stdout.write(text if options.json else _table(found, done))


def _calibrated(suite: Suite, options: argparse.Namespace, reports: list[Report]) -> None:
    """Run the suite so many times; the report of each run is at hand as soon as the run is over."""
    from monitorbench.calibration import calibrate
    from monitorbench.notices import RunDone
    from monitorbench.progress import Progress
    from monitorbench.report.model import Report

    with Progress(sys.stderr, quiet=options.quiet) as show:
        for notice in calibrate(suite, options.runs):
            heed()
            show(notice)
            if isinstance(notice, RunDone) and isinstance(notice.report, Report):
                reports.append(notice.report)
                if not options.quiet:
                    with show.aside():
                        sys.stderr.write(_told(len(reports), options.runs, notice.report))


def _told(number: int, runs: int, report: Report) -> str:
    verdicts = ", ".join(f"{check.id} {check.verdict}" for check in report.checks)
    return f"run {number} of {runs} ({report.run.seconds:.0f} s): {verdicts}\n"


def _record(suite: Suite, found: Sequence[Rates], done: int) -> dict[str, Any]:
    from monitorbench.suite.loader import resolved

    checks = [dataclasses.asdict(rates) for rates in found]
    return {"suite": resolved(suite), "runs": done, "checks": checks}


def _table(found: Sequence[Rates], done: int) -> str:
    lines = [f"{done} runs of the same checkpoint; rates with 90 % intervals"]
    for rates in found:
        verdicts = ", ".join(f"{count} {verdict}" for verdict, count in rates.verdicts.items())
        truth = "no estimate" if rates.truth is None else f"estimate {rates.truth:.4g} on average"
        kept = "" if rates.keeps is None else f", which {'keeps' if rates.keeps else 'breaks'} the bound"
        lines.append(f"{rates.check}: {verdicts}; {truth}{kept}")
        values = (rates.false_fail, rates.false_pass, rates.inconclusive, rates.edge_fail, rates.edge_pass)
        lines += [f"  {name:17} {_rate(value)}" for name, value in zip(COLUMNS, values, strict=True)]
    return "\n".join(lines) + "\n"


def _rate(value: Estimate | None) -> str:
    if value is None:
        return "does not arise"
    return f"{value.value:.1%} [{value.low:.1%}, {value.high:.1%}]"
