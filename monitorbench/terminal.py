"""The listener that shows a run in a terminal: progress on one stream while it lasts, then the result on the other."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Self, TextIO

from rich.console import Console

from monitorbench.notices import BatchHalved, Notice, RolloutsLost, RolloutsRaised, RunDone, SettingIgnored
from monitorbench.progress import Progress
from monitorbench.report.model import Report
from monitorbench.report.render.terminal import print_line, show_result
from monitorbench.report.words import one_line

_DEFAULT_WIDTH = 80


class Terminal:
    """Draws what a run tells: a context manager, and a function of one notice.

    While the run lasts, `err` shows progress: bars in a terminal, elsewhere a line as each model is loaded and each arm
    is started, and now and then how far it is. When it is over, `out` shows the table of checks, the reason of every
    check that is not a plain pass, the commands that rerun what did not pass, where the report is, and what the exit
    code means.
    Notes on what the run leaves out go to `err`, also if it is quiet.

    Args:
        out: where the result goes.
        err: where progress goes.
        quiet: show no progress and no table; the reasons and the outcome remain.
        report_path: where the report lies once the run is over; None if it is not kept.
        rerun: the command that runs the check of a given id alone; None offers no command.
    """

    def __init__(
        self,
        *,
        out: TextIO,
        err: TextIO,
        quiet: bool = False,
        report_path: Path | None = None,
        rerun: Callable[[str], str] | None = None,
    ) -> None:
        self._out, self._err = _console(out), _console(err)
        self._progress = Progress(err, quiet=quiet)
        self._quiet, self._report_path, self._rerun = quiet, report_path, rerun

    def __enter__(self) -> Self:
        self._progress.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __call__(self, notice: Notice) -> None:
        """Show what the notice says, if there is anything to see."""
        if isinstance(notice, RunDone) and isinstance(notice.report, Report):
            self.close()
            show_result(notice.report, self._out, table=not self._quiet, kept_at=self._report_path, rerun=self._rerun)
            return
        self._progress(notice)
        if isinstance(notice, SettingIgnored):
            self._note(_ignored(notice))
        elif isinstance(notice, BatchHalved):
            self._note(_halved(notice))
        elif isinstance(notice, RolloutsRaised):
            self._note(_raised(notice))
        elif isinstance(notice, RolloutsLost):
            self._note(_lost(notice))

    def close(self) -> None:
        """Take the progress off the screen. Further calls change nothing."""
        self._progress.close()

    @property
    def kept(self) -> tuple[int, int]:
        """Rollouts that are there by now, and all that are known to be wanted."""
        return self._progress.gauges.kept

    def _note(self, text: str) -> None:
        with self._progress.aside():
            print_line(self._err, text)


def _console(stream: TextIO) -> Console:
    # Without a terminal of its own a stream must not take on the width of another one.
    columns = os.environ.get("COLUMNS", "")
    width = None if stream.isatty() else int(columns) if columns.isdecimal() and int(columns) else _DEFAULT_WIDTH
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False)


def _ignored(notice: SettingIgnored) -> str:
    settings = ", ".join(notice.settings)
    return one_line(f"note: the {notice.role}'s adapter family has no sampler setting {settings}: it changes nothing")


def _lost(notice: RolloutsLost) -> str:
    what = f"{notice.rollouts:,} stored rollouts cannot be read ({notice.why}) and are recorded again"
    return one_line(f"note: {notice.file}: {what}")


def _halved(notice: BatchHalved) -> str:
    what = f"a batch of {notice.rows:,} rows does not fit into memory; it goes on with {notice.to:,}"
    return one_line(f"note: {notice.arm}: {what}")


def _raised(notice: RolloutsRaised) -> str:
    one, many = "1 rollout raises and counts as an error", f"{notice.rollouts:,} rollouts raise and count as errors"
    return one_line(f"note: {notice.arm}: {one if notice.rollouts == 1 else many} ({notice.why})")
