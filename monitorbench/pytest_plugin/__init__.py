"""The pytest plugin: every check of a `*.monitor.yaml` file is a test, and tests of one's own measure with a fixture.

The model of a suite runs once, at the first of its tests, for exactly those checks that are selected; every test then
reads its own verdict. Suites and tests of one process share the models that are loaded, and what was rolled out is kept
for the next session. Under pytest-xdist all checks of one checkpoint go to one worker.

A session without suites, in which no test uses the fixture, imports nothing of this package but the plugin itself.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from monitorbench.pytest_plugin import marks, options
from monitorbench.pytest_plugin.distribution import Distribution
from monitorbench.pytest_plugin.items import CheckItem, SuiteFile, selected_suites
from monitorbench.pytest_plugin.outcome import CheckWarning, InconclusiveWarning
from monitorbench.pytest_plugin.places import SUFFIX, refuse_baseline_file, refuse_clashes, refuse_unwritable_reports
from monitorbench.pytest_plugin.results import RUNNING, Results, say

if TYPE_CHECKING:
    from monitorbench.pytest_plugin.fixture import Monitorbench

__all__ = ["CheckWarning", "InconclusiveWarning"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    options.declare(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marks, and refuse files that cannot be written or read before anything runs."""
    marks.register(config)
    refuse_unwritable_reports(config)
    refuse_baseline_file(config)
    if hasattr(config, "workerinput"):
        return
    results = Results(config)
    config.pluginmanager.register(results, "monitorbench-results")
    if config.pluginmanager.hasplugin("xdist"):
        config.pluginmanager.register(Distribution(config, results), "monitorbench-distribution")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> SuiteFile | None:
    """Collect suites."""
    if not file_path.name.endswith(SUFFIX):
        return None
    file: SuiteFile = SuiteFile.from_parent(parent, path=file_path)
    return file


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that use the fixture."""
    marks.mark_users(items)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse suites whose reports would go to one file. Where there are workers, whoever starts them does that."""
    if not hasattr(session.config, "workerinput"):
        refuse_clashes(session.config, {file.nodeid: file.suite.name for file in selected_suites(session)})


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Know which test is running."""
    item.config.stash[RUNNING] = item
    try:
        return (yield)
    finally:
        del item.config.stash[RUNNING]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Point a skipped check at its line in the suite instead of at this package, and say what a test came to."""
    report = yield
    if report.when != "call":
        return report
    if isinstance(item, CheckItem) and isinstance(report.longrepr, tuple):
        path, line, _ = item.reportinfo()
        report.longrepr = (os.fspath(path), line + 1, report.longrepr[2])
    say(item, report)
    return report


@pytest.fixture(scope="session")
def monitorbench(pytestconfig: pytest.Config) -> Monitorbench:
    """Measures models: `monitorbench.check("bottleneck-drop", "zoo:diffusion-chain", channel=..., task={...}).high`."""
    from monitorbench.pytest_plugin.fixture import Monitorbench

    return Monitorbench(pytestconfig)
