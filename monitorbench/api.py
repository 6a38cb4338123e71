"""The two calls that everything else is built on: load a suite, run a suite."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from monitorbench.notices import RunDone
from monitorbench.planning import require_usable, vocabulary
from monitorbench.report.baseline.file import read
from monitorbench.report.model import Inconclusive, Report
from monitorbench.runner import run
from monitorbench.suite.loader import NO_OVERRIDES, load
from monitorbench.suite.model import Overrides, Suite


def load_suite(path: Path | str, overrides: Overrides = NO_OVERRIDES, *, recorded: Collection[str] = ()) -> Suite:
    """Read and validate a suite against every check type, task family and adapter family that is installed.

    Args:
        path: the suite file.
        overrides: what to change in it.
        recorded: models that need not be there, because rollouts of theirs are.

    Raises:
        SuiteError: every mistake found, each with its position.
        UsageError: two installed packages register the same name.
    """
    suite = load(path, replace(vocabulary(), recorded=recorded), overrides)
    require_usable(suite)
    return suite


def run_suite(
    suite: Suite | Path | str,
    overrides: Overrides = NO_OVERRIDES,
    *,
    inconclusive: Inconclusive = "fail",
    strict: bool = False,
    baseline_file: Path | str | None = None,
) -> Report:
    """Run a suite from beginning to end, silently; the report is returned and not written anywhere.

    Args:
        suite: a suite file, or a suite that is loaded already.
        overrides: what to change in a suite file; a loaded suite stays as it is.
        inconclusive: whether an inconclusive check leaves the run undecided (`fail`) or is let through.
        strict: whether warnings count as fails.
        baseline_file: what was accepted, that the run is held against; it is only read.

    Raises:
        SuiteError: the suite cannot be used.
        UsageError: the baseline file cannot be read, or the adapter, check or task that the suite needs cannot be
            imported.
        CheckpointError: a checkpoint cannot be loaded or must not be used.
    """
    loaded = suite if isinstance(suite, Suite) else load_suite(suite, overrides)
    accepted = None if baseline_file is None else read(Path(baseline_file))
    for notice in run(loaded, inconclusive=inconclusive, strict=strict, accepted=accepted):
        if isinstance(notice, RunDone) and isinstance(notice.report, Report):
            return notice.report
    raise RuntimeError(f"the run of {loaded.name!r} ended without a report")
