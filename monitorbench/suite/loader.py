"""From a suite file to a `Suite`, and back to plain data."""

from __future__ import annotations

import copy
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from monitorbench.errors import Mistake, SuiteError
from monitorbench.suite.accepted import HELD_AGAINST, refused_gates
from monitorbench.suite.bounds import WARN_IF, useless_warnings, with_bounds
from monitorbench.suite.files import with_files
from monitorbench.suite.include import Gathered, gather
from monitorbench.suite.mistakes import mistakes_in, refused_checks
from monitorbench.suite.model import ChannelSpec, CheckSpec, ModelSpec, Overrides, Sampling, Suite, TaskSpec, Vocabulary
from monitorbench.suite.overrides import overridden
from monitorbench.suite.references import dangling, unknown_ids
from monitorbench.suite.schema import SCHEMA_VERSION, complete
from monitorbench.suite.selection import select
from monitorbench.suite.source import model_spec
from monitorbench.suite.tree import Node, Place, of_plain
from monitorbench.suite.violations import is_valid
from monitorbench.suite.words import scalar

NO_OVERRIDES = Overrides()
MODELS = ("model", "baseline")


def load(path: Path | str, vocabulary: Vocabulary, overrides: Overrides = NO_OVERRIDES) -> Suite:
    """Read, merge, override and validate a suite.

    Args:
        path: the suite file, in UTF-8 and YAML 1.2.
        vocabulary: every name that the suite may use. The `default` of a parameter has to satisfy its own schema.
        overrides: what the command line changes.

    Raises:
        SuiteError: every mistake found, each with its position; the file of a mistake in an override is its option.
    """
    gathered = gather(os.fspath(path))
    return _loaded(Path(path), gathered, vocabulary, overrides)


def of_data(
    data: Mapping[str, Any], place: Place, vocabulary: Vocabulary, overrides: Overrides = NO_OVERRIDES
) -> Suite:
    """The suite that plain data stand for, such as those that a test holds.

    Args:
        data: what a suite file would say, without `include`.
        place: where all of it is said to stand; relative paths are looked for beside that file.
        vocabulary: every name that the suite may use.
        overrides: what to change.

    Raises:
        SuiteError: every mistake found.
    """
    text = json.dumps(data, sort_keys=True, default=repr)
    digest = hashlib.sha256(text.encode()).hexdigest()
    gathered = Gathered(root=of_plain(data, place), mistakes=(), source_hash=digest)
    return _loaded(Path(place.file), gathered, vocabulary, overrides)


def _loaded(path: Path, gathered: Gathered, vocabulary: Vocabulary, overrides: Overrides) -> Suite:
    if gathered.root is None:
        raise SuiteError(gathered.mistakes)
    _refuse_other_versions(gathered.root)
    root, refused = overridden(gathered.root, overrides)
    root, twice = with_bounds(root, vocabulary)
    root = _with_defaults(root, vocabulary)
    mistakes = [*refused, *twice, *mistakes_in(root, complete(vocabulary)), *dangling(root, vocabulary)]
    mistakes += [*refused_checks(root, vocabulary), *useless_warnings(root, vocabulary)]
    mistakes += refused_gates(root)
    mistakes += unknown_ids(overrides.only, _ids(root))
    mistakes = [*gathered.mistakes, *_elsewhere(mistakes, gathered.mistakes)]
    models = _models(root, os.fspath(path), vocabulary, mistakes)
    root = _with_task_files(root, vocabulary, mistakes)
    if mistakes:
        raise SuiteError(tuple(dict.fromkeys(mistakes)))
    return select(_suite(path, root, models, vocabulary, gathered.source_hash), overrides.only)


def resolved(suite: Suite) -> dict[str, Any]:
    """A suite as strict JSON in the suite language, everything filled in: it loads to the same suite again.

    `gated` is no word of the language and is left out: of a suite that was cut down (`--only`), every check is gated
    when it is loaded again.
    """
    models = {name: getattr(suite, name) for name in MODELS}
    return {
        "schema_version": suite.schema_version,
        "name": suite.name,
        **{name: _given(asdict(spec)) for name, spec in models.items() if spec is not None},
        "device": suite.device,
        "dtype": suite.dtype,
        **({"alert": "any"} if suite.family == "alert: any" else {"gate": "all"}),
        **({"channels": {name: asdict(c) for name, c in suite.channels.items()}} if suite.channels else {}),
        "tasks": {
            name: {"family": t.family, "n": t.n, **copy.deepcopy(t.parameters)} for name, t in suite.tasks.items()
        },
        "sampling": {**asdict(suite.sampling), "stop": list(suite.sampling.stop)},
        "checks": [_resolved_check(check) for check in suite.checks],
    }


def _resolved_check(check: CheckSpec) -> dict[str, Any]:
    severity = {} if check.severity == "fail" else {"severity": check.severity}
    warn_if = {WARN_IF: dict(check.warn_if)} if check.warn_if else {}
    return {
        "id": check.id,
        "check": check.type,
        **severity,
        **_held_against(check),
        **copy.deepcopy(check.parameters),
        **warn_if,
    }


def _held_against(check: CheckSpec) -> dict[str, Any]:
    """What a check says of accepted values."""
    tolerance = {"tolerance": dict(check.tolerance)} if check.tolerance else {}
    return {**tolerance, **({"max_drop_vs": check.max_drop_vs} if check.max_drop_vs else {})}


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}


