"""`monitorbench compare`: two or more reports side by side, check by check. It needs no model."""

from __future__ import annotations

import argparse
import math
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from monitorbench.commands.parsing import Parser
from monitorbench.errors import UsageError

if TYPE_CHECKING:
    from monitorbench.report.comparison.model import Comparison, Judgement

NAME = "compare"
SUMMARY = "compare reports, check by check, the first being the reference"

_DEFAULT_WIDTH = 80


def declare(parser: Parser) -> None:
    """Declare the arguments."""
    parser.add_argument("reference", metavar="REFERENCE", help="report that the others are held against")
    parser.add_argument("others", metavar="REPORT", nargs="+", help="report to compare with it")
    parser.add_argument(
        "--fail-on",
        metavar="WHAT",
        choices=("regression", "change", "never"),
        default="never",
        help="regression: exit 1 or 3 if a gated check's verdict got worse, its estimate got worse by more than its "
        "tolerance, or it is missing; change: if anything changed; never (the default): exit 0",
    )
    parser.add_argument(
        "--tolerance",
        metavar="ID=NUMBER",
        type=_tolerance,
        action="append",
        default=[],
        help="with --fail-on: by how much the estimate of a check may be worse, in its own unit; without one, its "
        "difference is shown and not judged (repeatable)",
    )
    parser.add_argument(
        "--allow-differences",
        action="store_true",
        help="with --fail-on: judge verdicts even where settings differ that decide what a check measures",
    )
    parser.add_argument(
        "--strict", action="store_true", help="with --fail-on: count warnings as fails, as `monitorbench run` does"
    )
    parser.add_argument(
        "--format",
        metavar="FORMAT",
        choices=("terminal", "markdown", "html", "json"),
        default="terminal",
        help="terminal (the default), markdown, html or json",
    )
    parser.add_argument("--json", dest="format", action="store_const", const="json", help="the same as --format json")
    parser.add_argument("--output", metavar="FILE", type=Path, help="write to this file, not to stdout")


def _tolerance(text: str) -> tuple[str, float]:
    name, _, number = text.partition("=")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not name or not 0.0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"'{text}' is no ID=NUMBER with a number from 0 up")
    return name, value


def execute(options: argparse.Namespace) -> int:
    """Compare, show, and judge if that was asked for."""
    from monitorbench.commands.output import deliver
    from monitorbench.report.comparison.compare import compare
    from monitorbench.report.comparison.gate import judge, refuse_unlike
    from monitorbench.report.comparison.page import as_page
    from monitorbench.report.comparison.render import as_json, as_markdown, as_text
    from monitorbench.report.write import read

    names = (options.reference, *options.others)
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise UsageError("is named twice", where=twice[0], fix="name each report once")
    comparison = compare({name: read(Path(name)) for name in names}, tolerances=dict(options.tolerance))
    if options.fail_on != "never" and not options.allow_differences:
        refuse_unlike(comparison, strict=options.strict)
    judgement = judge(comparison, options.fail_on, strict=options.strict)
    width = shutil.get_terminal_size((_DEFAULT_WIDTH, 0)).columns
    renderings: Mapping[str, Callable[[Comparison, Judgement], str]] = {
        "terminal": partial(as_text, width=width),
        "markdown": as_markdown,
        "html": as_page,
        "json": as_json,
    }
    deliver(renderings[options.format](comparison, judgement), options.output)
    return judgement.code
