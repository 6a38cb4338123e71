"""Where a model comes from: `zoo:NAME`, `package:NAME`, a local folder, or a hub id."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from dataclasses import replace

from monitorbench.errors import CheckpointError, Mistake
from monitorbench.suite.model import ModelSpec, Vocabulary
from monitorbench.suite.packages import PACKAGE, package_folder
from monitorbench.suite.tree import Node, Place
from monitorbench.suite.words import nearest, quoted

ZOO = "zoo:"
HUB_ID = re.compile(r"(?P<source>[A-Za-z0-9][\w.-]*/\w[\w.-]*)(?:@(?P<revision>[^\s@]+))?", re.ASCII)
PATH_STARTS = (".", "/", "~")


def model_spec(node: Node, suite_path: str, vocabulary: Vocabulary) -> ModelSpec | Mistake:
    """The model that a valid `model` or `baseline` entry stands for.

    A relative folder is looked for beside the suite, then in the working directory; one that the command line names,
    in the working directory only. The folder in the result is usable from the working directory.
    """
    given = node.entries.get("source", node)
    spec = ModelSpec(source=node.text) if node.text is not None else ModelSpec(**node.plain())
    beside = "" if given.place.file.startswith("--") else os.path.dirname(suite_path)
    folder = _folder(spec.source, beside, vocabulary.recorded)
    if isinstance(folder, str):
        return _without_revision(node, replace(spec, source=folder), "a folder")
    if spec.source.startswith(ZOO):
        name = spec.source.removeprefix(ZOO)
        if name not in vocabulary.zoo:
            return given.place.mistake(f"no reference checkpoint {quoted(name)}", nearest(name, vocabulary.zoo))
        return _without_revision(node, spec, "a reference checkpoint")
    if spec.source.startswith(PACKAGE):
        try:
            if spec.source not in vocabulary.recorded:
                package_folder(spec.source)
        except CheckpointError as error:
            return given.place.mistake(error.what, error.fix)
        return _without_revision(node, spec, "a folder")
    return _hub(node, spec, given.place, vocabulary)


def _folder(source: str, beside: str, recorded: Collection[str]) -> str | None:
    """The path of the folder that a source stands for, if it exists, or did when it was recorded."""
    expanded = os.path.expanduser(source)
    for path in (os.path.join(beside, expanded), expanded):
        if os.path.isdir(path) or os.path.normpath(path) in recorded:
            return os.path.normpath(path)
    return None


def _without_revision(node: Node, spec: ModelSpec, kind: str) -> ModelSpec | Mistake:
    if spec.revision is None:
        return spec
    return node.entries["revision"].place.mistake(f"{kind} has no `revision`", "remove it")


def _hub(node: Node, spec: ModelSpec, place: Place, vocabulary: Vocabulary) -> ModelSpec | Mistake:
    named = HUB_ID.fullmatch(spec.source)
    if named is not None and not spec.source.startswith(PATH_STARTS):
        revision = named["revision"]
        if revision and spec.revision:
            return node.entries["revision"].place.mistake(
                "the revision is given twice", "remove `revision` or the `@` part"
            )
        return replace(spec, source=named["source"], revision=revision or spec.revision)
    if os.path.isfile(os.path.expanduser(spec.source)):
        fix = "name its folder, with `gguf_file` for a file in GGUF"
        return place.mistake(f"{quoted(spec.source)} is a file, not a folder", fix)
    if spec.source.startswith(PATH_STARTS) or "/" in spec.source:
        return place.mistake(f"no such folder: {quoted(spec.source)}", "check the path")
    fix = nearest(spec.source, [ZOO + name for name in vocabulary.zoo])
    fix = (
        fix
        if fix.startswith("did you")
        else "write zoo:NAME, package:NAME, a folder such as ./model, or a hub id such as org/name"
    )
    return place.mistake(f"{quoted(spec.source)} is neither a reference checkpoint, a folder nor a hub id", fix)
