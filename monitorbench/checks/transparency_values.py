"""The token classes of an arm's rollouts, per prompt and per denoising step.

Shape suffixes: S steps, P positions of a block, K most probable tokens, T positions of the final text, N neighbours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from monitorbench.metrics.residue import Held, confident_residue
from monitorbench.metrics.token_classes import (
    OTHER,
    FinalText,
    Ids,
    classify,
    count_classes,
    kept_by_min_p,
    kept_by_top_k,
    may_lack,
)
from monitorbench.metrics.trace import BlockTrace

if TYPE_CHECKING:
    from monitorbench.rollouts.arm import Rollout

MIN_P, TOP_K = "min_p", "top_k"
FILTERS = (MIN_P, TOP_K)
Probabilities = NDArray[np.float32]
Keep = Callable[[Ids, Probabilities], NDArray[np.bool_]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """How carried values are held against final texts: the parameters of the check, and the size of the vocabulary."""

    min_p: float
    top_k: int
    window: int
    neighbours: int
    vocabulary: int

    def filters(self) -> Mapping[str, Keep]:
        """What each filter keeps of ids and probabilities."""
        return {
            MIN_P: lambda ids, probabilities: kept_by_min_p(ids, probabilities, self.min_p)[0],
            TOP_K: lambda ids, _: kept_by_top_k(ids, self.top_k),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Strange:
    """A confident token unlike any final one, and the rollout it was found in; `start` is where its block begins."""

    rollout: Rollout
    block: int
    start: int
    held: Held


@dataclass(kw_only=True, slots=True)
class Classes:
    """Counts of one filter: tokens of each class at each step, and the probability that tokens of classes 1-4 had."""

    steps: dict[int, NDArray[np.int64]] = field(default_factory=dict)
    mass: dict[int, list[float]] = field(default_factory=dict)

    def add(self, class_SPK: NDArray[np.int8], probability_SPK: Probabilities, places: int) -> NDArray[np.int64]:
        """Count a block of which so many positions lie in the text; returns its counts of all steps together."""
        counts_SC = count_classes(class_SPK)
        read_S = np.where((class_SPK > 0) & (class_SPK < OTHER), probability_SPK, 0.0).sum((1, 2))
        for step, (counts_C, read) in enumerate(zip(counts_SC, read_S.tolist(), strict=True)):
            self.steps[step] = self.steps.get(step, np.zeros(OTHER, np.int64)) + counts_C
            self.mass.setdefault(step, []).append(read / max(places, 1))
        total: NDArray[np.int64] = counts_SC.sum(0)
        return total


@dataclass(kw_only=True, slots=True)
class Measured:
    """What the rollouts of all prompts came to.

    Attributes:
        share: per filter, prompts' shares of kept tokens in classes 1-4.
        null: the same against the final text of another prompt; prompts without an own share are left out.
        classes: per filter, counts by step.
        strange: confident tokens unlike any final one.
        dropped: what was left out, by reason.
        lacking: (step, position) pairs at which the trace may lack tokens that a filter keeps.
    """

    share: dict[str, dict[str, float]] = field(default_factory=lambda: {name: {} for name in FILTERS})
    null: dict[str, dict[str, float]] = field(default_factory=lambda: {name: {} for name in FILTERS})
    classes: dict[str, Classes] = field(default_factory=lambda: {name: Classes() for name in FILTERS})
    strange: list[Strange] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    lacking: int = 0


def measure(rollouts: Mapping[str, Sequence[Rollout]], reading: Reading) -> Measured:
    """Classify every kept token against its own final text, and against that of the next prompt.

    Args:
        rollouts: of each prompt; the traces hold carried values and neighbours.
        reading: how they are read.
    """
    found, prompts = Measured(), list(rollouts)
    for prompt, other in zip(prompts, [*prompts[1:], *prompts[:1]], strict=True):
        own, null = _Shares(), _Shares()
        for index, rollout in enumerate(rollouts[prompt]):
            stranger = rollouts[other][index % len(rollouts[other])] if other != prompt else None
            own.add(_classified(rollout, reading, found))
            if stranger is not None:
                null.add(_against(rollout, final_text(stranger), reading))
        for name in FILTERS:
            if name not in own.sums:
                found.dropped[f"prompts: no value is carried at any position of the text ({name})"] += 1
                continue
            found.share[name][prompt] = own.mean(name)
            if name in null.sums:
                found.null[name][prompt] = null.mean(name)
    return found


class _Shares:
    """Shares of a prompt's rollouts; one that kept nothing has none."""

    def __init__(self) -> None:
        self.sums: dict[str, list[float]] = {}

    def add(self, counts: Mapping[str, NDArray[np.int64]]) -> None:
        for name, counts_C in counts.items():
            if counts_C.sum():
                self.sums.setdefault(name, []).append(float(counts_C[: OTHER - 1].sum() / counts_C.sum()))

    def mean(self, name: str) -> float:
        return sum(self.sums[name]) / len(self.sums[name])


