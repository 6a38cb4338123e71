"""Baseline files on disk: one entry under another in a fixed order, so that a diff shows what was accepted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

from monitorbench.errors import UsageError
from monitorbench.report.baseline.entry import SETTLED
from monitorbench.report.baseline.model import SCHEMA_VERSION, BaselineFile, Entry
from monitorbench.report.baseline.schema import problems
from monitorbench.report.codec import plain, typed
from monitorbench.report.model import Verdict
from monitorbench.report.write import read_json, write_text

_LARGEST = 1e100
"""Beyond it, differences and their squares leave the range of numbers."""
_REMEDY = "restore it from version control, or make a new one with `monitorbench baseline update`"


def read(path: Path) -> BaselineFile:
    """The baseline file at `path`.

    Raises:
        UsageError: there is none, it cannot be read, it is none, or it was written by another version.
    """
    if not path.exists():
        raise UsageError(
            "there is no such baseline file",
            where=str(path),
            fix="make one from a report with `monitorbench baseline update REPORT --baseline-file FILE`",
        )
    if not path.is_file():
        raise UsageError("is not a regular file", where=str(path), fix="name a baseline file")
    try:
        payload = read_json(path)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise UsageError(
            f"the baseline file cannot be read ({why})", where=str(path), fix="make it readable"
        ) from error
    except (ValueError, RecursionError) as error:
        _refuse(str(error), path)
    _refuse_other_version(payload, path)
    if found := problems(payload):
        _refuse(found[0], path)
    suites = payload["suites"]
    file = BaselineFile(
        suites={suite: {name: typed(Entry, each) for name, each in suites[suite].items()} for suite in suites}
    )
    if wrong := next(_contradictions(file), ""):
        _refuse(wrong, path)
    return file


def dumps(file: BaselineFile) -> str:
    """The file as JSON text; the same content gives the same bytes, whatever the order in which it came."""
    suites = {
        suite: {name: plain(file.suites[suite][name], f"{suite}.{name}") for name in sorted(file.suites[suite])}
        for suite in sorted(file.suites)
    }
    payload = {"schema_version": SCHEMA_VERSION, "suites": suites}
    return json.dumps(payload, indent=2, allow_nan=False) + "\n"


def write(file: BaselineFile, path: Path) -> None:
    """Write the file at one stroke; whatever goes wrong, one that was there before stays as it was.

    Raises:
        UsageError: `path` is a link or no regular file, or cannot be written.
    """
    # A link that somebody committed must not make an update write over another file.
    if path.is_symlink():
        raise UsageError(
            "is a link, and a baseline file is never written through one",
            where=str(path),
            fix="name the file that it points to",
        )
    write_text(dumps(file), path, what="baseline file")


def _contradictions(file: BaselineFile) -> Iterator[str]:
    """What a schema cannot say."""
    for suite, entries in file.suites.items():
        for name, entry in entries.items():
            place = f"baseline.suites.{suite}.{name}"
            for key in ("first_seen", "last_seen", "expires"):
                if (day := getattr(entry, key)) is not None and not is_day(day):
                    yield f"{place}.{key}: {day!r} is no day"
            if entry.verdict is Verdict.ERROR:
                yield f"{place}.verdict: an error cannot be accepted"
            elif entry.verdict not in SETTLED and (not entry.reason.strip() or entry.expires is None):
                yield f"{place}: a known failure needs a reason and a day on which it expires"
            if any(abs(each) > _LARGEST for each in _numbers(entry)):
                yield f"{place}: a number is larger than {_LARGEST:g}"
            if entry.interval is not None and entry.interval.low > entry.interval.high:
                yield f"{place}.interval: {entry.interval.low} is above {entry.interval.high}"


def _numbers(entry: Entry) -> Iterator[float]:
    ends = () if entry.interval is None else (entry.interval.low, entry.interval.high)
    sides = () if entry.bound is None else (entry.bound.min, entry.bound.max)
    held = () if entry.prompts is None else (entry.prompts.low, entry.prompts.high, *entry.prompts.values.values())
    return (each for each in (entry.value, *ends, *sides, *held) if each is not None)


def is_day(text: str) -> bool:
    """Whether a text is a day, as in 2027-01-31."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _refuse_other_version(payload: Any, path: Path) -> None:
    version = payload.get("schema_version") if isinstance(payload, dict) else None
    if isinstance(version, int) and version != SCHEMA_VERSION:
        raise UsageError(
            f"is a baseline file of version {version}; this monitorbench reads version {SCHEMA_VERSION}",
            where=str(path),
            fix="use the monitorbench that wrote it, or make a new one with `monitorbench baseline update`",
        )


def _refuse(why: str, path: Path) -> NoReturn:
    raise UsageError(f"is no baseline file: {why}", where=str(path), fix=_REMEDY)
