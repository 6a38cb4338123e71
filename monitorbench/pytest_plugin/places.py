"""Where things lie: suites as people write them, and the reports of a session."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from monitorbench.pytest_plugin.options import settings

SUFFIX = ".monitor.yaml"
"""What the names of suites end in."""
KINDS = {"report": ".json", "html": ".html"}
"""The files that a session may be asked for, each by its option and with its usual suffix."""


def shown(path: Path) -> str:
    """A path from the working directory, as a command line would give it; whole if it lies elsewhere."""
    return os.fspath(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else os.fspath(path)


def report_paths(config: pytest.Config, suite: str, *, several: bool) -> Mapping[str, Path]:
    """The files of one suite that the options ask for, by option: with its name in them where there are several."""
    from monitorbench.invocation import file_name

    asked = {kind: getattr(settings(config), kind) for kind in KINDS}
    return {
        kind: path.with_name(f"{path.name.removesuffix(KINDS[kind])}-{file_name(suite)}{KINDS[kind]}")
        if several
        else path
        for kind, path in asked.items()
        if path is not None
    }


def refuse_unwritable_reports(config: pytest.Config) -> None:
    """Refuse a report that could not be written before anything runs.

    Raises:
        pytest.UsageError: it could not.
    """
    for kind in KINDS:
        path = getattr(settings(config), kind)
        if path is None:
            continue
        from monitorbench.errors import UsageError
        from monitorbench.invocation import refuse_unwritable

        try:
            refuse_unwritable(path)
        except UsageError as error:
            raise pytest.UsageError(f"{settings(config).given[kind]}: {error}") from None
