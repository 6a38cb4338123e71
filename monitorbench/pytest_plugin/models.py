"""Models that stay loaded: suites and tests of one checkpoint in one process share it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from monitorbench.adapters.factory import Loaded
    from monitorbench.suite.model import ModelSpec


class HeldModels:
    """Loaded models, those last asked for.

    Args:
        most: how many are held. What is asked for next is loaded after the one that was asked for longest ago is let
            go, so that no more than these are in memory.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: dict[str, Loaded] = {}

    def load(
        self, role: str, spec: ModelSpec, *, device: str, dtype: str, sampler: Mapping[str, Any] | None = None
    ) -> Loaded:
        """A model in a role, as `adapters.factory.load_model` returns it.

        Raises:
            MonitorbenchError: as `load_model`.
        """
        from monitorbench.adapters.factory import in_role, load_model

        key = repr((spec, device, dtype, state_of(spec)))
        found = self._held.pop(key, None)
        if found is None:
            while len(self._held) >= self._most:
                del self._held[next(iter(self._held))]
            found = load_model(role, spec, device=device, dtype=dtype, sampler=sampler or {})
        self._held[key] = found
        return in_role(found, role, sampler or {})


def state_of(spec: ModelSpec) -> tuple[tuple[str, int, int], ...]:
    """What tells whether the files of a checkpoint are still those that were loaded.

    A test may well train a model and save it where another one was.
    """
    from monitorbench.adapters.checkpoint import find

    folder = find(spec).folder
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return tuple((str(path), (state := path.stat()).st_size, state.st_mtime_ns) for path in files)
