"""From a suite to a plan: the order in which checks are judged, and the arms that have to be recorded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any

from monitorbench.adapters.registry import ADAPTERS
from monitorbench.checks.base import CheckType
from monitorbench.checks.registry import CHECKS
from monitorbench.errors import Mistake, SuiteError, UsageError
from monitorbench.suite.model import CheckSpec, Suite, TaskSpec, Vocabulary
from monitorbench.suite.selection import rests_on
from monitorbench.tasks.registry import TASKS

if TYPE_CHECKING:
    from monitorbench.adapters.base import Adapter
    from monitorbench.rollouts.arm import Arm


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What a run will do.

    Attributes:
        checks: every check with its type, each after those it rests on.
        arms: every arm that has to be recorded, once.
    """

    checks: tuple[tuple[CheckSpec, CheckType], ...]
    arms: tuple[Arm, ...]


def vocabulary() -> Vocabulary:
    """Every registered name that a suite may use; no model code is loaded."""
    from monitorbench.adapters.checkpoint import zoo_names

    return Vocabulary(
        checks={name: CHECKS.load(name).schema for name in CHECKS},
        tasks={name: TASKS.load(name).schema for name in TASKS},
        adapters={name: tuple(channel.name for channel in ADAPTERS.load(name).channels) for name in ADAPTERS},
        zoo=zoo_names(),
        settings=tuple(sorted({setting for name in ADAPTERS for setting in ADAPTERS.load(name).settings})),
        word_settings=tuple(sorted({word for name in ADAPTERS for word in getattr(ADAPTERS.load(name), "words", ())})),
    )


def require_usable(suite: Suite) -> None:
    """Refuse, before any model is loaded, a suite that cannot run as it is.

    Raises:
        SuiteError: a check needs a baseline and there is none.
    """
    if mistakes := tuple(_unusable(suite)):
        raise SuiteError(mistakes)


def _unusable(suite: Suite) -> Iterator[Mistake]:
    for check in suite.checks:
        if suite.baseline is None and _needs_baseline(check):
            what = f"check {check.id} compares with a baseline and the suite has none"
            fix = "add baseline: to the suite or give --baseline"
            yield Mistake(file=check.file, line=check.line, column=check.column, what=what, fix=fix)


def needs_baseline(suite: Suite) -> bool:
    """Whether any check compares with the baseline."""
    return any(map(_needs_baseline, suite.checks))


def _needs_baseline(check: CheckSpec) -> bool:
    kind = CHECKS.load(check.type)()
    return any(kind.needs_baseline(spec) for spec in _as_judged(check))


def _as_judged(check: CheckSpec) -> Iterator[CheckSpec]:
    """The check by its own bounds, and by those of its `warn_if`."""
    yield check
    if check.warned is not None:
        yield check.warned


def make_plan(suite: Suite, candidate: Adapter) -> Plan:
    """Order the checks and collect their arms; equal arms are merged into one that keeps what any of them asks for."""
    types: Mapping[str, Any] = {check.id: CHECKS.load(check.type)() for check in suite.checks}
    by_id = {check.id: check for check in suite.checks}
    order = TopologicalSorter({check.id: rests_on(check) for check in suite.checks}).static_order()
    checks = tuple((by_id[name], types[name]) for name in order)
    arms = (
        arm
        for check, kind in checks
        for spec in _as_judged(check)
        for arm in kind.arms(spec, suite=suite, candidate=candidate)
    )
    return Plan(checks=checks, arms=_merged(arms))


def _merged(arms: Iterable[Arm]) -> tuple[Arm, ...]:
    """Every arm once, in the order of its first use."""
    merged: dict[Arm, Arm] = {}
    for arm in arms:
        other = merged.get(arm, arm)
        most = {name: max(getattr(arm, name), getattr(other, name)) for name in ("watch", "neighbours")}
        merged[arm] = replace(arm, **most)
    return tuple(merged.values())


def build_task(spec: TaskSpec, form: Mapping[str, Any]) -> Any:
    """The task that a suite declares, in another text form where an arm asks for one.

    Raises:
        UsageError: the parameters do not go together.
    """
    try:
        return TASKS.load(spec.family)(**{**spec.parameters, **form})
    except (TypeError, ValueError) as error:
        raise UsageError(f"task {spec.name} cannot be made: {error}", fix="correct its parameters") from error
