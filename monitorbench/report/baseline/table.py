"""A baseline file as a table, what expires soonest first, and as JSON."""

from __future__ import annotations

import io
import json
from datetime import date
from typing import Any

from rich.console import Console
from rich.table import Table

from monitorbench.report.baseline.model import SCHEMA_VERSION, BaselineFile, Entry
from monitorbench.report.baseline.words import number
from monitorbench.report.codec import plain
from monitorbench.report.render.terminal import print_paragraph
from monitorbench.report.words import count_words, one_line

COLUMNS = ("suite", "check", "verdict", "accepted", "n", "seen", "expires")
_NEVER = "9999-12-31"

Row = tuple[str, str, Entry]


def rows(file: BaselineFile) -> tuple[Row, ...]:
    """Every entry with its suite and check: what expires soonest first, then by name."""
    found = [(suite, name, entry) for suite, entries in file.suites.items() for name, entry in entries.items()]
    return tuple(sorted(found, key=lambda row: (row[2].expires or _NEVER, row[0], row[1])))


def as_text(file: BaselineFile, *, today: date, width: int = 80) -> str:
    """The table as a terminal of this width shows it, then the reasons."""
    text = io.StringIO()
    console = Console(file=text, width=width, color_system=None, markup=False, highlight=False, emoji=False)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in COLUMNS:
        table.add_column(column, overflow="fold")
    for suite, name, entry in rows(file):
        table.add_row(*(one_line(cell) or "-" for cell in _cells(suite, name, entry, today.isoformat())))
    console.print(table if file.suites else "nothing is accepted")
    for suite, name, entry in rows(file):
        if entry.reason:
            console.print()
            print_paragraph(console, f"{suite}: {name}: {entry.reason}")
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


def as_json(file: BaselineFile, *, today: date) -> str:
    """The same as JSON text that ends in a newline: every entry whole, without what single prompts contributed."""
    listed = [_plain(suite, name, entry, today.isoformat()) for suite, name, entry in rows(file)]
    return json.dumps({"schema_version": SCHEMA_VERSION, "accepted": listed}, indent=2, allow_nan=False) + "\n"


def _cells(suite: str, name: str, entry: Entry, today: str) -> tuple[str, ...]:
    accepted = number(entry.as_check(name), entry.value, entry.interval)
    expires = f"{entry.expires} (expired)" if entry.is_expired(today) else entry.expires or ""
    return (suite, name, entry.verdict, accepted, count_words(entry.n), entry.last_seen, expires)


def _plain(suite: str, name: str, entry: Entry, today: str) -> dict[str, Any]:
    whole = {key: value for key, value in plain(entry, f"{suite}.{name}").items() if key != "prompts"}
    held = 0 if entry.prompts is None else len(entry.prompts.values)
    return {"suite": suite, "check": name, **whole, "prompts_by_name": held, "expired": entry.is_expired(today)}
