"""How a run was asked for: where its report goes, and the command that repeats a part of it."""

from __future__ import annotations

import difflib
import os
import re
import shlex
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

from monitorbench.errors import UsageError
from monitorbench.suite.model import Overrides, Suite

REPORTS = Path("reports/runs")
"""Where reports go unless a file is named, seen from the working directory."""

_LONGEST_NAME = 100
_OTHER_CHARACTERS = re.compile(r"[^\w.-]+")


def file_name(suite: str) -> str:
    """A suite's name as part of a file name: a name may hold any characters, a file name may not."""
    return _OTHER_CHARACTERS.sub("-", suite)[:_LONGEST_NAME].strip(".-") or "suite"


def usual_report(suite: Suite, *, partial: bool = False) -> Path:
    """Where the report of a suite goes when no file is named.

    Args:
        suite: what is run.
        partial: its gated checks are not all that the suite file declares. Their ids then stand in the name of the
            file, so that a report on a few checks does not take the place of one on all.
    """
    ids = "-".join(check.id for check in suite.checks if check.gated)
    return REPORTS / f"{file_name(suite.name)}{f'-{file_name(ids)}' if partial else ''}.json"


def store_folder(suite: Suite, report: Path) -> Path:
    """Where the rollouts of a suite are kept: beside its report. Runs of parts of a suite share them."""
    return report.parent / file_name(suite.name)


def stored_run(run: str) -> Path:
    """The folder of the rollouts of a run that is named by its suite, by that folder, or by its report.

    Raises:
        UsageError: none are kept there.
    """
    from monitorbench.rollouts.index import INDEX

    places = (Path(run), Path(os.path.splitext(run)[0]), *_beside(Path(run)), REPORTS / file_name(run))
    for folder in places:
        if os.path.isfile(folder / INDEX):  # a word may be longer than any path
            return folder
    known = sorted(index.parent.name for index in REPORTS.glob(f"*/{INDEX}"))
    none = f"no run is kept under {REPORTS} here: `monitorbench run` keeps one"
    listed = f"kept here: {', '.join(f'`{name}`' for name in known)}" if known else none
    raise UsageError("no run is kept there", where=run, fix=nearest(run, known) or listed)


def report_of_run(run: str) -> Path:
    """The report of a run that is named as for `stored_run`; a partial run's only where that is named itself.

    Raises:
        UsageError: there is none.
    """
    if os.path.isfile(run):
        return Path(run)
    folder = stored_run(run)
    path = folder.with_name(f"{folder.name}.json")
    if not path.is_file():
        raise UsageError("it is not where the report of this run belongs", where=str(path), fix="name the report")
    return path


def nearest(word: str, known: Collection[str]) -> str:
    """A question after the words that are most like one; empty where none is."""
    near = difflib.get_close_matches(word, known, n=3)
    return f"did you mean {' or '.join(f'`{name}`' for name in near)}?" if near else ""


def _beside(report: Path) -> Iterator[Path]:
    """Where the rollouts lie that a report is about, whatever the report is called."""
    if os.path.isfile(report):
        from monitorbench.report.write import read

        yield report.parent / file_name(str(read(report).suite.get("name", "")))


def refuse_unwritable(path: Path) -> None:
    """Find out before a run, not after it, that its report could not be written. Nothing is left behind.

    Raises:
        UsageError: if `path` is not a regular file or cannot be written.
    """
    target = Path(os.path.realpath(path))
    try:
        if target.exists() and not target.is_file():
            kind = "a folder, not a file" if target.is_dir() else "not a regular file"
            raise UsageError(f"is {kind}", where=str(path), fix="name another file for the report")
        # Only writing shows that a folder can be written: permissions say nothing of read-only file systems.
        with tempfile.TemporaryFile(dir=_nearest_existing(target.parent)):
            pass
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise UsageError(
            f"the report cannot be written ({why})", where=str(path), fix="name a file in a writable folder"
        ) from error


def _nearest_existing(folder: Path) -> Path:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def rerun_command(
    suite: Path,
    check: str,
    overrides: Overrides,
    *,
    inconclusive: str = "fail",
    strict: bool = False,
    baseline_file: Path | None = None,
) -> str:
    """The command line that runs one check again as it was run, and the checks that it rests on."""
    words = ["monitorbench", "run", os.fspath(suite), "--only", check, *_arguments(overrides)]
    words += ["--inconclusive", inconclusive] if inconclusive != "fail" else []
    words += ["--strict"] if strict else []
    words += ["--baseline-file", os.fspath(baseline_file)] if baseline_file is not None else []
    return shlex.join(words)


def _arguments(overrides: Overrides) -> Iterator[str]:
    """The options that stand for overrides. `only` is left out: a command chooses its own checks."""
    for option in ("model", "baseline", "device", "dtype", "seed", "limit"):
        value = getattr(overrides, option)
        if value is not None:
            yield from (f"--{option}", str(value))
    for setting in overrides.set:
        yield from ("--set", setting)
