"""`monitorbench validate`: find the mistakes of a suite without running any model."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from monitorbench.commands.parsing import Parser, add_suite, overrides_of
from monitorbench.errors import SuiteError

if TYPE_CHECKING:
    from monitorbench.suite.model import CheckSpec, Suite

NAME = "validate"
SUMMARY = "find the mistakes of a suite without running any model"


def declare(parser: Parser) -> None:
    """Declare the arguments."""
    add_suite(parser)
    parser.add_argument(
        "--json",
        action="store_true",
        help="print the mistakes, or the resolved suite and the warnings, as JSON on stdout",
    )


def execute(options: argparse.Namespace) -> int:
    """Validate the suite; mistakes are raised, unless they are wanted as JSON."""
    from monitorbench.api import load_suite
    from monitorbench.report.exit_code import ExitCode

    try:
        suite = load_suite(options.suite, overrides_of(options))
    except SuiteError as error:
        if not options.json:
            raise
        _print_json({"valid": False, "mistakes": [dataclasses.asdict(mistake) for mistake in error.mistakes]})
        return ExitCode.UNUSABLE
    warnings = list(_warnings(suite))
    if options.json:
        from monitorbench.suite.loader import resolved

        _print_json({"valid": True, "warnings": warnings, "suite": resolved(suite)})
    else:
        sys.stdout.write(_summary(suite))
        sys.stderr.writelines(f"warning: {warning}\n" for warning in warnings)
    return ExitCode.PASS


def _print_json(payload: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(payload, indent=2) + "\n")


def _summary(suite: Suite) -> str:
    lines = [f"{suite.path}: valid", f"model     {suite.model.source}"]
    if suite.baseline is not None:
        lines.append(f"baseline  {suite.baseline.source}")
    for task in suite.tasks.values():
        seeds = suite.sampling.seeds_per_prompt
        rollouts = f"{task.n * seeds:,} rollouts per arm ({task.n:,} prompts x {seeds} seed{'s' * (seeds != 1)})"
        lines.append(f"task      {task.name}: {task.family}, {rollouts}")
    for check in suite.checks:
        lines.append(f"check     {check.id}: {check.type}{_notes(check)}")
    return "\n".join(lines) + "\n"


def _notes(check: CheckSpec) -> str:
    notes = ["" if check.gated else "not gated", f"severity {check.severity}" if check.severity != "fail" else ""]
    told = ", ".join(note for note in notes if note)
    return f" ({told})" if told else ""


def _warnings(suite: Suite) -> Iterator[str]:
    """What is allowed and yet cannot work out: checks that only warn, or too few prompts for what is asked about."""
    from monitorbench.checks.registry import CHECKS
    from monitorbench.stats.power import USUAL_POWER

    if not any(check.severity == "fail" for check in suite.checks if check.gated):
        yield f"{suite.path}: no check has severity fail: without --strict, nothing can fail, and nothing is decided"
    for check in suite.checks:
        foreseen = CHECKS.load(check.type)().foresight(check, suite=suite, power=USUAL_POWER)
        if foreseen is not None and foreseen.warning:
            yield f"{check.file}:{check.line}: {foreseen.warning}"
