"""Stored rollouts -> judge -> report, by another suite and without a model. Yields notices; prints nothing."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitorbench.errors import UsageError
from monitorbench.gathering import gather
from monitorbench.judging import Judge
from monitorbench.notices import Notice, RunDone
from monitorbench.planning import make_plan, needs_baseline, require_usable
from monitorbench.report.model import Inconclusive, Policy, Report, RunFacts
from monitorbench.report.write import read
from monitorbench.runner import assembled, facts_of_process, held, planned, versions
from monitorbench.suite.loader import MODELS, resolved
from monitorbench.suite.model import Suite

if TYPE_CHECKING:
    from monitorbench.adapters.base import Adapter
    from monitorbench.report.baseline.model import BaselineFile
    from monitorbench.rollouts.stand_in import StandIn

StandIns = Mapping[str, "StandIn"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Earlier:
    """A run whose rollouts are judged again.

    Attributes:
        report: what came of it.
        path: the file of the report.
        folder: where its rollouts are kept.
    """

    report: Report
    path: Path
    folder: Path


def rescore(
    suite: Suite,
    earlier: Earlier,
    *,
    inconclusive: Inconclusive = "fail",
    strict: bool = False,
    accepted: BaselineFile | None = None,
) -> Iterator[Notice]:
    """Judge what an earlier run recorded by a suite; the last notice is RunDone with the report.

    A check whose rollouts or depths were not recorded, or not under the same conditions, is `unobserved`.

    Args:
        suite: what is asked now: of the same models, under the same sampler settings.
        earlier: the run.
        inconclusive: what an inconclusive check does to the exit code.
        strict: whether warnings count as fails.
        accepted: what the report is held against, as for `runner.run`.

    Raises:
        SuiteError: the suite cannot be used.
        UsageError: it is about other models, or the run cannot be read.
    """
    from monitorbench.rollouts.recorded import Recorded
    from monitorbench.rollouts.store import RunStore

    started, clock = datetime.now(UTC), time.perf_counter()
    require_usable(suite)
    _require_same(suite, earlier)
    with Recorded(earlier.folder) as recorded, RunStore(recorded=recorded) as kept:
        stand_ins: dict[str, Any] = {
            role: recorded.model(digest) for role, digest in earlier.report.run.recorded.items()
        }
        plan = make_plan(suite, _candidate(stand_ins, earlier))
        yield planned(suite, plan)
        judge = Judge(
            suite=suite,
            plan=plan,
            adapters=stand_ins,
            store=kept,
            exact_replay=earlier.report.device.get("type") == "cpu",
            earlier=earlier.report,
        )
        judge = yield from gather(judge, stand_ins, recorded)
        yield from judge.run()
    roles = ("candidate", "baseline") if needs_baseline(suite) else ("candidate",)
    policy = Policy(inconclusive=inconclusive, strict=strict)
    report = assembled(
        suite,
        judge,
        models=tuple(model for model in earlier.report.models if model.role in roles),
        versions=earlier.report.versions,
        device=earlier.report.device,
        policy=policy,
        run=RunFacts(
            **facts_of_process(started, clock),
            recorded=earlier.report.run.recorded,
            rescored=_origin(earlier, stand_ins),
        ),
    )
    yield RunDone(report=held(report, accepted, policy))


def sources(report: Report) -> frozenset[str]:
    """Where the models of a run came from: they need not be there any more."""
    return frozenset(report.suite[role]["source"] for role in MODELS if role in report.suite)


def find(report: Path, folder: Path) -> Earlier:
    """The run behind a report and a folder of rollouts.

    Raises:
        UsageError: the report cannot be read.
    """
    return Earlier(report=read(report), path=report, folder=folder)


def _candidate(stand_ins: StandIns, earlier: Earlier) -> Adapter:
    candidate: Any = stand_ins.get("candidate")
    if candidate is None:
        what = "its run kept nothing that could be judged without the model"
        raise UsageError(what, where=str(earlier.path), fix="run the suite once more: that finds the rollouts it has")
    adapter: Adapter = candidate
    return adapter


def _require_same(suite: Suite, earlier: Earlier) -> None:
    """Refuse a suite about which rollouts of that run say nothing at all.

    Raises:
        UsageError: it names another model, number format, device or sampler.
    """
    asked, was, device = resolved(suite), earlier.report.suite, earlier.report.device
    roles = ("model", "baseline") if needs_baseline(suite) and "baseline" in was else ("model",)
    differs = [role for role in roles if asked.get(role) != was.get(role)]
    differs += ["dtype"] if suite.dtype != device.get("dtype") else []
    differs += ["device"] if suite.device not in ("auto", was.get("device"), device.get("type")) else []
    differs += ["sampling.sampler"] if asked["sampling"]["sampler"] != was["sampling"]["sampler"] else []
    if differs:
        what = f"the suite's {' and '.join(differs)} is not that of the run"
        raise UsageError(what, where=str(earlier.path), fix="change it (--set, --model), or run the suite")


def _origin(earlier: Earlier, stand_ins: StandIns) -> dict[str, Any]:
    """Which rollouts were judged, and by which code: what they are was decided by that of the run."""
    from monitorbench.rollouts.sources import own_code

    code = {stand_in.facts.decides["code"]["monitorbench"] for stand_in in stand_ins.values()}
    return {
        "report": str(earlier.path),
        "sha256": hashlib.sha256(earlier.path.read_bytes()).hexdigest(),
        "versions": versions(),
        "same_code": code == {own_code()},
    }
