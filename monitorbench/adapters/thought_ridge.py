"""A linear map from mixtures of token embeddings to thoughts, fitted on prompts that no verdict rests on.

A mixture says what a thought reads as, but it need not lie where thoughts lie. The map is the ridge regression of the
thoughts that a model has on random prompts on the mixtures that they read as; how much a thought loses by it, the arm
that keeps everything shows.

Shape suffixes: B rows, N readings of thoughts, K positions of a carried value, d width of the model, F as many as K
times d, T prompt length, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from monitorbench.adapters.endings import Ending
from monitorbench.adapters.thought_carry import Carry, Thinking
from monitorbench.adapters.thought_run import ThoughtRun

if TYPE_CHECKING:
    from torch import Tensor

    from monitorbench.adapters.base import Event

PROMPTS, LENGTH, BATCH = 256, 16, 32
"""Random prompts that a map is fitted on, tokens of each, and how many run together; a quarter is held out."""
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Tried in turn, as shares of the mean variance of a mixture; the one with the smallest held-out error is taken."""
KEPT = (0, 1, 8, 64)
"""The map sees each thought's reading with all tokens (0), and with so many of the likeliest: it serves truncations."""
SEED = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Ridge:
    """An affine map from mixtures to carried values.

    Attributes:
        weight: (d, F).
        offset: (F,).
        explained: share of the variance of held-out thoughts that it explains; at most 1, negative where it is worse
            than their mean.
    """

    weight: Tensor
    offset: Tensor
    explained: float

    def __call__(self, mixed_B1d: Tensor) -> Tensor:
        """(B, K, d) the carried values that stand for mixtures."""
        flat_B1F = mixed_B1d.to(self.weight.dtype) @ self.weight + self.offset
        return flat_B1F.reshape(mixed_B1d.shape[0], -1, mixed_B1d.shape[-1])


_FITTED: WeakKeyDictionary[Any, dict[Thinking, Ridge]] = WeakKeyDictionary()


def fitted(model: Any, chosen: Thinking, tokens: range | list[int]) -> Ridge:
    """The map of a model that thinks in this way; it is fitted once.

    Args:
        model: a causal model of transformers.
        chosen: how it thinks; its thoughts are vectors, and there is one at least.
        tokens: ids that random prompts are made of.
    """
    maps = _FITTED.setdefault(model, {})
    if chosen not in maps:
        maps[chosen] = _fit(model, chosen, tokens)
    return maps[chosen]


def _fit(model: Any, chosen: Thinking, tokens: range | list[int]) -> Ridge:
    import torch

    carry, values = Carry(model, chosen), list(_thoughts(model, chosen, tokens))
    with torch.no_grad():
        mixed = [_mixtures(carry, value_BKd) for value_BKd in values]
    batches, held = len(values), len(values) // 4
    thoughts = [value_BKd.flatten(1).double().repeat(len(KEPT), 1) for value_BKd in values]
    seen_Nd, target_NF = torch.cat(mixed[: batches - held]), torch.cat(thoughts[: batches - held])
    new_Nd, wanted_NF = torch.cat(mixed[batches - held :]), torch.cat(thoughts[batches - held :])
    maps = [_solved(seen_Nd, target_NF, penalty) for penalty in PENALTIES]
    errors = [float((new_Nd @ weight + offset - wanted_NF).square().sum()) for weight, offset in maps]
    best = min(range(len(maps)), key=errors.__getitem__)
    spread = float((wanted_NF - wanted_NF.mean(0)).square().sum())
    weight, offset = (part.float() for part in maps[best])
    return Ridge(weight=weight, offset=offset, explained=1 - errors[best] / max(spread, 1e-300))


def _mixtures(carry: Carry, value_BKd: Tensor) -> Tensor:
    """(N, d) the mixtures that thoughts read as, with all tokens and with few of them."""
    import torch

    logits_B1V = carry.read(value_BKd).float()
    mixtures = []
    for k in KEPT:
        least_B11 = logits_B1V.topk(min(k or 1, logits_B1V.shape[-1]), dim=-1).values[..., -1:]
        kept_B1V = logits_B1V.masked_fill(logits_B1V < least_B11, -torch.inf) if k else logits_B1V
        mixtures.append(carry.mixed(kept_B1V)[:, 0].double())
    return torch.cat(mixtures)


def _solved(seen_Nd: Tensor, target_NF: Tensor, penalty: float) -> tuple[Tensor, Tensor]:
    """Weight and offset of the ridge regression of targets on what was seen; the offset is not penalised."""
    import torch

    mean_d, centre = seen_Nd.mean(0), target_NF.mean(0)
    apart_Nd = seen_Nd - mean_d
    square_dd = apart_Nd.T @ apart_Nd
    square_dd += penalty * square_dd.diagonal().mean() * torch.eye(len(square_dd)).to(square_dd)
    weight = torch.linalg.solve(square_dd, apart_Nd.T @ (target_NF - centre))
    return weight, centre - mean_d @ weight


def _thoughts(model: Any, chosen: Thinking, tokens: range | list[int]) -> Iterator[Tensor]:
    """(B, K, d) every thought on random prompts, batch by batch of prompts."""
    import torch

    from monitorbench.adapters.draws import SeededDraws

    steady = replace(chosen, stop_entropy=0.0)
    known, generator = torch.tensor(tokens), torch.Generator().manual_seed(SEED)
    for start in range(0, PROMPTS, BATCH):
        ids_BT = known[torch.randint(len(known), (BATCH, LENGTH), generator=generator)].to(model.device)
        seen: list[Tensor] = []
        seeds = tuple(range(start, start + BATCH))
        run = ThoughtRun(
            model=model,
            chosen=steady,
            seeds=seeds,
            hook=partial(_keep, seen),
            ending=Ending(ends=(), stop=(), decode=str),
            max_new_tokens=1,
        )
        with torch.no_grad(), SeededDraws(seeds):
            run.generate(ids_BT, torch.ones_like(ids_BT))
        yield torch.cat(seen)


def _keep(seen: list[Tensor], event: Event) -> None:
    if event.value is not None:
        seen.append(event.value)
