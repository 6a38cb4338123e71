"""Configuration of the masked reference checkpoint: a small trunk that sees both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitorbench.zoo.models import BOS, EOS, PAD

if TYPE_CHECKING:
    from transformers import EuroBertForMaskedLM


def build_masked(vocab_size: int, *, layers: int = 3, hidden: int = 128) -> EuroBertForMaskedLM:
    """A small EuroBERT with random weights, an encoder with rotary positions and norms before each block.

    The last id of the vocabulary is the mask token's.
    """
    import torch
    from transformers import EuroBertConfig, EuroBertForMaskedLM

    config = EuroBertConfig(
        vocab_size=vocab_size,
        hidden_size=hidden,
        intermediate_size=3 * hidden // 2,
        num_hidden_layers=layers,
        num_attention_heads=4,
        max_position_embeddings=256,
        initializer_range=0.1,
        attention_bias=True,
        tie_word_embeddings=True,
        pad_token_id=PAD,
        eos_token_id=EOS,
        bos_token_id=BOS,
        mask_token_id=vocab_size - 1,
    )
    model = EuroBertForMaskedLM(config)
    with torch.no_grad():
        # As large as what the blocks add: a copy has to be able to tell tokens apart in every layer.
        model.model.embed_tokens.weight.mul_(1 / config.initializer_range)
        # The embeddings are the output's weights too, where they would make it far too sure at first.
        model.model.norm.weight.fill_(0.1)
    return model
