"""The table of what every check has to say of every reference checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from monitorbench.errors import UsageError
from monitorbench.report.model import Verdict
from monitorbench.suite.model import Overrides
from monitorbench.suite.words import nearest
from monitorbench.suite.yaml12 import Yaml12Loader


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A reference checkpoint under one suite.

    Attributes:
        name: unique; that of the checkpoint, and what is done differently where it stands in the table twice.
        model: the checkpoint.
        suite: the suite, without its ending.
        truth: what is planted in the checkpoint, in one sentence.
        expected: the verdict of every check of the suite, by id.
        set: changes to the suite, as `--set` takes them.
        quick: whether it is among those that tell most for their time.
    """

    name: str
    model: str
    suite: str
    truth: str
    expected: Mapping[str, Verdict]
    set: tuple[str, ...] = ()
    quick: bool = True

    @property
    def path(self) -> Path:
        """The suite's file."""
        return Path(str(files("monitorbench.selftest") / "suites" / f"{self.suite}.monitor.yaml"))

    def overrides(self, *, device: str, dtype: str) -> Overrides:
        """The changes that make the suite one about this checkpoint, on this device."""
        return Overrides(model=f"zoo:{self.model}", device=device, dtype=dtype, set=self.set)


def table() -> tuple[Case, ...]:
    """Every case, in the order in which they run."""
    text = (files("monitorbench.selftest") / "verdicts.yaml").read_text(encoding="utf-8")
    rows = yaml.load(text, Loader=Yaml12Loader)
    return tuple(_case(name, row) for name, row in rows.items())


def chosen(cases: Sequence[Case], *, only: Sequence[str] = (), quick: bool = False) -> tuple[Case, ...]:
    """The cases of these names; without a name all of them, or the quick ones.

    Raises:
        UsageError: there is no case of a name.
    """
    names = [case.name for case in cases]
    for name in only:
        if name not in names:
            raise UsageError(f"no case of the selftest is called {name!r}", fix=nearest(name, names))
    return tuple(case for case in cases if (case.name in only if only else case.quick or not quick))


def _case(name: str, row: Mapping[str, Any]) -> Case:
    expected = {check: Verdict(verdict) for check, verdict in row["expected"].items()}
    return Case(**{"name": name, "model": name, **row, "expected": expected, "set": tuple(row.get("set", ()))})
