"""Untrusted text inside Markdown, as GitHub reads it: what a model wrote must show as it is, and do nothing."""

from __future__ import annotations

import re

from monitorbench.report.words import one_line

_NOTHING = "&#8203;"
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "$": "&#36;"}
_MARKS = re.compile(r"(?P<special>[\\`*_\[\]~])|(?P<entity>[&<>|$])|(?P<trap>@|#(?=\d)|://|www\.|GH-(?=\d))", re.I)
_CUT = "..."


def escaped(text: str, *, longest: int | None = None) -> str:
    """The text on one line, for the middle of a line or for the cell of a table.

    Marks of Markdown and HTML lose their meaning. What GitHub would turn into a mention, a link or a reference to an
    issue is broken by a character without width, so that no output of a model calls anyone.

    Args:
        text: any text.
        longest: most characters of the text that are kept, the rest becomes `...`; None keeps all.
    """
    line = one_line(text)
    if longest is not None and len(line) > longest:
        line = line[: longest - len(_CUT)] + _CUT
    return _MARKS.sub(_harmless, line)


def _harmless(found: re.Match[str]) -> str:
    mark = found[0]
    if found["special"]:
        return f"\\{mark}"
    if found["entity"]:
        return _ENTITIES[mark]
    return f"{mark[:1]}{_NOTHING}{mark[1:]}"


def row(*cells: str) -> str:
    """A line of a table; the cells are Markdown already."""
    return f"| {' | '.join(cells)} |"


def fitted(lines: list[str], *, most_bytes: int, unit: str) -> str:
    """As many of the lines as fit, and how many were left out; the most important lines come first.

    Args:
        lines: lines of Markdown, each of them meaningful without those after it.
        most_bytes: of the whole text in UTF-8.
        unit: what limits it, in words.
    """
    kept: list[str] = []
    left = most_bytes - 200
    for index, line in enumerate(lines):
        left -= len(line.encode()) + 1
        if left < 0:
            kept += ["", f"{len(lines) - index:,} more lines were left out: {unit} holds {most_bytes:,} bytes."]
            break
        kept.append(line)
    return "\n".join(kept) + "\n"
