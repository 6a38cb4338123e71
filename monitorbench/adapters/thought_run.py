"""One batch that thinks and writes: every forward pass takes in a thought from some rows and a token from the others.

A row starts to write when it has thought enough, whatever the other rows do, so that its place in the cache and its
draws depend on itself only. Text is observed token by token once every row has come so far.

Shape suffixes: B rows, W prompt width, T positions so far, P text so far, d width of the model, V vocabulary.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from monitorbench.adapters import batches
from monitorbench.adapters.base import Absent, Event, Hook, Index
from monitorbench.adapters.endings import Ending
from monitorbench.adapters.independent_rows import independent_rows
from monitorbench.adapters.readings import Reading, Readings
from monitorbench.adapters.thought_carry import THOUGHT, Carry, Thinking
from monitorbench.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

HONOURED = frozenset({"value"})


class ThoughtRun:
    """The generation of one batch.

    Args:
        model: a causal model of transformers.
        chosen: how it thinks.
        seeds: seed of each row.
        hook: watches thoughts and text, and may change thoughts.
        ending: what ends a text.
        max_new_tokens: tokens of a text at most.
        readings: what was kept of prompts that were read before; None reads every prompt anew.
    """

    def __init__(
        self,
        *,
        model: Any,
        chosen: Thinking,
        seeds: tuple[int, ...],
        hook: Hook | None,
        ending: Ending,
        max_new_tokens: int,
        readings: Readings | None = None,
    ) -> None:
        self._model, self._chosen, self._seeds, self._hook = model, chosen, seeds, hook
        self._ending, self._most, self._carry = ending, max_new_tokens, Carry(model, chosen)
        self._texts: list[list[int]] = [[] for _ in seeds]
        self._places: list[int | None] = [None for _ in seeds]
        self._predicted: list[deque[Tensor]] = [deque() for _ in seeds]
        self._observed, self._readings = 0, readings
        self._cache: Any = None

    def generate(self, ids_BW: Tensor, mask_BW: Tensor) -> list[list[int]]:
        """The text of each row; what follows its end is of no meaning.

        Raises:
            UsageError: the model keeps what it has read elsewhere than in `past_key_values`.
        """
        with independent_rows(self._model, mask_BW):
            return self._generate(ids_BW, mask_BW)

    def _generate(self, ids_BW: Tensor, mask_BW: Tensor) -> list[list[int]]:
        import torch

        self._mask_BT = mask_BW
        self._read(ids_BW)
        B = len(self._seeds)
        left_B = torch.full((B,), self._chosen.thoughts)
        sure_B = torch.zeros(B, dtype=torch.long)
        for loop in range(self._chosen.thoughts + self._most):
            thinks_B = left_B > 0
            tokens_B1 = self._drawn()
            self._write(tokens_B1, ~thinks_B)
            if all(self._is_done(row) for row in range(B)):
                break
            fed_B1d = self._model.get_input_embeddings()(tokens_B1)
            if bool(thinks_B.any()):
                value = self._carry.taken(self._state_B1d, self._logits_B1V)
                value, thought_B1d = self._hooked(loop, value, thinks_B)
                fed_B1d = torch.where(thinks_B[:, None, None].to(fed_B1d.device), thought_B1d, fed_B1d)
                left_B = left_B - 1
                if self._chosen.stop_entropy:
                    is_sure_B = self._carry.entropy(value).cpu() < self._chosen.stop_entropy
                    sure_B = torch.where(is_sure_B, sure_B + 1, 0)
                    left_B = torch.where(sure_B < self._chosen.stop_after, left_B, 0)
            self._mask_BT = torch.nn.functional.pad(self._mask_BT, (0, 1), value=1)
            self._take(self._forward(inputs_embeds=fed_B1d))
        self._observe(everything=True)
        return self._texts

    def _read(self, ids_BW: Tensor) -> None:
        """Read the prompts, or take over what was made of them before."""

        def read() -> Reading:
            return self._forward(input_ids=ids_BW)

        self._take(read() if self._readings is None else self._readings.of(self._model, ids_BW, self._mask_BT, read))

    def _take(self, reading: Reading) -> None:
        self._cache, self._state_B1d, self._logits_B1V = reading.cache, reading.state_B1d, reading.logits_B1V

    def _forward(self, **inputs: Tensor) -> Reading:
        """Read ids or vectors at the next positions."""
        length = next(iter(inputs.values())).shape[1]
        output = self._model(
            **inputs,
            attention_mask=self._mask_BT,
            position_ids=(self._mask_BT.cumsum(-1) - 1).clamp(min=0)[:, -length:],
            past_key_values=self._cache,
            use_cache=True,
            output_hidden_states=True,
        )
        cache = getattr(output, "past_key_values", None)
        if cache is None:
            raise UsageError(
                f"a model of the type {self._model.config.model_type} hands on no past_key_values, with which to go on "
                "from a thought",
                fix="run it by the adapter family autoregressive",
            )
        # Laid out like what is put together from rows that were kept, for kernels may round other layouts differently.
        state_B1d, logits_B1V = output.hidden_states[-1][:, -1:].contiguous(), output.logits[:, -1:].contiguous()
        return Reading(cache=cache, state_B1d=state_B1d, logits_B1V=logits_B1V)

    def _drawn(self) -> Tensor:
        """(B, 1) the next tokens. Rows that think draw too: which draw a row uses depends on its own passes only."""
        import torch

        logits_BV = self._logits_B1V[:, 0].float()
        if self._chosen.temperature:
            return torch.multinomial((logits_BV / self._chosen.temperature).softmax(-1), 1)
        likeliest_B1: Tensor = logits_BV.argmax(-1, keepdim=True)
        return likeliest_B1

    def _write(self, tokens_B1: Tensor, writes_B: Tensor) -> None:
        for row, (token, writes) in enumerate(zip(tokens_B1[:, 0].tolist(), writes_B.tolist(), strict=True)):
            if writes and len(self._texts[row]) < self._most:
                text = self._texts[row]
                text.append(token)
                if self._places[row] is None:
                    self._places[row] = self._ending.place(text, len(text) - 1)
                if self._hook is not None:
                    self._predicted[row].append(self._logits_B1V[row, 0])
        self._observe()

    def _is_done(self, row: int) -> bool:
        return len(self._texts[row]) == self._most or self._places[row] is not None

    def _hooked(self, loop: int, value: Tensor, thinks_B: Tensor) -> tuple[Tensor, Tensor]:
        """The thought as the hook leaves it, and the (B, 1, d) vector that is fed for it."""
        import torch

        if self._hook is not None:
            event = Event(
                index=Index(block=0, step=0, loop=loop),
                seeds=self._seeds,
                live=thinks_B,
                tokens=self._carry.read(value).argmax(-1),
                channel=THOUGHT.name,
                value=value,
            )
            edit = self._hook(event)
            batches.require_honoured(edit, HONOURED, "thought-loop")
            changed = edit.value if edit is not None else None
            if isinstance(changed, Absent):
                return value, torch.zeros_like(self._carry.fed(value))
            value = value if changed is None else changed
        return value, self._carry.fed(value)

    def _observe(self, *, everything: bool = False) -> None:
        """Report the tokens that every row has come to; in the end, all that some row has."""
        if self._hook is None:
            return
        reached = [len(text) for text in self._texts]
        while self._observed < (max(reached) if everything else min(reached)):
            batches.require_honoured(self._hook(self._event(self._observed)), frozenset(), "thought-loop")
            self._observed += 1

    def _event(self, step: int) -> Event:
        import torch

        device = self._logits_B1V.device
        rows = [[*text, *[0] * (step + 1)][: step + 1] for text in self._texts]
        tokens_BP = torch.tensor(rows, device=device)
        return Event(
            index=Index(block=0, step=step),
            seeds=self._seeds,
            live=torch.tensor(
                [
                    len(text) > step and (place is None or step <= place)
                    for text, place in zip(self._texts, self._places, strict=True)
                ],
                device=device,
            ),
            tokens=tokens_BP,
            committed=torch.ones_like(tokens_BP, dtype=torch.bool),
            logits=torch.stack([self._prediction(row) for row in range(len(self._seeds))])[:, None],
        )

    def _prediction(self, row: int) -> Tensor:
        """(V,) what the row's next observed token was drawn from; each is let go once it was observed."""
        waiting = self._predicted[row]
        return waiting.popleft() if waiting else self._logits_B1V[row, 0]
