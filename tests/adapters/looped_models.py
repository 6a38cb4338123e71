"""Small looped models with random weights.

Shape suffixes: B rows, P positions of one forward pass, d width of the model.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import (
    DynamicCache,
    HrmTextConfig,
    HrmTextForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
)
from transformers import LlamaModel as Llama
from transformers.masking_utils import create_causal_mask
from transformers.modeling_outputs import BaseModelOutputWithPast

LOOPED = {"site": "model.layers.0", "calls": 4}


class LoopedModel(Llama):
    """One block, run several times, with the norm after each run, as Ouro does.

    Its configuration counts a layer for every run, so that the cache has a place for each.
    """

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__(config)
        self.layers = self.layers[:1]

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Any = None,
        use_cache: bool | None = None,
        **_: Any,
    ) -> BaseModelOutputWithPast:
        state_BPd = self.embed_tokens(input_ids)
        if use_cache and past_key_values is None:
            past_key_values = DynamicCache(config=self.config)
        if position_ids is None:
            position_ids = torch.arange(input_ids.shape[1])[None]
        shared = {"past_key_values": past_key_values, "position_ids": position_ids}
        mask = create_causal_mask(config=self.config, inputs_embeds=state_BPd, attention_mask=attention_mask, **shared)
        turned = self.rotary_emb(state_BPd, position_ids)
        for loop in range(self.config.num_hidden_layers):
            self.layers[0].self_attn.layer_idx = loop
            state_BPd = self.norm(self.layers[0](state_BPd, mask, position_embeddings=turned, **shared))
        return BaseModelOutputWithPast(last_hidden_state=state_BPd, past_key_values=past_key_values)


class LoopedForCausalLM(LlamaForCausalLM):
    def __init__(self, config: LlamaConfig) -> None:
        super().__init__(config)
        self.model = LoopedModel(config)


def build_looped(words: int, *, loops: int = 4) -> Any:
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": loops, "num_attention_heads": 2}
    # Larger weights than usual, so that states differ enough to matter.
    config = LlamaConfig(vocab_size=words, max_position_embeddings=96, initializer_range=0.2, **sizes)
    model = LoopedForCausalLM(config).eval()
    model.set_attn_implementation("eager")
    with torch.no_grad():
        model.model.norm.weight.mul_(1.5)
    return model


def build_hrm(**cycles: int) -> Any:
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    return HrmTextForCausalLM(HrmTextConfig(vocab_size=50, head_dim=16, **sizes, **cycles)).eval()
