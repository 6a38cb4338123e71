"""What the suites and the tests of one session share: loaded models and kept rollouts."""

from __future__ import annotations

import tempfile
import warnings
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from monitorbench.pytest_plugin.models import HeldModels
from monitorbench.pytest_plugin.options import Settings, settings

if TYPE_CHECKING:
    from monitorbench.report.baseline.model import BaselineFile
    from monitorbench.report.model import Report
    from monitorbench.suite.model import Suite


class StoreWarning(pytest.PytestWarning):
    """Rollouts could not be kept where they usually are, and are not kept after the session."""


class Workbench:
    """Runs suites with what the session has already."""

    def __init__(self, config: pytest.Config) -> None:
        self.settings: Settings = settings(config)
        self._config = config
        self._models = HeldModels(self.settings.held_models)

    def run(self, suite: Suite, *, accepted: BaselineFile | None = None) -> Report:
        """Run a suite.

        Args:
            suite: what to run.
            accepted: what it is held against.

        Raises:
            MonitorbenchError: the run cannot go on.
        """
        from monitorbench.adapters.factory import resolve_device
        from monitorbench.notices import RunDone
        from monitorbench.planning import require_usable
        from monitorbench.report.model import Report
        from monitorbench.runner import finished, load_models, run

        require_usable(suite)
        device = resolve_device(suite.device)
        models = finished(load_models(suite, device, load=self._models.load))
        asked, store = self.settings, self.store_of(suite)
        policy: dict[str, Any] = {"inconclusive": asked.inconclusive, "strict": asked.strict}
        for notice in run(suite, store=store, fresh=asked.fresh, models=models, accepted=accepted, **policy):
            if isinstance(notice, RunDone) and isinstance(notice.report, Report):
                return notice.report
        raise RuntimeError(f"the run of {suite.name!r} ended without a report")

    @cached_property
    def accepted(self) -> BaselineFile | None:
        """What was accepted, where the options name a baseline file.

        Raises:
            UsageError: it cannot be read.
        """
        from monitorbench.report.baseline.file import read

        file = self.settings.baseline_file
        return None if file is None else read(file)

    def store_of(self, suite: Suite) -> Path:
        """The folder of the rollouts of a suite."""
        from monitorbench.invocation import file_name

        return self.stores / file_name(suite.name)

    @cached_property
    def stores(self) -> Path:
        """The folder of all rollouts: where the options say, or one that goes with the session."""
        named = self.settings.store
        if named is not None:
            try:
                named.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryFile(dir=named):
                    return named
            except OSError as error:
                if self.settings.store_named:
                    return named  # whoever writes there says what is wrong
                why = (error.strerror or str(error)).lower()
                what = f"rollouts cannot be kept in {named} ({why}); name a folder by --monitorbench-store"
                warnings.warn(StoreWarning(what), stacklevel=2)
        folder = tempfile.TemporaryDirectory(prefix="monitorbench-")
        self._config.add_cleanup(folder.cleanup)
        return Path(folder.name)


_WORKBENCH = pytest.StashKey[Workbench]()


def workbench(config: pytest.Config) -> Workbench:
    """The workbench of this session, in this process."""
    if _WORKBENCH not in config.stash:
        config.stash[_WORKBENCH] = Workbench(config)
    return config.stash[_WORKBENCH]
