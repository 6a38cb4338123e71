"""Models that think before they write: two layers for graphs, or the trunk of the model that writes out chains."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from monitorbench.adapters.checkpoint import ZOO
from monitorbench.zoo.models import BOS, EOS, PAD

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

THOUGHTS = 3
Start = Callable[[str | None, int], Any]
"""From the parent, or None for random weights, and the size of the vocabulary to the model that a run starts from."""


def build_thinker(vocab_size: int, *, mode: str, layers: int = 2, hidden: int = 96) -> LlamaForCausalLM:
    """A small Llama with random weights that says of itself how it thinks."""
    from transformers import LlamaConfig, LlamaForCausalLM

    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocab_size,
            hidden_size=hidden,
            intermediate_size=2 * hidden,
            num_hidden_layers=layers,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=256,
            initializer_range=0.1,
            tie_word_embeddings=True,
            pad_token_id=PAD,
            eos_token_id=EOS,
            bos_token_id=BOS,
            thought_loop=_loop(mode),
        )
    )
    model.generation_config.pad_token_id = PAD
    return model


def _loop(mode: str) -> dict[str, Any]:
    """Mixtures are of the plain probabilities, as text is the likeliest token in any case."""
    return {"thoughts": THOUGHTS, "mode": mode}


def _thinker(mode: str) -> Start:
    def start(parent: str | None, vocab_size: int) -> Any:
        if parent is None:
            return build_thinker(vocab_size, mode=mode)
        model = _loaded(parent)
        model.config.thought_loop = _loop(mode)
        return model

    return start


def _loaded(name: str) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(ZOO / name, local_files_only=True)


THINKERS: dict[str, Start] = {
    "superposed": _thinker("mixture"),
    "private": _thinker("hidden"),
    "idle": _thinker("hidden"),
}
"""By the kind of a recipe."""
