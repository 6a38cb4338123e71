"""`monitorbench calibrate`: how often a suite errs on a checkpoint that does not change."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from monitorbench.commands.parsing import Parser, add_suite, overrides_of, whole_number

if TYPE_CHECKING:
    from monitorbench.calibration import Rates
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
    parser.add_argument("--json", action="store_true", help="print the rates as JSON on stdout and all else on stderr")


def execute(options: argparse.Namespace) -> int:
    """Run the suite again and again; the rates are printed, whatever they are."""
    from monitorbench.api import load_suite
    from monitorbench.errors import UsageError
    from monitorbench.invocation import refuse_unwritable
    from monitorbench.report.write import write_text

    if options.runs < 2:
        raise UsageError(f"--runs must be at least 2, got {options.runs}", fix="write a larger number")
    suite = load_suite(options.suite, overrides_of(options))
    if options.output:
        refuse_unwritable(options.output)
    stdout = sys.stdout
    with redirect_stdout(sys.stderr):
        found, done = _calibrated(suite, options.runs, sys.stderr)
    text = json.dumps(_record(suite, found, done), indent=2, allow_nan=False) + "\n"
    if options.output:
        write_text(text, options.output)
    stdout.write(text if options.json else _table(found, done))
    return 0


def _calibrated(suite: Suite, runs: int, screen: TextIO) -> tuple[Sequence[Rates], int]:
    from monitorbench.calibration import calibrate, rates_of
    from monitorbench.report.model import Report

    reports: list[Report] = []
    try:
        for report in calibrate(suite, runs):
            reports.append(report)
            verdicts = ", ".join(f"{check.id} {check.verdict}" for check in report.checks)
            screen.write(f"run {len(reports)} of {runs} ({report.run.seconds:.0f} s): {verdicts}\n")
            screen.flush()
    except KeyboardInterrupt:
        # What was measured so far is worth having.
        if len(reports) < 2:
            raise
        screen.write(f"interrupted after {len(reports)} of {runs} runs\n")
    return rates_of(reports), len(reports)


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
