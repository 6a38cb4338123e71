"""The report for GitHub Actions: annotations where the checks are declared, and a table for the summary of the step."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from monitorbench.report.exit_code import Inconclusive, worst_first
from monitorbench.report.model import CheckReport, Report, Verdict
from monitorbench.report.render import markdown
from monitorbench.report.words import summary_line

MOST_OF_A_LEVEL = 10
"""Annotations of one level that GitHub shows of one step; it drops the later ones without a word."""

_LONGEST = 4_000
_BAD = (Verdict.FAIL, Verdict.ERROR, Verdict.UNOBSERVED)


def render(report: Report, *, inconclusive: Inconclusive = "fail", folder: Path | None = None) -> str:
    """Workflow commands, one line each, from the worst check to the best; nothing for checks that passed.

    A gated check that failed, broke down or observed nothing is an error, one that is inconclusive an error or, if that
    is let through, a warning; checks that are not gated are warnings at most, and one that does not apply is a notice.
    GitHub shows ten annotations of a level: the tenth of more says how many there are.

    Args:
        report: what to show.
        inconclusive: what an inconclusive check does to the exit code.
        folder: working directory of the run, seen from the root of the repository; None if it is that root.
    """
    levels: dict[str, list[CheckReport]] = defaultdict(list)
    for check in worst_first(report.checks):
        if check.verdict is not Verdict.PASS:
            levels[_level(check, inconclusive)].append(check)
    lines = (line for level in ("error", "warning", "notice") for line in _commands(level, levels[level], folder))
    return "".join(f"{line}\n" for line in lines)


def summary(report: Report) -> str:
    """Markdown for the file that `GITHUB_STEP_SUMMARY` names, no longer than GitHub takes."""
    return markdown.render(report, most_bytes=markdown.SUMMARY_BYTES)


def _level(check: CheckReport, inconclusive: Inconclusive) -> str:
    if check.verdict is Verdict.NOT_APPLICABLE:
        return "notice"
    fails = check.verdict in _BAD or inconclusive == "fail"
    return "error" if check.gated and fails else "warning"


def _commands(level: str, checks: Iterable[CheckReport], folder: Path | None) -> Iterator[str]:
    checks = list(checks)
    shown = checks if len(checks) <= MOST_OF_A_LEVEL else checks[: MOST_OF_A_LEVEL - 1]
    for check in shown:
        place = f"file={_property(_path(check.file, folder))},line={check.line}"
        title = _property(f"{check.id}: {check.verdict}")
        yield f"::{level} {place},title={title}::{_data(summary_line(check)[:_LONGEST])}"
    if left := len(checks) - len(shown):
        yield f"::{level} title=monitorbench::{left} more checks: the report names them"


def _path(file: str, folder: Path | None) -> str:
    """The file seen from the root of the repository."""
    return os.path.normpath(file if folder is None else folder / file).replace(os.sep, "/")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
