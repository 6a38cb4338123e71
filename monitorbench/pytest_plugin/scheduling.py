"""How tests are handed to the workers of pytest-xdist, which has to be installed to import this."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from xdist.scheduler import LoadGroupScheduling, LoadScheduling
from xdist.workermanage import WorkerController

from monitorbench.pytest_plugin.distribution import file_of

Group = Callable[[str], str]
"""From the file of a suite to what its checks are grouped by."""


class CheckpointScheduling(LoadGroupScheduling):  # type: ignore[misc]  # xdist is untyped
    """Checks of one checkpoint go to one worker; all else as under `--dist loadgroup`."""

    def __init__(self, config: pytest.Config, log: Any, group: Group) -> None:
        super().__init__(config, log)
        self._group = group

    def _split_scope(self, nodeid: str) -> str:
        file = file_of(nodeid)
        return self._group(file) if file else super()._split_scope(nodeid)

    def remove_node(self, node: WorkerController) -> str | None:
        """Take back the tests of a worker; the one that it crashed at is not run again.

        What makes a worker crash at a check, such as too little memory, would make the next one crash as well.
        """
        units = self.assigned_work[node]
        waiting = ((unit, test) for unit in units.values() for test, done in unit.items() if not done)
        unit, crashed = next(waiting, (None, None))
        if unit is not None and crashed is not None:
            unit[crashed] = True
        self.assigned_work[node] = {scope: unit for scope, unit in units.items() if not all(unit.values())}
        super().remove_node(node)
        return crashed


class LoadOrCheckpointScheduling:
    """What xdist does when it is not told how, until it turns out that there are checks: then they are grouped."""

    def __init__(self, config: pytest.Config, log: Any, group: Group) -> None:
        self._config, self._log, self._group = config, log, group
        self._collections: dict[WorkerController, Sequence[str]] = {}
        self._real: Any = LoadScheduling(config, log)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def add_node_collection(self, node: WorkerController, collection: Sequence[str]) -> None:
        """Hear what a worker collected."""
        self._collections[node] = collection
        self._real.add_node_collection(node, collection)

    def schedule(self) -> None:
        """Hand out the first tests, or those of a worker that is new."""
        if self._real.collection is None and any(file_of(test) for test in next(iter(self._collections.values()), ())):
            nodes, self._real = self._real.nodes, CheckpointScheduling(self._config, self._log, self._group)
            for node in nodes:
                self._real.add_node(node)
                self._real.add_node_collection(node, self._collections[node])
        self._real.schedule()
