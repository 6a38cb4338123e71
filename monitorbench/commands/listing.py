"""`monitorbench list`: what a suite or a command line may name, each with one sentence."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from importlib.resources import files

from monitorbench.commands.parsing import Parser

NAME = "list"
SUMMARY = "list check types, adapter families, task families, reference checkpoints and presets"

_SENTENCE = re.compile(r".*?[.!?](?=\s|$)", re.DOTALL)
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


def declare(parser: Parser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "kind",
        metavar="KIND",
        nargs="?",
        choices=tuple(_KINDS),
        help="checks, adapters, tasks, zoo (the reference checkpoints) or presets (of `depth`); all if left out",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def execute(options: argparse.Namespace) -> int:
    """Print the names with their sentences."""
    kinds = (options.kind,) if options.kind else tuple(_KINDS)
    found = {kind: dict(_KINDS[kind]()) for kind in kinds}
    sys.stdout.write(_as_json(found) if options.json else _as_text(found))
    return 0


def _as_json(found: dict[str, dict[str, str]]) -> str:
    rows = {
        kind: [{"name": name, "summary": summary} for name, summary in entries.items()]
        for kind, entries in found.items()
    }
    return json.dumps(rows, indent=2) + "\n"


def _as_text(found: dict[str, dict[str, str]]) -> str:
    width = max((len(name) for entries in found.values() for name in entries), default=0)
    sections = []
    for kind, entries in found.items():
        rows = [f"  {name:{width}}  {summary}".rstrip() for name, summary in entries.items()]
        sections.append("\n".join([kind, *(rows or ["  (none)"])]) + "\n")
    return "\n".join(sections)


def _checks() -> Iterator[tuple[str, str]]:
    from monitorbench.checks.registry import CHECKS

    return ((name, CHECKS.load(name).summary) for name in CHECKS)


def _adapters() -> Iterator[tuple[str, str]]:
    from monitorbench.adapters.registry import ADAPTERS

    return ((name, ADAPTERS.load(name).summary) for name in ADAPTERS)


def _tasks() -> Iterator[tuple[str, str]]:
    from monitorbench.tasks.registry import TASKS

    return ((name, TASKS.load(name).summary) for name in TASKS)


def _zoo() -> Iterator[tuple[str, str]]:
    from monitorbench.planning import vocabulary

    return ((name, _card_summary(name)) for name in sorted(vocabulary().zoo))


def _presets() -> Iterator[tuple[str, str]]:
    from monitorbench.depth.presets import preset, preset_names

    return ((name, preset(name).summary) for name in preset_names())


_KINDS = {"checks": _checks, "adapters": _adapters, "tasks": _tasks, "zoo": _zoo, "presets": _presets}


def _card_summary(name: str) -> str:
    """First sentence of a reference checkpoint's card, after its front matter and headings."""
    card = files("monitorbench") / "zoo" / name / "README.md"
    if not card.is_file():
        return ""
    text = _FRONT_MATTER.sub("", card.read_text(encoding="utf-8"))
    return _first_sentence("\n".join(line for line in text.splitlines() if not line.startswith("#")))


def _first_sentence(text: str) -> str:
    paragraph = text.strip().partition("\n\n")[0]
    match = _SENTENCE.match(paragraph)
    return " ".join((match.group() if match else paragraph).split())
