"""What a baseline file holds: of every suite, by name, what was accepted of every check, by id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from monitorbench.report.model import Bound, CheckReport, Interval, Verdict

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """Which checkpoint a value was measured on: its content by hash, whatever its name."""

    source: str
    revision: str | None = None
    weights_sha256: str = ""
    config_sha256: str = ""
    tokenizer_sha256: str = ""

    @property
    def content(self) -> tuple[str, str, str] | None:
        """Its hashes; None where the weights have none, so that it cannot be told from another."""
        hashes = (self.weights_sha256, self.config_sha256, self.tokenizer_sha256)
        return hashes if self.weights_sha256 else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Prompts:
    """What each prompt contributed to a value, by prompt id, with the least and the largest possible contribution."""

    low: float
    high: float
    values: Mapping[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What was accepted of one check.

    Attributes:
        type: check type.
        verdict: what the check came to by its own bounds.
        value: its estimate; None where nothing was measured.
        tolerance: what the suite then declared; a run is judged by what it declares itself.
        environment: device, number format and versions, by dotted path.
        first_seen: day on which a value of this check was first accepted, ISO 8601.
        last_seen: day of the run whose value stands here, ISO 8601.
        reason: why it was accepted; empty where nothing had to be said.
        expires: last day on which a known failure is let through, ISO 8601; None for what is no failure.
        settings: what decides what was measured, by dotted path: values under other settings are not comparable.
        prompts: None where the check does not say what each prompt contributed.
    """

    type: str
    verdict: Verdict
    value: float | None
    unit: str
    interval: Interval | None
    bound: Bound | None
    n: int | None
    tolerance: Mapping[str, float] | None
    checkpoint: Checkpoint
    environment: Mapping[str, str]
    first_seen: str
    last_seen: str
    reason: str = ""
    expires: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    prompts: Prompts | None = None

    def is_expired(self, day: str) -> bool:
        """Whether a known failure is no longer let through on a day (ISO 8601)."""
        return self.expires is not None and day > self.expires

    def as_check(self, name: str) -> CheckReport:
        """The accepted value as a check of a report, for what compares checks."""
        held = self.prompts
        ids, values = ([], []) if held is None else (list(held.values), list(held.values.values()))
        ends = {} if held is None else {"ids": ids, "values": values, "low": held.low, "high": held.high}
        return CheckReport(
            id=name,
            type=self.type,
            line=1,
            file="",
            gated=True,
            verdict=self.verdict,
            reason="accepted",
            estimate=self.value,
            unit=self.unit,
            interval=self.interval,
            bound=self.bound,
            n=self.n,
            evidence={"per_prompt": ends} if ends else {},
        )


Entries = Mapping[str, Entry]
"""By check id."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BaselineFile:
    """A baseline file. One file may hold several suites, each under its name, so that a repository needs only one."""

    suites: Mapping[str, Entries] = field(default_factory=dict)

    def of(self, suite: str) -> Entries:
        """What was accepted of a suite; empty where that is nothing."""
        return self.suites.get(suite, {})

    def with_suite(self, suite: str, entries: Entries) -> BaselineFile:
        """The file with other entries for one suite; a suite without any is left out."""
        suites = {**self.suites, suite: entries}
        return BaselineFile(suites={name: each for name, each in suites.items() if each})
