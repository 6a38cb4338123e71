"""The rungs of a ladder of bottlenecks, and its knee: the tightest rung up to which every one holds."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SMALL_KEEPS_LITTLE = ("top_k", "top_p")
"""Truncations, by the names that a suite gives them, whose smaller numbers keep less; `min_p` is the other way."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rung:
    """One bottleneck: what survives of the carried value.

    Attributes:
        keep: `top_k`, `min_p` or `top_p`.
        value: the number of tokens, in [1, V), or the probability, in (0, 1].
    """

    keep: str
    value: float

    @property
    def name(self) -> str:
        """What reports call it, such as `top_k=8`."""
        return f"{self.keep}={self.value:g}"

    @property
    def letter(self) -> str:
        """`k` or `p`."""
        return self.keep[-1]

    @property
    def tight_is_small(self) -> bool:
        """Whether a smaller number keeps less."""
        return self.keep in SMALL_KEEPS_LITTLE

    @property
    def looseness(self) -> float:
        """Larger for a rung that keeps more; only for rungs of one truncation."""
        return self.value if self.tight_is_small else -self.value

    def as_json(self) -> dict[str, float]:
        """As a suite writes it."""
        return {self.keep: self.value}


def rungs_of(parameters: Mapping[str, Any]) -> tuple[Rung, ...]:
    """The rungs that a check declares, in its order: one where `keep` is no list."""
    keep = parameters["keep"]
    return tuple(_rung(each) for each in (keep if isinstance(keep, list | tuple) else [keep]))


def gate_of(parameters: Mapping[str, Any]) -> Rung:
    """The rung whose drop decides the verdict: the one that `gate_at` names, else the first."""
    return _rung(parameters["gate_at"]) if "gate_at" in parameters else rungs_of(parameters)[0]


def loosest_first(rungs: Sequence[Rung]) -> tuple[Rung, ...]:
    """The rungs of one truncation, those that keep more in front."""
    return tuple(sorted(rungs, key=lambda rung: rung.looseness, reverse=True))


def knee(rungs: Sequence[Rung], *, holds: Collection[Rung]) -> Rung | None:
    """The tightest rung that holds together with all looser ones; None where the loosest does not.

    The rungs are tested in a fixed sequence, from loose to tight, each at the level alpha of its interval, up to the
    first that does not hold. The order is fixed beforehand, so that the probability of naming a rung that does not hold
    in truth stays at alpha, however many rungs there are: Maurer, Hothorn and Lehmacher, Biometrie in der
    chemisch-pharmazeutischen Industrie 6 (1995) 3; Westfall and Krishen, Journal of Statistical Planning and Inference
    99 (2001) 25.
    """
    found = None
    for rung in loosest_first(rungs):
        if rung not in holds:
            return found
        found = rung
    return found


def _rung(keep: Mapping[str, float]) -> Rung:
    ((name, value),) = keep.items()
    return Rung(keep=name, value=value)
