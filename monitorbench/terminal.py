"""The listener that shows a run in a terminal: progress on one stream while it lasts, then the result on the other."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from monitorbench.notices import (
    ArmStarted,
    CheckJudged,
    CheckStarted,
    ModelLoaded,
    Notice,
    RolloutsDone,
    RolloutsLost,
    RunDone,
    RunPlanned,
    SettingIgnored,
)
from monitorbench.report.exit_code import ExitCode
from monitorbench.report.model import CheckReport, Report, Verdict
from monitorbench.report.words import bound_words, count_words, estimate_words, one_line

_STYLES = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.NOT_APPLICABLE: "cyan",
    Verdict.UNOBSERVED: "magenta",
    Verdict.ERROR: "bold magenta",
}
_SETTLED = (Verdict.PASS, Verdict.NOT_APPLICABLE)
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
            self._result(notice.report)
        elif isinstance(notice, SettingIgnored):
            _out(self._err, _ignored(notice))
        elif isinstance(notice, RolloutsLost):
            _out(self._err, _lost(notice))
        elif self._progress is not None:
            self._progress(notice)

    def close(self) -> None:
        """Take the progress off the screen. Further calls change nothing."""
        if self._progress is not None:
            self._progress.close()

    def _result(self, report: Report) -> None:
        if report.checks and not self._quiet:
            self._out.print(_table(report, self._out))
            self._out.print()
        for check in report.checks:
            if check.verdict is not Verdict.PASS or not check.gated:
                self._explain(check)
        if self._report_path is not None:
            _out(self._out, f"report: {self._report_path}")
        if report.suite.get("alert") == "any":
            self._paragraph("alert: any: a fail counts only where it holds among all gated checks (Holm).")
        heading = f"{report.verdict}, exit {report.exit_code}:"
        self._paragraph(f"{heading} {ExitCode(report.exit_code).meaning}", heading, _STYLES[report.verdict])

    def _explain(self, check: CheckReport) -> None:
        gate = "" if check.gated else " (not gated)"
        heading = f"{one_line(check.id)}: {check.verdict}{gate}"
        self._paragraph(heading, heading, _STYLES[check.verdict])
        self._paragraph(check.reason, indent="  ")
        if self._rerun is not None and check.gated and check.verdict not in _SETTLED:
            _out(self._out, f"  rerun: {self._rerun(check.id)}")
        self._out.print()

    def _paragraph(self, text: str, heading: str = "", style: str = "", *, indent: str = "") -> None:
        # A hyphen may be the sign of a number or part of an id, so no line ends at one.
        lines = textwrap.wrap(
            one_line(text),
            self._out.width,
            initial_indent=indent,
            subsequent_indent=indent,
            break_on_hyphens=False,
        )
        shown = Text(_encodable(self._out, "\n".join(lines)))
        shown.stylize(style, 0, len(heading))
        self._out.print(shown, soft_wrap=True)


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
                _out(self._console, _loaded(notice))
            case ArmStarted():
                self._started += 1
                line = f"recording arm {self._started} of {self._arms}: {notice.arm} ({_counted(notice)})"
                _out(self._console, one_line(line))

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
                _out(self._progress.console, _loaded(notice))
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


def _out(console: Console, line: str) -> None:
    # Commands and paths are there to be copied, so they stay on one line however narrow the terminal.
    console.out(_encodable(console, line), highlight=False)


def _encodable(console: Console, text: str) -> str:
    # Names are free and reasons may quote a model's output, yet not every stream can show every character.
    return text.encode(console.encoding, "backslashreplace").decode(console.encoding)


def _table(report: Report, console: Console) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("check", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    table.add_column("estimate", overflow="fold")
    table.add_column("bound", overflow="fold")
    table.add_column("n", justify="right", no_wrap=True)
    for check in report.checks:
        table.add_row(
            _encodable(console, one_line(check.id)),
            Text(check.verdict, style=_STYLES[check.verdict]),
            estimate_words(check) or "-",
            bound_words(check) or "-",
            count_words(check.n) or "-",
        )
    return table


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
