"""Runs the cases one after the other; like the runner, it yields notices and prints nothing."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator, Sequence

from monitorbench.api import load_suite
from monitorbench.errors import MonitorbenchError
from monitorbench.notices import CaseDone, CaseStarted, Notice, RunDone, RunPlanned
from monitorbench.report.model import Report
from monitorbench.runner import run
from monitorbench.selftest.cases import Case
from monitorbench.selftest.outcome import Outcome


def run_cases(cases: Sequence[Case], *, device: str, dtype: str) -> Iterator[Notice]:
    """Run every case; what one run tells comes between its CaseStarted and its CaseDone, which holds the outcome.

    A case that cannot be run is an outcome too; the others still run.

    Args:
        cases: what to run.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        dtype: `float32`, `bfloat16` or `float16`.
    """
    for number, case in enumerate(cases, start=1):
        yield CaseStarted(case=case.name, number=number, total=len(cases))
        yield from _run_case(case, device=device, dtype=dtype)


def _run_case(case: Case, *, device: str, dtype: str) -> Iterator[Notice]:
    report, error, rollouts, started = None, "", 0, time.perf_counter()
    _forget_peak()
    try:
        for notice in run(load_suite(case.path, case.overrides(device=device, dtype=dtype))):
            if isinstance(notice, RunPlanned):
                rollouts = notice.rollouts
            if isinstance(notice, RunDone) and isinstance(notice.report, Report):
                report = notice.report
            else:
                yield notice
    except MonitorbenchError as problem:
        error = str(problem)
    except Exception as problem:  # any other failure is this case's own, and must not cost the verdicts of the others
        error = f"broke down: {type(problem).__name__}: {problem}"
    outcome = Outcome(
        case=case,
        report=report,
        error=error,
        seconds=time.perf_counter() - started,
        rollouts=rollouts,
        peak_bytes=_peak_bytes(),
    )
    yield CaseDone(case=case.name, outcome=outcome)


def _forget_peak() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def _peak_bytes() -> int:
    """Peak of the device since `_forget_peak`; without one, of this process since it began."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
