"""A generation with thoughts as segments: the thoughts deepen each other, and what they leave in the cache.

Shape suffixes: B rows, d width of the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from monitorbench.adapters.base import Segment
from monitorbench.adapters.caches import Layers, filled_cache, layers_of
from monitorbench.adapters.recurrent_state import is_recurrent
from monitorbench.adapters.thought_carry import Carry, Thinking
from monitorbench.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor


def thought_segments(model: Any, chosen: Thinking, *, context_length: int, max_new_tokens: int) -> tuple[Segment, ...]:
    """Segments of the last token at full context, which is the deepest: it sees all thoughts through the cache.

    The cache has one length in all segments; each pass drops its oldest position, so that shapes stay the same.

    Args:
        model: the model; only shapes of its weights matter.
        chosen: how it thinks.
        context_length: positions in all, thoughts and text included.
        max_new_tokens: tokens written at most.

    Raises:
        UsageError: no prompt is left beside thoughts and text, or the model has recurrent layers, whose state would run
            on from thought to thought unseen.
    """
    import torch

    if chosen.thoughts and is_recurrent(model):
        raise UsageError(
            "the depth of thoughts is not counted for a model with recurrent layers: their state is no part of the "
            "keys and values that join its passes",
            fix="leave depth checks out for this model",
        )

    if context_length <= chosen.thoughts + max_new_tokens:
        raise UsageError(
            f"a context of {context_length} positions leaves no room for a prompt beside {chosen.thoughts} thoughts "
            f"and {max_new_tokens} tokens",
            fix="raise context_length",
        )
    carry = Carry(model, chosen)
    place = context_length - 1

    def passed(values: Mapping[str, Any], inputs: dict[str, Any]) -> Mapping[str, Any]:
        cache = filled_cache(model.config.get_text_config(), values["kv"]) if "kv" in values else None
        length = next(iter(inputs.values())).shape[1]
        output = model(
            **inputs,
            past_key_values=cache,
            position_ids=torch.arange(context_length - length, context_length)[None],
            use_cache=True,
            output_hidden_states=True,
        )
        kv = layers_of(output.past_key_values)
        if cache is not None:
            kept = [keys.shape[-2] for keys, _ in values["kv"]]
            kv = [(keys[:, :, -n:], held[:, :, -n:]) for (keys, held), n in zip(kv, kept, strict=True)]
        state_B1d, logits = output.hidden_states[-1][:, -1:], output.logits[:, -1:]
        return {"kv": kv, "thought": carry.taken(state_B1d, logits), "tokens.next": logits}

    def example_kv() -> Layers:
        return layers_of(model(input_ids=torch.zeros((1, place), dtype=torch.long), use_cache=True).past_key_values)

    def example_thought() -> Tensor:
        config = model.config.get_text_config()
        shapes = {"hidden": (1, 1, config.hidden_size), "projection": (1, 2, config.hidden_size)}
        return torch.zeros(shapes.get(chosen.mode, (1, 1, config.vocab_size)), dtype=model.dtype)

    encode = Segment(
        name="encode prompt",
        fn=lambda values: passed({}, {"input_ids": values["tokens"]}),
        inputs=("tokens",),
        outputs=("kv", "thought") if chosen.thoughts else ("kv",),
        example=lambda: {"tokens": torch.zeros((1, place), dtype=torch.long)},
        module=model,
    )
    think = Segment(
        name="thought step",
        fn=lambda values: passed(values, {"inputs_embeds": carry.fed(values["thought"])}),
        inputs=("kv", "thought"),
        outputs=("kv", "thought"),
        example=lambda: {"kv": example_kv(), "thought": example_thought()},
        repeat=(0 if chosen.stop_entropy else chosen.thoughts, chosen.thoughts),
        module=model,
    )
    write = Segment(
        name="decode step",
        fn=lambda values: passed(values, {"input_ids": values["tokens.last"]}),
        inputs=("kv", "tokens.last"),
        outputs=("tokens.next",),
        example=lambda: {"kv": example_kv(), "tokens.last": torch.zeros((1, 1), dtype=torch.long)},
        module=model,
    )
    return (encode, think, write) if chosen.thoughts else (encode, write)
