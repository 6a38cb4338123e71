"""The pytest plugin: every check of a `*.monitor.yaml` file is a test.

The model runs once per file, at the first of its tests, for exactly those checks that are selected; every test then
reads its own verdict. Under pytest-xdist use `--dist loadfile` or `--dist loadgroup` (the tests of one file share an
`xdist_group`): then one worker runs the model, and not every worker that gets one of the tests.

A session without such a file imports nothing of this package but this module.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from monitorbench.errors import MonitorbenchError
    from monitorbench.report.model import CheckReport, Report
    from monitorbench.suite.model import CheckSpec, Overrides, Suite

SUFFIX = ".monitor.yaml"
LINE, REPORT = "monitorbench", "monitorbench_report"
"""Names of the properties that tests carry: the check on one line, and where the report is."""


class InconclusiveWarning(pytest.PytestWarning):
    """A check that is inconclusive and was let through by `--monitorbench-inconclusive warn`."""


class NotPassed(Exception):  # noqa: N818  # a verdict, not an error of this program
    """A check that counts as a failed test; its text is all that pytest shows."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("monitorbench", "monitorbench: checks declared in *.monitor.yaml files")
    add = group.addoption
    add("--monitorbench-model", metavar="MODEL", help="Candidate: zoo:NAME, package:NAME, a local folder, or a hub id.")
    add("--monitorbench-baseline", metavar="MODEL", help="Baseline, named like a candidate.")
    add("--monitorbench-device", metavar="DEVICE", help="auto, cpu, cuda or cuda:N.")
    add("--monitorbench-limit", metavar="N", type=int, help="Largest number of problems per task.")
    add(
        "--monitorbench-set",
        metavar="PATH=VALUE",
        action="append",
        default=[],
        help="Change one value of every suite, such as sampling.seed=3 (repeatable).",
    )
    add(
        "--monitorbench-report",
        metavar="PATH",
        help="File for the JSON report; with several suites, each goes to <PATH without .json>-<suite name>.json. "
        "Without this option no report is kept.",
    )
    add(
        "--monitorbench-inconclusive",
        metavar="POLICY",
        choices=("fail", "warn", "pass"),
        default="fail",
        help="What an inconclusive check is: fail (the default), warn (passes with a warning) or pass.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a report path that cannot be written before anything runs."""
    path = config.getoption("--monitorbench-report")
    if path is None:
        return
    from monitorbench.errors import UsageError
    from monitorbench.invocation import refuse_unwritable

    try:
        refuse_unwritable(Path(path))
    except UsageError as error:
        raise pytest.UsageError(f"--monitorbench-report: {error}") from None


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> SuiteFile | None:
    """Collect suites."""
    if not file_path.name.endswith(SUFFIX):
        return None
    node: SuiteFile = SuiteFile.from_parent(parent, path=file_path)
    return node


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse suites whose reports would go to one file."""
    if session.config.getoption("--monitorbench-report") is None:
        return
    owners: dict[Path, SuiteFile] = {}
    for suite in _selected_suites(session):
        other = owners.setdefault(suite.report_path, suite)
        if other is not suite:
            raise pytest.UsageError(
                f"--monitorbench-report: {other.nodeid} and {suite.nodeid} would both be written to "
                f"{suite.report_path}; give the suites different names"
            )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show every check on one line, in the order of the suites, and where the reports are."""
    judged = sorted(_judged(terminalreporter), key=lambda report: report.location[:2])
    if not judged:
        return
    terminalreporter.section("monitorbench")
    for report in judged:
        file = report.nodeid.partition("::")[0]
        terminalreporter.line(f"{file}::{dict(report.user_properties)[LINE]}")
    paths = {path for report in judged for name, path in report.user_properties if name == REPORT}
    for path in sorted(map(str, paths)):
        terminalreporter.line(f"report: {path}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Point a skipped check at its line in the suite instead of at this module."""
    report = yield
    if isinstance(item, CheckItem) and report.when == "call" and isinstance(report.longrepr, tuple):
        path, line, _ = item.reportinfo()
        report.longrepr = (os.fspath(path), line + 1, report.longrepr[2])
    return report


class SuiteFile(pytest.File):
    """A suite. It runs at most once in a session."""

    _suite: Suite
    _overrides: Overrides
    _outcome: Report | Exception | None = None

    def collect(self) -> Iterator[CheckItem]:
        """One test for each check, in the order of the suite."""
        from monitorbench.api import load_suite
        from monitorbench.errors import MonitorbenchError

        self._overrides = _overrides(self.config)
        try:
            self._suite = load_suite(_shown(self.path), self._overrides)
        except MonitorbenchError as error:
            raise self.CollectError(_in_own_words(error)) from None
        for spec in self._suite.checks:
            item: CheckItem = CheckItem.from_parent(self, name=spec.id, spec=spec)
            if self.config.pluginmanager.hasplugin("xdist"):
                item.add_marker(pytest.mark.xdist_group(self.nodeid))
            yield item

    @property
    def report_path(self) -> Path:
        """Where the report of this suite goes; `--monitorbench-report` has to be given."""
        from monitorbench.invocation import file_name

        path = Path(self.config.getoption("--monitorbench-report"))
        if len(_selected_suites(self.session)) == 1:
            return path
        return path.with_name(f"{path.name.removesuffix('.json')}-{file_name(self._suite.name)}.json")

    def report_on(self, check: str) -> CheckReport:
        """The report of one check; the first call runs the suite.

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
        return next(report for report in self._outcome.checks if report.id == check)

    def rerun(self, check: str) -> str:
        """The command that runs one check again."""
        from monitorbench.invocation import rerun_command

        policy = self.config.getoption("--monitorbench-inconclusive")
        return rerun_command(self._suite.path, check, self._overrides, inconclusive=policy)

    def _run(self) -> Report:
        from monitorbench.api import run_suite
        from monitorbench.report.write import write
        from monitorbench.suite.selection import select

        selected = [item.spec.id for item in self.session.items if isinstance(item, CheckItem) and item.parent is self]
        policy = self.config.getoption("--monitorbench-inconclusive")
        report = run_suite(select(self._suite, selected), inconclusive=policy)
        if self.config.getoption("--monitorbench-report") is not None:
            write(report, self.report_path)
        return report


class CheckItem(pytest.Item):
    """One check as a test."""

    parent: SuiteFile

    def __init__(self, *, spec: CheckSpec, **settings: Any) -> None:
        super().__init__(**settings)
        self.spec = spec

    def reportinfo(self) -> tuple[Path, int, str]:
        """The file and the line (from 0) that declare the check, and its id."""
        return Path(self.spec.file).absolute(), self.spec.line - 1, self.spec.id

    def runtest(self) -> None:
        """Pass, skip, warn or fail as the verdict says."""
        from monitorbench.report.words import summary_line

        check = self.parent.report_on(self.spec.id)
        self.user_properties.append((LINE, summary_line(check)))
        if self.config.getoption("--monitorbench-report") is not None:
            self.user_properties.append((REPORT, os.fspath(self.parent.report_path)))
        if check.verdict == "not_applicable":
            pytest.skip(check.reason)
        policy = self.config.getoption("--monitorbench-inconclusive")
        if check.verdict == "inconclusive" and policy == "warn":
            self.warn(InconclusiveWarning(summary_line(check)))
        elif check.verdict != "pass" and (check.verdict != "inconclusive" or policy == "fail"):
            raise NotPassed(_explained(check, self.parent.rerun(check.id)))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The verdict or the user's mistake in words; a traceback only for what is neither."""
        from monitorbench.errors import MonitorbenchError

        if isinstance(excinfo.value, NotPassed | MonitorbenchError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)


def _overrides(config: pytest.Config) -> Overrides:
    from monitorbench.suite.model import Overrides

    return Overrides(
        **{name: config.getoption(f"--monitorbench-{name}") for name in ("model", "baseline", "device", "limit")},
        set=tuple(config.getoption("--monitorbench-set")),
    )


def _in_own_words(error: MonitorbenchError) -> str:
    """The text of an error, with the options of this plugin in place of those of the command line."""
    lines = str(error).split("\n")
    return "\n".join(line.replace("--", "--monitorbench-", 1) if line.startswith("--") else line for line in lines)


def _selected_suites(session: pytest.Session) -> list[SuiteFile]:
    return list(dict.fromkeys(item.parent for item in session.items if isinstance(item, CheckItem)))


def _judged(reporter: pytest.TerminalReporter) -> Iterator[pytest.TestReport]:
    """The reports of checks that came to a verdict."""
    for reports in reporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "call" and LINE in dict(report.user_properties):
                yield report


def _explained(check: CheckReport, rerun: str) -> str:
    from monitorbench.report.words import bound_words, count_words, estimate_words

    facts = {"estimate": estimate_words(check), "bound": bound_words(check), "n": count_words(check.n)}
    numbers = ", ".join(f"{name} {words}" for name, words in facts.items() if words)
    place = f"declared in {check.file}:{check.line}"
    lines = [f"{check.id}: {check.verdict}: {check.reason}", numbers, place, f"rerun: {rerun}"]
    return "\n".join(line for line in lines if line)


def _shown(path: Path) -> str:
    """A path from the working directory, as a command line would give it; whole if it lies elsewhere."""
    return os.fspath(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else os.fspath(path)
