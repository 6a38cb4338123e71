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


def refuse_clashes(config: pytest.Config, names: Mapping[str, str]) -> None:
    """Refuse suites whose reports would go to one file.

    Args:
        config: with the options.
        names: the name of each suite of which checks are selected, by its file.

    Raises:
        pytest.UsageError: there are two.
    """
    owners: dict[Path, str] = {}
    for file, name in names.items():
        for kind, path in report_paths(config, name, several=len(names) > 1).items():
            other = owners.setdefault(path, file)
            if other != file:
                raise pytest.UsageError(
                    f"--monitorbench-{kind}: {other} and {file} would both be written to {path}; "
                    "give the suites different names"
                )


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


def refuse_baseline_file(config: pytest.Config) -> None:
    """Refuse a baseline file that cannot be read, or that a report would be written over, before anything runs.

    Raises:
        pytest.UsageError: it is one.
    """
    asked = settings(config)
    file = asked.baseline_file
    if file is None:
        return
    from monitorbench.errors import UsageError
    from monitorbench.report.baseline.file import read

    try:
        read(file)
    except UsageError as error:
        raise pytest.UsageError(f"{asked.given['baseline-file']}: {error}") from None
    for kind in KINDS:
        path = getattr(asked, kind)
        if path is not None and path.resolve() == file.resolve():
            raise pytest.UsageError(
                f"{asked.given[kind]}: {path}: is the baseline file, which a run never writes; "
                "name another file for the report"
            )
