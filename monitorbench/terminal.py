"""The listener that shows a run in a terminal: progress on one stream while it lasts, then the result on the other."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from monitorbench.notices import (
    ArmStarted,
    BatchHalved,
    CheckJudged,
    CheckStarted,
    ModelLoaded,
    Notice,
    RolloutsDone,
    RolloutsLost,
    RolloutsRaised,
    RunDone,
    RunPlanned,
    SettingIgnored,
)
from monitorbench.report.model import Report
from monitorbench.report.render.terminal import print_line, show_result
from monitorbench.report.words import one_line

_DEFAULT_WIDTH = 80


class Terminal:
    """Draws what a run tells: a context manager, and a function of one notice.

    While the run lasts, `err` shows progress: bars in a terminal, elsewhere one line as each model is loaded and each
    arm is started. When it is over, `out` shows the table of checks, the reason of every check that is not a plain
    pass, the commands that rerun what did not pass, where the report is, and what the exit code means.
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
        self._progress = None if quiet else (_Bars(err) if err.isatty() else _Lines(err))
        self._quiet, self._report_path, self._rerun = quiet, report_path, rerun

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __call__(self, notice: Notice) -> None:
        """Show what the notice says, if there is anything to see."""
        if isinstance(notice, RunDone) and isinstance(notice.report, Report):
            self.close()
            show_result(notice.report, self._out, table=not self._quiet, kept_at=self._report_path, rerun=self._rerun)
        elif isinstance(notice, SettingIgnored):
            print_line(self._err, _ignored(notice))
        elif isinstance(notice, BatchHalved):
            print_line(self._err, _halved(notice))
        elif isinstance(notice, RolloutsRaised):
            print_line(self._err, _raised(notice))
        elif isinstance(notice, RolloutsLost):
            print_line(self._err, _lost(notice))
        elif self._progress is not None:
            self._progress(notice)

    def close(self) -> None:
        """Take the progress off the screen. Further calls change nothing."""
        if self._progress is not None:
            self._progress.close()


class _Lines:
    """Progress where there is no terminal: lines that stay."""

    def __init__(self, err: TextIO) -> None:
        self._console = _console(err)
        self._arms, self._started = 0, 0

    def __call__(self, notice: Notice) -> None:
        match notice:
            case RunPlanned():
                self._arms = notice.arms
            case ModelLoaded():
                print_line(self._console, _loaded(notice))
            case ArmStarted():
                self._started += 1
                # Those that rest on what others came to are not known when the run is planned.
                planned = f" of {self._arms}" if self._started <= self._arms else ""
                line = f"recording arm {self._started}{planned}: {notice.arm} ({_counted(notice)})"
                print_line(self._console, one_line(line))

    def close(self) -> None:
        """Nothing is held."""


class _Bars:
    """Progress in a terminal: one bar for the rollouts, one for the checks; both vanish at the end."""

    def __init__(self, err: TextIO) -> None:
        # Only what else goes to stderr may be lifted above the bars: results on stdout must stay there.
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=_console(err),
            transient=True,
            redirect_stdout=False,
        )
        self._done: dict[str, int] = {}
        self._rollouts: TaskID | None = None
        self._checks: TaskID | None = None

    def __call__(self, notice: Notice) -> None:
        match notice:
            case RunPlanned():
                self._plan(notice)
            case ModelLoaded():
                print_line(self._progress.console, _loaded(notice))
            case ArmStarted() if self._rollouts is not None:
                self._progress.update(self._rollouts, description=one_line(f"recording {notice.arm}"))
            case RolloutsDone() if self._rollouts is not None:
                self._done[notice.arm] = notice.done
                self._progress.update(self._rollouts, completed=sum(self._done.values()))
            case CheckStarted() if self._checks is not None:
                self._progress.update(self._checks, description=one_line(f"judging {notice.check}"))
            case CheckJudged() if self._checks is not None:
                self._progress.advance(self._checks)

    def close(self) -> None:
        """Stop drawing and take the bars away."""
        self._progress.stop()

    def _plan(self, plan: RunPlanned) -> None:
        if plan.rollouts:
            self._rollouts = self._progress.add_task("recording", total=plan.rollouts)
        self._checks = self._progress.add_task("judging", total=plan.checks)
        self._progress.start()


def _console(stream: TextIO) -> Console:
    # Without a terminal of its own a stream must not take on the width of another one.
    columns = os.environ.get("COLUMNS", "")
    width = None if stream.isatty() else int(columns) if columns.isdecimal() and int(columns) else _DEFAULT_WIDTH
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False)


def _loaded(notice: ModelLoaded) -> str:
    return one_line(f"{notice.role}: {notice.source} ({notice.parameters:,} parameters, {notice.device})")


def _ignored(notice: SettingIgnored) -> str:
    settings = ", ".join(notice.settings)
    return one_line(f"note: the {notice.role}'s adapter family has no sampler setting {settings}: it changes nothing")


def _counted(notice: ArmStarted) -> str:
    stored = f", {notice.reused:,} from the store" if notice.reused else ""
    return f"{notice.rollouts:,} rollouts{stored}"


def _lost(notice: RolloutsLost) -> str:
    what = f"{notice.rollouts:,} stored rollouts cannot be read ({notice.why}) and are recorded again"
    return one_line(f"note: {notice.file}: {what}")


def _halved(notice: BatchHalved) -> str:
    what = f"a batch of {notice.rows:,} rows does not fit into memory; it goes on with {notice.to:,}"
    return one_line(f"note: {notice.arm}: {what}")


def _raised(notice: RolloutsRaised) -> str:
    many = "1 rollout raises" if notice.rollouts == 1 else f"{notice.rollouts:,} rollouts raise"
    return one_line(f"note: {notice.arm}: {many} and count as errors ({notice.why})")
