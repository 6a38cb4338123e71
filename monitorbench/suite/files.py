"""Parameters of tasks that name a file or a folder: found beside the file that declares them, and hashed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from typing import Any

from monitorbench.errors import Mistake
from monitorbench.suite.source import HUB_ID
from monitorbench.suite.tree import Node
from monitorbench.suite.words import quoted

FILE = "monitorbench-file"
"""`format` of a parameter that names a regular file; its hash goes to the parameter `sha256`."""
FOLDER = "monitorbench-folder-or-hub-id"
"""`format` of a parameter that names a folder, or a data set of the hub where there is no such folder."""
MAX_BYTES = 64 * 2**20
"""Largest file that a task is read from."""


def with_files(task: Node, properties: Mapping[str, Any]) -> Node | Mistake:
    """A task with its files found: paths that can be used from the working directory, and their hashes.

    A relative path is looked for beside the file that declares it, then in the working directory; one that the command
    line gives, in the working directory only. Links and `..` are followed: a suite may name whatever its user can read.
    """
    for name, schema in properties.items():
        node = task.entries.get(name)
        kind = schema.get("format")
        if node is None or node.text is None or kind not in (FILE, FOLDER):
            continue
        found = _place(node, os.path.isfile if kind == FILE else os.path.isdir)
        if found is not None:
            task = task.with_entry(name, Node(value=found, place=node.place, key_place=node.key_place))
        elif kind == FOLDER and HUB_ID.fullmatch(node.text) and node.text.count("@") == 0:
            continue
        else:
            problem = "not a regular file" if kind == FILE and _place(node, os.path.exists) else "no such file"
            what = problem if kind == FILE else "no such folder"
            return node.place.mistake(f"{what}: {quoted(node.text)}", "check the path")
        if kind == FILE and found is not None and "sha256" not in task.entries:
            digest = _digest(found)
            if digest is None:
                fix = "mend its permissions, or keep the problems that are asked and drop the rest"
                what = f"{quoted(node.text)} cannot be read, or is larger than {MAX_BYTES // 2**20} MiB"
                return node.place.mistake(what, fix)
            task = task.with_entry("sha256", Node(value=digest, place=node.place))
    return task


def _place(node: Node, fits: Any) -> str | None:
    """The path of what a parameter names, if there is such a thing."""
    given = os.path.expanduser(node.text or "")
    beside = "" if node.place.file.startswith("--") else os.path.dirname(node.place.file)
    if "\0" in given:
        return None
    paths = (os.path.join(beside, given), given)
    return next((os.path.normpath(path) for path in paths if fits(path)), None)


def _digest(path: str) -> str | None:
    """SHA-256 of a file, unless it cannot be read or is too large."""
    try:
        if os.path.getsize(path) > MAX_BYTES:
            return None
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
