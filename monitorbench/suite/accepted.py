"""What a check may say of values that were accepted before: `tolerance` and `max_drop_vs`."""

from __future__ import annotations

from collections.abc import Iterator

from monitorbench.errors import Mistake
from monitorbench.suite.tree import Node
from monitorbench.suite.words import quoted

TOLERANCE, VERSUS = HELD_AGAINST = ("tolerance", "max_drop_vs")


def refused_gates(root: Node) -> Iterator[Mistake]:
    """Checks that gate against the last accepted value, and do not say what would be too much worse."""
    for check in root.entries["checks"].items if "checks" in root.entries else ():
        gate = check.entries.get(VERSUS)
        if gate is None:
            continue
        name = quoted(check.text_at("id") or "")
        if TOLERANCE not in check.entries:
            what = f"check {name} has {quoted(VERSUS)} and no {quoted(TOLERANCE)}"
            yield gate.place.mistake(what, f"add `{TOLERANCE}: {{abs: 0.02}}`, the drop that is too small to matter")
        if {"min", "max"} <= check.entries.keys():
            what = f"check {name} has both `min` and `max`, so that neither side is worse for {quoted(VERSUS)}"
            yield gate.place.mistake(what, "keep one of them, or declare two checks")
