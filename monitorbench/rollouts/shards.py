"""Traces on disk: one safetensors file per recorded batch, named by the SHA-256 of its bytes, read where it lies."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from monitorbench.metrics.trace import Trace
from monitorbench.rollouts.packing import Packed, PackedTrace, packed_blocks

OPEN_AT_ONCE = 64
_SHARD = re.compile(r"[0-9a-f]{64}\.safetensors")
_DRAFT = ".draft"
_STRANGE = "it is no file of traces"


class _Lying(Mapping[str, NDArray[Any]]):
    """The arrays of one block of a row, each read when it is asked for."""

    def __init__(self, opened: Callable[[], tuple[Any, frozenset[str]]], row: int, block: int) -> None:
        self._opened, self._row, self._block = opened, row, block

    def __getitem__(self, array: str) -> NDArray[Any]:
        file, names = self._opened()
        name = _name(self._row, self._block, array)
        if name not in names:
            raise KeyError(array)
        found: NDArray[Any] = file.get_tensor(name)
        return found

    def __iter__(self) -> Iterator[str]:
        start = _name(self._row, self._block, "")
        return (name.removeprefix(start) for name in sorted(self._opened()[1]) if name.startswith(start))

    def __len__(self) -> int:
        return sum(1 for _ in self)


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
            fault = self._fault(name)
        except OSError as error:
            return (error.strerror or str(error)).lower()
        except SafetensorError:
            fault = _STRANGE
        if not fault:
            self._sound.add(name)
        return fault

    def _fault(self, name: object) -> str:
        # The index is a file that others may have written: it must not lead out of the folder, or to a device.
        if not (isinstance(name, str) and _SHARD.fullmatch(name)):
            return _STRANGE
        if stat.S_ISFIFO((self._folder / name).stat().st_mode):
            return "it is a pipe"
        with (self._folder / name).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if name != f"{found}.safetensors":
            return "its content has changed"
        self._opened(name)
        return ""

    def trace(self, name: str, row: int, count: int) -> PackedTrace:
        """The trace of one row of a shard, of so many blocks; it stays on disk until it is looked at."""
        return PackedTrace(partial(self._blocks, name, row, count))

    def _blocks(self, name: str, row: int, count: int) -> tuple[Packed, ...]:
        return tuple(_Lying(partial(self._opened, name), row, block) for block in range(count))

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
    for index, block in enumerate(packed_blocks(trace)):
        for name, array in block.items():
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
