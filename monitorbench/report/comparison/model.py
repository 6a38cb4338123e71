"""What a comparison of reports holds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from monitorbench.report.exit_code import ExitCode
from monitorbench.report.model import CheckReport, Interval, Report

FailOn = Literal["regression", "change", "never"]


class Kind(StrEnum):
    """What became of a check between two reports."""

    SAME = "same"
    CHANGED = "changed"
    NEW = "new"
    MISSING = "missing"


class Standing(StrEnum):
    """What a difference of estimates says, where larger or smaller is worse."""

    WORSE = "worse"
    BETTER = "better"
    WITHIN = "within tolerance"
    OPEN = "open"


@dataclass(frozen=True, kw_only=True, slots=True)
class Differs:
    """One setting that is not the same in two reports.

    Attributes:
        place: dotted path, such as `suite.sampling.seed` or `models.candidate.weights_sha256`.
        reference: its value in the reference; None where it has none.
        other: its value in the other report.
        checks: ids of the checks that measure something else because of it.
    """

    place: str
    reference: Any
    other: Any
    checks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Shift:
    """An estimate minus that of the reference.

    Attributes:
        value: the difference, over the prompts that both reports hold where these are named.
        interval: paired by prompt; None where no prompts are shared.
        n: number of shared prompts; None where the difference is not paired.
        method: how it was made, in words.
    """

    value: float
    interval: Interval | None
    n: int | None
    method: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """One check in the reference and in another report.

    Attributes:
        reference: None for a check that is new.
        other: None for a check that is missing.
        shift: None where one of them has no estimate, or the estimates are not of the same unit.
        differs: places of the settings because of which the two measure something else.
        tolerance: how much worse may be; None where the suite declares none.
        standing: what the shift says; `open` also where no side is worse, or no tolerance is declared.
    """

    id: str
    type: str
    kind: Kind
    reference: CheckReport | None
    other: CheckReport | None
    shift: Shift | None = None
    differs: tuple[str, ...] = ()
    tolerance: float | None = None
    standing: Standing = Standing.OPEN

    @property
    def gated(self) -> bool:
        """Whether its verdict counts where it was last seen."""
        last = self.other or self.reference
        return last is not None and last.gated


@dataclass(frozen=True, kw_only=True, slots=True)
class Against:
    """Another report against the reference."""

    name: str
    report: Report
    differs: tuple[Differs, ...]
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """A reference, and what is compared with it."""

    name: str
    reference: Report
    others: tuple[Against, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """What a comparison comes to.

    Attributes:
        fail_on: what was asked to be judged.
        code: what the process ends with.
        reasons: a sentence for each check because of which that is not 0.
    """

    fail_on: FailOn
    code: ExitCode
    reasons: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The exit code in words."""
        if self.fail_on == "never":
            return "exit 0: nothing was judged (fail on never)."
        count = len(self.reasons)
        found = "nothing" if not count else f"{count} {'finding' if count == 1 else 'findings'}"
        return f"exit {int(self.code)}: {found} (fail on {self.fail_on})."
