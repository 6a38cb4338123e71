"""Which code runs, by the bytes of its source files: a version number does not change with every edit."""

from __future__ import annotations

import hashlib
import importlib
import secrets
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import ModuleType

PACKAGE = Path(__file__).parent.parent
ROOMS = ("adapters", "interventions", "rollouts", "tasks", "metrics/trace.py")
"""Parts of this package that decide what a rollout is."""
_REMOTE = "transformers_modules"
"""Where transformers puts code that came with checkpoints, that of all of them side by side."""
_RELEASED = frozenset({*sys.stdlib_module_names, "monitorbench", "numpy", "tokenizers", "torch", "transformers"})
"""Code that is known by its version, or by its room."""


@cache
def own_code() -> str:
    """SHA-256 of the rooms of this package that decide what a rollout is."""
    paths = [PACKAGE / room for room in ROOMS]
    files = [file for path in paths for file in (sorted(path.rglob("*.py")) if path.is_dir() else [path])]
    return _digest(files, PACKAGE)


def source_of(kind: type) -> str:
    """SHA-256 of the package that a class is from; empty for code that is known without it."""
    return _source(kind.__module__)


def named_by(setting: object) -> dict[str, str]:
    """Of a sampler setting that is `package.module:name`: that module, and the SHA-256 of its package."""
    module, colon, name = setting.partition(":") if isinstance(setting, str) else ("", "", "")
    named = bool(colon) and name.isidentifier() and all(part.isidentifier() for part in module.split("."))
    if not named:
        return {}
    importlib.import_module(module)
    return {module: _source(module)} if _source(module) else {}


@cache
def _source(module: str) -> str:
    top = module.partition(".")[0]
    if top in _RELEASED:
        return ""
    files = _files(sys.modules.get(module), sys.modules.get(top))
    # Code that lies in no file may be anything: it is never the same as that of another process.
    return _digest(files, files[0].parent) if files else secrets.token_hex(32)


def _files(module: ModuleType | None, top: ModuleType | None) -> Sequence[Path]:
    """The files of the whole package of a module, of which it may use any part."""
    file = getattr(module, "__file__", None)
    if file is None or not Path(file).is_file():
        return ()
    folders = list(getattr(top, "__path__", ()))
    if module is None or not folders:
        return [Path(file)]
    root = Path(file).parent if module.__name__.startswith(_REMOTE) else Path(folders[0])
    return sorted({Path(file), *root.rglob("*.py")})


def _digest(files: Sequence[Path], root: Path) -> str:
    total = hashlib.sha256()
    for file in files:
        name = file.relative_to(root).as_posix() if file.is_relative_to(root) else file.name
        total.update(f"{name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\0".encode())
    return total.hexdigest()
