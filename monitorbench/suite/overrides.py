"""Changes from the command line, made in the tree of a suite before it is validated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import NoReturn

from monitorbench.errors import Mistake, SuiteError
from monitorbench.suite.model import Overrides
from monitorbench.suite.tree import Node, Place
from monitorbench.suite.words import nearest, quoted
from monitorbench.suite.yaml12 import MAX_DEPTH, parse

Edit = Callable[[Node], Node]
SET = "--set"
"""The file of every value that `set` brings in."""


def overridden(root: Node, overrides: Overrides) -> tuple[Node, list[Mistake]]:
    """Apply every override but `only`; an option of its own wins over `set`.

    Returns:
        The changed tree, and the mistakes of overrides that could not be applied; their file is the option's name.
    """
    mistakes: list[Mistake] = []
    for edit in (*map(_setting, overrides.set), *_options(overrides)):
        try:
            root = edit(root)
        except SuiteError as error:
            mistakes += error.mistakes
    return root, mistakes


def _options(overrides: Overrides) -> Iterator[Edit]:
    for option in ("model", "baseline", "device", "dtype"):
        value = getattr(overrides, option)
        if value is not None:
            yield partial(_changed, path=(option,), value=Node(value=value, place=Place(file=f"--{option}")))
    if overrides.seed is not None:
        seed = Node(value=overrides.seed, place=Place(file="--seed"))
        yield partial(_changed, path=("sampling", "seed"), value=seed)
    if overrides.limit is not None:
        yield partial(_capped, limit=overrides.limit)


def _setting(item: str) -> Edit:
    """The change that a `path=value` pair asks for."""

    def edit(root: Node) -> Node:
        place = Place(file=SET)
        dotted, equals, text = item.partition("=")
        path = tuple(dotted.split("."))
        if not equals or not all(path):
            _refuse(place, f"{quoted(item)} is not a setting", "write path=value, such as sampling.seed=3")
        if len(path) > MAX_DEPTH:
            _refuse(place, f"{quoted(item)} leads more than {MAX_DEPTH} deep", "shorten the path")
        if path[0] == "include":
            _refuse(place, "`include` cannot be set", "change it in the suite")
        return _changed(root, path, _value(item, text, place))

    return edit


def _value(item: str, text: str, place: Place) -> Node:
    if not text.strip():
        return Node(value=None, place=place)
    node, mistakes = parse(text, place.file)
    if node is None or mistakes:
        raise SuiteError(tuple(place.mistake(f"{quoted(item)}: {m.what}", m.fix) for m in mistakes))
    return _moved(node, place)


def _moved(node: Node, place: Place) -> Node:
    """The same values, all at one place: positions inside an option's value help nobody."""
    value = node.value
    if isinstance(value, Mapping):
        return Node(
            value={key: replace(_moved(entry, place), key_place=place) for key, entry in value.items()}, place=place
        )
    return Node(value=tuple(_moved(item, place) for item in value) if isinstance(value, tuple) else value, place=place)


def _changed(root: Node, path: tuple[str, ...], value: Node) -> Node:
    """The tree with one value replaced. Unknown keys are left to validation; tasks and checks have to exist already."""
    if path[0] in ("tasks", "checks") and len(path) > 1:
        kind, names = path[0].removesuffix("s"), _names(root, path[0])
        if path[1] not in names:
            _refuse(
                value.place, f"no {kind} {quoted(path[1])} to set {quoted('.'.join(path))} in", nearest(path[1], names)
            )
    if path[0] == "checks" and len(path) > 1:
        checks = root.entries["checks"]
        items = tuple(
            _put(item, path[2:], value, ".".join(path[:2])) if item.text_at("id") == path[1] else item
            for item in checks.items
        )
        return root.with_entry("checks", replace(checks, value=items))
    return _put(root, path, value, "")


def _names(root: Node, section: str) -> list[str]:
    node = root.entries.get(section)
    if node is None:
        return []
    return [name for item in node.items if (name := item.text_at("id"))] or list(node.entries)


def _put(node: Node, path: tuple[str, ...], value: Node, above: str) -> Node:
    if not path:
        return replace(value, key_place=node.key_place)
    if not isinstance(node.value, Mapping):
        _refuse(
            value.place,
            f"{quoted(above)} is not a mapping, so it has no {quoted(path[0])}",
            f"set `{above}` as a whole",
        )
    key, rest = path[0], path[1:]
    missing = Node(value={} if rest else None, place=value.place, key_place=value.place)
    return node.with_entry(key, _put(node.entries.get(key, missing), rest, value, f"{above}.{key}".lstrip(".")))


def _capped(root: Node, limit: int) -> Node:
    if limit < 1:
        _refuse(Place(file="--limit"), f"the limit must be at least 1, got {limit}", "write a larger number")

    def capped(task: Node) -> Node:
        n = task.entries.get("n")
        too_many = n is not None and isinstance(n.value, int) and n.value > limit
        return task.with_entry("n", replace(n, value=limit)) if n is not None and too_many else task

    tasks = root.entries.get("tasks")
    if tasks is None or not tasks.entries:
        return root
    return root.with_entry("tasks", replace(tasks, value={name: capped(task) for name, task in tasks.entries.items()}))


def _refuse(place: Place, what: str, fix: str) -> NoReturn:
    raise SuiteError((place.mistake(what, fix),))
