"""How sure a prediction is and what it is likeliest to say, in one walk through logits that are never copied whole.

Shape suffixes: B rows, W predicted positions, V vocabulary, K most probable tokens, X flattened positions.
"""

from __future__ import annotations

import torch
from torch import Tensor

AT_ONCE_CPU, AT_ONCE = 2**18, 2**26
"""Numbers worked on at a time: on a CPU as many as stay in its cache."""
_SMALL = 2**12
"""Vocabularies up to this size are searched directly."""
_LANES = 512
_LOWEST = -1e4
"""Stands for minus infinity, of which no product with 0 could be taken; as a logarithm it says 0 as well."""


def predictions(logits_BWV: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """What is kept of the predictions of a step.

    Args:
        logits_BWV: (B, W, V) in any float format.
        count: tokens of each position, at least 1 and at most V.

    Returns:
        (B, W) float32 entropies in nats, tokens of probability 0 adding nothing, NaN where the logits are no
        distribution; (B, W, K) int64 ids of the most probable tokens as `likeliest`, and their float32 probabilities.
    """
    B, W, V = logits_BWV.shape
    limit = AT_ONCE_CPU if logits_BWV.device.type == "cpu" else AT_ONCE
    parts = torch.split(logits_BWV.reshape(-1, V), max(1, limit // V))
    entropy, ids, probabilities = zip(*(_predictions(part_XV, count) for part_XV in parts), strict=True)
    shape = (B, W, count)
    return torch.cat(entropy).reshape(B, W), torch.cat(ids).reshape(shape), torch.cat(probabilities).reshape(shape)


def likeliest(logits_XV: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` most probable tokens, in falling order, of equal ones those of smaller ids first.

    Returns:
        (X, K) int64 ids, and the logits there.
    """
    values, ids = _largest(logits_XV, min(count + 1, logits_XV.shape[-1]))
    tied_X = (values[:, 1:] == values[:, :-1]).any(-1)
    ids_XK, values_XK = ids[:, :count].contiguous(), values[:, :count].contiguous()
    if tied_X.any():
        ids_XK[tied_X], values_XK[tied_X] = _by_id(logits_XV[tied_X], ids_XK[tied_X], values_XK[tied_X])
    return ids_XK, values_XK


def _predictions(logits_XV: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    logits_XV = logits_XV.float()
    ids_XK, values_XK = likeliest(logits_XV, count)
    probability_XV = logits_XV.softmax(-1)
    probabilities_XK = probability_XV.gather(-1, ids_XK)
    # Differences from the largest logit are exact where they matter: a sure prediction comes to 0, not to noise.
    below_XV = (logits_XV - values_XK[:, :1]).clamp_(min=_LOWEST)
    entropy_X = -probabilities_XK[:, 0].log() - probability_XV.mul_(below_XV).sum(-1)
    return entropy_X, ids_XK, probabilities_XK


def _largest(logits_XV: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """As `topk`, of equal ones any, yet a CPU reads a large vocabulary once, and fast.

    The largest numbers lie in those lanes whose own largest are the largest.
    """
    X, V = logits_XV.shape
    whole = V // _LANES * _LANES
    if logits_XV.device.type != "cpu" or max(_SMALL, count * _LANES) >= V:
        return logits_XV.topk(count, dim=-1)
    of_lanes = logits_XV[:, :whole].reshape(X, -1, _LANES)
    lanes = of_lanes.amax(1).topk(count, dim=-1).indices
    among = of_lanes.gather(2, lanes[:, None, :].expand(-1, whole // _LANES, -1)).reshape(X, -1)
    starts = torch.arange(0, whole, _LANES)
    ids = (starts[:, None] + lanes[:, None, :]).reshape(X, -1)
    rest = torch.arange(whole, V).expand(X, -1)
    values, places = torch.cat([among, logits_XV[:, whole:]], dim=-1).topk(count, dim=-1)
    return values, torch.cat([ids, rest], dim=-1).gather(-1, places)


def _by_id(logits_XV: Tensor, ids_XK: Tensor, values_XK: Tensor) -> tuple[Tensor, Tensor]:
    """The same rows in which those that tie come by their ids, also where more tie for the last places than fit."""
    V, count = logits_XV.shape[-1], ids_XK.shape[-1]
    last_X1 = values_XK[:, -1:]
    smaller_first_V = torch.arange(V, 0, -1, dtype=torch.int32, device=logits_XV.device)
    equal_XK = torch.where(logits_XV == last_X1, smaller_first_V, 0).topk(count, dim=-1).indices
    place_K = torch.arange(count, device=logits_XV.device)
    above_X1 = (values_XK > last_X1).sum(-1, keepdim=True)
    taken_XK = torch.where(place_K < above_X1, ids_XK, equal_XK.gather(-1, (place_K - above_X1).clamp(min=0)))
    taken_XK = taken_XK.sort(dim=-1).values
    values_XK, order_XK = logits_XV.gather(-1, taken_XK).sort(dim=-1, descending=True, stable=True)
    return taken_XK.gather(-1, order_XK), values_XK
