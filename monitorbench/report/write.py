"""Reports to files and back: valid or refused, whole or not at all."""

from __future__ import annotations

import json
import math
import os
import secrets
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from monitorbench.errors import UsageError
from monitorbench.report.codec import InvalidReportError, from_json, to_json
from monitorbench.report.consistency import contradictions
from monitorbench.report.model import SCHEMA_VERSION, Report
from monitorbench.report.schema import problems

MAX_BYTES = 64 * 2**20
"""Largest report that is read."""
_MAX_DEPTH = 64
_LONGEST = 40
"""Characters of a key that a message repeats."""

__all__ = ["InvalidReportError", "dumps", "from_json", "read", "to_json", "write"]


def dumps(report: Report) -> str:
    """The report as JSON text: indented, in a fixed key order, ending in a newline. Equal reports give equal bytes.

    Raises:
        InvalidReportError: if the report is not strict JSON, does not fit its schema or contradicts itself.
    """
    payload = to_json(report)
    if found := problems(payload) or contradictions(report):
        raise InvalidReportError("internal error: " + "\n".join(found))
    return json.dumps(payload, indent=2, allow_nan=False) + "\n"


def write(report: Report, path: Path) -> None:
    """Write the report to `path` at one stroke; folders that are missing are created.

    Whatever goes wrong, a file that was there before stays as it was and nothing else is left behind.

    Raises:
        InvalidReportError: as `dumps`.
        UsageError: if `path` is not a regular file or cannot be written.
    """
    write_text(dumps(report), path)


def write_text(text: str, path: Path, *, what: str = "report") -> None:
    """Write a text to `path` as `write` writes a report; `what` is what errors call it.

    Raises:
        UsageError: if `path` is not a regular file or cannot be written.
    """
    # A link keeps pointing at the file it names; only that file is replaced.
    target = Path(os.path.realpath(path))
    try:
        if target.is_dir():
            raise UsageError("is a folder, not a file", where=str(path), fix=f"name a file for the {what}")
        if target.exists() and not target.is_file():
            raise UsageError("is not a regular file", where=str(path), fix=f"name another file for the {what}")
        target.parent.mkdir(parents=True, exist_ok=True)
        _replace(target, text)
    except OSError as error:
        raise UsageError(
            f"the {what} cannot be written ({_why(error)})", where=str(path), fix="name a file in a writable folder"
        ) from error


def read(path: Path) -> Report:
    """The report stored at `path`, validated as strictly as when it was written.

    Raises:
        UsageError: if the file cannot be read, is not strict JSON, is no report, or is of another version.
    """
    report = read_as_it_is(path)
    if found := contradictions(report):
        raise _not_a_report(found, path)
    return report


def read_as_it_is(path: Path) -> Report:
    """The report stored at `path`, which may contradict itself.

    Raises:
        UsageError: as `read`.
    """
    try:
        payload = read_json(path)
    except OSError as error:
        raise UsageError(
            f"the report cannot be read ({_why(error)})", where=str(path), fix="name a report that `run` wrote"
        ) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"is not a report: {error}", where=str(path), fix="name a report that `run` wrote") from error
    _refuse_other_version(payload, path)
    if found := problems(payload):
        raise _not_a_report(found, path)
    return from_json(payload)


def read_json(path: Path) -> Any:
    """The JSON value in a file, without what JSON lacks or leaves open: no NaN, no huge number, no key given twice.

    Raises:
        OSError: the file cannot be read.
        ValueError: it holds no such value, or is larger or nested deeper than a report is.
        RecursionError: it is nested too deeply to be read.
    """
    return _parsed(_content(path))


def _content(path: Path) -> bytes:
    """The bytes of a file, or of a pipe that something writes to."""
    # Opened the usual way, a pipe without a writer would keep the process waiting for ever.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with open(handle, "rb") as file:
        os.set_blocking(handle, True)
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"it is larger than {MAX_BYTES // 2**20} MiB")
    return content


def _parsed(content: bytes) -> Any:
    payload = json.loads(
        content,
        parse_constant=_refuse_constant,
        parse_float=_finite,
        parse_int=_whole,
        object_pairs_hook=_unique,
    )
    level, depth = [payload], 0
    while level := [inner for value in level for inner in _inside(value)]:
        depth += 1
        if depth > _MAX_DEPTH:
            raise ValueError(f"it is nested more than {_MAX_DEPTH} deep")
    return payload


def _inside(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _replace(target: Path, text: str) -> None:
    draft = target.with_name(f".monitorbench-{secrets.token_hex(8)}.tmp")
    try:
        with draft.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _refuse_other_version(payload: Any, path: Path) -> None:
    version = payload.get("schema_version") if isinstance(payload, dict) else None
    if isinstance(version, int) and version != SCHEMA_VERSION:
        raise UsageError(
            f"is a report of version {version}; this monitorbench reads version {SCHEMA_VERSION}",
            where=str(path),
            fix="read it with the monitorbench that wrote it, or run the suite again",
        )


def _not_a_report(found: tuple[str, ...], path: Path) -> UsageError:
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return UsageError(
        f"is not a report: {found[0]}{more}", where=str(path), fix="name a report that `run` wrote and nobody edited"
    )


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:20]}{'...' * (len(text) > 20)} is too large")
    return number


def _whole(text: str) -> int:
    _finite(text)
    return int(text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        ((name, _),) = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"the key {name[:_LONGEST]!r} is given twice")
    return found


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
