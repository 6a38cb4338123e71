"""Configuration of the recurrent reference checkpoint: everything it knows of the past is in a state of fixed size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitorbench.zoo.models import BOS, EOS, PAD

if TYPE_CHECKING:
    from transformers import MambaForCausalLM


def build_state(vocab_size: int, *, layers: int = 2, hidden: int = 128) -> MambaForCausalLM:
    """A small Mamba with random weights: linear recurrences with gates that depend on the token."""
    from transformers import MambaConfig, MambaForCausalLM

    config = MambaConfig(
        vocab_size=vocab_size,
        hidden_size=hidden,
        num_hidden_layers=layers,
        state_size=16,
        pad_token_id=PAD,
        eos_token_id=EOS,
        bos_token_id=BOS,
    )
    model = MambaForCausalLM(config)
    model.generation_config.pad_token_id = PAD
    model.generation_config.eos_token_id = EOS
    model.generation_config.bos_token_id = BOS
    return model
