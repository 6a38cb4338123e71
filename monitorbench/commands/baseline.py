"""`monitorbench baseline`: keep the file of what was accepted. Nothing else ever writes it."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitorbench.commands.parsing import Parser

if TYPE_CHECKING:
    from monitorbench.report.baseline.model import BaselineFile, Entry

NAME = "baseline"
SUMMARY = "keep the file of accepted values that `run --baseline-file` holds a run against"

USUAL = "monitorbench.baseline.json"
_DEFAULT_WIDTH = 80


def declare(parser: Parser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True, parser_class=Parser)
    update = _action(actions, "update", "accept what a report says; the only action that adds to the file")
    update.add_argument("report", metavar="REPORT", type=Path, help="report of a run")
    update.add_argument(
        "--only",
        metavar="ID",
        action="append",
        default=[],
        help="accept this check only, and leave all other entries as they are (repeatable)",
    )
    update.add_argument(
        "--reason", metavar="TEXT", default="", help="why failures, or values worse than accepted, are accepted"
    )
    update.add_argument(
        "--expires",
        metavar="DATE",
        type=_day,
        help="last day on which failures are let through, such as 2027-01-31 (default: 90 days from today)",
    )
    show = _action(actions, "show", "show what is accepted, what expires soonest first")
    show.add_argument("--json", action="store_true", help="print JSON")
    prune = _action(actions, "prune", "drop entries of checks that are gone, and failures whose time ran out")
    prune.add_argument(
        "suites",
        metavar="SUITE",
        nargs="*",
        help="suite file whose entries are looked at; without one, only expired failures are dropped, of all suites",
    )
    for action in (update, prune):
        action.add_argument("--dry-run", action="store_true", help="show what would change and write nothing")


def _action(actions: Any, name: str, summary: str) -> Parser:
    action: Parser = actions.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    action.add_argument(
        "--baseline-file", metavar="FILE", type=Path, default=Path(USUAL), help=f"the file (default: {USUAL})"
    )
    action.set_defaults(parser=action, action=name)
    return action


def _day(text: str) -> date:
    from monitorbench.report.baseline.file import is_day

    if not is_day(text):
        raise argparse.ArgumentTypeError(f"'{text}' is no day; write it like 2027-01-31")
    return date.fromisoformat(text)


def execute(options: argparse.Namespace) -> int:
    """Do what was asked for."""
    return _ACTIONS[options.action](options)


def _today() -> date:
    return datetime.now(UTC).date()


def _update(options: argparse.Namespace) -> int:
    from monitorbench.report.baseline.file import read, write
    from monitorbench.report.baseline.model import BaselineFile
    from monitorbench.report.baseline.update import Request, updated
    from monitorbench.report.write import read as read_report

    path: Path = options.baseline_file
    report = read_report(options.report)
    before = read(path) if path.exists() else BaselineFile()
    asked = Request(
        only=tuple(dict.fromkeys(options.only)), reason=options.reason, expires=options.expires, today=_today()
    )
    after, names = updated(before, report, asked)
    suite = str(report.suite.get("name", ""))
    if not options.dry_run:
        write(after, path)
    _say(_accepted(before.of(suite), after.of(suite), names))
    _say([_outcome(path, after != before, dry=options.dry_run)])
    return 0


def _show(options: argparse.Namespace) -> int:
    from monitorbench.commands.output import deliver
    from monitorbench.report.baseline.file import read
    from monitorbench.report.baseline.table import as_json, as_text

    file = read(options.baseline_file)
    width = shutil.get_terminal_size((_DEFAULT_WIDTH, 0)).columns
    deliver(as_json(file, today=_today()) if options.json else as_text(file, today=_today(), width=width), None)
    return 0


def _prune(options: argparse.Namespace) -> int:
    from monitorbench.report.baseline.file import read, write
    from monitorbench.report.baseline.prune import pruned

    before = read(options.baseline_file)
    after, dropped = pruned(before, checks=_checks(options.suites, before), today=_today())
    if dropped and not options.dry_run:
        write(after, options.baseline_file)
    _say(f"{each.suite}: {each.check}: {each.why}" for each in dropped)
    _say([_outcome(options.baseline_file, bool(dropped), dry=options.dry_run)])
    return 0


_ACTIONS: Mapping[str, Callable[[argparse.Namespace], int]] = {"update": _update, "show": _show, "prune": _prune}


def _checks(paths: list[str], file: BaselineFile) -> dict[str, dict[str, str]]:
    """The type of every check, by suite and id.

    Raises:
        SuiteError: a suite cannot be read.
        UsageError: the file holds nothing of a suite, which may be called otherwise now.
    """
    from monitorbench.api import load_suite
    from monitorbench.errors import UsageError

    suites = {path: load_suite(path) for path in paths}
    for path, suite in suites.items():
        if not file.of(suite.name):
            known = ", ".join(sorted(file.suites)) or "nothing"
            raise UsageError(
                f"nothing is accepted of a suite called {suite.name!r}", where=path, fix=f"the file holds {known}"
            )
    return {suite.name: {check.id: check.type for check in suite.checks} for suite in suites.values()}


def _accepted(before: Mapping[str, Entry], after: Mapping[str, Entry], names: tuple[str, ...]) -> Iterator[str]:
    from monitorbench.report.baseline.words import number

    for name in names:
        entry, old = after[name], before.get(name)
        what = "new" if old is None else "unchanged" if old == entry else "changed"
        value = number(entry.as_check(name), entry.value, entry.interval)
        facts = [entry.verdict, value, f"let through until {entry.expires}: {entry.reason}" if entry.expires else ""]
        yield f"{name} ({what}): {', '.join(fact for fact in facts if fact)}"


def _outcome(path: Path, changed: bool, *, dry: bool) -> str:
    if not changed:
        return f"{path}: nothing changes" if dry else f"{path}: nothing changed"
    return f"{path}: not written (--dry-run)" if dry else f"{path}: written"


def _say(lines: Iterator[str] | list[str]) -> None:
    from monitorbench.commands.output import deliver
    from monitorbench.report.words import one_line

    deliver("".join(f"{one_line(line)}\n" for line in lines), None)
