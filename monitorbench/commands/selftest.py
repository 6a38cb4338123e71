"""`monitorbench selftest`: run the reference checkpoints and compare with the verdicts that they must get."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitorbench.commands.output import hush
from monitorbench.commands.parsing import Parser, add_quiet

if TYPE_CHECKING:
    from monitorbench.selftest.cases import Case
    from monitorbench.selftest.outcome import Outcome

NAME = "selftest"
SUMMARY = "run the reference checkpoints and see whether this machine tells their planted truths apart"


def declare(parser: Parser) -> None:
    """Declare the arguments."""
    parser.add_argument("--device", metavar="DEVICE", default="auto", help="auto (the default), cpu, cuda or cuda:N")
    parser.add_argument(
        "--dtype",
        metavar="DTYPE",
        choices=("float32", "bfloat16", "float16"),
        default="float32",
        help="float32 (the default), bfloat16 or float16",
    )
    parser.add_argument("--quick", action="store_true", help="leave out the cases that take long for what they tell")
    parser.add_argument(
        "--only",
        metavar="CASE",
        action="append",
        default=[],
        help="run this case only, be it quick or not (repeatable); see --list",
    )
    parser.add_argument("--list", action="store_true", help="print the table of expected verdicts and run nothing")
    parser.add_argument("--output", metavar="PATH", type=Path, help="also write the record as JSON to this file")
    add_quiet(parser)
    parser.add_argument(
        "--json", action="store_true", help="print the record, or the table, as JSON on stdout and all else on stderr"
    )


def execute(options: argparse.Namespace) -> int:
    """Run the cases; 0 when all came out as expected, 1 when one did not."""
    from monitorbench.adapters.factory import resolve_device
    from monitorbench.invocation import refuse_unwritable
    from monitorbench.report.write import write_text
    from monitorbench.selftest.cases import chosen, table

    cases = chosen(table(), only=options.only, quick=options.quick)
    if options.list:
        sys.stdout.write(_table(cases, as_json=options.json))
        return 0
    if options.output:
        refuse_unwritable(options.output)
    resolve_device(options.device)
    if options.quiet:
        hush()
    stdout = sys.stdout
    with redirect_stdout(sys.stderr):
        outcomes = _outcomes(cases, options, sys.stderr if options.json else stdout)
    record = _record(outcomes, options)
    text = json.dumps(record, indent=2, allow_nan=False) + "\n"
    if options.json:
        stdout.write(text)
    if options.output:
        write_text(text, options.output)
    return 0 if record["as_expected"] else 1


def _table(cases: Sequence[Case], *, as_json: bool) -> str:
    rows = [{"case": case.name, "truth": case.truth, "expected": dict(case.expected)} for case in cases]
    if as_json:
        return json.dumps(rows, indent=2) + "\n"
    return "".join(f"{case.name}: {case.truth}\n  {_listed(case.expected)}\n" for case in cases)


def _outcomes(cases: Any, options: argparse.Namespace, screen: Any) -> list[Outcome]:
    from monitorbench.notices import CaseDone
    from monitorbench.progress import Progress
    from monitorbench.selftest.outcome import Outcome
    from monitorbench.selftest.run import run_cases

    outcomes: list[Outcome] = []
    with Progress(sys.stderr, quiet=options.quiet) as show:
        for notice in run_cases(cases, device=options.device, dtype=options.dtype):
            show(notice)
            if isinstance(notice, CaseDone) and isinstance(notice.outcome, Outcome):
                outcomes.append(notice.outcome)
                with show.aside():
                    screen.writelines(_told(notice.outcome))
                    screen.flush()
    wrong = sum(bool(outcome.differences) for outcome in outcomes)
    said = f"{wrong} of {len(outcomes)} cases came out wrong" if wrong else f"all {len(outcomes)} cases as expected"
    screen.write(f"{said}\n")
    return outcomes


def _told(outcome: Outcome) -> list[str]:
    checks = () if outcome.report is None else outcome.report.checks
    found = _listed({check.id: check.verdict.value for check in checks})
    word = "WRONG" if outcome.differences else "ok"
    head = f"{word:5} {outcome.case.name} ({outcome.seconds:.0f} s): {found}\n"
    return [head, *(f"      {difference}\n" for difference in outcome.differences)]


def _listed(verdicts: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {verdict}" for name, verdict in verdicts.items())


def _record(outcomes: list[Outcome], options: argparse.Namespace) -> dict[str, Any]:
    reports = [outcome.report for outcome in outcomes if outcome.report is not None]
    return {
        "as_expected": not any(outcome.differences for outcome in outcomes),
        "device": reports[0].device["type"] if reports else options.device,
        "dtype": options.dtype,
        "versions": dict(reports[0].versions) if reports else {},
        "cases": [outcome.as_json() for outcome in outcomes],
    }
