"""How often a suite errs: the same checkpoint judged again and again, each time on new problems and new seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from monitorbench.notices import Notice, RunStarted
from monitorbench.report.model import CheckReport, Report, Verdict
from monitorbench.runner import load_models, run
from monitorbench.stats.bounded import bounded_mean
from monitorbench.stats.interval import Estimate
from monitorbench.suite.model import Suite
from monitorbench.tasks.registry import TASKS

SETTLED = (Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rates:
    """How often a check erred, over runs that differ by chance alone.

    What is true is taken from all runs together: their mean estimate against the bound. At the edge, the same intervals
    are held against a bound that lies exactly there, where each of the two errors is most frequent.

    Attributes:
        check: its id.
        runs: runs that came to an estimate.
        truth: the mean of the estimates; None without any.
        keeps: whether it keeps the bound; None without any.
        verdicts: how many runs came to which verdict.
        false_fail: share of runs that failed though the bound is kept; None where it is not kept.
        false_pass: share of runs that passed though the bound is not kept; None where it is kept.
        inconclusive: share of runs that decided nothing.
        edge_fail: share of runs whose interval lies wholly above a bound at the truth, or below a least value there.
        edge_pass: share of runs whose interval lies wholly inside such a bound.
    """

    check: str
    runs: int
    truth: float | None
    keeps: bool | None
    verdicts: dict[str, int]
    false_fail: Estimate | None
    false_pass: Estimate | None
    inconclusive: Estimate
    edge_fail: Estimate | None
    edge_pass: Estimate | None


def calibrate(suite: Suite, runs: int) -> Iterator[Notice]:
    """So many runs of one checkpoint, each with seeds of its own; the models are loaded once.

    What one run tells comes after its RunStarted and ends with its RunDone, which holds the report.

    Raises:
        MonitorbenchError: the suite, a checkpoint or a setting cannot be used.
    """
    from monitorbench.adapters.factory import resolve_device

    models = yield from load_models(suite, resolve_device(suite.device))
    for number in range(runs):
        yield RunStarted(number=number + 1, total=runs)
        yield from run(reseeded(suite, number), models=models)


def rates_of(reports: Sequence[Report]) -> list[Rates]:
    """The rates of every gated check, over at least one run."""
    by_check = zip(*(report.checks for report in reports), strict=True)
    return [rates(checks) for checks in by_check if checks[0].gated]


def reseeded(suite: Suite, run: int) -> Suite:
    """The suite with seeds of its own for one of many runs: of rollouts, and of problems where they are drawn."""
    shift = 1_000_003 * (run + 1)
    tasks = {
        name: replace(task, parameters={**task.parameters, "seed": task.parameters["seed"] + shift})
        if "seed" in TASKS.load(task.family).schema.properties
        else task
        for name, task in suite.tasks.items()
    }
    return replace(suite, tasks=tasks, sampling=replace(suite.sampling, seed=suite.sampling.seed + shift))


def rates(reports: Sequence[CheckReport]) -> Rates:
    """The rates of one check over its reports of all runs, at least one."""
    # Bounds are calibrated: what was accepted before has no say.
    verdicts = [report.own_verdict for report in reports]
    sampled = [report for report in reports if report.estimate is not None and report.own_verdict in SETTLED]
    truth = sum(report.estimate or 0.0 for report in sampled) / len(sampled) if sampled else None
    keeps = None if truth is None else _kept(sampled[0], truth)
    failed, passed = _share(v is Verdict.FAIL for v in verdicts), _share(v is Verdict.PASS for v in verdicts)
    edges = list(_at_edge(sampled, truth)) if truth is not None else []
    return Rates(
        check=reports[0].id,
        runs=len(sampled),
        truth=truth,
        keeps=keeps,
        verdicts={verdict.value: verdicts.count(verdict) for verdict in dict.fromkeys(verdicts)},
        false_fail=failed if keeps is True else None,
        false_pass=passed if keeps is False else None,
        inconclusive=_share(v is Verdict.INCONCLUSIVE for v in verdicts),
        edge_fail=_share(edge == "fail" for edge in edges) if edges else None,
        edge_pass=_share(edge == "pass" for edge in edges) if edges else None,
    )


def _share(hits: Iterator[bool]) -> Estimate:
    return bounded_mean([float(hit) for hit in hits])


def _kept(report: CheckReport, value: float) -> bool:
    least, most = (report.bound.min, report.bound.max) if report.bound is not None else (None, None)
    return (least is None or value >= least) and (most is None or value <= most)


def _at_edge(reports: Sequence[CheckReport], truth: float) -> Iterator[str]:
    """What each interval says of a bound that lies at the truth; a value with no interval says nothing by chance."""
    for report in reports:
        interval, bound = report.interval, report.bound
        if interval is None or bound is None or interval.level == 1.0:
            continue
        above, below = interval.low > truth, interval.high < truth
        if bound.max is not None and bound.min is None:
            yield "fail" if above else "pass" if below else "inconclusive"
        elif bound.min is not None and bound.max is None:
            yield "fail" if below else "pass" if above else "inconclusive"
