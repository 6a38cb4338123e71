"""Causal models that think in vectors before they write: what one forward pass ends in is fed to the next.

Shape suffixes: B rows, W prompt width, T positions so far, P text so far, d width of the model, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from monitorbench.adapters import batches
from monitorbench.adapters.autoregressive import Autoregressive
from monitorbench.adapters.base import Channel, Hook, Limits, Output, Segment
from monitorbench.adapters.checkpoint import Checkpoint
from monitorbench.adapters.language_model import LanguageModel
from monitorbench.adapters.readings import Readings
from monitorbench.adapters.thought_carry import THOUGHT, Carry, Mode, Thinking, declared, thinking
from monitorbench.adapters.thought_ridge import Ridge, fitted
from monitorbench.adapters.thought_run import HONOURED, ThoughtRun
from monitorbench.adapters.thought_segments import thought_segments

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PretrainedConfig

SETTINGS = tuple(Thinking.__dataclass_fields__)


@dataclass(frozen=True, kw_only=True, slots=True)
class ThoughtLoop(LanguageModel):
    """Any causal model of transformers, run through a loop of our own: thoughts first, text after them.

    Attributes:
        ridge: what tokens are written into thoughts through; None takes their mixture as it is.
        mode: what thoughts are, once settings have said so; until then the shape of a thought has to tell.
        readings: what was kept of prompts that were read before; None reads every prompt anew.
    """

    ridge: Ridge | None = None
    mode: Mode | None = None
    readings: Readings | None = None
    family: ClassVar[str] = "thought-loop"
    summary: ClassVar[str] = "Causal language models that feed vectors back as thoughts before they write."
    channels: ClassVar[tuple[Channel, ...]] = (THOUGHT,)
    settings: ClassVar[tuple[str, ...]] = SETTINGS
    words: ClassVar[tuple[str, ...]] = ("mode", "projection", "write")
    left_to_right: ClassVar[bool] = True
    honours: ClassVar[frozenset[str]] = HONOURED

    @staticmethod
    def claims(config: PretrainedConfig) -> bool:
        """Whether a checkpoint says of itself that it thinks, by `thought_loop` in its configuration."""
        return hasattr(config, "thought_loop") and ThoughtLoop.runs(config)

    @staticmethod
    def runs(config: PretrainedConfig) -> bool:
        """Whether the family can run it when it is named: any causal model."""
        return Autoregressive.runs(config)

    @classmethod
    def load(cls, checkpoint: Checkpoint, *, device: str, dtype: str) -> ThoughtLoop:
        """Load weights and tokenizer."""
        plain = Autoregressive.load(checkpoint, device=device, dtype=dtype)
        return cls(model=plain.model, tokenizer=plain.tokenizer)

    @classmethod
    def from_config(cls, config: PretrainedConfig, *, dtype: str) -> ThoughtLoop:
        """The model without weights, and no tokenizer."""
        plain = Autoregressive.from_config(config, dtype=dtype)
        return cls(model=plain.model, tokenizer=plain.tokenizer)

    def generate(
        self, prompts: Sequence[Sequence[int]], seeds: Sequence[int], hook: Hook | None, limits: Limits
    ) -> Output:
        """Run one batch; one channel event for every thought, then one observation event for every token."""
        import torch

        from monitorbench.adapters.draws import SeededDraws

        batches.check_settings(list(limits.sampler), SETTINGS, self.family)
        chosen = thinking(limits.sampler, self.model.config)
        plain = Autoregressive(model=self.model, tokenizer=self.tokenizer)
        pad, ends = plain.special_ids()
        ids_BW, mask_BW = batches.left_pad(prompts, pad, self.model.device)
        ending = self.ending(ends, limits)
        run = ThoughtRun(
            model=self.model,
            chosen=chosen,
            seeds=tuple(seeds),
            hook=hook,
            ending=ending,
            max_new_tokens=limits.max_new_tokens,
            readings=self.readings,
        )
        draws = SeededDraws(seeds)
        with torch.no_grad(), draws:
            draws.start(0)
            texts = run.generate(ids_BW, mask_BW)
        return ending.output(texts)

    def sharing_prefills(self) -> ThoughtLoop:
        """The same model, which reads a prompt that several generations share once."""
        return replace(self, readings=Readings())

    def forget_prefills(self) -> None:
        """Give back the memory that prompts take up which were read before."""
        if self.readings is not None:
            self.readings.forget()

    def under(self, sampler: Mapping[str, float | int | bool | str]) -> ThoughtLoop:
        """With what thoughts are, and the map that tokens are written into them through where settings ask for one."""
        chosen = thinking(sampler, self.model.config)
        if chosen.write != "ridge":
            return replace(self, mode=chosen.mode)
        special = {*self.tokenizer.all_special_ids}
        tokens = [token for token in range(min(len(self.tokenizer), self.vocab_size)) if token not in special]
        return replace(self, mode=chosen.mode, ridge=fitted(self.model, chosen, tokens))

    def carries(self, sampler: Mapping[str, float | int | bool | str]) -> tuple[Channel, ...]:
        """The thought, unless the settings say that there is none."""
        return () if declared(sampler, self.model.config).get("thoughts") == 0 else self.channels

    def extra_positions(self, limits: Limits) -> int:
        """Each thought takes one."""
        return thinking(limits.sampler, self.model.config).thoughts

    def read(self, channel: str, value: Tensor) -> Tensor:
        """(B, 1, V) logits: the model's own head over the state, or the mixture itself."""
        return self._carry_of(channel, value).read(value)

    def write(self, channel: str, logits: Tensor, like: Tensor) -> Tensor:
        """A mixture of embeddings, mapped or as long as the vector that was fed; or the mixture's log-probabilities."""
        return self._carry_of(channel, like).write(logits, like)

    def segments(
        self,
        *,
        context_length: int,
        max_new_tokens: int,
        sampler: Mapping[str, float | int | bool | str],
        commit: bool = False,
    ) -> tuple[Segment, ...]:
        """Reading the prompt, thinking, and writing one token at full context."""
        del commit
        chosen = thinking(sampler, self.model.config)
        return thought_segments(self.model, chosen, context_length=context_length, max_new_tokens=max_new_tokens)

    def _carry_of(self, channel: str, value: Tensor) -> Carry:
        if channel != THOUGHT.name:
            raise self._without(channel)
        # A model may be as wide as its vocabulary is large.
        mixture = value.shape[1] == 1 and value.shape[-1] == self.vocab_size and self.mode in (None, "mixture")
        # Reading and writing are the same with and without a projection: the value's shape says all.
        return Carry(self.model, Thinking(thoughts=0, mode="mixture" if mixture else "hidden"), self.ridge)
