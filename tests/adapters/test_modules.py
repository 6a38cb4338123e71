"""Modules by the place that they have in a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import BartConfig, BartForCausalLM

from monitorbench.adapters.modules import final_norm


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma3", "causal"])
def test_the_output_head_takes_in_what_the_final_norm_puts_out(adapter_of: Callable[[str], Any], name: str) -> None:
    model = adapter_of(name).model
    norm = final_norm(model)
    assert norm is not None
    normed: list[Tensor] = []
    handle = norm.register_forward_hook(lambda _, __, output: normed.append(output))
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([[5, 6, 7]])).logits
        handle.remove()
        (state,) = normed
        read = model.get_output_embeddings()(state)
    # What some families do to the logits afterwards keeps their order.
    assert torch.equal(read.argsort(), logits.argsort())


def test_blocks_that_end_in_a_norm_need_no_other() -> None:
    sizes = {"d_model": 16, "decoder_layers": 1, "decoder_attention_heads": 2, "decoder_ffn_dim": 16, "vocab_size": 20}
    assert final_norm(BartForCausalLM(BartConfig(**sizes))) is None
