"""Traces on disk: one safetensors file per recorded batch, named by the SHA-256 of its bytes, read where it lies."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save

from monitorbench.metrics.trace import BlockTrace, Trace

OPEN_AT_ONCE = 64
_ARRAYS = tuple(field.name for field in fields(BlockTrace))
_SHARD = re.compile(r"[0-9a-f]{64}\.safetensors")
_DRAFT = ".draft"


class StoredTrace(Trace):
    """A trace that lies in a shard; every look at its blocks reads them anew, so that none stays in memory."""

    __slots__ = ("_read",)
    _read: Callable[[], tuple[BlockTrace, ...]]

    def __init__(self, read: Callable[[], tuple[BlockTrace, ...]]) -> None:
        object.__setattr__(self, "_read", read)

    @property
    def blocks(self) -> tuple[BlockTrace, ...]:
        """All blocks of the rollout, in text order."""
        return self._read()


class Shards:
    """The shards of a folder.

    Args:
        folder: where they lie; it exists.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._opened = lru_cache(maxsize=OPEN_AT_ONCE)(self._open)
        self._sound: set[str] = set()

    def write(self, traces: Sequence[Trace]) -> str:
        """Write the traces of a batch, row by row; once this returns, the file is whole and on disk.

        Returns:
            The name of the file.

        Raises:
            OSError: it cannot be written.
        """
        content = save({name: array for row, trace in enumerate(traces) for name, array in _named(row, trace)})
        name = f"{hashlib.sha256(content).hexdigest()}.safetensors"
        draft = self._folder / f"{secrets.token_hex(8)}{_DRAFT}"
        try:
            with draft.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._folder / name)
        finally:
            draft.unlink(missing_ok=True)
        _sync(self._folder)
        self._sound.add(name)
        return name

    def fault(self, name: str) -> str:
        """What is wrong with a shard; empty if it holds what was written. Its bytes are read once."""
        if name in self._sound:
            return ""
        try:
            with (self._folder / name).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            return (error.strerror or str(error)).lower()
        if name != f"{found}.safetensors":
            return "its content has changed"
        self._sound.add(name)
        return ""

    def trace(self, name: str, row: int, count: int) -> StoredTrace:
        """The trace of one row of a shard, of so many blocks."""
        return StoredTrace(partial(self.blocks, name, row, count))

    def blocks(self, name: str, row: int, count: int) -> tuple[BlockTrace, ...]:
        """Read the blocks of one row."""
        file, names = self._opened(name)
        return tuple(
            BlockTrace(
                **{
                    array: file.get_tensor(_name(row, block, array))
                    for array in _ARRAYS
                    if _name(row, block, array) in names
                }
            )
            for block in range(count)
        )

    def sweep(self, used: Iterable[str]) -> None:
        """Remove what no one refers to: what a process left behind that was killed. No other process may be writing."""
        keep = set(used)
        for file in self._folder.iterdir():
            if file.name.endswith(_DRAFT) or (_SHARD.fullmatch(file.name) and file.name not in keep):
                file.unlink(missing_ok=True)

    def _open(self, name: str) -> tuple[Any, frozenset[str]]:
        file: Any = safe_open(self._folder / name, framework="numpy")
        return file, frozenset(file.keys())


def _named(row: int, trace: Trace) -> Iterable[tuple[str, NDArray[Any]]]:
    for index, block in enumerate(trace.blocks):
        for name in _ARRAYS:
            array = getattr(block, name)
            if array is not None:
                yield _name(row, index, name), np.ascontiguousarray(array)


def _name(row: int, block: int, array: str) -> str:
    return f"{row}.{block}.{array}"


def _sync(folder: Path) -> None:
    """A file that was renamed is there after a power cut only once its folder is on disk too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
