"""Suite -> plan -> record -> judge -> report. Yields notices; prints nothing."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from monitorbench.judging import Judge
from monitorbench.notices import ModelLoaded, Notice, RunDone, RunPlanned, SettingIgnored, Working
from monitorbench.planning import Plan, build_task, make_plan, needs_baseline, require_usable
from monitorbench.ranks.environment import Ranks
from monitorbench.report.baseline.judge import held_against
from monitorbench.report.exit_code import overall
from monitorbench.report.model import Inconclusive, ModelReport, Policy, Report, RunFacts
from monitorbench.suite.loader import resolved
from monitorbench.suite.model import CheckSpec, Suite

if TYPE_CHECKING:
    from monitorbench.adapters.base import Adapter
    from monitorbench.adapters.factory import Loaded
    from monitorbench.checks.base import CheckType
    from monitorbench.ranks.follower import Follower
    from monitorbench.ranks.leader import Leader
    from monitorbench.report.baseline.model import BaselineFile
    from monitorbench.rollouts.arm import Arm
    from monitorbench.rollouts.model_facts import ModelFacts
    from monitorbench.rollouts.recorder import Recording
    from monitorbench.rollouts.store import RunStore


Models = dict[str, "Loaded"]
"""Loaded models by role, `candidate` and, where a check compares with one, `baseline`."""


def run(
    suite: Suite,
    *,
    inconclusive: Inconclusive = "fail",
    strict: bool = False,
    store: Path | None = None,
    fresh: bool = False,
    models: Models | None = None,
    leader: Leader | None = None,
    accepted: BaselineFile | None = None,
) -> Iterator[Notice]:
    """Run a suite; the last notice is RunDone with the report.

    Args:
        suite: what to run.
        inconclusive: what an inconclusive check does to the exit code.
        strict: whether warnings count as fails.
        store: folder in which rollouts are kept, and found again by a later run; None keeps them in memory.
        fresh: take nothing from the store that was there before.
        models: what `load_models` made of this suite, or of one that differs in seeds only; None loads them.
        leader: this process where it leads several ranks, which run the batches together.
        accepted: what the run is held against; it is never changed. Without it, every verdict counts, and a check that
            asks for `max_drop_vs: previous` is unobserved.

    Raises:
        MonitorbenchError: the suite, a checkpoint or a setting cannot be used; nothing was judged then.
    """
    from monitorbench.ranks.devices import device_of, split
    from monitorbench.rollouts.looks import record_until
    from monitorbench.rollouts.missing import record_all
    from monitorbench.rollouts.stand_in import Overheard
    from monitorbench.rollouts.store import RunStore

    started, clock = datetime.now(UTC), time.perf_counter()
    require_usable(suite)
    device = device_of(suite, leader.ranks if leader is not None else Ranks())
    if models is None:
        models = yield from load_models(suite, device)
    plan = make_plan(suite, models["candidate"].adapter)
    yield planned(suite, plan)
    # Every arm is prepared before the first one is recorded: what the last one refuses must not cost hours.
    # Several ranks have to agree on what decides rollouts, kept or not.
    facts = known(suite, models) if plan.arms and (store is not None or leader is not None) else {}
    recordings = _all_prepared(suite, plan, models, facts, store)
    if leader is not None:
        recordings = leader.agree(recordings, whole=split(suite))
    with RunStore(store if recordings else None, fresh=fresh) as kept:
        recorded = {role: kept.know_model(each) for role, each in facts.items() if kept.keeps}
        adapters: dict[str, Any] = {role: Overheard(model.adapter) for role, model in models.items()}
        judge = Judge(suite=suite, plan=plan, adapters=adapters, store=kept, exact_replay=device == "cpu")
        if suite.sampling.sequential:
            yield from record_until(recordings, kept, prompts=portion_size(suite), enough=judge.is_decided)
        else:
            yield from record_all(recordings, kept)
            for spec, kind in plan.checks:
                yield from record_more(spec, kind, suite=suite, recordings=recordings, store=kept)
        if leader is not None:
            leader.release()
        yield from judge.run()
        for role, digest in recorded.items():
            kept.know_texts(digest, adapters[role].texts)
    policy = Policy(inconclusive=inconclusive, strict=strict)
    report = assembled(
        suite,
        judge,
        models=tuple(model.report for model in models.values()),
        versions=versions(),
        device={"type": device.partition(":")[0], "dtype": suite.dtype},
        policy=policy,
        run=RunFacts(**facts_of_process(started, clock), recorded=recorded),
    )
    yield RunDone(report=held(report, accepted, policy))


def held(report: Report, accepted: BaselineFile | None, policy: Policy) -> Report:
    """The report held against what was accepted."""
    checks = held_against(report, accepted)
    verdict, code = overall(checks, policy)
    return replace(report, checks=checks, verdict=verdict, exit_code=int(code))


def follow(suite: Suite, follower: Follower, *, models: Models | None = None) -> None:
    """Run batches of a suite for the rank that leads; nothing is kept, judged or written.

    Args:
        suite: what is run.
        follower: this rank.
        models: as in `run`.

    Raises:
        MonitorbenchError: as `run`; the checkpoint may be another one on this machine.
    """
    from monitorbench.ranks.devices import device_of

    require_usable(suite)
    device = device_of(suite, follower.ranks)
    if models is None:
        models = finished(load_models(suite, device))
    plan = make_plan(suite, models["candidate"].adapter)
    follower.follow(_all_prepared(suite, plan, models, known(suite, models)))


def _all_prepared(
    suite: Suite, plan: Plan, models: Models, facts: Mapping[str, ModelFacts], folder: Path | None = None
) -> list[Recording]:
    return [
        prepared(suite, arm, models[arm.role].adapter, facts=facts.get(arm.role), folder=folder) for arm in plan.arms
    ]


def assembled(
    suite: Suite,
    judge: Judge,
    *,
    models: tuple[ModelReport, ...],
    versions: Mapping[str, str],
    device: Mapping[str, str],
    policy: Policy,
    run: RunFacts,
) -> Report:
    """The report of a suite whose checks are judged."""
    checks = tuple(judge.judged[spec.id] for spec in suite.checks)
    verdict, code = overall(checks, policy)
    seconds = {name: round(taken, 3) for name, taken in judge.seconds.items()}
    return Report(
        verdict=verdict,
        exit_code=int(code),
        versions=versions,
        device=device,
        suite_sha256=suite.source_hash,
        suite=resolved(suite),
        models=models,
        checks=checks,
        run=replace(run, seconds_by_check=seconds),
        policy=policy,
    )


def facts_of_process(started: datetime, clock: float) -> dict[str, Any]:
    """When and where something ran that began at a time, and at a reading of the performance counter."""
    return {
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - clock, 3),
        "host": platform.node(),
        "platform": platform.platform(),
    }


def portion_size(suite: Suite) -> int:
    """Prompts between two looks of a sequential run."""
    return suite.sampling.batch_size // suite.sampling.seeds_per_prompt


def record_more(
    spec: CheckSpec, kind: CheckType, *, suite: Suite, recordings: Sequence[Recording], store: RunStore
) -> Iterator[Notice]:
    """What a check wants recorded that rests on what the arms came to."""
    by_arm = {recording.arm: recording for recording in recordings}
    if (record := getattr(kind, "record_more", None)) is not None:
        yield from record(spec, suite=suite, recordings=by_arm, store=store)


Result = TypeVar("Result")


def finished(steps: Generator[Notice, None, Result]) -> Result:
    """What a generator of notices comes to; nobody listens to the notices."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result


