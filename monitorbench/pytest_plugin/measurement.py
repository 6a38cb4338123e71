"""What a check of a hand-written test came to, to be asserted on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from monitorbench.report.model import CheckReport, Interval
    from monitorbench.suite.model import Suite

_JUDGED = ("pass", "fail", "inconclusive")
_OF_THE_INTERVAL = (None, "drop unclear")
"""Causes of an inconclusive bottleneck that are about the width of its interval; others are about what it rests on."""


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Measurement:
    """A measurement with its evidence.

    Figures can only be had where something was measured: a check that does not apply, that observed nothing or broke
    down, or of which a control came out wrong, fails the test that asks it for one. Otherwise a number that proves
    nothing would pass for a small drop.

    Attributes:
        report: the check as reports hold it, with controls and further evidence.
        bounded: whether the test gave a bound of its own; without one there is nothing to pass.
        suite: what was run.
    """

    report: CheckReport
    bounded: bool
    suite: Suite

    @property
    def estimate(self) -> float:
        """The measured number, in `unit`: a share where that is `share`, so 0.05 for five points."""
        __tracebackhide__ = True
        return self._figures[0]

    @property
    def interval(self) -> Interval:
        """The interval of the estimate, with `low`, `high`, `level` and `method`."""
        __tracebackhide__ = True
        return self._figures[1]

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        __tracebackhide__ = True
        return self._figures[1].low

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        __tracebackhide__ = True
        return self._figures[1].high

    @property
    def n(self) -> int | None:
        """Number of prompts that the estimate rests on; None where nothing is sampled."""
        return self.report.n

    @property
    def unit(self) -> str:
        """Unit of the estimate."""
        return self.report.unit

    @property
    def reason(self) -> str:
        """The verdict in words; without a bound, that there is none."""
        return self.report.reason if self._has_verdict else "No bound was given."

    @property
    def verdict(self) -> str:
        """What the check came to against the bound that the test gave."""
        __tracebackhide__ = True
        if not self._has_verdict:
            pytest.fail(
                f"{self!r}: there is no verdict without a bound; give one, such as max_drop or max, or assert on "
                "estimate, low or high",
                pytrace=False,
            )
        return self.report.verdict.value

    @property
    def _has_verdict(self) -> bool:
        return self.bounded or self.report.verdict not in _JUDGED

    @property
    def _figures(self) -> tuple[float, Interval]:
        """Estimate and interval; what came out exactly has an interval without width."""
        __tracebackhide__ = True
        from monitorbench.report.model import Interval

        estimate, interval = self.report.estimate, self.report.interval
        if estimate is None or not _is_measured(self.report):
            pytest.fail(f"nothing was measured: {self!r}: {self.report.reason}", pytrace=False)
        exact = Interval(low=estimate, high=estimate, level=1.0, method="by construction")
        return estimate, exact if interval is None else interval

    def __repr__(self) -> str:
        """On one line, as a failed assertion shows it."""
        from monitorbench.pytest_plugin.words import numbers
        from monitorbench.report.words import one_line

        report = self.report
        verdict = f", {report.verdict}" if self._has_verdict else ""
        facts = numbers(report, bound=self.bounded)
        return one_line(f"<{report.type} of {self.suite.model.source}{verdict}{f': {facts}' if facts else ''}>")


def _is_measured(report: CheckReport) -> bool:
    """Whether a check came to a number that says something of the model."""
    if report.verdict not in _JUDGED or any(control.ok is False for control in report.controls):
        return False
    return report.verdict != "inconclusive" or report.evidence.get("cause") in _OF_THE_INTERVAL
