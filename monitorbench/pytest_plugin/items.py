"""Suites as files of tests: one test for each check."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from monitorbench.pytest_plugin.marks import register_type
from monitorbench.pytest_plugin.options import settings
from monitorbench.pytest_plugin.outcome import CheckWarning, InconclusiveWarning, NotPassed
from monitorbench.pytest_plugin.places import report_paths, shown
from monitorbench.pytest_plugin.words import PREFIX, explained, properties
from monitorbench.pytest_plugin.workbench import workbench

if TYPE_CHECKING:
    from monitorbench.report.model import CheckReport, Report
    from monitorbench.suite.model import CheckSpec, Suite


class SuiteFile(pytest.File):
    """A suite. It runs at most once in a session."""

    suite: Suite
    _outcome: Report | Exception | None = None

    def collect(self) -> Iterator[CheckItem]:
        """One test for each check, in the order of the suite."""
        from monitorbench.api import load_suite
        from monitorbench.errors import MonitorbenchError

        asked = settings(self.config)
        try:
            self.suite = load_suite(shown(self.path), asked.changes)
        except MonitorbenchError as error:
            raise self.CollectError(asked.in_their_words(error)) from None
        for spec in self.suite.checks:
            item: CheckItem = CheckItem.from_parent(self, name=spec.id, spec=spec)
            yield item

    def outcome(self) -> Report:
        """The report of the suite; the first call runs the checks that are selected.

        Raises:
            MonitorbenchError: the run cannot go on. Every call raises it again, without another run.
        """
        if self._outcome is None:
            try:
                self._outcome = self._run()
            except Exception as error:  # whatever went wrong, the model must not run once per test
                self._outcome = error
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome

    def rerun(self, check: str) -> str:
        """The command that runs one check again."""
        from monitorbench.invocation import rerun_command

        asked = settings(self.config)
        names = ("inconclusive", "strict", "baseline_file")
        policy: dict[str, Any] = {name: getattr(asked, name) for name in names}
        return rerun_command(self.suite.path, check, asked.changes, **policy)

    def report_paths(self) -> Mapping[str, Path]:
        """The files that its report goes to, by option."""
        return report_paths(self.config, self.suite.name, several=len(selected_suites(self.session)) > 1)

    def _run(self) -> Report:
        from monitorbench.suite.selection import select

        selected = [item.spec.id for item in self.session.items if isinstance(item, CheckItem) and item.parent is self]
        bench = workbench(self.config)
        return bench.run(select(self.suite, selected), accepted=bench.accepted)


class CheckItem(pytest.Item):
    """One check as a test.

    Attributes:
        spec: the check.
        found: what it came to, once it ran.
    """

    parent: SuiteFile
    found: CheckReport | None = None

    def __init__(self, *, spec: CheckSpec, **settings: Any) -> None:
        super().__init__(**settings)
        self.spec = spec
        suite = self.parent.suite
        self.add_marker("monitorbench")
        self.add_marker(register_type(self.config, spec.type))
        words = (spec.type, suite.name, suite.model.source, spec.parameters.get("task"), spec.parameters.get("channel"))
        self.extra_keyword_matches.update(word for word in words if isinstance(word, str))

    def reportinfo(self) -> tuple[Path, int, str]:
        """The file and the line (from 0) that declare the check, and its id."""
        return Path(self.spec.file).absolute(), self.spec.line - 1, self.spec.id

    def runtest(self) -> None:
        """Pass, skip, warn or fail as the verdict says."""
        from monitorbench.report.exit_code import ExitCode, effect
        from monitorbench.report.words import summary_line

        self.found = check = next(each for each in self.parent.outcome().checks if each.id == self.spec.id)
        self.user_properties += properties(check)
        self.user_properties += [(PREFIX + kind, os.fspath(path)) for kind, path in self.parent.report_paths().items()]
        words = explained(check, self.parent.rerun(check.id))
        if effect(check, settings(self.config).policy) is not ExitCode.PASS:
            raise NotPassed(words)
        self.add_report_section("call", "monitorbench", words + "\n")
        if check.verdict == "not_applicable":
            pytest.skip(check.reason)
        if (warning := self._warning(check)) is not None:
            self.warn(warning(summary_line(check)))

    def _warning(self, check: CheckReport) -> type[CheckWarning] | None:
        """What a check is told by that is let through; None for a plain pass and for what was asked not to be told."""
        speaks_against = check.warning or check.verdict != "pass"
        if not speaks_against or check.severity == "info":
            return None
        if check.verdict != "inconclusive" or check.severity != "fail":
            return CheckWarning
        silent = settings(self.config).inconclusive == "pass" and not check.warning
        return None if silent else InconclusiveWarning

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The verdict or the user's mistake in words; a traceback only for what is neither."""
        from monitorbench.errors import MonitorbenchError

        error = excinfo.value
        if isinstance(error, MonitorbenchError):
            return settings(self.config).in_their_words(error)
        if not isinstance(error, NotPassed):
            return super().repr_failure(excinfo, style)
        words: Any = excinfo.getrepr(style="value")
        path, line, _ = self.reportinfo()
        words.reprcrash.path, words.reprcrash.lineno = os.fspath(path), line + 1
        words.reprcrash.message = str(error).partition("\n")[0].removeprefix(f"{self.spec.id}: ")
        return words


def selected_suites(session: pytest.Session) -> list[SuiteFile]:
    """The suites of which a check is selected."""
    return list(dict.fromkeys(item.parent for item in session.items if isinstance(item, CheckItem)))