def load_models(
    suite: Suite, device: str, *, load: Callable[..., Loaded] | None = None
) -> Generator[Notice, None, Models]:
    """Load the models that the suite's checks need.

    Args:
        suite: what is going to run.
        device: `cpu`, `cuda` or `cuda:N`.
        load: stands in for `adapters.factory.load_model`, such as one that knows models that are loaded already.

    Raises:
        MonitorbenchError: a checkpoint cannot be loaded or must not be used.
    """
    from monitorbench.adapters.batches import own_settings
    from monitorbench.adapters.factory import load_model

    load = load or load_model
    specs = {"candidate": suite.model}
    if suite.baseline is not None and needs_baseline(suite):
        specs["baseline"] = suite.baseline
    models: Models = {}
    for role, spec in specs.items():
        yield Working(what=f"loading the {role}, {spec.source}")
        models[role] = load(role, spec, device=device, dtype=suite.dtype, sampler=suite.sampling.sampler)
        yield ModelLoaded(role=role, source=spec.source, parameters=models[role].report.parameters, device=device)
    taken = own_settings(models["candidate"].adapter, suite.sampling.sampler)
    if ignored := sorted(suite.sampling.sampler.keys() - taken.keys()):
        yield SettingIgnored(role="candidate", settings=tuple(ignored))
    return models


def planned(suite: Suite, plan: Plan) -> RunPlanned:
    """The notice that a plan stands."""
    rollouts = sum(suite.tasks[arm.task].n * suite.sampling.seeds_per_prompt for arm in plan.arms)
    return RunPlanned(suite=suite.name, arms=len(plan.arms), rollouts=rollouts, checks=len(plan.checks))


def known(suite: Suite, models: Models) -> dict[str, ModelFacts]:
    """What decides the rollouts of each model, and what judging them asks of it, by role."""
    from monitorbench.rollouts.facts import model_facts

    sampler = suite.sampling.sampler
    return {role: model_facts(model.adapter, model.report, sampler) for role, model in models.items()}


def prepared(
    suite: Suite,
    arm: Arm,
    adapter: Adapter,
    *,
    facts: ModelFacts | None = None,
    folder: Path | None = None,
    runs: bool = True,
) -> Recording:
    """An arm that can be recorded, with all that decides its rollouts if they are kept.

    Args:
        suite: the suite.
        arm: one of its arms.
        adapter: the arm's model.
        facts: what is known of the model, where rollouts are kept.
        folder: where they are kept.
        runs: whether the model may run.
    """
    from monitorbench.rollouts.facts import arm_facts
    from monitorbench.rollouts.recorder import prepare

    spec = suite.tasks[arm.task]
    task = build_task(spec, dict(arm.form))
    problems = task.problems(spec.n)
    recording = prepare(
        arm, adapter=adapter, task=task, problems=problems, sampling=suite.sampling, cache=folder, runs=runs
    )
    if facts is None:
        return recording
    found = arm_facts(arm, model=facts, task=task, parameters=spec.parameters, limits=recording.limits)
    return replace(recording, facts=found.text, model=facts.digest)


def versions() -> dict[str, str]:
    """The releases that run here."""
    packages = {name: version(name) for name in ("monitorbench", "torch", "transformers")}
    return {"python": ".".join(map(str, sys.version_info[:3])), **packages}
