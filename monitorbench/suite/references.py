"""Names in a suite that have to exist somewhere else: task names, channels, ids of other checks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from monitorbench.errors import Mistake
from monitorbench.suite.model import Vocabulary
from monitorbench.suite.tree import Node, Place
from monitorbench.suite.words import nearest, quoted

RESTS_ON = "interpretable_if"
"""The parameter that names, by channel, the check that has to pass."""


def dangling(root: Node, vocabulary: Vocabulary) -> list[Mistake]:
    """Names that a merged suite uses and nothing declares, ids used twice, and checks that rest on each other."""
    sections = root.entries
    checks = sections["checks"].items if "checks" in sections else ()
    tasks = sections["tasks"].entries if "tasks" in sections else {}
    channels = _channels(sections, vocabulary)
    ids = {name for check in checks if (name := check.text_at("id"))}
    repeated = list(_repeated_ids(checks))
    found = repeated or list(_circles(checks))
    found += _unknown_channels(sections["channels"], channels) if "channels" in sections else ()
    for check in checks:
        parameters = _known_parameters(check, vocabulary)
        found += _unknown_task(parameters, tasks)
        found += _unknown_channel(parameters, channels)
        found += _unknown_checks(parameters, channels, ids)
    return found


def _channels(sections: Mapping[str, Node], vocabulary: Vocabulary) -> set[str] | None:
    """Every channel that a model may have; None where a model is run by a class whose channels are not known yet."""
    models = (sections[role] for role in ("model", "baseline") if role in sections)
    if any(":" in (model.text_at("adapter") or "") for model in models):
        return None
    return {channel for family in vocabulary.adapters.values() for channel in family}


def unknown_ids(wanted: Iterable[str], ids: Iterable[str]) -> list[Mistake]:
    """The ids of `--only` that no check has."""
    known, place = set(ids), Place(file="--only")
    return [place.mistake(f"no check {quoted(name)}", nearest(name, known)) for name in wanted if name not in known]


def _known_parameters(check: Node, vocabulary: Vocabulary) -> Mapping[str, Node]:
    """The parameters that the check's type has; all of them where the type is unknown."""
    schema = vocabulary.checks.get(check.text_at("check") or "")
    return {key: node for key, node in check.entries.items() if schema is None or key in schema.properties}


def _unknown_task(parameters: Mapping[str, Node], tasks: Mapping[str, Node]) -> Iterator[Mistake]:
    further = parameters["also"].items if "also" in parameters else ()
    for node in (parameters.get("task"), *further):
        if node is not None and node.text is not None and node.text not in tasks:
            yield node.place.mistake(f"no task {quoted(node.text)} in this suite", nearest(node.text, tasks))


def _unknown_channel(parameters: Mapping[str, Node], channels: set[str] | None) -> Iterator[Mistake]:
    node = parameters.get("channel")
    if channels is not None and node is not None and node.text is not None and node.text not in channels:
        yield node.place.mistake(f"no adapter has a channel {quoted(node.text)}", nearest(node.text, channels))


def _unknown_channels(declared: Node, channels: set[str] | None) -> Iterator[Mistake]:
    """Keys of a mapping that no adapter has a channel for."""
    for channel, node in declared.entries.items():
        if channels is not None and channel not in channels:
            place = node.key_place or node.place
            yield place.mistake(f"no adapter has a channel {quoted(channel)}", nearest(channel, channels))


def _unknown_checks(parameters: Mapping[str, Node], channels: set[str] | None, ids: set[str]) -> Iterator[Mistake]:
    if RESTS_ON not in parameters:
        return
    yield from _unknown_channels(parameters[RESTS_ON], channels)
    for node in parameters[RESTS_ON].entries.values():
        if node.text is not None and node.text not in ids:
            yield node.place.mistake(f"no check {quoted(node.text)} in this suite", nearest(node.text, ids))


def _repeated_ids(checks: Iterable[Node]) -> Iterator[Mistake]:
    first: dict[str, Place] = {}
    for check in checks:
        node = check.entries.get("id")
        if node is None or node.text is None:
            continue
        place = first.setdefault(node.text, node.place)
        if place is not node.place:
            what = f"duplicate check id {quoted(node.text)}, first given at {place.file}:{place.line}"
            yield node.place.mistake(what, "give each check its own id")


def _circles(checks: Iterable[Node]) -> Iterator[Mistake]:
    """Every circle of checks that rest on each other, once, at the reference that closes it."""
    edges = {check.text_at("id"): list(_rests_on(check)) for check in checks}
    done: set[str | None] = set()
    for start, references in edges.items():
        trail = {start: iter(references)} if start not in done else {}
        while trail:
            name = next(reversed(trail))
            node = next(trail[name], None)
            if node is None:
                del trail[name]
                done.add(name)
            elif node.text in trail:
                yield _circle(list(trail), node)
            elif node.text not in done:
                trail[node.text] = iter(edges.get(node.text, ()))


def _circle(trail: list[str | None], closing: Node) -> Mistake:
    steps = (*trail[trail.index(closing.text) :], closing.text)
    what = f"checks rest on each other in a circle: {' -> '.join(quoted(str(step)) for step in steps)}"
    return closing.place.mistake(what, f"remove one `{RESTS_ON}`")


def _rests_on(check: Node) -> Iterator[Node]:
    if RESTS_ON in check.entries:
        yield from (node for node in check.entries[RESTS_ON].entries.values() if node.text is not None)
