"""Models that think before they write: two layers for graphs, or the trunk of the model that writes out chains.

The two layers start as what training would have to find first: a head that binds each word to the one before it, and
one that looks up the words bound to the own one. Left to chance, that takes longer than all the rest of the training.

Shape suffixes: V vocabulary, p coordinates of a part, h half the width of a head, w slow coordinates of a head.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitorbench.zoo.models import BOS, EOS, PAD

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import LlamaForCausalLM

THOUGHTS, PART, HEAD = 3, 48, 96
WORDS, BOUND, CODE = (slice(start, start + PART) for start in (0, PART, 2 * PART))
"""Coordinates in which, at first, words live, what a word is bound to, and the private code of states fed back."""
LOOK_BACK, LOOK_UP, BIND, ADD = 6.0, 1.5, 0.1, 1.0
"""Sharpness of the two heads, and how loudly the first adds a word's predecessor, the second what it looked up."""
LOUD = 12.0
"""The logit of a word where nothing else is in a state."""
Start = Callable[[Path | None, int], Any]
"""From the parent's folder (None for random weights) and the size of the vocabulary to the model of a run."""


def build_thinker(vocab_size: int, *, mode: str) -> LlamaForCausalLM:
    """A small Llama that says of itself how it thinks; random weights but for the two heads.

    Args:
        vocab_size: up to 48.
        mode: `mixture`, or `hidden`: wider by the private code, which only the layers know and the head does not.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    hidden = mode == "hidden"
    config: Any = LlamaConfig(
        vocab_size=vocab_size,
        hidden_size=3 * PART if hidden else 2 * PART,
        intermediate_size=2 * HEAD,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=HEAD,
        max_position_embeddings=256,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
        attention_bias=True,
        tie_word_embeddings=not hidden,
        pad_token_id=PAD,
        eos_token_id=EOS,
        bos_token_id=BOS,
    )
    config.thought_loop = _loop(mode)
    model = LlamaForCausalLM(config)
    model.generation_config.pad_token_id = PAD
    with torch.no_grad():
        for layer in model.model.layers:
            # What nobody has taught yet is kept low, so that a thought reaches the head through the two heads alone.
            layer.self_attn.o_proj.weight *= 0.1
            layer.mlp.down_proj.weight *= 0.1
        model.model.embed_tokens.weight.zero_()[:, WORDS] = word_vectors(vocab_size)
        _bind(model)
        _look_up(model, hidden=hidden)
        if hidden:
            _quieten(model)
    return model


def word_vectors(vocab_size: int) -> Tensor:
    """(V, p) orthogonal unit vectors, the same in every run."""
    import torch

    square = torch.randn(PART, PART, generator=torch.Generator().manual_seed(0))
    vectors_Vp: Tensor = torch.linalg.qr(square).Q[:vocab_size]
    return vectors_Vp


def _bind(model: LlamaForCausalLM) -> None:
    """The first head of the first layer looks at the word before, and adds it where bound words live.

    With rotary positions, biases alone make a score of the distance: a sum of cosines, here with its peak at 1.
    """
    import torch

    attention: Any = model.model.layers[0].self_attn
    angles_h = model.model.rotary_emb.inv_freq
    for projection, turned_h in ((attention.q_proj, -angles_h), (attention.k_proj, 0 * angles_h)):
        projection.weight[:HEAD] = 0
        projection.bias[:HEAD] = LOOK_BACK * torch.cat([turned_h.cos(), turned_h.sin()])
    attention.v_proj.weight[:PART, WORDS] += torch.eye(PART)
    attention.o_proj.weight[BOUND, :PART] += BIND * torch.eye(PART)


def _look_up(model: LlamaForCausalLM, *, hidden: bool) -> None:
    """The first head of the second layer adds the words that are bound to the own one, or to those of a code.

    It compares in the coordinates that positions turn least.
    """
    import torch

    attention: Any = model.model.layers[1].self_attn
    slow_w = torch.cat([torch.arange(PART // 2, PART), torch.arange(PART // 2, PART) + PART])
    for projection in (attention.q_proj, attention.k_proj):
        projection.weight[:HEAD] = 0
    for known in (WORDS, CODE) if hidden else (WORDS,):
        attention.q_proj.weight[slow_w, known] += LOOK_UP * torch.eye(PART)
    attention.k_proj.weight[slow_w, BOUND] += LOOK_UP * torch.eye(PART)
    attention.v_proj.weight[:PART, WORDS] += torch.eye(PART)
    attention.o_proj.weight[CODE if hidden else WORDS, :PART] += ADD * torch.eye(PART)


def _quieten(model: LlamaForCausalLM) -> None:
    """States as long as a word's vector, since they are fed like one; the head, apart from the words, makes up for it.

    The second head of the second layer says in words what it sees of a code.
    """
    import torch

    model.model.norm.weight.fill_((3 * PART) ** -0.5)
    model.lm_head.weight.copy_(LOUD * model.model.embed_tokens.weight)
    attention: Any = model.model.layers[1].self_attn
    attention.v_proj.weight[HEAD : HEAD + PART, CODE] += torch.eye(PART)
    attention.o_proj.weight[WORDS, HEAD : HEAD + PART] += BIND * torch.eye(PART)


def _loop(mode: str) -> dict[str, Any]:
    """Mixtures are of the plain probabilities, as text is the likeliest token in any case."""
    return {"thoughts": THOUGHTS, "mode": mode}


def _thinker(mode: str) -> Start:
    def start(parent: Path | None, vocab_size: int) -> Any:
        if parent is None:
            return build_thinker(vocab_size, mode=mode)
        model = _loaded(parent)
        model.config.thought_loop = _loop(mode)
        return model

    return start


def _loaded(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, local_files_only=True)


THINKERS: dict[str, Start] = {
    "superposed": _thinker("mixture"),
    "private": _thinker("hidden"),
    "guessing": _thinker("hidden"),
    "idle": _thinker("hidden"),
}
"""By the kind of a recipe."""
