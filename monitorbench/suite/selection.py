"""A suite cut down to the checks that were asked for, and to those that they rest on."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from monitorbench.errors import SuiteError
from monitorbench.suite.model import CheckSpec, Suite
from monitorbench.suite.references import RESTS_ON, unknown_ids


def select(suite: Suite, only: Collection[str]) -> Suite:
    """Keep the checks in `only`, and, ungated, those that they rest on; the order stays. Empty `only` keeps everything.

    Raises:
        SuiteError: an id that no check has, located in `--only`.
    """
    if not only:
        return suite
    by_id = {check.id: check for check in suite.checks}
    unknown = unknown_ids(only, by_id)
    if unknown:
        raise SuiteError(tuple(unknown))
    kept: set[str] = set()
    waiting = list(only)
    while waiting:
        name = waiting.pop()
        if name not in kept:
            kept.add(name)
            waiting += rests_on(by_id[name])
    checks = (check for check in suite.checks if check.id in kept)
    return replace(suite, checks=tuple(replace(check, gated=check.gated and check.id in only) for check in checks))


def rests_on(check: CheckSpec) -> Iterator[str]:
    """The ids of the checks whose verdicts this one uses, each once."""
    yield from dict.fromkeys((check.parameters.get(RESTS_ON) or {}).values())
