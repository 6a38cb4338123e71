"""From what was recorded to the reports of all checks of a suite."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from monitorbench.checks.base import LOOKED, CheckType, Evidence, report
from monitorbench.checks.family import alarms
from monitorbench.checks.raised import too_many, with_batches, with_raised
from monitorbench.checks.second_bounds import with_warning
from monitorbench.errors import MonitorbenchError, NotRecordedError
from monitorbench.notices import CheckJudged, CheckStarted, Notice
from monitorbench.planning import Plan
from monitorbench.report.model import CheckReport, Report, Verdict
from monitorbench.stats.estimators import Estimators
from monitorbench.stats.interval import LEVEL
from monitorbench.suite.model import CheckSpec, Severity, Suite

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
        return not any(each.verdict in UNDECIDED or too_many(each) for each in found)

    @property
    def _together(self) -> bool:
        return self.suite.family == "alert: any"

    def _judge(self, spec: CheckSpec, kind: CheckType) -> None:
        kept: dict[Hashable, Any] = {}
        self.judged[spec.id] = self._at(LEVEL, spec, kind, kept)
        if spec.warned is not None:
            self.warned[spec.id] = self._at(LEVEL, spec.warned, kind, kept)

    def _settled(self, spec: CheckSpec) -> CheckReport:
        """The report of a check with what its `warn_if` says; it takes the place of the one without."""
        if spec.id in self.warned:
            self.judged[spec.id] = with_warning(self.judged[spec.id], self.warned[spec.id], spec.warn_if)
        return self.judged[spec.id]

    def _correct(self) -> None:
        """Correct fails for their number: alarms, fails of severity warn, and breaches of `warn_if`, each apart.

        So none of them, however many are declared, changes what the others come to.
        """
        own = {spec.id: (spec, kind) for spec, kind in self.plan.checks}
        tighter = {spec.id: (spec.warned, kind) for spec, kind in self.plan.checks if spec.warned is not None}
        self._correct_among(self.judged, "fail", own)
        self._correct_among(self.judged, "warn", own)
        self._correct_among(self.warned, "warn", tighter)

    def _correct_among(
        self, found: dict[str, CheckReport], severity: Severity, tests: Mapping[str, tuple[CheckSpec, CheckType]]
    ) -> None:
        family = {name: each for name, each in found.items() if each.severity == severity}
        found.update(alarms(family, lambda name, level: self._at(level, *tests[name]), level=LEVEL))

    def _at(
        self, level: float, spec: CheckSpec, kind: CheckType, kept: dict[Hashable, Any] | None = None
    ) -> CheckReport:
        if spec.id in self.gaps:
            return report(spec, Verdict.UNOBSERVED, self.gaps[spec.id])
        from monitorbench.rollouts.whole_prompts import WholePrompts

        kept = {} if kept is None else kept
        store: WholePrompts = kept.setdefault(WholePrompts, WholePrompts(self.store))
        while True:
            unseen = len(store.left_out)
            evidence = Evidence(
                suite=self.suite,
                adapters=self.adapters,
                store=store,
                judged=self.judged,
                exact_replay=self.exact_replay,
                estimators=Estimators(level=level, sequential=self.suite.sampling.sequential, unseen=unseen),
                kept=kept,
                earlier=self.earlier,
            )
            found = _judged(kind, spec, evidence)
            # What raised in an arm is known once it was read; then all arms are read again without those prompts.
            if len(store.left_out) == unseen:
                break
            kept.clear()
            kept[WholePrompts] = store
        told = with_batches(
            _with_looks(found, self.suite, cut_short=self.cut_short), store, self.suite.sampling.batch_size
        )
        return with_raised(told, store)


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
