"""The report of one run: the single source of every rendering, and of the exit code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from monitorbench.suite.model import Severity

SCHEMA_VERSION = 1


Inconclusive = Literal["fail", "warn", "pass"]
"""What an inconclusive check does to the exit code."""


class Verdict(StrEnum):
    """What a check came to."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not_applicable"
    UNOBSERVED = "unobserved"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A two-sided interval for an estimate.

    Attributes:
        low: lower end.
        high: upper end.
        level: confidence level, such as 0.9; 1.0 for what is fixed by construction.
        method: how it was made.
    """

    low: float
    high: float
    level: float
    method: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Bound:
    """What the suite demands of an estimate; either side may be open."""

    min: float | None = None
    max: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Dropped:
    """Items left out of a measurement, with the reason."""

    reason: str
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Control:
    """A control arm or a null that a verdict rests on: what it is, what came out, what had to come out."""

    name: str
    value: float | None
    interval: Interval | None = None
    expected: str = ""
    ok: bool | None = None


class Held(StrEnum):
    """What a check comes to when it is held against what was accepted of it."""

    NEW = "new"
    NO_WORSE = "no worse"
    KNOWN = "known failure"
    EXPIRED = "expired"
    REGRESSED = "regressed"
    WORSE = "worse"
    NOT_SHOWN = "not shown"
    NOT_COMPARABLE = "not comparable"


@dataclass(frozen=True, kw_only=True, slots=True)
class Acceptance:
    """A check held against the baseline file. What it says is in the verdict and the reason of the check already.

    Attributes:
        held: what came of it; a known failure, and nothing else, is let through by the exit code.
        by_bounds: what the check came to by its own bounds, before.
        words: the sentences that the reason of the check begins with because of this; may be empty.
        verdict: what was accepted; None where nothing was.
        value: the estimate that was accepted.
        interval: of that estimate.
        difference: the estimate minus the accepted one, over shared prompts where these are named.
        difference_interval: of that difference.
        tolerance: by how much it may be worse, in the unit of the estimate; None where that is not judged.
        reason: why a failure was accepted.
        expires: last day on which a known failure is let through, ISO 8601.
    """

    held: Held
    by_bounds: Verdict
    words: str = ""
    verdict: Verdict | None = None
    value: float | None = None
    interval: Interval | None = None
    difference: float | None = None
    difference_interval: Interval | None = None
    tolerance: float | None = None
    reason: str = ""
    expires: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckReport:
    """One check with its evidence.

    Attributes:
        reason: the verdict in words, with the chain of checks it rests on.
        estimate: the measured number that the bound is about, or None with `status` saying why.
        n: number of prompts (or other units) that the estimate rests on; None where nothing is sampled.
        rests_on: ids of the checks whose verdicts this one used.
        evidence: every further number that was computed, strict JSON.
        severity: what becomes of the run when the check does not pass.
        warning: what its `warn_if` says of a check that holds its own bounds, in words; empty where that is nothing.
        warn_verdict: what the check comes to by its `warn_if`; None where it has none.
        warn_bound: the bound of that verdict.
        accepted: how the check was held against what was accepted of it; None where it was not.
    """

    id: str
    type: str
    line: int
    file: str
    gated: bool
    verdict: Verdict
    reason: str
    estimate: float | None = None
    unit: str = ""
    interval: Interval | None = None
    bound: Bound | None = None
    n: int | None = None
    dropped: tuple[Dropped, ...] = ()
    controls: tuple[Control, ...] = ()
    rests_on: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)
    severity: Severity = "fail"
    warning: str = ""
    warn_verdict: Verdict | None = None
    warn_bound: Bound | None = None
    accepted: Acceptance | None = None

    @property
    def known(self) -> bool:
        """Whether it did not pass and is let through as a known failure."""
        return self.accepted is not None and self.accepted.held is Held.KNOWN

    @property
    def uncompared(self) -> bool:
        """Whether something was accepted of it that it cannot be held against, as it was measured otherwise."""
        return self.accepted is not None and self.accepted.held is Held.NOT_COMPARABLE

    @property
    def own_verdict(self) -> Verdict:
        """What it came to by its own bounds, whatever it was held against."""
        return self.verdict if self.accepted is None else self.accepted.by_bounds


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelReport:
    """Which checkpoint was run: its content by hash, so that a name can never stand for another model.

    Attributes:
        dtype: number format of the weights.
        remote_code: whether model code that came with the checkpoint was allowed to run.
        chat_template: whether prompts went through the chat template of its tokenizer.
        device_map: device of each module that was placed by itself; None where the model is on one device as a whole.
        tensor_parallel: by which `plan` how many `ranks` held the model together; None where one held it whole.

    Reports of before these were kept hold None there.
    """

    role: str
    source: str
    family: str
    architecture: str
    parameters: int
    channels: tuple[str, ...]
    weights_sha256: str
    config_sha256: str
    tokenizer_sha256: str
    revision: str | None = None
    dtype: str | None = None
    remote_code: bool | None = None
    chat_template: bool | None = None
    device_map: Mapping[str, str] | None = None
    tensor_parallel: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFacts:
    """Everything that may differ between two runs of the same inputs: times, the host, and what came of it by choice.

    Attributes:
        recorded: hash of what the run store keeps of each model, by role.
        rescored: of a report that was judged from stored rollouts: from which report, and by which releases.
    """

    started: str
    seconds: float
    host: str
    platform: str
    seconds_by_check: Mapping[str, float] = field(default_factory=dict)
    recorded: Mapping[str, str] = field(default_factory=dict)
    rescored: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """What the command line lets through, or does not.

    Attributes:
        inconclusive: `fail` leaves the run undecided when a check is inconclusive; `warn` and `pass` let it through.
        strict: warnings count as fails: checks of severity warn, and what `warn_if` says.
    """

    inconclusive: Inconclusive = "fail"
    strict: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """The whole report.

    Attributes:
        verdict: the worst verdict that counts.
        exit_code: what the process ends with.
        policy: what the exit code was derived with; None in reports of before it was kept.
        versions: of monitorbench, python, torch and transformers.
        device: device and dtype the models ran on.
        suite: the resolved suite, strict JSON.
    """

    schema_version: int = SCHEMA_VERSION
    verdict: Verdict
    exit_code: int
    policy: Policy | None = None
    versions: Mapping[str, str]
    device: Mapping[str, str]
    suite_sha256: str
    suite: Mapping[str, Any]
    models: tuple[ModelReport, ...]
    checks: tuple[CheckReport, ...]
    run: RunFacts
