"""Interventions that give a row what other rows of its batch carry.

Both are taken from the batch and not from a calibration set: other prompts of the same batch are at the same step and
of the same width under the same sampling, no further rollouts are needed, and a row's own prompt is never in it.

Shape suffixes: B rows; values have any further dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from monitorbench.adapters.base import Edit, Event
from monitorbench.errors import UsageError

Exchange = Callable[[Tensor], Tensor]
"""From what the rows of a batch carry by themselves to what they get instead, both (B, ...)."""


class EveryStep:
    """Exchanges what the rows would have carried by themselves, at every step.

    A row that has finished hands on its last value unchanged; what it was given in exchange must not travel further.
    Values are kept for each loop of a step by itself, where there are several steps; a row may also finish between the
    loops of the first. They are kept only from one to the next of the same shape: a step that reads a prompt has more
    positions than those after it. Where a prompt is padded, so is what another row gets of it.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._own: dict[int, Tensor] = {}

    def __call__(self, event: Event) -> Edit | None:
        """The exchanged value."""
        if event.value is None:
            return None
        own, index = event.value, event.index
        before = self._own.get(index.loop if index.step > 0 else index.loop - 1)
        if before is not None and before.shape == own.shape:
            live = event.live.reshape(-1, *[1] * (own.ndim - 1))
            own = torch.where(live, own, before)
        self._own[event.index.loop] = own
        return Edit(value=self._exchange(own))


class Once:
    """Exchanges states once, when every row has read its prompt.

    A state holds all that came before, what it was exchanged for as well: a second exchange would hand some rows back
    their own.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def __call__(self, event: Event) -> Edit | None:
        """The exchanged states at the first step, nothing later."""
        if event.value is None or event.index.step > 0:
            return None
        return Edit(value=self._exchange(event.value))


def row_before(value: Tensor) -> Tensor:
    """Row b gets what row b - 1 carries, the first one what the last does."""
    return torch.roll(value, 1, dims=0)


class Mean:
    """Every row gets what the rows of other prompts carry on average, each of those rows counting once.

    Fillers count as rows. The mean of values that read as themselves, which are logits, is that of their
    probabilities; as logits again, of log-probabilities. It is taken in float32, or double where the values are.

    Args:
        reads_as_itself: whether a value is logits; asked once, of the first value.
        prompts: id of the prompt of each row; None makes every row one of its own.
    """

    def __init__(self, reads_as_itself: Callable[[Tensor], bool], prompts: Sequence[str] | None) -> None:
        self._reads_as_itself, self._prompts = reads_as_itself, prompts
        self._is_logits: bool | None = None

    def __call__(self, value: Tensor) -> Tensor:
        """The means, of the shape and type of `value` (B, ...).

        Raises:
            UsageError: some row stands beside rows of its own prompt only.
        """
        if self._is_logits is None:
            self._is_logits = self._reads_as_itself(value)
        precision = torch.float64 if value.dtype == torch.float64 else torch.float32
        if not self._is_logits:
            return self._averaged(value.to(precision)).to(value.dtype)
        return self._averaged(value.softmax(-1, dtype=precision)).log_().to(value.dtype)

    def _averaged(self, value: Tensor) -> Tensor:
        rows = len(value)
        prompts = range(rows) if self._prompts is None else self._prompts
        weight_BB = torch.tensor([[float(a != b) for b in prompts] for a in prompts]).to(value)
        others_B1 = weight_BB.sum(-1, keepdim=True)
        if not bool((others_B1 > 0).all()):
            raise UsageError("the mean control needs two prompts in a batch", fix="raise n and batch_size to 2 or more")
        # A product with exact zeros: to take a row away from the sum of all would leave a trace of it in the rounding.
        return (weight_BB / others_B1 @ value.reshape(rows, -1)).reshape(value.shape)
