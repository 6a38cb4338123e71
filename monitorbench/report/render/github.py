"""The report for GitHub Actions: annotations where the checks are declared, and a table for the summary of the step."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from monitorbench.report.exit_code import ExitCode, effect, policy_of, worst_first
from monitorbench.report.model import CheckReport, Inconclusive, Policy, Report, Verdict
from monitorbench.report.render import markdown
from monitorbench.report.words import summary_line, verdict_words

MOST_OF_A_LEVEL = 10
"""Annotations of one level that GitHub shows of one step; it drops the later ones without a word."""

_LONGEST = 4_000


def render(
    report: Report, *, inconclusive: Inconclusive | None = None, strict: bool = False, folder: Path | None = None
) -> str:
    """Workflow commands, one line each, from the worst check to the best; nothing for checks that simply passed.

    What counts against the run is an error; what is let through is a warning: checks of severity warn, inconclusive
    ones where the policy is so, warnings of `warn_if`, and checks that are not gated. What does not apply, or is of
    severity info, is a notice.
    GitHub shows ten annotations of a level: the tenth of more says how many there are.

    Args:
        report: what to show.
        inconclusive: what an inconclusive check does to the exit code; None does as the run.
        strict: whether warnings count as fails, as they do where the run was strict.
        folder: working directory of the run, seen from the root of the repository; None if it is that root.
    """
    policy = policy_of(report, inconclusive=inconclusive, strict=strict)
    levels: dict[str, list[CheckReport]] = defaultdict(list)
    for check in worst_first(report.checks):
        if check.verdict is not Verdict.PASS or check.warning or check.uncompared:
            levels[_level(check, policy)].append(check)
    lines = (line for level in ("error", "warning", "notice") for line in _commands(level, levels[level], folder))
    return "".join(f"{line}\n" for line in lines)


def summary(report: Report) -> str:
    """Markdown for the file that `GITHUB_STEP_SUMMARY` names, no longer than GitHub takes."""
    return markdown.render(report, most_bytes=markdown.SUMMARY_BYTES)


def _level(check: CheckReport, policy: Policy) -> str:
    if effect(check, policy) is not ExitCode.PASS:
        return "error"
    return "notice" if check.verdict is Verdict.NOT_APPLICABLE or check.severity == "info" else "warning"


def _commands(level: str, checks: Iterable[CheckReport], folder: Path | None) -> Iterator[str]:
    checks = list(checks)
    shown = checks if len(checks) <= MOST_OF_A_LEVEL else checks[: MOST_OF_A_LEVEL - 1]
    for check in shown:
        place = f"file={_property(_path(check.file, folder))},line={check.line}"
        title = _property(f"{check.id}: {verdict_words(check)}")
        yield f"::{level} {place},title={title}::{_data(summary_line(check)[:_LONGEST])}"
    if left := len(checks) - len(shown):
        yield f"::{level} title=monitorbench::{left} more checks: the report names them"


def _path(file: str, folder: Path | None) -> str:
    """The file seen from the root of the repository."""
    return os.path.normpath(file if folder is None else folder / file).replace(os.sep, "/")


def _data(text: str) -> str:
    """A text of one line inside a command."""
    return text.replace("%", "%25")


def _property(text: str) -> str:
    # A log is shown in browsers and terminals, so no control character may stay.
    shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return _data(shown).replace(":", "%3A").replace(",", "%2C")
