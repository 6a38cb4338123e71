"""Models that come inside an installed Python package: `package:NAME`, or `package:NAME/folder` for a folder in it."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from monitorbench.errors import CheckpointError
from monitorbench.suite.words import scalar

PACKAGE = "package:"


def package_folder(source: str) -> Path:
    """The folder that `package:NAME` or `package:NAME/folder` stands for; no code of the package runs.

    Raises:
        CheckpointError: no such package is installed, or there is no such folder inside it.
    """
    name, _, inside = source.removeprefix(PACKAGE).partition("/")
    # A dotted name would import the packages it lies in.
    if not name.isidentifier():
        raise _refused(
            source, f"{scalar(name)} is no name of a Python package", "write package:NAME or package:NAME/folder"
        )
    roots = [os.path.realpath(root) for root in _locations(name)]
    if not roots:
        command = f"pip install --no-deps {name.replace('_', '-')}"
        raise _refused(source, f"no Python package {name} is installed", f"install it, for instance by `{command}`")
    for root in roots:
        # A path that no file system takes is no folder: os.path says so, where pathlib raises.
        folder = "" if "\0" in inside else os.path.realpath(os.path.join(root, inside))
        if os.path.isdir(folder) and Path(folder).is_relative_to(root):
            return Path(folder)
    raise _refused(source, f"there is no folder {scalar(inside)} inside the Python package {name}", "correct the path")


def _locations(name: str) -> list[str]:
    try:
        found = importlib.util.find_spec(name)
    except ValueError:  # a module that is running, and was never looked for
        return []
    return list(found.submodule_search_locations or []) if found is not None else []


def _refused(source: str, what: str, fix: str) -> CheckpointError:
    return CheckpointError(what, where=source, fix=fix)
