"""What a baseline file no longer needs: entries of checks that are gone, and failures whose time ran out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from monitorbench.report.baseline.model import BaselineFile, Entry


@dataclass(frozen=True, kw_only=True, slots=True)
class Dropped:
    """An entry that is dropped, and why."""

    suite: str
    check: str
    why: str


def pruned(
    file: BaselineFile, *, checks: Mapping[str, Mapping[str, str]], today: date
) -> tuple[BaselineFile, tuple[Dropped, ...]]:
    """The file without what is no longer needed, and what that was. Suites that are not named stay as they are.

    Args:
        file: a baseline file.
        checks: of every suite that is looked at, by its name, the type of each check by id. Where no suite is named,
            only failures whose time ran out are dropped, of all suites.
        today: entries that expired before this day are dropped.
    """
    dropped = tuple(_dropped(file, checks, today.isoformat()))
    gone = {(each.suite, each.check) for each in dropped}
    for suite, entries in file.suites.items():
        file = file.with_suite(suite, {name: each for name, each in entries.items() if (suite, name) not in gone})
    return file, dropped


def _dropped(file: BaselineFile, checks: Mapping[str, Mapping[str, str]], today: str) -> Iterator[Dropped]:
    for suite, entries in sorted(file.suites.items()):
        if checks and suite not in checks:
            continue
        for name, entry in sorted(entries.items()):
            if why := _why(name, entry, checks.get(suite), today):
                yield Dropped(suite=suite, check=name, why=why)


def _why(name: str, entry: Entry, kept: Mapping[str, str] | None, today: str) -> str:
    """Why an entry is dropped; empty where it stays."""
    if kept is not None and name not in kept:
        return "the suite has no such check"
    if kept is not None and kept[name] != entry.type:
        return f"its type is {kept[name]} now"
    return f"expired after {entry.expires}" if entry.is_expired(today) else ""
