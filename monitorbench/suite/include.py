"""A suite file with everything it includes, merged into one tree."""

from __future__ import annotations

import codecs
import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from monitorbench.errors import Mistake
from monitorbench.suite.mistakes import mistakes_in
from monitorbench.suite.schema import SECTIONS, partial
from monitorbench.suite.tree import Node, Place
from monitorbench.suite.words import found, quoted
from monitorbench.suite.yaml12 import MAX_NODES, parse, place_of

SUITE_ONLY = ("name", "model", "baseline", "device", "dtype")
MAX_TRAIL = 32
"""Files that include each other in a row."""
MAX_BYTES = 2**20
"""Size of a suite together with everything that it includes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Gathered:
    """What the files of a suite hold.

    Attributes:
        root: the merged tree; None where a file could not be read, so that nothing further can be said.
        mistakes: found while reading and merging.
        source_hash: SHA-256 over the bytes of every file in the order of inclusion, each after its length
            (8 bytes, big endian).
    """

    root: Node | None
    mistakes: tuple[Mistake, ...]
    source_hash: str


def gather(path: str) -> Gathered:
    """Read a suite file and what it includes.

    An including file goes before what it includes, a later included file before an earlier one: tasks by name,
    sampling and defaults by key. Checks are joined, included ones first. A file that is included twice counts once.
    """
    reader = _Reader()
    root = reader.read(path, Place(file=path), ())
    return Gathered(
        root=None if reader.unreadable else root, mistakes=tuple(reader.mistakes), source_hash=reader.digest.hexdigest()
    )


@dataclass(kw_only=True, slots=True)
class _Reader:
    mistakes: list[Mistake] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    unreadable: bool = False
    bytes_left: int = MAX_BYTES
    values_left: int = MAX_NODES

    def read(self, path: str, asked_at: Place, trail: tuple[str, ...]) -> Node | None:
        """The merged tree of one file, or None where there is none."""
        real = _identity(path)
        self.seen.add(real)
        text = self.text(path, asked_at)
        if text is None:
            return None
        root, mistakes = parse(text, path)
        self.mistakes += mistakes
        if root is not None and not isinstance(root.value, Mapping):
            what = f"a suite is a mapping from keys to values, got {found(root.plain())}"
            self.mistakes.append(root.place.mistake(what, "write `key: value` lines"))
            root = None
        if root is None:
            self.unreadable = True
            return None
        self.values_left -= root.size()
        if self.values_left < 0:
            self.fail(asked_at, f"more than {MAX_NODES:,} values in this file and those before it", "write less")
            return None
        return self.merged(root, path, (*trail, real))

    def text(self, path: str, asked_at: Place) -> str | None:
        """The text of a file, counted into the hash."""
        problem = _unfit(path)
        if problem is None:
            try:
                with open(path, "rb") as file:
                    content = file.read(self.bytes_left + 1)
            except OSError as error:
                problem = error.strerror or "cannot be read"
        if problem is not None:
            named = "" if asked_at.file == path else f": {quoted(path)}"
            self.fail(asked_at, problem + named, "check the path")
            return None
        self.bytes_left -= len(content)
        if self.bytes_left < 0:
            what = f"a suite holds at most {MAX_BYTES:,} bytes, together with all that it includes"
            self.fail(asked_at, what, "write less, or put problems into a file of family jsonl")
            return None
        self.digest.update(len(content).to_bytes(8, "big") + content)
        content = content.removeprefix(codecs.BOM_UTF8)  # first, since errors count from behind it
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            valid = content[: error.start].decode()
            self.fail(place_of(valid, len(valid), path), "not UTF-8", "save the file in UTF-8")
            return None

    def fail(self, place: Place, what: str, fix: str) -> None:
        self.unreadable = True
        self.mistakes.append(place.mistake(what, fix))

    def merged(self, root: Node, path: str, trail: tuple[str, ...]) -> Node:
        """A tree over everything that it includes."""
        own = {key: node for key, node in root.entries.items() if key != "include"}
        if len(trail) > 1:
            self.mistakes += _unfit_to_include(root)
            own = {key: node for key, node in own.items() if key in SECTIONS}
        elif "include" in root.entries:
            self.mistakes += mistakes_in(root, {"properties": {"include": partial()["properties"]["include"]}})
        below = Node(value={}, place=root.place)
        for item in root.entries["include"].items if "include" in root.entries else ():
            found = self.included(item, path, trail)
            below = below if found is None else _joined(below, found)
        return _joined(below, Node(value=own, place=root.place))

    def included(self, item: Node, path: str, trail: tuple[str, ...]) -> Node | None:
        if not item.text:
            return None
        target = os.path.normpath(os.path.join(os.path.dirname(path), item.text))
        real = _identity(target)
        if os.path.isabs(item.text):
            self.mistakes.append(item.place.mistake("an included path is absolute", "write it relative to this file"))
        elif real in trail or len(trail) == MAX_TRAIL:
            circle = (
                "files include each other in a circle" if real in trail else f"more than {MAX_TRAIL} files in a row"
            )
            self.mistakes.append(item.place.mistake(f"{circle}: {quoted(item.text)}", "remove this include"))
        elif real not in self.seen:
            return self.read(target, item.place, trail)
        return None


def _identity(path: str) -> str:
    """One name for a file, however it is reached."""
    return path if "\0" in path else os.path.realpath(path)


def _unfit(path: str) -> str | None:
    """Why a path cannot be read as a suite file."""
    if "\0" in path or not os.path.exists(path):
        return "no such file"
    return None if os.path.isfile(path) else "not a file"


def _unfit_to_include(root: Node) -> Iterator[Mistake]:
    for key, node in root.entries.items():
        if key in SUITE_ONLY:
            place = node.key_place or node.place
            yield place.mistake(f"`{key}` in an included file", "move it to the suite that includes this file")
    content = {key: node for key, node in root.entries.items() if key not in SUITE_ONLY}
    yield from mistakes_in(replace(root, value=content), partial())


def _joined(below: Node, above: Node) -> Node:
    """`above` merged over `below`."""
    joined = Node(value=below.value, place=above.place)
    for key, node in above.entries.items():
        under = below.entries.get(key)
        joined = joined.with_entry(key, node if under is None else _section(key, under, node))
    return joined


def _section(key: str, under: Node, over: Node) -> Node:
    if key == "checks" and isinstance(under.value, tuple) and isinstance(over.value, tuple):
        return Node(value=under.items + over.items, place=over.place, key_place=over.key_place)
    if isinstance(under.value, Mapping) and isinstance(over.value, Mapping):
        return Node(value={**under.entries, **over.entries}, place=over.place, key_place=over.key_place)
    return over
