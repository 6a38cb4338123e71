"""The result of a run in a terminal, and as plain text: a table of checks, reasons, and what the exit code means."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from monitorbench.report.model import CheckReport, Report, Verdict
from monitorbench.report.outcome import outcome_words
from monitorbench.report.words import bound_words, count_words, estimate_words, one_line, verdict_words

STYLES = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.NOT_APPLICABLE: "cyan",
    Verdict.UNOBSERVED: "magenta",
    Verdict.ERROR: "bold magenta",
}
_KNOWN = "yellow"
_SETTLED = (Verdict.PASS, Verdict.NOT_APPLICABLE)


def render(report: Report, *, width: int = 80, colour: bool = False) -> str:
    """The result as a terminal of this width shows it.

    Args:
        report: what to show.
        width: columns.
        colour: whether verdicts have the colours of a terminal.
    """
    text = io.StringIO()
    console = Console(
        file=text,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        markup=False,
        highlight=False,
        emoji=False,
    )
    show_result(report, console)
    return text.getvalue()


def show_result(
    report: Report,
    console: Console,
    *,
    table: bool = True,
    kept_at: Path | None = None,
    rerun: Callable[[str], str] | None = None,
) -> None:
    """Print the result of a run.

    Args:
        report: what came out.
        console: where it goes.
        table: whether to begin with the table of all checks.
        kept_at: where the report lies; None if it is not kept.
        rerun: the command that runs the check of a given id alone; None offers no command.
    """
    if report.checks and table:
        console.print(_table(report, console))
        console.print()
    for check in report.checks:
        if check.verdict is not Verdict.PASS or not check.gated or check.warning or check.uncompared:
            _explain(check, console, rerun)
    if kept_at is not None:
        print_line(console, f"report: {kept_at}")
    if report.suite.get("alert") == "any":
        print_paragraph(
            console, "alert: any: a fail counts only where it holds among all checks of its severity (Holm)."
        )
    heading = f"{report.verdict}, exit {report.exit_code}:"
    print_paragraph(console, f"{heading} {outcome_words(report)}", heading, STYLES[report.verdict])


def print_line(console: Console, line: str) -> None:
    """Print what is there to be copied, such as commands and paths: one line, however narrow the terminal."""
    console.out(encodable(console, line), highlight=False)


def print_paragraph(console: Console, text: str, heading: str = "", style: str = "", *, indent: str = "") -> None:
    """Print a text in lines of the terminal's width; the heading that it begins with has a style."""
    # A hyphen may be the sign of a number or part of an id, so no line ends at one.
    lines = textwrap.wrap(
        one_line(text),
        console.width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
    )
    shown = Text(encodable(console, "\n".join(lines)))
    shown.stylize(style, 0, len(heading))
    console.print(shown, soft_wrap=True)


def encodable(console: Console, text: str) -> str:
    """The text with escapes for what the stream lacks: names are free and reasons may quote a model's output."""
    return text.encode(console.encoding, "backslashreplace").decode(console.encoding)


def _explain(check: CheckReport, console: Console, rerun: Callable[[str], str] | None) -> None:
    heading = f"{one_line(check.id)}: {verdict_words(check)}"
    print_paragraph(console, heading, heading, _style(check))
    print_paragraph(console, check.reason, indent="  ")
    if check.warning:
        print_paragraph(console, f"warning: {check.warning}", indent="  ")
    if rerun is not None and check.gated and not check.known and (check.warning or check.verdict not in _SETTLED):
        print_line(console, f"  rerun: {rerun(check.id)}")
    console.print()


def _style(check: CheckReport) -> str:
    return _KNOWN if check.known else STYLES[check.verdict]


def _table(report: Report, console: Console) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("check", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    table.add_column("estimate", overflow="fold")
    table.add_column("bound", overflow="fold")
    table.add_column("n", justify="right", no_wrap=True)
    for check in report.checks:
        table.add_row(
            encodable(console, one_line(check.id)),
            Text(verdict_words(check), style=_style(check)),
            estimate_words(check) or "-",
            bound_words(check) or "-",
            count_words(check.n) or "-",
        )
    return table
