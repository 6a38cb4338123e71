"""`monitorbench report`: an earlier report in another format. It needs no model and decides nothing."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitorbench.commands.parsing import Parser

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


def execute(options: argparse.Namespace) -> int:
    """Render the report; the exit code says nothing of its verdict."""
    from monitorbench.report.render.registry import FORMATS
    from monitorbench.report.write import read, write_text

    render = FORMATS.load(options.format)
    report = read(options.report)
    text = render(report, **_settings(options, report))
    if options.output is not None:
        write_text(text, options.output)
    else:
        _print(text)
    return 0


def _settings(options: argparse.Namespace, report: Report) -> Mapping[str, Any]:
    """The options of the format that was asked for: what only a command can know."""
    gather = _GATHERED.get(options.format)
    return {} if gather is None else gather(options, report)


def _of_terminal(options: argparse.Namespace, report: Report) -> Mapping[str, Any]:
    del report
    screen = options.output is None and sys.stdout.isatty()
    width = shutil.get_terminal_size((_DEFAULT_WIDTH, 0)).columns
    return {"width": width, "colour": screen and not os.environ.get("NO_COLOR")}


_GATHERED: Mapping[str, Callable[[argparse.Namespace, Report], Mapping[str, Any]]] = {"terminal": _of_terminal}


def _print(text: str) -> None:
    # Not every stream can show every character that a model may write.
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
