"""The fixture `monitorbench`: checks in tests of one's own."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

import pytest

from monitorbench.pytest_plugin.inline import Inline
from monitorbench.pytest_plugin.measurement import Measurement
from monitorbench.pytest_plugin.models import state_of
from monitorbench.pytest_plugin.options import settings
from monitorbench.pytest_plugin.places import shown
from monitorbench.pytest_plugin.results import MEASURED, RUNNING
from monitorbench.pytest_plugin.workbench import workbench

Model = str | PurePath | Mapping[str, Any]
"""A model as suites name it: by a text or a path, or as a mapping with its `source`."""


class Monitorbench:
    """Measures models in tests; what is loaded and rolled out is shared with all others of the session."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._known: dict[str, Measurement] = {}

    def check(
        self,
        type: str,  # noqa: A002  # what suites call it
        model: Model | None = None,
        *,
        baseline: Model | None = None,
        task: str | Mapping[str, Any] | None = None,
        tasks: Mapping[str, Any] | None = None,
        sampling: Mapping[str, Any] | None = None,
        channels: Mapping[str, Any] | None = None,
        **parameters: Any,
    ) -> Measurement:
        """Run one check. Whatever is wrong with what was asked for fails the test with one message.

        Args:
            type: the check type, such as `bottleneck-drop`.
            model: the model under test, as suites name it; None takes that of `--monitorbench-model`.
            baseline: what ratios are taken against; None takes that of `--monitorbench-baseline`, if there is one.
            task: the task, as suites declare it, such as `{"family": "arithmetic-chain", "n": 100}`; or the name of
                one in `tasks`.
            tasks: further tasks by name, for parameters that name some.
            sampling: as in suites.
            channels: as in suites.
            parameters: the parameters of the check type. Its bound may be left out: then there is no verdict.
                `interpretable_if` may give a measurement of the same model in place of the id of a check.
        """
        __tracebackhide__ = True
        from monitorbench.errors import MonitorbenchError

        caller, asked = sys._getframe(1), settings(self._config)
        place = (_file(caller.f_code.co_filename), caller.f_lineno)
        try:
            inline = Inline.of(
                type,
                place=place,
                model=asked.model if model is None else model,
                baseline=asked.baseline if baseline is None else baseline,
                task=task,
                tasks=tasks or {},
                parameters=parameters,
                rest={"sampling": sampling, "channels": channels},
            )
            measurement = self._measured(inline)
        except MonitorbenchError as error:
            mistake = asked.in_their_words(error)
        else:
            self._tell(measurement)
            return measurement
        pytest.fail(mistake, pytrace=False)

    def _measured(self, inline: Inline) -> Measurement:
        suite = inline.suite(settings(self._config))
        models = (suite.model, *(() if suite.baseline is None else (suite.baseline,)))
        known = repr((suite.source_hash, *map(state_of, models)))
        if known not in self._known:
            report = workbench(self._config).run(suite)
            self._known[known] = Measurement(report=report.checks[-1], bounded=inline.bounded, suite=suite)
        return self._known[known]

    def _tell(self, measurement: Measurement) -> None:
        """Put what came out on the test that is running, if one is: a fixture of a wider scope may have asked."""
        item = self._config.stash.get(RUNNING, None)
        if item is None:
            return
        text = f"{measurement!r}: {measurement.reason}\nrerun: pytest {item.nodeid}\n"
        item.add_report_section("call", "monitorbench", text)
        item.stash.setdefault(MEASURED, []).append(f"{measurement!r}: {measurement.reason}")


def _file(file: str) -> str:
    """The file of a test from the working directory."""
    return shown(Path(os.path.abspath(file)))
