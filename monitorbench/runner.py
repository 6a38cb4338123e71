"""Suite -> plan -> record -> judge -> report. Yields notices; prints nothing."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitorbench.checks.base import CheckType, Evidence, report
from monitorbench.errors import MonitorbenchError
from monitorbench.notices import (
    CheckJudged,
    CheckStarted,
    ModelLoaded,
    Notice,
    RunDone,
    RunPlanned,
    SettingIgnored,
)
from monitorbench.planning import Plan, build_task, make_plan, needs_baseline, require_usable
from monitorbench.report.exit_code import Inconclusive, overall
from monitorbench.report.model import CheckReport, Report, RunFacts, Verdict
from monitorbench.suite.loader import resolved
from monitorbench.suite.model import CheckSpec, Suite

if TYPE_CHECKING:
    from monitorbench.adapters.factory import Loaded
    from monitorbench.rollouts.arm import Arm
    from monitorbench.rollouts.recorder import Recording


def run(
    suite: Suite, *, inconclusive: Inconclusive = "fail", store: Path | None = None, fresh: bool = False
) -> Iterator[Notice]:
    """Run a suite; the last notice is RunDone with the report.

    Args:
        suite: what to run.
        inconclusive: what an inconclusive check does to the exit code.
        store: folder in which rollouts are kept, and found again by a later run; None keeps them in memory.
        fresh: take nothing from the store that was there before.

    Raises:
        MonitorbenchError: the suite, a checkpoint or a setting cannot be used; nothing was judged then.
    """
    from monitorbench.adapters.batches import own_settings
    from monitorbench.adapters.factory import resolve_device
    from monitorbench.rollouts.missing import record_all
    from monitorbench.rollouts.store import RunStore

    started, clock = datetime.now(UTC), time.perf_counter()
    require_usable(suite)
    device = resolve_device(suite.device)
    models: dict[str, Loaded] = {}
    for notice, role, model in _load_models(suite, device):
        models[role] = model
        yield notice
    candidate = models["candidate"].adapter
    if ignored := sorted(suite.sampling.sampler.keys() - own_settings(candidate, suite.sampling.sampler).keys()):
        yield SettingIgnored(role="candidate", settings=tuple(ignored))
    plan = make_plan(suite, candidate)
    yield _planned(suite, plan)
    recordings = _prepared(suite, plan, models, kept=store is not None)
    judged: dict[str, CheckReport] = {}
    seconds: dict[str, float] = {}
    with RunStore(store if recordings else None, fresh=fresh) as kept:
        yield from record_all(recordings, kept)
        adapters = {role: model.adapter for role, model in models.items()}
        evidence = Evidence(suite=suite, adapters=adapters, store=kept, judged=judged, exact_replay=device == "cpu")
        yield from _judge_all(plan, evidence, judged, seconds)
    checks = tuple(judged[spec.id] for spec in suite.checks)
    verdict, code = overall(checks, inconclusive)
    facts = RunFacts(
        started=started.isoformat(timespec="seconds"),
        seconds=round(time.perf_counter() - clock, 3),
        host=platform.node(),
        platform=platform.platform(),
        seconds_by_check={name: round(taken, 3) for name, taken in seconds.items()},
    )
    yield RunDone(
        report=Report(
            verdict=verdict,
            exit_code=int(code),
            versions=_versions(),
            device={"type": device.partition(":")[0], "dtype": suite.dtype},
            suite_sha256=suite.source_hash,
            suite=resolved(suite),
            models=tuple(model.report for model in models.values()),
            checks=checks,
            run=facts,
        )
    )


def _load_models(suite: Suite, device: str) -> Iterator[tuple[Notice, str, Loaded]]:
    from monitorbench.adapters.factory import load_model

    specs = {"candidate": suite.model}
    if suite.baseline is not None and needs_baseline(suite):
        specs["baseline"] = suite.baseline
    for role, spec in specs.items():
        model = load_model(role, spec, device=device, dtype=suite.dtype, sampler=suite.sampling.sampler)
        yield ModelLoaded(role=role, source=spec.source, parameters=model.report.parameters, device=device), role, model


def _planned(suite: Suite, plan: Plan) -> RunPlanned:
    rollouts = sum(suite.tasks[arm.task].n * suite.sampling.seeds_per_prompt for arm in plan.arms)
    return RunPlanned(suite=suite.name, arms=len(plan.arms), rollouts=rollouts, checks=len(plan.checks))


def _prepared(suite: Suite, plan: Plan, models: dict[str, Loaded], *, kept: bool) -> list[Recording]:
    """Every arm, before the first one is recorded: what the last one refuses must not cost hours."""
    return [_prepared_arm(suite, arm, models[arm.role], kept=kept) for arm in plan.arms]


def _prepared_arm(suite: Suite, arm: Arm, model: Loaded, *, kept: bool) -> Recording:
    """An arm that can be recorded, with all that decides its rollouts if they are kept."""
    from monitorbench.rollouts.facts import arm_facts
    from monitorbench.rollouts.recorder import prepare

    spec = suite.tasks[arm.task]
    task = build_task(spec, dict(arm.form))
    problems = task.problems(spec.n)
    recording = prepare(arm, adapter=model.adapter, task=task, problems=problems, sampling=suite.sampling)
    if not kept:
        return recording
    facts = arm_facts(
        arm,
        adapter=model.adapter,
        model=model.report,
        task=task,
        parameters=spec.parameters,
        limits=recording.limits,
    )
    return replace(recording, facts=facts.text)


def _judge_all(
    plan: Plan, evidence: Evidence, judged: dict[str, CheckReport], seconds: dict[str, float]
) -> Iterator[Notice]:
    """Judge every check; the reports go to `judged`, which is also a part of the evidence, the times to `seconds`."""
    for spec, kind in plan.checks:
        yield CheckStarted(check=spec.id, type=spec.type)
        begun = time.perf_counter()
        judged[spec.id] = _judge(kind, spec, evidence)
        seconds[spec.id] = time.perf_counter() - begun
        yield CheckJudged(check=spec.id, verdict=judged[spec.id].verdict.value, report=judged[spec.id])


def _judge(kind: CheckType, spec: CheckSpec, evidence: Evidence) -> CheckReport:
    """A check that breaks down is reported as such; the others still get their verdicts."""
    try:
        return kind.judge(spec, evidence)
    except MonitorbenchError as error:
        return report(spec, Verdict.ERROR, str(error))
    except Exception as error:  # any other failure is the check's own, and must not cost the verdicts of the others
        return report(spec, Verdict.ERROR, f"The check broke down: {type(error).__name__}: {error}")


def _versions() -> dict[str, Any]:
    packages = {name: version(name) for name in ("monitorbench", "torch", "transformers")}
    return {"python": ".".join(map(str, sys.version_info[:3])), **packages}