def final_text(rollout: Rollout) -> FinalText:
    """Tokens and neighbours of a rollout's final text."""
    parts = [block.neighbours_PN[block.content_P] for block in rollout.trace.blocks if block.neighbours_PN is not None]
    token_T = np.array(rollout.tokens, np.int32)
    near_TN = np.concatenate(parts) if parts else np.empty((0, 0), np.int32)
    return FinalText(token_T=token_T[: len(near_TN)], neighbour_TN=near_TN)


def _classified(rollout: Rollout, reading: Reading, found: Measured) -> dict[str, NDArray[np.int64]]:
    final, totals = final_text(rollout), {name: np.zeros(OTHER, np.int64) for name in FILTERS}
    for number, start, block, ids_SPK, probability_SPK in _carried(rollout):
        places = int(block.content_P.sum())
        found.dropped["canvas positions beyond the end of the text"] += block.content_P.size - places
        found.dropped["last steps of a canvas, whose value goes nowhere"] += 1
        inside_SP = (block.content_P & (ids_SPK[..., 0] >= 0))[: len(ids_SPK)]
        none_SP = kept_by_min_p(ids_SPK, probability_SPK, reading.min_p)[1] & inside_SP
        found.dropped[f"steps and positions without a token of min_p {reading.min_p:g}: the top one counts"] += int(
            none_SP.sum()
        )
        lacking_SP = may_lack(probability_SPK, reading.min_p, reading.top_k, vocabulary=reading.vocabulary)
        found.lacking += int((lacking_SP & inside_SP).sum())
        for name, keep in reading.filters().items():
            class_SPK = _classes(ids_SPK, keep(ids_SPK, probability_SPK), final, reading, start)
            totals[name] += found.classes[name].add(class_SPK, probability_SPK, places)
            if name == MIN_P:
                held = confident_residue(ids_SPK, probability_SPK, class_SPK)
                found.strange += [Strange(rollout=rollout, block=number, start=start, held=each) for each in held]
    return totals


def _against(rollout: Rollout, final: FinalText, reading: Reading) -> dict[str, NDArray[np.int64]]:
    """The counts against another text, at positions that both texts have."""
    totals = {name: np.zeros(OTHER, np.int64) for name in FILTERS}
    for _, start, block, ids_SPK, probability_SPK in _carried(rollout):
        for name, keep in reading.filters().items():
            kept_SPK = keep(ids_SPK, probability_SPK) & block.content_P[None, :, None]
            totals[name] += count_classes(_classes(ids_SPK, kept_SPK, final, reading, start)).sum(0)
    return totals


def _classes(
    ids_SPK: Ids, kept_SPK: NDArray[np.bool_], final: FinalText, reading: Reading, start: int
) -> NDArray[np.int8]:
    return classify(ids_SPK, kept_SPK, final, window=reading.window, neighbours=reading.neighbours, start=start)


def _carried(rollout: Rollout) -> list[tuple[int, int, BlockTrace, Ids, Probabilities]]:
    """Number, start in the text, trace, ids and probabilities of each block, without its last step.

    What the last step of a canvas says is carried nowhere, and is its final text by construction.
    """
    found, start = [], 0
    for number, block in enumerate(rollout.trace.blocks):
        if block.carried_ids_SPK is not None and block.carried_probabilities_SPK is not None:
            found.append((number, start, block, block.carried_ids_SPK[:-1], block.carried_probabilities_SPK[:-1]))
        start += int(block.content_P.sum())
    return found


def as_json(classes: Classes) -> dict[str, Any]:
    """Shares of each class by step, with how much probability tokens of classes 1-4 had of all that was carried."""
    steps = []
    for step, counts_C in sorted(classes.steps.items()):
        kept, mass = int(counts_C.sum()), classes.mass[step]
        shares = (counts_C / kept).round(4).tolist() if kept else None
        steps.append(
            {
                "step": step,
                "kept": kept,
                "classes": shares,
                "readable": None if shares is None else round(float(counts_C[: OTHER - 1].sum() / kept), 4),
                "readable_mass": round(sum(mass) / len(mass), 4),
            }
        )
    total_C = sum(classes.steps.values(), np.zeros(OTHER, np.int64))
    return {"tokens": total_C.tolist(), "steps": steps}
