"""Causal models that run the same layers several times for every token, watched between the runs.

Shape suffixes: B rows, P positions of one forward pass, d width of the model, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from monitorbench.adapters import autoregressive, batches, depth_loop_sites
from monitorbench.adapters.autoregressive import Autoregressive
from monitorbench.adapters.base import Channel, Hook, Limits, Output, Segment
from monitorbench.adapters.depth_loop_run import LoopWatcher, whole_prompt
from monitorbench.adapters.depth_loop_segments import cycle_segments, site_segments
from monitorbench.adapters.depth_loop_sites import LOOP_STATE, Z_H, Z_L, sites
from monitorbench.adapters.mixtures import WRITERS, Writer, mixture_like
from monitorbench.adapters.modules import final_norm
from monitorbench.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PretrainedConfig

SETTINGS = (*autoregressive.SETTINGS, *depth_loop_sites.SETTINGS, "write")


@dataclass(frozen=True, kw_only=True, slots=True)
class DepthLoop(Autoregressive):
    """HRM-Text, or any causal model with a module that runs several times in a forward pass.

    The text is generated as for any causal model. Each run of a watched module is a channel event: `step` is the
    forward pass, which is the token that it ends in, and `loop` counts the channel's runs within it; the value has
    all positions of the pass, (B, P, d), the prompt's with their padding at step 0 and one position after that.
    `tokens` are the text so far. A value that is put in place goes on to whatever follows; one that is absent is
    zeros.

    The last `z_H` of a pass is what the output head takes in. Every other state is computed on before it gets there,
    so that for it the head is a lens: it shows what the model would write if it stopped with this state. HRM-Text
    reads its prompt in both directions where its configuration says so (`prefix_lm`), as it was trained to.

    Settings of its own: `site` is the path of a module, and `calls` how often it runs in a forward pass, which must
    not vary. `write` says how tokens become a state: as a `mixture` of their embeddings, or by a function of the model,
    the logits (B, P, V) and the state (B, P, d) that it stands in for, named as `package.module:function`.

    Attributes:
        writer: that function.
    """

    writer: Writer = mixture_like

    family: ClassVar[str] = "depth-loop"
    splits: ClassVar[bool] = False
    summary: ClassVar[str] = "Causal language models that run the same layers several times for every token."
    channels: ClassVar[tuple[Channel, ...]] = (Z_H, Z_L, LOOP_STATE)
    settings: ClassVar[tuple[str, ...]] = SETTINGS
    words: ClassVar[tuple[str, ...]] = ("site", "write")

    @staticmethod
    def claims(config: PretrainedConfig) -> bool:
        """Whether a checkpoint with this configuration belongs to the family: any other has to name it."""
        return bool(config.model_type == "hrm_text") and not hasattr(config, "thought_loop")

    def carries(self, sampler: Mapping[str, float | int | bool | str]) -> tuple[Channel, ...]:
        """The states of HRM-Text, or the state of the site that is named."""
        return tuple(site.channel for site in sites(self.model, sampler))

    def under(self, sampler: Mapping[str, float | int | bool | str]) -> DepthLoop:
        """The adapter that writes as the settings say.

        Raises:
            UsageError: no function is called so, or it cannot be imported.
        """
        return replace(self, writer=WRITERS.load(str(sampler["write"]))) if "write" in sampler else self

    def generate(
        self, prompts: Sequence[Sequence[int]], seeds: Sequence[int], hook: Hook | None, limits: Limits
    ) -> Output:
        """Run one batch; one channel event for every run of a watched module, one observation event for every token."""
        batches.check_settings(list(limits.sampler), SETTINGS, self.family)
        watched = sites(self.model, limits.sampler)
        own = {name: value for name, value in limits.sampler.items() if name in autoregressive.SETTINGS}
        plain = replace(limits, sampler=own)
        with whole_prompt(self.model):
            if hook is None:
                return Autoregressive.generate(self, prompts, seeds, None, plain)
            _, ends = self.special_ids()
            watcher = LoopWatcher(
                model=self.model,
                sites=watched,
                seeds=seeds,
                ending=self.ending(ends, limits),
                hook=hook,
                family=self.family,
            )
            with watcher.attached():
                return Autoregressive.generate(self, prompts, seeds, watcher.observe, plain)

    def read(self, channel: str, value: Tensor) -> Tensor:
        """(B, P, V) what the output head makes of a state, after the norm before it where the state is not normed."""
        self._require(channel)
        norm = final_norm(self.model) if channel == LOOP_STATE.name else None
        logits_BPV: Tensor = self.model.get_output_embeddings()(value if norm is None else norm(value))
        return logits_BPV

    def write(self, channel: str, logits: Tensor, like: Tensor) -> Tensor:
        """(B, P, d) a mixture of input embeddings, at every position as long as the state that it replaces.

        Or what another `writer` gives.

        Raises:
            UsageError: it gives something of another shape than the state.
        """
        self._require(channel)
        written = self.writer(self.model, logits, like)
        if written.shape != like.shape:
            raise UsageError(
                f"the write function gives {tuple(written.shape)} for a state of {tuple(like.shape)}",
                fix="mend it, or leave out sampling.sampler.write",
            )
        return written.to(like.dtype)

    def segments(
        self,
        *,
        context_length: int,
        max_new_tokens: int,
        sampler: Mapping[str, float | int | bool | str],
        commit: bool = False,
    ) -> tuple[Segment, ...]:
        """One forward pass at full context, from loop to loop."""
        del max_new_tokens, commit
        first, *_ = sites(self.model, sampler)
        if first.channel == LOOP_STATE:
            return site_segments(self.model, first, context_length=context_length)
        return cycle_segments(self.model, context_length=context_length)

    def _require(self, channel: str) -> None:
        if channel not in {known.name for known in self.channels}:
            raise self._without(channel)
