"""YAML that explains itself: keys with a comment each, beside them where there is room, above them where not."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

_WIDTH, _COLUMN, _INDENT = 120, 38, 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A key of a mapping.

    Attributes:
        key: its name.
        value: entries for a mapping of its own, lists of entries for a list of mappings, anything else as one value.
        why: what it is for, or why it has this value; nothing where that is said elsewhere.
    """

    key: str
    value: Any
    why: str = ""

    @property
    def is_mapping(self) -> bool:
        """Whether entries follow below."""
        return _is_entries(self.value)

    @property
    def is_list(self) -> bool:
        """Whether items with entries of their own follow below."""
        return isinstance(self.value, tuple) and bool(self.value) and all(map(_is_entries, self.value))


def _is_entries(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and all(isinstance(each, Entry) for each in value)


def document(head: Iterable[str], entries: Iterable[Entry]) -> str:
    """A whole file: comment lines, then the entries, with an empty line around each that holds others."""
    lines = [f"# {line}".rstrip() for line in head]
    before = True
    for entry in entries:
        if before or entry.is_mapping or entry.is_list:
            lines.append("")
        lines += _lines(entry, 0)
        before = entry.is_mapping or entry.is_list
    return "\n".join(lines) + "\n"


def flow(value: Any) -> str:
    """A value on one line, read the same by YAML 1.1 and 1.2."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(key)}: {flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, str) and _is_plain(value):
        return value
    return json.dumps(value, ensure_ascii=False)


def _is_plain(text: str) -> bool:
    """Whether text needs no quotes: it reads as text, and nothing in it could end it."""
    from monitorbench.suite.yaml12 import FORMS

    simple = text.isascii() and all(each.isalnum() or each in "-_./:@" for each in text)
    starts = text[:1].isalpha() and not text.endswith(":")
    words = text.lower() in ("yes", "no", "on", "off", "y", "n")  # not text everywhere
    return simple and starts and not words and not any(form.match(text) for form in FORMS.values())


def _lines(entry: Entry, indent: int) -> Iterator[str]:
    margin = " " * indent
    own = entry.is_mapping or entry.is_list
    text = f"{margin}{entry.key}:" if own else f"{margin}{entry.key}: {flow(entry.value)}"
    beside = f"{text:{_COLUMN}}  # {entry.why}"
    if entry.why and len(beside) > _WIDTH:
        yield from (f"{margin}# {line}" for line in textwrap.wrap(entry.why, _WIDTH - indent - 2))
    yield beside if entry.why and len(beside) <= _WIDTH else text
    if entry.is_mapping:
        for each in entry.value:
            yield from _lines(each, indent + _INDENT)
    elif entry.is_list:
        for number, item in enumerate(entry.value):
            yield from ([""] if number else [])
            yield from _item(item, indent + _INDENT)


def _item(entries: Iterable[Entry], indent: int) -> Iterator[str]:
    """An item of a list: its first key stands behind the dash, comments above it in front of both."""
    lines = [line for entry in entries for line in _lines(entry, indent + _INDENT)]
    first = next(number for number, line in enumerate(lines) if not line.lstrip().startswith("#"))
    yield from (line[_INDENT:] for line in lines[:first])
    yield f"{' ' * indent}- {lines[first].lstrip()}"
    yield from lines[first + 1 :]
