"""`monitorbench verify`: derive every verdict of a report again from what the report records."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitorbench.commands.parsing import Parser

if TYPE_CHECKING:
    from monitorbench.checks.derivation import Line
    from monitorbench.verification import Verified

NAME = "verify"
SUMMARY = "derive every verdict of a report again, and say where it does not match"

_SHOWN = 60


def declare(parser: Parser) -> None:
    """Declare the arguments."""
    parser.description = (
        f"{SUMMARY.capitalize()}. Ends with 0 where all that can be derived matches, with 1 where something does not, "
        "and with 2 where the report cannot be read."
    )
    parser.add_argument("report", metavar="REPORT", type=Path, help="report of a run (JSON)")
    parser.add_argument("--suite", metavar="SUITE", help="suite file; its hash has to be that of the report")
    parser.add_argument("--json", action="store_true", help="print every line as JSON")


def execute(options: argparse.Namespace) -> int:
    """Derive, and print what was found."""
    from monitorbench.report.write import read_as_it_is
    from monitorbench.suite.include import gather
    from monitorbench.verification import verify

    report = read_as_it_is(options.report)
    found = verify(report, suite_sha256=gather(options.suite).source_hash if options.suite else None)
    mismatches = sum(line.status == "mismatch" for each in found for line in each.lines)
    if options.json:
        checks = {each.name: [_as_json(line) for line in each.lines] for each in found}
        sys.stdout.write(f"{json.dumps({'mismatches': mismatches, 'checks': checks}, indent=2)}\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in _table(found, mismatches))
    return 1 if mismatches else 0


def _table(found: Sequence[Verified], mismatches: int) -> Iterator[str]:
    from monitorbench.report.words import one_line

    for each in found:
        counts = [sum(line.status == status for line in each.lines) for status in ("match", "mismatch")]
        yield one_line(f"{each.name}: {counts[0]} match, {counts[1]} {'does' if counts[1] == 1 else 'do'} not")
        for line in each.lines:
            if line.status == "mismatch":
                said, due = _short(line.recorded), _short(line.derived)
                yield f"  {one_line(f'MISMATCH: {line.what}: {said} is recorded, {due} follows')}"
            elif line.status == "not derivable":
                yield f"  {one_line(f'not derivable: {line.what}: {line.why}')}"
    yield "every verdict that can be derived matches" if not mismatches else f"{mismatches:,} do not match"


def _short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _as_json(line: Line) -> dict[str, Any]:
    known = {"why": line.why} if line.why else {"recorded": line.recorded, "derived": line.derived}
    return {"what": line.what, "status": line.status, **known}
