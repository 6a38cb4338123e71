"""`monitorbench run`: run a suite, show what happens, write the report."""

from __future__ import annotations

import argparse
import shlex
import sys
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from monitorbench.commands.interrupts import heed, on_interrupt
from monitorbench.commands.output import hush
from monitorbench.commands.parsing import Parser, add_suite, overrides_of

if TYPE_CHECKING:
    from monitorbench.report.baseline.model import BaselineFile
    from monitorbench.report.model import Report
    from monitorbench.suite.model import Suite

NAME = "run"
SUMMARY = "run a suite and judge its checks"


def declare(parser: Parser) -> None:
    """Declare the arguments."""
    add_suite(parser)
    group = parser.add_argument_group("result")
    group.add_argument(
        "--output",
        metavar="PATH",
        type=Path,
        help="file for the report (default: reports/runs/<suite name>.json, with --only <suite name>-<ids>.json)",
    )
    group.add_argument(
        "--inconclusive",
        metavar="POLICY",
        choices=("fail", "warn", "pass"),
        default="fail",
        help="what an inconclusive check does to the exit code: fail (the default) makes it 3, "
        "warn and pass let it through, warn with a line on stderr",
    )
    group.add_argument(
        "--strict",
        action="store_true",
        help="count warnings as fails: checks of severity warn, and what warn_if says",
    )
    group.add_argument(
        "--baseline-file",
        metavar="FILE",
        type=Path,
        help="fail only on what is new, or worse than what was accepted here; it is only read, "
        "and `monitorbench baseline update` writes it",
    )
    group.add_argument(
        "--fresh",
        action="store_true",
        help="generate every rollout anew, and overwrite those that earlier runs stored beside the report",
    )
    group.add_argument("--quiet", action="store_true", help="show no progress and no table")
    group.add_argument("--json", action="store_true", help="print the report as JSON on stdout and all else on stderr")


def execute(options: argparse.Namespace) -> int:
    """Run the suite; its report is on disk before the result is shown."""
    from monitorbench.errors import MonitorbenchError

    try:
        return _execute(options)
    except MonitorbenchError as error:
        # An earlier report may lie at the same path.
        error.add_note("no report was written")
        raise


def _execute(options: argparse.Namespace) -> int:
    from monitorbench.api import load_suite
    from monitorbench.errors import UsageError
    from monitorbench.invocation import refuse_unwritable, usual_report
    from monitorbench.report.baseline.file import read
    from monitorbench.report.write import dumps

    suite = load_suite(options.suite, overrides_of(options))
    path = options.output or usual_report(suite, partial=bool(options.only))
    refuse_unwritable(path)
    accepted = None if options.baseline_file is None else read(options.baseline_file)
    if options.baseline_file is not None and path.resolve() == options.baseline_file.resolve():
        fix = "name another file for the report"
        raise UsageError("is the baseline file, which a run never writes", where=f"--output {path}", fix=fix)
    if options.quiet:
        hush()
    stdout = sys.stdout
    # Model code that comes with a checkpoint may print; stdout is for the result.
    with redirect_stdout(sys.stderr):
        report = _report(suite, path, options, sys.stderr if options.json else stdout, accepted)
    if options.json:
        stdout.write(dumps(report))
    if options.inconclusive == "warn":
        _warn(report)
    return report.exit_code


def _report(
    suite: Suite, path: Path, options: argparse.Namespace, screen: TextIO, accepted: BaselineFile | None
) -> Report:
    from monitorbench.invocation import rerun_command, store_folder
    from monitorbench.notices import RunDone
    from monitorbench.report.model import Report
    from monitorbench.report.write import write
    from monitorbench.runner import run
    from monitorbench.terminal import Terminal

    policy = {"inconclusive": options.inconclusive, "strict": options.strict}
    rerun = partial(
        rerun_command,
        suite.path,
        overrides=overrides_of(options),
        **policy,
        baseline_file=options.baseline_file,
    )
    folder = store_folder(suite, path)
    with (
        Terminal(out=screen, err=sys.stderr, quiet=options.quiet, report_path=path, rerun=rerun) as show,
        on_interrupt(lambda: _kept(*show.kept, folder, options)),
    ):
        for notice in run(suite, **policy, store=folder, fresh=options.fresh, accepted=accepted):
            heed()
            done = notice.report if isinstance(notice, RunDone) else None
            if isinstance(done, Report):
                write(done, path)
            show(notice)
            if isinstance(done, Report):
                return done
    raise RuntimeError(f"the run of {suite.name!r} ended without a report")


def _kept(done: int, total: int, folder: Path, options: argparse.Namespace) -> str:
    """What an interrupt leaves, and how to go on."""
    if not done:
        return "no rollout was recorded yet, so nothing was kept"
    # `--fresh` would throw away what is there.
    again = shlex.join(["monitorbench", *(word for word in options.words if word != "--fresh")])
    same = "this command" if options.fresh else "the same command again"
    return f"{done:,} of {total:,} rollouts are kept in {folder}; run {same} to go on: {again}"


def _warn(report: Report) -> None:
    from monitorbench.report.exit_code import counted, policy_of

    for check in report.checks:
        if counted(check, policy_of(report)) == "inconclusive":
            sys.stderr.write(f"warning: check {check.id} is inconclusive and was let through\n")
