"""`monitorbench report`: an earlier report in another format. It needs no model and decides nothing."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitorbench.commands.parsing import Parser, add_quiet, whole_number
from monitorbench.errors import UsageError

if TYPE_CHECKING:
    from monitorbench.report.model import Report

NAME = "report"
SUMMARY = "show an earlier report in another format"

_DEFAULT_WIDTH = 80


def declare(parser: Parser) -> None:
    """Declare the arguments."""
    parser.add_argument("report", metavar="REPORT", type=Path, help="report that `monitorbench run` wrote")
    parser.add_argument(
        "--format",
        metavar="FORMAT",
        default="terminal",
        help="terminal (the default), markdown, html, junit, github (annotations for GitHub Actions) or json",
    )
    parser.add_argument("--output", metavar="FILE", type=Path, help="write to this file, not to stdout")
    add_quiet(parser)
    group = parser.add_argument_group("of some formats")
    group.add_argument(
        "--section",
        metavar="SECTION",
        help="markdown: pr (the default, for a comment on a pull request) or model-card",
    )
    group.add_argument(
        "--inconclusive",
        metavar="POLICY",
        choices=("fail", "warn", "pass"),
        help="junit, github: what an inconclusive check counts as, as for `monitorbench run`: fail makes a failure of "
        "it, warn and pass do not (default: as in the run)",
    )
    group.add_argument(
        "--strict",
        action="store_true",
        help="junit, github: count warnings as fails, as `monitorbench run --strict` does",
    )
    group.add_argument(
        "--summary",
        action="store_true",
        help="github: also append the table to the file that $GITHUB_STEP_SUMMARY names",
    )
    group.add_argument(
        "--run",
        metavar="FOLDER",
        type=Path,
        help="html: where the rollouts to look at are kept (default: where the run kept them, beside the report)",
    )
    group.add_argument(
        "--traces", metavar="N", type=_count, help="html: how many rollouts to show step by step (default: 40)"
    )


def _count(text: str) -> int:
    number = whole_number(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{number:,} is less than 0")
    return number


def execute(options: argparse.Namespace) -> int:
    """Render the report; the exit code says nothing of its verdict."""
    from monitorbench.commands.output import deliver
    from monitorbench.notices import Working
    from monitorbench.progress import Progress
    from monitorbench.report.render.registry import FORMATS
    from monitorbench.report.write import read

    render = FORMATS.load(options.format)
    _refuse_foreign(options)
    report = read(options.report)
    with Progress(sys.stderr, quiet=options.quiet) as show:
        settings = _settings(options, report)
        show(Working(what=f"writing the report as {options.format}"))
        text = render(report, **settings)
    deliver(text, options.output)
    if options.summary:
        _append_summary(report)
    return 0


def _refuse_foreign(options: argparse.Namespace) -> None:
    """An option that the format does not have would change nothing, and nobody would notice."""
    for option, formats in _FORMATS_WITH.items():
        if not _left_out(getattr(options, option)) and options.format not in formats:
            what = f"format {options.format} has no such option"
            raise UsageError(what, where=f"--{option}", fix=f"leave it out, or use --format {' or '.join(formats)}")


def _left_out(value: object) -> bool:
    return value is None or value is False  # 0 is a number that somebody gave


def _settings(options: argparse.Namespace, report: Report) -> Mapping[str, Any]:
    """The options of the format that was asked for: those given, and what only a command can know."""
    given = {name: getattr(options, name) for name in ("section", "inconclusive", "strict") if getattr(options, name)}
    gather = _GATHERED.get(options.format)
    return given if gather is None else {**given, **gather(options, report)}


def _of_terminal(options: argparse.Namespace, report: Report) -> Mapping[str, Any]:
    del report
    screen = options.output is None and sys.stdout.isatty()
    width = shutil.get_terminal_size((_DEFAULT_WIDTH, 0)).columns
    return {"width": width, "colour": screen and not os.environ.get("NO_COLOR")}


def _of_github(options: argparse.Namespace, report: Report) -> Mapping[str, Any]:
    """Where the run's relative paths begin, if that is inside the repository."""
    del options, report
    root = os.environ.get("GITHUB_WORKSPACE", "")
    inside = root and Path.cwd().is_relative_to(root)
    return {"folder": Path.cwd().relative_to(root)} if inside else {}


def _of_html(options: argparse.Namespace, report: Report) -> Mapping[str, Any]:
    from monitorbench.commands.report_traces import MOST, traces_of

    most = MOST if options.traces is None else options.traces
    return {"traces": traces_of(report, options.report, run=options.run, most=most)}


_FORMATS_WITH = {
    "section": ("markdown",),
    "inconclusive": ("junit", "github"),
    "strict": ("junit", "github"),
    "summary": ("github",),
    "run": ("html",),
    "traces": ("html",),
}

_GATHERED: Mapping[str, Callable[[argparse.Namespace, Report], Mapping[str, Any]]] = {
    "github": _of_github,
    "html": _of_html,
    "terminal": _of_terminal,
}


def _append_summary(report: Report) -> None:
    from monitorbench.report.render.github import summary

    path = os.environ.get("GITHUB_STEP_SUMMARY", "")
    if not path:
        fix = "leave it out, or run this as a step of GitHub Actions"
        raise UsageError("GITHUB_STEP_SUMMARY names no file", where="--summary", fix=fix)
    try:
        with open(path, "a", encoding="utf-8") as file:
            file.write(summary(report))
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise UsageError(f"the summary cannot be written ({why})", where=path, fix="name a file") from error
