"""`monitorbench init`: a suite to start from, every key explained, and a workflow that runs it."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from monitorbench.commands.parsing import Parser
from monitorbench.errors import UsageError

if TYPE_CHECKING:
    from monitorbench.commands.init_suite import Design
    from monitorbench.suite.model import Vocabulary

NAME = "init"
SUMMARY = "write a commented suite to start from, and a workflow that runs it"

SCHEMA = ".monitorbench/suite.schema.json"
"""Where editors find the schema of suites, seen from the suite."""


def declare(parser: Parser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "folder", metavar="FOLDER", nargs="?", type=Path, default=Path(), help="where the suite goes (default: here)"
    )
    parser.add_argument(
        "--adapter",
        metavar="FAMILY",
        help="adapter family that the suite is about (see `monitorbench list adapters`; default: that of the model, "
        "without a model block-diffusion)",
    )
    parser.add_argument(
        "--model",
        metavar="MODEL",
        help="candidate: zoo:NAME, package:NAME, a local folder, or a hub id (default: the reference checkpoint of the "
        "family); nothing is fetched",
    )
    parser.add_argument("--baseline", metavar="MODEL", help="baseline, named like a candidate")
    parser.add_argument(
        "--ci",
        metavar="SERVICE",
        choices=("github",),
        help="github: also write a workflow for GitHub Actions, at the root of the repository",
    )
    parser.add_argument("--force", action="store_true", help="overwrite files that are there already")


def execute(options: argparse.Namespace) -> int:
    """Write the files, and say what was written and what to do next."""
    from monitorbench.commands.init_families import design
    from monitorbench.invocation import file_name
    from monitorbench.planning import vocabulary

    folder: Path = options.folder
    if folder.exists() and not folder.is_dir():
        raise UsageError("is not a folder", where=str(folder), fix="name a folder")
    known = vocabulary()
    for option in ("model", "baseline"):
        _require_model(f"--{option}", getattr(options, option), known)
    found = design(options.adapter, options.model, options.baseline, folder=folder)
    suite = folder / f"{file_name(found.name)}.monitor.yaml"
    texts = _texts(found, suite, folder, known, ci=options.ci is not None)
    _refuse_overwriting(texts, force=options.force)
    for path, text in texts.items():
        _write(path, text)
        sys.stdout.write(f"wrote {path}\n")
    sys.stdout.write(f"next: monitorbench run {suite}\n")
    return 0


def _texts(found: Design, suite: Path, folder: Path, known: Vocabulary, *, ci: bool) -> dict[Path, str]:
    from monitorbench.commands.init_github import WORKFLOW, workflow
    from monitorbench.commands.init_suite import suite_text
    from monitorbench.invocation import file_name
    from monitorbench.suite.schema import schema

    texts = {
        suite: suite_text(found, file=str(suite), schema=SCHEMA, vocabulary=known),
        folder / SCHEMA: json.dumps(schema(known), indent=2) + "\n",
    }
    if ci:
        root = _root(folder)
        from_root = Path(os.path.relpath(suite, root)).as_posix()
        texts[root / WORKFLOW] = workflow(from_root, file_name(found.name))
    return texts


def _require_model(option: str, model: str | None, known: Vocabulary) -> None:
    """Refuse a model that no suite could name."""
    from monitorbench.errors import Mistake
    from monitorbench.suite.source import model_spec
    from monitorbench.suite.yaml12 import parse

    node = None if model is None else parse(json.dumps(model), option)[0]
    spec = None if node is None else model_spec(node, "", known)
    if isinstance(spec, Mistake):
        raise UsageError(spec.what, where=option, fix=spec.fix)


def _root(folder: Path) -> Path:
    """The repository that a folder lies in; the folder itself where there is none."""
    here = folder.absolute()
    root = next((each for each in (here, *here.parents) if (each / ".git").exists()), None)
    return folder if root is None else Path(os.path.relpath(root))


def _refuse_overwriting(texts: Mapping[Path, str], *, force: bool) -> None:
    """A file that holds the same already is no loss."""
    if force:
        return
    there = [path for path, text in texts.items() if os.path.lexists(path) and not _holds(path, text)]
    if there:
        names = ", ".join(map(str, there))
        what = "are there already" if len(there) > 1 else "is there already"
        raise UsageError(f"{what}; nothing was written", where=names, fix="add --force, or name another folder")


def _holds(path: Path, text: str) -> bool:
    try:
        return path.read_text(encoding="utf-8") == text
    except (OSError, ValueError):
        return False


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise UsageError(f"cannot be written ({why})", where=str(path), fix="name a folder that can be") from error
