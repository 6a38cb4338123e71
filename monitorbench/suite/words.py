"""How the mistakes of a suite speak: values on one line, kinds of values in user words, the nearest valid name."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from typing import Any

from monitorbench.errors import printable

MAX_SHOWN = 40
"""Characters of a value that a message repeats."""
MAX_NAMES = 20
"""Valid names that a message lists."""

KINDS = {
    "number": "a number",
    "integer": "a whole number",
    "string": "text",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "null",
}
"""JSON Schema types in user words."""


def shortened(text: str) -> str:
    """Text on one line, cut to `MAX_SHOWN` characters, with unprintable characters escaped."""
    line = printable(text[: MAX_SHOWN + 1])
    return line if len(line) <= MAX_SHOWN else line[: MAX_SHOWN - 3] + "..."


def quoted(name: str) -> str:
    """A name as messages show it."""
    return f"`{shortened(name)}`"


def scalar(value: Any) -> str:
    """A value as a suite writes it; lists and mappings by their kind."""
    if isinstance(value, bool | None):
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    if isinstance(value, str):
        return f"'{shortened(value)}'"
    return "a list" if isinstance(value, list) else "a mapping" if isinstance(value, dict) else str(value)


def found(value: Any) -> str:
    """What was found, with its kind: `the text 'on'`, `the number 3`, `true`, `a list`."""
    if isinstance(value, str):
        return f"the text {scalar(value)}"
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"the number {scalar(value)}" if is_number else scalar(value)


def either(words: Iterable[str]) -> str:
    """`a`, `a or b`, `a, b or c`; each word once."""
    *rest, last = dict.fromkeys(words)
    return f"{', '.join(rest)} or {last}" if rest else last


def nearest(name: str, names: Iterable[str]) -> str:
    """What to do about an unknown name: the nearest valid one, or all of them (the first `MAX_NAMES`)
    when none is near."""
    known = sorted(names)
    if not known:
        return "there are none"
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"did you mean {quoted(close[0])}?"
    more = [f"{len(known) - MAX_NAMES} more"] if len(known) > MAX_NAMES else []
    return f"known: {', '.join([*map(quoted, known[:MAX_NAMES]), *more])}"
