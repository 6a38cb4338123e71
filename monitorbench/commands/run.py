"""`monitorbench run`: run a suite, show what happens, write the report."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from monitorbench.commands.judged import accepted_in, shown, warn
from monitorbench.commands.output import hush
from monitorbench.commands.parsing import Parser, add_result, add_suite, overrides_of

if TYPE_CHECKING:
    from monitorbench.ranks.environment import Ranks
    from monitorbench.ranks.follower import Follower
    from monitorbench.ranks.leader import Leader
    from monitorbench.report.baseline.model import BaselineFile
    from monitorbench.report.model import Report
    from monitorbench.suite.model import Suite

NAME = "run"
SUMMARY = "run a suite and judge its checks"


def declare(parser: Parser) -> None:
    """Declare the arguments."""
    add_suite(parser)
    group = add_result(parser)
    group.add_argument(
        "--output",
        metavar="PATH",
        type=Path,
        help="file for the report (default: reports/runs/<suite name>.json, with --only <suite name>-<ids>.json)",
    )
    group.add_argument(
        "--fresh",
        action="store_true",
        help="generate every rollout anew, and overwrite those that earlier runs stored beside the report",
    )


def execute(options: argparse.Namespace) -> int:
    """Run the suite; its report is on disk before the result is shown."""
    from monitorbench.errors import MonitorbenchError
    from monitorbench.ranks.environment import ranks_of

    try:
        ranks = ranks_of(os.environ)
        return _execute(options) if not ranks.several else _on_several(options, ranks)
    except MonitorbenchError as error:
        # An earlier report may lie at the same path.
        error.add_note("no report was written")
        raise


def _on_several(options: argparse.Namespace, ranks: Ranks) -> int:
    """One of several ranks: the first does all that one process does, and the others help it to record."""
    from monitorbench.ranks.connection import connected
    from monitorbench.ranks.follower import Follower
    from monitorbench.ranks.leader import Leader

    post = connected()
    if ranks.leads:
        with Leader(ranks, post) as leader:
            return _execute(options, leader)
    hush()
    with redirect_stdout(sys.stderr):
        return Follower(ranks, post).work(partial(_follow, options))


def _follow(options: argparse.Namespace, follower: Follower) -> None:
    from monitorbench.api import load_suite
    from monitorbench.runner import follow

    follow(load_suite(options.suite, overrides_of(options)), follower)


def _execute(options: argparse.Namespace, leader: Leader | None = None) -> int:
    from monitorbench.api import load_suite
    from monitorbench.invocation import refuse_unwritable, usual_report
    from monitorbench.report.write import dumps

    suite = load_suite(options.suite, overrides_of(options))
    path = options.output or usual_report(suite, partial=bool(options.only))
    refuse_unwritable(path)
    accepted = accepted_in(options.baseline_file, report=path)
    if options.quiet:
        hush()
    stdout = sys.stdout
    # Model code that comes with a checkpoint may print; stdout is for the result.
    with redirect_stdout(sys.stderr):
        report = _report(suite, path, options, sys.stderr if options.json else stdout, accepted=accepted, leader=leader)
    if options.json:
        stdout.write(dumps(report))
    if options.inconclusive == "warn":
        warn(report)
    return report.exit_code


def _report(
    suite: Suite,
    path: Path,
    options: argparse.Namespace,
    screen: TextIO,
    *,
    accepted: BaselineFile | None,
    leader: Leader | None,
) -> Report:
    from monitorbench.invocation import rerun_command, store_folder
    from monitorbench.runner import run

    policy = {"inconclusive": options.inconclusive, "strict": options.strict}
    rerun = partial(
        rerun_command,
        suite.path,
        overrides=overrides_of(options),
        **policy,
        baseline_file=options.baseline_file,
    )
    folder = store_folder(suite, path)
    notices = run(suite, **policy, store=folder, fresh=options.fresh, accepted=accepted, leader=leader)
    return shown(
        notices,
        path,
        screen=screen,
        quiet=options.quiet,
        rerun=rerun,
        interrupted=lambda done, total: _kept(done, total, folder, options),
    )


def _kept(done: int, total: int, folder: Path, options: argparse.Namespace) -> str:
    """What an interrupt leaves, and how to go on."""
    if not done:
        return "no rollout was recorded yet, so nothing was kept"
    # `--fresh` would throw away what is there.
    again = shlex.join(["monitorbench", *(word for word in options.words if word != "--fresh")])
    same = "this command" if options.fresh else "the same command again"
    return f"{done:,} of {total:,} rollouts are kept in {folder}; run {same} to go on: {again}"
