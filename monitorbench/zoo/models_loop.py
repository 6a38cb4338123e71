"""Configuration of the looped reference checkpoint: two small modules that run over and over before each token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitorbench.zoo.models import BOS, EOS, PAD

if TYPE_CHECKING:
    from transformers import HrmTextForCausalLM


def build_loop(vocab_size: int, *, layers: int = 1, hidden: int = 128) -> HrmTextForCausalLM:
    """A small HRM-Text with random weights: 2 high cycles, each of 3 low ones, all of them with gradients."""
    from transformers import HrmTextConfig, HrmTextForCausalLM

    config = HrmTextConfig(
        vocab_size=vocab_size,
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=4,
        head_dim=hidden // 4,
        max_position_embeddings=256,
        initializer_range=0.1,
        embedding_scale=hidden**0.5,
        tie_word_embeddings=True,
        H_cycles=2,
        L_cycles=3,
        L_bp_cycles=[3, 3],
        prefix_lm=False,
        pad_token_id=PAD,
        eos_token_id=EOS,
        bos_token_id=BOS,
    )
    return HrmTextForCausalLM(config)
