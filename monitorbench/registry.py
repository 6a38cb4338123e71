"""One registry for check types, adapter families and task families: a name, and where its class is."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from typing import Any

from monitorbench.errors import UsageError


class Registry(Mapping[str, str]):
    """Names mapped to `module:attribute`; what stands there is imported on first use.

    Third parties add names through entry points of the group; the package's own names cannot be taken over.

    Args:
        kind: what is registered, in words, for messages.
        group: entry point group.
        own: the package's own names.
    """

    def __init__(self, kind: str, group: str, own: Mapping[str, str]) -> None:
        self.kind, self.group, self._own = kind, group, dict(own)

    def _targets(self) -> dict[str, str]:
        targets = dict(self._own)
        for point in entry_points(group=self.group):
            if point.name in targets:
                raise UsageError(
                    f"the {self.kind} {point.name!r} is registered twice",
                    where=f"entry point {point.value}",
                    fix="rename it or uninstall one of the packages",
                )
            targets[point.name] = point.value
        return targets

    def __getitem__(self, name: str) -> str:
        targets = self._targets()
        if name not in targets:
            near = difflib.get_close_matches(name, targets, n=1)
            raise UsageError(
                f"no {self.kind} is called {name!r}",
                fix=f"did you mean {near[0]!r}?" if near else f"use {self.listing()}",
            )
        return targets[name]

    def __contains__(self, name: object) -> bool:
        return name in self._targets()

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._targets()))

    def __len__(self) -> int:
        return len(self._targets())

    def listing(self) -> str:
        """All names, for a message."""
        return ", ".join(self)

    def load(self, name: str) -> Any:
        """The registered class itself.

        Raises:
            UsageError: no such name, or what it names cannot be imported.
        """
        module, _, attribute = self[name].partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise UsageError(f"the {self.kind} {name!r} cannot be imported: {error}", where=self[name]) from error
