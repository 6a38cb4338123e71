"""`monitorbench rescore`: judge the rollouts of an earlier run by another suite. No model."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from monitorbench.commands.judged import accepted_in, shown, warn
from monitorbench.commands.parsing import RUN, Parser, add_result, add_suite, overrides_of

NAME = "rescore"
SUMMARY = "judge the rollouts that a run kept by other thresholds, without its model"


def declare(parser: Parser) -> None:
    """Declare the arguments."""
    parser.add_argument("run", metavar="RUN", help=RUN)
    add_suite(parser)
    add_result(parser).add_argument(
        "--output",
        metavar="PATH",
        type=Path,
        help="file for the report (default: beside that of the run, as <name>-rescored.json)",
    )


def execute(options: argparse.Namespace) -> int:
    """Judge the suite; its report is on disk before the result is shown."""
    from monitorbench.errors import MonitorbenchError

    try:
        return _execute(options)
    except MonitorbenchError as error:
        error.add_note("no report was written")
        raise


def _execute(options: argparse.Namespace) -> int:
    from monitorbench.api import load_suite
    from monitorbench.invocation import refuse_unwritable, report_of_run, rerun_command, stored_run
    from monitorbench.report.write import dumps
    from monitorbench.rescoring import find, rescore, sources

    earlier = find(report_of_run(options.run), stored_run(options.run))
    suite = load_suite(options.suite, overrides_of(options), recorded=sources(earlier.report))
    path = options.output or earlier.path.with_name(f"{earlier.path.stem}-rescored.json")
    refuse_unwritable(path)
    policy = {"inconclusive": options.inconclusive, "strict": options.strict}
    accepted = accepted_in(options.baseline_file, report=path)
    file = options.baseline_file
    rerun = partial(rerun_command, suite.path, overrides=overrides_of(options), **policy, baseline_file=file)
    notices = rescore(suite, earlier, **policy, accepted=accepted)
    screen = sys.stderr if options.json else sys.stdout
    report = shown(notices, path, screen=screen, quiet=options.quiet, rerun=rerun)
    if not report.run.rescored["same_code"]:
        sys.stderr.write("note: the rollouts were recorded by other code of monitorbench than runs now\n")
    if options.json:
        sys.stdout.write(dumps(report))
    if options.inconclusive == "warn":
        warn(report)
    return report.exit_code
