"""Configuration of the recurrent reference checkpoint: everything it knows of the past is in a state of fixed size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitorbench.zoo.models import BOS, EOS, PAD

if TYPE_CHECKING:
    from transformers import Mamba2ForCausalLM


def build_state(vocab_size: int, *, layers: int = 2, hidden: int = 128) -> Mamba2ForCausalLM:
    """A small Mamba 2 with random weights: linear recurrences with gates that depend on the token."""
    from transformers import Mamba2Config, Mamba2ForCausalLM

    config = Mamba2Config(
        vocab_size=vocab_size,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_heads=4,
        head_dim=hidden // 2,
        state_size=32,
        n_groups=1,
        chunk_size=16,
        # Never reached; the default is infinite, which JSON cannot say.
        time_step_limit=(0.0, 1e6),
        tie_word_embeddings=True,
        pad_token_id=PAD,
        eos_token_id=EOS,
        bos_token_id=BOS,
    )
    model = Mamba2ForCausalLM(config)
    model.generation_config.pad_token_id = PAD
    model.generation_config.eos_token_id = EOS
    model.generation_config.bos_token_id = BOS
    return model
