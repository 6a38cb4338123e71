"""One registry for check types, adapter families and task families: a name, and where its class is."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import entry_points
from operator import attrgetter
from typing import Any

from monitorbench.errors import UsageError, first_line


class Registry(Mapping[str, str]):
    """Names mapped to `module:attribute`; what stands there is imported on first use.

    Third parties add names through entry points of the group; the package's own names cannot be taken over.

    Args:
        kind: what is registered, in words, for messages.
        group: entry point group.
        own: the package's own names.
        needs: attributes that a registered class has to have.
    """

    def __init__(self, kind: str, group: str, own: Mapping[str, str], *, needs: Iterable[str] = ()) -> None:
        self.kind, self.group, self._own, self._needs = kind, group, dict(own), tuple(needs)

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
        """The class itself, by its registered name or by `package.module:Class`.

        Raises:
            UsageError: no such name, or what it names cannot be imported or lacks what such a class needs.
        """
        target = name if ":" in name else self[name]
        where = "" if target == name else target
        module, _, attribute = target.partition(":")
        try:
            found = attrgetter(attribute)(importlib.import_module(module))
        except (Exception, SystemExit) as error:  # to import is to run code of other packages, which may raise anything
            what = f"it exits with {error.code}" if isinstance(error, SystemExit) else first_line(error)
            raise UsageError(
                f"the {self.kind} {name!r} cannot be imported: {what}",
                where=where,
                fix="mend or install the package that it is in, or uninstall what registers it",
            ) from error
        if missing := [need for need in self._needs if not hasattr(found, need)]:
            what = f"the {self.kind} {name!r} has no {', '.join(missing)}"
            raise UsageError(what, where=where, fix=f"a class needs {', '.join(self._needs)}")
        return found
