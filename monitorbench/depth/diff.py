"""Where two critical paths differ: gates by the role of a module, largest differences first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import dropwhile
from typing import Any

from monitorbench.depth.explain import gates_by_place
from monitorbench.depth.result import DepthResult
from monitorbench.errors import UsageError

_WRAPPERS = frozenset({"backbone", "decoder", "encoder", "language_model", "model", "text_model", "transformer"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """Gates of one kind of operation in modules of one role.

    Attributes:
        role: path of the modules without what wraps the whole model, and with `*` for every number, so that all layers
            have one role, in other models too; empty outside of any.
        operation: kind of operation.
        gates: on the critical path of the model.
        against: on that of the other.
    """

    role: str
    operation: str
    gates: int
    against: int

    @property
    def more(self) -> int:
        """How many gates more the model has here; negative where it has fewer."""
        return self.gates - self.against


def differences(result: DepthResult, against: DepthResult) -> tuple[Difference, ...]:
    """Roles and operations in which two paths differ, largest differences first; they add up to that of the depths.

    Raises:
        UsageError: the two were counted in different conventions.
    """
    if result.convention != against.convention:
        raise UsageError("paths of different conventions cannot be compared", fix="count both in one convention")
    here, there = _by_role(result), _by_role(against)
    found = [
        Difference(role=role, operation=operation, gates=here[role, operation], against=there[role, operation])
        for role, operation in dict.fromkeys([*here, *there])
    ]
    return tuple(sorted((row for row in found if row.more), key=lambda row: -abs(row.more)))


def difference_lines(rows: Sequence[Difference]) -> Iterator[str]:
    """The differences as a table: how many gates more, gates here and there, role, operation."""
    for row in rows:
        yield f"{row.more:>+9,}  {row.gates:>9,}  {row.against:>9,}  {row.role or '-'}  {row.operation}"


def differences_as_json(rows: Sequence[Difference]) -> list[dict[str, Any]]:
    """The differences as what JSON can hold."""
    return [{**asdict(row), "more": row.more} for row in rows]


def _by_role(result: DepthResult) -> Counter[tuple[str, str]]:
    roles: Counter[tuple[str, str]] = Counter()
    for ((_, *parts), operation), gates in gates_by_place(result).items():
        roles[_role(parts), operation] += gates
    return roles


def _role(parts: Sequence[str]) -> str:
    inner = dropwhile(_WRAPPERS.__contains__, parts)
    return ".".join("*" if part.isdecimal() else part for part in inner)
