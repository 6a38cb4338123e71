"""The results of a session, in the process that shows them: reports are put together, written and listed there.

Under pytest-xdist every worker says with each test report what its check came to, and once what its whole run did.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from monitorbench.pytest_plugin.items import CheckItem
from monitorbench.pytest_plugin.options import settings
from monitorbench.pytest_plugin.workbench import workbench

if TYPE_CHECKING:
    from monitorbench.report.model import Policy, Report

SAID = "monitorbench"
"""The attribute of a test report under which a test says what it came to."""
MEASURED = pytest.StashKey[list[str]]()
"""What a hand-written test measured, one line for each check."""
RUNNING = pytest.StashKey[pytest.Item]()
"""The test that is running."""


def say(item: pytest.Item, report: pytest.TestReport) -> None:
    """Put what a test came to on its report, as data that can be sent from one process to another."""
    if isinstance(item, CheckItem) and item.found is not None:
        setattr(report, SAID, _said(item))
    elif MEASURED in item.stash:
        setattr(report, SAID, {"lines": item.stash[MEASURED], "store": os.fspath(workbench(item.config).stores)})


_SENT = pytest.StashKey[bool]()


def _said(item: CheckItem) -> dict[str, Any]:
    from monitorbench.report.codec import to_json
    from monitorbench.report.words import summary_line

    assert item.found is not None
    file = item.parent
    paths = {kind: os.fspath(path) for kind, path in file.report_paths().items()}
    first, file.stash[_SENT] = paths and not file.stash.get(_SENT, False), True
    return {
        "lines": [summary_line(item.found)],
        "suite": file.nodeid,
        "check": item.found.id,
        "process": os.environ.get("PYTEST_XDIST_WORKER", ""),
        "paths": paths,
        "store": os.fspath(workbench(item.config).stores),
        "name": file.suite.name,
        "whole": to_json(file.outcome()) if first else None,
    }


class Results:
    """Collects what tests say, as a plugin of the process that shows results."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._tests: list[pytest.TestReport] = []
        self._notes: list[str] = []
        self._written: list[str] = []

    def note(self, line: str) -> None:
        """Have a line shown at the end, once."""
        if line not in self._notes:
            self._notes.append(line)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what a check came to."""
        if report.when == "call" and hasattr(report, SAID):
            self._tests.append(report)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the reports; one that cannot be written fails the session."""
        from monitorbench.errors import MonitorbenchError

        try:
            for said in _by_suite(getattr(test, SAID) for test in self._tests):
                self._written += _write(said, settings(self._config).policy)
        except (MonitorbenchError, ValueError) as error:
            self.note(f"no report: {error}")
            session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show every check on one line, in the order of the files, and where the reports are."""
        asked = settings(self._config)
        tests = [] if asked.quiet else sorted(self._tests, key=lambda test: (test.location[0], test.location[1] or 0))
        lines = [f"{_place(test)}{line}" for test in tests for line in getattr(test, SAID)["lines"]]
        lines += sorted(self._written)
        if asked.store is not None and any(getattr(test, SAID)["store"] == str(asked.store) for test in tests):
            lines.append(f"rollouts: {asked.store}")
        lines += self._notes
        if lines:
            terminalreporter.section("monitorbench")
        for line in lines:
            terminalreporter.line(line)


def _place(test: pytest.TestReport) -> str:
    """What stands in front of a line: the suite of a check, whose line begins with its id, or the whole test."""
    return f"{test.nodeid.partition('::')[0]}::" if "suite" in getattr(test, SAID) else f"{test.nodeid}: "


def _by_suite(said: Iterable[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    suites: dict[str, list[Mapping[str, Any]]] = {}
    for each in said:
        if each.get("paths"):
            suites.setdefault(each["suite"], []).append(each)
    return list(suites.values())


def _write(said: list[Mapping[str, Any]], policy: Policy) -> list[str]:
    """Write what one suite came to; returns what was written, in words."""
    from monitorbench.invocation import file_name
    from monitorbench.report.codec import from_json
    from monitorbench.report.write import write, write_text

    parts = {each["process"]: from_json(each["whole"]) for each in said if each["whole"] is not None}
    report = merged(parts, {each["check"]: each["process"] for each in said}, policy)
    paths = {kind: Path(path) for kind, path in said[0]["paths"].items()}
    if "report" in paths:
        write(report, paths["report"])
    if "html" in paths:
        store = Path(said[0]["store"]) / file_name(said[0]["name"])
        write_text(_page(report, paths["html"], store), paths["html"])
    return [f"{kind}: {path}" for kind, path in paths.items()]


def merged(parts: Mapping[str, Report], tested: Mapping[str, str], policy: Policy) -> Report:
    """One report of a suite that ran in several processes.

    Args:
        parts: what each process reports of it, by name.
        tested: the process whose verdict stands for a test, by check.
        policy: what is let through.
    """
    from monitorbench.report.exit_code import overall

    first = next(iter(parts.values()))
    if len(parts) == 1:
        return first
    of = {name: {check.id: check for check in part.checks} for name, part in parts.items()}
    checks = tuple(of[tested[check.id]][check.id] if check.id in tested else check for check in first.checks)
    verdict, code = overall(checks, policy)
    return replace(first, checks=checks, verdict=verdict, exit_code=int(code))


def _page(report: Report, path: Path, store: Path) -> str:
    from monitorbench.commands.report_traces import traces_of
    from monitorbench.report.render.html import render
    from monitorbench.rollouts.index import INDEX

    run = store if (store / INDEX).is_file() else None
    return render(report, traces=traces_of(report, path, run=run))
