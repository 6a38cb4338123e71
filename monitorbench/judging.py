"""From what was recorded to the reports of all checks of a suite."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from monitorbench.checks.base import LOOKED, CheckType, Evidence, report
from monitorbench.checks.family import alarms
from monitorbench.checks.second_bounds import with_warning
from monitorbench.errors import MonitorbenchError, NotRecordedError
from monitorbench.notices import CheckJudged, CheckStarted, Notice
from monitorbench.planning import Plan
from monitorbench.report.model import CheckReport, Report, Verdict
from monitorbench.stats.estimators import Estimators
from monitorbench.stats.interval import LEVEL
from monitorbench.suite.model import CheckSpec, Suite

if TYPE_CHECKING:
    from monitorbench.adapters.base import Adapter
    from monitorbench.rollouts.store import RunStore

UNDECIDED = (Verdict.INCONCLUSIVE, Verdict.UNOBSERVED)
"""Verdicts that more prompts may change."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judge:
    """Judges the checks of a plan, each after those it rests on.

    Attributes:
        suite: the suite.
        plan: its checks in their order.
        adapters: the loaded models by role.
        store: what was recorded.
        exact_replay: whether the same rollout has to come out bit for bit on this device.
        earlier: the report whose rollouts are judged again, where no model is at hand.
        cut_short: whether a sequential run has no more prompts to look at, though fewer than all were recorded.
        gaps: why a check cannot be judged from what was recorded, by id.
        judged: reports by id, as they come in.
        warned: what the checks with a `warn_if` come to by that, by id.
        seconds: how long each check took.
    """

    suite: Suite
    plan: Plan
    adapters: Mapping[str, Adapter]
    store: RunStore
    exact_replay: bool
    earlier: Report | None = None
    cut_short: bool = False
    gaps: Mapping[str, str] = field(default_factory=dict)
    judged: dict[str, CheckReport] = field(default_factory=dict)
    warned: dict[str, CheckReport] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def run(self) -> Iterator[Notice]:
        """Judge every check, and tell of each when its verdict stands."""
        for spec, kind in self.plan.checks:
            yield CheckStarted(check=spec.id, type=spec.type)
            begun = time.perf_counter()
            self._judge(spec, kind)
            self.seconds[spec.id] = time.perf_counter() - begun
            if not self._together:
                yield _told(self._settled(spec))
        if self._together:
            self._correct()
            yield from (_told(self._settled(spec)) for spec, _ in self.plan.checks)

    def is_decided(self) -> bool:
        """Whether more prompts would change no verdict; checks that record nothing are not looked at.

        They count as tests all the same, where checks are taken together. A check with `warn_if` is decided when it is
        by both of its bounds.
        """
        for spec, kind in self.plan.checks:
            if kind.arms(spec, suite=self.suite, candidate=self.adapters["candidate"]):
                self._judge(spec, kind)
            else:
                self.judged[spec.id] = report(spec, Verdict.PASS, "")
        if self._together:
            self._correct()
        found = [*self.judged.values(), *self.warned.values()]
        self.judged.clear()
        self.warned.clear()
        return not any(each.verdict in UNDECIDED for each in found)

    @property
    def _together(self) -> bool:
        return self.suite.family == "alert: any"

    def _judge(self, spec: CheckSpec, kind: CheckType) -> None:
        self.judged[spec.id] = self._at(LEVEL, spec, kind)
        if spec.warned is not None:
            self.warned[spec.id] = self._at(LEVEL, spec.warned, kind)

    def _settled(self, spec: CheckSpec) -> CheckReport:
        """The report of a check with what its `warn_if` says; it takes the place of the one without."""
        if spec.id in self.warned:
            self.judged[spec.id] = with_warning(self.judged[spec.id], self.warned[spec.id], spec.warn_if)
        return self.judged[spec.id]

    def _correct(self) -> None:
        """Correct fails for their number: those that are an alarm, and apart from them those that are a warning.

        So warnings, however many are declared, leave the alarm as it is.
        """
        tests = {spec.id: (spec, kind) for spec, kind in self.plan.checks}
        for spec, kind in self.plan.checks:
            if spec.warned is not None:
                tests[f"{spec.id}.warn_if"] = spec.warned, kind
        found = {**self.judged, **{f"{name}.warn_if": each for name, each in self.warned.items()}}
        for severity in ("fail", "warn"):
            family = {name: each for name, each in found.items() if each.severity == severity}
            found |= alarms(family, lambda name, level: self._at(level, *tests[name]), level=LEVEL)
        self.judged.update({name: found[name] for name in self.judged})
        self.warned.update({name: found[f"{name}.warn_if"] for name in self.warned})

    def _at(self, level: float, spec: CheckSpec, kind: CheckType) -> CheckReport:
        if spec.id in self.gaps:
            return report(spec, Verdict.UNOBSERVED, self.gaps[spec.id])
        evidence = Evidence(
            suite=self.suite,
            adapters=self.adapters,
            store=self.store,
            judged=self.judged,
            exact_replay=self.exact_replay,
            earlier=self.earlier,
            estimators=Estimators(level=level, sequential=self.suite.sampling.sequential),
        )
        return _with_looks(_judged(kind, spec, evidence), self.suite, cut_short=self.cut_short)


def _with_looks(found: CheckReport, suite: Suite, *, cut_short: bool) -> CheckReport:
    """Of a sequential run: after how many of the declared prompts it stopped."""
    task = suite.tasks.get(found.parameters.get("task", ""))
    if not suite.sampling.sequential or task is None or found.n is None:
        return found
    words = f"{found.reason}{LOOKED}decided after {found.n:,} of {task.n:,}."
    if found.verdict in UNDECIDED:
        after = f"{found.n:,} of {task.n:,}: no more are recorded" if cut_short else f"all {task.n:,}"
        words = f"{found.reason}{LOOKED}and undecided after {after}."
    return replace(found, reason=words, evidence={**found.evidence, "sequential": {"n": found.n, "of": task.n}})


def not_recorded(error: NotRecordedError) -> str:
    """Why a check observed nothing, as a reason."""
    return f"Not judged: {error}."


def _told(found: CheckReport) -> CheckJudged:
    return CheckJudged(check=found.id, verdict=found.verdict.value, report=found)


def _judged(kind: CheckType, spec: CheckSpec, evidence: Evidence) -> CheckReport:
    """A check that breaks down is reported as such; the others still get their verdicts."""
    try:
        return kind.judge(spec, evidence)
    except NotRecordedError as error:
        return report(spec, Verdict.UNOBSERVED, not_recorded(error))
    except MonitorbenchError as error:
        return report(spec, Verdict.ERROR, str(error))
    except Exception as error:  # any other failure is the check's own, and must not cost the verdicts of the others
        return report(spec, Verdict.ERROR, f"The check broke down: {type(error).__name__}: {error}")
