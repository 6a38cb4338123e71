"""What a case came to, beside what it had to come to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from monitorbench.report.model import CheckReport, Report
from monitorbench.selftest.cases import Case

REPLAYS = "identity: share of rollouts changed"
"""Name of the control that says how many rollouts do not come out again as they were."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """One case, run.

    Attributes:
        case: the case.
        report: what the run ended in; None where it did not end.
        error: why there is no report; empty where there is one.
        seconds: wall time, loading included.
        rollouts: how many were recorded.
        peak_bytes: memory of the device at most; of the whole process on a CPU.
    """

    case: Case
    report: Report | None
    error: str
    seconds: float
    rollouts: int
    peak_bytes: int

    @property
    def differences(self) -> tuple[str, ...]:
        """What came out otherwise than expected, in words; empty where all is right."""
        return (self.error,) if self.report is None else tuple(self._differences(self.report.checks))

    def _differences(self, checks: Sequence[CheckReport]) -> Iterator[str]:
        found = {check.id: check for check in checks}
        for name, verdict in self.case.expected.items():
            if name not in found:
                yield f"{name}: expected {verdict}, was not run"
            elif found[name].verdict is not verdict:
                yield f"{name}: expected {verdict}, came to {found[name].verdict}: {found[name].reason}"
        yield from (f"{name}: no verdict is expected of it" for name in found if name not in self.case.expected)

    def as_json(self) -> dict[str, Any]:
        """Verdicts with their figures, and what the run cost."""
        checks = () if self.report is None else self.report.checks
        return {
            "name": self.case.name,
            "truth": self.case.truth,
            "as_expected": not self.differences,
            "differences": list(self.differences),
            "checks": {check.id: _figures(check) for check in checks},
            "replay_mismatch": next(iter(_mismatches(checks)), None),
            "seconds": round(self.seconds, 1),
            "rollouts_per_second": round(self.rollouts / self.seconds, 1) if self.seconds else None,
            "peak_megabytes": round(self.peak_bytes / 1e6),
        }


def _figures(check: CheckReport) -> dict[str, Any]:
    interval = None if check.interval is None else [check.interval.low, check.interval.high]
    accuracy = check.evidence.get("accuracy")
    return {
        "verdict": check.verdict.value,
        "estimate": check.estimate,
        "interval": interval,
        "n": check.n,
        **({} if accuracy is None else {"accuracy": accuracy}),
    }


def _mismatches(checks: Sequence[CheckReport]) -> Iterator[float | None]:
    return (control.value for check in checks for control in check.controls if control.name == REPLAYS)
