"""What the index holds of a rollout beside its trace: read back as a run wrote it, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

STRANGE = "its entry in the index is not what a run writes"
MOST_BLOCKS = 1_000_000


def entry(found: object, repeat: object, row: object, blocks: object) -> Mapping[str, Any] | None:
    """The facts of one rollout; None where they are none that a run wrote. SQLite keeps any value in any column.

    Args:
        found: the facts, as JSON.
        repeat: which of the prompt's rollouts it is.
        row: its row in its shard.
        blocks: how many blocks its trace has.
    """
    if not (isinstance(found, str) and _whole(repeat) and _whole(row) and _whole(blocks)):
        return None
    try:
        facts = json.loads(found)
    except (ValueError, RecursionError):
        return None
    fits = isinstance(facts, dict) and all(_fits(facts, name, form) for name, form in _FORMS.items())
    return facts if fits else None


def _fits(facts: Mapping[str, Any], name: str, form: Callable[[object], bool]) -> bool:
    return form(facts[name]) if name in facts else name in _LATER


def _whole(value: object) -> bool:
    return type(value) is int and 0 <= value <= MOST_BLOCKS


def _text(value: object) -> bool:
    return isinstance(value, str)


def _wholes(value: object) -> bool:
    return isinstance(value, list) and all(type(each) is int for each in value)


def _places(value: object) -> bool:
    return isinstance(value, dict) and all(map(_wholes, value.values()))


def _counts(value: object) -> bool:
    return isinstance(value, dict) and all(type(each) in (int, float) for each in value.values())


_FORMS: Mapping[str, Callable[[object], bool]] = {
    "text": _text,
    "tokens": _wholes,
    "finished": lambda value: isinstance(value, bool),
    "status": _text,
    "value_positions": _places,
    "answer_positions": _wholes,
    "counts": _counts,
    "rows": _whole,
    "error": _text,
}
_LATER = ("rows", "error")
"""What stores of this version did not hold at first."""