def _elsewhere(mistakes: Iterable[Mistake], said: Iterable[Mistake]) -> Iterator[Mistake]:
    """The mistakes at other places than those in `said`: a value that could not be read is not judged as well."""
    places = {(mistake.file, mistake.line, mistake.column) for mistake in said}
    return (mistake for mistake in mistakes if (mistake.file, mistake.line, mistake.column) not in places)


def _refuse_other_versions(root: Node) -> None:
    """A suite of another version is not read further: what it says may mean something else there."""
    node = root.entries.get("schema_version")
    if node is not None and isinstance(node.value, int) and node.plain() != SCHEMA_VERSION:
        what = f"version {scalar(node.value)} of the suite language is not supported"
        raise SuiteError((node.place.mistake(what, f"write {SCHEMA_VERSION}, or use another release"),))


def _with_defaults(root: Node, vocabulary: Vocabulary) -> Node:
    """The tree with the suite's `defaults` given to every check whose type has such a parameter."""
    checks, defaults = root.entries.get("checks"), root.entries.get("defaults")
    if checks is None or defaults is None or not checks.items:
        return root
    items = tuple(_with_own_first(check, defaults, vocabulary) for check in checks.items)
    return root.with_entry("checks", Node(value=items, place=checks.place, key_place=checks.key_place))


def _with_own_first(check: Node, defaults: Node, vocabulary: Vocabulary) -> Node:
    schema = vocabulary.checks.get(check.text_at("check") or "")
    for key, node in defaults.entries.items() if schema else ():
        if schema and key in schema.properties and key not in check.entries:
            check = check.with_entry(key, node)
    return check


def _ids(root: Node) -> list[str]:
    checks = root.entries.get("checks")
    return [name for check in checks.items if (name := check.text_at("id"))] if checks else []


def _models(root: Node, path: str, vocabulary: Vocabulary, mistakes: list[Mistake]) -> dict[str, ModelSpec]:
    """The models by role; what is wrong with them goes to `mistakes`."""
    models: dict[str, ModelSpec] = {}
    form = complete(vocabulary)["properties"]["model"]
    for role in MODELS:
        node = root.entries.get(role)
        if node is None or not is_valid(node.plain(), form):
            continue
        spec = model_spec(node, path, vocabulary)
        if isinstance(spec, Mistake):
            mistakes.append(spec)
        else:
            models[role] = spec
    return models


def _with_task_files(root: Node, vocabulary: Vocabulary, mistakes: list[Mistake]) -> Node:
    """The tree with the files found that tasks name; what is wrong with them goes to `mistakes`."""
    tasks = root.entries.get("tasks", root)
    for name, task in tasks.entries.items() if tasks is not root else ():
        schema = vocabulary.tasks.get(task.text_at("family") or "")
        found = with_files(task, schema.properties) if schema else task
        if isinstance(found, Mistake):
            mistakes.append(found)
        else:
            tasks = tasks.with_entry(name, found)
    return root if tasks is root else root.with_entry("tasks", tasks)


def _suite(path: Path, root: Node, models: Mapping[str, ModelSpec], vocabulary: Vocabulary, source_hash: str) -> Suite:
    plain = root.plain()
    places = [node.place for node in root.entries["checks"].items]
    tasks = {name: _task(name, dict(fields), vocabulary) for name, fields in plain.get("tasks", {}).items()}
    checks = [_check(dict(fields), place, vocabulary) for fields, place in zip(plain["checks"], places, strict=True)]
    return Suite(
        path=path,
        name=plain["name"],
        schema_version=plain["schema_version"],
        model=models["model"],
        baseline=models.get("baseline"),
        tasks=tasks,
        sampling=_sampling(plain.get("sampling", {})),
        checks=tuple(checks),
        source_hash=source_hash,
        channels={name: ChannelSpec(**fields) for name, fields in plain.get("channels", {}).items()},
        family="alert: any" if "alert" in plain else "gate: all",
        **{key: plain[key] for key in ("device", "dtype") if key in plain},
    )


def _sampling(fields: Mapping[str, Any]) -> Sampling:
    return Sampling(**{**fields, "stop": tuple(fields.get("stop", ()))})


def _task(name: str, fields: dict[str, Any], vocabulary: Vocabulary) -> TaskSpec:
    family, n = fields.pop("family"), fields.pop("n")
    return TaskSpec(name=name, family=family, n=n, parameters=filled(fields, vocabulary.tasks[family].properties))


def _check(fields: dict[str, Any], place: Place, vocabulary: Vocabulary) -> CheckSpec:
    name, kind = fields.pop("id"), fields.pop("check")
    severity, warn_if = fields.pop("severity", "fail"), fields.pop(WARN_IF, {})
    held = {key: fields.pop(key) for key in HELD_AGAINST if key in fields}
    return CheckSpec(
        id=name,
        type=kind,
        parameters=filled(fields, vocabulary.checks[kind].properties),
        file=place.file,
        line=place.line,
        column=place.column,
        severity=severity,
        warn_if=warn_if,
        **held,
    )


def filled(values: Mapping[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    """Values with the `default` of every property that they lack, also inside nested mappings."""
    usual = {key: copy.deepcopy(sub["default"]) for key, sub in properties.items() if "default" in sub}
    given = {
        key: filled(value, properties[key].get("properties", {}))
        if isinstance(value, dict) and key in properties
        else value
        for key, value in values.items()
    }
    return {**usual, **given}
