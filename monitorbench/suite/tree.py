"""A parsed suite as a tree whose every value knows where it was written, so that merged files keep their positions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

from monitorbench.errors import Mistake, SuiteError

Scalar = str | int | float | bool | None
Path = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A position in a file, or `--option`, line 1, column 1. Lines and columns count from 1."""

    file: str
    line: int = 1
    column: int = 1

    def mistake(self, what: str, fix: str = "") -> Mistake:
        """A mistake found here."""
        return Mistake(file=self.file, line=self.line, column=self.column, what=what, fix=fix)


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """One value of a suite.

    Attributes:
        value: a scalar, a tuple of nodes, or a mapping from text to nodes.
        place: where the value starts.
        key_place: where its key starts, for a value in a mapping.
    """

    value: Scalar | tuple[Node, ...] | Mapping[str, Node]
    place: Place
    key_place: Place | None = None

    @property
    def entries(self) -> Mapping[str, Node]:
        """The entries of a mapping; empty for anything else."""
        return self.value if isinstance(self.value, Mapping) else {}

    @property
    def items(self) -> tuple[Node, ...]:
        """The items of a list; empty for anything else."""
        return self.value if isinstance(self.value, tuple) else ()

    @property
    def text(self) -> str | None:
        """The value if it is text."""
        return self.value if isinstance(self.value, str) else None

    def text_at(self, key: str) -> str | None:
        """The value of an entry if it is there and text."""
        return self.entries[key].text if key in self.entries else None

    def plain(self) -> Any:
        """The value as dicts, lists and scalars."""
        if isinstance(self.value, Mapping):
            return {key: node.plain() for key, node in self.value.items()}
        return [node.plain() for node in self.value] if isinstance(self.value, tuple) else self.value

    def size(self) -> int:
        """How many values this is, itself included."""
        inner = self.value.values() if isinstance(self.value, Mapping) else self.items
        return 1 + sum(node.size() for node in inner)

    def at(self, path: Iterable[str | int]) -> Node:
        """The node under a path that exists in the tree."""
        node = self
        for step in path:
            node = node.items[step] if isinstance(step, int) else node.entries[step]
        return node

    def with_entry(self, key: str, node: Node) -> Node:
        """This mapping with one entry replaced or added at its end."""
        return replace(self, value={**self.entries, key: node})


def of_plain(value: Any, place: Place) -> Node:
    """Dicts, lists, paths and scalars as a tree that stands at one place.

    Raises:
        SuiteError: a value, or the key of a mapping, that a suite cannot hold.
    """
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        entries = {key: replace(of_plain(entry, place), key_place=place) for key, entry in value.items()}
        return Node(value=entries, place=place)
    if isinstance(value, list | tuple):
        return Node(value=tuple(of_plain(item, place) for item in value), place=place)
    if value is None or isinstance(value, str | bool | int | float):
        return Node(value=value, place=place)
    if isinstance(value, PurePath):
        return Node(value=str(value), place=place)
    what = f"{value!r:.80} is no value of a suite"
    raise SuiteError((place.mistake(what, "give text, numbers, lists, and mappings whose keys are text"),))
