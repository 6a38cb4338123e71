"""What commands that judge a suite share: notices to the screen, the report to its file, and a word of warning."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from monitorbench.notices import Notice
    from monitorbench.report.baseline.model import BaselineFile
    from monitorbench.report.model import Report


def shown(
    notices: Iterator[Notice],
    path: Path,
    *,
    screen: TextIO,
    quiet: bool,
    rerun: Callable[[str], str],
    interrupted: Callable[[int, int], str] | None = None,
) -> Report:
    """The report that notices end in, which is on disk before it is shown.

    Args:
        notices: of the run.
        path: file for the report.
        screen: where the table goes; progress goes to stderr.
        quiet: show neither.
        rerun: the command line that repeats a check.
        interrupted: what an interrupt leaves, given how many rollouts of how many are kept.
    """
    from monitorbench.commands.interrupts import heed, on_interrupt
    from monitorbench.notices import RunDone
    from monitorbench.report.model import Report
    from monitorbench.report.write import write
    from monitorbench.terminal import Terminal

    with (
        Terminal(out=screen, err=sys.stderr, quiet=quiet, report_path=path, rerun=rerun) as show,
        on_interrupt(lambda: interrupted(*show.kept)) if interrupted else nullcontext(),
    ):
        for notice in notices:
            heed()
            done = notice.report if isinstance(notice, RunDone) else None
            if isinstance(done, Report):
                write(done, path)
            show(notice)
            if isinstance(done, Report):
                return done
    raise RuntimeError("the run ended without a report")


def accepted_in(file: Path | None, *, report: Path) -> BaselineFile | None:
    """What was accepted, as the baseline file says that is named; None where none is.

    Raises:
        UsageError: it cannot be read, or the report would take its place.
    """
    from monitorbench.errors import UsageError
    from monitorbench.report.baseline.file import read

    if file is None:
        return None
    if report.resolve() == file.resolve():
        what, fix = "is the baseline file, which a run never writes", "name another file for the report"
        raise UsageError(what, where=f"--output {report}", fix=fix)
    return read(file)


def warn(report: Report) -> None:
    """One line on stderr for each check that is let through."""
    from monitorbench.report.exit_code import counted, policy_of

    for check in report.checks:
        if counted(check, policy_of(report)) == "inconclusive":
            sys.stderr.write(f"warning: check {check.id} is inconclusive and was let through\n")
