"""Under pytest-xdist: all checks of one checkpoint go to one worker, so that it is loaded, and runs, once.

xdist's marks for groups act under `--dist loadgroup` only, and become a part of the node ids there, so that `--lf` no
longer finds them. So a scheduler of our own stands in for xdist's where nobody asked for another, and there.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from monitorbench.pytest_plugin.options import settings
from monitorbench.pytest_plugin.places import KINDS, SUFFIX, refuse_clashes, shown

if TYPE_CHECKING:
    from xdist.scheduler import Scheduling

    from monitorbench.pytest_plugin.results import Results
    from monitorbench.suite.model import Suite

SCATTERING = ("load", "worksteal", "each")
"""Modes of xdist that may send the checks of one suite to several workers."""


class Distribution:
    """Hooks of xdist in the process that hands out the tests."""

    def __init__(self, config: pytest.Config, results: Results) -> None:
        self._config, self._results = config, results
        given = config.known_args_namespace
        self._asked: str | None = "load" if given.distload else None if given.dist == "no" else given.dist

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Scheduling | None:
        """Keep the checks of a checkpoint together unless another way was asked for."""
        from monitorbench.pytest_plugin.scheduling import CheckpointScheduling, LoadOrCheckpointScheduling

        group = cache(lambda file: group_of(config, file))
        if self._asked == "loadgroup":
            return CheckpointScheduling(config, log, group)
        return LoadOrCheckpointScheduling(config, log, group) if self._asked is None else None

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: Sequence[str]) -> None:
        """Refuse reports that would go to one file, and say what a mode costs in which checks are scattered."""
        del node
        files = dict.fromkeys(file for file in map(file_of, ids) if file)
        if len(files) > 1 and any(getattr(settings(self._config), kind) for kind in KINDS):
            suites = {file: suite_at(self._config, file) for file in files}
            refuse_clashes(self._config, {file: suite.name for file, suite in suites.items() if suite is not None})
        if files and self._asked in SCATTERING:
            what = f"--dist {self._asked} may run the model of a suite in several workers"
            self._results.note(f"note: {what}; leave --dist out, or use --dist loadgroup, and one worker runs it")

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str, report: pytest.TestReport) -> None:
        """Say of a check that the worker crashed, and what is left of its run."""
        if not file_of(crashitem):
            return
        store = settings(self._config).store
        kept = f"; what it recorded until then is kept in {store}, and the next run goes on from there" if store else ""
        said = f"no verdict, as the worker crashed while it ran{kept}"
        report.sections.append(("monitorbench", said))
        self._results.note(f"{crashitem}: {said}")


def file_of(nodeid: str) -> str:
    """The suite that a test is a check of; empty for any other test."""
    file, separator, _ = nodeid.partition("::")
    return file if separator and file.endswith(SUFFIX) else ""


def suite_at(config: pytest.Config, file: str) -> Suite | None:
    """The suite in a file, as workers see it; None where it cannot be used, which they tell."""
    from monitorbench.api import load_suite
    from monitorbench.errors import MonitorbenchError

    try:
        return load_suite(shown(config.rootpath / file), settings(config).changes)
    except MonitorbenchError:
        return None


def group_of(config: pytest.Config, file: str) -> str:
    """What suites have in common whose checks belong to one worker: the checkpoint under test, and how it is loaded."""
    suite = suite_at(config, file)
    if suite is None:
        return file
    spec = suite.model
    source = os.path.realpath(spec.source) if os.path.isdir(spec.source) else spec.source
    return repr((source, replace(spec, source=""), spec.dtype or suite.dtype, suite.device))
